package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"

	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/client-go/util/cert"
	cliflag "k8s.io/component-base/cli/flag"

	"github.com/seedguard/seedguard/pkg/config"
)

// certificates are the serving certificate and the client CA, both read again when their files change.
type certificates struct {
	config  *tls.Config
	serving dynamiccertificates.CertKeyContentProvider
	// clientCA is nil without a client CA.
	clientCA   dynamiccertificates.CAContentProvider
	controller *dynamiccertificates.DynamicServingCertificateController
	files      []dynamiccertificates.ControllerRunner
}

// loadCertificates loads what the configuration names. Run must be called to end the goroutines that they
// hold; its context may have ended by then.
func loadCertificates(ctx context.Context, c *config.Serving) (*certificates, error) {
	minVersion, err := cliflag.TLSVersion(c.TLSMinVersion)
	if err != nil {
		return nil, err
	}
	// Certificates are asked for and not required, because health checks have none; callers.check looks at them.
	base := &tls.Config{
		MinVersion: minVersion, // #nosec G402 -- validated to be 1.2 or later
		NextProtos: []string{"h2", "http/1.1"},
	}
	loaded := &certificates{}

	if c.TLSCertFile != "" {
		// Tried first, because a provider that cannot load its files leaves a goroutine behind.
		if _, err := tls.LoadX509KeyPair(c.TLSCertFile, c.TLSPrivateKeyFile); err != nil {
			return nil, fmt.Errorf("cannot load the serving certificate: %w", err)
		}
		files, err := dynamiccertificates.NewDynamicServingContentFromFiles(
			"serving-cert", c.TLSCertFile, c.TLSPrivateKeyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot load the serving certificate: %w", err)
		}
		loaded.serving = files
		loaded.files = append(loaded.files, files)
	} else if loaded.serving, err = selfSigned(c.BindAddress); err != nil {
		return nil, err
	}

	if c.ClientCAFile != "" {
		if _, err := cert.NewPool(c.ClientCAFile); err != nil {
			loaded.stop(ctx)
			return nil, fmt.Errorf("cannot load the client CA: %w", err)
		}
		ca, err := dynamiccertificates.NewDynamicCAContentFromFile("client-ca", c.ClientCAFile)
		if err != nil {
			loaded.stop(ctx)
			return nil, fmt.Errorf("cannot load the client CA: %w", err)
		}
		loaded.clientCA = ca
		loaded.files = append(loaded.files, ca)
		base.ClientAuth = tls.RequestClientCert
	}

	loaded.controller = dynamiccertificates.NewDynamicServingCertificateController(
		base, loaded.clientCA, loaded.serving, nil, nil)
	loaded.serving.AddListener(loaded.controller)
	if loaded.clientCA != nil {
		loaded.clientCA.AddListener(loaded.controller)
	}
	if err := loaded.controller.RunOnce(); err != nil {
		loaded.stop(ctx)
		return nil, err
	}
	loaded.config = base.Clone()
	loaded.config.GetConfigForClient = loaded.controller.GetConfigForClient
	return loaded, nil
}

// run follows the files until ctx ends.
func (c *certificates) run(ctx context.Context) {
	var running sync.WaitGroup
	for _, file := range c.files {
		running.Go(func() { file.Run(ctx, 1) })
	}
	if c.controller != nil {
		running.Go(func() { c.controller.Run(1, ctx.Done()) })
	}
	running.Wait()
}

// stop lets go of the goroutines of certificates that were never run.
func (c *certificates) stop(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	c.run(ctx)
}

func selfSigned(address string) (dynamiccertificates.CertKeyContentProvider, error) {
	certificate, key, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.ParseIP(address)}, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot make a serving certificate: %w", err)
	}
	return dynamiccertificates.NewStaticCertKeyContent("self-signed", certificate, key)
}
