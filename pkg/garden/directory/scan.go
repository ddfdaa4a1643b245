package directory

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// maxFileSize bounds a file. Landscapes that are larger have their objects in more than one file.
const maxFileSize = 64 << 20

// file is a file as the last scan left it.
type file struct {
	path string
	// hash is that of its content when it was last read.
	hash uint64
	// parsed is its last good state.
	parsed
	// failure is why the content could not be parsed, nil when it could.
	failure error
}

// scanner is one scan.
type scanner struct {
	*Source
	watcher *fsnotify.Watcher // nil: nobody is told of changes
	old     map[string]*file
	files   []*file // in the order of paths
	// visited are the real paths of all directories that were read.
	visited  sets.Set[string]
	problems []string
}

// scan brings the source up to date. It fails, and changes nothing, when the directory itself cannot be read.
func (s *Source) scan(watcher *fsnotify.Watcher) error {
	c := &scanner{Source: s, watcher: watcher, old: map[string]*file{}, visited: sets.New[string]()}
	for _, f := range s.files {
		c.old[f.path] = f
	}
	if err := c.walk(s.dir); err != nil {
		return err
	}
	s.files = c.files
	c.merge()
	return nil
}

// walk reads the files of a directory and of those below it. Each directory is watched before it is read, so that no
// change falls in between.
func (c *scanner) walk(dir string) error {
	actual, err := filepath.EvalSymlinks(dir)
	if err != nil || c.visited.Has(actual) {
		return err
	}
	c.visited.Insert(actual)
	if c.watcher != nil {
		if err := c.watcher.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.problem(dir, fmt.Errorf("only rescans find changes: %w", err))
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		// What does not exist any more was moved away meanwhile, or is a link that leads nowhere.
		if err := c.visit(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.problem(path, err)
			for _, f := range c.Source.files {
				if f.path == path || strings.HasPrefix(f.path, path+string(filepath.Separator)) {
					c.files = append(c.files, f)
				}
			}
		}
	}
	return nil
}

// visit reads a directory, or a file if it is a manifest.
func (c *scanner) visit(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return c.walk(path)
	case !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)):
		return nil
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file") // a pipe would never end
	case info.Size() > maxFileSize:
		return fmt.Errorf("is larger than %d MiB", maxFileSize>>20)
	}
	content, err := os.ReadFile(path) // #nosec G304 -- the operator names the directory
	if err != nil {
		return err
	}
	f := c.old[path]
	if hash := maphash.Bytes(hashSeed, content); f == nil || f.hash != hash {
		f = read(path, hash, content, f)
	}
	c.files = append(c.files, f)
	return nil
}

// read parses a file. Where its content does not tell, it holds what it last held: everything, or single objects.
func read(path string, hash uint64, content []byte, old *file) *file {
	f := &file{path: path, hash: hash}
	f.parsed, f.failure = parse(content)
	switch {
	case old == nil:
	case f.failure != nil:
		f.parsed = old.parsed
	default:
		for _, o := range old.objects {
			if f.broken.Has(o.Vertex) {
				f.objects = append(f.objects, o)
			}
		}
	}
	return f
}

// merge puts the files together and publishes the result.
func (c *scanner) merge() {
	merged := map[graph.Kind]objects{}
	for _, kind := range garden.Watched() {
		merged[kind] = objects{}
	}
	origin := map[graph.Vertex]string{}
	c.skipped = map[string]int{}
	for _, f := range c.files {
		if f.failure != nil {
			c.problem(f.path, f.failure)
		}
		for _, problem := range f.problems {
			c.problem(f.path, errors.New(problem))
		}
		for kind, n := range f.skipped {
			c.skipped[kind] += n
		}
		for _, o := range f.objects {
			if other := origin[o.Vertex]; other != "" {
				c.problem(f.path, fmt.Errorf("%s is defined again, and wins over the one in %s",
					describe(o.Vertex), c.relative(other)))
			}
			origin[o.Vertex] = f.path
			merged[o.Kind][o.Vertex] = o
		}
	}
	if len(origin)+len(c.problems) == 0 { // the wrong directory, as a rule
		c.problems = append(c.problems, "no object of a watched kind is in it")
	}
	c.publish(merged, c.problems)
}

func (c *scanner) problem(path string, err error) {
	// The path is said already, and relative to the directory.
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
