// Package admission is the SeedRestriction: it decides what seed clients may write. The authorizer lets them try,
// because an authorizer does not see the contents of an object. Those of a new object tell which Seed it belongs to,
// and those of any tell what its writer would reach by it.
//
//  1. Requests of others than seed clients are admitted unseen.
//  2. Two tables name what is guarded, by resource, operation and kind of client: who may create, update and delete
//     what (table.go), and what a write may bring about (writes.go). A request that neither knows is a 400 at the
//     webhook, where only a wrong registration can send it, and is admitted inside an API server.
//  3. The objects are decoded into their API type where a row reads them, and elsewhere their metadata alone. Fields
//     that are not known may be anything.
//  4. Checks decide by the informers' objects. Before a denial counts, the live recheck reads the objects that it
//     rests on from the API server, the last one first, and repeats the check. Where such reads are not available,
//     the informers' objects decide. A read that fails is a 500, never an admission.
//  5. The creation of an object that exists already is a 409 AlreadyExists, as the API server would answer. It is not
//     admitted for the API server to answer: the object may be deleted in between, and an object that every rule denies
//     would be created. A client can bring that about on purpose, for example with a certificate request for another
//     Seed under the name of an old one that is about to be collected.
//  6. A denial says what is wrong, about which object, for which Seed, and what would be allowed. Messages and logs
//     never hold contents of the object beyond the names that it refers to.
//
// The way of a request:
//
//	Attributes -> seed client? -> tables -> decode -> check -> denied? -> live recheck -> exists? -> answer
//	                                                    |                      |             |
//	                                                    +-> informers          +-> API server <-+
package admission
