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
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/server"
)

// BenchmarkProcess starts `seedguard serve` on an API server (in this process) that streams objects of realistic size, some 20 kB a
// Shoot, and reports how long it took until it was ready, and its resident memory then, at its highest, and once it has answered and
// idled. The baseline for memory is ColdStart's B/shoot for the graph alone.
func BenchmarkProcess(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "seedguard")
	build := exec.Command("go", "build", "-o", binary, "../cmd/seedguard")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatal(err, string(out))
	}
	n := largest(b)
	l := landscape.New(landscape.Options{Shoots: n, Realistic: true})
	api := httptest.NewServer(l.APIServer())
	defer api.Close()
	kubeconfig := filepath.Join(b.TempDir(), "kubeconfig")
	must(b, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"garden": {Server: api.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"garden": {Cluster: "garden"}},
		CurrentContext: "garden",
	}, kubeconfig))
	for _, setting := range []string{"GOGC=100", "GOGC=50", "GOMEMLIMIT=370MiB"} {
		b.Run(fmt.Sprintf("shoots=%d/setting=%s", n, setting), func(b *testing.B) {
			for range b.N {
				measureProcess(b, l, binary, kubeconfig, setting)
			}
		})
	}
}

func measureProcess(b *testing.B, l *landscape.Landscape, binary, kubeconfig, setting string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary, "serve", "--kubeconfig", kubeconfig, "--secure-port", "0", "--metrics-bind-address", "0", "--shutdown-delay", "0s")
	command.Env = append(os.Environ(), setting)
	out, err := command.StdoutPipe()
	must(b, err)
	started := time.Now()
	must(b, command.Start())
	defer func() {
		must(b, command.Process.Signal(syscall.SIGTERM))
		if err := command.Wait(); err != nil {
			b.Error(err)
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	must(b, err)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	url := strings.TrimSpace(line[strings.Index(line, "https://"):])
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	for ready := false; !ready; time.Sleep(20 * time.Millisecond) {
		must(b, ctx.Err())
		response, err := client.Get(url + "/readyz")
		must(b, err)
		ready = response.StatusCode == http.StatusOK
		must(b, response.Body.Close())
	}
	b.ReportMetric(time.Since(started).Seconds(), "ready-s")
	b.ReportMetric(memory(b, command.Process.Pid, "VmRSS"), "ready-MiB")

	e := &endpoint{url: url + server.AuthorizerPath, client: client}
	q := question{Vertex: l.DNSSecret(0), seed: l.SeedName(l.SeedOf(0)), want: true}
	askUntil := time.Now().Add(time.Second)
	for buffer := new(bytes.Buffer); time.Now().Before(askUntil); {
		must(b, e.post(review(&q), buffer))
		if !says(buffer.Bytes(), true) {
			b.Fatal(buffer)
		}
	}
	b.ReportMetric(memory(b, command.Process.Pid, "VmRSS"), "rss-MiB")
	b.ReportMetric(memory(b, command.Process.Pid, "VmHWM"), "peak-MiB")
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
