package garden

import (
	"errors"
	"testing"
	"testing/synctest"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/seedguard/seedguard/pkg/graph"
)

// TestNews: whoever waits hears when the graph has changed, and of nothing else; nobody waits for what cannot come.
func TestNews(t *testing.T) {
	told := func(news <-chan struct{}) bool {
		synctest.Wait()
		select {
		case <-news:
			return true
		default:
			return false
		}
	}
	probed(t, 0, func(g *probedGarden) {
		news, also := g.News(), g.News()
		shoot := shootOn("s")
		g.source.add(shoot.DeepCopy())
		require.True(t, told(news))
		require.True(t, told(also))
		require.True(t, g.graph.Reaches(shootM, "s"))

		news = g.News()
		shoot.Status.LastOperation = &gardencorev1beta1.LastOperation{Type: "Reconcile"}
		g.source.modify(shoot.DeepCopy())
		require.False(t, told(news), "a heartbeat changes nothing")
		g.source.delete(shoot)
		require.True(t, told(news))

		g.source.hang()
		g.after(func() bool { return g.News() == nil })
		require.NotEmpty(t, g.LostContact())
		g.source.goOn()
		g.after(func() bool { return g.News() != nil })

		g.source.failing(func(kind graph.Kind, _ bool) error {
			if kind == graph.KindBackupBucket {
				return apierrors.NewInternalError(errors.New("cannot convert"))
			}
			return nil
		})
		g.source.kinds[graph.KindBackupBucket].ResetWatch()
		g.after(func() bool { return g.News() == nil })
		require.Empty(t, g.LostContact(), "one kind cannot be watched")
		g.source.failing(nil)
		g.after(func() bool { return g.News() != nil })
	})
}
