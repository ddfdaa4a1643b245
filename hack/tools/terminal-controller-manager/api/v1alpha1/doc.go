// Package v1alpha1 stands in for the package of that name in a module that cannot be downloaded. Gardener's programs
// import it and use nothing of it where the test garden runs them.
package v1alpha1
