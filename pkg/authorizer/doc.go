// Package authorizer is the SeedAuthorizer: it says which requests to the garden's API a seed client may make.
//
//  1. It allows, or has no opinion; then the API server asks its next authorizer. It denies in ModeDeny alone, and only
//     what a rule names and does not allow.
//  2. It has no opinion on anybody but seed clients, on paths of URLs, and on resources that its table does not name.
//  3. What the table does not name is not allowed. A verb is allowed always, or when a path in the graph leads from
//     the object to the client's Seed. An exception allows a few objects by their names.
//  4. What is allowed always is guarded by a rule of the SeedRestriction, which sees the object, or the table says
//     why it needs no guard.
//  5. A list or watch of many objects is allowed when one requirement of its selector, taken alone, confines it to
//     the client's Seed.
//  6. Where writes must not widen what clients reach, a client writes the status of no Seed but its own, and never the
//     ManagedSeed that it is itself. Other writes are the SeedRestriction's business.
//  7. A delete of an object that certainly does not exist is allowed, so that the client gets the API server's 404.
//
// The table is in rules.go. One function interprets it (Explain in authorizer.go), top down:
//
//	a seed client, a rule for the resource -- no --> no opinion
//	an exception                           -- yes -> allow
//	one of the rule's namespaces           -- no --> no opinion
//	one of its subresources, or none       -- no --> no opinion
//	a verb that is allowed always          -- yes -> allow
//	a verb that the graph decides on       -- no --> no opinion
//	an update or patch that names let pass -- no --> no opinion
//	a list or watch of many objects        -- yes -> allow if the selector confines it, else no opinion
//	a name                                 -- no --> no opinion
//	object -> ... -> the client's Seed     -- yes -> allow
//	delete of an object that is absent     -- yes -> allow
//	everything else                        --------> no opinion
package authorizer
