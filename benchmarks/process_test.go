package benchmarks

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/seedguard/seedguard/benchmarks/baseline"
	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/server"
)

// baselineKubeconfig is the environment variable that makes the test binary the baseline's process.
const baselineKubeconfig = "SEEDGUARD_BASELINE_KUBECONFIG"

// runBaseline is the baseline's process.
func runBaseline(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return baseline.Process(ctx, config, os.Stdout)
}

// BenchmarkProcess starts `seedguard serve` on an API server (in this process) that streams objects of realistic size,
// some 20 kB a Shoot, or has them in pages alone, and reports how long it took until it was ready, and its resident
// memory then, at its highest, and after a second of requests. The baseline keeps whole objects, and is asked nothing.
func BenchmarkProcess(b *testing.B) {
	n := largest(b)
	l := landscape.New(landscape.Options{Shoots: n, Realistic: true})
	stream, pages := serveLandscape(b, l, true), serveLandscape(b, l, false)
	binary := buildSeedguard(b)
	for _, c := range []struct{ setting, list, kubeconfig string }{
		{byDefault, "stream", stream}, {"GOGC=100", "stream", stream}, {"GOMEMLIMIT=370MiB", "stream", stream},
		{byDefault, "pages", pages},
	} {
		b.Run(fmt.Sprintf("shoots=%d/impl=seedguard/setting=%s/list=%s", n, c.setting, c.list), func(b *testing.B) {
			for range b.N {
				measureSeedguard(b, l, binary, c.kubeconfig, c.setting)
			}
		})
	}
	b.Run(fmt.Sprintf("shoots=%d/impl=baseline/setting=default/list=stream", n), func(b *testing.B) {
		for range b.N {
			started := time.Now()
			p := startProcess(b, exec.Command(os.Args[0]), baselineKubeconfig+"="+stream)
			p.line(b)
			p.ready(b, started)
			p.after(b)
		}
	})
}

// serveLandscape serves the landscape until the benchmark ends, and returns a kubeconfig.
func serveLandscape(b *testing.B, l *landscape.Landscape, streams bool) string {
	b.Helper()
	api := httptest.NewServer(l.APIServer(streams))
	b.Cleanup(api.Close)
	kubeconfig := filepath.Join(b.TempDir(), "kubeconfig")
	must(b, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"garden": {Server: api.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"garden": {Cluster: "garden"}},
		CurrentContext: "garden",
	}, kubeconfig))
	return kubeconfig
}

// buildSeedguard returns the path of a new binary.
func buildSeedguard(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "seedguard")
	build := exec.Command("go", "build", "-o", binary, "../cmd/seedguard")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatal(err, string(out))
	}
	return binary
}

// byDefault is the setting that sets nothing.
const byDefault = "default"

// measureSeedguard runs seedguard on an API server that has the landscape.
func measureSeedguard(b *testing.B, l *landscape.Landscape, binary, kubeconfig, setting string) {
	b.Helper()
	started := time.Now()
	p := startProcess(b, exec.Command(binary, "serve", "--kubeconfig", kubeconfig, "--secure-port", "0",
		"--metrics-bind-address", "0", "--debug-bind-address", "0", "--shutdown-delay", "0s"), setting)
	line := p.line(b)
	url := strings.TrimSpace(line[strings.Index(line, "https://"):])
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	for ready := false; !ready; time.Sleep(20 * time.Millisecond) {
		if time.Since(started) > 10*time.Minute {
			b.Fatal("seedguard does not get ready")
		}
		response, err := client.Get(url + "/readyz")
		must(b, err)
		ready = response.StatusCode == http.StatusOK
		must(b, response.Body.Close())
	}
	p.ready(b, started)

	e := &endpoint{url: url + server.AuthorizerPath, client: client}
	q := question{Vertex: l.DNSSecret(0), seed: l.SeedName(l.SeedOf(0)), want: true}
	askUntil := time.Now().Add(time.Second)
	for buffer := new(bytes.Buffer); time.Now().Before(askUntil); {
		must(b, e.post(review(&q), buffer))
		if !says(buffer.Bytes(), true) {
			b.Fatal(buffer)
		}
	}
	p.after(b)
}

// process is a process that runs until the benchmark ends.
type process struct {
	pid int
	out *bufio.Reader
}

func startProcess(b *testing.B, command *exec.Cmd, environment string) *process {
	b.Helper()
	command.Env = os.Environ()
	if environment != byDefault {
		command.Env = append(command.Env, environment)
	}
	out, err := command.StdoutPipe()
	must(b, err)
	must(b, command.Start())
	b.Cleanup(func() {
		must(b, command.Process.Signal(syscall.SIGTERM))
		_, _ = io.Copy(io.Discard, out) // until it has ended
		if err := command.Wait(); err != nil {
			b.Error(err)
		}
	})
	return &process{command.Process.Pid, bufio.NewReader(out)}
}

// line waits for the next line that the process prints.
func (p *process) line(b *testing.B) string {
	b.Helper()
	line, err := p.out.ReadString('\n')
	must(b, err)
	return line
}

// ready reports how long it took the process to get ready, and its memory.
func (p *process) ready(b *testing.B, started time.Time) {
	b.Helper()
	b.ReportMetric(time.Since(started).Seconds(), "ready-s")
	b.ReportMetric(memory(b, p.pid, "VmRSS"), "ready-MiB")
}

// after reports the memory after the process has worked.
func (p *process) after(b *testing.B) {
	b.Helper()
	b.ReportMetric(memory(b, p.pid, "VmRSS"), "rss-MiB")
	b.ReportMetric(memory(b, p.pid, "VmHWM"), "peak-MiB")
}

// memory reads a figure of a process's memory, in MiB.
func memory(b *testing.B, pid int, field string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(b, err)
	for line := range strings.Lines(string(status)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == field+":" {
			kb, err := strconv.Atoi(words[1])
			must(b, err)
			return float64(kb) / 1024
		}
	}
	b.Skip("/proc does not say how much memory a process has")
	return 0
}
