package server

import (
	"errors"
	"net/http"
	"strings"

	"k8s.io/apiserver/pkg/server/healthz"
)

// ready reports whether decisions may be made. The garden does not leave the graph again, so readiness stays.
func (s *Server) ready() bool {
	if s.wasReady.Load() {
		return true
	}
	if len(s.options.NotReady()) > 0 {
		return false
	}
	if !s.wasReady.Swap(true) {
		s.log.Info("Ready: the graph holds the garden")
	}
	return true
}

// installHealth serves the health checks. A failed check withholds its reason; /readyz/garden tells it.
func (s *Server) installHealth(mux *http.ServeMux) {
	healthz.InstallHandler(mux, healthz.PingHealthz)
	healthz.InstallLivezHandler(mux, healthz.PingHealthz)
	garden := healthz.NamedCheck("garden", func(*http.Request) error {
		if s.ready() {
			return nil
		}
		return errors.New(strings.Join(s.options.NotReady(), "; "))
	})
	healthz.InstallReadyzHandler(mux, healthz.PingHealthz, garden, healthz.NewShutdownHealthz(s.draining))
}
