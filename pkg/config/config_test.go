package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/graph"
)

const head = "apiVersion: seedguard.config/v1alpha1\nkind: SeedGuardConfiguration\n"

// parse completes a configuration from a file's content (none when empty) and flags.
func parse(t *testing.T, content string, args ...string) (*SeedGuardConfiguration, error) {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := AddFlags(set)
	if content != "" {
		file := filepath.Join(t.TempDir(), "config.yaml")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		args = append(args, "--config", file)
	}
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	return flags.Complete()
}

func TestDefaultsAreValid(t *testing.T) {
	c, err := parse(t, "")
	require.NoError(t, err)
	require.Equal(t, Default(), c)
	fromFile, err := parse(t, head)
	require.NoError(t, err)
	require.Equal(t, c, fromFile)
}

func TestFileIsStrict(t *testing.T) {
	for name, c := range map[string]struct{ content, message string }{
		"unknown field":      {head + "serving:\n  sekurePort: 1\n", `unknown field "serving.sekurePort"`},
		"unknown at the top": {head + "colour: red\n", `unknown field "colour"`},
		"other case":         {head + "serving:\n  SecurePort: 1\n", `unknown field "serving.SecurePort"`},
		"duplicate":          {head + "serving:\n  securePort: 1\n  securePort: 2\n", `"securePort" already set`},
		"duplicate in JSON": {`{"apiVersion":"seedguard.config/v1alpha1","kind":"SeedGuardConfiguration","metrics":{},` +
			`"metrics":{}}`, `"metrics" already set`},
		"wrong type":           {head + "serving:\n  securePort: no\n", "securePort"},
		"wrong duration":       {head + "serving:\n  requestTimeout: soon\n", "invalid duration"},
		"wrong kind":           {"apiVersion: seedguard.config/v1alpha1\nkind: Pod\n", `"Pod"`},
		"wrong version":        {"apiVersion: seedguard.config/v2\nkind: SeedGuardConfiguration\n", `"seedguard.config/v2"`},
		"no version":           {"serving: {}\n", "apiVersion and kind"},
		"not YAML":             {"a: b: c", "yaml"},
		"unknown logging":      {head + "logging:\n  fromat: json\n", `unknown field "logging.fromat"`},
		"two of the same kind": {head + "garden:\n  landscape: a\n  landscape: b\n", `"landscape" already set`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, c.content)
			require.ErrorContains(t, err, c.message)
			require.ErrorContains(t, err, "config.yaml: ")
		})
	}
	_, err := parse(t, "", "--config", "/does/not/exist")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestFlagsOverrideFile(t *testing.T) {
	content := head + `
garden: {landscape: from-file}
authorizer: {parentScope: Everything, mode: Deny}
serving:
  securePort: 1111
  clientCAFile: ca.crt
  clientAllowedNames: [a, b]
  requestTimeout: 1s
debug: {profiling: true}
logging: {format: json, verbosity: 3}
`
	c, err := parse(t, content)
	require.NoError(t, err)
	require.Equal(t, "from-file", c.Garden.Landscape)
	require.Equal(t, graph.ParentScopeEverything, c.Authorizer.ParentScope)
	require.Equal(t, authorizer.ModeDeny, c.Authorizer.Mode)
	require.Equal(t, 1111, c.Serving.SecurePort)
	require.Equal(t, []string{"a", "b"}, c.Serving.ClientAllowedNames)
	require.Equal(t, time.Second, c.Serving.RequestTimeout.Duration)
	require.Equal(t, Default().Serving.TLSMinVersion, c.Serving.TLSMinVersion, "what the file does not say is the default")
	require.True(t, c.Debug.Profiling)
	require.Equal(t, "json", c.Logging.Format)
	require.EqualValues(t, 3, c.Logging.Verbosity)

	c, err = parse(t, content, "--landscape=from-flag", "--parent-scope=Seed", "--authorizer-mode=Observe",
		"--secure-port=0",
		"--client-allowed-names=c", "--client-allowed-names=d,e", "--request-timeout=2s", "--profiling=false",
		"--logging-format=text", "-v=5")
	require.NoError(t, err)
	require.Equal(t, "from-flag", c.Garden.Landscape)
	require.Equal(t, graph.ParentScopeSeed, c.Authorizer.ParentScope)
	require.Equal(t, ModeObserve, c.Authorizer.Mode)
	require.Equal(t, 0, c.Serving.SecurePort)
	require.Equal(t, []string{"c", "d", "e"}, c.Serving.ClientAllowedNames)
	require.Equal(t, 2*time.Second, c.Serving.RequestTimeout.Duration)
	require.False(t, c.Debug.Profiling)
	require.Equal(t, "text", c.Logging.Format)
	require.EqualValues(t, 5, c.Logging.Verbosity)
	require.Equal(t, "ca.crt", c.Serving.ClientCAFile, "flags that were not given leave the file's settings alone")
}

// TestEverySettingHasAFlag: nothing can be said in the file alone, but for lists of more than names.
func TestEverySettingHasAFlag(t *testing.T) {
	c, err := parse(t, "", strings.Fields(`
		--kubeconfig=k --max-staleness=1m --parent-scope=Everything --authorizer-freshness=0 --authorizer-mode=Audit
		--restriction-mode=Observe --observe-compare-with=c --references=Warn --first-registration=Refuse
		--shared-dns-secrets=dns --bind-address=::1 --secure-port=1 --tls-cert-file=c --tls-private-key-file=k
		--tls-min-version=VersionTLS13 --client-ca-file=ca --client-allowed-names=n --allow-self-signed-certificate
		--allow-unauthenticated-callers --max-requests-inflight=7 --request-timeout=1s --shutdown-delay=1s
		--metrics-bind-address=0 --debug-bind-address=0 --expose-debug-pages --profiling --logging-format=json -v=2
	`)...)
	require.NoError(t, err)
	c.Garden.Landscape = "l" // excludes the kubeconfig; has its flag in the tests above
	set, defaults := reflect.ValueOf(*c), reflect.ValueOf(*Default())
	for i := range set.NumField() {
		section := set.Type().Field(i)
		if slices.Contains([]string{"TypeMeta", "KubeconfigAccess", "Logging"}, section.Name) {
			continue // in the file alone, or with the flags of Kubernetes
		}
		for j := range section.Type.NumField() {
			field := section.Type.Field(j)
			if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct {
				continue
			}
			require.NotEqual(t, defaults.Field(i).Field(j).Interface(), set.Field(i).Field(j).Interface(),
				"%s.%s has no flag in this test", section.Name, field.Name)
		}
	}
}

func TestValidate(t *testing.T) {
	files := []string{"--tls-cert-file=c", "--tls-private-key-file=k"}
	for name, c := range map[string]struct {
		args    []string
		message string
	}{
		"two sources":             {[]string{"--kubeconfig=a", "--landscape=b"}, "garden.landscape"},
		"short staleness":         {[]string{"--max-staleness=9s"}, "garden.maxStaleness"},
		"parent scope":            {[]string{"--parent-scope=seed"}, "authorizer.parentScope"},
		"freshness":               {[]string{"--authorizer-freshness=2500ms"}, "authorizer.freshness"},
		"negative freshness":      {[]string{"--authorizer-freshness=-1s"}, "authorizer.freshness"},
		"authorizer's mode":       {[]string{"--authorizer-mode=deny"}, `authorizer.mode: Unsupported value: "deny"`},
		"no mode":                 {[]string{"--authorizer-mode="}, "authorizer.mode"},
		"restriction's mode":      {[]string{"--restriction-mode=Deny"}, `restriction.mode: Unsupported value: "Deny"`},
		"no mode of restriction":  {[]string{"--restriction-mode="}, "restriction.mode"},
		"references":              {[]string{"--references=enforce"}, `restriction.references: Unsupported value: "enforce"`},
		"no references":           {[]string{"--references="}, "restriction.references"},
		"first registration":      {[]string{"--first-registration=None"}, "restriction.firstRegistration"},
		"shared DNS Secrets":      {[]string{"--shared-dns-secrets=a*,[b"}, "restriction.sharedDNSSecrets[1]"},
		"address":                 {[]string{"--bind-address=localhost"}, "serving.bindAddress"},
		"port":                    {[]string{"--secure-port=65536"}, "serving.securePort"},
		"certificate without key": {files[:1], "serving.tlsPrivateKeyFile"},
		"key without certificate": {files[1:], "serving.tlsPrivateKeyFile"},
		"TLS 1.1":                 {[]string{"--tls-min-version=VersionTLS11"}, "serving.tlsMinVersion"},
		"TLS 9":                   {[]string{"--tls-min-version=9"}, "serving.tlsMinVersion"},
		"no TLS version":          {[]string{"--tls-min-version="}, "serving.tlsMinVersion"},
		"names without CA":        {[]string{"--client-allowed-names=a"}, "serving.clientCAFile"},
		"empty name": {[]string{"--client-ca-file=ca", "--client-allowed-names=a,"},
			"serving.clientAllowedNames"},
		"open, self-signed":        {[]string{"--bind-address=0.0.0.0", "--client-ca-file=ca"}, "serving.tlsCertFile"},
		"open, unauthenticated":    {append(files, "--bind-address=::"), "serving.clientCAFile"},
		"in flight":                {[]string{"--max-requests-inflight=0"}, "serving.maxRequestsInFlight"},
		"timeout of the webhook":   {[]string{"--request-timeout=3s"}, "serving.requestTimeout"},
		"no timeout":               {[]string{"--request-timeout=0s"}, "serving.requestTimeout"},
		"delay":                    {[]string{"--shutdown-delay=-1s"}, "serving.shutdownDelay"},
		"metrics address":          {[]string{"--metrics-bind-address=localhost:1"}, "metrics.bindAddress"},
		"metrics address, no port": {[]string{"--metrics-bind-address=127.0.0.1"}, "metrics.bindAddress"},
		"debug address":            {[]string{"--debug-bind-address=:9445"}, `debug.bindAddress: Invalid value: ":9445"`},
		"open debug pages": {[]string{"--debug-bind-address=0.0.0.0:9445"},
			"must be a loopback address unless exposeBeyondLoopback is set"},
		"log format": {[]string{"--logging-format=xml"}, "logging.format"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, "", c.args...)
			require.ErrorContains(t, err, c.message)
		})
	}
	for name, args := range map[string][]string{
		"open with everything": append(files, "--bind-address=0.0.0.0", "--client-ca-file=ca"),
		"open as asked for": {"--bind-address=0.0.0.0", "--allow-self-signed-certificate",
			"--allow-unauthenticated-callers"},
		"IPv6 loopback":                 {"--bind-address=::1"},
		"no metrics":                    {"--metrics-bind-address=0"},
		"open metrics":                  {"--metrics-bind-address=0.0.0.0:9444"},
		"no debug pages":                {"--debug-bind-address=0"},
		"debug pages on IPv6 loopback":  {"--debug-bind-address=[::1]:9445"},
		"open debug pages as asked for": {"--debug-bind-address=[::]:9445", "--expose-debug-pages"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, "", args...)
			require.NoError(t, err)
		})
	}
}

// TestDecides: the authorizer itself knows nothing of Observe.
func TestDecides(t *testing.T) {
	for mode, decides := range map[authorizer.Mode]authorizer.Mode{
		authorizer.ModeNoOpinion: authorizer.ModeNoOpinion, authorizer.ModeDeny: authorizer.ModeDeny,
		authorizer.ModeAudit: authorizer.ModeAudit, ModeObserve: authorizer.ModeNoOpinion,
	} {
		require.Equal(t, decides, (&Authorizer{Mode: mode}).Decides())
	}
}

func TestRestriction(t *testing.T) {
	c, err := parse(t, head+`
restriction:
  mode: Observe
  references: Warn
  firstRegistration: Refuse
  sharedDNSSecrets: ["dns-*"]
  seedReferences:
  - {seeds: ["aws-*"], names: ["backup-<seed>", "ingress-aws"]}
  exempt:
  - {extensions: ["shoot-foo"], namespaces: ["foo-*"], resources: ["secrets", "shoots.core.gardener.cloud"]}
`, "--references=Off")
	require.NoError(t, err)
	require.Equal(t, admission.Policy{
		Mode:              admission.ModeObserve,
		References:        admission.ReferencesOff,
		FirstRegistration: admission.FirstRegistrationRefuse,
		SharedDNSSecrets:  []string{"dns-*"},
		SeedReferences: []admission.SeedReferences{
			{Seeds: []string{"aws-*"}, Names: []string{"backup-<seed>", "ingress-aws"}},
		},
		Exempt: []admission.Exemption{{
			Extensions: []string{"shoot-foo"}, Namespaces: []string{"foo-*"},
			Resources: []string{"secrets", "shoots.core.gardener.cloud"},
		}},
	}, c.Restriction)

	c, err = parse(t, head+"restriction: {sharedDNSSecrets: []}\n")
	require.NoError(t, err)
	require.Empty(t, c.Restriction.SharedDNSSecrets, "none are shared")
	require.Equal(t, admission.ReferencesEnforce, c.Restriction.References)

	for name, c := range map[string]struct{ restriction, message string }{
		"unknown mode":      {"{mode: Warn}", "restriction.mode: Unsupported value"},
		"unknown field":     {"{reference: Warn}", `unknown field "restriction.reference"`},
		"unknown in a list": {"{exempt: [{extension: [a]}]}", `unknown field "restriction.exempt[0].extension"`},
		"bad glob":          {"{sharedDNSSecrets: ['[']}", "restriction.sharedDNSSecrets[0]"},
		"empty glob":        {"{sharedDNSSecrets: ['']}", "restriction.sharedDNSSecrets[0]"},
		"glob with slash":   {"{sharedDNSSecrets: ['garden/*']}", "restriction.sharedDNSSecrets[0]"},
		"no Seeds":          {"{seedReferences: [{names: [a]}]}", "restriction.seedReferences[0].seeds: Required"},
		"no names":          {"{seedReferences: [{seeds: [a], names: []}]}", "restriction.seedReferences[0].names: Required"},
		"bad Seeds":         {"{seedReferences: [{seeds: [a, '[a'], names: [a]}]}", "restriction.seedReferences[0].seeds[1]"},
		"name with slash": {"{seedReferences: [{seeds: [a], names: [garden/a]}]}",
			"restriction.seedReferences[0].names[0]"},
		"name with star": {"{seedReferences: [{seeds: [a], names: ['*']}]}", "restriction.seedReferences[0].names[0]"},
		"other placeholder": {"{seedReferences: [{seeds: [a], names: ['a-<shoot>']}]}",
			"restriction.seedReferences[0].names[0]"},
		"no extensions": {"{exempt: [{namespaces: [a], resources: [a]}]}", "restriction.exempt[0].extensions: Required"},
		"no namespaces": {"{exempt: [{extensions: [a], resources: [a]}]}", "restriction.exempt[0].namespaces: Required"},
		"no resources":  {"{exempt: [{extensions: [a], namespaces: [a]}]}", "restriction.exempt[0].resources: Required"},
		"bad namespaces": {"{exempt: [{extensions: [a], namespaces: ['\\'], resources: [a]}]}",
			"restriction.exempt[0].namespaces[0]"},
		"resource: glob": {"{exempt: [{extensions: [a], namespaces: [a], resources: ['*']}]}",
			"restriction.exempt[0].resources[0]"},
		"with subresource": {"{exempt: [{extensions: [a], namespaces: [a], resources: [a/b]}]}",
			"restriction.exempt[0].resources[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, head+"restriction: "+c.restriction+"\n")
			require.ErrorContains(t, err, c.message)
		})
	}
}
