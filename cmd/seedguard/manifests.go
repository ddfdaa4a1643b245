package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/util/cert"

	"github.com/seedguard/seedguard/pkg/deploy"
)

func newManifests(s streams) *cobra.Command {
	o := deploy.Default()
	var dir, caFile, kubernetesVersion string
	var by landscapeFlags // of which these manifests need the configuration alone
	command := &cobra.Command{
		Use:   "manifests",
		Short: "Print what the garden and its kube-apiserver need for the webhooks",
		Long: `Print what the garden and its kube-apiserver need for the webhooks, generated from the tables that decide:
permissions, the registration of the admission webhook, and kube-apiserver's configuration files.`,
		Example: `  # As in deploy/generated.
  seedguard manifests --output-dir generated

  # For a seedguard elsewhere.
  seedguard manifests --url https://seedguard.example.com:9443 --ca-file ca.crt --subject seedguard

  # For an older kube-apiserver.
  seedguard manifests --kubernetes-version 1.33`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if caFile != "" {
				certificates, err := cert.CertsFromFile(caFile)
				if err != nil {
					return err
				}
				if o.CABundle, err = cert.EncodeCertificates(certificates...); err != nil {
					return err
				}
			}
			var err error
			if o.Config, err = by.configuration(); err != nil {
				return err
			}
			if kubernetesVersion != "" {
				parsed, err := version.ParseGeneric(kubernetesVersion)
				if err != nil {
					return fmt.Errorf("%q is no version of Kubernetes, such as 1.33: %w", kubernetesVersion, err)
				}
				o.KubernetesVersion = parsed
			}
			if err := o.Validate(); err != nil {
				return err
			}
			files := deploy.Files(o)
			if dir != "" {
				for _, all := range deploy.Files(deploy.Default()) { // what an earlier run may have written
					path := filepath.Join(dir, all.Name)
					_, err := os.Stat(path)
					if err == nil && !slices.ContainsFunc(files, func(f deploy.File) bool { return f.Name == all.Name }) {
						_, _ = fmt.Fprintf(s.errOut, "Warning: %s is not part of this: remove it\n", path) // for people only
					}
				}
				return deploy.Write(dir, files)
			}
			for i := range files {
				if _, err := fmt.Fprintf(s.out, "---\n# %s\n%s", files[i].Name, files[i].YAML()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&dir, "output-dir", "", "directory to write the files into; without it, all are printed")
	flags.StringVar(&o.URL, "url", o.URL, "base address of the webhooks as kube-apiserver reaches them")
	flags.StringVar(&caFile, "ca-file", "", "CA of seedguard's serving certificate in PEM, for the registration")
	flags.StringVar(&by.config, "config", "",
		"configuration file of serve; restriction.references and kubeconfigAccess say what to register, "+
			"and what is in mode Observe blocks nothing when seedguard is away")
	flags.StringVar(&o.Subject, "subject", o.Subject, "seedguard's user in the garden")
	flags.StringVar(&o.ConfigDir, "config-dir", o.ConfigDir,
		"directory in which kube-apiserver finds its files, with ca.crt, client.crt and client.key")
	flags.StringVar(&kubernetesVersion, "kubernetes-version", "",
		"version of the garden's kube-apiserver, as 1.33; without it, the newest")
	flags.StringVar(&by.references, "references", "",
		"Enforce (the default), Warn or Off, as in serve; with Off, less is registered")
	return command
}
