package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register" // the log format "json"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/graph"
)

// The apiVersion and kind of the configuration file.
const (
	APIVersion = "seedguard.config/v1alpha1"
	Kind       = "SeedGuardConfiguration"
)

// SeedGuardConfiguration configures `seedguard serve`. Default gives its defaults.
type SeedGuardConfiguration struct {
	metav1.TypeMeta `json:",inline"`

	// Garden says where the garden's objects come from.
	Garden Garden `json:"garden,omitempty"`
	// Authorizer configures the SeedAuthorizer.
	Authorizer Authorizer `json:"authorizer,omitempty"`
	// Restriction configures the SeedRestriction.
	Restriction admission.Policy `json:"restriction,omitempty"`
	// KubeconfigAccess says which seed clients may ask for kubeconfigs of Shoots. It is read again when the file changes.
	KubeconfigAccess access.Config `json:"kubeconfigAccess,omitzero"`
	// Observe configures what is recorded beside the decisions.
	Observe Observe `json:"observe,omitempty"`
	// Serving configures the webhooks' listener.
	Serving Serving `json:"serving,omitempty"`
	// Metrics configures the listener of the metrics.
	Metrics Metrics `json:"metrics,omitempty"`
	// Debug configures the listener of the debug pages.
	Debug Debug `json:"debug,omitempty"`
	// Logging configures the logs, as in the components of Kubernetes.
	Logging logsapi.LoggingConfiguration `json:"logging,omitempty"`
}

// Garden says where the garden's objects come from: from the API server that the kubeconfig names, from the API server
// of the Pod that seedguard runs in (both fields empty), or from a directory of manifests.
type Garden struct {
	// Kubeconfig is a file.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Landscape is a directory of manifests, watched for changes.
	Landscape string `json:"landscape,omitempty"`
	// MaxStaleness is for how long the API server may tell nothing of a kind before calls are answered 503 instead of
	// decided. 0: decisions go on with what was known last.
	MaxStaleness metav1.Duration `json:"maxStaleness,omitempty"`
}

// minMaxStaleness is longer than it takes to notice that an API server hangs. A shorter bound would be exceeded while
// all is well.
const minMaxStaleness = 10 * time.Second

// Authorizer configures the SeedAuthorizer.
type Authorizer struct {
	// ParentScope says how far the client of a parent Seed reaches.
	ParentScope graph.ParentScope `json:"parentScope,omitempty"`
	// Freshness is how long a request that no path allows waits for news of the garden, since its client may be ahead of
	// them. 0: none waits.
	Freshness metav1.Duration `json:"freshness"`
	// Mode says what becomes of what the rules do not allow. With ModeObserve nothing becomes of what they allow either.
	Mode authorizer.Mode `json:"mode,omitempty"`
}

// ModeObserve is the mode of a server that always answers no opinion, and records what it would have said in
// authorizer.ModeNoOpinion. The authorizer itself does not have it.
const ModeObserve authorizer.Mode = "Observe"

// Decides returns the mode of the authorizer itself.
func (a *Authorizer) Decides() authorizer.Mode {
	if a.Mode == ModeObserve {
		return authorizer.ModeNoOpinion
	}
	return a.Mode
}

// Observe configures what is recorded beside the decisions.
type Observe struct {
	// CompareWith is a kubeconfig file of another authorization webhook, as API servers have one. It is asked the same,
	// and what it decides otherwise is recorded.
	CompareWith string `json:"compareWith,omitempty"`
}

// Serving configures the webhooks' listener.
type Serving struct {
	// BindAddress is an IP address.
	BindAddress string `json:"bindAddress,omitempty"`
	// SecurePort is the port; 0 lets the system choose a free one.
	SecurePort int `json:"securePort"`
	// TLSCertFile and TLSPrivateKeyFile are the serving certificate with its chain, and its key, in PEM. Both are read
	// again when they change. Without them the server makes a certificate that nobody knows.
	TLSCertFile       string `json:"tlsCertFile,omitempty"`
	TLSPrivateKeyFile string `json:"tlsPrivateKeyFile,omitempty"`
	// TLSMinVersion is VersionTLS12 or VersionTLS13.
	TLSMinVersion string `json:"tlsMinVersion,omitempty"`
	// ClientCAFile holds the CAs of the callers' certificates in PEM, and is read again when it changes. With it, a
	// webhook call needs a client certificate; health checks do not.
	ClientCAFile string `json:"clientCAFile,omitempty"`
	// ClientAllowedNames are the common names that callers may have. Empty allows every certificate of the client CA.
	ClientAllowedNames []string `json:"clientAllowedNames,omitempty"`
	// AllowSelfSignedCertificate allows to listen beyond loopback without a serving certificate.
	AllowSelfSignedCertificate bool `json:"allowSelfSignedCertificate,omitempty"`
	// AllowUnauthenticatedCallers allows to listen beyond loopback without a client CA.
	AllowUnauthenticatedCallers bool `json:"allowUnauthenticatedCallers,omitempty"`
	// MaxRequestsInFlight bounds the webhook calls that are answered at the same time; more are answered 429.
	MaxRequestsInFlight int `json:"maxRequestsInFlight,omitempty"`
	// RequestTimeout bounds one webhook call. It must be shorter than the 3 s that the API server waits.
	RequestTimeout metav1.Duration `json:"requestTimeout,omitempty"`
	// ShutdownDelay is how long the server goes on serving after it was told to stop and is not ready any more, so that
	// load balancers notice.
	ShutdownDelay metav1.Duration `json:"shutdownDelay,omitempty"`
}

// Metrics configures the listener of the metrics. It has neither TLS nor authentication.
type Metrics struct {
	// BindAddress is IP:port; port 0 lets the system choose a free one. "0" switches the listener off.
	BindAddress string `json:"bindAddress,omitempty"`
}

// Debug configures the listener of the debug pages. It has neither TLS nor authentication.
type Debug struct {
	// BindAddress is as that of Metrics.
	BindAddress string `json:"bindAddress,omitempty"`
	// ExposeBeyondLoopback allows to listen beyond loopback: the pages show the names of all objects in the graph.
	ExposeBeyondLoopback bool `json:"exposeBeyondLoopback,omitempty"`
	// Profiling serves net/http/pprof beside the pages.
	Profiling bool `json:"profiling,omitempty"`
}

// ListenerOff is the address of Metrics and Debug that switches the listener off.
const ListenerOff = "0"

// webhookTimeout is how long the API server waits for a webhook.
const webhookTimeout = 3 * time.Second

// Default returns the configuration with its defaults.
func Default() *SeedGuardConfiguration {
	return &SeedGuardConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: Kind},
		Authorizer: Authorizer{
			ParentScope: graph.ParentScopeSeed,
			Mode:        authorizer.ModeNoOpinion,
			Freshness:   metav1.Duration{Duration: 250 * time.Millisecond},
		},
		Restriction: admission.Policy{
			Mode:              admission.ModeEnforce,
			References:        admission.ReferencesEnforce,
			FirstRegistration: admission.FirstRegistrationGarden,
			SharedDNSSecrets:  []string{"default-domain*", "internal-domain*"},
		},
		Serving: Serving{
			BindAddress:         "127.0.0.1",
			SecurePort:          9443,
			TLSMinVersion:       "VersionTLS12",
			MaxRequestsInFlight: 2000,
			RequestTimeout:      metav1.Duration{Duration: 2500 * time.Millisecond},
			ShutdownDelay:       metav1.Duration{Duration: 5 * time.Second},
		},
		Metrics: Metrics{BindAddress: "127.0.0.1:9444"},
		Debug:   Debug{BindAddress: "127.0.0.1:9445"},
		Logging: *logsapi.NewLoggingConfiguration(),
	}
}

// Load reads a configuration file in YAML or JSON over the defaults. The error names the file, and the field where it
// is about one.
func Load(file string) (*SeedGuardConfiguration, error) {
	c, _, err := load(file)
	return c, err
}

// load also returns the content of the file.
func load(file string) (c *SeedGuardConfiguration, content []byte, err error) {
	if content, err = os.ReadFile(file); err != nil { // #nosec G304 -- the operator names the file
		return nil, nil, err
	}
	if c, err = decode(content); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, content, nil
}

func decode(data []byte) (*SeedGuardConfiguration, error) {
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, err
	}
	c := Default()
	c.TypeMeta = metav1.TypeMeta{}
	strict, err := kjson.UnmarshalStrict(asJSON, c)
	if err != nil {
		return nil, err
	}
	if c.APIVersion != APIVersion || c.Kind != Kind {
		return nil, fmt.Errorf("apiVersion and kind are %q and %q, want %q and %q", c.APIVersion, c.Kind, APIVersion, Kind)
	}
	return c, errors.Join(strict...)
}

// Validate checks what can be checked without the world outside. The error names every field that is wrong.
func (c *SeedGuardConfiguration) Validate() error {
	var p problems
	path := field.NewPath("garden")
	p.when(c.Garden.Kubeconfig != "" && c.Garden.Landscape != "",
		field.Forbidden(path.Child("landscape"), "must not be set together with kubeconfig"))
	staleness := c.Garden.MaxStaleness.Duration
	p.when(staleness != 0 && staleness < minMaxStaleness, field.Invalid(path.Child("maxStaleness"), staleness.String(),
		fmt.Sprintf("must be 0 or at least %s", minMaxStaleness)))

	path = field.NewPath("authorizer")
	oneOf(&p, path.Child("parentScope"), c.Authorizer.ParentScope, graph.ParentScopeSeed, graph.ParentScopeEverything)
	oneOf(&p, path.Child("mode"), c.Authorizer.Mode,
		authorizer.ModeNoOpinion, authorizer.ModeDeny, authorizer.ModeAudit, ModeObserve)
	freshness, most := c.Authorizer.Freshness.Duration, c.Serving.RequestTimeout.Duration
	p.when(freshness < 0 || freshness >= most, field.Invalid(path.Child("freshness"), freshness.String(),
		fmt.Sprintf("must be at least 0 and less than serving.requestTimeout, which is %s", most)))

	p.restriction(&c.Restriction, field.NewPath("restriction"))
	p = append(p, c.KubeconfigAccess.Validate(field.NewPath("kubeconfigAccess"))...)
	p.serving(&c.Serving, field.NewPath("serving"))
	p.listener(c.Metrics.BindAddress, field.NewPath("metrics", "bindAddress"))
	path = field.NewPath("debug", "bindAddress")
	p.when(p.listener(c.Debug.BindAddress, path) && !c.Debug.ExposeBeyondLoopback, field.Invalid(path,
		c.Debug.BindAddress, "must be a loopback address unless exposeBeyondLoopback is set"))
	p = append(p, logsapi.Validate(&c.Logging, nil, field.NewPath("logging"))...)
	return field.ErrorList(p).ToAggregate()
}

// problems are what is wrong with a configuration.
type problems field.ErrorList

// when adds a problem when there is one.
func (p *problems) when(wrong bool, problem *field.Error) {
	if wrong {
		*p = append(*p, problem)
	}
}

// oneOf adds a problem unless the value is one of those that there are.
func oneOf[T ~string](p *problems, path *field.Path, value T, values ...T) {
	p.when(!slices.Contains(values, value), field.NotSupported(path, value, values))
}

func (p *problems) serving(s *Serving, path *field.Path) {
	ip := net.ParseIP(s.BindAddress)
	p.when(ip == nil, field.Invalid(path.Child("bindAddress"), s.BindAddress, "must be an IP address"))
	p.when(s.SecurePort < 0 || s.SecurePort > 65535,
		field.Invalid(path.Child("securePort"), s.SecurePort, "must be between 0 and 65535"))
	p.when((s.TLSCertFile == "") != (s.TLSPrivateKeyFile == ""),
		field.Required(path.Child("tlsPrivateKeyFile"), "must be set together with tlsCertFile, or neither"))
	oneOf(p, path.Child("tlsMinVersion"), s.TLSMinVersion, "VersionTLS12", "VersionTLS13")
	p.when(len(s.ClientAllowedNames) > 0 && s.ClientCAFile == "",
		field.Required(path.Child("clientCAFile"), "must be set when clientAllowedNames are"))
	p.when(slices.Contains(s.ClientAllowedNames, ""),
		field.Invalid(path.Child("clientAllowedNames"), s.ClientAllowedNames, "must not hold an empty name"))

	exposed := ip != nil && !ip.IsLoopback()
	p.when(exposed && s.TLSCertFile == "" && !s.AllowSelfSignedCertificate, field.Required(path.Child("tlsCertFile"),
		"must be set unless bindAddress is a loopback address or allowSelfSignedCertificate is set"))
	p.when(exposed && s.ClientCAFile == "" && !s.AllowUnauthenticatedCallers, field.Required(path.Child("clientCAFile"),
		"must be set unless bindAddress is a loopback address or allowUnauthenticatedCallers is set"))

	p.when(s.MaxRequestsInFlight < 1,
		field.Invalid(path.Child("maxRequestsInFlight"), s.MaxRequestsInFlight, "must be at least 1"))
	timeout, delay := s.RequestTimeout.Duration, s.ShutdownDelay.Duration
	p.when(timeout <= 0 || timeout >= webhookTimeout, field.Invalid(path.Child("requestTimeout"), timeout.String(),
		fmt.Sprintf("must be more than 0 and less than the %s that the API server waits", webhookTimeout)))
	p.when(delay < 0, field.Invalid(path.Child("shutdownDelay"), delay.String(), "must not be negative"))
}

// listener checks the address of a listener that may be off, and reports whether it is reached from beyond loopback.
func (p *problems) listener(address string, path *field.Path) (exposed bool) {
	if address == ListenerOff {
		return false
	}
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	p.when(err != nil || ip == nil, field.Invalid(path, address, `must be IP:port, or "0" for none`))
	return ip != nil && !ip.IsLoopback()
}
