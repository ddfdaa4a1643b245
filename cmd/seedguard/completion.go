package main

import (
	"context"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds what shells offer. It says nothing when something cannot be found out: a shell has no place for that.

// flagCompletions are what is offered for flags that take a text, by their names, whatever command has them. For others
// but freeTexts, the shell offers files.
var flagCompletions = map[string]cobra.CompletionFunc{
	"seed": func(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return listed(landscapeOf(command).find(command.Context(), graph.KindSeed, ""), nameOf), noFiles
	},
	"extension":          completeExtension,
	"namespace":          completeNamespace,
	"context":            completeContext,
	"landscape":          cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	"output-dir":         cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	"config":             manifestFiles,
	"filename":           manifestFiles,
	"old":                manifestFiles,
	"parent-scope":       oneOf(graph.ParentScopeSeed, graph.ParentScopeEverything),
	"authorizer-mode":    oneOf(authorizer.ModeNoOpinion, authorizer.ModeDeny, authorizer.ModeAudit, config.ModeObserve),
	"restriction-mode":   oneOf(admission.ModeEnforce, admission.ModeObserve),
	"references":         oneOf(admission.ReferencesEnforce, admission.ReferencesWarn, admission.ReferencesOff),
	"first-registration": oneOf(admission.FirstRegistrationGarden, admission.FirstRegistrationRefuse),
	"tls-min-version":    oneOf("VersionTLS12", "VersionTLS13"),
	"logging-format":     oneOf("text", "json"),
}

// freeTexts are the flags that take a text of which neither files nor anything else can be offered.
var freeTexts = sets.New("as", "field-selector", "selector", "server", "url", "subject", "kubernetes-version", "run")

const noFiles = cobra.ShellCompDirectiveNoFileComp

// manifestFiles offers files of YAML and JSON.
var manifestFiles = cobra.FixedCompletions([]string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt)

// oneOf offers a few words.
func oneOf[T ~string](choices ...T) cobra.CompletionFunc {
	var offered []string
	for _, choice := range choices {
		offered = append(offered, string(choice))
	}
	return cobra.FixedCompletions(offered, noFiles)
}

// addCompletions has shells offer values for the flags of a command and of those below it.
func addCompletions(command *cobra.Command) {
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		complete, known := flagCompletions[flag.Name]
		output, isOutput := flag.Value.(*outputFlag)
		switch {
		case known:
		case isOutput:
			complete = oneOf(output.formats...)
		case flag.Value.Type() == "string" && !freeTexts.Has(flag.Name):
			return
		default:
			complete = cobra.NoFileCompletions
		}
		if err := command.RegisterFlagCompletionFunc(flag.Name, complete); err != nil {
			panic("BUG: " + err.Error())
		}
	})
	for _, sub := range command.Commands() {
		addCompletions(sub)
	}
}

// completeQuestion offers VERB RESOURCE[.GROUP][/SUBRESOURCE] [[NAMESPACE/]NAME].
func completeQuestion(command *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return explain.Verbs(), noFiles
	case 1:
		return resourcesWith(toComplete), noFiles
	case 2:
		if kind := kindOfResource(args[1]); kind != 0 {
			return completeObject(command, kind, command.Flag("namespace").Value.String(), toComplete)
		}
	}
	return nil, noFiles
}

// completeExplain offers KIND [NAMESPACE/]NAME.
func completeExplain(command *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return kindsLike(toComplete), noFiles
	case 1:
		if kind, err := explain.ParseKind(args[0]); err == nil {
			return completeObject(command, kind, "", toComplete)
		}
	}
	return nil, noFiles
}

// completeObject offers NAME in the namespace. Without one, it offers [NAMESPACE/]NAME where the kind has namespaces:
// first these, then the names in one.
func completeObject(
	command *cobra.Command, kind graph.Kind, namespace, toComplete string,
) ([]string, cobra.ShellCompDirective) {
	l := landscapeOf(command)
	if !kind.Namespaced() || namespace != "" {
		return listed(l.find(command.Context(), kind, namespace), nameOf), noFiles
	}
	namespace, _, chosen := strings.Cut(toComplete, "/")
	if !chosen {
		var offered []string
		for _, namespace := range l.namespaces(command.Context(), kind) {
			offered = append(offered, namespace+"/")
		}
		return offered, noFiles | cobra.ShellCompDirectiveNoSpace
	}
	return listed(l.find(command.Context(), kind, namespace), func(v graph.Vertex) string {
		return namespace + "/" + v.Name
	}), noFiles
}

func completeNamespace(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var kind graph.Kind // any, unless the arguments say which
	if len(args) > 1 {
		kind = kindOfResource(args[1])
	}
	return landscapeOf(command).namespaces(command.Context(), kind), noFiles
}

func completeExtension(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	namespace := naming.SeedNamespace(command.Flag("seed").Value.String())
	accounts := landscapeOf(command).find(command.Context(), graph.KindServiceAccount, namespace)
	return listed(accounts, func(v graph.Vertex) string {
		if name, ok := strings.CutPrefix(v.Name, naming.ExtensionPrefix); ok {
			return name
		}
		return ""
	}), noFiles
}

func completeContext(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	loaded, err := clientcmd.LoadFromFile(landscapeOf(command).kubeconfig)
	if err != nil {
		return nil, noFiles
	}
	return sets.List(sets.KeySet(loaded.Contexts)), noFiles
}

// resourcesWith returns the resources that rules name, as short as they are understood. Behind a slash it returns them
// with their subresources.
func resourcesWith(toComplete string) []string {
	offered := sets.New[string]()
	for _, rule := range authorizer.Rules() {
		name := rule.Resource.Resource
		if found, err := explain.Resolve(name); err != nil || found != rule.Resource {
			name = rule.Resource.String()
		}
		if !strings.Contains(toComplete, "/") {
			offered.Insert(name)
			continue
		}
		for _, subresource := range explain.Subresources(rule.Resource) {
			offered.Insert(name + "/" + subresource)
		}
	}
	return sets.List(offered)
}

// kindOfResource returns the kind of RESOURCE[.GROUP][/SUBRESOURCE], zero when the graph has none.
func kindOfResource(word string) graph.Kind {
	name, _, _ := strings.Cut(word, "/")
	resource, _ := explain.Resolve(name) // what is misspelt is of no kind
	return explain.KindOf(resource)
}

// kindsLike returns the names of all kinds, in lower case unless the word begins otherwise.
func kindsLike(toComplete string) []string {
	var offered []string
	for _, kind := range graph.Kinds() {
		name := kind.String()
		if toComplete == "" || strings.ToLower(toComplete[:1]) == toComplete[:1] {
			name = strings.ToLower(name)
		}
		offered = append(offered, name)
	}
	return offered
}

// landscapeOf returns the garden that the flags of a command name.
func landscapeOf(command *cobra.Command) *landscapeFlags {
	value := func(name string) string { return command.Flag(name).Value.String() }
	return &landscapeFlags{dir: value("landscape"), kubeconfig: value("kubeconfig"), contextName: value("context")}
}

const (
	// completionTimeout is how long somebody waits who has pressed a key.
	completionTimeout = 3 * time.Second
	// maxOffered is how many objects of a live garden are asked for.
	maxOffered = 1000
)

// find returns the objects of a kind in a namespace, those of all namespaces without one. Of a live garden it asks for
// just these.
func (f *landscapeFlags) find(ctx context.Context, kind graph.Kind, namespace string) []graph.Vertex {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	found, look := make(chan []graph.Vertex, 1), f.findInManifests
	if f.kubeconfig != "" {
		look = f.findLive
	}
	go func() { found <- look(ctx, kind, namespace) }()
	select {
	case vertices := <-found:
		return vertices
	case <-ctx.Done(): // a large directory is read until the process ends
		return nil
	}
}

func (f *landscapeFlags) findLive(ctx context.Context, kind graph.Kind, namespace string) (found []graph.Vertex) {
	cluster, err := f.cluster()
	if err != nil {
		return nil
	}
	client, err := metadata.NewForConfig(cluster)
	if err != nil {
		return nil
	}
	list, err := client.Resource(kind.Resource()).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: maxOffered})
	if err != nil {
		return nil
	}
	for i := range list.Items {
		found = append(found, graph.Vertex{Kind: kind, Namespace: list.Items[i].Namespace, Name: list.Items[i].Name})
	}
	return found
}

// nameable matches the names that objects have.
var nameable = regexp.MustCompile(`^[\w.:-]+$`)

// findInManifests finds also what objects refer to, which need not be in manifests itself. A zero kind is any.
func (f *landscapeFlags) findInManifests(
	ctx context.Context, kind graph.Kind, namespace string,
) (found []graph.Vertex) {
	l, err := f.load(ctx, io.Discard)
	if err != nil {
		return nil
	}
	add := func(v graph.Vertex) {
		// A reference may hold anything, also what a terminal takes for a command.
		if (kind == 0 || kind == v.Kind) && (namespace == "" || namespace == v.Namespace) && nameable.MatchString(v.Name) {
			found = append(found, v)
		}
	}
	for nodes := l.Graph.View().Nodes(); nodes.Next(); {
		add(nodes.Node().(graph.Node).Vertex)
	}
	for _, kind := range garden.Watched() {
		for _, o := range l.Garden.List(kind) {
			add(o.Vertex)
		}
	}
	return found
}

// namespaces returns the namespaces of the objects of a kind, or, of a live garden, all.
func (f *landscapeFlags) namespaces(ctx context.Context, kind graph.Kind) []string {
	if f.kubeconfig != "" {
		return listed(f.find(ctx, graph.KindNamespace, ""), nameOf)
	}
	return listed(f.find(ctx, kind, ""), func(v graph.Vertex) string { return v.Namespace })
}

func nameOf(v graph.Vertex) string { return v.Name }

// listed returns what is said of vertices, each word once, in order, but for empty ones.
func listed(vertices []graph.Vertex, say func(graph.Vertex) string) []string {
	said := sets.New[string]()
	for _, v := range vertices {
		said.Insert(say(v))
	}
	return sets.List(said.Delete(""))
}
