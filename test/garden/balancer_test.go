package garden

import (
	"bufio"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBalancer: connections go to the replicas in turn, past those that are not there, and all end with the balancer.
func TestBalancer(t *testing.T) {
	replica := func(name string) net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = fmt.Fprintln(c, name)
				_, _ = bufio.NewReader(c).ReadString('\n') // until the other side closes it
				_ = c.Close()
			}
		}()
		return l
	}
	first, second := replica("first"), replica("second")
	b, err := newBalancer([]string{first.Addr().String(), second.Addr().String()})
	require.NoError(t, err)
	connect := func() (net.Conn, string) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port()))
		require.NoError(t, err)
		line, err := bufio.NewReader(c).ReadString('\n')
		require.NoError(t, err)
		return c, line
	}
	for _, want := range []string{"first\n", "second\n", "first\n"} {
		c, got := connect()
		require.Equal(t, want, got)
		require.NoError(t, c.Close())
	}
	require.NoError(t, first.Close())
	for range 3 {
		c, got := connect()
		require.Equal(t, "second\n", got)
		require.NoError(t, c.Close())
	}
	left, _ := connect()
	b.close()
	_, err = left.Read(make([]byte, 1))
	require.Error(t, err)
	require.NoError(t, left.Close())
	require.NoError(t, second.Close())
}
