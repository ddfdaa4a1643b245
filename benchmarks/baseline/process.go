package baseline

import (
	"context"
	"fmt"
	"io"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/seedguard/seedguard/pkg/garden"
)

// Process keeps all objects of the garden as they are, in informers' caches, and a Graph of them. It prints a line once
// all have arrived, and returns when ctx ends.
func Process(ctx context.Context, config *rest.Config, out io.Writer) error {
	source, err := garden.NewKubeSource(config)
	if err != nil {
		return err
	}
	g := NewGraph()
	set := func(o any) {
		extracted, err := garden.Extract(o.(runtime.Object))
		if err != nil {
			panic(err) // an informer gives what it was asked for
		}
		g.Set(extracted.Vertex, extracted.Edges())
	}
	var running sync.WaitGroup
	defer running.Wait()
	var synced []cache.InformerSynced
	for _, kind := range garden.Watched() {
		informer := cache.NewSharedIndexInformer(source.ListerWatcher(kind), nil, 0, cache.Indexers{})
		handled, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    set,
			UpdateFunc: func(_, o any) { set(o) },
			DeleteFunc: func(o any) {
				if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
					o = gone.Obj
				}
				if extracted, err := garden.Extract(o.(runtime.Object)); err == nil {
					g.Delete(extracted.Vertex)
				}
			},
		})
		if err != nil {
			return err
		}
		synced = append(synced, handled.HasSynced)
		running.Go(func() { informer.RunWithContext(ctx) })
	}
	if cache.WaitForCacheSync(ctx.Done(), synced...) {
		if _, err := fmt.Fprintln(out, "ready"); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}
