package main

import (
	"github.com/spf13/cobra"

	"github.com/seedguard/seedguard/pkg/authorizer"
)

func newRules(s streams) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "rules",
		Short: "Print the table by which the authorizer decides",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return authorizer.WriteRules(s.out, output)
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "text", "text, markdown or json")
	return command
}
