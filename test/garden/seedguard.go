package garden

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/deploy"
	"github.com/seedguard/seedguard/pkg/server"
	"github.com/seedguard/seedguard/test/pki"
)

// CallerName is the common name of the certificate with which the kube-apiserver calls the webhooks.
const CallerName = "kube-apiserver"

// Seedguard is a running seedguard.
type Seedguard struct {
	*Process
	// URL is the address of the webhooks, MetricsURL that of the metrics, DebugURL that of the debug pages.
	URL, MetricsURL, DebugURL string

	client *http.Client
}

// WebhookPKI is what secures the webhooks: the authority of seedguard's serving certificate and that of the
// kube-apiserver's client certificate. They are two, so that a certificate of one kind cannot stand in for the other.
type WebhookPKI struct {
	Serving, Callers *pki.Authority
}

// guardState is what the garden knows of seedguard beside its process.
type guardState struct {
	port, metricsPort, debugPort int

	pki              WebhookPKI
	certificate, key string // files of seedguard
	callersCA        string
	kubeconfig       string
	authorization    string // files of the kube-apiserver
	admission        string
	generation       int // counts the kubeconfigs of the authorization webhook
}

// prepareSeedguard chooses ports and writes all files of the webhooks.
func (g *Garden) prepareSeedguard() (err error) {
	s := &g.guard
	for _, port := range []*int{&s.port, &s.metricsPort, &s.debugPort} {
		if *port, err = FreePort(); err != nil {
			return err
		}
	}
	if s.pki.Serving, err = pki.NewAuthority("seedguard-serving"); err != nil {
		return err
	}
	if s.pki.Callers, err = pki.NewAuthority("seedguard-callers"); err != nil {
		return err
	}
	if err := g.WriteServing(s.pki.Serving); err != nil {
		return err
	}
	if err := g.WriteCallersCA(s.pki.Callers); err != nil {
		return err
	}
	if err := g.WriteAuthorization(s.pki); err != nil {
		return err
	}
	return g.writeAdmission()
}

// WebhookPKI returns what secures the webhooks from the start on.
func (g *Garden) WebhookPKI() WebhookPKI { return g.guard.pki }

// WriteServing gives seedguard a serving certificate of an authority.
func (g *Garden) WriteServing(authority *pki.Authority) error {
	certificate, key, err := g.writeServing("seedguard", authority, "seedguard")
	g.guard.certificate, g.guard.key = certificate, key
	return err
}

// WriteCallersCA tells seedguard whose client certificates to accept.
func (g *Garden) WriteCallersCA(authorities ...*pki.Authority) (err error) {
	var bundle []byte
	for _, a := range authorities {
		bundle = append(bundle, a.PEM...)
	}
	g.guard.callersCA, err = g.write("callers-ca.crt", bundle)
	return err
}

// Caller returns the configuration of a client that calls seedguard itself, as the kube-apiserver does.
func (g *Garden) Caller(webhooks WebhookPKI, name string) (*rest.Config, error) {
	return client("https://127.0.0.1:"+strconv.Itoa(g.guard.port), webhooks.Serving, webhooks.Callers, name)
}

// WriteAuthorization writes the kube-apiserver's authorization configuration, which it reads again when it changes.
func (g *Garden) WriteAuthorization(webhooks WebhookPKI) error {
	caller, err := g.Caller(webhooks, CallerName)
	if err != nil {
		return err
	}
	caller.Host += server.AuthorizerPath
	// A new name each time makes a new kubeconfig a change of the configuration.
	g.guard.generation++
	kubeconfig, err := g.WriteKubeconfig(fmt.Sprintf("authorization-%d", g.guard.generation), caller)
	if err != nil {
		return err
	}
	configuration := deploy.AuthorizationConfiguration(g.deployOptions())
	configuration.Authorizers[0].Webhook.ConnectionInfo.KubeConfigFile = &kubeconfig
	g.guard.authorization, err = g.writeYAML("authorization.yaml", configuration)
	return err
}

// deployOptions say where seedguard is, to what is generated for it.
func (g *Garden) deployOptions() deploy.Options {
	c := config.Default()
	c.Restriction.References = cmp.Or(g.References, c.Restriction.References)
	return deploy.Options{
		URL:       "https://127.0.0.1:" + strconv.Itoa(g.guard.port),
		CABundle:  g.guard.pki.Serving.PEM,
		Subject:   guardUser,
		ConfigDir: g.Dir,
		Config:    c,
	}
}

// WriteAdmissionCaller writes the certificate with which the kube-apiserver calls admission webhooks. It is read again
// for each new connection.
func (g *Garden) WriteAdmissionCaller(webhooks WebhookPKI) error {
	_, _, err := g.writeClient("client", webhooks.Callers, CallerName) // as deploy.AdmissionKubeconfig names them
	return err
}

// writeAdmission writes with which credentials the kube-apiserver calls admission webhooks.
func (g *Garden) writeAdmission() (err error) {
	if err := g.WriteAdmissionCaller(g.guard.pki); err != nil {
		return err
	}
	if _, err := g.writeYAML("admission.kubeconfig", deploy.AdmissionKubeconfig(g.deployOptions())); err != nil {
		return err
	}
	g.guard.admission, err = g.writeYAML("admission.yaml", deploy.AdmissionConfiguration(g.deployOptions()))
	return err
}

func (g *Garden) writeYAML(name string, object any) (string, error) {
	content, err := yaml.Marshal(object)
	if err != nil {
		return "", err
	}
	return g.write(name, content)
}

// StartSeedguard starts seedguard and waits until it is ready. Further arguments are for `seedguard serve`.
func (g *Garden) StartSeedguard(ctx context.Context, arguments ...string) error {
	if err := g.LaunchSeedguard(arguments...); err != nil {
		return err
	}
	return g.Guard.WaitReady(ctx)
}

// LaunchSeedguard starts seedguard and does not wait.
func (g *Garden) LaunchSeedguard(arguments ...string) error {
	s := &g.guard
	arguments = append([]string{
		"serve",
		"--kubeconfig=" + s.kubeconfig,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(s.port),
		"--tls-cert-file=" + s.certificate,
		"--tls-private-key-file=" + s.key,
		"--client-ca-file=" + s.callersCA,
		"--client-allowed-names=" + CallerName,
		"--metrics-bind-address=127.0.0.1:" + strconv.Itoa(s.metricsPort),
		"--debug-bind-address=127.0.0.1:" + strconv.Itoa(s.debugPort),
		"--shutdown-delay=0s",
	}, arguments...)
	if g.References != "" {
		arguments = append(arguments, "--references="+string(g.References))
	}
	if g.Gardener > 0 {
		arguments = append(arguments, "--client-allowed-names="+GardenerCallerName)
	}
	p, err := startProcess(g.Dir, "seedguard", g.Seedguard, arguments...)
	if err != nil {
		return err
	}
	caller, err := g.Caller(s.pki, CallerName)
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(caller)
	if err != nil {
		return err
	}
	g.Guard = &Seedguard{Process: p, URL: caller.Host, client: client,
		MetricsURL: "http://127.0.0.1:" + strconv.Itoa(s.metricsPort),
		DebugURL:   "http://127.0.0.1:" + strconv.Itoa(s.debugPort)}
	return nil
}

// WaitReady waits until seedguard says that it is ready.
func (s *Seedguard) WaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return s.wait(ctx, func(ctx context.Context) error { return getOK(ctx, s.client, s.URL+"/readyz") })
}

// Readiness returns whether seedguard is ready, and what it says about that.
func (s *Seedguard) Readiness(ctx context.Context) (ready bool, detail string, err error) {
	status, detail, err := get(ctx, s.client, s.URL+"/readyz?verbose")
	return status == http.StatusOK, detail, err
}

// Metric returns the sum of a metric's values over all series that carry all labels (each written name="value"). A
// metric without series is 0.
func (s *Seedguard) Metric(ctx context.Context, name string, labels ...string) (float64, error) {
	_, metrics, err := get(ctx, http.DefaultClient, s.MetricsURL+"/metrics")
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for line := range strings.Lines(metrics) {
		line = strings.TrimSpace(line)
		series, value, ok := strings.Cut(line, "} ")
		if !ok {
			series, value, _ = strings.Cut(line, " ")
		}
		metric, set, _ := strings.Cut(series, "{")
		if metric != name || slices.ContainsFunc(labels, func(label string) bool {
			return !strings.Contains(","+set+",", ","+label+",")
		}) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", line, err)
		}
		sum += v
	}
	return sum, nil
}

// SeedguardKubeconfig writes a kubeconfig for seedguard that leads to the API server at another address, and returns
// its path.
func (g *Garden) SeedguardKubeconfig(host string) (string, error) {
	config, err := g.SeedguardClient()
	if err != nil {
		return "", err
	}
	config.Host = host
	return g.WriteKubeconfig("seedguard", config)
}
