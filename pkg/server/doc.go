// Package server serves the two halves of seedguard as the webhooks that kube-apiserver calls, and tells operators how
// it is doing.
//
//  1. A call that is not understood gets no decision: it is rejected with a 4xx that says what is wrong. "No opinion"
//     is a decision, and only the authorizer gives it.
//  2. No decision is made before the garden has reached the graph. Until then calls are rejected with 503, and
//     kube-apiserver's failure policy decides. With a bound on staleness, the same holds while what is known is older.
//  3. With a client CA, a caller needs a certificate that the CA signed, with an allowed common name. The certificate
//     is verified against the CA as it is now, not as it was when the connection was made.
//  4. The sizes of bodies and headers, the times to read and to answer, and the number of calls at a time are bounded.
//  5. A panic costs the call that caused it a 500 and is counted. It harms nothing else.
//  6. Liveness never depends on the garden; readiness does. On shutdown the server first stops being ready, goes on
//     serving for a while, finishes what it began, and ends.
//  7. Metrics and debug pages have listeners of their own, on loopback by default. The debug pages are served beyond it
//     only when a setting says so by name.
//  8. Logs name users, objects and reasons. They never hold an object's contents.
//  9. JSON is decoded in one way, which is stricter than the API server's: a member that comes twice, or bytes that are
//     not UTF-8, could mean different things to different readers, so such a call is rejected.
//  10. What another authorization webhook says to the same reviews is compared off the way of a call: it changes no
//     answer and delays none.
//
// The way of a webhook call:
//
//	kube-apiserver -> TLS -> caller allowed? -> JSON by POST? -> room? -> ready? -> body
//	                                                                                 |
//	                                                  authorizer -> graph  <- review or request -> admission -> garden
package server
