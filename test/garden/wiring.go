package garden

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/deploy"
)

// Seedguard's user is that of a ServiceAccount, which it has as a certificate here: nobody could mount a token.
const (
	guardNamespace = "garden"
	guardUser      = "system:serviceaccount:" + guardNamespace + ":seedguard"
)

var guardGroups = []string{"system:serviceaccounts", "system:serviceaccounts:" + guardNamespace}

// wire creates in the API server what seedguard needs there, as it is generated for any garden: its permissions, that
// of gardenlets beside what seedguard gives, and the registration of its admission webhook.
func (g *Garden) wire(ctx context.Context, admin *Client) (err error) {
	if g.guard.kubeconfig, err = g.SeedguardKubeconfig(g.Host); err != nil {
		return err
	}
	o := g.deployOptions()
	return admin.Apply(ctx, slices.Concat(
		deploy.WatchRole(o), deploy.LiveReadsRole(o), deploy.ExistenceRole(o), deploy.BootstrapTokensRole(o),
		deploy.BootstrapperRole(), []runtime.Object{deploy.Registration(o)},
	)...)
}

// Register registers the admission webhook anew: also for requests for kubeconfigs, or not for these.
func (g *Garden) Register(ctx context.Context, kubeconfigs bool) error {
	admin, err := g.NewClient(g.Admin())
	if err != nil {
		return err
	}
	o := g.deployOptions()
	if kubeconfigs {
		o.Config.KubeconfigAccess.Rules = []access.Rule{{Levels: access.Levels{Shoots: access.LevelAdmin}}}
	}
	return admin.Apply(ctx, deploy.Registration(o))
}
