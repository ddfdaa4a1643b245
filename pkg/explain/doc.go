// Package explain answers questions about decisions: what keeps an object from a Seed, and who may do something to it.
// The command line and the debug pages share it.
//
//  1. Why is a path, which the graph itself knows (graph.View.Path).
//  2. Why not (WhyNot) walks from the object as far as edges lead, and says at the nearest ends what would have to be
//     there for a path to go on: an object that does not exist, or one that would have to refer to another. It knows
//     kinds and fields from the tables of pkg/graph and pkg/garden alone.
//  3. Who can (WhoCan) asks the authorizer for each Seed and kind of client, and puts together what has the same
//     answer.
//  4. Names of resources and kinds, as people write them, are understood in one way (Resolve, ParseKind).
//
// Nothing here decides.
//
//	command line, debug pages -> explain -> the authorizer, the graph, the table of edges
package explain
