package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/component-base/version"
)

func newVersion(s streams) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version.Get()
			switch output {
			case "json":
				return json.NewEncoder(s.out).Encode(v)
			case "text":
				_, err := fmt.Fprintf(s.out, "seedguard %s (commit %s, %s, %s)\n",
					v.GitVersion, v.GitCommit, v.GoVersion, v.Platform)
				return err
			default:
				return fmt.Errorf("-o %s: want text or json", output)
			}
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return command
}
