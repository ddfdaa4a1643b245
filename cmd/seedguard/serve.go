package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
)

func newServe(s streams) *cobra.Command {
	var flags *config.Flags
	command := &cobra.Command{
		Use:   "serve",
		Short: "Serve the webhooks for kube-apiserver",
		Long: `Serve the webhooks for kube-apiserver: the SeedAuthorizer at ` + server.AuthorizerPath + `
and the SeedRestriction at ` + server.AdmissionPath + `.

The garden's objects come from an API server (--kubeconfig, or that of the cluster seedguard runs in) or from a
directory of manifests (--landscape). Calls are answered once all of them have reached the graph: see /readyz/garden.

To look first: with --authorizer-mode Observe and --restriction-mode Observe it has no part in what is decided, and
counts and logs what it would say; --observe-compare-with also asks another authorization webhook, and tells where the
two differ.`,
		Example: `  # Try it: listens on loopback, and prints commands to paste.
  seedguard serve --landscape examples/landscape

  # In front of a garden.
  seedguard serve --kubeconfig garden.kubeconfig --bind-address 0.0.0.0 \
    --tls-cert-file tls.crt --tls-private-key-file tls.key \
    --client-ca-file ca.crt --client-allowed-names kube-apiserver,gardener-apiserver

  # Decide nothing, and tell what would be decided otherwise than by Gardener's own authorization webhook.
  seedguard serve --kubeconfig garden.kubeconfig --authorizer-mode Observe --restriction-mode Observe \
    --observe-compare-with gardener-seed-authorizer.kubeconfig

  # The same as the second from a file, but for the log level.
  seedguard serve --config seedguard.yaml -v 4`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			c, err := flags.Complete()
			if err != nil {
				return err
			}
			if err := logsapi.ValidateAndApply(&c.Logging, nil); err != nil {
				return err
			}
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(gcPercent)
			}
			return serve(command.Context(), flags, c, s)
		},
	}
	flags = config.AddFlags(command.Flags())
	return command
}

// gcPercent is GOGC where nobody has set it. What is live lives long and changes little, so the heap may be collected
// earlier than Go does by itself: it saves memory and costs next to nothing.
const gcPercent = 75

// serve serves until ctx ends, and returns when everything has stopped.
func serve(ctx context.Context, flags *config.Flags, c *config.SeedGuardConfiguration, s streams) error {
	source, err := newSource(&c.Garden)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	resources := graph.New(graph.Options{ParentScope: c.Authorizer.ParentScope})
	watched := garden.New(garden.Options{
		Source: source, Graph: resources, MaxStaleness: c.Garden.MaxStaleness.Duration, Registerer: registry,
	})
	follower := flags.NewFollower(registry)
	levels := access.New(watched, c.KubeconfigAccess, registry)
	shown := access.New(watched, c.KubeconfigAccess, nil) // what the debug pages ask is not counted
	web, err := newServer(ctx, c, components{source, watched, resources, levels, shown, follower, registry})
	if err != nil {
		return err
	}
	// The server answers while it drains, so what it answers from stops after it.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	running, serving := errgroup.WithContext(ctx)
	running.Go(func() error {
		defer stop()
		return web.Run(serving)
	})
	running.Go(func() error { return watched.Run(background) })
	running.Go(func() error {
		follower.Run(serving, func(config access.Config) {
			levels.Set(config)
			shown.Set(config)
		})
		return nil
	})
	var tell func()
	switch source := source.(type) {
	case *directory.Source:
		running.Go(func() error { return source.Run(background) })
		tell = func() { demonstrate(c, resources, web, s) }
	case *garden.KubeSource:
		_, _ = fmt.Fprintf(s.out, "seedguard serves on https://%s\n", web.Address()) // for people only
		tell = func() { tellReady(serving, source) }
	}
	running.Go(func() error {
		if watched.WaitReady(serving) == nil {
			tell()
		}
		return nil
	})
	return running.Wait()
}

// tellReady logs that the graph holds the garden, and whether seedguard has the permission that is optional, and what
// it buys.
func tellReady(ctx context.Context, source *garden.KubeSource) {
	log := klog.FromContext(ctx)
	log.Info("Ready: the graph holds the garden")
	may, err := source.MayGet(ctx, schema.GroupResource{Resource: "secrets"})
	switch {
	case err != nil:
		log.Error(err, "Cannot tell whether Secrets can be looked up")
	case may:
		log.Info("Secrets can be looked up: seed clients that delete what is gone get a 404, and repeated creates a 409")
	default:
		log.Info("Secrets cannot be looked up: seed clients that delete what is gone get a 403 instead of a 404, and " +
			"repeated creates a 403 instead of a 409; deploy/garden/404-get-secrets-everywhere permits it")
	}
}

// components are what a server of both halves is made of.
type components struct {
	source   garden.Source
	watched  *garden.Garden
	graph    *graph.Graph
	levels   *access.Policy
	shown    *access.Policy
	follower *config.Follower
	registry *prometheus.Registry
}

// newServer returns a server of both halves.
func newServer(ctx context.Context, c *config.SeedGuardConfiguration, of components) (*server.Server, error) {
	options := authorizer.Options{
		Graph: of.graph, References: c.Restriction.References == admission.ReferencesEnforce, Access: of.levels,
		Mode: c.Authorizer.Decides(), Exempt: c.Restriction.Exempts, Registerer: of.registry,
	}
	if _, ok := of.source.(*garden.KubeSource); ok { // there is an API server to ask
		options.Exists = of.watched.StillExists
		if c.Authorizer.Mode != config.ModeObserve { // in which nobody may notice that there is a seedguard
			options.News, options.Freshness = of.watched.News, c.Authorizer.Freshness.Duration
		}
	}
	decides, err := authorizer.New(options)
	if err != nil {
		return nil, err
	}
	// The debug pages ask one that does not wait for an API server.
	asked, err := authorizer.New(authorizer.Options{Graph: of.graph, References: options.References, Access: of.shown})
	if err != nil {
		return nil, err
	}
	var compareWith *rest.Config
	if file := c.Observe.CompareWith; file != "" {
		if compareWith, err = loadKubeconfig(file, ""); err != nil {
			return nil, fmt.Errorf("observe.compareWith: %w", err)
		}
	}
	return server.New(ctx, server.Options{
		Serving:    c.Serving,
		Metrics:    c.Metrics,
		Debug:      c.Debug,
		Authorizer: decides,
		Admission: admission.New(admission.Options{
			Reader: of.watched, Registerer: of.registry, Policy: c.Restriction, Access: of.levels,
		}),
		Graph: of.graph,
		WhoCan: func(ctx context.Context, seeds []string, q explain.Question) (allowed, others []explain.Answer) {
			return explain.WhoCan(ctx, asked, seeds, of.shown.Extensions(), q)
		},
		Resources: explain.Resources(),
		NotReady:  of.watched.NotReady,
		Notices:   func() []string { return append(of.watched.LostContact(), of.follower.Problems()...) },
		Stale:     of.watched.Stale,
		Registry:  of.registry,
		Modes: map[string]string{
			"authorizer": string(c.Authorizer.Mode), "restriction": string(c.Restriction.Mode),
		},
		Observe:     c.Authorizer.Mode == config.ModeObserve,
		CompareWith: compareWith,
	})
}

// newSource returns where the garden's objects come from.
func newSource(g *config.Garden) (garden.Source, error) {
	if g.Landscape != "" {
		return directory.New(g.Landscape)
	}
	var cluster *rest.Config
	var err error
	if g.Kubeconfig != "" {
		cluster, err = loadKubeconfig(g.Kubeconfig, "")
	} else if cluster, err = rest.InClusterConfig(); errors.Is(err, rest.ErrNotInCluster) {
		err = errors.New("no garden: set --kubeconfig or --landscape, or run in a cluster")
	}
	if err != nil {
		return nil, err
	}
	cluster.UserAgent = userAgent()
	return garden.NewKubeSource(cluster)
}

// userAgent is what the API server's audit log has of us.
func userAgent() string {
	return fmt.Sprintf("seedguard/%s (%s/%s)", version.Get().GitVersion, runtime.GOOS, runtime.GOARCH)
}

// loadKubeconfig returns the client configuration of a context of a kubeconfig, or of its current one.
func loadKubeconfig(file, contextName string) (*rest.Config, error) {
	cluster, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: file},
		&clientcmd.ConfigOverrides{CurrentContext: contextName},
	).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", file, err)
	}
	return cluster, nil
}
