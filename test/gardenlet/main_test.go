// Package gardenlet runs real gardenlets behind seedguard: they bootstrap, register their Seeds, and do their work in
// clusters without nodes, whose controllers the test plays. The garden's API servers log each request, and at the end
// every one that was denied must be in a table of those that are expected.
package gardenlet

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

var (
	// It is long, for busy machines; it is not a promise.
	patience = flag.Duration("patience", 3*time.Minute, "how long to wait for what must come true")
	keep     = flag.Bool("keep", false, "keep all logs, and say where they are")
	mode     = flag.String("mode", "NoOpinion", "authorizer.mode of seedguard")
)

// g is the garden, with the real gardener-apiserver and gardener-controller-manager.
var g *testgarden.Garden

// running is done when the tests end: what the test plays ends before the garden does.
var running context.Context

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "seedguard-gardenlet-")
	if err != nil {
		return fail(err)
	}
	if *keep {
		fmt.Fprintln(os.Stderr, "logs are in", dir)
	} else {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	var stop context.CancelFunc
	running, stop = context.WithCancel(context.Background())
	defer stop()
	ctx := running
	seedguard, err := testgarden.Build(ctx, dir, true)
	if err != nil {
		return fail(err)
	}
	options := testgarden.Options{Dir: dir, Seedguard: seedguard, Gardener: 1, Audit: true}
	if g, err = testgarden.Start(ctx, options); err != nil {
		return fail(err)
	}
	defer g.Stop()
	if err := g.StartSeedguard(ctx, "--authorizer-mode="+*mode); err != nil {
		return fail(err)
	}
	if err := prepareGarden(ctx); err != nil {
		return fail(fmt.Errorf("%w\n%s", err, g.Logs()))
	}
	go signCertificates(ctx)
	code = m.Run()
	stop()
	if code != 0 {
		fmt.Fprintln(os.Stderr, g.Logs())
	}
	return code
}
