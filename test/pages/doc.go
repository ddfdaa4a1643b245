// Package pages opens the debug pages in Chromium, goes through them by keyboard, and takes screenshots. It is a module
// of its own, so that what drives a browser is no dependency of seedguard: `make test-pages` runs it.
package pages
