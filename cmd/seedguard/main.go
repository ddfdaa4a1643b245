// Command seedguard decides what the agents of Gardener's Seeds may do in the garden: as a server for kube-apiserver's
// webhooks, and offline.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/component-base/version"
)

// streams are where a command reads from and writes to. Results go out, everything else goes to errOut.
type streams struct {
	in          io.Reader
	out, errOut io.Writer
}

// stdin is how an argument names the standard input.
const stdin = "-"

// open opens a file that an argument names, or the standard input. It returns its name for messages.
func (s *streams) open(file string) (name string, in io.ReadCloser, err error) {
	if file == stdin {
		return "stdin", io.NopCloser(s.in), nil
	}
	in, err = os.Open(file) // #nosec G304 -- the user names the file
	return file, in, err
}

// readAll reads what open opens.
func (s *streams) readAll(file string) (name string, content []byte, err error) {
	name, in, err := s.open(file)
	if err != nil {
		return name, nil, err
	}
	defer func() { _ = in.Close() }() // it was only read
	content, err = io.ReadAll(in)
	return name, content, err
}

// errNotAllowed is the outcome of a question that was answered with no. It has been printed.
var errNotAllowed = errors.New("not allowed")

// The exit statuses.
const (
	exitOK = iota
	exitNotAllowed
	exitError
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run runs the command line and returns the exit status.
func run(ctx context.Context, args []string, s streams) int {
	root := &cobra.Command{
		Use:   "seedguard",
		Short: "Decides what the agents of Gardener's Seeds may do in the garden",
		Long: `seedguard decides what gardenlets and extensions may do in the garden: what has to do with their own Seed,
and nothing else. It serves the two webhooks that kube-apiserver asks (serve), and answers the same questions
on the command line.`,
		Version:       version.Get().GitVersion,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.errOut)
	root.SetArgs(args)
	const serving, asking, more = "serving", "asking", "more"
	add := func(group string, commands ...*cobra.Command) {
		for _, command := range commands {
			command.GroupID, command.Args = group, withUsage(command.Args)
			root.AddCommand(command)
		}
	}
	root.AddGroup(&cobra.Group{ID: serving, Title: "Install and serve:"}, &cobra.Group{ID: asking, Title: "Ask:"},
		&cobra.Group{ID: more, Title: "More:"})
	add(serving, newServe(s), newManifests(s))
	add(asking, newCanI(s), newExplain(s), newWhoCan(s), newReplay(s), newTest(s), newRules(s))
	add(more, newVersion(s))
	root.SetCompletionCommandGroupID(more)
	root.SetHelpCommandGroupID(more)
	root.AddCommand(newTopics()...)
	addCompletions(root)
	addRefusals(root)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return exitOK
	case errors.Is(err, errNotAllowed):
		return exitNotAllowed
	default:
		_, _ = fmt.Fprintf(s.errOut, "Error: %v\n", err) // nowhere else to tell it
		return exitError
	}
}

// withUsage returns a check of arguments that tells what they should be.
func withUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if check(command, args) != nil {
			return fmt.Errorf("arguments %q: want %s", args, command.UseLine())
		}
		return nil
	}
}

// addRefusals has cobra's own commands fail on what they do not know, instead of showing some help.
func addRefusals(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	help, _, _ := root.Find([]string{"help"})
	help.Args = func(_ *cobra.Command, args []string) error {
		_, _, err := root.Find(args)
		return err
	}
	completion, _, _ := root.Find([]string{"completion"}) // what cannot be run shows its help, whatever its arguments
	completion.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
}
