// Package graph holds the resource graph of a garden and answers, without walking it, which Seeds a resource has to do
// with.
//
//  1. An edge u -> v says: whoever is responsible for v may have to do with u. A resource is related to a Seed when a
//     path leads from it to that Seed. The empty path counts: a Seed is related to itself, even one that the graph has
//     never heard of.
//  2. Edges belong to the object that implies them. Set replaces all that an object owns, Delete drops it. An edge
//     lives while at least one object owns it, a vertex lives while it has an edge or is itself an object. So the
//     graph is a function of the objects that exist, whatever order their events came in.
//  3. Paths end at the first Seed that they enter (ParentScopeSeed), or walk on through the Seed's ManagedSeed to the
//     parent Seed (ParentScopeEverything). The Seeds that lead to a Seed are its scope, found in the tiny graph of
//     Seeds.
//  4. The kinds are layered: the kind table lists which kind may point to which, and without the edges into Seeds it
//     has no cycle, so no kind points to itself. Edges that are not allow-listed there are left out and counted.
//  5. What a Shoot implies by its name alone (its project resources and its ShootState) takes no memory: such a name is
//     resolved to the Shoot at look-up, while the Shoot exists. If it is also referred to explicitly, it counts both
//     ways.
//  6. Every vertex keeps the set of Seeds that it reaches, with the number of edges that each one rests on. A change
//     of an edge is carried along the edges into its source, against their direction, as far as sets change and no
//     further.
//  7. One lock. A change holds it for microseconds. Readers allocate nothing, and see all of a change or nothing of it:
//     a Shoot that moves is always on at least one of its Seeds.
//
// docs/rules.md lists the kinds and the edges between them.
package graph
