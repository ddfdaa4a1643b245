package attack

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// Move is a write that the clients try.
type Move struct {
	Client identity.ClientKind
	// As is the bootstrap token's Secret, or the ServiceAccount, of a bootstrapper.
	As          graph.Vertex
	Operation   admission.Operation
	Subresource string
	// Apply: the request is a patch. One that creates is a server-side apply, of which the authorizer knows the name.
	Apply bool
	graph.Vertex
	// Body is the new object, nil for a deletion.
	Body map[string]any
}

// Target is what a plan prefers. Zero fields prefer nothing.
type Target struct {
	Kind        graph.Kind
	Subresource string
	Operation   admission.Operation
	// Field is a path of garden.Fields.
	Field string
	// Bootstrappers: their certificate requests.
	Bootstrappers bool
}

// planner chooses moves.
type planner struct {
	random *rand.Rand
	world  *world
	seed   string
	// names are all vertices of the landscape, by their kinds: objects that exist, and that do not.
	names map[graph.Kind][]graph.Vertex
	// bootstrappers are those among names of which users are made.
	bootstrappers []graph.Vertex
	prefer        Target
}

func newPlanner(random *rand.Rand, w *world, seed string, prefer Target) *planner {
	p := &planner{random: random, world: w, seed: seed, names: map[graph.Kind][]graph.Vertex{}, prefer: prefer}
	for _, o := range w.sorted() {
		p.names[o.Kind] = append(p.names[o.Kind], o.Vertex)
	}
	add := func(v graph.Vertex) { p.names[v.Kind] = append(p.names[v.Kind], v) }
	for _, v := range []graph.Vertex{inGarden(graph.KindManagedSeed, seed), inGarden(graph.KindManagedSeed, "child")} {
		add(bootstrapToken(v))
		add(bootstrapAccount(v))
		add(bootstrapBinding(v))
	}
	ownSeed := graph.Vertex{Kind: graph.KindSeed, Name: seed}
	for _, v := range []graph.Vertex{
		ownSeed, {Kind: graph.KindBackupBucket, Name: uidOf(ownSeed)},
		{Kind: graph.KindGardenlet, Namespace: naming.NamespaceGarden, Name: seed},
		{Kind: graph.KindSecret, Namespace: naming.NamespaceGarden, Name: naming.GeneratedBucketSecret(uidOf(ownSeed))},
		{Kind: graph.KindSecret, Namespace: "p", Name: naming.GeneratedBucketSecret(uidOf(ownSeed))},
		{Kind: graph.KindSecret, Namespace: "p", Name: "s.ssh-keypair.old"},
		{Kind: graph.KindSecret, Namespace: naming.NamespaceGarden, Name: "backup-child"},
		{Kind: graph.KindSecret, Namespace: naming.NamespaceKubeSystem, Name: "bootstrap-token-abcdef"},
		{Kind: graph.KindSecret, Namespace: issuerNamespace, Name: "p--uid-Shoot-p-x"},
		{Kind: graph.KindSecret, Namespace: issuerNamespace, Name: "garden--uid-Shoot-garden-child"},
		{Kind: graph.KindBackupEntry, Namespace: "p", Name: "source-s"},
		{Kind: graph.KindBackupEntry, Namespace: "p", Name: "source-t"},
		{Kind: graph.KindWorkloadIdentity, Namespace: "p", Name: "z"}, {Kind: graph.KindBastion, Namespace: "p", Name: "u"},
		{Kind: graph.KindLease, Namespace: "p", Name: "gardenlet-leader-election"},
		{Kind: graph.KindLease, Namespace: naming.SeedNamespace(seed), Name: "x"},
		{Kind: graph.KindServiceAccount, Namespace: naming.SeedNamespace(seed), Name: "extension-y"},
		{Kind: graph.KindServiceAccount, Namespace: naming.SeedNamespace(seed), Name: "gardenlet-bootstrap-x"},
		{Kind: graph.KindServiceAccount, Namespace: naming.SeedNamespace(seed), Name: "gardenlet-bootstrap-child"},
		{Kind: graph.KindCertificateSigningRequest, Name: "x"}, {Kind: graph.KindBackupBucket, Name: "x"},
	} {
		add(v)
	}
	for _, kind := range []graph.Kind{graph.KindSecret, graph.KindServiceAccount} {
		for _, v := range p.names[kind] {
			if isBootstrapper(v) {
				p.bootstrappers = append(p.bootstrappers, v)
			}
		}
	}
	return p
}

func pick[T any](p *planner, options ...T) T { return options[p.random.IntN(len(options))] }

func (p *planner) oneIn(n int) bool { return p.random.IntN(n) == 0 }

// kindsWritten are the kinds that rules of the authorizer let clients write.
var kindsWritten = func() (kinds []graph.Kind) {
	const write = authorizer.Create | authorizer.Update | authorizer.Patch | authorizer.Delete
	for _, rule := range authorizer.Rules() {
		verbs := rule.ViaGraph
		for _, grant := range rule.Always {
			verbs |= grant.Verbs
		}
		if _, named := graph.ParseKind(rule.Kind.String()); named && verbs&write != 0 && !slices.Contains(kinds, rule.Kind) {
			kinds = append(kinds, rule.Kind)
		}
	}
	return kinds
}()

// next chooses a move.
func (p *planner) next() Move {
	if p.oneIn(20) || p.prefer.Bootstrappers && !p.oneIn(3) {
		return p.bootstrap()
	}
	m := Move{Client: pick(p, identity.Gardenlet, identity.Gardenlet, identity.Extension), Apply: p.oneIn(2)}
	m.Kind = pick(p, kindsWritten...)
	if p.oneIn(20) {
		m.Kind = pick(p, graph.Kinds()...)
	}
	m.Operation = pick(
		p,
		admission.Create,
		admission.Create,
		admission.Update,
		admission.Update,
		admission.Update,
		admission.Delete,
	)
	if m.Operation == admission.Update && p.oneIn(3) {
		m.Subresource = "status"
	}
	if m.Operation == admission.Create && m.Kind == graph.KindWorkloadIdentity && !p.oneIn(4) {
		m.Subresource = "token"
	}
	prefer := p.prefer.Kind != 0 && !p.oneIn(4)
	if prefer {
		m.Kind, m.Subresource, m.Operation = p.prefer.Kind, p.prefer.Subresource, p.prefer.Operation
		if m.Operation == admission.Create && m.Subresource == "" && p.oneIn(3) { // it makes room
			m.Operation = admission.Delete
		}
	}
	m.Vertex = p.target(m)
	old := p.world.objects[m.Vertex]
	switch {
	case m.Operation == admission.Delete:
	case m.Subresource == "token":
		m.Body = p.tokenRequest()
	case m.Operation == admission.Create:
		m.Body = header(m.Vertex, p.template(m.Vertex))
		for range p.random.IntN(3) {
			p.mutate(m.Kind, m.Body, "")
		}
	case old != nil:
		m.Body = clone(old.content)
		field := ""
		if prefer {
			field = p.prefer.Field
		}
		p.mutate(m.Kind, m.Body, field)
		if p.oneIn(3) {
			p.mutate(m.Kind, m.Body, "")
		}
	}
	if m.Operation == admission.Create && m.Subresource == "" && prefer && p.prefer.Field != "" {
		p.mutate(m.Kind, m.Body, p.prefer.Field)
	}
	return m
}

// target chooses what the move is about. What is the clients' by its name is chosen more often than chance would.
func (p *planner) target(m Move) graph.Vertex {
	candidates := p.names[m.Kind]
	if len(candidates) == 0 {
		return graph.Vertex{Kind: m.Kind, Name: "x"}
	}
	v := pick(p, candidates...)
	for range 6 {
		creates := m.Operation == admission.Create && m.Subresource == ""
		exists := p.world.objects[v] != nil
		if exists != creates && (creates || p.world.graph.Reaches(v, p.seed)) {
			break
		}
		v = pick(p, candidates...)
	}
	if m.Operation == admission.Create && p.oneIn(8) { // a name of another namespace
		if other := pick(p, candidates...); m.Kind.Namespaced() {
			v.Namespace = other.Namespace
		}
	}
	return v
}

// any returns the name of something of one of the kinds.
func (p *planner) any(kinds ...graph.Kind) graph.Vertex {
	var candidates []graph.Vertex
	for _, kind := range kinds {
		candidates = append(candidates, p.names[kind]...)
	}
	if len(candidates) == 0 {
		return graph.Vertex{Kind: kinds[0], Name: "x"}
	}
	return pick(p, candidates...)
}

func (p *planner) tokenRequest() map[string]any {
	spec := map[string]any{}
	if !p.oneIn(3) {
		v := p.any(graph.KindShoot, graph.KindBackupBucket, graph.KindBackupEntry, graph.KindSeed)
		spec["contextObject"] = map[string]any{
			"apiVersion": apiVersion(v), "kind": v.Kind.String(),
			"namespace": v.Namespace, "name": v.Name, "uid": string(p.world.uid(v)),
		}
	}
	return map[string]any{"apiVersion": "security.gardener.cloud/v1alpha1", "kind": "TokenRequest", "spec": spec}
}

// template returns what an honest client would create under the name, so that much passes.
func (p *planner) template(v graph.Vertex) map[string]any {
	if candidates := p.names[v.Kind]; p.oneIn(6) &&
		len(candidates) > 0 { // something that is there already, under a new name
		if o := p.world.objects[pick(p, candidates...)]; o != nil {
			content := clone(o.content)
			delete(content, "status")
			return content
		}
	}
	text := ""
	switch v.Kind {
	case graph.KindBackupBucket:
		text = `{spec: {provider: {type: p, region: r}, seedName: SEED, credentialsRef: {apiVersion: v1, kind: Secret, ` +
			`namespace: garden, name: backup-SEED}}}`
	case graph.KindBackupEntry:
		return p.backupEntry(v)
	case graph.KindBastion:
		text = `{spec: {seedName: SEED, shootRef: {name: s}}}`
	case graph.KindCertificateSigningRequest:
		text = `{spec: {request: ` + certificateRequest(asGardenlet, p.seed) + `,
			signerName: kubernetes.io/kube-apiserver-client, usages: [key encipherment, digital signature, client auth]}}`
	case graph.KindClusterRoleBinding:
		text = `{roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ` +
			`gardener.cloud:system:seed-bootstrapper},
			subjects: [{kind: ServiceAccount, namespace: garden, name: gardenlet-bootstrap-child}]}`
	case graph.KindGardenlet:
		text = `{spec: {deployment: {helm: {ociRepository: {ref: r}}}, config: {apiVersion: ` +
			`gardenlet.config.gardener.cloud/v1alpha1,
			kind: GardenletConfiguration, seedConfig: {spec: {backup: {provider: p,
			credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: backup-SEED}}}}}}}`
	case graph.KindSeed:
		text = `{spec: {backup: {provider: p, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: ` +
			`backup-SEED}}}}`
	case graph.KindSecret:
		return p.secret(v)
	case graph.KindConfigMap:
		text = `{data: {k: v}}`
	case graph.KindShootState:
		text = `{spec: {}}`
	default:
		text = `{}`
	}
	return fromYAML(strings.ReplaceAll(text, "SEED", p.seed))
}

func (p *planner) backupEntry(v graph.Vertex) map[string]any {
	name := strings.TrimPrefix(v.Name, "source-")
	original := p.world.objects[vertexOf(graph.KindBackupEntry, v.Namespace, name)]
	if original != nil && name != v.Name {
		content := clone(original.content)
		delete(content, "status")
		return content
	}
	shoot := graph.Vertex{Kind: graph.KindShoot, Namespace: v.Namespace, Name: name}
	return map[string]any{
		"metadata": map[string]any{"ownerReferences": []any{ownerReference(shoot, string(p.world.uid(shoot)))}},
		"spec": map[string]any{
			"bucketName": uidOf(graph.Vertex{Kind: graph.KindSeed, Name: p.seed}), "seedName": p.seed,
		},
	}
}

func (p *planner) secret(v graph.Vertex) map[string]any {
	if v.Namespace == issuerNamespace {
		name := v.Name[strings.LastIndexByte(v.Name, '-')+1:]
		return fromYAML(`{metadata: {labels: {shoot.gardener.cloud/name: ` + name + `, shoot.gardener.cloud/namespace: p,
			discovery.gardener.cloud/public: serviceaccount}}}`)
	}
	if v.Namespace != naming.NamespaceKubeSystem {
		return fromYAML(`{type: Opaque, data: {k: AA==}}`)
	}
	kind, name := "ManagedSeed", "child"
	if p.oneIn(2) {
		kind, name = "Gardenlet", p.seed
	}
	content := map[string]any{"type": "bootstrap.kubernetes.io/token"}
	content["data"] = map[string]any{
		"token-id":     base64Of(strings.TrimPrefix(v.Name, naming.BootstrapTokenSecretPrefix)),
		"token-secret": base64Of("0123456789abcdef"), "expiration": base64Of(stamp(24 * time.Hour)),
		"usage-bootstrap-authentication": base64Of("true"), "usage-bootstrap-signing": base64Of("true"),
		"description": base64Of(tokenDescription(kind, name)),
	}
	return content
}

func ownerReference(v graph.Vertex, uid string) map[string]any {
	if uid == "" {
		uid = "uid-none"
	}
	return map[string]any{"apiVersion": apiVersion(v), "kind": v.Kind.String(), "name": v.Name, "uid": uid}
}

// fieldsOf are the fields by which objects of a kind own edges.
var fieldsOf = func() map[graph.Kind][]garden.Field {
	fields := map[graph.Kind][]garden.Field{}
	for _, f := range garden.Fields() {
		fields[f.Owner] = append(fields[f.Owner], f)
	}
	return fields
}()

// mutate changes a field of the object: the given one, or any by which it owns edges, or any that something else
// follows from.
func (p *planner) mutate(kind graph.Kind, content map[string]any, path string) {
	fields := fieldsOf[kind]
	if path != "" {
		fields = slices.DeleteFunc(slices.Clone(fields), func(f garden.Field) bool { return f.Path != path })
	}
	switch {
	case len(fields) > 0 && (path != "" || p.oneIn(2)):
		f := pick(p, fields...)
		value, ok := p.value(f)
		if ok {
			put(content, strings.Split(segments(f.Path), "."), value)
		}
	case p.oneIn(3):
		p.mutateOther(kind, content)
	default:
		p.mutateMetadata(content)
	}
}

func (p *planner) mutateMetadata(content map[string]any) {
	meta := metaOf(content)
	choice := pick(p,
		func() { put(meta, []string{"annotations", "gardener.cloud/operation"}, "renew-kubeconfig") },
		func() { put(meta, []string{"annotations", "confirmation.gardener.cloud/deletion"}, "true") },
		func() { put(meta, []string{"annotations", "x"}, "y") },
		func() { delete(meta, "annotations") },
		func() {
			role := pick(p, "ca-cluster", "default-domain", "kubeconfig", "monitoring", "ssh-keypair")
			put(meta, []string{"labels", "gardener.cloud/role"}, role)
		},
		func() {
			put(meta, []string{"labels", "shoot.gardener.cloud/name"}, p.any(graph.KindShoot).Name)
			put(meta, []string{"labels", "shoot.gardener.cloud/namespace"}, pick(p, "p", "garden"))
			put(meta, []string{"labels", "discovery.gardener.cloud/public"}, "serviceaccount")
		},
		func() {
			put(meta, []string{"labels", "shoot.gardener.cloud/uid"}, string(p.world.uid(p.any(graph.KindShoot))))
		},
		func() { delete(meta, "labels") },
		func() { put(meta, []string{"finalizers"}, []any{pick(p, "a", "b")}) },
		func() {
			v := p.any(graph.KindShoot, graph.KindSeed, graph.KindBackupBucket, graph.KindManagedSeed, graph.KindServiceAccount)
			uid := string(p.world.uid(v))
			if p.oneIn(2) {
				uid = "uid-none"
			}
			meta["ownerReferences"] = []any{ownerReference(v, uid)}
		},
		func() { delete(meta, "ownerReferences") },
	)
	choice()
}

// mutateOther changes what is neither metadata nor owns an edge.
func (p *planner) mutateOther(kind graph.Kind, content map[string]any) {
	at := func(path string, value any) { put(content, strings.Split(path, "."), value) }
	switch kind {
	case graph.KindSecret:
		switch p.random.IntN(5) {
		case 0:
			content["type"] = "kubernetes.io/service-account-token"
			put(metaOf(content), []string{"annotations", "kubernetes.io/service-account.name"}, "x")
		case 1:
			at("data.auth-extra-groups", base64Of("system:masters"))
		case 2:
			at("data.expiration", base64Of(stamp(pick(p, time.Hour, 1000*time.Hour))))
		case 3:
			at("data.description", base64Of("The default bootstrap token."))
		case 4:
			at("data.k", base64Of(fmt.Sprint(p.random.IntN(3))))
		}
	case graph.KindConfigMap, graph.KindInternalSecret:
		at("data.k", base64Of(fmt.Sprint(p.random.IntN(3))))
	case graph.KindWorkloadIdentity:
		at("spec.audiences", []any{pick(p, "a", "b", "c")})
	case graph.KindClusterRoleBinding:
		if p.oneIn(2) {
			at("roleRef.name", pick(p, "cluster-admin", naming.BootstrapperClusterRole))
		} else {
			at("subjects", []any{map[string]any{"kind": "ServiceAccount", "namespace": naming.SeedNamespace(p.seed),
				"name": "extension-x"}})
		}
	case graph.KindBackupBucket:
		at("spec.provider.type", pick(p, "p", "q"))
	case graph.KindGardenlet:
		at("spec.kubeconfigSecretRef", map[string]any{"name": pick(p, "x", "u")})
	case graph.KindSeed:
		at("status.clientCertificateExpirationTimestamp", stamp(pick(p, -time.Hour, time.Hour)))
	case graph.KindManagedSeed:
		at("spec.gardenlet.config.seedConfig.spec.provider", map[string]any{"type": pick(p, "p", "q")})
	case graph.KindShoot:
		if p.oneIn(2) {
			at("spec.dns.providers", []any{map[string]any{"type": "d", "secretName": p.any(graph.KindSecret).Name}})
		} else {
			at("status.lastOperation", map[string]any{"type": pick(p, "Restore", "Migrate"), "state": "Processing"})
		}
	case graph.KindCertificateSigningRequest:
		at("spec.signerName", pick(p, "kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client"))
	case graph.KindServiceAccount:
		at("imagePullSecrets", []any{map[string]any{"name": p.any(graph.KindSecret).Name}})
	case graph.KindShootState:
		at("spec.gardener", []any{})
	default:
	}
}

// value returns something that the field could hold. It is false for fields that the name of the object decides.
func (p *planner) value(f garden.Field) (any, bool) {
	others := f.From
	if slices.Equal(f.From, []graph.Kind{f.Owner}) {
		others = f.To
	}
	v := p.any(others...)
	if p.oneIn(8) {
		return nil, true
	}
	leaf := f.Path[strings.LastIndexByte(f.Path, '.')+1:]
	switch {
	case f.Path == "metadata.name" || f.Path == "metadata.namespace":
		return nil, false
	case f.Path == "metadata.ownerReferences":
		return []any{ownerReference(v, string(p.world.uid(v)))}, true
	case strings.HasPrefix(f.Path, "metadata.annotations["):
		return "managed", true
	case f.Path == "spec.request":
		return certificateRequest(asGardenlet, v.Name), true
	case f.Path == "spec.gardenlet.bootstrap":
		return pick(p, "BootstrapToken", "ServiceAccount"), true
	case leaf == "ociRepository":
		return map[string]any{"ref": "r", "pullSecretRef": map[string]any{"name": v.Name}}, true
	case leaf == "secrets[]", leaf == "configMapRef":
		return map[string]any{"name": v.Name}, true
	case leaf == "cloudProfile":
		return map[string]any{"kind": v.Kind.String(), "name": v.Name}, true
	case leaf == "credentialsRef", leaf == "resourceRef", leaf == "secretRef", leaf == "generatedSecretRef",
		leaf == "shootRef", leaf == "seedRef", leaf == "registrationRef", leaf == "deploymentRef":
		return map[string]any{
			"apiVersion": apiVersion(v), "kind": v.Kind.String(), "namespace": v.Namespace, "name": v.Name,
		}, true
	case strings.HasSuffix(leaf, "Name"), leaf == "name", leaf == "namespace":
		return v.Name, true
	default:
		panic("nobody knows how to attack the field " + f.Path + " of " + f.Owner.String())
	}
}

// segments makes the keys in brackets segments of the path.
func segments(path string) string {
	if key, ok := strings.CutPrefix(path, "metadata.annotations["); ok {
		// The key holds dots itself.
		return "metadata.annotations." + strings.ReplaceAll(strings.TrimSuffix(key, "]"), ".", dot)
	}
	return path
}

// dot stands for a dot in a key.
const dot = "\x00"

// put sets a field, or adds an element to a list, and makes what is missing on the way.
func put(content map[string]any, path []string, value any) {
	key, list := strings.CutSuffix(strings.ReplaceAll(path[0], dot, "."), "[]")
	last := len(path) == 1
	switch {
	case !list && last:
		set(content, key, value)
	case !list:
		child, ok := content[key].(map[string]any)
		if !ok {
			child = map[string]any{}
			content[key] = child
		}
		put(child, path[1:], value)
	case last:
		elements, _ := content[key].([]any)
		if value != nil {
			content[key] = append(elements, value)
		}
	default:
		element := map[string]any{"name": "added", "type": "d", "domain": "d"}
		put(element, path[1:], value)
		elements, _ := content[key].([]any)
		content[key] = append(elements, element)
	}
}
