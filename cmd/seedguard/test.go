package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seedguard/seedguard/pkg/scenario"
	"github.com/seedguard/seedguard/pkg/snapshot"
)

// test is the command of that name.
type test struct {
	landscape landscapeFlags
	only      string
	output    outputFlag
	verbose   bool
	// worlds are those that were read, by all that makes one.
	worlds map[string]*scenario.World
	streams
}

func newTest(s streams) *cobra.Command {
	t := &test{streams: s, worlds: map[string]*scenario.World{}}
	command := &cobra.Command{
		Use:   "test FILE...",
		Short: "Test what seed clients may do in your landscape",
		Long: `Test what seed clients may do in your landscape: ask both halves about the requests in scenario files, and
compare with what the files expect. "seedguard help scenarios" has the format.

A FILE is a file, a directory (all *.yaml and *.yml in it), or - for the standard input. Files with neither objects
nor landscape are about the garden that the flags name.

Exit status: 0 when all is as expected, 1 when something is not, 2 when a file or a garden could not be read or
understood. Nothing is reported then.`,
		Example: `  seedguard test examples/scenarios
  seedguard test scenarios --landscape manifests --config seedguard.yaml
  seedguard test scenarios --kubeconfig garden.kubeconfig
  seedguard test scenarios -o junit >report.xml
  seedguard test scenarios --run 'cloud credentials' -v`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return t.run(command.Context(), args) },

		ValidArgsFunction: manifestFiles,
	}
	flags := command.Flags()
	t.landscape.addFlags(flags)
	flags.StringVar(&t.only, "run", "", "ask only about requests whose name matches this regular expression")
	flags.BoolVarP(&t.verbose, "verbose", "v", false, "list all requests, not only those that failed")
	t.output.addFlag(flags, "text", "json", "junit")
	return command
}

// report is the outcome of `test`, also as JSON.
type report struct {
	Summary  summary  `json:"summary"`
	Requests []result `json:"requests"`
}

type summary struct {
	Files    int `json:"files"`
	Requests int `json:"requests"`
	// Failed counts the requests of which something was not as expected.
	Failed int `json:"failed"`
}

// result is what came of a request.
type result struct {
	File    string           `json:"file"`
	Line    int              `json:"line"`
	Name    string           `json:"name"`
	OK      bool             `json:"ok"`
	Seconds float64          `json:"seconds"`
	Checks  []scenario.Check `json:"checks"`
}

func (t *test) run(ctx context.Context, args []string) error {
	only, err := regexp.Compile(t.only)
	if err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	scenarios, err := t.parse(args)
	if err != nil {
		return err
	}
	var r report
	for _, s := range scenarios {
		s.Requests = slices.DeleteFunc(s.Requests, func(q scenario.Request) bool { return !only.MatchString(q.Name) })
		if len(s.Requests) == 0 {
			continue
		}
		w, err := t.world(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.File, err)
		}
		r.Summary.Files++
		for i := range s.Requests {
			r.ask(ctx, w, s.File, &s.Requests[i])
		}
	}
	if ctx.Err() != nil {
		return ctx.Err() // answers may be about that
	}
	if r.Summary.Requests == 0 {
		return fmt.Errorf("--run %s: no request has such a name", t.only)
	}
	text := r.text(t.verbose)
	if t.output.format == "junit" {
		if text, err = r.junit(); err != nil {
			return err
		}
	}
	return t.output.answer(t.out, r.Summary.Failed == 0, &r, text)
}

// parse reads all files, and fails with all that is wrong with them.
func (t *test) parse(args []string) ([]*scenario.Scenario, error) {
	c, err := t.landscape.configuration()
	if err != nil {
		return nil, err
	}
	var scenarios []*scenario.Scenario
	var errs []error
	for _, arg := range args {
		files, err := scenarioFiles(arg)
		errs = append(errs, err)
		for _, file := range files {
			name, content, err := t.readAll(file)
			if err == nil {
				var s *scenario.Scenario
				s, err = scenario.Parse(name, content, c)
				scenarios = append(scenarios, s)
			}
			errs = append(errs, err)
		}
	}
	return scenarios, errors.Join(errs...)
}

// scenarioFiles returns the files that an argument stands for.
func scenarioFiles(arg string) ([]string, error) {
	if arg == stdin {
		return []string{arg}, nil
	}
	switch info, err := os.Stat(arg); {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return []string{arg}, nil
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		name := entry.Name()
		if ext := filepath.Ext(name); !entry.IsDir() && !strings.HasPrefix(name, ".") && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(arg, name))
		}
	}
	if files == nil {
		return nil, fmt.Errorf("%s: there is no *.yaml in this directory", arg)
	}
	return files, nil
}

// world returns both halves on the scenario's garden. Files that say the same about it share one.
func (t *test) world(ctx context.Context, s *scenario.Scenario) (*scenario.World, error) {
	by, err := json.Marshal(s.Config)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintln(s.Landscape, s.Now, string(by))
	if s.Objects != nil {
		key = s.File
	}
	if w := t.worlds[key]; w != nil {
		return w, nil
	}
	l, err := t.load(ctx, s)
	if err != nil {
		return nil, err
	}
	t.worlds[key] = scenario.NewWorld(l)
	return t.worlds[key], nil
}

// load reads the garden that the scenario brings or names, or else the one that the flags name.
func (t *test) load(ctx context.Context, s *scenario.Scenario) (*snapshot.Snapshot, error) {
	if s.Objects != nil {
		return s.Read(ctx)
	}
	flags := t.landscape
	if s.Landscape != "" {
		flags = landscapeFlags{dir: s.Landscape}
	}
	if !flags.given() {
		return nil, errors.New("it has neither objects nor landscape, and no flag names a garden")
	}
	return flags.read(ctx, s.Config, s.Clock(), t.errOut)
}

// ask asks about a request of a file, and reports what came of it.
func (r *report) ask(ctx context.Context, w *scenario.World, file string, q *scenario.Request) {
	begin := time.Now()
	asked := result{File: file, Line: q.Line, Name: q.Name, Checks: w.Ask(ctx, q)}
	asked.Seconds = time.Since(begin).Seconds()
	asked.OK = len(asked.failures()) == 0
	r.Requests = append(r.Requests, asked)
	r.Summary.Requests++
	if !asked.OK {
		r.Summary.Failed++
	}
}

// failures says what was not as expected, a line each.
func (r *result) failures() (lines []string) {
	for _, c := range r.Checks {
		if !c.OK {
			lines = append(lines, printable(c.String()))
		}
	}
	return lines
}

// text returns the report for people.
func (r *report) text(verbose bool) string {
	var b strings.Builder
	for _, asked := range r.Requests {
		place := fmt.Sprintf("%s:%d: %s", asked.File, asked.Line, printable(asked.Name))
		for _, failure := range asked.failures() {
			fmt.Fprintf(&b, "%s: %s\n", place, failure)
		}
		if asked.OK && verbose {
			fmt.Fprintf(&b, "%s: ok\n", place)
		}
	}
	if s := r.Summary; s.Failed > 0 {
		fmt.Fprintf(&b, "FAILED: %d of %s\n", s.Failed, counted(s.Requests, "request"))
	} else {
		fmt.Fprintf(&b, "ok: %s, %s\n", counted(s.Files, "file"), counted(s.Requests, "request"))
	}
	return b.String()
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}
