package garden

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	gardencorev1 "github.com/gardener/gardener/pkg/apis/core/v1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	securityv1alpha1 "github.com/gardener/gardener/pkg/apis/security/v1alpha1"
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

// parse makes an API object of type T from the YAML of its fields.
func parse[T any](t testing.TB, manifest string) *T {
	t.Helper()
	o := new(T)
	require.NoError(t, yaml.UnmarshalStrict([]byte(manifest), o))
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

func TestEdges(t *testing.T) {
	implied := map[*Field]bool{} // the fields that some case has an edge by
	seedOwn := []string{
		"ConfigMap/kube-system/cluster-identity -> Seed/s",
		"Lease/gardener-system-seed-lease/s -> Seed/s",
		"Namespace/seed-s -> Seed/s",
	}
	shootOwn := []string{"Namespace/ns -> Shoot/ns/m"}

	seed := parse[gardencorev1beta1.Seed]
	shoot := parse[gardencorev1beta1.Shoot]
	bucket := parse[gardencorev1beta1.BackupBucket]
	entry := parse[gardencorev1beta1.BackupEntry]
	bastion := parse[operationsv1alpha1.Bastion]
	deployment := parse[gardencorev1.ControllerDeployment]
	installation := parse[gardencorev1beta1.ControllerInstallation]
	credentialsBinding := parse[securityv1alpha1.CredentialsBinding]
	secretBinding := parse[gardencorev1beta1.SecretBinding]
	project := parse[gardencorev1beta1.Project]
	serviceAccount := parse[corev1.ServiceAccount]
	gardenlet := parse[seedmanagementv1alpha1.Gardenlet]
	managedSeed := parse[seedmanagementv1alpha1.ManagedSeed]

	const (
		secretRef   = `{apiVersion: v1, kind: Secret, namespace: c, name: x}`
		identityRef = `{apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity, namespace: c, name: x}`
		internalRef = `{apiVersion: core.gardener.cloud/v1beta1, kind: InternalSecret, namespace: c, name: x}`
		alienRef    = `{apiVersion: v2, kind: Secret, namespace: c, name: x}`
		resources   = `[{name: a, resourceRef: {apiVersion: v1, kind: Secret, name: rs}},
			{name: b, resourceRef: {apiVersion: v1, kind: ConfigMap, name: rc}},
			{name: c, resourceRef: {apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity, name: rw}},
			{name: d, resourceRef: {apiVersion: core.gardener.cloud/v1beta1, kind: InternalSecret, name: ri}},
			{name: e, resourceRef: {apiVersion: apps/v1, kind: Deployment, name: rd}},
			{name: f, resourceRef: {apiVersion: v1, kind: Secret, name: ""}}]`
		config = `{apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration, newField: 1,
			seedConfig: {spec: {backup: {provider: p, credentialsRef: ` + secretRef + `}, resources: ` + resources + `}}}`
	)
	for _, tc := range []struct {
		name   string
		object runtime.Object
		want   []string
	}{
		{"Seed/own", seed(t, `{metadata: {name: s}}`), seedOwn},
		{"Seed/backup Secret", seed(t, `{metadata: {name: s}, spec: {backup: {provider: p, credentialsRef: `+secretRef+`}}}`),
			append([]string{"Secret/c/x -> Seed/s"}, seedOwn...)},
		{"Seed/backup WorkloadIdentity",
			seed(t, `{metadata: {name: s}, spec: {backup: {provider: p, credentialsRef: `+identityRef+`}}}`),
			append([]string{"WorkloadIdentity/c/x -> Seed/s"}, seedOwn...)},
		{"Seed/backup of another kind",
			seed(t, `{metadata: {name: s}, spec: {backup: {provider: p, credentialsRef: `+internalRef+`}}}`), seedOwn},
		{"Seed/backup of another version",
			seed(t, `{metadata: {name: s}, spec: {backup: {provider: p, credentialsRef: `+alienRef+`}}}`), seedOwn},
		{"Seed/backup without namespace",
			seed(t,
				`{metadata: {name: s}, spec: {backup: {provider: p, credentialsRef: {apiVersion: v1, kind: Secret, name: x}}}}`),
			seedOwn},
		{"Seed/backup without credentials", seed(t, `{metadata: {name: s}, spec: {backup: {provider: p}}}`), seedOwn},
		{"Seed/dns provider", seed(t, `{metadata: {name: s}, spec: {dns: {provider: {type: p, credentialsRef: `+secretRef+
			`}}}}`),
			append([]string{"Secret/c/x -> Seed/s"}, seedOwn...)},
		{"Seed/dns internal", seed(t, `{metadata: {name: s}, spec: {dns: {internal: {type: p, domain: d, credentialsRef: `+
			identityRef+`}}}}`),
			append([]string{"WorkloadIdentity/c/x -> Seed/s"}, seedOwn...)},
		{"Seed/dns defaults", seed(t, `{metadata: {name: s}, spec: {dns: {defaults: [{type: p, domain: d, credentialsRef: `+
			secretRef+`},
			{type: p, domain: d, credentialsRef: `+identityRef+`}, {type: p, domain: d, credentialsRef: {}}]}}}`),
			append([]string{"Secret/c/x -> Seed/s", "WorkloadIdentity/c/x -> Seed/s"}, seedOwn...)},
		{"Seed/resources", seed(t, `{metadata: {name: s}, spec: {resources: `+resources+`}}`),
			append([]string{"ConfigMap/garden/rc -> Seed/s", "Secret/garden/rs -> Seed/s",
				"WorkloadIdentity/garden/rw -> Seed/s"}, seedOwn...)},

		{"Shoot/unscheduled", shoot(t, `{metadata: {namespace: ns, name: m}}`), shootOwn},
		{"Shoot/scheduled", shoot(t, `{metadata: {namespace: ns, name: m}, spec: {seedName: s}}`),
			append([]string{"Shoot/ns/m -> Seed/s"}, shootOwn...)},
		{"Shoot/migrating", shoot(t, `{metadata: {namespace: ns, name: m}, spec: {seedName: s}, status: {seedName: s2}}`),
			append([]string{"Shoot/ns/m -> Seed/s", "Shoot/ns/m -> Seed/s2"}, shootOwn...)},
		{"Shoot/empty names", shoot(t,
			`{metadata: {namespace: ns, name: m}, spec: {seedName: "", secretBindingName: "", exposureClassName: "",
				cloudProfileName: ""}, status: {seedName: ""}}`), shootOwn},
		{"Shoot/secret binding", shoot(t, `{metadata: {namespace: ns, name: m}, spec: {secretBindingName: b}}`),
			append([]string{"SecretBinding/ns/b -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/credentials binding", shoot(t, `{metadata: {namespace: ns, name: m}, spec: {credentialsBindingName: b}}`),
			append([]string{"CredentialsBinding/ns/b -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/cloud profile", shoot(t,
			`{metadata: {namespace: ns, name: m}, spec: {cloudProfile: {kind: CloudProfile, name: c}}}`),
			append([]string{"CloudProfile/c -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/cloud profile without kind",
			shoot(t, `{metadata: {namespace: ns, name: m}, spec: {cloudProfile: {name: c}}}`),
			append([]string{"CloudProfile/c -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/namespaced cloud profile",
			shoot(t, `{metadata: {namespace: ns, name: m}, spec: {cloudProfile: {kind: NamespacedCloudProfile, name: c}}}`),
			append([]string{"NamespacedCloudProfile/ns/c -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/cloud profile of another kind",
			shoot(t, `{metadata: {namespace: ns, name: m}, spec: {cloudProfile: {kind: Other, name: c}, cloudProfileName: d}}`),
			shootOwn},
		{"Shoot/cloud profile name", shoot(t, `{metadata: {namespace: ns, name: m}, spec: {cloudProfileName: c}}`),
			append([]string{"CloudProfile/c -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/cloud profile before its name",
			shoot(t,
				`{metadata: {namespace: ns, name: m}, spec: {cloudProfileName: d, cloudProfile: {kind: CloudProfile, name: c}}}`),
			append([]string{"CloudProfile/c -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/exposure class", shoot(t, `{metadata: {namespace: ns, name: m}, spec: {exposureClassName: e}}`),
			append([]string{"ExposureClass/e -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/audit policy", shoot(t,
			`{metadata: {namespace: ns, name: m},
				spec: {kubernetes: {kubeAPIServer: {auditConfig: {auditPolicy: {configMapRef: {name: a}}}}}}}`),
			append([]string{"ConfigMap/ns/a -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/audit policy without reference",
			shoot(t,
				`{metadata: {namespace: ns, name: m}, spec: {kubernetes: {kubeAPIServer: {auditConfig: {auditPolicy: {}}}}}}`),
			shootOwn},
		{"Shoot/structured authentication",
			shoot(t,
				`{metadata: {namespace: ns, name: m},
					spec: {kubernetes: {kubeAPIServer: {structuredAuthentication: {configMapName: a}}}}}`),
			append([]string{"ConfigMap/ns/a -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/structured authorization",
			shoot(t,
				`{metadata: {namespace: ns, name: m},
					spec: {kubernetes: {kubeAPIServer: {structuredAuthorization: {configMapName: a, kubeconfigs: [{authorizerName: x,
					  secretName: k1}, {authorizerName: y, secretName: k2}]}}}}}`),
			append([]string{"ConfigMap/ns/a -> Shoot/ns/m", "Secret/ns/k1 -> Shoot/ns/m", "Secret/ns/k2 -> Shoot/ns/m"},
				shootOwn...)},
		{"Shoot/dns providers", shoot(t,
			`{metadata: {namespace: ns, name: m},
				spec: {dns: {providers: [{credentialsRef: {apiVersion: v1, kind: Secret, name: d1}},
				  {credentialsRef: {apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity, name: d2}},
			{credentialsRef: {apiVersion: v1, kind: ConfigMap, name: d3}}, {type: t}]}}}`),
			append([]string{"Secret/ns/d1 -> Shoot/ns/m", "WorkloadIdentity/ns/d2 -> Shoot/ns/m"}, shootOwn...)},
		{"Shoot/resources", shoot(t, `{metadata: {namespace: ns, name: m}, spec: {resources: `+resources+`}}`),
			append([]string{"ConfigMap/ns/rc -> Shoot/ns/m", "Secret/ns/rs -> Shoot/ns/m",
				"WorkloadIdentity/ns/rw -> Shoot/ns/m"}, shootOwn...)},

		{"BackupBucket", bucket(t, `{metadata: {name: b}, spec: {seedName: s, credentialsRef: `+secretRef+
			`}, status: {generatedSecretRef: {namespace: g, name: z}}}`),
			[]string{"BackupBucket/b -> Seed/s", "Secret/c/x -> BackupBucket/b", "Secret/g/z -> BackupBucket/b"}},
		{"BackupBucket/WorkloadIdentity", bucket(t, `{metadata: {name: b}, spec: {credentialsRef: `+identityRef+`}}`),
			[]string{"WorkloadIdentity/c/x -> BackupBucket/b"}},
		{"BackupBucket/Shoot", bucket(t,
			`{metadata: {name: b}, spec: {shootRef: {apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, namespace: ns,
				name: m}}}`), []string{"BackupBucket/b -> Shoot/ns/m"}},
		{"BackupBucket/no Shoot", bucket(t,
			`{metadata: {name: b}, spec: {shootRef: {apiVersion: v1, kind: Secret, namespace: ns, name: m}},
				status: {generatedSecretRef: {name: z}}}`), []string{}},
		{"BackupBucket/Shoot without namespace", bucket(t, `{metadata: {name: b}, spec: {shootRef: {kind: Shoot, name: m}}}`),
			[]string{}},
		{"BackupEntry",
			entry(t,
				`{metadata: {namespace: ns, name: e, ownerReferences: [{kind: Secret, name: o}, {kind: Shoot, name: m},
					{kind: Shoot, name: m2}]}, spec: {bucketName: b, seedName: s}, status: {seedName: s2}}`),
			[]string{"BackupBucket/b -> BackupEntry/ns/e", "BackupEntry/ns/e -> Seed/s", "BackupEntry/ns/e -> Seed/s2",
				"BackupEntry/ns/e -> Shoot/ns/m"}},
		{"BackupEntry/bare", entry(t, `{metadata: {namespace: ns, name: e}}`), []string{}},
		{"Bastion", bastion(t, `{metadata: {namespace: ns, name: b}, spec: {seedName: s}}`),
			[]string{"Bastion/ns/b -> Seed/s"}},
		{"Bastion/unscheduled", bastion(t, `{metadata: {namespace: ns, name: b}, spec: {shootRef: {name: m}}}`), []string{}},
		{"ControllerDeployment/OCI", deployment(t,
			`{metadata: {name: d}, helm: {ociRepository: {pullSecretRef: {name: p}, caBundleSecretRef: {name: q}}}}`),
			[]string{"Secret/garden/p -> ControllerDeployment/d", "Secret/garden/q -> ControllerDeployment/d"}},
		{"ControllerDeployment/resources without OCI",
			deployment(t, `{metadata: {name: d}, helm: {rawChart: ""}, resources: `+resources+`}`),
			[]string{"ConfigMap/garden/rc -> ControllerDeployment/d", "Secret/garden/rs -> ControllerDeployment/d"}},
		{"ControllerDeployment/bare", deployment(t, `{metadata: {name: d}}`), []string{}},
		{"ControllerInstallation/Seed",
			installation(t,
				`{metadata: {name: i}, spec: {registrationRef: {name: r}, deploymentRef: {name: d}, seedRef: {name: s}}}`),
			[]string{"ControllerDeployment/d -> ControllerInstallation/i", "ControllerInstallation/i -> Seed/s",
				"ControllerRegistration/r -> ControllerInstallation/i"}},
		{"ControllerInstallation/Shoot",
			installation(t, `{metadata: {name: i}, spec: {registrationRef: {name: r}, shootRef: {namespace: ns, name: m}}}`),
			[]string{"ControllerInstallation/i -> Shoot/ns/m", "ControllerRegistration/r -> ControllerInstallation/i"}},
		{"ControllerInstallation/bare", installation(t, `{metadata: {name: i}}`), []string{}},
		{"CredentialsBinding/Secret", credentialsBinding(t,
			`{metadata: {namespace: ns, name: b}, credentialsRef: `+secretRef+`}`),
			[]string{"Secret/c/x -> CredentialsBinding/ns/b"}},
		{"CredentialsBinding/WorkloadIdentity",
			credentialsBinding(t, `{metadata: {namespace: ns, name: b}, credentialsRef: `+identityRef+`}`),
			[]string{"WorkloadIdentity/c/x -> CredentialsBinding/ns/b"}},
		{"CredentialsBinding/InternalSecret",
			credentialsBinding(t, `{metadata: {namespace: ns, name: b}, credentialsRef: `+internalRef+`}`),
			[]string{"InternalSecret/c/x -> CredentialsBinding/ns/b"}},
		{"CredentialsBinding/other", credentialsBinding(t,
			`{metadata: {namespace: ns, name: b}, credentialsRef: `+alienRef+`}`), []string{}},
		{"SecretBinding", secretBinding(t, `{metadata: {namespace: ns, name: b}, secretRef: {namespace: c, name: x}}`),
			[]string{"Secret/c/x -> SecretBinding/ns/b"}},
		{"SecretBinding/bare", secretBinding(t, `{metadata: {namespace: ns, name: b}}`), []string{}},
		{"Project", project(t, `{metadata: {name: p}, spec: {namespace: ns}}`), []string{"Project/p -> Namespace/ns"}},
		{"Project/without namespace", project(t, `{metadata: {name: p}}`), []string{}},
		{"ServiceAccount", serviceAccount(t,
			`{metadata: {namespace: ns, name: gardenlet-bootstrap-a}, secrets: [{name: x}, {name: z}]}`),
			[]string{"Secret/ns/x -> ServiceAccount/ns/gardenlet-bootstrap-a",
				"Secret/ns/z -> ServiceAccount/ns/gardenlet-bootstrap-a"}},
		{"ServiceAccount/other", serviceAccount(t, `{metadata: {namespace: ns, name: robot}, secrets: [{name: x}]}`),
			[]string{}},
		{"Gardenlet", gardenlet(t, `{metadata: {namespace: garden, name: s}, spec: {config: `+config+
			`, deployment: {helm: {ociRepository: {pullSecretRef: {name: p}, caBundleSecretRef: {name: q}}}}}}`),
			[]string{"Gardenlet/garden/s -> Seed/s", "Secret/c/x -> Gardenlet/garden/s", "Secret/garden/p -> Gardenlet/garden/s",
				"Secret/garden/q -> Gardenlet/garden/s"}},
		{"Gardenlet/broken config", gardenlet(t,
			`{metadata: {namespace: garden, name: s}, spec: {config: {seedConfig: [1]}}}`),
			[]string{"Gardenlet/garden/s -> Seed/s"}},
		{"Gardenlet/config of another kind",
			gardenlet(t, `{metadata: {namespace: garden, name: s}, spec: {config: `+
				strings.Replace(config, "kind: GardenletConfiguration", "kind: Other", 1)+`}}`),
			[]string{"Gardenlet/garden/s -> Seed/s"}},
		{"Gardenlet/self-hosted", gardenlet(t,
			`{metadata: {namespace: garden, name: self-hosted-shoot-x}, spec: {config: `+config+`}}`), []string{}},
		{"ManagedSeed", managedSeed(t,
			`{metadata: {namespace: garden, name: s}, spec: {shoot: {name: m}, gardenlet: {config: `+config+`}}}`),
			[]string{
				"ConfigMap/garden/rc -> ManagedSeed/garden/s", "ConfigMap/garden/rc -> Seed/s",
				"ManagedSeed/garden/s -> Seed/s", "ManagedSeed/garden/s -> Shoot/garden/m",
				"Secret/c/x -> ManagedSeed/garden/s",
				"Secret/garden/rs -> ManagedSeed/garden/s", "Secret/garden/rs -> Seed/s",
				"Seed/s -> ManagedSeed/garden/s",
				"WorkloadIdentity/garden/rw -> ManagedSeed/garden/s", "WorkloadIdentity/garden/rw -> Seed/s",
			}},
		{"ManagedSeed/broken config", managedSeed(t,
			`{metadata: {namespace: garden, name: s}, spec: {gardenlet: {config: {seedConfig: "no"}}}}`),
			[]string{"ManagedSeed/garden/s -> Seed/s", "Seed/s -> ManagedSeed/garden/s"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := Extract(tc.object)
			require.NoError(t, err)
			slices.Sort(tc.want)
			require.Equal(t, tc.want, printed(o.Edges()))

			references, err := References(tc.object)
			require.NoError(t, err)
			edges := []graph.Edge{}
			for _, r := range references {
				require.Contains(t, r.Field.From, r.From.Kind, r.Field.Path)
				require.Contains(t, r.Field.To, r.To.Kind, r.Field.Path)
				edges = append(edges, r.Edge)
				implied[r.Field] = true
			}
			require.Equal(t, tc.want, printed(edges))
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
	expiration := metav1.NewTime(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	s, m := "s", "s2"
	for _, tc := range []struct {
		object runtime.Object
		want   any
	}{
		{&gardencorev1beta1.Seed{Status: gardencorev1beta1.SeedStatus{ClientCertificateExpirationTimestamp: &expiration}},
			SeedFacts{ClientCertificateExpiration: expiration.Time}},
		{&gardencorev1beta1.Seed{}, SeedFacts{}},
		{&gardencorev1beta1.Shoot{Spec: gardencorev1beta1.ShootSpec{SeedName: &s},
			Status: gardencorev1beta1.ShootStatus{SeedName: &m}}, ShootFacts{SeedName: "s", StatusSeedName: "s2"}},
		{parse[gardencorev1beta1.Shoot](t, `{metadata: {annotations: {authentication.gardener.cloud/issuer: managed}}}`),
			ShootFacts{ManagedIssuer: true}},
		{parse[gardencorev1beta1.Shoot](t, `{metadata: {annotations: {authentication.gardener.cloud/issuer: other}}}`),
			ShootFacts{}},
		{parse[gardencorev1beta1.Shoot](t, `{status: {lastOperation: {type: Restore, state: Processing}}}`),
			ShootFacts{Restoring: true}},
		{parse[gardencorev1beta1.Shoot](t, `{status: {lastOperation: {type: Restore, state: Succeeded}}}`), ShootFacts{}},
		{parse[gardencorev1beta1.Shoot](t, `{status: {lastOperation: {type: Migrate, state: Processing}}}`), ShootFacts{}},
		{parse[gardencorev1beta1.Project](t, `{spec: {namespace: ns}}`), ProjectFacts{Namespace: "ns"}},
		{parse[gardencorev1beta1.BackupBucket](t, `{spec: {seedName: s}}`), BackupBucketFacts{SeedName: "s"}},
		{parse[gardencorev1beta1.BackupEntry](t, `{spec: {bucketName: b}}`),
			BackupEntryFacts{Spec: gardencorev1beta1.BackupEntrySpec{BucketName: "b"}}},
		{parse[seedmanagementv1alpha1.Gardenlet](t,
			`{metadata: {annotations: {gardener.cloud/operation: renew-kubeconfig}}}`), GardenletFacts{RenewKubeconfig: true}},
		{parse[seedmanagementv1alpha1.Gardenlet](t, `{metadata: {annotations: {gardener.cloud/operation: reconcile}}}`),
			GardenletFacts{}},
		{parse[seedmanagementv1alpha1.ManagedSeed](t,
			`{metadata: {annotations: {gardener.cloud/operation: renew-kubeconfig}}, spec: {shoot: {name: m},
				gardenlet: {bootstrap: ServiceAccount, config: {
			apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration,
			  seedConfig: {spec: {backup: {provider: p, credentialsRef: {apiVersion: v1, kind: Secret, namespace: c,
			    name: x}}}}}}}}`),
			ManagedSeedFacts{
				ShootName: "m", Bootstrap: seedmanagementv1alpha1.BootstrapServiceAccount, RenewKubeconfig: true,
				BackupCredentials: graph.Vertex{Kind: graph.KindSecret, Namespace: "c", Name: "x"},
				Template:          newVertexSet(graph.Vertex{Kind: graph.KindSecret, Namespace: "c", Name: "x"}),
			}},
	} {
		o, err := Extract(tc.object)
		require.NoError(t, err)
		require.Equal(t, tc.want, o.Facts)
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
		r, watched := ResourceOf(kind)
		require.Equal(t, kind.Tracked() || kind == graph.KindServiceAccount, watched,
			"%s: a tracked kind needs a row in pkg/garden/resources.go", kind)
		if watched {
			require.NotNil(t, r.New(), kind)
			require.NotNil(t, r.NewList(), kind)
		}
	}
}
