package main

import (
	"bufio"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are the figures of all benchmarks, by name without the prefix Benchmark and the number of processors.
type results struct {
	// names are in the order in which they first came.
	names  []string
	values map[string]map[string][]float64
}

var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// read adds the lines of a benchmark's output.
func (r *results) read(from io.Reader) error {
	scanner := bufio.NewScanner(from)
	for scanner.Scan() {
		match := line.FindStringSubmatch(scanner.Text())
		if match == nil {
			continue
		}
		name, fields := match[1], strings.Fields(match[2])
		if r.values == nil {
			r.values = map[string]map[string][]float64{}
		}
		if r.values[name] == nil {
			r.values[name] = map[string][]float64{}
			r.names = append(r.names, name)
		}
		for i := 0; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return err
			}
			unit := fields[i+1]
			r.values[name][unit] = append(r.values[name][unit], value)
		}
	}
	return scanner.Err()
}

// of returns the median of what runs of a benchmark gave, false when there is none.
func (r *results) of(name, unit string) (float64, bool) {
	values := slices.Sorted(slices.Values(r.values[name][unit]))
	if len(values) == 0 {
		return 0, false
	}
	return values[len(values)/2], true
}

// least returns the least of what runs of a benchmark gave, false when there is none. Whoever shares the machine only
// adds to times.
func (r *results) least(name, unit string) (float64, bool) {
	values := r.values[name][unit]
	if len(values) == 0 {
		return 0, false
	}
	return slices.Min(values), true
}

// matching returns the names that begin with the prefix.
func (r *results) matching(prefix string) (names []string) {
	for _, name := range r.names {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

// worst returns the name and value of the largest of some benchmarks, each by its median or its least; false when one
// of them is missing.
func worst(by func(name, unit string) (float64, bool), unit string, names ...string) (
	name string, value float64, ok bool,
) {
	for _, n := range names {
		v, found := by(n, unit)
		if !found {
			return "", 0, false
		}
		if name == "" || v > value {
			name, value = n, v
		}
	}
	return name, value, name != ""
}
