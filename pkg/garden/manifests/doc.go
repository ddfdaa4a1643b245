// Package manifests is a garden.Source on a folder of manifests, so that seedguard can decide on files as it does on an API
// server: in demonstrations, in tests of a landscape's configuration, and where a decision of the past is looked into.
//
//  1. All *.yaml, *.yml and *.json files of the folder and of those below it count, hidden ones (.git, ..data, editors'
//     locks) do not. Symbolic links are followed, also to folders; no folder is read twice.
//  2. A file holds any number of documents, each an object or a list of objects (List, or a typed one such as ShootList).
//     Objects of kinds that are not watched are skipped and counted.
//  3. Objects are read as Gardener's API server would read them: in any version, with its defaults, unknown fields ignored.
//  4. An object that more than one document defines is what the last of them says, in the order of paths. That is reported.
//  5. A file that cannot be read or parsed stays as it last was, one object that cannot be decoded likewise. A folder that
//     cannot be read stays as it was with all its files. All of that is reported (Problems, log).
//  6. A change in the folder becomes ADDED, MODIFIED and DELETED events by comparing what was with what is. Where the
//     operating system tells nothing (a linked file elsewhere, a network file system), a slow rescan finds the change.
//  7. Every resource has a version that each change increases, and a short history. Who asks for changes that history no
//     longer holds is told so (ResourceExpired) and lists again.
//
// From files to informers:
//
//	folder -> scan -> file -> parse -> documents -> manifests (identity, packed content)
//	                                                    |
//	                            all files, in order: merge, compare with what was
//	                                                    v
//	                           store of a resource: objects, version, history
//	                                                    |
//	                                     list, watch: decoded for each reader
package manifests
