package pages

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/benchmarks/landscape"
)

// TestByKeyboard goes from the start page to why a Seed may not have a Secret, and who can, without a mouse.
func TestByKeyboard(t *testing.T) {
	address := serve(t, filepath.Join(root, "examples", "landscape"))
	b := open(t)
	for _, width := range []int64{1000, 1400} {
		shot := func(name string) { b.shot(fmt.Sprintf("%s-%d", name, width)) }
		b.width(width)
		b.open(address)
		shot("start")

		// The search has the focus already.
		b.search("secret garden-dev/aws")
		require.Contains(t, b.text(), "2 found")
		shot("find")
		b.tabTo("e.innerText == 'aws-account'")
		b.submit("vertex", kb.Enter)
		require.Equal(t, "aws-account", b.is("document.querySelector('h1').innerText"))
		require.Contains(t, b.is("document.querySelector('#who').innerText"),
			"get, update, patch, delete\tgardenlet, extension\taws-eu1")
		shot("who-can")

		// Why not that Seed?
		b.tabTo("e.name == 'seed'")
		b.keys("gcp-eu1")
		b.submit("why not", kb.Enter)
		require.Contains(t, b.text(), "Secret garden-dev/aws-account is referred to by SecretBinding garden-dev/aws, "+
			"which no Shoot on Seed gcp-eu1 uses (spec.secretBindingName)")
		shot("why-not")

		// Who can delete it? Everything else stays as it was.
		b.tabTo("e.name == 'verb'")
		b.keys("del")
		b.tabTo("e.tagName == 'BUTTON'")
		b.submit("who can", kb.Enter)
		require.Contains(t, b.is("location.search"), "verb=delete")
		require.Contains(t, b.is("document.querySelector('#who').innerText"), "delete\tgardenlet, extension\taws-eu1")
		require.Contains(t, b.text(), "which no Shoot on Seed gcp-eu1 uses")

		// The access key leads back to the search, and the first link over it.
		b.keys("s", chromedp.KeyModifiers(chromedp.ModifierAlt), func(p *input.DispatchKeyEventParams) {
			p.UnmodifiedText = "s" // as a keyboard has it, by which Chromium finds access keys
		})
		require.Equal(t, "q", b.is("document.activeElement.name"))
		b.open(address + "vertex?kind=Shoot&namespace=garden-dev&name=web")
		b.tabTo("e.className == 'skip'")
		b.keys(kb.Enter)
		require.Equal(t, "#main", b.is("location.hash"))
		shot("shoot")
	}
}

// TestUnknownObject: an object that nothing refers to can be asked about, and the answer says what could refer to it.
func TestUnknownObject(t *testing.T) {
	address := serve(t, filepath.Join(root, "examples", "landscape"))
	b := open(t)
	b.width(1000)
	b.open(address + "find?q=operators-only")
	require.Contains(t, b.text(), "0 found")
	b.shot("find-nothing-1000")
	b.tabTo("e.name == 'kind' && e.form.action.endsWith('vertex')")
	for _, word := range []string{"garden", "operators-only", "aws-eu1"} {
		b.keys(kb.Tab + word)
	}
	b.submit("ask", kb.Enter)
	require.Contains(t, b.text(), "no object refers to Secret garden/operators-only; a BackupBucket, ")
	b.shot("unknown-1000")
	require.Equal(t, http.StatusNotFound, status(t, b.is("location.href")))
}

// TestLongNames: names as long as the API allows, and longer ones, do not make pages scroll sideways.
func TestLongNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "landscape")
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", "landscape"))))
	name, secret := strings.Repeat("longname-", 7)[:63], strings.Repeat("with.dots.and.no.end.", 12)+"x"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "long.yaml"), fmt.Appendf(nil, `
apiVersion: core.gardener.cloud/v1beta1
kind: Shoot
metadata: {name: %[1]s, namespace: %[1]s}
spec: {seedName: aws-eu1, resources: [{name: x, resourceRef: {apiVersion: v1, kind: Secret, name: %[2]s}}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: gardenlet-bootstrap-x, namespace: garden}
secrets: [{name: %[3]s}]
`, name, secret, strings.Repeat("x", 253)), 0o600))
	address := serve(t, dir)
	b := open(t)
	for _, width := range []int64{1000, 400} {
		b.width(width)
		for page, path := range map[string]string{
			"start": "", "find": "find?q=" + name, "find-one-word": "find?q=xxx",
			"vertex":     "vertex?kind=Shoot&namespace=" + name + "&name=" + name,
			"secret":     "vertex?kind=Secret&namespace=" + name + "&name=" + secret + "&seed=gcp-eu1",
			"one-word":   "vertex?kind=Secret&namespace=garden&name=" + strings.Repeat("x", 253),
			"deployment": "vertex?kind=CertificateSigningRequest&name=" + name,
		} {
			b.open(address + path)
			b.shot(fmt.Sprintf("long-%s-%d", page, width))
		}
	}
}

// TestLargeLandscape searches 100,000 Shoots.
func TestLargeLandscape(t *testing.T) {
	const shoots = 100000
	address, l := serveLarge(t, shoots)
	b := open(t)
	b.width(1000)
	b.open(address)
	b.shot("large-start-1000")
	v := l.DNSSecret(shoots / 2)
	for _, search := range []struct{ query, first string }{
		{"secret " + v.Namespace + "/" + v.Name, v.Name},
		{v.Name[:len("shoot050000")] + " " + v.Namespace, "shoot050000"},
		{"shoot099999.ssh-keypair", "shoot099999.ssh-keypair"},
		{"dns secret", "shoot000000-dns"},
		{"no-such-thing", ""},
	} {
		b.open(address)
		b.search(search.query)
		first := b.is("(document.querySelector('main td a') || {}).innerText || ''")
		require.Equal(t, search.first, first, search.query)
	}
	b.open(address)
	b.search("dns secret")
	require.Contains(t, b.text(), "Only the first 200 are shown.")
	b.shot("large-find-1000")
	b.tabTo("e.innerText == 'shoot000000-dns'")
	b.submit("vertex", kb.Enter)
	b.tabTo("e.name == 'seed'")
	b.keys(l.SeedName(l.Stranger(0)))
	b.submit("why not", kb.Enter)
	require.Contains(t, b.text(), "Why not")
	b.shot("large-why-not-1000")
	b.open(address + "vertex?kind=CloudProfile&name=" + landscape.CloudProfile)
	b.shot("large-cloudprofile-1000")
	require.Contains(t, b.text(), "of 500)")
}
