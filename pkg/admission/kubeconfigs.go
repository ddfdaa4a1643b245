package admission

import (
	"context"
	"time"

	authenticationv1alpha1 "github.com/gardener/gardener/pkg/apis/authentication/v1alpha1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/logs"
)

// This file holds what decides on seed clients' requests for kubeconfigs of Shoots. The authorizer decides on the level
// of access; what is left is how long the kubeconfig may be valid.

// kubeconfigRequest is an AdminKubeconfigRequest or a ViewerKubeconfigRequest.
type kubeconfigRequest = withSpec[authenticationv1alpha1.AdminKubeconfigRequestSpec]

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
	o := &kubeconfigRequest{}
	if err := d.decode(o, interfaces); err != nil {
		return err
	}
	expiration, bound := access.DefaultMaxExpiration, p.access.MaxExpiration()
	if seconds := o.Spec.ExpirationSeconds; seconds != nil {
		// Compared in seconds, of which there may be more than a duration holds.
		if *seconds > int64(bound/time.Second) {
			return p.tooLong(d, bound)
		}
		expiration = time.Duration(*seconds) * time.Second
	}
	if expiration > bound {
		return p.tooLong(d, bound)
	}
	level, _ := p.ofKubeconfig(d)
	if has, on := p.access.Of(d.client, d.vertex()); on && has.Level.Includes(level) { // else others have allowed it
		p.access.Count(has, access.ResultGranted)
		klog.FromContext(ctx).Info("Granted a kubeconfig of a Shoot to a seed client",
			"user", logs.Cut(d.GetUserInfo().GetName()), "shoot", logs.Cut(klog.KRef(d.GetNamespace(), d.name).String()),
			"subresource", d.GetSubresource(), "level", has.Level, "scope", has.Scope, "rule", has.Rule,
			"expiration", expiration)
	}
	return nil
}

func (p *Plugin) tooLong(d *decision, bound time.Duration) error {
	if has, on := p.access.Of(d.client, d.vertex()); on {
		p.access.Count(has, access.ResultExpiration)
	}
	return forbidden("its spec.expirationSeconds, 3600 where it is left out, must be at most %d, which is "+
		"kubeconfigAccess.maxExpiration", int64(bound/time.Second))
}
