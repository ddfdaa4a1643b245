package main

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The elements of a report that CI systems read: JUnit's, as far as they agree on it.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		junitCounts
		Suites []*junitSuite `xml:"testsuite"`
	}
	// junitSuite is a file.
	junitSuite struct {
		Name string `xml:"name,attr"`
		File string `xml:"file,attr"`
		junitCounts
		Cases []junitCase `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     junitSeconds `xml:"time,attr"`
	}
	// junitCase is a request.
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    junitSeconds  `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	junitSeconds float64
)

// MarshalText writes no exponent, which not all readers understand.
func (s junitSeconds) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%.6f", float64(s)), nil }

func (c *junitCounts) add(r *result) {
	c.Tests++
	c.Time += junitSeconds(r.Seconds)
	if !r.OK {
		c.Failures++
	}
}

// junit returns the report for CI systems.
func (r *report) junit() (string, error) {
	var suites junitSuites
	var suite *junitSuite
	for i := range r.Requests {
		asked := &r.Requests[i]
		if suite == nil || suite.Name != asked.File {
			suite = &junitSuite{Name: asked.File, File: asked.File}
			suites.Suites = append(suites.Suites, suite)
		}
		c := junitCase{
			Class: asked.File, Name: asked.Name, File: asked.File, Line: asked.Line, Time: junitSeconds(asked.Seconds),
		}
		if failures := asked.failures(); len(failures) > 0 {
			c.Failure = &junitFailure{failures[0], strings.Join(failures, "\n")}
		}
		suite.Cases = append(suite.Cases, c)
		suite.add(asked)
		suites.add(asked)
	}
	content, err := xml.MarshalIndent(suites, "", "  ")
	return fmt.Sprintf("%s%s\n", xml.Header, content), err
}
