package garden

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// paged lists in pages, and keeps of each page no more than the informers' caches do: a list of whole objects would take
// gigabytes for a moment. Reflectors list from API servers that do not stream lists, and by themselves ask for all at once.
type paged struct {
	observed
	keep func(runtime.Object) (*Object, error)
}

// pageSize is how many objects a page has. Some have 100 kB.
const pageSize = 500

// List implements cache.ListerWatcher, like observed.List.
func (p paged) List(options metav1.ListOptions) (runtime.Object, error) {
	return p.ListWithContext(context.Background(), options)
}

// ListWithContext implements cache.ListerWithContext. It lists what is there now, which is never older than what is asked for:
// API servers have pages of nothing else.
func (p paged) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	options.ResourceVersion, options.ResourceVersionMatch = "", ""
	options.Limit = pageSize
	kept := &metav1.List{}
	for {
		page, err := p.observed.ListWithContext(ctx, options)
		if err != nil {
			return nil, err
		}
		err = meta.EachListItem(page, func(o runtime.Object) error {
			object, err := p.keep(o)
			kept.Items = append(kept.Items, runtime.RawExtension{Object: object})
			return err
		})
		if err != nil {
			return nil, err
		}
		list, err := meta.ListAccessor(page)
		if err != nil {
			return nil, err
		}
		kept.ResourceVersion = list.GetResourceVersion()
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return kept, nil
		}
	}
}
