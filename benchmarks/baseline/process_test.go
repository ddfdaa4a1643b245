package baseline

import (
	"bufio"
	"context"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/benchmarks/landscape"
)

func TestProcess(t *testing.T) {
	api := httptest.NewServer(landscape.New(landscape.Options{Shoots: 100, Realistic: true}).APIServer(true))
	defer api.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Process(ctx, &rest.Config{Host: api.URL}, in)
		_ = in.Close() // never fails
		ended <- err
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	cancel()
	require.NoError(t, <-ended)
}
