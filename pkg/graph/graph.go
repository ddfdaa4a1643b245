package graph

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// Options configure a Graph.
type Options struct {
	// ParentScope defaults to ParentScopeSeed.
	ParentScope ParentScope
}

// Graph is the resource graph.
//
// All methods may be called by many goroutines at once. Set, Delete, Stats, View and Path take turns. Reaches, HasObject and
// Seeds wait for none of them: they see, for each vertex, its state before or after a Set or Delete and nothing between.
// Two vertices that one Set changes may be seen one before and the other after it.
type Graph struct {
	// generation is the state that readers find. Only the holder of mu stores it and changes what it holds.
	generation  atomic.Pointer[generation]
	parentScope ParentScope

	// mu guards what follows, and makes its holder the writer.
	mu sync.Mutex
	counters
	// compactionFloor is how much waste is never worth a compaction.
	compactionFloor int
	// dirty lists the vertices whose reach may differ from the published one; some may be in it twice.
	dirty []uint32
	// droppedSets are the places of sets that are free once all dirty vertices are published.
	droppedSets []uint32
	// scopesDirty: a Seed's own reach has changed.
	scopesDirty bool
	// wanted and owned are scratch space for Set.
	wanted, owned []edgeKey
	// work counts vertices, edges and sets' elements looked at by the writer. Tests bound it.
	work int
}

// defaultCompactionFloor is about a hundred kilobytes of waste.
const defaultCompactionFloor = 1 << 10

// New returns an empty graph.
func New(opts Options) *Graph {
	g := &Graph{parentScope: opts.ParentScope, compactionFloor: defaultCompactionFloor}
	if g.parentScope == "" {
		g.parentScope = ParentScopeSeed
	}
	g.generation.Store(newGeneration(maphash.MakeSeed(), 0))
	return g
}

// Reaches says whether a path, possibly empty, leads from v to the named Seed: whether a client of that Seed is related to
// v (SPEC 2.2). It allocates nothing and never waits.
func (g *Graph) Reaches(v Vertex, seed string) bool {
	if v.isSeed() && v.Name == seed {
		return true
	}
	gen := g.generation.Load()
	// At scale the time goes into waiting for memory: all that will be needed is asked for first.
	namespaceHash := gen.hashNamespace(v.Namespace)
	shoot, implied := impliedName(v.Kind, v.Name)
	var hash, shootHash uint32
	if implied {
		shootHash = gen.hashName(namespaceHash, KindShoot, shoot)
		gen.prefetch(shootHash)
	}
	explicit := !implied || gen.readTwice.has(shootHash)
	if explicit {
		hash = gen.hashName(namespaceHash, v.Kind, v.Name)
		gen.prefetch(hash)
	}

	seedID := gen.findVertex(Vertex{Kind: KindSeed, Name: seed})
	if seedID == 0 {
		return false
	}
	index := gen.vertices.at(seedID).seedIndex()
	scope := gen.scope(index)
	if implied {
		if id := gen.find(shootHash, KindShoot, v.Namespace, shoot); id != 0 {
			if word, set := gen.reaches(id); word.object() && related(word, set, index, scope) {
				return true
			}
		}
	}
	if !explicit {
		return false
	}
	id := gen.find(hash, v.Kind, v.Namespace, v.Name)
	if id == 0 {
		return false
	}
	word, set := gen.reaches(id)
	return related(word, set, index, scope)
}

// related says whether what a vertex reaches meets the scope of a Seed's client.
func related(word reach, set *seedSet, seed uint32, scope *seedSet) bool {
	switch {
	case word.nothing():
		return false
	case set == nil && scope == nil:
		return word.index() == seed
	case set == nil:
		return scope.has(word.index())
	case scope == nil:
		return set.has(seed)
	default:
		return set.intersects(scope)
	}
}

// HasObject says whether the object itself exists (Set and not deleted), as against being only referred to. It allocates
// nothing and never waits.
func (g *Graph) HasObject(object Vertex) bool {
	gen := g.generation.Load()
	id := gen.findVertex(object)
	return id != 0 && reach(gen.vertices.at(id).reach.Load()).object()
}

// Seeds returns the names of all Seeds that v reaches, sorted: those for which Reaches is true. It never waits.
func (g *Graph) Seeds(v Vertex) []string {
	gen := g.generation.Load()
	var names []string
	if v.isSeed() {
		names = append(names, v.Name)
	}
	add := func(seed uint32) {
		names = append(names, gen.name(gen.vertices.at(*gen.seeds.at(seed))))
	}
	addReached := func(word reach, set *seedSet) {
		switch {
		case word.nothing():
			return
		case set == nil:
			add(word.index())
		default:
			set.each(add)
		}
		if scopes := gen.scopes.Load(); scopes != nil {
			for seed, scope := range *scopes {
				if scope != nil && related(word, set, uint32(seed), scope) {
					add(uint32(seed))
				}
			}
		}
	}
	if shoot, ok := ImpliedShoot(v); ok {
		if id := gen.findVertex(shoot); id != 0 {
			if word, set := gen.reaches(id); word.object() {
				addReached(word, set)
			}
		}
	}
	if id := gen.findVertex(v); id != 0 {
		addReached(gen.reaches(id))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
