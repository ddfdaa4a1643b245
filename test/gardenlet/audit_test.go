package gardenlet

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// denial is requests of one kind that were answered 403.
type denial struct {
	client, verb, resource, object, why string
}

// expectedDenial is a row of the table of denials that are right, or do no harm.
type expectedDenial struct {
	client, verb, resource, object *regexp.Regexp
	reason                         string
}

func expect(client, verb, resource, object, reason string) expectedDenial {
	whole := func(s string) *regexp.Regexp { return regexp.MustCompile("^(" + s + ")$") }
	return expectedDenial{whole(client), whole(verb), whole(resource), whole(object), reason}
}

var expectedDenials = []expectedDenial{
	expect("gardenlet:field", "get", "managedseeds.seedmanagement.gardener.cloud", "garden/field",
		"it asks whether its Seed is managed, and takes 403 for no"),
	expect("gardenlet:field", "delete", "secrets", "kube-system/bootstrap-token-07401b",
		"an operator's token, with an id of its own: the gardenlet ends, is started again with its certificate, and the "+
			"token stays"),
	expect("gardenlet:field", "get", "secrets", "kube-system/bootstrap-token-872184",
		"it reconciles the ManagedSeed after it has removed renew-kubeconfig, and before the child has bootstrapped; it "+
			"tries again until then"),
	expect("gardenlet:field", "create", "backupbuckets.core.gardener.cloud", "/wanted",
		"the test asks for a Secret that is not the Seed's"),
	expect("extension:field", "get", "secrets", "garden/unrelated", "the test asks, to see that this table tells"),
}

// denials: every denied request of the gardenlets and their extensions must be expected.
func denials(t *testing.T) {
	events, err := g.AuditEvents()
	require.NoError(t, err)
	denied, counts := map[denial]int{}, map[string]int{}
	for i := range events {
		e := &events[i]
		client := clientOf(e)
		if client == "" || e.ObjectRef == nil || e.ResponseStatus == nil {
			continue
		}
		result := "answered otherwise"
		switch code := e.ResponseStatus.Code; {
		case code == http.StatusForbidden && strings.Contains(e.ResponseStatus.Message, "admission webhook"):
			result = "denied by the SeedRestriction"
		case code == http.StatusForbidden:
			result = "denied by the authorizer"
		case code >= http.StatusInternalServerError:
			result = "5xx"
		case code < http.StatusBadRequest:
			result = "succeeded"
		}
		counts[client[:strings.IndexAny(client+":", ":")]+": "+result]++
		if e.ResponseStatus.Code == http.StatusForbidden {
			denied[denial{client, e.Verb, resourceOf(e), e.ObjectRef.Namespace + "/" + e.ObjectRef.Name,
				e.ResponseStatus.Message}]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Printf("%8d  %s\n", counts[name], name)
	}
	rows := slices.SortedFunc(maps.Keys(denied), func(a, b denial) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.resource, b.resource), cmp.Compare(a.verb, b.verb),
			cmp.Compare(a.object, b.object))
	})
	for _, d := range rows {
		at := slices.IndexFunc(expectedDenials, func(e expectedDenial) bool {
			return e.client.MatchString(d.client) && e.verb.MatchString(d.verb) && e.resource.MatchString(d.resource) &&
				e.object.MatchString(d.object)
		})
		reason := "NOT EXPECTED: " + d.why
		switch later := allowedLater(events, d); {
		case at >= 0:
			reason = expectedDenials[at].reason
		case later > 0:
			reason = fmt.Sprintf("ahead of what seedguard's watches had told; allowed %v later", later)
		default:
			t.Errorf("%d times denied: %+v", denied[d], d)
		}
		fmt.Printf("| %s | %s | %s | %s | %d | %s |\n", d.client, d.verb, d.resource, d.object, denied[d], reason)
	}
}

// lag is by how much seedguard may know of a change later than a client that acts on it: long, for busy machines.
const lag = 5 * time.Second

// allowedLater returns after how long the authorizer allowed what it had denied, 0 if it did not within lag of each
// denial.
func allowedLater(events []auditv1.Event, d denial) (longest time.Duration) {
	var denied, allowed []time.Time
	for i := range events {
		e := &events[i]
		if e.ObjectRef == nil || e.ResponseStatus == nil || clientOf(e) != d.client || e.Verb != d.verb ||
			resourceOf(e) != d.resource || e.ObjectRef.Namespace+"/"+e.ObjectRef.Name != d.object {
			continue
		}
		if e.ResponseStatus.Code != http.StatusForbidden {
			allowed = append(allowed, e.RequestReceivedTimestamp.Time)
		} else if strings.Contains(e.ResponseStatus.Message, "admission webhook") {
			return 0
		} else {
			denied = append(denied, e.RequestReceivedTimestamp.Time)
		}
	}
	for _, at := range denied {
		next := slices.IndexFunc(allowed, func(a time.Time) bool { return a.After(at) && a.Sub(at) < lag })
		if next < 0 {
			return 0
		}
		longest = max(longest, allowed[next].Sub(at))
	}
	return longest
}

// clientOf returns who made a request: "gardenlet:<seed>", "extension:<seed>", "bootstrapper", or "" for others.
func clientOf(e *auditv1.Event) string {
	user := e.User.Username
	switch {
	case strings.HasPrefix(user, "gardener.cloud:system:seed:"):
		return "gardenlet:" + strings.TrimPrefix(user, "gardener.cloud:system:seed:")
	case strings.HasPrefix(user, "system:serviceaccount:seed-"):
		seed, _, _ := strings.Cut(strings.TrimPrefix(user, "system:serviceaccount:seed-"), ":")
		return "extension:" + seed
	case strings.HasPrefix(user, "system:bootstrap:"):
		return "bootstrapper"
	}
	return ""
}

func resourceOf(e *auditv1.Event) string {
	resource := e.ObjectRef.Resource
	if e.ObjectRef.APIGroup != "" {
		resource += "." + e.ObjectRef.APIGroup
	}
	if e.ObjectRef.Subresource != "" {
		resource += "/" + e.ObjectRef.Subresource
	}
	return resource
}
