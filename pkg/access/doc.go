// Package access says which level of access to a Shoot a seed client may ask a kubeconfig for (docs/rules.md,
// "Kubeconfigs").
//
//  1. Nothing is granted unless it is configured.
//  2. A Shoot is in exactly one scope: seeds when a ManagedSeed in its namespace names it, shoots otherwise. The scope
//     is looked up for each decision, so it follows the ManagedSeed at once.
//  3. The first rule that matches a client decides. A rule that no client can reach, because an earlier one matches all
//     that it does, is an error.
//  4. A configuration is replaced as a whole. One that is not valid replaces nothing.
package access
