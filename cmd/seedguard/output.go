package main

import (
	"errors"
	"io"
	"slices"

	"github.com/spf13/pflag"

	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/tabular"
)

// outputFlag is the flag for the format of what a command prints.
type outputFlag struct {
	format  string
	formats []string
}

// addFlag adds the flag for these formats. The first is the default.
func (o *outputFlag) addFlag(set *pflag.FlagSet, formats ...string) {
	o.format, o.formats = formats[0], formats
	set.VarP(o, "output", "o", explain.Or(formats))
}

// Set implements pflag.Value.
func (o *outputFlag) Set(format string) error {
	if !slices.Contains(o.formats, format) {
		return errors.New("want " + explain.Or(o.formats))
	}
	o.format = format
	return nil
}

// String implements pflag.Value.
func (o *outputFlag) String() string { return o.format }

// Type implements pflag.Value.
func (o *outputFlag) Type() string { return "string" }

// write writes what there is to print: as JSON if that was asked for, else as the text.
func (o *outputFlag) write(w io.Writer, shown any, text string) error {
	if o.format == "json" {
		return tabular.Write(w, o.format, shown)
	}
	_, err := io.WriteString(w, text)
	return err
}

// answer writes the answer to a question. It fails with errNotAllowed when the answer is no.
func (o *outputFlag) answer(w io.Writer, yes bool, shown any, text string) error {
	if err := o.write(w, shown, text); err != nil || yes {
		return err
	}
	return errNotAllowed
}
