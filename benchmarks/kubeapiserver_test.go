package benchmarks

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

// kubeShoots is how many Shoots a kube-apiserver is given.
var kubeShoots = flag.Int("kube-apiserver-shoots", 10000,
	"Shoots in a real kube-apiserver, which takes some 260 kB for each")

// BenchmarkProcessKubeAPIServer measures what BenchmarkProcess does on a real etcd and kube-apiserver, and on the API
// server that streams the same landscape. In the real one Gardener's resources are CustomResourceDefinitions, so that
// their objects come in JSON rather than in protobuf.
func BenchmarkProcessKubeAPIServer(b *testing.B) {
	n := min(*kubeShoots, largest(b))
	l := landscape.New(landscape.Options{Shoots: n, Realistic: true})
	binary, err := testgarden.Build(b.Context(), b.TempDir(), false)
	must(b, err)
	g, err := testgarden.Start(b.Context(), testgarden.Options{Dir: b.TempDir(), Seedguard: binary})
	must(b, err)
	defer g.Stop()
	load(b, g.Admin(), l)
	content, err := testgarden.Kubeconfig(g.Admin())
	must(b, err)
	kubeconfig := filepath.Join(b.TempDir(), "kubeconfig")
	must(b, os.WriteFile(kubeconfig, content, 0o600))
	b.Run(fmt.Sprintf("shoots=%d/server=kube-apiserver", n), func(b *testing.B) {
		for range b.N {
			measureSeedguard(b, l, binary, kubeconfig, byDefault)
		}
		b.ReportMetric(memory(b, g.APIServer.PID(), "VmRSS"), "kube-apiserver-MiB")
	})
	stream := serveLandscape(b, l, true)
	b.Run(fmt.Sprintf("shoots=%d/server=stream", n), func(b *testing.B) {
		for range b.N {
			measureSeedguard(b, l, binary, stream, byDefault)
		}
	})
}

// request is a request that creates a part of a landscape.
type request struct {
	method, path, contentType string
	body                      []byte
}

// load creates all objects of the landscape, and the namespaces that they are in.
func load(b *testing.B, config *rest.Config, l *landscape.Landscape) {
	b.Helper()
	client, err := rest.HTTPClientFor(config)
	must(b, err)
	defer client.CloseIdleConnections()
	var creations errgroup.Group
	creations.SetLimit(16)
	create := func(kind graph.Kind, resource schema.GroupVersionResource, o runtime.Object) {
		requests := creation(b, kind, resource, o)
		creations.Go(func() error {
			for i := range requests {
				if err := requests[i].send(client, config.Host); err != nil {
					return err
				}
			}
			return nil
		})
	}
	seen := map[string]bool{"": true, "garden": true}
	for o := range l.Objects() {
		if namespace := o.(metav1.Object).GetNamespace(); !seen[namespace] {
			seen[namespace] = true
			create(graph.KindNamespace, corev1.SchemeGroupVersion.WithResource("namespaces"),
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		}
	}
	must(b, creations.Wait())
	for _, kind := range garden.Watched() {
		for o := range l.Of(kind) {
			create(kind, kind.Resource(), o)
		}
	}
	must(b, creations.Wait())
}

// creation returns the requests that create an object: one for the object, and one for its status if it has any.
func creation(b *testing.B, kind graph.Kind, resource schema.GroupVersionResource, o runtime.Object) []request {
	b.Helper()
	o.GetObjectKind().SetGroupVersionKind(resource.GroupVersion().WithKind(kind.String()))
	meta := o.(metav1.Object)
	meta.SetResourceVersion("")
	content, err := json.Marshal(o)
	must(b, err)
	var parts struct {
		Status json.RawMessage `json:"status,omitempty"`
	}
	must(b, json.Unmarshal(content, &parts))
	path := "/apis/" + resource.GroupVersion().String()
	if resource.Group == "" {
		path = "/api/" + resource.Version
	}
	if meta.GetNamespace() != "" {
		path += "/namespaces/" + meta.GetNamespace()
	}
	path += "/" + resource.Resource
	list := []request{{http.MethodPost, path, "application/json", content}}
	if len(parts.Status) > len("{}") && resource.Group != "" {
		status, err := json.Marshal(parts)
		must(b, err)
		list = append(list, request{http.MethodPatch, path + "/" + meta.GetName() + "/status", "application/merge-patch+json",
			status})
	}
	return list
}

func (r *request) send(client *http.Client, host string) error {
	q, err := http.NewRequest(r.method, host+r.path, bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", r.contentType)
	response, err := client.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: %s: %s", r.method, r.path, response.Status, answer)
	}
	return err
}
