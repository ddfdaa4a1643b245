package gardenlet

import (
	_ "embed" // for what is below
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/naming"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

const (
	core           = "core.gardener.cloud/v1beta1"
	seedManagement = "seedmanagement.gardener.cloud/v1alpha1"
	child          = "child"
)

var (
	//go:embed testdata/shoot.yaml
	shootManifest string
	//go:embed testdata/managedseed.yaml
	managedSeedManifest string
	//go:embed testdata/autoscaler.yaml
	autoscalerManifest string
)

// ofSeed returns the administrator's client of a Seed's cluster.
func ofSeed(t *testing.T, cluster *testgarden.Cluster) *testgarden.Client {
	t.Helper()
	c, err := cluster.Client()
	require.NoError(t, err)
	return c
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	objects, err := testgarden.Parse([]byte(manifest))
	require.NoError(t, err)
	for _, o := range objects {
		require.NoError(t, applySoon(t.Context(), admin(t), o))
	}
}

func merge(t *testing.T, c *testgarden.Client, apiVersion, kind, namespace, name, patch string,
	subresources ...string,
) {
	t.Helper()
	r, err := c.Resource(schema.FromAPIVersionAndKind(apiVersion, kind), namespace)
	require.NoError(t, err)
	_, err = r.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, subresources...)
	require.NoError(t, err)
}

func lastOperationSucceeded(o *unstructured.Unstructured) error {
	state, _, _ := unstructured.NestedString(o.Object, "status", "lastOperation", "state")
	if state != "Succeeded" {
		return fmt.Errorf("%s %s: %v", o.GetKind(), o.GetName(), o.Object["status"])
	}
	return nil
}

// exists waits for objects of the garden, written Kind namespace/name.
func exists(t *testing.T, apiVersion string, objects ...string) {
	t.Helper()
	for _, o := range objects {
		kind, key, _ := strings.Cut(o, " ")
		namespace, name, namespaced := strings.Cut(key, "/")
		if !namespaced {
			namespace, name = "", key
		}
		soon(t, o, func() error {
			_, err := find(t, admin(t), apiVersion, kind, namespace, name)
			return err
		})
	}
}

// backup: the gardenlet creates the BackupBucket of its Seed, and hands on the Secret that the extension generates.
func backup(t *testing.T) {
	s, err := find(t, admin(t), core, "Seed", "", seed)
	require.NoError(t, err)
	bucket := string(s.GetUID())
	soon(t, "the BackupBucket is ready", func() error {
		b, err := find(t, admin(t), core, "BackupBucket", "", bucket)
		if err != nil {
			return err
		}
		return lastOperationSucceeded(b)
	})
	c := ofSeed(t, field)
	require.NoError(t, c.Apply(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "garden", Name: "generated"},
		Data:       map[string][]byte{"key": []byte("value")},
	}))
	merge(t, c, "extensions.gardener.cloud/v1alpha1", "BackupBucket", "", bucket,
		`{"status":{"generatedSecretRef":{"namespace":"garden","name":"generated"}}}`, "status")
	merge(t, admin(t), core, "BackupBucket", "", bucket,
		`{"metadata":{"annotations":{"gardener.cloud/operation":"reconcile"}}}`)
	exists(t, "v1", "Secret garden/generated-bucket-"+bucket)
	soon(t, "the BackupBucket names the generated Secret", func() error {
		b, err := find(t, admin(t), core, "BackupBucket", "", bucket)
		if err != nil {
			return err
		}
		if _, found, _ := unstructured.NestedMap(b.Object, "status", "generatedSecretRef"); !found {
			return fmt.Errorf("%v", b.Object["status"])
		}
		return lastOperationSucceeded(b)
	})

	// That the honest ways are open says little unless others are not.
	config, err := g.Gardenlet(seed)
	require.NoError(t, err)
	own, err := g.NewClient(config)
	require.NoError(t, err)
	wanted, err := testgarden.Parse([]byte(`{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket,
metadata: {name: wanted}, spec: {provider: {type: local, region: local}, seedName: field,
credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: unrelated}}}`))
	require.NoError(t, err)
	r, o, err := own.Of(wanted[0])
	require.NoError(t, err)
	_, err = r.Create(t.Context(), o, metav1.CreateOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	require.ErrorContains(t, err, "admission webhook")
}

// extension: the gardenlet installs an extension and has a token made for it, by which the extension does its work.
func extension(t *testing.T) {
	var name string
	soon(t, "the ControllerInstallation is installed and healthy", func() error {
		r, err := admin(t).Resource(schema.FromAPIVersionAndKind(core, "ControllerInstallation"), "")
		require.NoError(t, err)
		list, err := r.List(t.Context(), metav1.ListOptions{FieldSelector: "spec.seedRef.name=" + seed})
		if err != nil {
			return err
		}
		if len(list.Items) != 1 {
			return fmt.Errorf("there are %d", len(list.Items))
		}
		name = list.Items[0].GetName()
		return conditions(&list.Items[0], "Valid", "Installed", "Healthy")
	})
	exists(t, "v1", "ServiceAccount seed-"+seed+"/extension-"+name)
	token := func() string {
		s, err := find(t, ofSeed(t, field), "v1", "Secret", "extension-"+name, "garden-access-extension")
		require.NoError(t, err)
		kubeconfigOrToken := struct{ Data map[string][]byte }{}
		content, err := s.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(content, &kubeconfigOrToken))
		return string(kubeconfigOrToken.Data["token"])
	}
	first := ""
	soon(t, "the extension has a token", func() error {
		if first = token(); first == "" {
			return errors.New("none yet")
		}
		return nil
	})
	c, err := g.NewClient(g.WithToken(first))
	require.NoError(t, err)
	_, err = c.Kubernetes.CoordinationV1().Leases("seed-"+seed).Create(t.Context(),
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "local-leader"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = find(t, c, core, "Seed", "", seed)
	require.NoError(t, err)
	_, err = find(t, c, core, "ControllerInstallation", "", name)
	require.NoError(t, err)
	_, err = find(t, c, "v1", "Secret", "garden", "unrelated")
	require.True(t, apierrors.IsForbidden(err), "%v", err)

	merge(t, admin(t), core, "Seed", "", seed,
		`{"metadata":{"annotations":{"gardener.cloud/operation":"renew-garden-access-secrets"}}}`)
	soon(t, "the token is renewed", func() error {
		if now := token(); now == "" || now == first {
			return errors.New("not yet")
		}
		return nil
	})
	operationDone(t, seed)
}

// operationDone waits until the gardenlet has done what an annotation of its Seed asks for.
func operationDone(t *testing.T, name string) {
	t.Helper()
	soon(t, "the annotation of the Seed is gone", func() error {
		s, err := find(t, admin(t), core, "Seed", "", name)
		if err != nil {
			return err
		}
		return operationGone(s)
	})
}

func operationGone(o *unstructured.Unstructured) error {
	if _, ok := o.GetAnnotations()[operation]; ok {
		return errors.New("still there")
	}
	return nil
}

func conditions(o *unstructured.Unstructured, wanted ...string) error {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, kind := range wanted {
		if !slices.ContainsFunc(list, func(c any) bool {
			m := c.(map[string]any)
			return m["type"] == kind && m["status"] == "True"
		}) {
			return fmt.Errorf("%s %s is not %s: %v", o.GetKind(), o.GetName(), kind, list)
		}
	}
	return nil
}

// shoot: the first steps of a Shoot, up to what needs its kube-apiserver.
func shoot(t *testing.T) {
	apply(t, strings.NewReplacer("NAMESPACE", "garden-farm", "NAME", "crop", "IGNORED", "false").Replace(shootManifest))
	exists(t, "v1", "Secret garden-farm/crop.ssh-keypair", "ConfigMap garden-farm/crop.ca-cluster")
	exists(t, core, "InternalSecret garden-farm/crop.ca-client")
	soon(t, "the BackupEntry is ready", func() error {
		r, err := admin(t).Resource(schema.FromAPIVersionAndKind(core, "BackupEntry"), "garden-farm")
		require.NoError(t, err)
		list, err := r.List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(list.Items) != 1 {
			return fmt.Errorf("there are %d", len(list.Items))
		}
		return lastOperationSucceeded(&list.Items[0])
	})
}

// managedSeed: the gardenlet installs another one in a Shoot, which bootstraps in turn.
func managedSeed(t *testing.T) {
	apply(t, strings.NewReplacer("NAMESPACE", "garden", "NAME", child, "IGNORED", "true").Replace(shootManifest))
	cluster, err := g.StartCluster(t.Context(), child, "10.12.0.0/16")
	require.NoError(t, err)
	c := ofSeed(t, cluster)
	require.NoError(t, furnish(t.Context(), c))
	autoscaler, err := testgarden.Parse([]byte(autoscalerManifest))
	require.NoError(t, err)
	require.NoError(t, c.Apply(t.Context(), autoscaler[0]))
	go play(running, cluster)

	// The Shoot is there already, and so is the way to it.
	s, err := find(t, admin(t), core, "Shoot", "garden", child)
	require.NoError(t, err)
	now := time.Now().UTC().Format(time.RFC3339)
	technicalID := "shoot--garden--" + child
	merge(t, admin(t), core, "Shoot", "garden", child, fmt.Sprintf(`{"status":{"observedGeneration":%d,"technicalID":%q,
"seedName":%q,"uid":"1","gardener":{"id":"1","name":"1","version":"1"},"hibernated":false,
"lastOperation":{"type":"Create","state":"Succeeded","progress":100,"description":"played","lastUpdateTime":%q}}}`,
		s.GetGeneration(), technicalID, seed, now), "status")
	kubeconfig, err := testgarden.Kubeconfig(withToken(t, cluster))
	require.NoError(t, err)
	require.NoError(t, ofSeed(t, field).Apply(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: technicalID}},
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: technicalID, Name: "gardener-internal"},
			Data:       map[string][]byte{"kubeconfig": kubeconfig},
		}))
	apply(t, managedSeedManifest)

	var config string
	soon(t, "the gardenlet of the child is deployed", func() error {
		list, err := c.Kubernetes.CoreV1().ConfigMaps("garden").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range list.Items {
			if strings.HasPrefix(list.Items[i].Name, "gardenlet-configmap") {
				config = list.Items[i].Data["config.yaml"]
				return nil
			}
		}
		return fmt.Errorf("%d other ConfigMaps", len(list.Items))
	})
	ofChild := startGardenlet(t, cluster, child, onLoopback(t, config))
	exists(t, core, "Seed "+child)
	_, err = find(t, admin(t), "v1", "Secret", metav1.NamespaceSystem, naming.BootstrapTokenSecret("garden", child))
	require.True(t, apierrors.IsNotFound(err), "the child deletes its bootstrap token: %v", err)
	seedReady(t, child)
	managedSeedSoon := func(what string, check func(*unstructured.Unstructured) error) {
		t.Helper()
		soon(t, what, func() error {
			m, err := find(t, admin(t), seedManagement, "ManagedSeed", "garden", child)
			if err != nil {
				return err
			}
			return check(m)
		})
	}
	reconciled := func(m *unstructured.Unstructured) error { return conditions(m, "SeedRegistered", "ShootReconciled") }
	managedSeedSoon("the ManagedSeed is reconciled", reconciled)

	// An operator has the parent bootstrap it once more.
	before := certificate(t, cluster)
	merge(t, admin(t), seedManagement, "ManagedSeed", "garden", child,
		`{"metadata":{"annotations":{"gardener.cloud/operation":"renew-kubeconfig"}}}`)
	managedSeedSoon("the annotation of the ManagedSeed is gone", operationGone)
	// Whenever the parent reconciles between this and the new certificate, it asks for the token, is denied, and tries
	// again. Let it happen always.
	merge(t, admin(t), seedManagement, "ManagedSeed", "garden", child,
		`{"metadata":{"annotations":{"gardener.cloud/operation":"reconcile"}}}`)
	managedSeedSoon("the parent is denied the token", func(m *unstructured.Unstructured) error {
		if err := conditions(m, "SeedRegistered"); err == nil {
			return errors.New("not yet")
		}
		return nil
	})
	ofChild.stop() // the Deployment has changed
	soon(t, "the child has bootstrapped again", func() error {
		if now := certificate(t, cluster); now == "" || now == before {
			return errors.New("not yet")
		}
		return nil
	})
	managedSeedSoon("the ManagedSeed is reconciled again", reconciled)
}

// certificate returns the kubeconfig by which a Seed's gardenlet reaches the garden, "" while there is none.
func certificate(t *testing.T, cluster *testgarden.Cluster) string {
	t.Helper()
	s, err := find(t, ofSeed(t, cluster), "v1", "Secret", "garden", "gardenlet-kubeconfig")
	if apierrors.IsNotFound(err) {
		return ""
	}
	require.NoError(t, err)
	content, _, _ := unstructured.NestedString(s.Object, "data", "kubeconfig")
	return content
}

// withToken returns the client configuration of a cluster's administrator who has a token: a gardenlet knows a Shoot's
// cluster by no other means.
func withToken(t *testing.T, cluster *testgarden.Cluster) *rest.Config {
	t.Helper()
	c := ofSeed(t, cluster)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "gardener"}}
	require.NoError(t, c.Apply(t.Context(), account, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: account.Namespace, Name: account.Name}},
	}))
	answer, err := c.Kubernetes.CoreV1().ServiceAccounts(account.Namespace).CreateToken(t.Context(), account.Name,
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	config := rest.AnonymousClientConfig(cluster.Admin)
	config.BearerToken = answer.Status.Token
	return config
}

// onLoopback has a gardenlet's configuration listen where nobody else does.
func onLoopback(t *testing.T, config string) string {
	t.Helper()
	var c map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(config), &c))
	c["server"] = map[string]any{
		"healthProbes": map[string]any{"bindAddress": "127.0.0.1", "port": "HEALTH"},
		"metrics":      map[string]any{"bindAddress": "127.0.0.1", "port": "METRICS"},
	}
	content, err := yaml.Marshal(c)
	require.NoError(t, err)
	return string(content)
}

// renew: a gardenlet renews its certificate when an operator asks for it.
func renew(t *testing.T) {
	before, starts := certificate(t, field), ofField.starts.Load()
	merge(t, admin(t), core, "Seed", "", seed,
		`{"metadata":{"annotations":{"gardener.cloud/operation":"renew-kubeconfig"}}}`)
	soon(t, "the gardenlet has a new certificate", func() error {
		if certificate(t, field) == before {
			return errors.New("the old one")
		}
		return nil
	})
	soon(t, "the gardenlet is started again", func() error {
		if ofField.starts.Load() == starts {
			return errors.New("not yet")
		}
		return nil
	})
	operationDone(t, seed)
	seedReady(t, seed)
}
