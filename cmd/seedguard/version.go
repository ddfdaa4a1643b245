package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/component-base/version"
)

func newVersion(s streams) *cobra.Command {
	var output outputFlag
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version.Get()
			return output.write(s.out, v, fmt.Sprintf("seedguard %s (commit %s, %s, %s)\n",
				v.GitVersion, v.GitCommit, v.GoVersion, v.Platform))
		},
	}
	output.addFlag(command.Flags(), "text", "json")
	return command
}
