package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	rtdebug "runtime/debug"
	"sync"
	"time"
)

// webhook is one of the two webhooks: everything but what it answers is the same for both.
type webhook struct {
	*Server
	name string
	// maxBody is the largest body in bytes.
	maxBody int
	// bodies are buffers for bodies, which belong to a request until it is answered.
	bodies sync.Pool
	// answer writes the answer to a body. It must not keep the body.
	answer  func(ctx context.Context, w http.ResponseWriter, body []byte) *refusal
	metrics *webhookMetrics
}

// refusal is why a call gets no decision. The reason is the metrics' label.
type refusal struct {
	code            int
	reason, message string
}

// The most that a body may hold. The largest SubjectAccessReview that makes sense is a few kB; an AdmissionReview holds one or
// two objects, of which etcd stores no more than 1.5 MiB each.
const (
	maxReview    = 64 << 10
	maxAdmission = 3 << 20
)

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: //nolint:errorlint // recovered values are compared, as net/http does
			panic(p)
		default:
			h.metrics.panics.Inc()
			h.log.Error(fmt.Errorf("panic: %v", p), "BUG: a webhook call panicked", "webhook", h.name, "stack", string(rtdebug.Stack()))
			refuse(w, http.StatusInternalServerError, "internal error")
		}
	}()
	if refused := h.serve(w, r); refused != nil {
		h.metrics.refused(refused.reason)
		h.log.V(2).Info("Refused a webhook call", "webhook", h.name, "code", refused.code, "reason", refused.message, "remote", r.RemoteAddr)
		refuse(w, refused.code, refused.message)
	}
}

func (h *webhook) serve(w http.ResponseWriter, r *http.Request) *refusal {
	if v := h.callers.check(r); v.code != 0 {
		if v.ends {
			w.Header().Set("Connection", "close")
		}
		return &refusal{v.code, "caller", v.message}
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return &refusal{http.StatusMethodNotAllowed, "method", "use POST"}
	}
	if contentType := r.Header.Get("Content-Type"); contentType != "application/json" {
		if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/json" {
			return &refusal{http.StatusUnsupportedMediaType, "content_type", fmt.Sprintf("content type is %q, want application/json", contentType)}
		}
	}
	defer h.inFlight.Add(-1)
	if h.inFlight.Add(1) > int64(h.options.Serving.MaxRequestsInFlight) {
		return &refusal{http.StatusTooManyRequests, "too_many", "too many calls in flight, try again"}
	}
	if !h.ready() {
		return &refusal{http.StatusServiceUnavailable, "not_ready", "not ready: the garden has not reached the graph, see /readyz?verbose"}
	}
	buffer := h.buffer()
	defer h.bodies.Put(buffer)
	var refused *refusal
	if *buffer, refused = h.read(r, (*buffer)[:0]); refused != nil {
		return refused
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.options.Serving.RequestTimeout.Duration)
	defer cancel()
	return h.answer(ctx, w, *buffer)
}

func (h *webhook) buffer() *[]byte {
	if b, ok := h.bodies.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 4<<10)
	return &b
}

// read appends the body to b.
func (h *webhook) read(r *http.Request, b []byte) ([]byte, *refusal) {
	if r.ContentLength > int64(h.maxBody) {
		return b, h.tooLarge()
	}
	for {
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > h.maxBody:
			return b, h.tooLarge()
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, badRequest(fmt.Errorf("cannot read the body: %w", err))
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}

func (h *webhook) tooLarge() *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is larger than %d bytes", h.maxBody)}
}

// maxMessage bounds how much of an error about a body is told: some repeat the body.
const maxMessage = 1 << 10

func badRequest(err error) *refusal {
	message := err.Error()
	if len(message) > maxMessage {
		message = message[:maxMessage] + "..."
	}
	return &refusal{http.StatusBadRequest, "bad_request", message}
}

// answerReview answers a SubjectAccessReview.
func (s *Server) answerReview(ctx context.Context, w http.ResponseWriter, body []byte) *refusal {
	// The review's strings are parts of this one copy of the body.
	review, err := decodeReview(string(body))
	if err != nil {
		return badRequest(err)
	}
	start := time.Now()
	decision, reason, err := s.options.Authorizer.Authorize(ctx, review)
	s.metrics.authorizer.decided(review, decision, time.Since(start))
	s.logDecision(review, decision, reason, err)

	answer := s.answers.Get().(*[]byte)
	defer s.answers.Put(answer)
	*answer = appendAnswer((*answer)[:0], review.version, decision, reason, err)
	w.Header()["Content-Type"] = jsonContent
	// The caller may have gone away; there is nobody left to tell.
	_, _ = w.Write(*answer)
	return nil
}
