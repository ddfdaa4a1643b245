package manifests

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/graph"
)

// file is a file as the last scan left it.
type file struct {
	// info tells whether its content is still the one that was read.
	info os.FileInfo
	// unsure: it was read so soon after a change that the next one may not show in info.
	unsure bool

	// manifests, broken, skipped: its last good state.
	*parsed
	// failure is why its content could not be read or parsed, nil when it could.
	failure error
}

// scanner is one scan.
type scanner struct {
	*Source
	watcher *fsnotify.Watcher // nil: nobody is told of changes
	entries []entry
	// visited are the real paths of all folders that were read, folders the paths by which they were found.
	visited, folders map[string]bool
	// unreadable are files that stay as they were, and folders below which everything does.
	unreadable []string
	problems   []string
	// again: a file is being written, so another scan is due.
	again bool
}

// entry is a file that counts.
type entry struct {
	path string
	info os.FileInfo
}

// scan brings the stores up to date with the folder. It fails, and changes nothing, when the folder itself cannot be read.
func (s *Source) scan(watcher *fsnotify.Watcher) (again bool, err error) {
	c := &scanner{Source: s, watcher: watcher, visited: map[string]bool{}, folders: map[string]bool{}}
	if err := c.walk(s.dir); err != nil {
		return false, err
	}
	if watcher != nil {
		for _, path := range watcher.WatchList() {
			if !c.folders[path] {
				_ = watcher.Remove(path) // most often it is gone by itself
			}
		}
	}

	files := make(map[string]*file, len(c.entries))
	for _, e := range c.entries {
		files[e.path] = c.read(e)
	}
	for path, f := range s.files {
		if files[path] == nil && slices.ContainsFunc(c.unreadable, func(unreadable string) bool {
			return path == unreadable || strings.HasPrefix(path, unreadable+string(filepath.Separator))
		}) {
			files[path] = f
		}
	}
	s.files = files
	c.merge()
	s.setProblems(c.problems)
	return c.again, nil
}

// walk collects the files of a folder and of those below it, in the order of paths, and has the folder watched before it
// is read, so that no change falls in between.
func (c *scanner) walk(dir string) error {
	actual, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	if c.visited[actual] {
		return nil
	}
	c.visited[actual] = true
	if c.watcher != nil {
		c.folders[dir] = true
		if err := c.watcher.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.problem(dir, fmt.Errorf("changes are found by rescans only: %w", err))
		}
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, name.Name())
		counts := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path))
		if !counts && !name.IsDir() && name.Type()&fs.ModeSymlink == 0 {
			continue
		}
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			err = c.walk(path)
		} else if err == nil && counts {
			c.entries = append(c.entries, entry{path, info})
		}
		// What is not there any more was moved away meanwhile, or is a link that leads nowhere.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.unreadable = append(c.unreadable, path)
			c.problem(path, err)
		}
	}
	return nil
}

// read returns the file's state: the old one where nothing has changed.
func (c *scanner) read(e entry) *file {
	old := c.files[e.path]
	if old != nil && !old.unsure && os.SameFile(old.info, e.info) && old.info.Size() == e.info.Size() && old.info.ModTime().Equal(e.info.ModTime()) {
		return old
	}
	age := time.Since(e.info.ModTime())
	if old != nil && age >= 0 && age < settleTime { // a time in the future says nothing
		c.again = true
		return old
	}
	f := &file{info: e.info, unsure: age < time.Second, parsed: &parsed{}}
	content, err := readFile(e)
	if errors.Is(err, fs.ErrNotExist) {
		return f
	}
	if err == nil {
		var p *parsed
		if p, err = parse(content); err == nil {
			f.parsed = p
		}
	}
	if f.failure = err; old != nil {
		f.keep(old)
	}
	return f
}

// keep keeps what the file last held where its content does not tell: everything, or single objects.
func (f *file) keep(old *file) {
	if f.failure != nil {
		f.parsed = old.parsed
		return
	}
	last := make(map[graph.Vertex]*manifest, len(old.manifests))
	for _, m := range old.manifests {
		last[m.Vertex] = m
	}
	for i, m := range f.manifests {
		// Sharing what is equal saves memory, and comparing when files are merged.
		if m := last[m.Vertex]; m != nil && m.equal(f.manifests[i]) {
			f.manifests[i] = m
		}
	}
	for v := range f.broken {
		if m := last[v]; m != nil {
			f.manifests = append(f.manifests, m)
		}
	}
}

func readFile(e entry) ([]byte, error) {
	if !e.info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file") // a pipe would never end
	}
	f, err := os.Open(e.path) // #nosec G304 -- the operator names the folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(content) > maxFileSize {
		err = fmt.Errorf("is larger than %d MiB", maxFileSize>>20)
	}
	return content, err
}

// merge puts the files together and brings the stores up to date.
func (c *scanner) merge() {
	type origin struct {
		*manifest
		path string
	}
	merged := map[graph.Vertex]origin{}
	skipped := map[schema.GroupKind]int{}
	for _, path := range slices.SortedFunc(maps.Keys(c.files), comparePaths) {
		f := c.files[path]
		if f.failure != nil {
			c.problem(path, f.failure)
		}
		for _, problem := range f.problems {
			c.problem(path, errors.New(problem))
		}
		for kind, n := range f.skipped {
			skipped[kind] += n
		}
		for _, m := range f.manifests {
			if other, ok := merged[m.Vertex]; ok {
				c.problem(path, fmt.Errorf("%s is defined again, and wins over the one in %s", describe(m.Vertex), c.relative(other.path)))
			}
			merged[m.Vertex] = origin{m, path}
		}
	}

	byKind := map[graph.Kind]map[graph.Vertex]*manifest{}
	for v, o := range merged {
		if byKind[v.Kind] == nil {
			byKind[v.Kind] = map[graph.Vertex]*manifest{}
		}
		byKind[v.Kind][v] = o.manifest
	}
	for kind, store := range c.stores {
		store.replace(byKind[kind])
	}

	var summary []string
	for kind, n := range skipped {
		summary = append(summary, fmt.Sprintf("%s: %d", kind, n))
	}
	slices.Sort(summary)
	c.skipped = strings.Join(summary, ", ")
}

// comparePaths orders paths as a walk through the folders meets them.
func comparePaths(a, b string) int {
	const separator = string(filepath.Separator)
	return slices.Compare(strings.Split(a, separator), strings.Split(b, separator))
}

func (c *scanner) problem(path string, err error) {
	// The path is said already, and relative to the folder.
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	c.problems = append(c.problems, fmt.Sprintf("%s: %v", c.relative(path), err))
}

func (s *Source) relative(path string) string {
	if relative, err := filepath.Rel(s.dir, path); err == nil {
		return relative
	}
	return path
}
