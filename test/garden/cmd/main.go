// Command cmd brings up a garden to try seedguard in: etcd, kube-apiserver, gardener-apiserver and seedguard, with a
// small landscape, and kubeconfigs for an administrator, a gardenlet and an extension. With --gardener=false it takes
// CustomResourceDefinitions for Gardener's kinds, and examples/landscape. It runs until it is told to stop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/naming"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

// extension is the name of the extension that gets a kubeconfig.
const extension = "example"

func main() {
	gardener := flag.Bool("gardener", true, "with the real gardener-apiserver instead of CustomResourceDefinitions")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *gardener); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, gardener bool) error {
	root, err := testgarden.Root()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, ".garden")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	seedguard, err := testgarden.Build(ctx, dir, gardener)
	if err != nil {
		return err
	}
	options := testgarden.Options{Dir: dir, Seedguard: seedguard}
	if gardener {
		options.Gardener = 1
	}
	g, err := testgarden.Start(ctx, options)
	if err != nil {
		return err
	}
	defer g.Stop()
	if err := g.StartSeedguard(ctx); err != nil {
		return err
	}
	load := loadExample
	if gardener {
		load = loadSeeds
	}
	seed, what, err := load(ctx, g, root)
	if err != nil {
		return err
	}

	gardenletConfig, err := g.Gardenlet(seed)
	if err != nil {
		return err
	}
	extensionConfig, err := g.Extension(ctx, seed, extension, 24*time.Hour)
	if err != nil {
		return err
	}
	for name, config := range map[string]*rest.Config{"admin": g.Admin(), "gardenlet": gardenletConfig,
		"extension": extensionConfig} {
		if _, err := g.WriteKubeconfig(name, config); err != nil {
			return err
		}
	}
	fmt.Printf(`
The garden is up at %[1]s with %[2]s. Logs, keys and data are in .garden/.

  export KUBECONFIG=.garden/admin.kubeconfig      # may do everything, and is never sent to seedguard
  export KUBECONFIG=.garden/gardenlet.kubeconfig  # the gardenlet of Seed %[3]s
  export KUBECONFIG=.garden/extension.kubeconfig  # the ServiceAccount seed-%[3]s/extension-%[4]s

As the gardenlet:

%[6]s
What seedguard decided: curl -s %[5]s/metrics | grep decisions_total
The graph, in a browser: %[7]s/debug/

Ctrl-C ends all of it.
`, g.Host, what, seed, extension, g.Guard.MetricsURL, commands(
		[2]string{"kubectl get shoots -A -l name.seed.gardener.cloud/" + seed + "=true", "its own: allowed"},
		[2]string{"kubectl get shoots -A", "everybody's: forbidden"},
		[2]string{"kubectl auth can-i list secrets -n " + naming.SeedNamespace(seed), "yes"},
		[2]string{"kubectl create secret generic any -n garden", "denied by the admission"},
	), g.Guard.DebugURL)
	<-ctx.Done()
	return nil
}

// loadExample creates the objects of examples/landscape and returns the name of a Seed.
func loadExample(ctx context.Context, g *testgarden.Garden, root string) (seed, what string, err error) {
	objects, err := g.Load(ctx, filepath.Join(root, "examples", "landscape"))
	if err != nil {
		return "", "", err
	}
	for _, o := range objects {
		if o.GetKind() == "Seed" && (seed == "" || o.GetName() < seed) {
			seed = o.GetName()
		}
	}
	if seed == "" {
		return "", "", errors.New("the example landscape has no Seed")
	}
	return seed, fmt.Sprintf("%d objects of examples/landscape", len(objects)), nil
}

// loadSeeds creates two Seeds as gardener-apiserver wants them, and returns the name of one.
func loadSeeds(ctx context.Context, g *testgarden.Garden, _ string) (seed, what string, err error) {
	count, err := g.LoadSeeds(ctx, "a", "b")
	return "a", fmt.Sprintf("gardener-apiserver and %d objects of test/garden/landscape", count), err
}

// commands writes commands, with what becomes of them in a column of its own.
func commands(commands ...[2]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, c := range commands {
		_, _ = fmt.Fprintf(w, "  %s\t# %s\n", c[0], c[1])
	}
	_ = w.Flush() // a Builder never fails
	return b.String()
}
