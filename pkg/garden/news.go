package garden

import "sync"

// news tells those who wait that the graph has changed. It is safe for concurrent use.
type news struct {
	mu sync.Mutex
	// next is closed by the next change, nil while nobody waits.
	next chan struct{}
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil {
		close(n.next)
		n.next = nil
	}
}

// News returns a channel that is closed when the graph changes next. It is nil when contact is lost or a kind cannot be
// watched: then it is not worth while to wait.
func (g *Garden) News() <-chan struct{} {
	for _, w := range g.watches {
		if _, lost := w.door.contact.lost(); lost != nil || w.door.err.Load() != nil {
			return nil
		}
	}
	g.news.mu.Lock()
	defer g.news.mu.Unlock()
	if g.news.next == nil {
		g.news.next = make(chan struct{})
	}
	return g.news.next
}
