package admission

import (
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
)

// BenchmarkAdmit measures one decision: from the request with its objects as JSON to the response, look-ups included (in a map
// behind a mutex), and without the wire. Refusals are without live reads, as with a folder of manifests; their log goes
// nowhere.
//
//	go test -run '^$' -bench Admit -benchmem ./pkg/admission
func BenchmarkAdmit(b *testing.B) {
	m := newMemory(b, landscape...)
	fifty := newMemory(b)
	m.silent, fifty.silent = true, true
	for i := range 50 {
		maps.Copy(fifty.cached, extract(b, managedSeed(fmt.Sprintf("seed-%d", i), "on-b", "", fmt.Sprintf("backup-%d", i))))
	}
	csr := certificateRequestFor(b, pkix.Name{Organization: []string{"gardener.cloud:system:seeds"}, CommonName: "gardener.cloud:system:seed:a"})
	data := "data: {ca.crt: " + b64(string(make([]byte, 2000))) + ", ca.key: " + b64(string(make([]byte, 2000))) + "}"
	for _, bench := range []struct {
		name    string
		reader  *memory
		request *admissionv1.AdmissionRequest
		allowed bool
	}{
		{"person", m, creates("secrets", meta("p", "own.ca-cluster")+data), true},
		{"lease", m, creates(leases, meta("gardener-system-seed-lease", "a")), true},
		{"projectSecret", m, creates("secrets", meta("p", "own.ca-cluster")+data), true},
		{"projectSecret,refused", m, creates("secrets", meta("p", "other.ca-cluster")+data), false},
		{"backupEntry", m, creates(entries, entry("e", "", "seedName: a, bucketName: bucket-a")), true},
		{"bootstrapToken", m, creates("secrets", token(tokenFor("ManagedSeed", "garden/child"))), true},
		{"certificateRequest", m, creates(requests, "metadata: {name: c}\nspec: {request: "+csr+", usages: [client auth, key encipherment, digital signature]}"), true},
		{"seed,deleted", m, deletes(seeds, meta("", "going")), true},
		{"unrelatedSecret,managedSeeds=50", fifty, creates("secrets", meta("p", "any")+data), false},
		{"backupCredentials,managedSeeds=50", fifty, creates("secrets", meta("garden", "backup-7")+data), false},
	} {
		b.Run(bench.name, func(b *testing.B) {
			plugin := New(Options{Reader: bench.reader})
			if bench.name == "person" {
				bench.request.UserInfo.Username = "alice"
			} else {
				bench.request.UserInfo = gardenletOf("a")
			}
			b.ReportAllocs()
			for b.Loop() {
				if response := plugin.Admit(b.Context(), bench.request); response.Allowed != bench.allowed {
					b.Fatal(response.Result)
				}
			}
		})
	}
}
