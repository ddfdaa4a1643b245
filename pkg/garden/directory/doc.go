// Package directory is a garden.Source on a directory of manifests, so that seedguard can decide on files as it does on
// an API server: in demonstrations, in tests of a landscape's configuration, and where a past decision is looked into.
//
//  1. All *.yaml, *.yml and *.json files of the directory and of those below it count. Hidden ones (.git, ..data,
//     editors' locks) do not. Symbolic links are followed, also to directories. No directory is read twice.
//  2. A file holds any number of documents, each an object or a list of objects (List, or a typed one such as
//     ShootList). Objects of kinds that are not watched are skipped and counted. That there is no other is reported.
//  3. Objects are read as Gardener's API server would read them: in any version, with its defaults, and without
//     unknown fields.
//  4. Where two documents define one object, the last of them counts, in the order of paths. That is reported.
//  5. A file that cannot be read or parsed stays as it last was, and so does a single object that cannot be decoded. A
//     directory that cannot be read stays as it was with all its files. All of that is reported (Problems, log).
//  6. Each scan reads all files, and parses those whose content is another. Where the operating system does not tell of
//     a change (a linked file elsewhere, a network file system), a slow rescan finds it.
//  7. Of each object, only what the garden keeps of it is held.
//  8. After a change, each informer is sent the difference between what it was told and what there is now, as events of
//     its watch. It does not list again: informers wait longer and longer before each list, up to a minute.
//
// The way of a file:
//
//	directory -> scan -> file -> parse -> objects, of all files in order -> merge -> the objects of each kind
//	                                                                                    |
//	                                                     informer <- list, watch: the difference
package directory
