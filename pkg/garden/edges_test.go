package garden

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	"github.com/stretchr/testify/require"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/test/pki"
)

// ofKind makes an API object of a watched kind from the YAML of its fields.
func ofKind(t testing.TB, kind graph.Kind, manifest string) runtime.Object {
	t.Helper()
	o := newObject(kind)
	require.NoError(t, yaml.UnmarshalStrict([]byte(manifest), o), manifest)
	return o
}

// printed prints edges as "Kind/ns/name -> Kind/ns/name", sorted.
func printed(edges []graph.Edge) []string {
	lines := []string{}
	for _, e := range edges {
		lines = append(lines, e.From.String()+" -> "+e.To.String())
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// ownEdges are those that each object named o, in namespace ns, has by its name.
var ownEdges = map[graph.Kind][]string{
	graph.KindSeed: {
		"ConfigMap/kube-system/cluster-identity -> Seed/o",
		"Lease/gardener-system-seed-lease/o -> Seed/o",
		"Namespace/seed-o -> Seed/o",
	},
	graph.KindShoot:       {"Namespace/ns -> Shoot/ns/o"},
	graph.KindGardenlet:   {"Gardenlet/ns/o -> Seed/o"},
	graph.KindManagedSeed: {"ManagedSeed/ns/o -> Seed/o", "Seed/o -> ManagedSeed/ns/o"},
}

func TestEdges(t *testing.T) {
	implied := map[*Field]bool{} // the fields that some case has an edge by

	type edges = []string
	const (
		secretRef   = `{apiVersion: v1, kind: Secret, namespace: c, name: x}`
		identityRef = `{apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity, namespace: c, name: x}`
		internalRef = `{apiVersion: core.gardener.cloud/v1beta1, kind: InternalSecret, namespace: c, name: x}`
		alienRef    = `{apiVersion: v2, kind: Secret, namespace: c, name: x}`
		nowhereRef  = `{apiVersion: v1, kind: Secret, name: x}`
		resources   = `[{name: a, resourceRef: {apiVersion: v1, kind: Secret, name: rs}},
			{name: b, resourceRef: {apiVersion: v1, kind: ConfigMap, name: rc}},
			{name: c, resourceRef: {apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity, name: rw}},
			{name: d, resourceRef: {apiVersion: core.gardener.cloud/v1beta1, kind: InternalSecret, name: ri}},
			{name: e, resourceRef: {apiVersion: apps/v1, kind: Deployment, name: rd}},
			{name: f, resourceRef: {apiVersion: v1, kind: Secret, name: ""}}]`
		config = `{apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration, newField: 1,
			seedConfig: {spec: {backup: {provider: p, credentialsRef: ` + secretRef + `}, resources: ` + resources + `}}}`
		ociRepository = `ociRepository: {pullSecretRef: {name: p}, caBundleSecretRef: {name: q}}`
	)
	for _, tc := range []struct {
		// name begins with the kind.
		name string
		// fields are those of an object named o, in namespace ns, unless they have metadata.
		fields string
		// want are the edges beside ownEdges; all edges of an object that has its own metadata.
		want edges
	}{
		{"Seed/own", ``, nil},
		{"Seed/backup Secret", `spec: {backup: {provider: p, credentialsRef: ` + secretRef + `}}`,
			edges{"Secret/c/x -> Seed/o"}},
		{"Seed/backup WorkloadIdentity", `spec: {backup: {provider: p, credentialsRef: ` + identityRef + `}}`,
			edges{"WorkloadIdentity/c/x -> Seed/o"}},
		{"Seed/backup of another kind", `spec: {backup: {provider: p, credentialsRef: ` + internalRef + `}}`, nil},
		{"Seed/backup of another version", `spec: {backup: {provider: p, credentialsRef: ` + alienRef + `}}`, nil},
		{"Seed/backup without namespace", `spec: {backup: {provider: p, credentialsRef: ` + nowhereRef + `}}`, nil},
		{"Seed/backup without credentials", `spec: {backup: {provider: p}}`, nil},
		{"Seed/dns provider", `spec: {dns: {provider: {type: p, credentialsRef: ` + secretRef + `}}}`,
			edges{"Secret/c/x -> Seed/o"}},
		{"Seed/dns internal", `spec: {dns: {internal: {type: p, domain: d, credentialsRef: ` + identityRef + `}}}`,
			edges{"WorkloadIdentity/c/x -> Seed/o"}},
		{"Seed/dns defaults", `spec: {dns: {defaults: [{type: p, domain: d, credentialsRef: ` + secretRef + `},
			{type: p, domain: d, credentialsRef: ` + identityRef + `}, {type: p, domain: d, credentialsRef: {}}]}}`,
			edges{"Secret/c/x -> Seed/o", "WorkloadIdentity/c/x -> Seed/o"}},
		{"Seed/resources", `spec: {resources: ` + resources + `}`,
			edges{"ConfigMap/garden/rc -> Seed/o", "Secret/garden/rs -> Seed/o", "WorkloadIdentity/garden/rw -> Seed/o"}},

		{"Shoot/unscheduled", ``, nil},
		{"Shoot/scheduled", `spec: {seedName: s}`, edges{"Shoot/ns/o -> Seed/s"}},
		{"Shoot/migrating", `spec: {seedName: s}, status: {seedName: s2}`,
			edges{"Shoot/ns/o -> Seed/s", "Shoot/ns/o -> Seed/s2"}},
		{"Shoot/empty names", `spec: {seedName: "", secretBindingName: "", exposureClassName: "", cloudProfileName: ""},
			status: {seedName: ""}`, nil},
		{"Shoot/secret binding", `spec: {secretBindingName: b}`, edges{"SecretBinding/ns/b -> Shoot/ns/o"}},
		{"Shoot/credentials binding", `spec: {credentialsBindingName: b}`,
			edges{"CredentialsBinding/ns/b -> Shoot/ns/o"}},
		{"Shoot/cloud profile", `spec: {cloudProfile: {kind: CloudProfile, name: c}}`,
			edges{"CloudProfile/c -> Shoot/ns/o"}},
		{"Shoot/cloud profile without kind", `spec: {cloudProfile: {name: c}}`, edges{"CloudProfile/c -> Shoot/ns/o"}},
		{"Shoot/namespaced cloud profile", `spec: {cloudProfile: {kind: NamespacedCloudProfile, name: c}}`,
			edges{"NamespacedCloudProfile/ns/c -> Shoot/ns/o"}},
		{"Shoot/cloud profile of another kind", `spec: {cloudProfile: {kind: Other, name: c}, cloudProfileName: d}`, nil},
		{"Shoot/cloud profile name", `spec: {cloudProfileName: c}`, edges{"CloudProfile/c -> Shoot/ns/o"}},
		{"Shoot/cloud profile before its name",
			`spec: {cloudProfileName: d, cloudProfile: {kind: CloudProfile, name: c}}`,
			edges{"CloudProfile/c -> Shoot/ns/o"}},
		{"Shoot/exposure class", `spec: {exposureClassName: e}`, edges{"ExposureClass/e -> Shoot/ns/o"}},
		{"Shoot/audit policy",
			`spec: {kubernetes: {kubeAPIServer: {auditConfig: {auditPolicy: {configMapRef: {name: a}}}}}}`,
			edges{"ConfigMap/ns/a -> Shoot/ns/o"}},
		{"Shoot/audit policy without reference", `spec: {kubernetes: {kubeAPIServer: {auditConfig: {auditPolicy: {}}}}}`,
			nil},
		{"Shoot/structured authentication",
			`spec: {kubernetes: {kubeAPIServer: {structuredAuthentication: {configMapName: a}}}}`,
			edges{"ConfigMap/ns/a -> Shoot/ns/o"}},
		{"Shoot/structured authorization",
			`spec: {kubernetes: {kubeAPIServer: {structuredAuthorization: {configMapName: a,
				kubeconfigs: [{authorizerName: x, secretName: k1}, {authorizerName: y, secretName: k2}]}}}}`,
			edges{"ConfigMap/ns/a -> Shoot/ns/o", "Secret/ns/k1 -> Shoot/ns/o", "Secret/ns/k2 -> Shoot/ns/o"}},
		{"Shoot/dns providers",
			`spec: {dns: {providers: [{credentialsRef: {apiVersion: v1, kind: Secret, name: d1}},
				{credentialsRef: {apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity, name: d2}},
				{credentialsRef: {apiVersion: v1, kind: ConfigMap, name: d3}}, {type: t}]}}`,
			edges{"Secret/ns/d1 -> Shoot/ns/o", "WorkloadIdentity/ns/d2 -> Shoot/ns/o"}},
		{"Shoot/resources", `spec: {resources: ` + resources + `}`,
			edges{"ConfigMap/ns/rc -> Shoot/ns/o", "Secret/ns/rs -> Shoot/ns/o", "WorkloadIdentity/ns/rw -> Shoot/ns/o"}},

		{"BackupBucket/Seed", `spec: {seedName: s, credentialsRef: ` + secretRef + `},
			status: {generatedSecretRef: {namespace: g, name: z}}`,
			edges{"BackupBucket/o -> Seed/s", "Secret/c/x -> BackupBucket/o", "Secret/g/z -> BackupBucket/o"}},
		{"BackupBucket/WorkloadIdentity", `spec: {credentialsRef: ` + identityRef + `}`,
			edges{"WorkloadIdentity/c/x -> BackupBucket/o"}},
		{"BackupBucket/Shoot",
			`spec: {shootRef: {apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, namespace: ns, name: m}}`,
			edges{"BackupBucket/o -> Shoot/ns/m"}},
		{"BackupBucket/no Shoot", `spec: {shootRef: {apiVersion: v1, kind: Secret, namespace: ns, name: m}},
			status: {generatedSecretRef: {name: z}}`, nil},
		{"BackupBucket/Shoot of another group",
			`spec: {shootRef: {apiVersion: extensions.gardener.cloud/v1alpha1, kind: Shoot, namespace: ns, name: m}}`, nil},
		{"BackupBucket/Shoot without namespace", `spec: {shootRef: {kind: Shoot, name: m}}`, nil},
		{"BackupEntry/full",
			`metadata: {namespace: ns, name: o, ownerReferences: [{kind: Secret, name: o}, {kind: Shoot, name: m},
				{kind: Shoot, name: m2}]}, spec: {bucketName: b, seedName: s}, status: {seedName: s2}`,
			edges{"BackupBucket/b -> BackupEntry/ns/o", "BackupEntry/ns/o -> Seed/s", "BackupEntry/ns/o -> Seed/s2",
				"BackupEntry/ns/o -> Shoot/ns/m"}},
		{"BackupEntry/bare", ``, nil},
		{"Bastion/scheduled", `spec: {seedName: s}`, edges{"Bastion/ns/o -> Seed/s"}},
		{"Bastion/unscheduled", `spec: {shootRef: {name: m}}`, nil},
		{"ControllerDeployment/OCI", `helm: {` + ociRepository + `}`,
			edges{"Secret/garden/p -> ControllerDeployment/o", "Secret/garden/q -> ControllerDeployment/o"}},
		{"ControllerDeployment/resources without OCI", `helm: {rawChart: ""}, resources: ` + resources,
			edges{"ConfigMap/garden/rc -> ControllerDeployment/o", "Secret/garden/rs -> ControllerDeployment/o"}},
		{"ControllerDeployment/bare", ``, nil},
		{"ControllerInstallation/Seed",
			`spec: {registrationRef: {name: r}, deploymentRef: {name: d}, seedRef: {name: s}}`,
			edges{"ControllerDeployment/d -> ControllerInstallation/o", "ControllerInstallation/o -> Seed/s",
				"ControllerRegistration/r -> ControllerInstallation/o"}},
		{"ControllerInstallation/Shoot", `spec: {registrationRef: {name: r}, shootRef: {namespace: ns, name: m}}`,
			edges{"ControllerInstallation/o -> Shoot/ns/m", "ControllerRegistration/r -> ControllerInstallation/o"}},
		{"ControllerInstallation/bare", ``, nil},
		{"CredentialsBinding/Secret", `credentialsRef: ` + secretRef, edges{"Secret/c/x -> CredentialsBinding/ns/o"}},
		{"CredentialsBinding/WorkloadIdentity", `credentialsRef: ` + identityRef,
			edges{"WorkloadIdentity/c/x -> CredentialsBinding/ns/o"}},
		{"CredentialsBinding/InternalSecret", `credentialsRef: ` + internalRef,
			edges{"InternalSecret/c/x -> CredentialsBinding/ns/o"}},
		{"CredentialsBinding/of another version", `credentialsRef: ` + alienRef, nil},
		{"CredentialsBinding/without namespace", `credentialsRef: ` + nowhereRef, nil},
		{"SecretBinding/Secret", `secretRef: {namespace: c, name: x}`, edges{"Secret/c/x -> SecretBinding/ns/o"}},
		{"SecretBinding/bare", ``, nil},
		{"SecretBinding/without namespace", `secretRef: {name: x}`, nil},
		{"Project/with namespace", `spec: {namespace: ns}`, edges{"Project/o -> Namespace/ns"}},
		{"Project/without namespace", ``, nil},
		{"ServiceAccount/of a bootstrap",
			`metadata: {namespace: ns, name: gardenlet-bootstrap-a}, secrets: [{name: x}, {name: z}]`,
			edges{"Secret/ns/x -> ServiceAccount/ns/gardenlet-bootstrap-a",
				"Secret/ns/z -> ServiceAccount/ns/gardenlet-bootstrap-a"}},
		{"ServiceAccount/other", `secrets: [{name: x}]`, nil},
		{"Gardenlet/full", `spec: {config: ` + config + `, deployment: {helm: {` + ociRepository + `}}}`,
			edges{"Secret/c/x -> Gardenlet/ns/o", "Secret/ns/p -> Gardenlet/ns/o", "Secret/ns/q -> Gardenlet/ns/o"}},
		{"Gardenlet/broken config", `spec: {config: {seedConfig: [1]}}`, nil},
		{"Gardenlet/config of another kind",
			`spec: {config: ` + strings.Replace(config, "kind: GardenletConfiguration", "kind: Other", 1) + `}`, nil},
		{"Gardenlet/self-hosted", `metadata: {namespace: ns, name: self-hosted-shoot-x}, spec: {config: ` + config +
			`, deployment: {helm: {` + ociRepository + `}}}`, nil},
		{"ManagedSeed/full", `spec: {shoot: {name: m}, gardenlet: {config: ` + config + `}}`,
			edges{
				"ConfigMap/garden/rc -> ManagedSeed/ns/o", "ConfigMap/garden/rc -> Seed/o",
				"ManagedSeed/ns/o -> Shoot/ns/m", "Secret/c/x -> ManagedSeed/ns/o",
				"Secret/garden/rs -> ManagedSeed/ns/o", "Secret/garden/rs -> Seed/o",
				"WorkloadIdentity/garden/rw -> ManagedSeed/ns/o", "WorkloadIdentity/garden/rw -> Seed/o",
			}},
		{"ManagedSeed/broken config", `spec: {gardenlet: {config: {seedConfig: "no"}}}`, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			name, _, _ := strings.Cut(tc.name, "/")
			kind, ok := graph.ParseKind(name)
			require.True(t, ok)
			manifest, want := tc.fields, slices.Clone(tc.want)
			switch {
			case strings.HasPrefix(manifest, "metadata:"):
			case kind.Namespaced():
				manifest, want = "metadata: {namespace: ns, name: o}, "+manifest, append(want, ownEdges[kind]...)
			default:
				manifest, want = "metadata: {name: o}, "+manifest, append(want, ownEdges[kind]...)
			}
			object := ofKind(t, kind, "{"+manifest+"}")

			o, err := Extract(object)
			require.NoError(t, err)
			require.ElementsMatch(t, want, printed(o.Edges()))

			references, err := References(object)
			require.NoError(t, err)
			var edges []graph.Edge
			for _, r := range references {
				require.Contains(t, r.Field.From, r.From.Kind, r.Field.Path)
				require.Contains(t, r.Field.To, r.To.Kind, r.Field.Path)
				edges = append(edges, r.Edge)
				implied[r.Field] = true
			}
			require.ElementsMatch(t, want, printed(edges))
		})
	}
	for i := range table {
		for _, f := range table[i].fields {
			require.True(t, implied[f] || testedElsewhere(f), "no case above has an edge by %s of %s", f.Path, f.Owner)
		}
	}
}

// testedElsewhere reports whether the field's edges need more than the object, or a certificate request.
func testedElsewhere(f *Field) bool {
	return f.Owner == graph.KindCertificateSigningRequest || f.Path == shootIssuerField.Path ||
		f.Path == managedSeedBootstrapField.Path ||
		f.Note == gardenletBootstrapField.Note
}

func TestCertificateSigningRequestEdges(t *testing.T) {
	usages := []certificatesv1.KeyUsage{certificatesv1.UsageKeyEncipherment, certificatesv1.UsageDigitalSignature,
		certificatesv1.UsageClientAuth}
	edges := func(change func(*x509.CertificateRequest), usages ...certificatesv1.KeyUsage) []string {
		request := &x509.CertificateRequest{Subject: pkix.Name{
			CommonName:   "gardener.cloud:system:seed:s",
			Organization: []string{"gardener.cloud:system:seeds"},
		}}
		change(request)
		encoded, err := pki.CertificateRequest(request)
		require.NoError(t, err)
		o, err := Extract(&certificatesv1.CertificateSigningRequest{
			ObjectMeta: metav1.ObjectMeta{Name: "c"},
			Spec: certificatesv1.CertificateSigningRequestSpec{
				Request: encoded, Usages: usages,
			},
		})
		require.NoError(t, err)
		return printed(o.Edges())
	}
	require.Equal(t, []string{"CertificateSigningRequest/c -> Seed/s"},
		edges(func(*x509.CertificateRequest) {}, usages...))
	require.Empty(t, edges(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{{127, 0, 0, 1}} }, usages...))
	require.Empty(t, edges(func(*x509.CertificateRequest) {}, usages[1:]...))
}

func TestFacts(t *testing.T) {
	const renew = `metadata: {annotations: {gardener.cloud/operation: renew-kubeconfig}}`
	x := graph.Vertex{Kind: graph.KindSecret, Namespace: "c", Name: "x"}
	for _, tc := range []struct {
		kind     graph.Kind
		manifest string
		want     any
	}{
		{graph.KindSeed, `{status: {clientCertificateExpirationTimestamp: "2026-11-20T12:00:00Z"}}`,
			SeedFacts{ClientCertificateExpiration: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).Local()}},
		{graph.KindSeed, `{` + renew + `}`, SeedFacts{RenewKubeconfig: true}},
		{graph.KindSeed, `{spec: {backup: {provider: p,
			credentialsRef: {apiVersion: v1, kind: Secret, namespace: c, name: x}}}}`,
			SeedFacts{BackupProvider: "p", BackupCredentials: x, References: VertexSet{x}}},
		{graph.KindSeed, `{}`, SeedFacts{}},
		{graph.KindShoot, `{spec: {seedName: s}, status: {seedName: s2}}`, ShootFacts{SeedName: "s", StatusSeedName: "s2"}},
		{graph.KindShoot, `{metadata: {annotations: {authentication.gardener.cloud/issuer: managed}}}`,
			ShootFacts{ManagedIssuer: true}},
		{graph.KindShoot, `{metadata: {annotations: {authentication.gardener.cloud/issuer: other}}}`, ShootFacts{}},
		{graph.KindShoot, `{status: {lastOperation: {type: Restore, state: Processing}}}`, ShootFacts{Restoring: true}},
		{graph.KindShoot, `{status: {lastOperation: {type: Restore, state: Succeeded}}}`, ShootFacts{}},
		{graph.KindShoot, `{status: {lastOperation: {type: Migrate, state: Processing}}}`, ShootFacts{}},
		{graph.KindBackupEntry, `{spec: {bucketName: b}}`,
			BackupEntryFacts{Spec: gardencorev1beta1.BackupEntrySpec{BucketName: "b"}}},
		{graph.KindGardenlet, `{` + renew + `}`,
			SeedFacts{RenewKubeconfig: true, Bootstrap: seedmanagementv1alpha1.BootstrapToken}},
		{graph.KindGardenlet, `{metadata: {annotations: {gardener.cloud/operation: reconcile}}}`,
			SeedFacts{Bootstrap: seedmanagementv1alpha1.BootstrapToken}},
		{graph.KindGardenlet, `{metadata: {name: self-hosted-shoot-x}}`, SeedFacts{}},
		{graph.KindManagedSeed, `{` + renew + `, spec: {shoot: {name: m}, gardenlet: {bootstrap: ServiceAccount,
			config: {apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration,
				seedConfig: {spec: {backup: {provider: p,
					credentialsRef: {apiVersion: v1, kind: Secret, namespace: c, name: x}}}}}}}}`,
			SeedFacts{
				ShootName: "m", Bootstrap: seedmanagementv1alpha1.BootstrapServiceAccount, RenewKubeconfig: true,
				BackupProvider: "p", BackupCredentials: x, References: VertexSet{x},
			}},
	} {
		o, err := Extract(ofKind(t, tc.kind, tc.manifest))
		require.NoError(t, err)
		require.Equal(t, tc.want, o.Facts, tc.manifest)
	}
}

// TestTo: the edges tell what nothing else is kept of.
func TestTo(t *testing.T) {
	for _, tc := range []struct {
		kind     graph.Kind
		manifest string
		to       graph.Kind
		want     string
	}{
		{graph.KindProject, `{spec: {namespace: ns}}`, graph.KindNamespace, "ns"},
		{graph.KindProject, `{}`, graph.KindNamespace, ""},
		{graph.KindBackupBucket, `{spec: {seedName: s}}`, graph.KindSeed, "s"},
		{graph.KindBackupBucket, `{status: {generatedSecretRef: {namespace: g, name: z}}}`, graph.KindSecret, ""},
		{graph.KindBackupEntry, `{metadata: {namespace: ns, ownerReferences: [{kind: Secret, name: o},
			{kind: Shoot, name: m}, {kind: Shoot, name: m2}]}}`, graph.KindShoot, "m"},
	} {
		object := ofKind(t, tc.kind, tc.manifest)
		object.(metav1.Object).SetName("o")
		o, err := Extract(object)
		require.NoError(t, err)
		require.Equal(t, tc.want, o.To(tc.to), tc.manifest)
	}
}

func TestExtract(t *testing.T) {
	now := metav1.Now()
	o, err := Extract(&gardencorev1beta1.Shoot{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: "m", UID: "u", ResourceVersion: "1", DeletionTimestamp: &now,
	}})
	require.NoError(t, err)
	require.Equal(t, graph.Vertex{Kind: graph.KindShoot, Namespace: "ns", Name: "m"}, o.Vertex)
	require.Equal(t, "u", string(o.UID))
	require.Equal(t, "1", o.ResourceVersion)
	require.True(t, o.Deleting)

	_, err = Extract(&corev1.Pod{})
	require.ErrorContains(t, err, "not watched")
	_, err = Extract(&gardencorev1beta1.ControllerDeployment{})
	require.ErrorContains(t, err, "not watched", "another version is")
}

// The edges that the fields say that they imply are exactly those that the graph's kind table allows, but for what a
// Shoot implies by its name.
func TestFieldsAgreeWithKinds(t *testing.T) {
	type ends struct{ from, to graph.Kind }
	said := map[ends]bool{
		{graph.KindSecret, graph.KindShoot}: true, {graph.KindInternalSecret, graph.KindShoot}: true,
		{graph.KindConfigMap, graph.KindShoot}: true, {graph.KindShootState, graph.KindShoot}: true,
	}
	for _, f := range Fields() {
		for _, from := range f.From {
			for _, to := range f.To {
				require.True(t, from.PointsTo(to), "%s %s says %s -> %s: add it to the row of %s in pkg/graph/kinds.go",
					f.Owner, f.Path, from, to, from)
				said[ends{from, to}] = true
			}
		}
	}
	for _, from := range graph.Kinds() {
		for _, to := range graph.Kinds() {
			require.Equal(t, from.PointsTo(to), said[ends{from, to}], "%s -> %s: no field in pkg/garden/edges.go says so", from,
				to)
		}
	}
}

// Every tracked kind has a row in the table of watched kinds, and nothing else has but ServiceAccounts: they are
// watched, but only some of them become vertices.
func TestTableAgreesWithKinds(t *testing.T) {
	for _, kind := range graph.Kinds() {
		watched := slices.Contains(Watched(), kind)
		require.Equal(t, kind.Tracked() || kind == graph.KindServiceAccount, watched,
			"%s: a tracked kind needs a row in pkg/garden/resources.go", kind)
		if watched {
			require.NotNil(t, newObject(kind), kind)
		}
	}
}
