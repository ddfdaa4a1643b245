// Package authorizer is the SeedAuthorizer (SPEC 3): it says which requests to the garden's API a seed client may make.
//
//  1. It allows, or has no opinion; then the API server asks its next authorizer. It never denies.
//  2. It has no opinion on anybody but seed clients, on paths, and on resources that its table does not name.
//  3. What is not in the table is not allowed. A verb is allowed always, or when a path leads from the object to the client's
//     Seed; an exception allows a few objects by their names.
//  4. What is allowed always is either guarded by a rule of the SeedRestriction, which sees the object, or the table says why
//     it needs no guard.
//  5. A list or watch of many objects is allowed when one of its selector's requirements alone confines it to the client's Seed.
//  6. A delete of an object that certainly does not exist is allowed, so that the client gets the API server's 404.
//
// The table is rules.go. One function interprets it, in this order:
//
//	request -> seed client? -> rule of the resource -> exception -> namespace -> subresource -> verb
//	                                                                                             |
//	              allow <- always, by the verb <--------------------------------------------------+
//	              allow <- a selector confines the list or watch <--------------------------------+
//	              allow <- graph: object -> ... -> the client's Seed <----------------------------+
//	              allow <- the object to delete does not exist <---------------------------------+
//	         no opinion <- everything else <-----------------------------------------------------+
package authorizer
