package garden

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/seedguard/seedguard/test/pki"
)

// write writes a file of the garden's directory and returns its path. The file appears at once as a whole: servers
// watch some.
func (g *Garden) write(name string, content []byte) (string, error) {
	path := filepath.Join(g.Dir, name)
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return "", err
	}
	return path, os.Rename(temporary, path)
}

// writeServing writes a serving certificate for a host and its key as <name>.crt and <name>.key.
func (g *Garden) writeServing(name string, ca *pki.Authority, host string) (certificate, key string, err error) {
	pair, err := ca.Serving(host)
	if err != nil {
		return "", "", err
	}
	return g.writePair(name, pair)
}

// writeClient writes a user's client certificate and its key as <name>.crt and <name>.key.
func (g *Garden) writeClient(name string, ca *pki.Authority, user string) (certificate, key string, err error) {
	pair, err := ca.Client(user)
	if err != nil {
		return "", "", err
	}
	return g.writePair(name, pair)
}

func (g *Garden) writePair(name string, pair pki.KeyPair) (certificate, key string, err error) {
	if certificate, err = g.write(name+".crt", pair.Certificate); err != nil {
		return "", "", err
	}
	key, err = g.write(name+".key", pair.Key)
	return certificate, key, err
}

// client returns the configuration of a client, who has a certificate of an authority, of a server that has one of the
// same or another.
func client(host string, server, issuer *pki.Authority, user string, groups ...string) (*rest.Config, error) {
	pair, err := issuer.Client(user, groups...)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host:            host,
		TLSClientConfig: rest.TLSClientConfig{CAData: server.PEM, CertData: pair.Certificate, KeyData: pair.Key},
		QPS:             -1, // the server is what is tested, not the client's own limits
	}, nil
}

// WriteKubeconfig writes a client configuration as the kubeconfig <name>.kubeconfig and returns its path.
func (g *Garden) WriteKubeconfig(name string, config *rest.Config) (string, error) {
	content, err := Kubeconfig(config)
	if err != nil {
		return "", err
	}
	return g.write(name+".kubeconfig", content)
}

// Kubeconfig returns a client configuration as a kubeconfig. What is inside the one is inside the other.
func Kubeconfig(config *rest.Config) ([]byte, error) {
	const name = "garden"
	return clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{
			name: {Server: config.Host, CertificateAuthorityData: config.CAData},
		},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{
			name: {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken},
		},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	})
}

// Root returns the root directory of the repository: the nearest directory upwards with a go.mod.
func Root() (string, error) {
	directory, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := directory; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no go.mod in %s or above", directory)
		}
	}
}

// Ports are taken from below those that the kernel gives to outgoing connections: between choosing a port here and
// listening on it there, nobody gets it by chance.
const (
	firstPort = 20000
	lastPort  = 30000
)

var nextPort atomic.Int64

func init() { nextPort.Store(int64(firstPort + (os.Getpid()*37)%(lastPort-firstPort))) }

// FreePort returns a port on loopback that nobody listens on.
func FreePort() (int, error) {
	for range lastPort - firstPort {
		port := firstPort + int(nextPort.Add(1)-firstPort)%(lastPort-firstPort)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port from %d to %d", firstPort, lastPort)
}
