package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	rtdebug "runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/logs"
)

// webhook is one of the two webhooks. They differ in what they answer; everything else is the same for both.
type webhook struct {
	*Server
	name string
	// maxBody is the largest body in bytes.
	maxBody int64
	// answer returns the answer to a body. An error says what is wrong with the body.
	answer func(ctx context.Context, header http.Header, body []byte) (any, error)
}

// rejection is why a call gets no decision. The reason is the metrics' label.
type rejection struct {
	code            int
	reason, message string
}

// rejectionLog logs calls that are rejected. It is safe for concurrent use.
type rejectionLog struct {
	limiter *rate.Limiter
	dropped atomic.Int64
}

// Who has no certificate that is accepted can call as often as he likes: the log gets a line every ten seconds in the
// long run, and some at once, because there are two API servers of several replicas each.
func newRejectionLog() *rejectionLog {
	return &rejectionLog{limiter: rate.NewLimiter(rate.Every(10*time.Second), 10)}
}

// log logs that a call was rejected. Only rejected callers are logged by default: an operator has to find them, and the
// others can see for themselves what is wrong.
func (l *rejectionLog) log(logger klog.Logger, webhook string, rejected *rejection, r *http.Request) {
	if rejected.reason != "caller" {
		logger.V(2).Info("Rejected a webhook call", "webhook", webhook, "code", rejected.code,
			"reason", rejected.message, "remote", r.RemoteAddr)
		return
	}
	if !l.limiter.Allow() {
		l.dropped.Add(1)
		return
	}
	name := ""
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		name = logs.CutAt(r.TLS.PeerCertificates[0].Subject.CommonName, maxMessage)
	}
	logger.Info("Rejected a caller", "webhook", webhook, "code", rejected.code,
		"reason", logs.CutAt(rejected.message, maxMessage), "remote", r.RemoteAddr, "commonName", name,
		"notLogged", l.dropped.Swap(0))
}

// The most that a body may hold. The largest SubjectAccessReview that makes sense is a few kB; an AdmissionReview holds
// one or two objects, of which etcd stores no more than 1.5 MiB each.
const (
	maxReview    = 64 << 10
	maxAdmission = 3 << 20
	// maxBodiesInFlight bounds the bytes of all bodies that are larger than maxReview and not yet answered, be it that a
	// caller only claims to send them. They are decoded, so they take a few times as much memory. An honest object has
	// some 30 kB: two thousand calls fit in.
	maxBodiesInFlight = 64 << 20
)

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: //nolint:errorlint // recovered values are compared, as net/http does
			panic(p)
		default:
			h.metrics.panics.WithLabelValues(h.name).Inc()
			h.log.Error(fmt.Errorf("panic: %v", p), "BUG: a webhook call panicked", "webhook", h.name,
				"stack", string(rtdebug.Stack()))
			reject(w, http.StatusInternalServerError, "internal error")
		}
	}()
	answer, rejected := h.decide(w, r)
	if rejected != nil {
		h.metrics.rejected.WithLabelValues(h.name, rejected.reason).Inc()
		h.rejections.log(h.log, h.name, rejected, r)
		reject(w, rejected.code, rejected.message)
		return
	}
	write(w, http.StatusOK, answer)
}

// decide returns the answer to a call, or why there is none.
func (h *webhook) decide(w http.ResponseWriter, r *http.Request) (answer any, rejected *rejection) {
	if rejected := h.callers.check(w, r); rejected != nil {
		return nil, rejected
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &rejection{http.StatusMethodNotAllowed, "method", "use POST"}
	}
	if contentType := r.Header.Get("Content-Type"); contentType != "application/json" {
		if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/json" {
			message := fmt.Sprintf("content type is %q, want application/json", contentType)
			return nil, &rejection{http.StatusUnsupportedMediaType, "content_type", message}
		}
	}
	defer h.inFlight.Add(-1)
	if h.inFlight.Add(1) > int64(h.options.Serving.MaxRequestsInFlight) {
		return nil, &rejection{http.StatusTooManyRequests, "too_many", "too many calls in flight, try again"}
	}
	if !h.ready() {
		const message = "not ready: the garden has not reached the graph, see /readyz/garden"
		return nil, &rejection{http.StatusServiceUnavailable, "not_ready", message}
	}
	if stale := h.options.Stale(); len(stale) > 0 {
		const message = "what is known is too old to decide on, see /readyz/fresh"
		return nil, &rejection{http.StatusServiceUnavailable, "stale", message}
	}
	size := h.reserved(r)
	if !h.bodies.TryAcquire(size) {
		return nil, &rejection{http.StatusServiceUnavailable, "too_many_bytes", "too many bytes in flight, try again"}
	}
	defer h.bodies.Release(size)
	body, rejected := h.read(w, r)
	if rejected != nil {
		return nil, rejected
	}
	timeout := withTimeout(r.Context(), h.options.Serving.RequestTimeout.Duration)
	defer timeout.end()
	answer, err := h.answer(timeout, r.Header, body) //nolint:contextcheck // it is the request's, with an end
	if err != nil {
		return nil, badRequest(err)
	}
	return answer, nil
}

// reserved returns how many bytes the body counts for: those of small ones are bounded by MaxRequestsInFlight.
func (h *webhook) reserved(r *http.Request) int64 {
	switch {
	case r.ContentLength < 0:
		return h.maxBody // it may send that much
	case r.ContentLength <= maxReview:
		return 0
	}
	return min(r.ContentLength, h.maxBody)
}

// read reads the body in one piece when its length is told, since every read of an HTTP/2 body is a message to the
// connection.
func (h *webhook) read(w http.ResponseWriter, r *http.Request) (body []byte, rejected *rejection) {
	var err error
	switch n := r.ContentLength; {
	case n > h.maxBody:
		err = &http.MaxBytesError{Limit: h.maxBody}
	case n >= 0:
		body = make([]byte, n)
		_, err = io.ReadFull(r.Body, body)
	default:
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, h.maxBody))
	}
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, new(*http.MaxBytesError)):
		message := fmt.Sprintf("the body is larger than %d bytes", h.maxBody)
		return nil, &rejection{http.StatusRequestEntityTooLarge, "too_large", message}
	}
	return nil, badRequest(fmt.Errorf("cannot read the body: %w", err))
}

// maxMessage bounds how much is told of what a caller has sent: some errors repeat the body.
const maxMessage = 1 << 10

func badRequest(err error) *rejection {
	return &rejection{http.StatusBadRequest, "bad_request", logs.CutAt(err.Error(), maxMessage)}
}

// reject answers with a metav1.Status, whose message kube-apiserver writes into its log.
func reject(w http.ResponseWriter, code int, message string) {
	status := &metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure,
		Message:  message,
		Reason:   statusReasons[code],
		Code:     int32(code), // #nosec G115 -- HTTP status codes are small
	}
	if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		const seconds = 1
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		status.Details = &metav1.StatusDetails{RetryAfterSeconds: seconds}
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	write(w, code, status)
}

// write writes a value as JSON. A reason may quote what is not UTF-8; it must not cost the decision.
func write(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// What is answered can always be encoded. The caller may have gone away; then there is nobody to tell.
	_ = json.MarshalWrite(w, value, jsontext.AllowInvalidUTF8(true))
	_, _ = io.WriteString(w, "\n")
}

// statusReasons are the machine-readable reasons of the codes that calls are rejected with.
var statusReasons = map[int]metav1.StatusReason{
	http.StatusBadRequest:            metav1.StatusReasonBadRequest,
	http.StatusUnauthorized:          metav1.StatusReasonUnauthorized,
	http.StatusForbidden:             metav1.StatusReasonForbidden,
	http.StatusMethodNotAllowed:      metav1.StatusReasonMethodNotAllowed,
	http.StatusRequestEntityTooLarge: metav1.StatusReasonRequestEntityTooLarge,
	http.StatusUnsupportedMediaType:  metav1.StatusReasonUnsupportedMediaType,
	http.StatusTooManyRequests:       metav1.StatusReasonTooManyRequests,
	http.StatusInternalServerError:   metav1.StatusReasonInternalError,
	http.StatusServiceUnavailable:    metav1.StatusReasonServiceUnavailable,
}
