package server

import (
	"fmt"
	"net/http"
	"strings"
)

// ready says whether decisions may be made. What has once reached the graph does not leave it again, so readiness stays.
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

// check is a line of a health check. An empty failure is none.
type check struct{ name, failure string }

func (s *Server) serveLive(w http.ResponseWriter, r *http.Request) {
	s.answerChecks(w, r, []check{{name: "ping"}})
}

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	checks := []check{{name: "ping"}}
	if s.ready() {
		checks = append(checks, check{name: "garden"})
	} else {
		for _, reason := range s.options.NotReady() {
			checks = append(checks, check{name: "garden", failure: reason})
		}
	}
	shutdown := check{name: "shutdown"}
	if s.draining.Load() {
		shutdown.failure = "the server is shutting down"
	}
	s.answerChecks(w, r, append(checks, shutdown))
}

func (*Server) answerChecks(w http.ResponseWriter, r *http.Request, checks []check) {
	var lines strings.Builder
	code := http.StatusOK
	for _, c := range checks {
		if c.failure == "" {
			fmt.Fprintf(&lines, "[+]%s ok\n", c.name)
		} else {
			fmt.Fprintf(&lines, "[-]%s failed: %s\n", c.name, c.failure)
			code = http.StatusServiceUnavailable
		}
	}
	outcome := strings.TrimPrefix(r.URL.Path, "/") + " check "
	text := "ok"
	switch _, verbose := r.URL.Query()["verbose"]; {
	case code != http.StatusOK:
		text = lines.String() + outcome + "failed\n"
	case verbose:
		text = lines.String() + outcome + "passed\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(code)
	// The caller may have gone away; there is nobody left to tell.
	_, _ = w.Write([]byte(text)) // #nosec G705 -- plain text, and browsers are told so
}
