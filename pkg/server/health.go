package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/apiserver/pkg/server/healthz"
)

// ready reports whether decisions may be made. The garden does not leave the graph again, so readiness stays.
func (s *Server) ready() bool {
	if !s.wasReady.Load() && len(s.options.NotReady()) == 0 {
		s.wasReady.Store(true)
	}
	return s.wasReady.Load()
}

// installHealth serves the health checks. A failed check withholds its reason; /readyz/garden and /readyz/fresh tell
// it.
//
// That contact is lost does not fail readiness: what is known is decided on, all replicas would fail at once, and then
// nothing would be decided. The verbose list tells it.
func (s *Server) installHealth(mux *http.ServeMux) {
	healthz.InstallHandler(mux, healthz.PingHealthz)
	healthz.InstallLivezHandler(mux, healthz.PingHealthz)
	garden := healthz.NamedCheck("garden", func(*http.Request) error {
		if s.ready() {
			return nil
		}
		return errors.New(strings.Join(s.options.NotReady(), "\n"))
	})
	fresh := healthz.NamedCheck("fresh", func(*http.Request) error {
		if stale := s.options.Stale(); len(stale) > 0 && s.ready() {
			return errors.New(strings.Join(stale, "\n"))
		}
		return nil
	})
	ready := http.NewServeMux()
	healthz.InstallReadyzHandler(ready, healthz.PingHealthz, garden, fresh, healthz.NewShutdownHealthz(s.draining))
	mux.Handle("/readyz/", ready)
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		ready.ServeHTTP(w, r)
		if !r.URL.Query().Has("verbose") {
			return
		}
		for _, lost := range s.options.Notices() {
			// The caller may have gone away; then there is nobody to tell.
			_, _ = fmt.Fprintf(w, "[!]%s\n", lost)
		}
	})
}
