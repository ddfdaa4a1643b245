package server

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// discarded is a ResponseWriter that costs nothing, so that only the handler is measured.
type discarded struct {
	header http.Header
	code   int
	length int
}

func (d *discarded) Header() http.Header  { return d.header }
func (d *discarded) WriteHeader(code int) { d.code = code }
func (d *discarded) Write(b []byte) (int, error) {
	d.length += len(b)
	return len(b), nil
}

// body is a request body that can be read again.
type body struct{ strings.Reader }

func (*body) Close() error { return nil }

// reviewCall returns a function that has the handler answer one review, without a listener.
func reviewCall(tb testing.TB, review string) func() *discarded {
	tb.Helper()
	s, err := New(context.Background(), newOptions())
	require.NoError(tb, err)
	tb.Cleanup(func() { s.close(context.Background()) })
	handler := s.Handler()
	request := httptest.NewRequest(http.MethodPost, AuthorizerPath, http.NoBody)
	request.Header.Set("Content-Type", "application/json")
	request.ContentLength = int64(len(review))
	input, w := &body{}, &discarded{header: http.Header{}}
	return func() *discarded {
		input.Reset(review)
		request.Body = io.ReadCloser(input)
		clear(w.header)
		w.code, w.length = http.StatusOK, 0
		handler.ServeHTTP(w, request)
		return w
	}
}

// asSent is a review of a gardenlet's get as kube-apiserver 1.37 sends it.
const asSent = `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},` +
	`"spec":{"resourceAttributes":` +
	`{"namespace":"garden-a","verb":"get","version":"v1","resource":"secrets","name":"x"},` +
	`"user":"gardener.cloud:system:seed:s1",` +
	`"groups":["gardener.cloud:system:seeds","system:authenticated"],` +
	`"extra":{"authentication.kubernetes.io/credential-id":` +
	`["X509SHA256=1c7a0f2c9d5f8be16b1a2ce7a3e9a7a1b8f6f0a4b7d8c9e0f1a2b3c4d5e6f708"]}},"status":{"allowed":false}}` + "\n"

// TestReviewAllocations pins less than the budget of 30: garbage is what makes a busy server's slowest answers slow.
func TestReviewAllocations(t *testing.T) {
	call := reviewCall(t, asSent)
	require.Equal(t, http.StatusOK, call().code)
	// The least of many: under the race detector pools forget at random.
	least := math.Inf(1)
	for range 100 {
		least = min(least, testing.AllocsPerRun(1, func() { call() }))
	}
	require.LessOrEqual(t, least, 18.0)
}
