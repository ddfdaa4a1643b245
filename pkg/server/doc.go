// Package server serves the two halves of seedguard as the webhooks that kube-apiserver calls (SPEC 5), and tells operators
// how it is doing.
//
//  1. A call that is not understood gets no decision: it is refused with a 4xx that says what is wrong. "No opinion" is a
//     decision, and is only given by the authorizer.
//  2. No decision is made before the garden has reached the graph: until then calls are answered 503, and kube-apiserver's
//     failure policy decides.
//  3. With a client CA, only a caller whose certificate that CA signed, and whose common name is allowed, may call a webhook.
//     The certificate is verified against the CA as it is now, not as it was when the connection was made.
//  4. Bodies, header sizes, reading time, answering time and the number of calls at a time are bounded.
//  5. A panic costs the request that caused it a 500 and is counted. It harms nothing else.
//  6. Liveness never depends on the garden; readiness does. On shutdown the server first stops being ready, goes on serving
//     for a while, finishes what it began, and ends.
//  7. Metrics and debug pages are on a listener of their own, on loopback unless asked for otherwise.
//  8. Logs name users, objects and reasons. They never hold an object's contents.
//
// The way of a webhook call:
//
//	kube-apiserver -> TLS -> caller allowed? -> JSON by POST? -> room? -> ready? -> body -> review -> authorizer -> graph
//	                                                                                    -> request -> admission  -> garden
package server
