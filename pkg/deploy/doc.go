// Package deploy makes what a garden's kube-apiserver must be given for seedguard to work. It is made from the tables
// by which seedguard decides, so the two cannot drift apart.
//
//  1. The admission webhook is registered for exactly the resources and operations that the admission has rules for.
//  2. Only requests of seed clients are sent to the webhooks. The user's name alone tells who is one, because no
//     request lacks it. It may tell of a few too many, never of too few.
//  3. seedguard may list and watch exactly what it watches. To read single objects is a permission of its own that can
//     be left out, and so is to look whether an object exists of the kinds that it does not watch, Secrets among them.
//  4. Both kube-apiserver and gardener-apiserver get credentials for the admission webhook: each calls it for the
//     resources that it serves itself.
//  5. Where the webhooks cannot be reached, seed clients are denied and nobody else is.
//
// From tables to files:
//
//	garden.Watched                     -> ClusterRole seedguard
//	admission.Rules                    -> ValidatingWebhookConfiguration
//	admission.Rules, authorizer.Rules  -> ClusterRoles seedguard-live-reads (what is watched),
//	                                      seedguard-existence (what is not)
//	identity                           -> conditions (tested against it)
package deploy
