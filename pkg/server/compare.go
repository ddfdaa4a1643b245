package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/time/rate"
	authorizationv1 "k8s.io/api/authorization/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
)

// comparison asks another authorization webhook what it says to the reviews that were answered here, and tells where
// the two differ. It has no part in the answers: nobody waits for it, and a review for which it has no room is dropped.
// It is safe for concurrent use.
type comparison struct {
	client  *http.Client
	url     string
	waiting chan *compared
	metrics *metrics
	log     klog.Logger
	// lines limits what the log gets about differences by Seed, and errors what it gets about the other webhook.
	lines  *logs.Limiter
	errors rate.Sometimes
}

// compared is a review with its answer here.
type compared struct {
	body []byte
	*review
	allowed bool
	reason  string
}

// comparedHeader is in the requests of a comparison. Such a review is not compared in turn: two servers that compare
// with one another, or one with itself, would go on for ever.
const comparedHeader = "Seedguard-Compares"

const (
	// maxWaiting reviews wait to be compared, of maxCompared bytes at most: 16 MiB, while ordinary ones have less than one
	// kB. Some seconds of a busy garden fit in.
	maxWaiting  = 1000
	maxCompared = 16 << 10
	// comparers ask at the same time. With answers in some milliseconds, that is a few thousand reviews a second.
	comparers = 8
	// compareTimeout is as long as kube-apiserver waits for seedguard.
	compareTimeout = 3 * time.Second
	// Of the log's lines about differences of one Seed. Clients ask the same again and again.
	differenceLogsPerSecond = 1
	differenceLogsBurst     = 50
)

func newComparison(other *rest.Config, m *metrics, log klog.Logger) (*comparison, error) {
	config := rest.CopyConfig(other)
	config.Timeout = compareTimeout
	client, err := rest.HTTPClientFor(config)
	url, _, wrong := rest.DefaultServerUrlFor(config)
	if err := errors.Join(err, wrong); err != nil {
		return nil, fmt.Errorf("the webhook to compare with: %w", err)
	}
	return &comparison{
		client: client, url: url.String(), waiting: make(chan *compared, maxWaiting), metrics: m, log: log,
		lines:  logs.NewLimiter(differenceLogsPerSecond, differenceLogsBurst),
		errors: rate.Sometimes{First: 1, Interval: 10 * time.Second},
	}, nil
}

// offer has a review compared if there is room. It does not wait.
func (c *comparison) offer(q *compared) {
	if len(q.body) <= maxCompared {
		select {
		case c.waiting <- q:
			return
		default:
		}
	}
	c.metrics.compared.WithLabelValues("dropped").Inc()
}

// run compares until ctx ends.
func (c *comparison) run(ctx context.Context) {
	var running sync.WaitGroup
	for range comparers {
		running.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case q := <-c.waiting:
					c.compare(ctx, q)
				}
			}
		})
	}
	running.Wait()
	utilnet.CloseIdleConnectionsFor(c.client.Transport)
}

func (c *comparison) compare(ctx context.Context, q *compared) {
	other, err := c.ask(ctx, q.body)
	switch {
	case err != nil && ctx.Err() != nil: // the server ends
	case err != nil:
		c.metrics.compared.WithLabelValues("error").Inc()
		c.errors.Do(func() { c.log.Error(err, "The webhook to compare with gives no decision", "url", c.url) })
	case other.Allowed == q.allowed:
		c.metrics.compared.WithLabelValues("same").Inc()
	default:
		c.metrics.compared.WithLabelValues("different").Inc()
		c.tell(q, other.Reason)
	}
}

// ask sends the review as it came.
func (c *comparison) ask(ctx context.Context, body []byte) (*authorizationv1.SubjectAccessReviewStatus, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(comparedHeader, "true")
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxReview))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s: %s", response.Status, logs.Cut(string(data)))
	}
	var answer reviewAnswer
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("its answer is no %s: %w", reviewKind, err)
	}
	switch status := &answer.Status; {
	case answer.Kind != reviewKind:
		return nil, fmt.Errorf("its answer is no %s", reviewKind)
	case !status.Allowed && status.EvaluationError != "":
		return nil, errors.New(logs.Cut(status.EvaluationError))
	default:
		return status, nil
	}
}

// tell counts and logs that the other webhook decides otherwise.
func (c *comparison) tell(q *compared, reason string) {
	direction := "onlyThey"
	if q.allowed {
		direction = "onlyWe"
	}
	m := c.metrics
	m.differences.WithLabelValues(m.resource(q.resource()), m.authorizer.verb(q.Verb), direction).Inc()
	client, _ := identity.From(q.User)
	if !c.lines.Allow(client.Seed, time.Now()) {
		return
	}
	c.log.Info("The webhook to compare with decides otherwise", "direction", direction,
		"ourReason", logs.Cut(q.reason), "theirReason", logs.Cut(reason), "user", logs.Cut(q.User.GetName()),
		"verb", logs.Cut(q.Verb), "group", logs.Cut(q.APIGroup), "resource", logs.Cut(q.Resource),
		"subresource", logs.Cut(q.Subresource), "namespace", logs.Cut(q.Namespace), "name", logs.Cut(q.Name),
		"path", logs.Cut(q.Path))
}
