// Package scenario reads files that say what seed clients may and may not do, asks both halves of seedguard, and
// compares: `seedguard test` for operators, and the tests of both halves for test/scenarios.
//
//  1. A file is a scenario: one document of YAML, read strictly. All that is wrong with it is told, with its place.
//  2. Requests are asked about the objects in the file, those of a directory of manifests that it names, or those that
//     the caller has for files with neither. They reach the graph by the informers, as in production.
//  3. A request says who asks for what, and what is expected: authorize (allow, noOpinion, deny) of the SeedAuthorizer,
//     admit (allowed, or the HTTP status of the denial) of the SeedRestriction, and a part of the message of the
//     latter. What is left out is not asked. A request that expects nothing is an error: nothing could make it fail.
//  4. Requests are independent of each other: none changes an object.
//  5. Sections of the configuration file (authorizer, restriction, kubeconfigAccess) say how to decide. One that is
//     there counts instead of the caller's, so that what is expected does not depend on that.
//  6. now is the time of the decisions. Without it, it is that of the machine.
//
// The way of a file:
//
//	file -> Parse -> Scenario -> snapshot -> World -> Ask -> checks
//	         |                                 ^
//	         +----------- requests ------------+
package scenario
