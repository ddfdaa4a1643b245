package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

var (
	// jsonContent is shared by all answers, so nobody may append to it.
	jsonContent = []string{"application/json"}

	answerHeads = [...]string{
		reviewV1:      `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":`,
		reviewV1beta1: `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1beta1","status":{"allowed":`,
	}
)

// appendAnswer appends the SubjectAccessReview that answers a question of that version. An error of the authorizer goes into
// evaluationError: it explains the decision and does not change it.
func appendAnswer(b []byte, version reviewVersion, decision authorizer.Decision, reason string, err error) []byte {
	b = append(b, answerHeads[version]...)
	switch decision {
	case authorizer.DecisionAllow:
		b = append(b, "true"...)
	case authorizer.DecisionDeny:
		b = append(b, `false,"denied":true`...)
	case authorizer.DecisionNoOpinion:
		fallthrough
	default:
		b = append(b, "false"...)
	}
	if reason != "" {
		b = appendJSON(append(b, `,"reason":`...), reason)
	}
	if err != nil {
		b = appendJSON(append(b, `,"evaluationError":`...), err.Error())
	}
	return append(b, "}}\n"...)
}

const hexDigits = "0123456789abcdef"

// appendJSON appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD, as with encoding/json.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), `\ufffd`...)
				start = i + size
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' || c == 0x7f {
			b = append(append(b, s[start:i]...), '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
			start = i + 1
		}
		i++
	}
	return append(append(b, s[start:]...), '"')
}

// refuse answers with a metav1.Status, whose message kube-apiserver writes into its log.
func refuse(w http.ResponseWriter, code int, message string) {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure,
		Message:  message,
		Reason:   statusReasons[code],
		Code:     int32(code), // #nosec G115 -- HTTP status codes are small
	}
	header := w.Header()
	if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		const seconds = 1
		header.Set("Retry-After", strconv.Itoa(seconds))
		status.Details = &metav1.StatusDetails{RetryAfterSeconds: seconds}
	}
	header["Content-Type"] = jsonContent
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	// The caller may have gone away; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(status)
}

// statusReasons are the machine-readable reasons of the codes that the server refuses with.
var statusReasons = map[int]metav1.StatusReason{
	http.StatusBadRequest:            metav1.StatusReasonBadRequest,
	http.StatusUnauthorized:          metav1.StatusReasonUnauthorized,
	http.StatusForbidden:             metav1.StatusReasonForbidden,
	http.StatusNotFound:              metav1.StatusReasonNotFound,
	http.StatusMethodNotAllowed:      metav1.StatusReasonMethodNotAllowed,
	http.StatusRequestTimeout:        metav1.StatusReasonTimeout,
	http.StatusRequestEntityTooLarge: metav1.StatusReasonRequestEntityTooLarge,
	http.StatusUnsupportedMediaType:  metav1.StatusReasonUnsupportedMediaType,
	http.StatusTooManyRequests:       metav1.StatusReasonTooManyRequests,
	http.StatusInternalServerError:   metav1.StatusReasonInternalError,
	http.StatusServiceUnavailable:    metav1.StatusReasonServiceUnavailable,
}
