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

	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
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

// maxWhy bounds a denial's reason in bytes. It leaves room for what it tells of the request, of which each piece has
// its own bound, and what is quoted grows.
const maxWhy = 2 * logs.MaxTold

// deny denies a request. Of each string or name among args, which may come from the request, no more than
// logs.MaxTold bytes are told.
func deny(code int, format string, args ...any) error {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = logs.Cut(arg)
		case fmt.Stringer:
			args[i] = logs.Cut(arg.String())
		}
	}
	return &denial{code: code, why: logs.CutAt(fmt.Sprintf(format, args...), maxWhy)}
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

// Of the lines that the log gets about denials to the clients of one Seed. A client that is denied tries again and
// again: a few lines say all.
const (
	denialLogsPerSecond = 10
	denialLogsBurst     = 50
)

// tell logs a denial, or a warning in its place, and returns it as the API's error.
func (p *Plugin) tell(ctx context.Context, d *decision, err error) *apierrors.StatusError {
	denied := new(denial)
	if !errors.As(err, &denied) {
		denied = &denial{code: http.StatusInternalServerError, why: logs.CutAt(err.Error(), maxWhy)}
	}
	resource := logs.Cut(d.GetResource().GroupResource().String())
	operation := logs.Cut(string(d.GetOperation()))
	name := logs.Cut(d.name)
	if p.denialLogs.Allow(d.readsAs(), d.now) {
		what := "Denied a request"
		switch warns, observes := d.warns(err), d.policy.Mode == ModeObserve; {
		case warns && observes:
			what = "Would have admitted a request with a warning"
		case warns:
			what = "Admitted a request with a warning"
		case observes:
			what = "Would have denied a request"
		}
		klog.FromContext(ctx).Info(what, "user", logs.Cut(d.GetUserInfo().GetName()),
			"operation", operation, "resource", resource, "namespace", logs.Cut(d.GetNamespace()), "name", name,
			"code", denied.code, "reason", denied.why)
	} else {
		p.droppedLogs.Inc()
	}

	phrase := "%s may not %s %s %q: %s"
	if denied.code == http.StatusInternalServerError {
		phrase = "it cannot be decided whether %s may %s %s %q: %s"
	}
	message := fmt.Sprintf(phrase, d.who(), strings.ToLower(operation), resource,
		logs.Cut(klog.KRef(d.GetNamespace(), d.name).String()), denied.why)
	if denied.code == http.StatusForbidden {
		switch {
		case denied.references && d.write != nil:
			message += "; allowed when " + d.write.Allowed
		case d.rule != nil && (!denied.references || d.client.Kind == identity.Bootstrapper):
			message += "; allowed when " + d.rule.Allowed
		}
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    int32(denied.code), // #nosec G115 -- HTTP status codes are small
		Reason:  reasons[denied.code],
		Message: message,
		Details: &metav1.StatusDetails{
			Group: logs.Cut(d.GetResource().Group), Kind: logs.Cut(d.GetResource().Resource), Name: name,
		},
	}}
}

// who is the client, for messages.
func (d *decision) who() string {
	if d.client.Kind == identity.Bootstrapper {
		return fmt.Sprintf("the bootstrapper %q", logs.Cut(d.GetUserInfo().GetName()))
	}
	return fmt.Sprintf("the %s of Seed %q", d.client.Kind, logs.Cut(d.client.Seed))
}

// reasons are the machine-readable reasons of the codes. Clients tell an object that exists by its reason.
var reasons = map[int]metav1.StatusReason{
	http.StatusBadRequest:          metav1.StatusReasonBadRequest,
	http.StatusForbidden:           metav1.StatusReasonForbidden,
	http.StatusConflict:            metav1.StatusReasonAlreadyExists,
	http.StatusUnprocessableEntity: metav1.StatusReasonInvalid,
	http.StatusInternalServerError: metav1.StatusReasonInternalError,
}
