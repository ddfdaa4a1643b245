// Package still is a garden for tests and benchmarks that is held in memory and in which nothing changes.
package still

import (
	"context"
	"iter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// Source is a garden.Source that takes the objects of a kind from a function. It has no live reads.
type Source func(graph.Kind) iter.Seq[runtime.Object]

var _ garden.Source = Source(nil)

// ListerWatcher implements garden.Source.
func (s Source) ListerWatcher(kind graph.Kind) cache.ListerWatcher { return lister{s, kind} }

// Live implements garden.Source.
func (Source) Live(context.Context, graph.Kind, string, string) (runtime.Object, error) {
	return nil, garden.ErrNotAvailable
}

// Exists implements garden.Source.
func (Source) Exists(context.Context, schema.GroupVersionResource, string, string) error {
	return garden.ErrNotAvailable
}

type lister struct {
	source Source
	kind   graph.Kind
}

// IsWatchListSemanticsUnSupported tells client-go to list.
func (lister) IsWatchListSemanticsUnSupported() bool { return true }

// List implements cache.ListerWatcher.
func (l lister) List(metav1.ListOptions) (runtime.Object, error) {
	list := &metav1.List{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}
	for o := range l.source(l.kind) {
		list.Items = append(list.Items, runtime.RawExtension{Object: o})
	}
	return list, nil
}

// Watch implements cache.ListerWatcher.
func (lister) Watch(metav1.ListOptions) (watch.Interface, error) { return watch.NewFake(), nil }
