package config

import (
	"path"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seedguard/seedguard/pkg/admission"
)

func validateRestriction(p *admission.Policy, root *field.Path) (errs field.ErrorList) {
	modes := []admission.Mode{admission.ModeEnforce, admission.ModeObserve}
	if !slices.Contains(modes, p.Mode) {
		errs = append(errs, field.NotSupported(root.Child("mode"), p.Mode, modes))
	}
	references := []admission.References{
		admission.ReferencesEnforce, admission.ReferencesWarn, admission.ReferencesOff,
	}
	if !slices.Contains(references, p.References) {
		errs = append(errs, field.NotSupported(root.Child("references"), p.References, references))
	}
	registrations := []admission.FirstRegistration{
		admission.FirstRegistrationGarden, admission.FirstRegistrationRefuse,
	}
	if !slices.Contains(registrations, p.FirstRegistration) {
		errs = append(errs, field.NotSupported(root.Child("firstRegistration"), p.FirstRegistration, registrations))
	}
	errs = append(errs, each(root.Child("sharedDNSSecrets"), p.SharedDNSSecrets, glob)...)
	for i, granted := range p.SeedReferences {
		at := root.Child("seedReferences").Index(i)
		errs = append(errs, some(at.Child("seeds"), granted.Seeds, glob)...)
		errs = append(errs, some(at.Child("names"), granted.Names, nameOfReference)...)
	}
	for i, exempt := range p.Exempt {
		at := root.Child("exempt").Index(i)
		errs = append(errs, some(at.Child("extensions"), exempt.Extensions, glob)...)
		errs = append(errs, some(at.Child("namespaces"), exempt.Namespaces, glob)...)
		errs = append(errs, some(at.Child("resources"), exempt.Resources, nameOfResource)...)
	}
	return errs
}

// some requires an element: a list that was forgotten must not grant more than one that was written.
func some(at *field.Path, list []string, wrong func(string) string) field.ErrorList {
	if len(list) == 0 {
		return field.ErrorList{field.Required(at, "must name at least one")}
	}
	return each(at, list, wrong)
}

// each checks all elements by a function that says what is wrong with one, if anything.
func each(at *field.Path, list []string, wrong func(string) string) (errs field.ErrorList) {
	for i, element := range list {
		if why := wrong(element); why != "" {
			errs = append(errs, field.Invalid(at.Index(i), element, why))
		}
	}
	return errs
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
