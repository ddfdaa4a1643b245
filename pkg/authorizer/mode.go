package authorizer

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
)

// Mode says what becomes of a seed client's request for a resource that a rule names, when the rules do not allow it.
type Mode string

// The values of Mode.
const (
	// ModeNoOpinion leaves it to the authorizer that is asked next, which is RBAC.
	ModeNoOpinion Mode = "NoOpinion"
	// ModeDeny denies it, so that RBAC cannot widen what the client reaches.
	ModeDeny Mode = "Deny"
	// ModeAudit is ModeNoOpinion, and counts and logs what ModeDeny would deny.
	ModeAudit Mode = "Audit"
)

// ExemptFunc reports whether RBAC decides on a client's requests for a resource in a namespace whatever the mode is.
type ExemptFunc func(client identity.Client, namespace string, resource schema.GroupResource) bool

// Of the lines that the log gets about the clients of one Seed. They ask the same again and again: a few lines say all,
// and the metric counts the rest.
const (
	auditLogsPerSecond = 1
	auditLogsBurst     = 50
)

// audit counts and logs what ModeDeny would deny.
type audit struct {
	counts *prometheus.CounterVec
	lines  *logs.Limiter
}

func newAudit(registerer prometheus.Registerer) *audit {
	return &audit{
		counts: promauto.With(registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_authorizer_audited_total",
			Help: "Requests that mode Audit leaves to RBAC and mode Deny would deny, by kind of client, resource and verb.",
		}, []string{"client", "resource", "verb"}),
		lines: logs.NewLimiter(auditLogsPerSecond, auditLogsBurst),
	}
}

// strictly is what a mode other than ModeNoOpinion makes of no opinion by a rule.
func (a *Authorizer) strictly(
	ctx context.Context, request authorizer.Attributes, rule *Rule, reason string,
) authorizer.Decision {
	client, _ := identity.From(request.GetUser())
	switch {
	case a.options.Exempt != nil && a.options.Exempt(client, request.GetNamespace(), rule.Resource):
	case a.options.Mode == ModeDeny:
		return authorizer.DecisionDeny
	default:
		a.audit.tell(ctx, client, request, rule, reason)
	}
	return authorizer.DecisionNoOpinion
}

func (l *audit) tell(
	ctx context.Context, client identity.Client, request authorizer.Attributes, rule *Rule, reason string,
) {
	verb := "other"
	if verbOf(request.GetVerb()) != otherVerb {
		verb = request.GetVerb()
	}
	l.counts.WithLabelValues(client.Kind.String(), rule.Resource.String(), verb).Inc()
	if !l.lines.Allow(client.Seed, time.Now()) {
		return
	}
	klog.FromContext(ctx).Info("Mode Deny would deny a request", "user", logs.Cut(request.GetUser().GetName()),
		"verb", logs.Cut(request.GetVerb()), "resource", rule.Resource.String(),
		"subresource", logs.Cut(request.GetSubresource()), "namespace", logs.Cut(request.GetNamespace()),
		"name", logs.Cut(request.GetName()), "reason", logs.Cut(reason))
}
