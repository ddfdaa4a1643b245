// Command cmd brings up a garden to try seedguard in: etcd, kube-apiserver and seedguard, with the example landscape, and
// kubeconfigs for an administrator, a gardenlet and an extension. It runs until it is told to stop.
package main

import (
	"context"
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
	seedguard, err := testgarden.Build(ctx, dir, false)
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

%[6]s
What seedguard decided: curl -s %[5]s/metrics | grep decisions_total

Ctrl-C ends all of it.
`, g.Host, len(objects), seed, extension, g.Guard.MetricsURL, commands(
		[2]string{"kubectl get shoots -A -l name.seed.gardener.cloud/" + seed + "=true", "its own: allowed"},
		[2]string{"kubectl get shoots -A", "everybody's: refused"},
		[2]string{"kubectl auth can-i list secrets -n " + naming.SeedNamespace(seed), "yes"},
		[2]string{"kubectl create secret generic any -n garden", "refused by the admission"},
	))
	<-ctx.Done()
	return nil
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
