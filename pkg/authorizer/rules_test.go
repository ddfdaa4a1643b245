package authorizer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/graph"
)

type row struct {
	want kauthorizer.Decision
	who  user.Info
	request
}

const (
	label1 = "name.seed.gardener.cloud/s1=true"
	label2 = "name.seed.gardener.cloud/s2=true"

	buckets       = "backupbuckets.core.gardener.cloud"
	entries       = "backupentries.core.gardener.cloud"
	bastions      = "bastions.operations.gardener.cloud"
	requests      = "certificatesigningrequests.certificates.k8s.io"
	bindings      = "clusterrolebindings.rbac.authorization.k8s.io"
	installations = "controllerinstallations.core.gardener.cloud"
	registrations = "controllerregistrations.core.gardener.cloud"
	gardenlets    = "gardenlets.seedmanagement.gardener.cloud"
	internals     = "internalsecrets.core.gardener.cloud"
	leases        = "leases.coordination.k8s.io"
	managedSeeds  = "managedseeds.seedmanagement.gardener.cloud"
	seeds         = "seeds.core.gardener.cloud"
	shoots        = "shoots.core.gardener.cloud"
	states        = "shootstates.core.gardener.cloud"
	identities    = "workloadidentities.security.gardener.cloud"

	bootstrapper = "gardener.cloud:system:seed-bootstrapper:garden:gardenlet-bootstrap-"
	// token1 and token2 are the bootstrap tokens of garden/s1 and garden/s2: printf garden--s1 | sha256sum | head -c 6
	token1 = "kube-system/bootstrap-token-07ed9b"
	token2 = "kube-system/bootstrap-token-913dfe"
)

// rows say of every rule what it allows and what it does not. A row is for each of its verbs.
var rows = []struct {
	rule string
	rows []row
}{
	{"backupbuckets", []row{
		{allow, g1, on("create list", buckets, "")}, {allow, e1, on("create watch", buckets, "")},
		{allow, g1, on("get", buckets, "own-s2")}, {allow, g1, on("update delete", buckets, "own-s1")},
		{none, g1, on("update delete", buckets, "own-s2")},
		{none, g1, on("update delete deletecollection", buckets, "")}, {allow, e1, on("patch", buckets, "own-s1")},
		{none, e1, on("patch", buckets, "own-s2")}, {allow, g1, on("patch", buckets+"/status", "own-s1")},
		{none, g1, on("patch", buckets+"/status", "own-s2")},
		{allow, g1, on("update", buckets+"/finalizers", "own-s1")}, {none, g1, on("get", buckets+"/scale", "own-s1")},
	}},
	{"backupentries", []row{
		{allow, g1, on("create", entries, "garden-s1/")}, {allow, e1, on("create watch", entries, "garden-s2/")},
		{allow, g1, on("get", entries, "garden-s2/own")}, {allow, g1, on("list", entries, "")},
		{allow, g1, on("update delete", entries, "garden-s1/own")},
		{none, g1, on("update delete", entries, "garden-s2/own")}, {allow, e1, on("patch", entries, "garden-s1/own")},
		{none, e1, on("patch", entries, "garden-s2/own")}, {none, g1, on("deletecollection", entries, "garden-s1/")},
		{allow, g1, on("patch", entries+"/status", "garden-s1/own")},
		{none, g1, on("update", entries+"/finalizers", "garden-s1/own")},
	}},
	{"bastions", []row{
		{allow, g1, on("create", bastions, "garden-s1/")}, {allow, g1, on("get patch", bastions, "garden-s1/own")},
		{none, g1, on("get patch", bastions, "garden-s2/own")}, {allow, e1, on("update", bastions, "garden-s1/own")},
		{none, g1, on("delete", bastions, "garden-s1/own")},
		{none, g1, on("deletecollection", bastions, "garden-s1/")},
		{allow, g1, on("update", bastions+"/status", "garden-s1/own")},
		{none, g1, on("update", bastions+"/finalizers", "garden-s1/own")}, {none, g1, on("list", bastions, "")},
		{none, g1, labelled(label1, on("list", bastions, ""))},
		{allow, g1, fielded("spec.seedName=s1", on("list", bastions, ""))},
		{allow, e1, fielded("spec.seedName=s1", on("watch", bastions, "garden-s2/"))},
		{none, g1, fielded("spec.seedName=s2", on("list", bastions, ""))},
		{none, g1, fielded("spec.seedName!=s2", on("list", bastions, ""))},
		{allow, g1, fielded("metadata.name=own", on("list", bastions, "garden-s1/"))},
		{none, g1, fielded("metadata.name=own", on("list", bastions, ""))},
	}},
	{"certificatesigningrequests", []row{
		{allow, g1, on("create", requests, "")}, {none, e1, on("create", requests, "")},
		{allow, g1, on("create", requests+"/seedclient", "")}, {none, e1, on("create", requests+"/seedclient", "")},
		{none, g1, on("create", requests+"/nodeclient", "")},
		{none, g1, on("update", requests+"/approval", "own-s1")}, {allow, g1, on("get", requests, "own-s1")},
		{allow, e1, on("get", requests, "own-s1")}, {none, g1, on("get", requests, "own-s2")},
		{allow, g1, fielded("metadata.name=own-s1", on("watch", requests, ""))},
		{none, e1, fielded("metadata.name=own-s2", on("watch", requests, ""))}, {none, g1, on("list", requests, "")},
		{none, g1, on("update delete", requests, "own-s1")},
	}},
	{"cloudprofiles", readOnly("cloudprofiles.core.gardener.cloud", "own-s1", "own-s2")},
	{"namespacedcloudprofiles", readOnly("namespacedcloudprofiles.core.gardener.cloud", "garden-s1/own", "garden-s2/own")},
	{"controllerdeployments", readOnly("controllerdeployments.core.gardener.cloud", "own-s1", "own-s2")},
	{"exposureclasses", readOnly("exposureclasses.core.gardener.cloud", "own-s1", "own-s2")},
	{"projects", readOnly("projects.core.gardener.cloud", "own-s1", "own-s2")},
	{"secretbindings", readOnly("secretbindings.core.gardener.cloud", "garden-s1/own", "garden-s2/own")},
	{"credentialsbindings", readOnly("credentialsbindings.security.gardener.cloud", "garden-s1/own", "garden-s2/own")},
	{"namespaces", append(readOnly("namespaces", "garden-s1/garden-s1", "garden-s2/garden-s2"),
		row{allow, g1, fielded("metadata.name=garden-s1", on("list", "namespaces", ""))},
		row{allow, g1, fielded("metadata.name=garden-s1", on("list", "namespaces", "garden-s1/"))},
		row{none, g1, on("update", "namespaces/finalize", "garden-s1/garden-s1")})},
	{"clusterrolebindings", []row{
		{allow, g1, on("create", bindings, "")}, {none, e1, on("create", bindings, "")},
		{allow, g1, on("get patch update", bindings, "own-s1")}, {allow, e1, on("get", bindings, "own-s1")},
		{none, g1, on("get update", bindings, "own-s2")}, {none, e1, on("patch", bindings, "own-s1")},
		{none, g1, on("update", bindings, "cluster-admin")}, {none, g1, on("list deletecollection", bindings, "")},
		{none, g1, on("delete", bindings, "own-s1")}, {allow, g1, on("delete", bindings, bootstrapper+"s1")},
		{none, e1, on("delete", bindings, bootstrapper+"s1")}, {none, g1, on("delete", bindings, bootstrapper+"s2")},
		{none, g1, on("delete", bindings, bootstrapper)}, {none, g1, on("delete", bindings, bootstrapper+"s1x")},
		{none, g1, on("get update", bindings, bootstrapper+"s1")},
		{none, g1, on("delete", bindings, "garden/"+bootstrapper+"s1")},
		{none, g1, on("delete", bindings+"/status", bootstrapper+"s1")},
	}},
	{"configmaps", []row{
		{allow, g1, on("create", "configmaps", "garden-s2/")}, {allow, e1, on("create", "configmaps", "garden-s1/")},
		{allow, g1, on("get patch update delete", "configmaps", "garden-s1/own")},
		{none, g1, on("get delete", "configmaps", "garden-s2/own")},
		{allow, e1, on("get", "configmaps", "garden-s1/own.ca-cluster")},
		{none, e1, on("update", "configmaps", "garden-s2/own")},
		{none, g1, on("delete", "configmaps", "garden-s1/other")},
		{allow, g1, fielded("metadata.name=own", on("list", "configmaps", "garden-s1/"))},
		{none, g1, on("list deletecollection", "configmaps", "garden-s1/")},
		{none, g1, on("watch", "configmaps", "")},
		{allow, g1, on("get", "configmaps", "gardener-system-public/gardener-info")},
		{allow, e2, on("get", "configmaps", "gardener-system-public/gardener-info")},
		{allow, g1, on("get", "configmaps", "gardener-system-public/kube-root-ca.crt")},
		{none, g1, on("get", "configmaps", "garden/kube-root-ca.crt")},
		{none, g1, on("get", "configmaps", "gardener-system-public/other")},
		{none, g1, on("get", "configmaps", "garden/gardener-info")},
		{none, g1, on("list update", "configmaps", "gardener-system-public/gardener-info")},
		{none, g1, on("get", "configmaps", "gardener-system-public/")},
		{none, g1, on("get", "configmaps/status", "gardener-system-public/gardener-info")},
	}},
	{"controllerinstallations", []row{
		{none, g1, on("create list", installations, "")}, {allow, g1, on("get update", installations, "own-s1")},
		{none, e1, on("get", installations, "own-s2")}, {allow, g1, on("patch", installations+"/status", "own-s1")},
		{none, g1, on("patch", installations+"/finalizers", "own-s1")},
		{none, g1, on("delete", installations, "own-s1")},
		{allow, g1, fielded("spec.seedRef.name=s1", on("list", installations, ""))},
		{allow, e1, fielded("spec.seedRef.name=s1", on("watch", installations, ""))},
		{none, g1, fielded("spec.seedRef.name=s2", on("list", installations, ""))},
		{none, g1, fielded("spec.seedName=s1", on("list", installations, ""))},
		{allow, g1, fielded("metadata.name=own-s1", on("list", installations, ""))},
	}},
	{"controllerregistrations", []row{
		{allow, g1, on("get", registrations, "own-s2")}, {allow, e1, on("list", registrations, "")},
		{allow, g1, on("watch", registrations, "")}, {none, g1, on("create", registrations, "")},
		{none, g1, on("update delete", registrations, "own-s1")},
		{none, g1, on("get", registrations+"/status", "own-s1")},
	}},
	{"events", []row{
		{allow, g1, on("create", "events", "default/")}, {allow, e1, on("patch", "events", "garden-s2/x")},
		{allow, g1, on("create", "events.events.k8s.io", "default/")},
		{allow, e1, on("patch", "events.events.k8s.io", "default/x")},
		{none, g1, on("get update", "events", "default/x")}, {none, g1, on("list", "events", "")},
		{none, g1, on("delete", "events.events.k8s.io", "default/x")},
		{none, g1, on("deletecollection", "events", "default/")},
	}},
	{"internalsecrets", []row{
		{allow, g1, on("create", internals, "garden-s1/")}, {allow, e1, on("create", internals, "garden-s1/")},
		{allow, g1, on("get update patch delete", internals, "garden-s1/own")},
		{none, g1, on("get delete", internals, "garden-s2/own")},
		{allow, e1, on("get", internals, "garden-s1/own.ca-client")},
		{none, g1, on("delete", internals, "garden-s1/other")}, {none, g1, on("list", internals, "garden-s1/")},
		{allow, g1, fielded("metadata.name=own", on("watch", internals, "garden-s1/"))},
		{none, g1, on("get", internals+"/status", "garden-s1/own")},
	}},
	{"leases", []row{
		{allow, g1, on("create", leases, "garden/")}, {allow, g1, on("get update patch", leases, "garden-s1/own")},
		{none, g1, on("get", leases, "garden-s2/own")}, {none, g1, on("delete", leases, "garden-s1/own")},
		{allow, g1, fielded("metadata.name=own", on("list", leases, "garden-s1/"))},
		{none, g1, on("list", leases, "garden-s1/")}, {none, g1, on("watch", leases, "")},
		{none, g1, on("get", leases, "seed-s1/x")}, {none, g1, on("deletecollection", leases, "seed-s1/")},
		{allow, e1, on("create list watch deletecollection", leases, "seed-s1/")},
		{allow, e1, on("get update patch delete", leases, "seed-s1/x")},
		{none, e1, on("impersonate *", leases, "seed-s1/x")}, {none, e1, on("create", leases, "seed-s2/")},
		{none, e1, on("create list", leases, "")}, {none, e1, on("get", leases, "garden-s1/own")},
		{none, e1, on("create", leases, "seed-s1x/")}, {none, e1, on("create", leases, "seed-/")},
		{none, e1, on("update", leases+"/status", "seed-s1/x")},
	}},
	{"gardenlets", []row{
		{allow, g1, on("create", gardenlets, "garden/")}, {none, g1, on("create", gardenlets, "garden-s1/")},
		{none, g1, on("create", gardenlets, "")}, {allow, g1, on("get update", gardenlets, "garden/s1")},
		{none, g1, on("get", gardenlets, "garden/s2")}, {allow, e1, on("get", gardenlets, "garden/s1")},
		{allow, g1, on("patch", gardenlets+"/status", "garden/s1")},
		{none, g1, on("patch", gardenlets+"/finalizers", "garden/s1")},
		{none, g1, on("delete watch", gardenlets, "garden/s1")}, {none, g1, on("get", gardenlets, "garden-s1/s1")},
		{allow, g1, fielded("metadata.name=s1", on("list", gardenlets, "garden/"))},
		{allow, e1, fielded("metadata.name=s1", on("watch", gardenlets, "garden/"))},
		{none, g1, fielded("metadata.name=s2", on("list", gardenlets, "garden/"))},
		{none, g1, fielded("metadata.name=s1", on("list", gardenlets, ""))},
		{none, g1, on("list", gardenlets, "garden/")},
		{none, g1, labelled(label1, on("list", gardenlets, "garden/"))},
	}},
	{"managedseeds", []row{
		{none, g1, on("create", managedSeeds, "garden-s1/")},
		{allow, g1, on("get update", managedSeeds, "garden-s1/own")},
		{none, g1, on("get", managedSeeds, "garden-s2/own")},
		{allow, e1, on("patch", managedSeeds+"/status", "garden-s1/own")},
		{none, g1, on("delete", managedSeeds, "garden-s1/own")},
		{allow, g1, labelled(label1, on("list", managedSeeds, ""))},
		{allow, g1, labelled(label1, on("watch", managedSeeds, "garden/"))},
		{none, g1, labelled(label2, on("list", managedSeeds, ""))}, {none, g1, on("list", managedSeeds, "")},
		{none, g1, on("update", managedSeeds+"/finalizers", "garden-s1/own")},
	}},
	{"secrets", []row{
		{allow, g1, on("create", "secrets", "garden-s2/")}, {allow, e1, on("create", "secrets", "kube-system/")},
		{allow, g1, on("get patch delete", "secrets", "garden-s1/own")},
		{none, g1, on("get delete", "secrets", "garden-s2/own")},
		{none, g1, on("get delete", "secrets", "garden-s1/other")},
		{allow, g1, on("get", "secrets", "garden-s1/own.ssh-keypair")},
		{none, g2, on("get", "secrets", "garden-s1/own.ssh-keypair")},
		{none, g1, on("get", "secrets", "garden/own.ssh-keypair")},
		{allow, e1, on("update", "secrets", "garden-s1/own")},
		{none, g1, on("delete list deletecollection", "secrets", "garden-s1/")},
		{none, g1, on("list", "secrets", "")},
		{none, g1, fielded("metadata.name=own", on("list", "secrets", "garden-s1/"))},
		{none, g1, on("*", "secrets", "garden-s1/own")}, {none, g1, on("get", "secrets/status", "garden-s1/own")},
		{allow, g1, on("get", "secrets", "seed-s1/any")}, {allow, e1, on("list", "secrets", "seed-s1/")},
		{allow, g1, on("watch", "secrets", "seed-s1/")}, {none, g1, on("get", "secrets", "seed-s2/any")},
		{none, e1, on("list", "secrets", "seed-s2/")}, {none, g1, on("list", "secrets", "seed-s1x/")},
		{none, g1, on("list", "secrets", "seed-/")}, {none, g1, on("update delete", "secrets", "seed-s1/any")},
		{none, g1, on("deletecollection", "secrets", "seed-s1/")},
		{none, g1, on("get", "secrets/token", "seed-s1/any")}, {allow, g1, on("delete", "secrets", token1)},
		{allow, e1, on("delete", "secrets", token1)}, {none, g1, on("delete", "secrets", token2)},
		{none, g2, on("delete", "secrets", token1)}, {none, g1, on("get", "secrets", token1)},
		{none, g1, on("delete", "secrets", token1+"0")},
		{none, g1, on("delete", "secrets", "kube-system/bootstrap-token-")},
		{none, g1, on("delete", "secrets", "garden"+token1[len("kube-system"):])},
		{none, g1, on("delete", "secrets/status", token1)},
	}},
	{"seeds", []row{
		{allow, g1, on("create", seeds, "")}, {allow, e1, on("create", seeds, "")},
		{allow, g1, on("get update delete", seeds, "s1")}, {none, g1, on("get delete", seeds, "s2")},
		{allow, gardenlet("s3"), on("get", seeds, "s3")}, {allow, g1, on("patch", seeds+"/status", "s1")},
		{none, e1, on("patch", seeds+"/status", "s2")}, {none, g1, on("deletecollection list", seeds, "")},
		{none, g1, on("update", seeds+"/finalizers", "s1")}, {allow, g1, labelled(label1, on("list", seeds, ""))},
		{allow, e1, labelled(label1, on("watch", seeds, ""))}, {none, g1, labelled(label2, on("list", seeds, ""))},
		{allow, g1, fielded("metadata.name=s1", on("list", seeds, ""))},
		{none, g1, fielded("metadata.name=s2", on("list", seeds, ""))}, {none, g1, on("get", seeds, "garden/s1")},
		{none, g1, on("delete", seeds, "garden/s2")},
	}},
	{"serviceaccounts", []row{
		{allow, g1, on("create", "serviceaccounts", "garden/")},
		{none, e1, on("create", "serviceaccounts", "garden/")},
		{allow, g1, on("get patch update", "serviceaccounts", "garden-s1/own")},
		{allow, e1, on("get", "serviceaccounts", "garden-s1/own")},
		{none, g1, on("get", "serviceaccounts", "garden-s2/own")},
		{none, e1, on("update", "serviceaccounts", "garden-s1/own")},
		{none, g1, on("delete", "serviceaccounts", "garden-s1/own")},
		{none, g1, on("list", "serviceaccounts", "garden-s1/")},
		{none, g1, on("create", "serviceaccounts/token", "garden-s1/own")},
		{allow, g1, on("create list deletecollection", "serviceaccounts", "seed-s1/")},
		{allow, g1, on("create", "serviceaccounts/token", "seed-s1/extension-a")},
		{allow, g1, on("delete", "serviceaccounts", "seed-s1/extension-a")},
		{allow, g1, on("impersonate", "serviceaccounts", "seed-s1/a")},
		{allow, g1, on("*", "serviceaccounts/*", "seed-s1/a")},
		{none, g1, on("create", "serviceaccounts/token", "seed-s2/extension-a")},
		{none, g1, on("list", "serviceaccounts", "seed-s2/")}, {none, g1, on("list", "serviceaccounts", "")},
		{none, g1, on("create", "serviceaccounts/token", "seed-s1x/a")},
		{none, g1, on("get", "serviceaccounts", "seed-/a")},
		{none, g1, on("impersonate", "serviceaccounts", "garden/a")},
		{none, e1, on("create", "serviceaccounts/token", "seed-s1/extension-a")},
		{none, e1, on("get", "serviceaccounts", "seed-s1/extension-a")},
		{none, e1, on("create", "serviceaccounts", "seed-s1/")},
		{allow, g1, on("delete", "serviceaccounts", "garden/gardenlet-bootstrap-s1")},
		{none, e1, on("delete", "serviceaccounts", "garden/gardenlet-bootstrap-s1")},
		{none, g1, on("delete", "serviceaccounts", "garden/gardenlet-bootstrap-s2")},
		{none, g1, on("delete", "serviceaccounts", "garden-s1/gardenlet-bootstrap-s1")},
		{none, g1, on("delete", "serviceaccounts", "garden/gardenlet-bootstrap-")},
		{none, g1, on("get", "serviceaccounts", "garden/gardenlet-bootstrap-s1")},
		{none, g1, on("delete create", "serviceaccounts/token", "garden/gardenlet-bootstrap-s1")},
	}},
	{"shoots", []row{
		{none, g1, on("create", shoots, "garden-s1/")}, {allow, g1, on("get update", shoots, "garden-s1/own")},
		{none, g1, on("get", shoots, "garden-s2/own")}, {allow, e1, on("patch", shoots+"/status", "garden-s1/own")},
		{allow, g1, on("update", shoots+"/finalizers", "garden-s1/own")},
		{none, g1, on("delete", shoots, "garden-s1/own")},
		{none, g1, on("create", shoots+"/adminkubeconfig", "garden-s1/own")},
		{none, g1, on("create", shoots+"/binding", "garden-s1/own")},
		{allow, g1, labelled(label1, on("list", shoots, ""))},
		{allow, e1, labelled(label1, on("watch", shoots, "garden-s2/"))},
		{none, g1, labelled(label2, on("list", shoots, ""))}, {none, g1, on("list", shoots, "")},
		{none, g1, fielded("spec.seedName=s1", on("list", shoots, ""))},
		{allow, g1, fielded("metadata.name=own", on("list", shoots, "garden-s1/"))},
		{none, g1, fielded("metadata.name=own", on("list", shoots, "garden-s2/"))},
		{none, g1, fielded("metadata.name=own", on("list", shoots, ""))},
		{none, g1, labelled(label1, fielded("metadata.name=own", on("list", shoots, "garden-s2/")))},
		{allow, g1, on("get", shoots, "garden/s1")}, {allow, e1, on("get", shoots, "garden/s1")},
		{none, g1, on("get", shoots, "garden/s2")}, {none, g1, on("get", shoots, "garden-s1/s1")},
		{none, g1, on("update list", shoots, "garden/s1")}, {none, g1, on("get", shoots+"/status", "garden/s1")},
		{none, g1, on("get", shoots, "s1")},
	}},
	{"shootstates", []row{
		{allow, g1, on("create", states, "garden-s1/")}, {allow, e1, on("get", states, "garden-s1/own")},
		{none, g1, on("get delete", states, "garden-s2/own")},
		{allow, g1, on("update patch delete", states, "garden-s1/own")},
		{none, g1, on("delete", states, "garden-s1/other")}, {none, g1, on("list", states, "garden-s1/")},
		{allow, g1, fielded("metadata.name=own", on("watch", states, "garden-s1/"))},
		{none, g1, on("patch", states+"/status", "garden-s1/own")},
	}},
	{"workloadidentities", []row{
		{allow, g1, on("get", identities, "garden-s1/own")}, {none, g1, on("get", identities, "garden-s2/own")},
		{allow, e1, on("patch", identities, "garden-s1/own")},
		{allow, g1, on("create", identities+"/token", "garden-s1/own")},
		{none, g1, on("create", identities+"/token", "garden-s2/own")},
		{allow, e1, on("create", identities+"/token", "garden-s1/own")},
		{none, g1, on("create list", identities, "garden-s1/")},
		{none, g1, on("create", identities+"/token", "garden-s1/")},
		{none, g1, on("update delete", identities, "garden-s1/own")},
		{allow, g1, fielded("metadata.name=own", on("list", identities, "garden-s1/"))},
		{none, g1, on("get", identities+"/status", "garden-s1/own")},
	}},
	{"everything else", []row{
		{none, g1, on("get", "pods", "garden-s1/own")}, {none, g1, on("get", "*", "garden-s1/own")},
		{none, g1, on("*", "*.*", "")}, {none, g1, on("get", "", "own")},
		{none, g1, on("get", "secrets.core", "garden-s1/own")}, {none, g1, on("get", "Secrets", "garden-s1/own")},
		{none, g1, on("create", "secrets.core.gardener.cloud", "garden-s1/")},
		{none, g1, on("get", "shoots", "garden-s1/own")},
		{none, g1, on("create", "tokenreviews.authentication.k8s.io", "")},
		{none, g1, on("impersonate", "users", "admin")}, {none, g1, on("", "secrets", "garden-s1/own")},
		{none, g1, on("GET", "secrets", "garden-s1/own")}, {none, g1, request{Verb: "get", Path: "/healthz"}},
		{none, g1, request{Verb: "get", Path: "/", Resource: "secrets", Namespace: "garden-s1", Name: "own"}},
		{none, person(), on("get", "secrets", "garden-s1/own")}, {none, person(), on("create", "events", "default/")},
		{none, nil, on("create", "events", "default/")},
		{none, &user.DefaultInfo{Name: "gardener.cloud:system:seed:s1"}, on("create", "events", "default/")},
	}},
}

// readOnly are the rows of a resource that may be read through the graph, and no more.
func readOnly(resource, own, other string) []row {
	named := func(verb, object string) request {
		r := on(verb, resource, object)
		return fielded("metadata.name="+r.Name, r)
	}
	rows := []row{{none, g1, on("create", resource, own)}, {none, g1, on("deletecollection", resource, "")},
		{none, g1, on("get", resource+"/status", own)}}
	for _, who := range []user.Info{g1, e1} {
		rows = append(rows,
			row{allow, who, on("get", resource, own)}, row{allow, who, named("list", own)}, row{allow, who, named("watch", own)},
			row{none, who, on("get", resource, other)}, row{none, who, named("list", other)},
			row{none, who, named("watch", other)},
			row{none, who, on("get", resource, "")}, row{none, who, on("list", resource, "")},
			row{none, who, labelled(label1, on("watch", resource, ""))},
			row{none, who, on("update", resource, own)}, row{none, who, on("patch", resource, own)},
			row{none, who, on("delete", resource, own)},
		)
	}
	return rows
}

func TestRules(t *testing.T) {
	a := newAuthorizer(t, authorizer.Options{})
	for _, c := range rows {
		t.Run(c.rule, func(t *testing.T) {
			for _, r := range c.rows {
				for _, verb := range strings.Split(r.Verb, " ") {
					r.User, r.Verb = r.who, verb
					got, reason, err := a.Authorize(t.Context(), r.request)
					require.NoError(t, err)
					require.Equal(t, r.want, got, "%s", describe(r.request))
					require.NotEmpty(t, reason)
				}
			}
		})
	}
}

func describe(r request) string {
	who := "nobody"
	if r.User != nil {
		who = r.User.GetName()
	}
	return fmt.Sprintf("%s: %s %s.%s/%s %s/%s %v %v", who, r.Verb, r.Resource, r.APIGroup, r.Subresource, r.Namespace,
		r.Name,
		r.FieldSelectorRequirements, r.LabelSelectorRequirements)
}

// TestUpdatesByName: of the Seed that it brings up, a parent reads what it needs and writes no status, which decides on
// bootstrapping; a child does not write the ManagedSeed that it is.
func TestUpdatesByName(t *testing.T) {
	g := world()
	child := graph.Vertex{Kind: graph.KindSeed, Name: "child"}
	managed := graph.Vertex{Kind: graph.KindManagedSeed, Namespace: "garden", Name: "child"}
	g.Set(child, nil)
	g.Set(managed, []graph.Edge{
		{From: child, To: managed}, {From: managed, To: own(graph.KindShoot, "s1")}, {From: managed, To: child},
	})
	c1, ce := gardenlet("child"), extension("child")
	for _, c := range []struct {
		with, without kauthorizer.Decision // references or not
		who           user.Info
		request
	}{
		{allow, allow, g1, on("update", seeds+"/status", "s1")}, {allow, allow, e1, on("patch", seeds+"/status", "s1")},
		{none, allow, g1, on("update", seeds+"/status", "child")}, {none, allow, e1, on("patch", seeds+"/status", "child")},
		{allow, allow, g1, on("update", seeds, "child")}, {allow, allow, g1, on("delete", seeds, "child")},
		{allow, allow, g1, on("get", seeds+"/status", "child")}, {allow, allow, c1, on("patch", seeds+"/status", "child")},
		{none, none, g2, on("update", seeds+"/status", "child")},

		{allow, allow, g1, on("update", managedSeeds, "garden/child")},
		{allow, allow, e1, on("patch", managedSeeds+"/status", "garden/child")},
		{none, allow, c1, on("update", managedSeeds, "garden/child")},
		{none, allow, ce, on("patch", managedSeeds, "garden/child")},
		{none, allow, c1, on("update", managedSeeds+"/status", "garden/child")},
		{none, allow, ce, on("patch", managedSeeds+"/status", "garden/child")},
		{allow, allow, c1, on("get", managedSeeds, "garden/child")},
		{none, none, g2, on("update", managedSeeds, "garden/child")},
	} {
		c.User = c.who
		for references, want := range map[bool]kauthorizer.Decision{true: c.with, false: c.without} {
			a := newAuthorizer(t, authorizer.Options{Graph: g, References: references})
			e := a.Explain(t.Context(), c.request)
			require.Equal(t, want, e.Decision, "references %t: %s: %s", references, describe(c.request), e.Reason)
			if references && c.with != c.without {
				require.Equal(t, authorizer.StepOwn, e.Step)
			}
		}
	}
	e := newAuthorizer(t, authorizer.Options{Graph: g, References: true}).Explain(t.Context(), func() request {
		r := on("update", seeds+"/status", "child")
		r.User = g1
		return r
	}())
	require.Equal(t, "seeds.core.gardener.cloud: allowed: update patch of status only <seed>", e.Reason)
}
