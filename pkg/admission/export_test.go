package admission

import (
	"maps"
	"slices"
)

// Without takes a row out of the table of what writes may bring about, until the function that it returns is called.
// No other test may run meanwhile.
func Without(row Write) (restore func()) {
	oldWrites, oldIndex := writes, writeIndex
	same := func(w Write) bool { return w.Target == row.Target && w.Operation == row.Operation }
	writes = slices.DeleteFunc(slices.Clone(writes), same)
	writeIndex = maps.Clone(writeIndex)
	maps.DeleteFunc(writeIndex, func(_ write, w *Write) bool { return same(*w) })
	return func() { writes, writeIndex = oldWrites, oldIndex }
}

// Granting makes a row grant all references by a field, until the function that it returns is called. No other test
// may run meanwhile.
func Granting(row Write, field string) (restore func()) {
	key := write{row.Kind.Resource().GroupResource(), row.Subresource, row.Operation}
	w := writeIndex[key]
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
	bootstrappers.check = named("planted", func(d *decision, o *certificateRequest) error {
		if tokens == (d.bootstrapper.TokenID != "") {
			return nil
		}
		return checkBootstrappedSeed(d, o)
	})
	return func() { bootstrappers = old }
}
