// Command cmd brings up a garden to try seedguard in: etcd, kube-apiserver and seedguard, with the example landscape, and
// kubeconfigs for an administrator, a gardenlet and an extension. It runs until it is told to stop.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/rest"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

// extension is the name of the extension that gets a kubeconfig.
const extension = "example"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
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
	seedguard, err := testgarden.Build(ctx, dir)
	if err != nil {
		return err
	}
	g, err := testgarden.Start(ctx, testgarden.Options{Dir: dir, Seedguard: seedguard})
	if err != nil {
		return err
	}
	defer g.Stop()
	if err := g.StartSeedguard(ctx); err != nil {
		return err
	}
	objects, err := g.Load(ctx, filepath.Join(root, "examples", "landscape"))
	if err != nil {
		return err
	}
	seed := ""
	for _, o := range objects {
		if o.GetKind() == "Seed" && (seed == "" || o.GetName() < seed) {
			seed = o.GetName()
		}
	}
	if seed == "" {
		return fmt.Errorf("the example landscape has no Seed")
	}

	gardenletConfig, err := g.Gardenlet(seed)
	if err != nil {
		return err
	}
	extensionConfig, err := g.Extension(ctx, seed, extension, 24*time.Hour)
	if err != nil {
		return err
	}
	for name, config := range map[string]*rest.Config{"admin": g.Admin(), "gardenlet": gardenletConfig, "extension": extensionConfig} {
		content, err := testgarden.Kubeconfig(config)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".kubeconfig"), content, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf(`
The garden is up at %[1]s with %[2]d objects of examples/landscape. Logs, keys and data are in .garden/.

  export KUBECONFIG=.garden/admin.kubeconfig      # may do everything, and is never sent to seedguard
  export KUBECONFIG=.garden/gardenlet.kubeconfig  # the gardenlet of Seed %[3]s
  export KUBECONFIG=.garden/extension.kubeconfig  # the ServiceAccount seed-%[3]s/extension-%[4]s

As the gardenlet:

  kubectl get shoots -A -l name.seed.gardener.cloud/%[3]s=true   # its own: allowed
  kubectl get shoots -A                                          # everybody's: refused
  kubectl auth can-i list secrets -n seed-%[3]s                  # yes
  kubectl create secret generic any -n garden                    # refused by the admission

What seedguard decided: curl -s %[5]s/metrics | grep decisions_total

Ctrl-C ends all of it.
`, g.Host, len(objects), seed, extension, g.Guard.MetricsURL)
	<-ctx.Done()
	return nil
}
