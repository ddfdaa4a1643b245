package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// This file holds what honest gardenlets write, in the order in which they do. None of it may be denied.

// step is a request that is written
//
//	CLIENT create
//	CLIENT create again
//	CLIENT patch|delete KIND[/SUBRESOURCE] [NAMESPACE/]NAME
//
// with a manifest or a merge patch. Creating again must be answered with 409. UID(KIND NAME) stands for the UID of an
// object, inside of another one too.
type step struct{ do, with string }

var uids = regexp.MustCompile(`UID\((\w+) ([^()]+)\)`)

// take takes the steps.
func take(t *testing.T, steps []step, clients map[string]*client, oldnew ...string) {
	t.Helper()
	replacer := strings.NewReplacer(oldnew...)
	for _, s := range steps {
		replace := func(text string) string {
			text = replacer.Replace(text)
			for uids.MatchString(text) {
				text = uids.ReplaceAllStringFunc(text, func(text string) string {
					match := uids.FindStringSubmatch(text)
					return uidOf(t, clients["operator"], match[1], match[2])
				})
			}
			return text
		}
		words, with := strings.Fields(replace(s.do)), replace(s.with)
		c := clients[words[0]]
		require.NotNil(t, c, s.do)
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			soon(t, s.do, func() error {
				err := again(func() error { return c.step(t, words[1:], with) })
				if err != nil {
					require.NotContains(t, err.Error(), "admission webhook", with) // which never denies what is only new
				}
				return err
			})
		})
		require.False(t, t.Failed(), "the next steps need this one")
	}
}

func (c *client) step(t *testing.T, words []string, with string) error {
	t.Helper()
	switch verb := strings.Join(words[:min(len(words), 2)], " "); {
	case verb == "create":
		return c.createOnce(t.Context(), one(t, with), metav1.CreateOptions{})
	case verb == "create again":
		err := c.createOnce(t.Context(), one(t, with), metav1.CreateOptions{})
		require.True(t, apierrors.IsAlreadyExists(err), "%v", err)
		return nil
	case words[0] == "delete":
		r, u, err := c.Of(object(words[1], words[2]))
		require.NoError(t, err)
		return r.Delete(t.Context(), u.GetName(), metav1.DeleteOptions{})
	default:
		require.Equal(t, "patch", words[0])
		kind, subresource, _ := strings.Cut(words[1], "/")
		r, u, err := c.Of(object(kind, words[2]))
		require.NoError(t, err)
		_, err = r.Patch(t.Context(), u.GetName(), types.MergePatchType, mergePatch(t, with), metav1.PatchOptions{},
			parts(subresource)...)
		return err
	}
}

const (
	finalizer    = `metadata: {finalizers: [gardener.cloud/gardener]}`
	noFinalizer  = `metadata: {finalizers: []}`
	operation    = `metadata: {annotations: {gardener.cloud/operation: reconcile}}`
	noOperation  = `metadata: {annotations: {gardener.cloud/operation: null}}`
	someStatus   = `status: {observedGeneration: 1, conditions: [{type: Ready, status: "True"}]}`
	ownedByShoot = `ownerReferences: [{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, name: crop, controller: true,
		uid: UID(Shoot garden-SEED/crop)}]`
	seedLease = `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: gardener-system-seed-lease,
		name: SEED}, spec: {holderIdentity: SEED}}`
	bucketOfSeed = `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket, metadata: {name: UID(Seed SEED)},
		spec: {seedName: SEED, provider: {type: local, region: local},
		  credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: backup-SEED}}}`
	entryOfShoot = `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry,
		metadata: {namespace: garden-SEED, name: crop--entry, ` + ownedByShoot + `},
		spec: {bucketName: bucket-SEED, seedName: SEED}}`
)

// registration is the first start of a gardenlet, with what it does from then on for its Seed.
var registration = []step{
	{"operator create", `{apiVersion: v1, kind: Secret, metadata: {namespace: garden, name: backup-SEED}}`},
	{"operator create", `{apiVersion: v1, kind: Secret, metadata: {namespace: garden, name: rotated-SEED}}`},
	{"operator create", `{apiVersion: v1, kind: Secret, metadata: {namespace: garden, name: pull-SEED}}`},
	{"operator create", `{apiVersion: v1, kind: Secret, metadata: {namespace: garden, name: internal-domain-SEED,
		labels: {gardener.cloud/role: internal-domain}}}`},
	{"operator create", `{apiVersion: v1, kind: Secret, metadata: {namespace: garden, name: default-domain-SEED,
		labels: {gardener.cloud/role: default-domain}}}`},
	{"operator create", `{apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity,
		metadata: {namespace: garden, name: dns-SEED}, spec: {audiences: [dns]}}`},
	{"operator create", `{apiVersion: core.gardener.cloud/v1, kind: ControllerDeployment, metadata: {name: pulls-SEED},
		helm: {ociRepository: {ref: r, pullSecretRef: {name: pull-SEED}}}}`},

	{"gardenlet create", `{apiVersion: core.gardener.cloud/v1beta1, kind: Seed,
		metadata: {name: SEED, labels: {name.seed.gardener.cloud/SEED: "true"}},
		spec: {provider: {type: local, region: local},
		  backup: {provider: local, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: backup-SEED}},
		  dns: {
		    provider: {type: local, credentialsRef: {apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity,
		      namespace: garden, name: dns-SEED}},
		    internal: {type: local, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden,
		      name: internal-domain-SEED}}}}}`},
	{"gardenlet patch Seed SEED", dnsDefaults},
	{"gardenlet patch Seed SEED", finalizer},
	{"gardenlet patch Seed/status SEED", `status: {clientCertificateExpirationTimestamp: "2999-01-01T00:00:00Z"}`},
	{"operator create", `{apiVersion: v1, kind: Namespace, metadata: {name: seed-SEED}}`},
	{"gardenlet create", seedLease},
	{"gardenlet create again", seedLease},
	{"gardenlet patch Lease gardener-system-seed-lease/SEED", `spec: {renewTime: "2026-01-01T00:00:00.000000Z"}`},
	// The next start writes the whole spec, and the DNS defaults once more.
	{"gardenlet patch Seed SEED", `spec: {dns: {defaults: null}, settings: {scheduling: {visible: true}}}`},
	{"gardenlet patch Seed SEED", dnsDefaults},
	{"operator patch Seed SEED", operation},
	{"gardenlet patch Seed SEED", noOperation},

	{"gardenlet create", bucketOfSeed},
	{"gardenlet create again", bucketOfSeed},
	{"gardenlet patch BackupBucket UID(Seed SEED)", `metadata: {annotations: {gardener.cloud/timestamp: now},
		ownerReferences: [{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, name: SEED, uid: UID(Seed SEED)}]}`},
	{"gardenlet patch BackupBucket UID(Seed SEED)", finalizer},
	{"gardenlet patch Secret garden/backup-SEED", finalizer},
	{"gardenlet patch WorkloadIdentity garden/dns-SEED", finalizer},
	{"gardenlet create", `{apiVersion: v1, kind: Secret, metadata: {namespace: garden,
		name: generated-bucket-UID(Seed SEED), ownerReferences: [{apiVersion: core.gardener.cloud/v1beta1,
		  kind: BackupBucket, name: UID(Seed SEED), uid: UID(BackupBucket UID(Seed SEED))}]}, stringData: {key: value}}`},
	{"gardenlet patch BackupBucket/status UID(Seed SEED)",
		`status: {generatedSecretRef: {namespace: garden, name: generated-bucket-UID(Seed SEED)}}`},
	{"gardenlet patch Secret garden/generated-bucket-UID(Seed SEED)", `stringData: {key: rotated}`},
	{"gardenlet patch Secret garden/backup-SEED", noFinalizer},
	{"operator patch Seed SEED", `spec: {backup: {credentialsRef: {name: rotated-SEED}}}`},
	{"gardenlet patch BackupBucket UID(Seed SEED)", `spec: {credentialsRef: {name: rotated-SEED}}`},

	// The gardenlet takes its own deployment over.
	{"gardenlet create", `{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: Gardenlet,
		metadata: {namespace: garden, name: SEED},
		spec: {deployment: {helm: {ociRepository: {ref: r, pullSecretRef: {name: pull-SEED}}}},
		  config: {apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration,
		    seedConfig: {spec: {backup: {provider: local, credentialsRef: {apiVersion: v1, kind: Secret,
		      namespace: garden, name: rotated-SEED}}}}}}}`},
	{"gardenlet patch Gardenlet garden/SEED", finalizer},
	{"gardenlet patch Gardenlet/status garden/SEED", someStatus},
	{"operator patch Gardenlet garden/SEED", operation},
	{"gardenlet patch Gardenlet garden/SEED", noOperation},
	{"gardenlet create", `{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: seed-SEED, name: extension-local},
		secrets: [{name: token}]}`},
	{"gardenlet patch ServiceAccount seed-SEED/extension-local", `metadata: {labels: {a: b}}`},
	{"gardenlet create", `{apiVersion: v1, kind: Event, metadata: {namespace: garden, name: SEED},
		involvedObject: {namespace: garden, kind: Gardenlet, name: SEED}, reason: Tested, message: it runs}`},
}

const dnsDefaults = `spec: {dns: {defaults: [{type: local, domain: example.com,
	credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: default-domain-SEED}}]}}`

// shootCare is what a gardenlet writes for the Shoots on its Seed.
var shootCare = []step{
	{"gardenlet patch Shoot garden-SEED/crop", finalizer},
	{"operator patch Shoot garden-SEED/crop", operation},
	{"gardenlet patch Shoot garden-SEED/crop", noOperation},
	{"gardenlet patch Shoot garden-SEED/crop", `spec: {networking: {nodes: 10.2.0.0/16}}`},
	{"gardenlet patch Shoot/status garden-SEED/crop", `status: {technicalID: shoot--SEED--crop, seedName: SEED}`},
	{"operator patch Shoot garden-SEED/crop", `spec: {dns: {providers: [{type: local, secretName: extension-dns}]}}`},
	{"gardenlet patch Shoot garden-SEED/crop", `spec: {dns: {providers: [{type: local, secretName: extension-dns,
		credentialsRef: {apiVersion: v1, kind: Secret, name: extension-dns}}]}}`},

	{"gardenlet create", `{apiVersion: v1, kind: Secret, metadata: {namespace: garden-SEED, name: crop.monitoring,
		labels: {gardener.cloud/role: monitoring}, ` + ownedByShoot + `}}`},
	{"gardenlet patch Secret garden-SEED/crop.monitoring", `stringData: {password: rotated}`},
	{"gardenlet patch Secret garden-SEED/crop.ssh-keypair", `metadata: {labels: {gardener.cloud/role: ssh-keypair},
		` + ownedByShoot + `}`},
	{"gardenlet delete Secret garden-SEED/crop.monitoring", ""},
	{"gardenlet create", `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: garden-SEED, name: crop.ca-kubelet,
		labels: {gardener.cloud/role: ca-kubelet, shoot.gardener.cloud/name: crop,
		  shoot.gardener.cloud/uid: UID(Shoot garden-SEED/crop)}, ` + ownedByShoot + `}}`},
	{"gardenlet patch ConfigMap garden-SEED/crop.ca-kubelet", `data: {ca.crt: rotated}`},
	{"gardenlet delete ConfigMap garden-SEED/crop.ca-kubelet", ""},
	{"gardenlet patch InternalSecret garden-SEED/crop.ca-client", `metadata: {labels: {gardener.cloud/role: ca-client},
		` + ownedByShoot + `}`},
	{"gardenlet patch InternalSecret garden-SEED/crop.ca-client", `data: {ca.crt: AA==}`},
	{"gardenlet delete InternalSecret garden-SEED/crop.ca-client", ""},
	{"operator patch Shoot garden-SEED/crop", `metadata: {annotations: {authentication.gardener.cloud/issuer: managed}}`},
	{"gardenlet create", `{apiVersion: v1, kind: Secret, metadata: {namespace: gardener-system-shoot-issuer,
		name: SEED--UID(Shoot garden-SEED/crop), labels: {shoot.gardener.cloud/name: crop,
		  shoot.gardener.cloud/namespace: garden-SEED, discovery.gardener.cloud/public: serviceaccount}}}`},
	{"gardenlet patch Secret gardener-system-shoot-issuer/SEED--UID(Shoot garden-SEED/crop)", `stringData: {jwks: keys}`},
	{"gardenlet delete Secret gardener-system-shoot-issuer/SEED--UID(Shoot garden-SEED/crop)", ""},
	{"gardenlet patch ShootState garden-SEED/crop", `spec: {gardener: []}`},
	{"gardenlet delete ShootState garden-SEED/crop", ""},
	{"gardenlet create", `{apiVersion: core.gardener.cloud/v1beta1, kind: ShootState,
		metadata: {namespace: garden-SEED, name: crop}}`},

	{"gardenlet create", entryOfShoot},
	{"gardenlet create again", entryOfShoot},
	{"gardenlet patch BackupEntry garden-SEED/crop--entry",
		`metadata: {annotations: {backup.gardener.cloud/created-by: SEED}, finalizers: [gardener.cloud/gardener]}`},
	{"gardenlet patch BackupEntry/status garden-SEED/crop--entry", `status: {seedName: SEED}`},
	{"gardenlet patch Bastion garden-SEED/bastion", finalizer},
	{"gardenlet patch Bastion garden-SEED/bastion", noOperation},
	{"gardenlet patch Bastion/status garden-SEED/bastion", someStatus},
	{"gardenlet patch ControllerInstallation installation-SEED", finalizer},
	{"gardenlet patch ControllerInstallation/status installation-SEED", someStatus},
}

// parentCare is what a gardenlet writes for a ManagedSeed on its Seed, beside what bootstraps it.
var parentCare = []step{
	{"gardenlet patch ManagedSeed garden/SEED-child", finalizer},
	{"operator patch ManagedSeed garden/SEED-child", operation},
	{"gardenlet patch ManagedSeed garden/SEED-child", noOperation},
	{"gardenlet patch ManagedSeed/status garden/SEED-child", someStatus},
	// gardener-apiserver fills in what the Shoot says, whoever writes.
	{"gardenlet patch ManagedSeed garden/SEED-child", `metadata: {annotations: {a: b}}
spec: {gardenlet: {config: {seedConfig: {spec: {networks: {pods: 10.0.0.0/16}, provider: {type: local, region: local}}}}}}`},
	{"child create", `{apiVersion: core.gardener.cloud/v1beta1, kind: Seed,
		metadata: {name: SEED-child, labels: {name.seed.gardener.cloud/SEED-child: "true"}},
		spec: {provider: {type: local, region: local}, backup: {provider: local, credentialsRef: {apiVersion: v1,
		  kind: Secret, namespace: garden, name: SEED-child-backup}}}}`},
	{"child patch Seed/status SEED-child", `status: {clientCertificateExpirationTimestamp: "2999-01-01T00:00:00Z"}`},
	// The parent's gardenlet hands the backup Secret over, or deletes it.
	{"operator patch Secret garden/SEED-child-backup", ofParent},
	{"gardenlet patch Secret garden/SEED-child-backup",
		`metadata: {labels: {secret.backup.gardener.cloud/status: null}, ownerReferences: []}`},
	{"gardenlet patch Secret garden/SEED-child-backup", finalizer},
	{"gardenlet patch Secret garden/SEED-child-backup", noFinalizer},
	{"operator patch Secret garden/SEED-child-backup", ofParent},
	{"gardenlet delete Secret garden/SEED-child-backup", ""},
	{"operator patch ManagedSeed garden/SEED-child", finalizer},
	{"operator delete ManagedSeed garden/SEED-child", ""},
	{"gardenlet delete Seed SEED-child", ""},
	{"gardenlet patch ManagedSeed garden/SEED-child", noFinalizer},
}

const ofParent = `metadata: {labels: {secret.backup.gardener.cloud/status: current},
	ownerReferences: [{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: ManagedSeed, name: SEED-child,
	  uid: UID(ManagedSeed garden/SEED-child), controller: true}]}`

// TestHonestRegistration: a gardenlet registers a Seed that nobody has heard of, and cares for it.
func TestHonestRegistration(t *testing.T) {
	c := gardenlet(t, shared, "honest")
	take(t, registration, map[string]*client{"gardenlet": c, "operator": c.asAdmin()}, "SEED", "honest")
}

// TestHonestCare: a gardenlet cares for the Shoots and the ManagedSeed on its Seed.
func TestHonestCare(t *testing.T) {
	withSeeds(t, shared, "care")
	c := gardenlet(t, shared, "care")
	clients := map[string]*client{"gardenlet": c, "operator": c.asAdmin(), "child": gardenlet(t, shared, "care-child")}
	t.Run("Shoots", func(t *testing.T) { take(t, shootCare, clients, "SEED", "care") })
	t.Run("ManagedSeeds", func(t *testing.T) { take(t, parentCare, clients, "SEED", "care") })
}
