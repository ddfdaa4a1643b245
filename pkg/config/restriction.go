package config

import (
	"path"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seedguard/seedguard/pkg/admission"
)

func (p *problems) restriction(r *admission.Policy, root *field.Path) {
	oneOf(p, root.Child("mode"), r.Mode, admission.ModeEnforce, admission.ModeObserve)
	oneOf(p, root.Child("references"), r.References,
		admission.ReferencesEnforce, admission.ReferencesWarn, admission.ReferencesOff)
	oneOf(p, root.Child("firstRegistration"), r.FirstRegistration,
		admission.FirstRegistrationGarden, admission.FirstRegistrationRefuse)
	p.each(root.Child("sharedDNSSecrets"), r.SharedDNSSecrets, glob)
	for i, granted := range r.SeedReferences {
		at := root.Child("seedReferences").Index(i)
		p.some(at.Child("seeds"), granted.Seeds, glob)
		p.some(at.Child("names"), granted.Names, nameOfReference)
	}
	for i, exempt := range r.Exempt {
		at := root.Child("exempt").Index(i)
		p.some(at.Child("extensions"), exempt.Extensions, glob)
		p.some(at.Child("namespaces"), exempt.Namespaces, glob)
		p.some(at.Child("resources"), exempt.Resources, nameOfResource)
	}
}

// some requires an element: a list that was forgotten must not grant more than one that was written.
func (p *problems) some(at *field.Path, list []string, wrong func(string) string) {
	p.when(len(list) == 0, field.Required(at, "must name at least one"))
	p.each(at, list, wrong)
}

// each checks all elements by a function that says what is wrong with one, if anything.
func (p *problems) each(at *field.Path, list []string, wrong func(string) string) {
	for i, element := range list {
		why := wrong(element)
		p.when(why != "", field.Invalid(at.Index(i), element, why))
	}
}

func glob(pattern string) string {
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" || strings.Contains(pattern, "/") {
		return "must be a glob of names, in which * stands for any characters"
	}
	return ""
}

// nameOfReference checks a name in which <seed> stands for that of a Seed.
func nameOfReference(name string) string {
	wrong := apivalidation.NameIsDNSSubdomain(strings.ReplaceAll(name, "<seed>", "seed"), false)
	if len(wrong) > 0 {
		return "must be a name in namespace garden, in which <seed> stands for the name of the Seed: " + wrong[0]
	}
	return ""
}

// nameOfResource checks a resource, with its API group behind a dot.
func nameOfResource(name string) string {
	if len(apivalidation.NameIsDNSSubdomain(name, false)) > 0 {
		return "must be a resource with its API group, such as secrets or shoots.core.gardener.cloud"
	}
	return ""
}
