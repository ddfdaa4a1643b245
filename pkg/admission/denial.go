package admission

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
)

// denial is why a request is denied.
type denial struct {
	// code is the HTTP status.
	code int
	// why is for the client and the log. It says what is wrong without telling contents of the object.
	why string
	// references: only the table of what writes may bring about denies the request.
	references bool
}

func (d *denial) Error() string { return d.why }

func deny(code int, format string, args ...any) error {
	return &denial{code: code, why: fmt.Sprintf(format, args...)}
}

// forbidden denies what does not belong to the client.
func forbidden(format string, args ...any) error { return deny(http.StatusForbidden, format, args...) }

// invalid denies contents that are wrong for everybody.
func invalid(format string, args ...any) error {
	return deny(http.StatusUnprocessableEntity, format, args...)
}

func badRequest(format string, args ...any) error {
	return deny(http.StatusBadRequest, format, args...)
}

// statusError is how the API tells a denial.
type statusError = apierrors.StatusError

// tell logs a denial and returns it as the API's error.
func (d *decision) tell(ctx context.Context, err error) *statusError {
	denied := new(denial)
	if !errors.As(err, &denied) {
		denied = &denial{code: http.StatusInternalServerError, why: err.Error()}
	}
	resource := d.GetResource().GroupResource()
	klog.FromContext(ctx).Info("Denied a seed client's request", "user", d.GetUserInfo().GetName(),
		"operation", d.GetOperation(), "resource", resource.String(), "namespace", d.GetNamespace(), "name", d.name,
		"code", denied.code, "reason", denied.why)

	phrase := "the %s of Seed %q may not %s %s %q: %s"
	if denied.code == http.StatusInternalServerError {
		phrase = "it cannot be decided whether the %s of Seed %q may %s %s %q: %s"
	}
	message := fmt.Sprintf(phrase, d.client.Kind, d.client.Seed, strings.ToLower(string(d.GetOperation())), resource,
		join(d.GetNamespace(), d.name), denied.why)
	if denied.code == http.StatusForbidden {
		switch {
		case denied.references && d.write != nil:
			message += "; allowed when " + d.write.Allowed
		case d.rule != nil && !denied.references:
			message += "; allowed when " + d.rule.Allowed
		}
	}
	return &statusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    int32(denied.code), // #nosec G115 -- HTTP status codes are small
		Reason:  reasons[denied.code],
		Message: message,
		Details: &metav1.StatusDetails{Group: resource.Group, Kind: resource.Resource, Name: d.name},
	}}
}

// reasons are the machine-readable reasons of the codes. Clients tell an object that exists by its reason.
var reasons = map[int]metav1.StatusReason{
	http.StatusBadRequest:          metav1.StatusReasonBadRequest,
	http.StatusForbidden:           metav1.StatusReasonForbidden,
	http.StatusConflict:            metav1.StatusReasonAlreadyExists,
	http.StatusUnprocessableEntity: metav1.StatusReasonInvalid,
	http.StatusInternalServerError: metav1.StatusReasonInternalError,
}

func join(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}
