package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/replay"
	"github.com/seedguard/seedguard/pkg/tabular"
)

// replayLogs is the command replay.
type replayLogs struct {
	landscape landscapeFlags
	output    outputFlag
	streams
}

func newReplay(s streams) *cobra.Command {
	r := &replayLogs{streams: s}
	command := &cobra.Command{
		Use:   "replay AUDITLOG...",
		Short: "Compare audit logs with what would be decided now",
		Long: `Compare audit logs with what would be decided now: take the requests of gardenlets and extensions from
audit logs of kube-apiserver (and gardener-apiserver), decide each by the tables and a garden, and count by kind of
client, verb and resource which would be refused now and which allowed. The garden is a directory of manifests
(--landscape) or a live one (--kubeconfig).

A log is lines of JSON, events of audit.k8s.io/v1, plain or compressed by gzip; - is the standard input. Level
Metadata is enough for the authorizer. The admission is asked about what was created with level Request or above.

Exit status: 0 when nothing that was let through would be refused, 1 when something would be, 2 when that could not be
found out.`,
		Example: `  # What would seedguard have refused yesterday?
  seedguard replay audit-2026-11-20.log.gz audit.log --kubeconfig garden.kubeconfig

  # As JSON, from another machine.
  ssh control-plane cat /var/log/kubernetes/audit.log | seedguard replay - --landscape landscape -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return r.run(command.Context(), args) },
	}
	r.landscape.addFlags(command.Flags())
	r.output.addFlag(command.Flags(), "text", "json")
	return command
}

func (r *replayLogs) run(ctx context.Context, files []string) error {
	total, err := sizeOf(files)
	if err != nil {
		return err
	}
	l, err := r.landscape.load(ctx, r.errOut)
	if err != nil {
		return err
	}
	// The API server's function that reads requests logs those that it does not understand.
	klog.SetLogger(klog.Logger{})
	p := &progress{line: newStatusLine(r.errOut), total: total, started: time.Now()}
	report, err := r.read(ctx, replay.New(l), files, p)
	if err != nil {
		return err
	}
	r.warn(report)
	if report.Summary.Events == 0 {
		return fmt.Errorf("%s: no event of audit.k8s.io/v1 in it", strings.Join(files, ", "))
	}
	return r.output.answer(r.out, report.Summary.WouldBeRefused == 0, report, textOf(report))
}

// sizeOf returns how many bytes the files have, 0 when one has no size.
func sizeOf(files []string) (total int64, err error) {
	sized := true
	for _, file := range files {
		if file == stdin {
			sized = false
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			return 0, err
		}
		sized = sized && info.Mode().IsRegular()
		total += info.Size()
	}
	if !sized {
		return 0, nil
	}
	return total, nil
}

func (r *replayLogs) read(
	ctx context.Context, into *replay.Replay, files []string, p *progress,
) (*replay.Report, error) {
	defer p.line.clear()
	for _, file := range files {
		name, log, err := r.open(file)
		if err != nil {
			return nil, err
		}
		err = into.Read(ctx, name, io.TeeReader(log, p))
		_ = log.Close() // it was only read
		if err != nil {
			return nil, err
		}
	}
	return into.Report(), nil
}

// warn tells what is wrong with the logs.
func (r *replayLogs) warn(report *replay.Report) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(r.errOut, "Warning: "+format+"\n", args...) }
	for _, problem := range report.Broken {
		say("%s:%d: no event: %s", printable(problem.File), problem.Line, printable(problem.Why))
	}
	if more := report.BrokenLines - len(report.Broken); more > 0 {
		say("%d lines more are no events", more)
	}
	if s := report.Summary; s.Events > 0 && s.Decided+s.Unknown == 0 {
		say("no event is the end of a request of a seed client; does the audit policy log them?")
	}
}

// textOf returns a report for people.
func textOf(report *replay.Report) string {
	s := report.Summary
	exampleHead := []string{"Client", "Verb", "Resource", "User", "Object", "Why"}
	tables := []tabular.Table{
		{Head: []string{
			"Client", "Verb", "Resource", "Same", "Would be refused", "Not in landscape", "Would be allowed", "Unknown",
		}},
		{Title: "Would be refused now, the first of each row:", Head: exampleHead},
		{Title: "Would be allowed now, the first of each row:", Head: exampleHead},
		{Title: "Unknown, the first of each row:", Head: exampleHead},
	}
	examples := map[replay.Verdict]*tabular.Table{
		replay.WouldBeRefused: &tables[1], replay.WouldBeAllowed: &tables[2], replay.Unknown: &tables[3],
	}
	byRBAC, notDecided, missing := 0, 0, 0
	for _, g := range report.Groups {
		byRBAC, notDecided, missing = byRBAC+g.ByRBAC, notDecided+g.AdmissionNotDecided, missing+g.NotInLandscape
		row := []string{g.Client, printable(g.Verb), printable(g.Resource)}
		if g.Subresource != "" {
			row[2] += "/" + printable(g.Subresource)
		}
		line := slices.Clone(row)
		for _, n := range []int{g.Same, g.WouldBeRefused, g.NotInLandscape, g.WouldBeAllowed, g.Unknown} {
			line = append(line, strconv.Itoa(n))
		}
		tables[0].Rows = append(tables[0].Rows, line)
		for _, x := range g.Examples {
			t := examples[x.Verdict]
			t.Rows = append(t.Rows, append(slices.Clone(row), printable(x.User), objectOf(g, x), printable(x.Reason)))
		}
	}
	tables = slices.DeleteFunc(tables, func(t tabular.Table) bool { return len(t.Rows) == 0 })
	var b strings.Builder
	_ = tabular.Write(&b, "text", nil, tables...) // nothing fails on a Builder
	if len(tables) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%d events read. Requests of seed clients: %d the same, %d would be refused now, %d would be "+
		"allowed now, %d unknown.\n", s.Events, s.Same, s.WouldBeRefused, s.WouldBeAllowed, s.Unknown)
	for _, note := range []struct {
		count  int
		format string
	}{
		{byRBAC, "Allowed by RBAC then and now, and not by way of the group of the Seeds: %d of the same."},
		{notDecided, "Compared by the authorizer alone, because the log lacks what the admission needs: %d of the same."},
		{missing, "About objects that are not in the landscape, or no longer: %d of those that would be refused."},
	} {
		if note.count > 0 {
			fmt.Fprintf(&b, note.format+"\n", note.count)
		}
	}
	return b.String() + replay.Limits + "\n"
}

// objectOf names what an example is about.
func objectOf(g replay.Group, x replay.Example) string {
	all := "*"
	if g.Verb == "create" {
		all = "(no name)" // it is in the object, which the log does not have
	}
	name := printable(cmp.Or(x.Path, x.Name, all))
	if x.Namespace != "" {
		name = printable(x.Namespace) + "/" + name
	}
	if x.NotInLandscape {
		name += " (not in the landscape)"
	}
	return name
}
