package garden

import (
	"io"
	"net"
	"sync"
)

// balancer passes connections on to replicas in turn, as a Service does: it looks at no request, and a replica that
// hangs gets its connections too. One that is not there is passed over.
type balancer struct {
	listener  net.Listener
	addresses []string

	mu     sync.Mutex
	next   int
	open   map[net.Conn]struct{}
	closed bool
	all    sync.WaitGroup
}

func newBalancer(addresses []string) (*balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: listener, addresses: addresses, open: map[net.Conn]struct{}{}}
	b.all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			b.all.Go(func() { b.pass(client) })
		}
	})
	return b, nil
}

func (b *balancer) port() int32 {
	return int32(b.listener.Addr().(*net.TCPAddr).Port) // #nosec G115 -- a port fits
}

// pass carries all that comes on a connection to a replica, and back.
func (b *balancer) pass(client net.Conn) {
	if !b.keep(client) {
		return
	}
	defer b.drop(client)
	server := b.dial()
	if server == nil || !b.keep(server) {
		return
	}
	defer b.drop(server)
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	_, _ = io.Copy(server, client)
	_ = server.Close()
	<-back
}

// dial connects to the next replica that listens.
func (b *balancer) dial() net.Conn {
	for range b.addresses {
		b.mu.Lock()
		address := b.addresses[b.next%len(b.addresses)]
		b.next++
		b.mu.Unlock()
		if c, err := net.Dial("tcp", address); err == nil {
			return c
		}
	}
	return nil
}

// keep remembers a connection until drop, or closes it when the balancer is closed.
func (b *balancer) keep(c net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = c.Close()
		return false
	}
	b.open[c] = struct{}{}
	return true
}

func (b *balancer) drop(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = c.Close()
	delete(b.open, c)
}

// close ends all connections and returns when nothing is left.
func (b *balancer) close() {
	b.mu.Lock()
	b.closed = true
	_ = b.listener.Close()
	for c := range b.open {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.all.Wait()
}
