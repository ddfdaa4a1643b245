// Package admission is the SeedRestriction (SPEC 4): it decides what seed clients may create, and for Seeds and
// BackupBuckets what they may change and delete. The authorizer lets them try, because what an object that does not exist yet
// has to do with a Seed is in its contents, which an authorizer does not see.
//
//  1. Who is no seed client is admitted at once; nothing of the request is looked at.
//  2. What is guarded is one table (table.go): resource, operation and kind of client to a named check. A resource or operation
//     that is not in it is a 400 at the webhook, where only a wrong registration can bring it, and not our business
//     inside an API server.
//  3. The object is decoded as far as the check needs it. Fields that nobody asks for may be anything.
//  4. Checks decide with the informers' objects. Before a refusal that rests on them counts, those objects are read from the
//     API server, the last one that was looked at first, and the check runs again. Where such reads are not available the
//     informers' objects decide. A read that fails is a 500, never an admission.
//  5. The creation of an object that exists already is answered as the API server would answer it, with 409 AlreadyExists.
//     It is not admitted for the API server to answer: the object may be deleted in between, and an object that every
//     rule refuses would be created. A client can bring that about on purpose, for example with a certificate
//     request for another Seed under the name of an old one that is about to be collected.
//  6. A refusal says what is wrong, about which object, for which Seed, and what would be allowed. Messages and logs never hold
//     contents of the object beyond the names that it refers to.
//
// The way of a request:
//
//	AdmissionRequest, Attributes -> seed client? -> table -> decode -> check -> refused? -> live reads -> check -> exists? -> answer
//	                                                                     |                      |                   |
//	                                                                     +-> informers' caches  +---> API server <--+
package admission
