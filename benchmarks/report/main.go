// Command report runs the benchmarks and writes benchmarks/REPORT.md with its plots. It must run at the top of the
// repository.
//
//	go run ./benchmarks/report            everything; takes ten minutes on two cores, and three gigabytes of memory
//	go run ./benchmarks/report --quick    small landscapes and single runs, for tests of the report itself
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	o := options{sizes: []int{1000, 10000, 100000}, log: os.Stderr}
	flag.BoolVar(&o.quick, "quick", false, "small landscapes and single runs")
	flag.StringVar(&o.out, "out", "benchmarks", "directory to write REPORT.md and its plots to")
	flag.Parse()
	if o.quick {
		o.sizes = []int{200, 1000}
	}
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	quick bool
	// sizes are those of the landscapes, smallest first.
	sizes []int
	out   string
	log   io.Writer
}

// step is a call of the benchmarks.
type step struct {
	// pattern is what -bench gets, and time what -benchtime gets.
	pattern, time string
	// times is how often it runs. The report shows medians, because other users of the machine come and go.
	times int
	// slow: left out of the quick report.
	slow bool
}

func (o *options) steps() []step {
	var list []step
	// One process for each size and each graph, so that none pays for the memory of another.
	const onGraphs = "^(Decision|DecisionWhileWriting|Update|DeleteSeed|ColdStart|Relist|Authorize|Review)$"
	for _, n := range o.sizes {
		list = append(list,
			step{pattern: fmt.Sprintf("%s/^shoots=%d$/^impl=seedguard$", onGraphs, n), time: "100ms", times: 5},
			step{pattern: fmt.Sprintf("%s/^shoots=%d$/^impl=baseline$", onGraphs, n), time: "100ms", times: 1})
	}
	const waiting = "^AuthorizeWhileWaiting$/^shoots=%d$/^impl=seedguard$"
	list = append(list, step{pattern: fmt.Sprintf(waiting, o.sizes[len(o.sizes)-1]), time: "300ms", times: 3})
	for _, graph := range ablations {
		list = append(list, step{pattern: "^Ablation$/^graph=" + graph.name + "$", time: "100ms", times: 5})
	}
	return append(list,
		step{pattern: "^(Admit|GardenColdStart)$", time: "100ms", times: 3},
		step{pattern: "^Wire$", time: "1s", times: 5},
		step{pattern: "^WireAdmission$", time: "300ms", times: 5},
		step{pattern: "^WireSettings$", time: "300ms", times: 3},
		step{pattern: "^(Process|ProcessKubeAPIServer)$", time: "1x", times: 1, slow: true})
}

func run(o *options) error {
	dir, err := os.MkdirTemp("", "report")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a directory of temporary files
	started := time.Now()
	r := &results{}
	tops, err := o.measure(r, dir)
	if err != nil {
		return err
	}
	return write(o, r, tops, time.Since(started))
}

// measure runs all benchmarks, and returns where the time went in those that are profiled.
func (o *options) measure(r *results, dir string) (tops []string, err error) {
	binary := filepath.Join(dir, "benchmarks.test")
	if _, err := o.output(".", "go", "test", "-c", "-o", binary, "./benchmarks"); err != nil {
		return nil, err
	}
	sizes := strings.Trim(strings.ReplaceAll(fmt.Sprint(o.sizes), " ", ","), "[]")
	bench := func(pattern, time string, more ...string) error {
		pattern = strings.Replace(pattern, "^", "^Benchmark", 1)
		out, err := o.output("benchmarks", binary,
			append([]string{"-test.run", "^$", "-test.bench", pattern, "-test.benchtime", time, "-shoots", sizes}, more...)...)
		if err != nil {
			return err
		}
		return r.read(bytes.NewReader(out))
	}
	steps, rounds := o.steps(), 1
	for i := range steps {
		if o.quick {
			steps[i].times, steps[i].time = 1, "1x"
		}
		rounds = max(rounds, steps[i].times)
	}
	// In rounds, so that what disturbs for minutes does not disturb all runs of a step.
	for round := range rounds {
		for _, s := range steps {
			if round >= s.times || s.slow && o.quick {
				continue
			}
			if err := bench(s.pattern, s.time); err != nil {
				return nil, err
			}
		}
	}
	profile, long := filepath.Join(dir, "cpu.out"), "5s"
	if o.quick {
		long = "200x"
	}
	// Into results of its own: a profile costs time.
	kept := *r
	defer func() { *r = kept }()
	for _, p := range profiled {
		*r = results{}
		if err := bench(p.bench, long, "-test.cpuprofile", profile); err != nil {
			return nil, err
		}
		out, err := o.output(".", "go", "tool", "pprof", "-top", "-cum", "-nodefraction=0", "-nodecount=400", binary, profile)
		if err != nil {
			return nil, err
		}
		tops = append(tops, string(out))
	}
	return tops, nil
}

// output runs a program and returns what it prints.
func (o *options) output(dir, program string, arguments ...string) ([]byte, error) {
	// for people only
	_, _ = fmt.Fprintln(o.log, time.Now().Format(time.TimeOnly), filepath.Base(program), strings.Join(arguments, " "))
	command := exec.Command(program, arguments...) // #nosec G204 -- called with what is above
	command.Dir = dir
	command.Stderr = o.log
	var out bytes.Buffer
	command.Stdout = io.MultiWriter(&out, o.log)
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", program, strings.Join(arguments, " "), err)
	}
	return out.Bytes(), nil
}
