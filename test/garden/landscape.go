package garden

import (
	"context"
	_ "embed" // for what is below
	"strings"
	"time"
)

// What gardener-apiserver takes: its validation asks for more than the example landscape has.
var (
	//go:embed landscape/garden.yaml
	commonLandscape string
	//go:embed landscape/seed.yaml
	seedLandscape string
)

// LoadSeeds creates Seeds, and to each Seed a Project with a Shoot, backups and so on, as gardener-apiserver wants
// them. landscape/seed.yaml tells their names. It returns the number of objects.
func (g *Garden) LoadSeeds(ctx context.Context, seeds ...string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	admin, err := g.NewClient(g.Admin())
	if err != nil {
		return 0, err
	}
	manifests := []string{commonLandscape}
	for _, seed := range seeds {
		manifests = append(manifests, strings.ReplaceAll(seedLandscape, "SEED", seed))
	}
	count := 0
	for _, manifest := range manifests {
		objects, err := Parse([]byte(manifest))
		if err != nil {
			return 0, err
		}
		for _, o := range objects {
			count++
			// gardener-apiserver validates against caches of its own, which know an object a little later.
			for err = admin.Apply(ctx, o); err != nil; err = admin.Apply(ctx, o) {
				select {
				case <-ctx.Done():
					return 0, err
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
	}
	return count, nil
}
