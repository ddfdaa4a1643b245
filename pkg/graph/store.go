package graph

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// chunked is an array that grows without moving what it holds, so that readers may hold on to elements while the writer
// adds more. An index must be published to readers (by an atomic store) only after add has returned it.
type chunked[T any] struct {
	chunks atomic.Pointer[[]*[chunkSize]T]
	// length belongs to the writer.
	length uint32
}

// chunkSize is small enough for a graph of a few vertices to cost some kilobytes, and large enough for the list of chunks
// of a million vertices to stay in the processor's first cache.
const chunkSize = 1 << 10

func (c *chunked[T]) at(i uint32) *T { return &(*c.chunks.Load())[i/chunkSize][i%chunkSize] }

// add appends a zero element and returns its index.
func (c *chunked[T]) add() uint32 {
	i := c.length
	if i%chunkSize == 0 {
		var chunks []*[chunkSize]T
		if old := c.chunks.Load(); old != nil {
			chunks = *old
		}
		// Appending in place is safe: readers with the old header never look beyond its length.
		chunks = append(chunks, new([chunkSize]T))
		c.chunks.Store(&chunks)
	}
	c.length++
	return i
}

func (c *chunked[T]) bytes() int {
	var element T
	return (int(c.length) + chunkSize - 1) / chunkSize * chunkSize * int(unsafe.Sizeof(element))
}

// arena keeps names as bytes, each preceded by its length, so that a million names are a few objects to the garbage
// collector, and so that a name does not keep the object alive that it was taken from.
type arena struct {
	chunks atomic.Pointer[[][]byte]
	// used is how much of the last chunk is taken. It belongs to the writer.
	used int
	size int
}

const (
	arenaOffsetBits = 14
	arenaChunkSize  = 1 << arenaOffsetBits
)

// add copies the name and returns its address. Names larger than a chunk get one of their own.
func (a *arena) add(name string) uint32 {
	need := binary.MaxVarintLen32 + len(name)
	var chunks [][]byte
	if old := a.chunks.Load(); old != nil {
		chunks = *old
	}
	if len(chunks) == 0 || a.used+need > arenaChunkSize {
		chunks = append(chunks, make([]byte, max(arenaChunkSize, need)))
		a.chunks.Store(&chunks)
		a.used = 0
		a.size += max(arenaChunkSize, need)
	}
	last := len(chunks) - 1
	if last >= 1<<(32-arenaOffsetBits) {
		panic("graph: more than 4 GiB of names") // rather than taking one for another
	}
	address := uint32(last<<arenaOffsetBits | a.used) //nolint:gosec // checked above
	free := chunks[last][a.used:]
	n := binary.PutUvarint(free, uint64(len(name)))
	a.used += n + copy(free[n:], name)
	return address
}

func (a *arena) at(address uint32) []byte {
	from := (*a.chunks.Load())[address>>arenaOffsetBits][address%arenaChunkSize:]
	length := uint64(from[0])
	if length < 1<<7 {
		return from[1 : 1+length]
	}
	length, n := binary.Uvarint(from)
	return from[n:][:length]
}

// reach is what a vertex reaches, in one word: nothing, one Seed (by its index), or a set of Seeds (by the index of a
// sharedSet); and whether the vertex is an object itself.
type reach uint32

const (
	reachObject reach = 1 << 31
	reachMulti  reach = 1 << 30
	reachIndex  reach = reachMulti - 1
)

func (r reach) object() bool  { return r&reachObject != 0 }
func (r reach) nothing() bool { return r&(reachMulti|reachIndex) == 0 }
func (r reach) multi() bool   { return r&reachMulti != 0 }

// index is the index of the one Seed or of the set.
func (r reach) index() uint32 { return uint32(r&reachIndex) - 1 }

// with keeps the object bit and replaces the rest.
func (r reach) with(flag reach, index uint32) reach { return r&reachObject | flag | reach(index+1) }

// vertexRecord is a vertex as readers see it, in 32 bytes so that none crosses a cache line and a short name is in the same
// one. Invariant: identity (all but reach) never changes within a generation.
type vertexRecord struct {
	reach atomic.Uint32
	// namespace is the id of the vertex of no kind that bears the namespace's name; 0 for none.
	namespace uint32
	// kindAndSeed is the kind in the lowest 8 bits and, for a Seed, its index above.
	kindAndSeed uint32
	// nameLength is the name's length in bytes, longName for a longer one.
	nameLength uint8
	// name is the name, or the start of a long one and the address of its rest in the arena.
	name [shortName]byte
}

const (
	shortName  = 19 // what is left of 32 bytes; the names of Shoots and of most namespaces fit
	longName   = 0xff
	namePrefix = shortName - 4
)

func (r *vertexRecord) nameAddress() uint32 { return binary.LittleEndian.Uint32(r.name[namePrefix:]) }

func (r *vertexRecord) kind() Kind        { return Kind(r.kindAndSeed & 0xff) } //nolint:gosec // masked
func (r *vertexRecord) seedIndex() uint32 { return r.kindAndSeed >> 8 }

// isSeed: a Seed is cluster-scoped. A "Seed" with a namespace is a name like any other.
func (r *vertexRecord) isSeed() bool { return r.kind() == KindSeed && r.namespace == 0 }

// vertexState is what the writer knows of a vertex beyond vertexRecord.
type vertexState struct {
	// owned is where the edges that this vertex owns as an object start in generation.edges, 0 for none.
	owned uint32
	// foreign is the list of edges into this vertex that another object owns, linked by inLink.next, an edge with two such
	// owners twice. Those that it owns itself, by far the most, are found in owned. Invariant: empty for a Seed, whose list
	// could be long and is never needed, since edges end there.
	foreign uint32
	// edges counts the edges from and to this vertex. Invariant: the vertex is alive when it is positive or the object bit is set.
	edges uint32
	// count is the number of edges that lead to the one Seed reached. It means nothing in the other cases.
	count uint32
	// reach is what the vertex reaches. Invariant: equal to vertexRecord.reach outside of the writer's critical section.
	reach reach
}

// edge is an edge as one object owns it: the end that is not the owner, a vertex' id above edgeBits, and how it lies to the
// owner. Two owners of the same edge have a record each. The records of an owner lie one after the other, in the order
// in which its edges were given, so that an edge takes four bytes and comparing them reads one place in memory.
type edge uint32

const (
	edgeFrom   edge = iota // the end points to the owner
	edgeTo                 // the owner points to the end
	edgeBeside             // the end points to the end in the next record; the owner is neither
	edgeShape  edge = 3
	// edgeMore: the next record is the same owner's, too.
	edgeMore edge = 4

	edgeBits  = 3
	maxVertex = math.MaxUint32 >> edgeBits
)

func newEdge(end uint32, shape edge) edge { return edge(end)<<edgeBits | shape | edgeMore }

func (e edge) end() uint32 { return uint32(e >> edgeBits) }

// inLink is an element of vertexState.foreign.
type inLink struct{ from, next uint32 }

// sharedSet is a set of two or more Seeds as the writer keeps it. Readers find it under the same index in published.
type sharedSet struct {
	// counts has the Seeds by their index. Invariant: sorted, at least two elements, all counts positive.
	counts []seedCount
	// changed: counts has other Seeds than the published set.
	changed bool
	// bytes is what the set takes in memory beyond this struct.
	bytes int
}

type seedCount struct{ seed, count uint32 }

// seedSet is an immutable set of Seeds.
type seedSet struct {
	// owner is the vertex whose set it is: places are reused, so a reader may find another vertex's set where the one it
	// looked for was.
	owner uint32
	// first is the index of the first word; the words before it are all zero.
	first uint32
	words []uint64
}

func newSeedSet(owner uint32, counts []seedCount) *seedSet {
	first, last := counts[0].seed/64, counts[len(counts)-1].seed/64
	s := allocateSeedSet(int(last - first + 1))
	s.owner, s.first = owner, first
	for _, c := range counts {
		s.words[c.seed/64-first] |= 1 << (c.seed % 64)
	}
	return s
}

// allocateSeedSet puts the words of a set (up to 512 Seeds) next to it: a reader that needs one needs the other.
func allocateSeedSet(words int) *seedSet {
	switch {
	case words <= 2:
		s := new(struct {
			seedSet
			room [2]uint64
		})
		s.words = s.room[:words]
		return &s.seedSet
	case words <= 4:
		s := new(struct {
			seedSet
			room [4]uint64
		})
		s.words = s.room[:words]
		return &s.seedSet
	case words <= 8:
		s := new(struct {
			seedSet
			room [8]uint64
		})
		s.words = s.room[:words]
		return &s.seedSet
	default:
		return &seedSet{words: make([]uint64, words)}
	}
}

func (s *seedSet) has(seed uint32) bool {
	// An index before the first word wraps around to one far beyond the last.
	word := seed/64 - s.first
	return uint64(word) < uint64(len(s.words)) && s.words[word]&(1<<(seed%64)) != 0
}

func (s *seedSet) intersects(other *seedSet) bool {
	j := s.first - other.first // wraps around as in has
	for _, word := range s.words {
		if uint64(j) < uint64(len(other.words)) && word&other.words[j] != 0 {
			return true
		}
		j++
	}
	return false
}

func (s *seedSet) each(f func(seed uint32)) {
	base := s.first * 64
	for _, word := range s.words {
		for ; word != 0; word &= word - 1 {
			f(base + uint32(bits.TrailingZeros64(word))) //nolint:gosec // below 64
		}
		base += 64
	}
}

// hashFilter says of a hash that it may have been added, or that it surely was not. It fits into the processor's first cache.
type hashFilter [64]atomic.Uint64

func (f *hashFilter) add(hash uint32)      { f[hash/64%64].Or(1 << (hash % 64)) }
func (f *hashFilter) has(hash uint32) bool { return f[hash/64%64].Load()&(1<<(hash%64)) != 0 }

// generation is all state of the graph. Within a generation vertices are only added: one that dies keeps its id, and has it
// again when it comes back. So readers never see memory reused under them. When too many are dead, the
// writer copies the living into a new generation; readers finish on the old one.
type generation struct {
	seed maphash.Seed

	// table finds vertices by their names: an open hash table of hash<<32 | id, 0 for a free slot.
	table    atomic.Pointer[[]atomic.Uint64]
	vertices chunked[vertexRecord]
	// readTwice has, for each vertex in table whose name also is that of a Shoot's resource (impliedName), the hash of the
	// Shoot's name. Invariant: it is added before the vertex is in table, and stays. So a reader of such a name who does not
	// find the hash knows that there was no such vertex, and need not look for it: there hardly ever is.
	readTwice hashFilter
	names     arena
	// published has the sets of those vertices that reach more than one Seed; nil where a place is free.
	published chunked[atomic.Pointer[seedSet]]
	// seeds has the vertex id of each Seed by its index.
	seeds chunked[uint32]
	// scopes has for each Seed by its index the Seeds that lead to it, itself included; nil (or beyond the end) for
	// itself alone. Only with ParentScopeEverything.
	scopes atomic.Pointer[[]*seedSet]

	// The rest belongs to the writer.
	states  chunked[vertexState]
	edges   chunked[edge]
	inLinks chunked[inLink]
	sets    chunked[sharedSet]
	// freeEdges has, by their number, runs of free records of edges; the first of each holds where the next such run is.
	freeEdges map[uint32]uint32
	// freeEdgeCount is the number of free records of edges.
	freeEdgeCount uint32
	// freeLinks is a list linked by next.
	freeLinks uint32
	freeSets  []uint32
	// alive and dead count the vertices of a kind.
	alive, dead int
	// lastNamespace is the namespace that was looked up last: an object's edges mostly stay in one.
	lastNamespace uint32
}

const (
	minTableSize = 64
	// A probe for an absent name looks at 8.5 slots on average when the table is 75 % full, which is about a cache line,
	// at 50 when it is 90 % full.
	maxTableLoadPercent = 66
)

// newGeneration returns an empty generation with room in its table for so many vertices. Index 0 of vertices, edges and links is never used.
func newGeneration(seed maphash.Seed, room int) *generation {
	gen := &generation{seed: seed, freeEdges: map[uint32]uint32{}}
	table := make([]atomic.Uint64, max(minTableSize, room*100/maxTableLoadPercent*5/4))
	gen.table.Store(&table)
	gen.vertices.add()
	gen.states.add()
	gen.edges.add()
	gen.inLinks.add()
	return gen
}

// hashNamespace and hashName together hash a name. Two steps, because the implied reading of a name shares its namespace.
func (gen *generation) hashNamespace(namespace string) uint64 {
	if namespace == "" {
		return 0x9e3779b97f4a7c15
	}
	return maphash.String(gen.seed, namespace)
}

func (gen *generation) hashName(namespaceHash uint64, kind Kind, name string) uint32 {
	hi, lo := bits.Mul64(maphash.String(gen.seed, name)^0xd6e8feb86659fd93, namespaceHash+uint64(kind)*0xff51afd7ed558ccd)
	return uint32(hi ^ lo) //nolint:gosec // half of the hash is enough
}

// slot is where the search for a hash starts. It grows with the hash, so that a table is rebuilt in one sweep over the old one.
func slot(hash uint32, size int) int { return int(uint64(hash) * uint64(size) >> 32) } //nolint:gosec // below size

// find returns the id of a vertex, 0 when there is none. hash is hashName of the same arguments. For readers, too.
func (gen *generation) find(hash uint32, kind Kind, namespace, name string) uint32 {
	table := *gen.table.Load()
	for i := slot(hash, len(table)); ; {
		entry := table[i].Load()
		if entry == 0 {
			return 0
		}
		id := uint32(entry & math.MaxUint32)
		if uint32(entry>>32) == hash && gen.is(id, kind, namespace, name) {
			return id
		}
		if i++; i == len(table) {
			i = 0
		}
	}
}

// prefetch brings the slot where find will start into the cache, while the caller does something else.
func (gen *generation) prefetch(hash uint32) {
	table := *gen.table.Load()
	table[slot(hash, len(table))].Load()
}

func (gen *generation) findVertex(v Vertex) uint32 {
	return gen.find(gen.hashName(gen.hashNamespace(v.Namespace), v.Kind, v.Name), v.Kind, v.Namespace, v.Name)
}

// is compares all of a vertex' identity.
func (gen *generation) is(id uint32, kind Kind, namespace, name string) bool {
	r := gen.vertices.at(id)
	if r.kind() != kind || !gen.hasName(r, name) {
		return false
	}
	if r.namespace == 0 {
		return namespace == ""
	}
	return gen.hasName(gen.vertices.at(r.namespace), namespace)
}

// hasName says whether the vertex' own name, without its namespace, is this one.
func (gen *generation) hasName(r *vertexRecord, name string) bool {
	if r.nameLength <= shortName {
		return string(r.name[:r.nameLength]) == name
	}
	return len(name) > shortName && string(r.name[:namePrefix]) == name[:namePrefix] &&
		string(gen.names.at(r.nameAddress())) == name[namePrefix:]
}

func (gen *generation) name(r *vertexRecord) string {
	if r.nameLength <= shortName {
		return string(r.name[:r.nameLength])
	}
	return string(r.name[:namePrefix]) + string(gen.names.at(r.nameAddress()))
}

func (gen *generation) setName(r *vertexRecord, name string) {
	if len(name) <= shortName {
		r.nameLength = uint8(copy(r.name[:], name)) //nolint:gosec // at most shortName
		return
	}
	r.nameLength = longName
	copy(r.name[:namePrefix], name)
	binary.LittleEndian.PutUint32(r.name[namePrefix:], gen.names.add(name[namePrefix:]))
}

// vertex is the inverse of findVertex.
func (gen *generation) vertex(id uint32) Vertex {
	r := gen.vertices.at(id)
	v := Vertex{Kind: r.kind(), Name: gen.name(r)}
	if r.namespace != 0 {
		v.Namespace = gen.name(gen.vertices.at(r.namespace))
	}
	return v
}

// intern returns the id of the vertex, a new one if need be. A new vertex is dead until it gets an edge or becomes an object.
func (gen *generation) intern(v Vertex) uint32 {
	hash := gen.hashName(gen.hashNamespace(v.Namespace), v.Kind, v.Name)
	if id := gen.find(hash, v.Kind, v.Namespace, v.Name); id != 0 {
		return id
	}
	namespace := uint32(0)
	if v.Namespace != "" {
		if gen.lastNamespace == 0 || !gen.is(gen.lastNamespace, 0, "", v.Namespace) {
			gen.lastNamespace = gen.intern(Vertex{Name: v.Namespace})
		}
		namespace = gen.lastNamespace
	}
	id := gen.vertices.add()
	if id > maxVertex {
		panic("graph: more vertices than an edge can name") // rather than taking one for another
	}
	gen.states.add()
	r := gen.vertices.at(id)
	gen.setName(r, v.Name)
	r.namespace = namespace
	r.kindAndSeed = uint32(v.Kind)
	if r.isSeed() {
		index := gen.seeds.add()
		*gen.seeds.at(index) = id
		r.kindAndSeed |= index << 8
	}
	if v.Kind != 0 {
		gen.dead++
	}
	if shoot, ok := impliedName(v.Kind, v.Name); ok {
		gen.readTwice.add(gen.hashName(gen.hashNamespace(v.Namespace), KindShoot, shoot))
	}
	gen.insert(uint64(hash)<<32 | uint64(id))
	return id
}

func (gen *generation) insert(entry uint64) {
	table := *gen.table.Load()
	if int(gen.vertices.length)*100 > len(table)*maxTableLoadPercent {
		grown := make([]atomic.Uint64, len(table)*5/4)
		for i := range table {
			if old := table[i].Load(); old != 0 {
				place(grown, old)
			}
		}
		table = grown
		gen.table.Store(&grown)
	}
	place(table, entry)
}

func place(table []atomic.Uint64, entry uint64) {
	i := slot(uint32(entry>>32), len(table))
	for table[i].Load() != 0 {
		if i++; i == len(table) {
			i = 0
		}
	}
	table[i].Store(entry)
}

// reaches returns what a vertex reaches, and the set when it is more than one Seed. For readers.
func (gen *generation) reaches(id uint32) (reach, *seedSet) {
	r := gen.vertices.at(id)
	for {
		word := reach(r.reach.Load())
		if !word.multi() {
			return word, nil
		}
		// A place with another owner was given up and reused after the word was read, which therefore has changed.
		if set := gen.published.at(word.index()).Load(); set != nil && set.owner == id {
			return word, set
		}
	}
}

// scope returns the Seeds that lead to the one with the index, nil for itself alone. For readers.
func (gen *generation) scope(seed uint32) *seedSet {
	scopes := gen.scopes.Load()
	if scopes == nil || uint64(seed) >= uint64(len(*scopes)) {
		return nil
	}
	return (*scopes)[seed]
}

// bytes is roughly the memory of the generation without its shared sets.
func (gen *generation) bytes() int {
	return len(*gen.table.Load())*8 + gen.vertices.bytes() + gen.states.bytes() + gen.edges.bytes() + gen.inLinks.bytes() +
		gen.names.size + gen.sets.bytes() + gen.published.bytes() + gen.seeds.bytes()
}
