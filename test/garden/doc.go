// Package garden brings up a garden on loopback: etcd, kube-apiserver and seedguard, wired as in production. The
// end-to-end tests run in it, and `make garden` leaves one to people.
//
//  1. The programs are the real ones: etcd, kube-apiserver and gardener-apiserver are built from their modules by
//     hack/tools/build.sh, seedguard from this one.
//  2. Gardener's API server serves Gardener's resources where Options.Gardener asks for it. Otherwise they are
//     CustomResourceDefinitions, which are up in a few seconds, and whatever Gardener would default, validate or
//     authorize by itself does not happen.
//  3. No controller runs: nothing is collected, scheduled, signed or finalized but by the tests themselves.
//  4. RBAC grants nothing to seed clients, so what they may do is what seedguard allows.
//  5. Everything ends with the process that started it, on Linux even when that is killed.
//
// Who speaks to whom, and how each knows the other:
//
//	admin, gardenlets --client certificate--> kube-apiserver --> etcd
//	extensions --------ServiceAccount token-->  |  |   ^
//	                                            |  |   | list, watch: client certificate, RBAC of deploy/
//	                         client certificate |  |   |
//	                                            +--|-> seedguard
//	                    front-proxy certificate    |   ^
//	                                               v   | admission: client certificate
//	                                   gardener-apiserver --> etcd; kube-apiserver: client certificate
//
// gardener-apiserver runs in any number of replicas behind a balancer of connections, as behind a Service.
package garden
