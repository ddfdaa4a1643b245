package admission

import (
	"maps"
	"slices"
)

// HasGuard reports whether a guard decides, too.
func (w *Write) HasGuard() bool { return w.guard.run != nil }

// Without takes a row out of the table of what writes may bring about, until the function that it returns is called.
// No other test may run meanwhile.
func Without(row Write) (restore func()) {
	key := keyOf(row.Target, row.Operation)
	oldWrites, old := writes, index[key]
	writes = slices.DeleteFunc(slices.Clone(writes), func(w Write) bool { return keyOf(w.Target, w.Operation) == key })
	index[key] = rows{rules: old.rules}
	return func() { writes, index[key] = oldWrites, old }
}

// Granting makes a row grant all references by a field, until the function that it returns is called. No other test
// may run meanwhile.
func Granting(row Write, field string) (restore func()) {
	w := index[keyOf(row.Target, row.Operation)].write
	old := w.Grants
	w.Grants = maps.Clone(old)
	w.Grants[field] = free("a planted hole")
	return func() { w.Grants = old }
}

// Never is the name of the grant that grants nothing, Checked that of the one that leaves it to the guard.
var Never, Checked = never.Name, checked.Name

// WithoutBootstrappers makes the rule for bootstrappers admit the requests of all with a bootstrap token, or of all
// ServiceAccounts, until the function that it returns is called. No other test may run meanwhile.
func WithoutBootstrappers(tokens bool) (restore func()) {
	old := bootstrappers
	bootstrappers.check.run = func(d *decision) error {
		if tokens == (d.bootstrapper.TokenID != "") {
			return nil
		}
		return old.check.run(d)
	}
	return func() { bootstrappers = old }
}
