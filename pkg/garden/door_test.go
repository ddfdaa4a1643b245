package garden

import (
	"context"
	"errors"
	"strconv"
	"testing"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// Whole objects are listed page by page, and none outlives its page.
func TestPaged(t *testing.T) {
	const pages = 3
	var asked []metav1.ListOptions
	var failed error
	list := func(_ context.Context, options metav1.ListOptions) (runtime.Object, error) {
		asked = append(asked, options)
		page := len(asked)
		if page == pages && failed != nil {
			return nil, failed
		}
		result := &gardencorev1beta1.ShootList{Items: []gardencorev1beta1.Shoot{*shootOn("s")}}
		result.ResourceVersion = "7"
		result.Items[0].Name = strconv.Itoa(page)
		if page < pages {
			result.Continue = "after " + strconv.Itoa(page)
		}
		return result, nil
	}
	d := door{keep: keepShoot, clock: clock.RealClock{}, contact: &contact{}}
	d.contact.start(t.Context())
	lw := cache.ToListerWatcherWithContext(d.listerWatcher(&cache.ListWatch{ListWithContextFunc: list}))

	listed, err := lw.ListWithContext(t.Context(), metav1.ListOptions{
		ResourceVersion: "0", ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, Limit: 1 << 20,
	})
	require.NoError(t, err)
	require.Equal(t, []metav1.ListOptions{
		{Limit: pageSize}, {Limit: pageSize, Continue: "after 1"}, {Limit: pageSize, Continue: "after 2"},
	}, asked)
	accessor, err := meta.ListAccessor(listed)
	require.NoError(t, err)
	require.Equal(t, "7", accessor.GetResourceVersion())
	require.Empty(t, accessor.GetContinue())
	items, err := meta.ExtractList(listed)
	require.NoError(t, err)
	for i, item := range items {
		require.Equal(t, strconv.Itoa(i+1), item.(*Object).Name)
		require.NotEmpty(t, item.(*Object).Edges())
	}
	require.Len(t, items, pages)

	asked, failed = nil, errors.New("the server is gone")
	_, err = lw.ListWithContext(t.Context(), metav1.ListOptions{})
	require.ErrorIs(t, err, failed)
}

func keepShoot(o runtime.Object) (*Object, error) { return Extract(o) }
