// Package config is the configuration of seedguard's server, as a versioned file and as flags.
//
//  1. Every setting is a field of SeedGuardConfiguration, and every field has one flag. What one of the two can say,
//     the other can, but for lists of more than names.
//
//  2. The file is decoded strictly: a field that does not exist, is spelled in another case or comes twice is an error
//     that names it.
//
//  3. Defaults come first, then the file, then the flags that were given.
//
//  4. What is served to others must be safe. Without a serving certificate and a client CA the server listens on
//     loopback only, and for the debug pages in any case, unless a setting allows more by name.
//
//     defaults -> file (--config) -> flags -> Validate -> server
package config
