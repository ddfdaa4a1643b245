package main

import (
	_ "embed" // for the topics
	"strings"

	"github.com/spf13/cobra"
)

//go:embed configuration.yaml
var configurationTopic string

//go:embed scenario.yaml
var scenariosTopic string

// newTopics returns what `seedguard help TOPIC` prints beside the help of the commands. To cobra a command that cannot
// be run is a topic.
func newTopics() []*cobra.Command {
	return []*cobra.Command{
		{
			Use:   "configuration",
			Short: "All fields of the configuration file, with their defaults",
			Long:  strings.TrimSpace(configurationTopic),
		},
		{
			Use:   "scenarios",
			Short: "All fields of the scenario files of `seedguard test`",
			Long:  strings.TrimSpace(scenariosTopic),
		},
	}
}
