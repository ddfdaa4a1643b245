package admission_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/seedguard/seedguard/test/attack"
)

func TestSurvey(t *testing.T) {
	pair := underAttack()
	seen := map[string]int{}
	start := time.Now()
	var counts attack.Counts
	names := regexp.MustCompile(`[-/][a-z]*(parent|lonely|child)[a-z.:-]*`)
	for n := range uint64(400) {
		c, v := attack.Play(n, 500, pair, attack.Target{})
		counts.Add(c)
		if v == nil {
			continue
		}
		key := fmt.Sprint(names.ReplaceAllString(v.What, "-SEED"))
		last := v.History[len(v.History)-1]
		key += fmt.Sprint(" BY ", last.Operation, " ", last.Kind, "/", last.Subresource)
		if seen[key]++; seen[key] == 1 {
			s := v.Error()
			if len(s) > 1800 {
				s = s[:1800]
			}
			fmt.Println("#### ", key)
			fmt.Println(s)
		}
	}
	for k, n := range seen {
		fmt.Println(n, k)
	}
	fmt.Println(counts.Attempted, counts.Authorized, counts.Admitted, counts.Applied, time.Since(start))
}
