// Package garden turns the objects of a garden into the resource graph, and looks them up for the admission.
//
//  1. The watched kinds are one table (edges.go): what is watched, which edges an object implies, which of them need a
//     second object or the clock (derived.go).
//  2. Informers list and watch every kind, from an API server or from a directory of manifests. At the door (door.go)
//     an object is reduced to its edges and facts. The rest of it is never stored.
//  3. One handler serves all kinds. It is level triggered: an event says only that an object may have changed, and what
//     goes into the graph is what the informer's cache holds when the handler runs. So the graph does not depend on the
//     order of events.
//  4. When an object changes on which other objects' edges rest, or a time comes at which they change, those objects
//     are handled again.
//  5. The garden is ready when every kind has synced and every event of the first lists has reached the graph.
//  6. An API server that hangs is noticed by probes, one for each group (contact.go). Lists and watches wait until it
//     answers again, and then begin anew.
//
// The way of an object:
//
//	API server, directory -> door (extract) -> informer's cache -> handler -> graph
//	                                              |
//	                                              +-> Reader -> admission
//	API server ------------ live reads, bounded --+
package garden
