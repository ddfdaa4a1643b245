package garden

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/yaml"

	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"

	"github.com/seedguard/seedguard/pkg/replay"
)

const auditSuffix = "-audit.jsonl"

// auditPolicy logs, without bodies, the requests of seed clients and of those who are about to become gardenlets.
func auditPolicy() *auditv1.Policy {
	return &auditv1.Policy{
		TypeMeta:   metav1.TypeMeta{APIVersion: auditv1.SchemeGroupVersion.String(), Kind: "Policy"},
		OmitStages: []auditv1.Stage{auditv1.StageRequestReceived},
		Rules: []auditv1.PolicyRule{
			{
				Level:      auditv1.LevelMetadata,
				UserGroups: []string{constants.SeedsGroup, "system:bootstrappers", "system:serviceaccounts"},
			},
			{Level: auditv1.LevelNone},
		},
	}
}

// auditArguments writes the audit policy, and returns the arguments by which an API server follows it.
func (g *Garden) auditArguments(server string) ([]string, error) {
	policy := g.AuditPolicy
	if policy == nil {
		policy = auditPolicy()
	}
	file, err := g.writeYAML("audit-policy.yaml", policy)
	if err != nil {
		return nil, err
	}
	return []string{
		"--audit-policy-file=" + file,
		"--audit-log-path=" + filepath.Join(g.Dir, server+auditSuffix),
		"--audit-log-mode=blocking", // so that what a client has seen is in the log
	}, nil
}

// AuditLogs returns the files that the garden's API servers log to: Options.Audit. The kube-apiserver's is the first.
func (g *Garden) AuditLogs() []string {
	logs := []string{filepath.Join(g.Dir, kubeAPIServer+auditSuffix)}
	for i := range g.Gardener {
		logs = append(logs, filepath.Join(g.Dir, fmt.Sprintf("%s-%d%s", gardenerName, i, auditSuffix)))
	}
	return logs
}

// AuditEvents returns what the garden's API servers have logged of the requests of seed clients, bootstrappers and
// ServiceAccounts: Options.Audit. A request that the kube-apiserver passed on is there once, as gardener-apiserver
// logged it.
func (g *Garden) AuditEvents() ([]auditv1.Event, error) {
	var events []auditv1.Event
	known := map[string]int{}
	for _, name := range g.AuditLogs() {
		f, err := os.Open(name) // #nosec G304 -- a file of the garden
		if errors.Is(err, os.ErrNotExist) {
			continue // nothing happened
		}
		if err != nil {
			return nil, err
		}
		for decoder := json.NewDecoder(f); ; {
			var event auditv1.Event
			if err = decoder.Decode(&event); err != nil {
				break
			}
			if at, ok := known[string(event.AuditID)]; ok {
				events[at] = event // a later stage, or the server that the request was passed on to
				continue
			}
			known[string(event.AuditID)] = len(events)
			events = append(events, event)
		}
		_ = f.Close()
		if !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return events, nil
}

// ReplayPolicy returns the audit policy that is documented for a replay.
func ReplayPolicy() (*auditv1.Policy, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(root, "examples", "replay", "audit-policy.yaml")) // #nosec G304 -- ours
	if err != nil {
		return nil, err
	}
	policy := &auditv1.Policy{}
	return policy, yaml.UnmarshalStrict(content, policy)
}

// Replay runs seedguard replay with the arguments, and returns its exit status too.
func (g *Garden) Replay(ctx context.Context, args ...string) (*replay.Report, int, error) {
	args = append([]string{"replay", "-o", "json"}, args...)
	cmd := exec.CommandContext(ctx, g.Seedguard, args...) // #nosec G204 -- the binary under test
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
		return nil, 0, err
	}
	report := &replay.Report{}
	if err := json.Unmarshal(out, report); err != nil {
		return nil, 0, fmt.Errorf("seedguard replay ended with %d and wrote %q: %w", cmd.ProcessState.ExitCode(), out, err)
	}
	return report, cmd.ProcessState.ExitCode(), nil
}
