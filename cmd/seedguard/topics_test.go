package main

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/config"
)

// TestConfigurationTopic: what `seedguard help configuration` shows is a configuration file that changes nothing, with
// every field and every flag in it.
func TestConfigurationTopic(t *testing.T) {
	o := command("help", "configuration")
	require.Equal(t, exitOK, o.exit)
	topic := o.out
	for line := range strings.Lines(topic) {
		require.LessOrEqual(t, len(line), 131, line)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, topic)
	c, err := config.Load(file)
	require.NoError(t, err)
	// Written out, an empty list is the same as none.
	wanted, err := yaml.Marshal(config.Default())
	require.NoError(t, err)
	got, err := yaml.Marshal(c)
	require.NoError(t, err)
	require.YAMLEq(t, string(wanted), string(got), "the defaults")

	// With what stands behind a # and no space, it has all fields, and is as valid.
	whole := regexp.MustCompile(`(?m)^( *)#(\w+:)`).ReplaceAllString(topic, "$1$2")
	write(t, file, whole)
	c, err = config.Load(file)
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	var fields any
	require.NoError(t, yaml.Unmarshal([]byte(whole), &fields))
	requireFields(t, reflect.TypeFor[config.SeedGuardConfiguration](), fields, "")

	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(set)
	set.VisitAll(func(flag *pflag.Flag) {
		require.Regexp(t, `[( ]--?`+flag.Name+`[,)\x60]`, topic, "the flag of a field")
	})
}

// requireFields requires that a value has all fields of a type.
func requireFields(t *testing.T, of reflect.Type, value any, path string) {
	t.Helper()
	switch {
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
		require.NotEmpty(t, value, path)
		requireFields(t, of.Elem(), value.([]any)[0], path+"[0]")
	case of.Kind() == reflect.Struct && !of.Implements(reflect.TypeFor[interface{ MarshalJSON() ([]byte, error) }]()):
		for i := range of.NumField() {
			field := of.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" { // its fields are here
				requireFields(t, field.Type, value, path)
				continue
			}
			object, ok := value.(map[string]any)
			require.True(t, ok, path)
			require.Contains(t, object, name, "a field of %q", path)
			requireFields(t, field.Type, object[name], path+"."+name)
		}
	}
}

// TestHelp: every command has its group, so that none hides among others, topics are listed, and there are examples.
func TestHelp(t *testing.T) {
	help := command("--help").out
	require.NotContains(t, help, "Additional Commands:")
	for _, listed := range []string{"Install and serve:\n  ", "Ask:\n  ", "\n  completion ", "\n  help ", "\n  can-i ",
		"Additional help topics:\n", "\n  seedguard configuration "} {
		require.Contains(t, help, listed)
	}
	for _, name := range []string{"serve", "can-i", "explain", "who-can", "replay"} {
		require.Contains(t, command(name, "--help").out, "Examples:\n  ", name)
	}
}
