// Package replay compares what API servers did, as their audit logs tell, with what the pair would decide now.
//
//  1. A log is lines of JSON, each an event of audit.k8s.io/v1, plain or compressed by gzip. A line that is none is
//     counted. Of lines only counts and the first examples are kept, so a log may be of any length.
//  2. Events of stage ResponseComplete and Panic count, one for each request, and of these those of seed clients. Who
//     impersonates a user counts as this user.
//  3. A request was let through when it was answered with a status below 400, or with another one below 500 although
//     the authorizers had allowed it (a 404, say). It was refused when it was answered with 403, by the authorizers or
//     behind them. What happened is unknown when the answer was 401, 429, 5xx, or a 403 without a decision of the
//     authorizers.
//  4. What the authorizers were asked follows from the request's URI and verb, by the API server's own function. The
//     name in the audit event may come from the body, which no authorizer sees.
//  5. Where the authorizer has no opinion now, RBAC is asked. RBAC goes on allowing what it allowed then, unless by way
//     of the group of the Seeds, whose permissions are taken away with the switch.
//  6. The admission is asked about a create of a guarded resource of which the log has the object. An update, patch or
//     delete rests on the object as it was before, which no audit log has: there the admission is not decided.
//  7. Same: let through then and now, or refused then and now. A create that failed with another status than 403 and is
//     denied now fails both times. Where the admission is not decided, a request that was let through counts by the
//     authorizer alone.
//  8. Would be refused: let through then, and not by the authorizers now; or it succeeded then, and the admission
//     denies it now. A delete of what did not exist is unknown instead: the authorizer lets it through where it knows
//     that the object does not exist, and the landscape of now does not tell.
//  9. Would be allowed: refused then, and both halves let it through now. It is unknown where the admission is not
//     decided, and where what refused it behind the authorizers is nothing that the admission guards.
//
// The way of an event:
//
//	log -> line -> event -> what authorizer and admission were asked -> what the pair says
//	                 |                                                         |
//	                 +----> what happened then ------> verdict <---------------+
package replay
