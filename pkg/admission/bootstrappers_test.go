package admission

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/naming"
	"github.com/seedguard/seedguard/test/pki"
)

// bootstrapLandscape has a Seed, ManagedSeed or Gardenlet of each sort that a bootstrapper may ask for.
var bootstrapLandscape = []string{
	seedAt("of-ms", "2027-01-01T00:00:00Z", ""), // its bootstrapping is over
	seedAt("of-gardenlet", "2027-01-01T00:00:00Z", ""),
	seedAt("valid", "2027-01-01T00:00:00Z", ""),
	seedAt("expired", "2026-11-20T11:59:59Z", ""),
	seedAt("expires", "2026-11-20T12:00:01Z", ""),
	seedAt("renewed", "2027-01-01T00:00:00Z", "annotations: {gardener.cloud/operation: renew-kubeconfig}"),
	seedAt("reconciled", "2027-01-01T00:00:00Z", "annotations: {gardener.cloud/operation: reconcile}"),
	`{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: never-seen}}`,
	managedSeed("of-ms", "on-a", "", ""),
	managedSeed("child", "on-a", "", ""),
	gardenletNamed("of-gardenlet", ""),
	gardenletNamed("self-hosted-shoot-x", ""),
}

func seedAt(name, expiration, metadata string) string {
	return "{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: " + name + ", " + metadata +
		"}, status: {clientCertificateExpirationTimestamp: " + expiration + "}}"
}

func bootstrapToken(id string) authenticationv1.UserInfo {
	return authenticationv1.UserInfo{
		Username: "system:bootstrap:" + id,
		Groups:   []string{"system:bootstrappers", "system:authenticated"},
	}
}

func bootstrapAccount(namespace, name string) authenticationv1.UserInfo {
	return authenticationv1.UserInfo{
		Username: "system:serviceaccount:" + namespace + ":gardenlet-bootstrap-" + name,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace},
	}
}

const goodUsages = "client auth, key encipherment, digital signature"

func asksFor(t testing.TB, seed string) *admissionv1.AdmissionRequest {
	t.Helper()
	return creates(requests, csrOf(certificateRequestFor(t, subjectOf(seed)), goodUsages))
}

// subjectOf is the subject of the gardenlet's certificate. More organizations make it none.
func subjectOf(seed string, more ...string) pkix.Name {
	return pkix.Name{
		Organization: append([]string{"gardener.cloud:system:seeds"}, more...),
		CommonName:   "gardener.cloud:system:seed:" + seed,
	}
}

func csrOf(request, usages string) string {
	return "metadata: {name: c}\nspec: {request: " + request +
		", signerName: kubernetes.io/kube-apiserver-client, usages: [" + usages + "]}"
}

func TestBootstrappers(t *testing.T) {
	const (
		notReadable = "\x00" // stands for a Secret that cannot be read
		operators   = "For the new Seed in Frankfurt."
	)
	of := func(name string) authenticationv1.UserInfo {
		return bootstrapToken(naming.BootstrapTokenID("garden", name))
	}
	other, forChild := bootstrapToken("abc123"), tokenFor("ManagedSeed", "garden/child")
	for about, c := range map[string]struct {
		user authenticationv1.UserInfo
		// description is that of the token, empty for no such Secret.
		description, seed string
		message           string // empty: allowed
	}{
		// The description names an object.
		"token of a ManagedSeed":                      {of("child"), forChild, "child", ""},
		"token of a ManagedSeed, bootstrapped by now": {of("of-ms"), tokenFor("ManagedSeed", "garden/of-ms"), "of-ms", ""},
		"token of a Gardenlet": {of("of-gardenlet"), tokenFor("Gardenlet", "garden/of-gardenlet"), "of-gardenlet",
			""},
		"token of a ManagedSeed for another Seed": {of("child"), forChild, "expired",
			`it is for Seed "expired", and the client bootstraps for ManagedSeed/garden/child`},
		"token of a ManagedSeed for a Seed that is not": {of("child"),
			forChild, "new", "bootstraps for ManagedSeed/garden/child"},
		"token of a ManagedSeed that does not exist": {of("gone"), tokenFor("ManagedSeed", "garden/gone"),
			"gone", "ManagedSeed/garden/gone does not exist"},
		"token of a ManagedSeed in another namespace": {bootstrapToken(naming.BootstrapTokenID("p", "child")),
			tokenFor("ManagedSeed", "p/child"), "child", "ManagedSeed/p/child does not exist"},
		"token of a Gardenlet that does not exist": {of("child"), tokenFor("Gardenlet", "garden/child"),
			"child", "Gardenlet/garden/child does not exist"},
		"token of another id than the ManagedSeed's": {other, forChild,
			"child", "does not have the id of one for ManagedSeed/garden/child"},
		"token of a self-hosted Shoot's Gardenlet": {of("self-hosted-shoot-x"),
			tokenFor("Gardenlet", "garden/self-hosted-shoot-x"), "self-hosted-shoot-x",
			"bootstraps for Gardenlet/garden/self-hosted-shoot-x"},

		// The description names a Shoot, or something that bootstraps nothing.
		"token of a Shoot": {other,
			"Used for connecting the self-hosted Shoot garden/s to Gardener via 'gardenadm connect'", "new",
			"the bootstrap token is for a Shoot"},
		"token of a Shoot, expired Seed": {other,
			"Used for connecting the self-hosted Shoot garden/expired to Gardener", "expired",
			"the bootstrap token is for a Shoot"},
		"token of something else": {other,
			"A bootstrap token for the Gardenlet for core.gardener.cloud/v1beta1.Shoot resource p/s.", "new",
			"neither for a ManagedSeed nor for a Gardenlet"},
		"token whose Secret is not there": {other, "", "new", "Secret/kube-system/bootstrap-token-abc123 does not exist"},

		// An operator's own token.
		"operator's token, no such Seed":        {other, operators, "new", ""},
		"operator's token, expired certificate": {other, operators, "expired", ""},
		"operator's token, asked to renew":      {other, operators, "renewed", ""},
		"operator's token, asked for something else": {other, operators, "reconciled",
			"Seed/reconciled exists, its client certificate has not expired"},
		"operator's token, valid certificate": {other, operators, "valid",
			"Seed/valid exists, its client certificate has not expired"},
		"operator's token, certificate that expires soon": {other, operators, "expires",
			"Seed/expires exists, its client certificate has not expired"},
		"operator's token, Seed without a certificate": {other, operators, "never-seen",
			"Seed/never-seen exists, its client certificate has not expired"},
		"operator's token, Seed of a ManagedSeed":       {other, operators, "of-ms", "ManagedSeed/garden/of-ms exists"},
		"operator's token, Seed-to-be of a ManagedSeed": {other, operators, "child", "ManagedSeed/garden/child exists"},
		"operator's token, Seed of a Gardenlet": {other, operators, "of-gardenlet",
			"Gardenlet/garden/of-gardenlet exists"},
		"operator's token with the id of a ManagedSeed": {of("child"), operators, "child",
			"ManagedSeed/garden/child exists"},
		"operator's token with the id of a ManagedSeed, a new": {of("child"), operators, "new", ""},

		// The Secret cannot be read: the id decides.
		"id of a ManagedSeed":               {of("child"), notReadable, "child", ""},
		"id of a ManagedSeed, bootstrapped": {of("of-ms"), notReadable, "of-ms", ""},
		"id of a Gardenlet":                 {of("of-gardenlet"), notReadable, "of-gardenlet", ""},
		"id of a ManagedSeed, another Seed": {of("child"), notReadable, "expired", "bootstraps for ManagedSeed/garden/child"},
		"id of a Gardenlet, no such Seed": {of("of-gardenlet"), notReadable, "new",
			"bootstraps for Gardenlet/garden/of-gardenlet"},
		"id of a self-hosted Shoot's Gardenlet": {of("self-hosted-shoot-x"), notReadable,
			"self-hosted-shoot-x", "bootstraps for Gardenlet/garden/self-hosted-shoot-x"},
		"id of nothing, no such Seed":          {other, notReadable, "new", ""},
		"id of nothing, expired certificate":   {other, notReadable, "expired", ""},
		"id of nothing, valid certificate":     {other, notReadable, "valid", "Seed/valid exists"},
		"id of nothing, Seed of a ManagedSeed": {other, notReadable, "of-ms", "ManagedSeed/garden/of-ms exists"},
		"id of nothing, Seed of a Gardenlet": {other, notReadable, "of-gardenlet",
			"Gardenlet/garden/of-gardenlet exists"},
		"id of nothing, asked to renew the Seed": {other, notReadable, "renewed", ""},

		// ServiceAccounts.
		"ServiceAccount":                      {bootstrapAccount("garden", "child"), "", "child", ""},
		"ServiceAccount, bootstrapped by now": {bootstrapAccount("garden", "of-ms"), "", "of-ms", ""},
		"ServiceAccount for another Seed": {bootstrapAccount("garden", "child"), "", "expired",
			"bootstraps for ManagedSeed/garden/child"},
		"ServiceAccount for a Seed that is not": {bootstrapAccount("garden", "child"), "", "new",
			"bootstraps for ManagedSeed/garden/child"},
		"ServiceAccount in another namespace": {bootstrapAccount("p", "child"), "", "child",
			"ManagedSeed/p/child does not exist"},
		"ServiceAccount in a Seed's namespace": {bootstrapAccount("seed-a", "child"), "", "child",
			"ManagedSeed/seed-a/child does not exist"},
		"ServiceAccount of a ManagedSeed that is not": {bootstrapAccount("garden", "gone"), "", "gone",
			"ManagedSeed/garden/gone does not exist"},
		"ServiceAccount of a Gardenlet, which needs one": {bootstrapAccount("garden", "of-gardenlet"), "", "of-gardenlet",
			"ManagedSeed/garden/of-gardenlet does not exist"},
	} {
		t.Run(about, func(t *testing.T) {
			for _, policy := range []References{ReferencesEnforce, ReferencesWarn, ReferencesOff} {
				m := newMemory(t, bootstrapLandscape...)
				if c.description != notReadable {
					m.tokens = map[string]string{}
					if c.description != "" {
						m.tokens[c.user.Username[len("system:bootstrap:"):]] = c.description
					}
				}
				plugin := newPluginWith(m, Policy{References: policy})
				response := plugin.Admit(t.Context(), as(c.user, asksFor(t, c.seed)))
				require.Equal(t, c.message == "" || policy != ReferencesEnforce, response.Allowed, "%v", response.Result)
				switch {
				case policy == ReferencesOff:
					require.Empty(t, m.asked, "nothing of it is applied")
					require.Empty(t, response.Warnings)
				case c.message == "":
					require.Empty(t, response.Warnings)
				case policy == ReferencesWarn:
					require.Len(t, response.Warnings, 1)
					require.Contains(t, response.Warnings[0], c.message)
					require.Contains(t, response.AuditAnnotations["references"], c.message)
				default:
					require.EqualValues(t, 403, response.Result.Code)
					require.Contains(t, response.Result.Message, `the bootstrapper "`+c.user.Username+
						`" may not create certificatesigningrequests.certificates.k8s.io "c": `)
					require.Contains(t, response.Result.Message, c.message)
					require.Contains(t, response.Result.Message, "; allowed when it asks for a client certificate of the Seed that")
				}
				for _, reader := range m.seeds {
					require.Equal(t, c.user.Username, reader, "reads are counted for the bootstrapper, and for no Seed")
				}
			}
		})
	}
}

// TestBootstrappersOtherRequests: only seed clients' certificates are looked at.
func TestBootstrappersOtherRequests(t *testing.T) {
	plain := func(subject pkix.Name) *admissionv1.AdmissionRequest {
		return creates(requests, csrOf(certificateRequestFor(t, subject), goodUsages))
	}
	withURI, err := pki.CertificateRequest(&x509.CertificateRequest{
		Subject: subjectOf("child"), URIs: []*url.URL{{Scheme: "spiffe", Host: "a"}},
	})
	require.NoError(t, err)
	status := asksFor(t, "valid")
	status.SubResource = "status"
	for about, c := range map[string]struct {
		request *admissionv1.AdmissionRequest
		message string // empty: allowed
	}{
		"certificate of a node": {plain(pkix.Name{Organization: []string{"system:nodes"},
			CommonName: "system:node:n"}), ""},
		"certificate of a Shoot": {plain(pkix.Name{Organization: []string{"gardener.cloud:system:shoots"},
			CommonName: "gardener.cloud:system:shoot:p:s"}), ""},
		"certificate of a Seed, not in it": {plain(pkix.Name{CommonName: "gardener.cloud:system:seed:valid"}), ""},
		"no certificate request":           {creates(requests, csrOf(b64("x"), "")), ""},
		"update of a certificate request": {updates(requests,
			csrOf(certificateRequestFor(t, subjectOf("valid")), goodUsages)), ""},
		"deletion of a certificate request": {deletes(requests,
			csrOf(certificateRequestFor(t, subjectOf("valid")), goodUsages)), ""},
		"status of a certificate request": {status, ""},
		"Secret":                          {creates("secrets", meta("garden", "x")), ""},

		// Whoever approves requests may be content with the subject.
		"more organizations": {plain(subjectOf("child", "x")),
			"it would make its holder a client of Seed \"child\", but subject's organization must be exactly"},
		"URI": {creates(requests, csrOf(base64.StdEncoding.EncodeToString(withURI), goodUsages)),
			"subject alternative names are not allowed"},
		"DNS name": {creates(requests, csrOf(certificateRequestFor(t, subjectOf("child"), "a.example.com"),
			goodUsages)), "subject alternative names are not allowed"},
		"usages": {creates(requests, csrOf(certificateRequestFor(t, subjectOf("child")), "client auth")),
			"usages must be exactly"},
		"extension": {plain(pkix.Name{Organization: []string{"system:serviceaccounts",
			"system:serviceaccounts:seed-child"}, CommonName: "system:serviceaccount:seed-child:extension-x"}),
			"client of Seed \"child\""},
	} {
		t.Run(about, func(t *testing.T) {
			for _, who := range []authenticationv1.UserInfo{bootstrapToken("abc123"), bootstrapAccount("garden", "child")} {
				response := newPluginWith(newMemory(t, bootstrapLandscape...), Policy{}).Admit(t.Context(), as(who, c.request))
				requireAnswer(t, forbids(c.message), c.message, response, about)
			}
		})
	}
	for about, c := range map[string]*admissionv1.AdmissionRequest{
		"usages of another type": creates(requests, "metadata: {name: c}\nspec: {usages: 7}"),
		"of an unknown version":  creates("certificatesigningrequests.v7.certificates.k8s.io", "metadata: {name: c}"),
	} {
		response := newPluginWith(newMemory(t), Policy{}).Admit(t.Context(), as(bootstrapToken("abc123"), c))
		requireAnswer(t, 400, "", response, about)
	}
	// Whoever is no bootstrapper is none of this webhook's business.
	for _, who := range []authenticationv1.UserInfo{
		{Username: "system:bootstrap:abc123"}, {Username: "system:bootstrap:abc1234",
			Groups: []string{"system:bootstrappers"}}, {Username: "jane"},
	} {
		require.True(t, newPluginWith(newMemory(t), Policy{}).Admit(t.Context(), as(who, asksFor(t, "valid"))).Allowed)
	}
}

// TestBootstrappersLiveRecheck: what a denial rests on is read live first.
func TestBootstrappersLiveRecheck(t *testing.T) {
	child, operators := naming.BootstrapTokenID("garden", "child"), "an operator's"
	for about, test := range map[string]liveCase{
		"a ManagedSeed that has just been created": {
			user: bootstrapToken(child), tokens: map[string]string{child: tokenFor("ManagedSeed", "garden/child")},
			request: asksFor(t, "child"), live: []string{managedSeed("child", "on-a", "", "")},
			asked: []string{"bootstrap token " + child, "ManagedSeed/garden/child"},
		},
		"a ManagedSeed that has just been created, by id": {
			user: bootstrapToken(child), request: asksFor(t, "child"),
			cached: []string{seedAt("child", "2027-01-01T00:00:00Z", "")},
			live:   []string{seedAt("child", "2027-01-01T00:00:00Z", ""), managedSeed("child", "on-a", "", "")},
			asked:  []string{"bootstrap token " + child, "Seed/child", "Gardenlet/garden/child", "ManagedSeed/garden/child"},
		},
		"a ManagedSeed that has just been created, by ServiceAccount": {
			user: bootstrapAccount("garden", "child"), request: asksFor(t, "child"),
			live: []string{managedSeed("child", "on-a", "", "")}, asked: []string{"ManagedSeed/garden/child"},
		},
		"a Seed that is gone by now": {
			user: bootstrapToken("abc123"), tokens: map[string]string{"abc123": operators}, request: asksFor(t, "s"),
			cached: []string{seedAt("s", "2027-01-01T00:00:00Z", "")}, asked: []string{"bootstrap token abc123", "Seed/s"},
		},
		"a Seed that is there": {
			user: bootstrapToken("abc123"), tokens: map[string]string{"abc123": operators}, request: asksFor(t, "s"),
			cached: []string{seedAt("s", "2027-01-01T00:00:00Z", "")}, live: []string{seedAt("s", "2027-01-01T00:00:00Z", "")},
			code: 403, asked: []string{
				"bootstrap token abc123", "Seed/s", "Gardenlet/garden/s", "ManagedSeed/garden/s",
				"metadata of certificatesigningrequests.v1//c",
			},
		},
		"a token that cannot be read": {
			user: bootstrapToken("abc123"), request: asksFor(t, "new"), err: errors.New("too slow"), code: 500,
			message: `it cannot be decided whether the bootstrapper "system:bootstrap:abc123" may create ` +
				`certificatesigningrequests.certificates.k8s.io "c": ` +
				`Secret/kube-system/bootstrap-token-abc123 could not be read from the API server: too slow`,
			asked: []string{"bootstrap token abc123"},
		},
	} {
		t.Run(about, test.run)
	}
}

// TestValidateBootstrappers asks the plugin as an API server does that has it compiled in.
func TestValidateBootstrappers(t *testing.T) {
	request, err := base64.StdEncoding.DecodeString(certificateRequestFor(t, subjectOf("valid")))
	require.NoError(t, err)
	csr := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: "c"},
		Spec: certificatesv1.CertificateSigningRequestSpec{Request: request, Usages: []certificatesv1.KeyUsage{
			certificatesv1.UsageClientAuth, certificatesv1.UsageDigitalSignature, certificatesv1.UsageKeyEncipherment,
		}},
	}
	who := bootstrapToken("abc123")
	gv := certificatesv1.SchemeGroupVersion
	attributes := admission.NewAttributesRecord(csr, nil, gv.WithKind("CertificateSigningRequest"), "", "c",
		gv.WithResource("certificatesigningrequests"), "", admission.Create, nil, false,
		&user.DefaultInfo{Name: who.Username, Groups: who.Groups})
	interfaces := admission.NewObjectInterfacesFromScheme(garden.Scheme)
	plugin := newPluginWith(newMemory(t, bootstrapLandscape...), Policy{})
	require.ErrorContains(t, plugin.Validate(t.Context(), attributes, interfaces), "Seed/valid exists")
	plugin = newPluginWith(newMemory(t), Policy{})
	require.NoError(t, plugin.Validate(t.Context(), attributes, interfaces))
}
