package config

import (
	"fmt"

	"github.com/spf13/pflag"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// Flags are the flags of a configuration.
type Flags struct {
	set    *pflag.FlagSet
	config *SeedGuardConfiguration
	file   string
	// loaded is what the file said by itself, and content its bytes.
	loaded  *SeedGuardConfiguration
	content []byte
}

// AddFlags adds a flag for every setting to the set, but for lists of more than names.
func AddFlags(set *pflag.FlagSet) *Flags {
	f := &Flags{set: set, config: Default()}
	c := f.config
	set.StringVar(&f.file, "config", "", "configuration file of kind "+Kind+" of "+APIVersion+"; flags override it")

	set.StringVar(&c.Garden.Kubeconfig, "kubeconfig", "",
		"kubeconfig of the garden; without it and --landscape, the API server of the cluster that seedguard runs in")
	set.StringVar(&c.Garden.Landscape, "landscape", "",
		"directory of manifests to take instead of an API server; watched for changes")
	set.DurationVar(&c.Garden.MaxStaleness.Duration, "max-staleness", 0,
		"how long the API server may tell nothing of a kind before calls are answered 503; 0: decide on what was known")

	set.StringVar((*string)(&c.Authorizer.ParentScope), "parent-scope", string(c.Authorizer.ParentScope),
		"what the client of a parent Seed reaches: Seed (the managed Seed itself) or Everything (also what is on it)")

	set.DurationVar(&c.Authorizer.Freshness.Duration, "authorizer-freshness", c.Authorizer.Freshness.Duration,
		"how long a request that would get no opinion waits for news of the garden, which its client may be ahead of; 0: not")
	set.StringVar((*string)(&c.Authorizer.Mode), "authorizer-mode", string(c.Authorizer.Mode),
		"what becomes of what a rule is about and does not allow: NoOpinion (RBAC decides), Deny (denied) or "+
			"Audit (RBAC decides, and what Deny would deny is told); Observe: RBAC decides on everything, and what NoOpinion "+
			"would say is told")

	r := &c.Restriction
	set.StringVar((*string)(&r.Mode), "restriction-mode", string(r.Mode),
		"Enforce (what does not belong to the client is denied) or Observe (all is admitted; what would be denied is told)")
	set.StringVar((*string)(&r.References), "references", string(r.References),
		"what becomes of writes by which a client would reach more: Enforce (denied), Warn (admitted with a warning) or Off")
	set.StringVar((*string)(&r.FirstRegistration), "first-registration", string(r.FirstRegistration),
		"what a Seed with neither ManagedSeed nor Gardenlet may refer to when it is created: "+
			"Garden (what is in namespace garden and nobody else's) or Refuse (only what the configuration grants)")
	set.StringSliceVar(&r.SharedDNSSecrets, "shared-dns-secrets", r.SharedDNSSecrets,
		"globs of names of Secrets and WorkloadIdentities in namespace garden that each Seed may use for DNS")

	set.StringVar(&c.Observe.CompareWith, "observe-compare-with", "",
		"kubeconfig of another authorization webhook, which is asked the same; where it differs is counted and logged")

	s := &c.Serving
	set.StringVar(&s.BindAddress, "bind-address", s.BindAddress, "IP address that the webhooks listen on")
	set.IntVar(&s.SecurePort, "secure-port", s.SecurePort, "port that the webhooks listen on; 0 takes a free one")
	set.StringVar(&s.TLSCertFile, "tls-cert-file", "",
		"serving certificate and its chain in PEM, read again when it changes; without it, a self-signed one is made")
	set.StringVar(&s.TLSPrivateKeyFile, "tls-private-key-file", "", "key of the serving certificate in PEM")
	set.StringVar(&s.TLSMinVersion, "tls-min-version", s.TLSMinVersion, "VersionTLS12 or VersionTLS13")
	set.StringVar(&s.ClientCAFile, "client-ca-file", "",
		"CAs of the callers' certificates in PEM, read again when it changes")
	set.StringSliceVar(&s.ClientAllowedNames, "client-allowed-names", nil,
		"common names that callers may have; all with a certificate of the client CA when empty")
	set.BoolVar(&s.AllowSelfSignedCertificate, "allow-self-signed-certificate", false,
		"listen beyond loopback without a serving certificate")
	set.BoolVar(&s.AllowUnauthenticatedCallers, "allow-unauthenticated-callers", false,
		"listen beyond loopback without a client CA: anybody may then ask who may do what")
	set.IntVar(&s.MaxRequestsInFlight, "max-requests-inflight", s.MaxRequestsInFlight,
		"webhook calls that are answered at the same time; more are answered 429")
	set.DurationVar(&s.RequestTimeout.Duration, "request-timeout", s.RequestTimeout.Duration,
		"time for one webhook call, less than the 3s that the API server waits")
	set.DurationVar(&s.ShutdownDelay.Duration, "shutdown-delay", s.ShutdownDelay.Duration,
		"how long to go on serving, not ready, after SIGTERM or SIGINT")

	set.StringVar(&c.Metrics.BindAddress, "metrics-bind-address", c.Metrics.BindAddress,
		`IP:port of the metrics, without TLS or authentication; "0" for none`)
	d := &c.Debug
	set.StringVar(&d.BindAddress, "debug-bind-address", d.BindAddress,
		`IP:port of the debug pages, without TLS or authentication; "0" for none`)
	set.BoolVar(&d.ExposeBeyondLoopback, "expose-debug-pages", false,
		"listen beyond loopback for the debug pages: they show the names of all objects")
	set.BoolVar(&d.Profiling, "profiling", false, "serve /debug/pprof beside the debug pages")

	logsapi.AddFlags(&c.Logging, set)
	return f
}

// Complete returns the validated configuration after the set was parsed: the file's, if one was given, with the given
// flags over it.
func (f *Flags) Complete() (*SeedGuardConfiguration, error) {
	if f.file != "" {
		if err := f.loadUnderFlags(); err != nil {
			return nil, err
		}
	}
	return f.config, f.config.Validate()
}

func (f *Flags) loadUnderFlags() (err error) {
	if f.loaded, f.content, err = load(f.file); err != nil {
		return err
	}
	// The flags' values live in the configuration that the file is about to replace.
	given := map[*pflag.Flag][]string{}
	f.set.Visit(func(flag *pflag.Flag) {
		if slice, ok := flag.Value.(pflag.SliceValue); ok {
			given[flag] = slice.GetSlice()
		} else {
			given[flag] = []string{flag.Value.String()}
		}
	})
	*f.config = *f.loaded
	for flag, values := range given {
		if slice, ok := flag.Value.(pflag.SliceValue); ok {
			err = slice.Replace(values)
		} else {
			err = flag.Value.Set(values[0])
		}
		if err != nil {
			return fmt.Errorf("--%s: %w", flag.Name, err)
		}
	}
	return nil
}
