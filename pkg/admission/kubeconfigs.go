package admission

import (
	"context"
	"time"

	authenticationv1alpha1 "github.com/gardener/gardener/pkg/apis/authentication/v1alpha1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/logs"
)

// This file holds what decides on seed clients' requests for kubeconfigs of Shoots. The authorizer decides on the level
// of access; what is left is how long the kubeconfig may be valid.

// ofKubeconfig returns the level that a request for a kubeconfig needs, and false for any other request. Unless a
// client has a level above none, there are no such requests.
func (p *Plugin) ofKubeconfig(a admission.Attributes) (access.Level, bool) {
	if p.access == nil || !p.access.Enabled() || a.GetOperation() != create ||
		a.GetResource().GroupResource() != graph.KindShoot.Resource().GroupResource() {
		return "", false
	}
	level, ok := access.Subresources[a.GetSubresource()]
	return level, ok
}

func (p *Plugin) checkKubeconfig(ctx context.Context, d *decision, interfaces admission.ObjectInterfaces) error {
	d.kind = graph.KindShoot
	if d.GetKind().GroupVersion() != authenticationv1alpha1.SchemeGroupVersion {
		return badRequest("the webhook does not know its object's kind, %s", d.GetKind())
	}
	o := &authenticationv1alpha1.AdminKubeconfigRequest{} // or a ViewerKubeconfigRequest, which has the same fields
	if err := d.decodeInto(o, d.GetObject(), "object", interfaces); err != nil {
		return err
	}
	has, on := p.access.Of(d.client, d.vertex())
	// Compared in seconds, of which there may be more than a duration holds.
	seconds := ptr.Deref(o.Spec.ExpirationSeconds, int64(access.DefaultMaxExpiration/time.Second))
	if bound := int64(p.access.MaxExpiration() / time.Second); seconds > bound {
		if on {
			p.access.Count(has, access.ResultExpiration)
		}
		return forbidden("its spec.expirationSeconds, 3600 where it is left out, must be at most %d, which is "+
			"kubeconfigAccess.maxExpiration", bound)
	}
	if level, _ := p.ofKubeconfig(d); on && has.Level.Includes(level) { // else others have allowed it
		p.access.Count(has, access.ResultGranted)
		klog.FromContext(ctx).Info("Granted a kubeconfig of a Shoot to a seed client",
			"user", logs.Cut(d.GetUserInfo().GetName()), "shoot", logs.Cut(klog.KRef(d.GetNamespace(), d.name).String()),
			"subresource", d.GetSubresource(), "level", has.Level, "scope", has.Scope, "rule", has.Rule,
			"expiration", time.Duration(seconds)*time.Second)
	}
	return nil
}
