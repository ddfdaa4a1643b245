package directory

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// maxFileSize bounds a file. Landscapes that are larger have their objects in more than one file.
const maxFileSize = 64 << 20

// file is a file as the last scan left it.
type file struct {
	path string
	// info tells whether its content is still the one that was read.
	info os.FileInfo
	// unsure: it was read so soon after a change that the next change may not show in info.
	unsure bool
	// parsed is its last good state.
	parsed
	// failure is why its content could not be read or parsed, nil when it could.
	failure error
}

// scanner is one scan.
type scanner struct {
	*Source
	watcher *fsnotify.Watcher // nil: nobody is told of changes
	old     map[string]*file
	files   []*file // in the order of paths
	// visited are the real paths of all directories that were read.
	visited  map[string]bool
	problems []string
	// again: a file is being written, so another scan is due.
	again bool
}

// scan brings the source up to date. It fails, and changes nothing, when the directory itself cannot be read.
func (s *Source) scan(watcher *fsnotify.Watcher) (again bool, err error) {
	c := &scanner{Source: s, watcher: watcher, old: map[string]*file{}, visited: map[string]bool{}}
	for _, f := range s.files {
		c.old[f.path] = f
	}
	if err := c.walk(s.dir); err != nil {
		return false, err
	}
	s.files = c.files
	c.merge()
	return c.again, nil
}

// walk reads the files of a directory and of those below it. Each directory is watched before it is read, so that no
// change falls in between.
func (c *scanner) walk(dir string) error {
	actual, err := filepath.EvalSymlinks(dir)
	if err != nil || c.visited[actual] {
		return err
	}
	c.visited[actual] = true
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
		path := filepath.Join(dir, entry.Name())
		isManifest := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path))
		if strings.HasPrefix(entry.Name(), ".") || !isManifest && !entry.IsDir() && entry.Type()&fs.ModeSymlink == 0 {
			continue
		}
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			err = c.walk(path)
		} else if err == nil && isManifest {
			c.files = append(c.files, c.read(path, info))
		}
		// What does not exist any more was moved away meanwhile, or is a link that leads nowhere.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
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

// read returns the file's state: the old one where nothing has changed.
func (c *scanner) read(path string, info os.FileInfo) *file {
	old := c.old[path]
	if old != nil && !old.unsure && os.SameFile(old.info, info) && old.info.Size() == info.Size() &&
		old.info.ModTime().Equal(info.ModTime()) {
		return old
	}
	age := time.Since(info.ModTime())
	if old != nil && age >= 0 && age < settleTime { // a time in the future says nothing
		c.again = true
		return old
	}
	f := &file{path: path, info: info, unsure: age < time.Second}
	var content []byte
	if !info.Mode().IsRegular() {
		f.failure = errors.New("is not a regular file") // a pipe would never end
	} else if info.Size() > maxFileSize {
		f.failure = fmt.Errorf("is larger than %d MiB", maxFileSize>>20)
	} else if content, f.failure = os.ReadFile(path); f.failure == nil { // #nosec G304 -- the operator names the directory
		f.parsed, f.failure = parse(content)
	} else if errors.Is(f.failure, fs.ErrNotExist) {
		f.failure = nil
		return f
	}
	if old != nil {
		f.keep(old)
	}
	for _, o := range f.objects {
		if o.ResourceVersion == "" { // else the file held it before
			c.version++
			o.ResourceVersion = strconv.Itoa(c.version)
		}
	}
	return f
}

// keep keeps what the file last held where its content does not tell: everything, or single objects.
func (f *file) keep(old *file) {
	if f.failure != nil {
		f.parsed = old.parsed
		return
	}
	last := make(objects, len(old.objects))
	for _, o := range old.objects {
		last[o.Vertex] = o
	}
	for i, o := range f.objects {
		if was := last[o.Vertex]; was != nil {
			same := *o
			same.ResourceVersion = was.ResourceVersion
			if reflect.DeepEqual(&same, was) {
				f.objects[i] = was
			}
		}
	}
	for _, v := range f.broken {
		if was := last[v]; was != nil {
			f.objects = append(f.objects, was)
		}
	}
}

// merge puts the files together and publishes the result.
func (c *scanner) merge() {
	merged := map[graph.Kind]objects{}
	for _, r := range garden.Resources() {
		merged[r.Kind] = objects{}
	}
	origin := map[graph.Vertex]string{}
	skipped := map[string]int{}
	for _, f := range c.files {
		if f.failure != nil {
			c.problem(f.path, f.failure)
		}
		for _, problem := range f.problems {
			c.problem(f.path, errors.New(problem))
		}
		for kind, n := range f.skipped {
			skipped[kind] += n
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
	c.skipped = skipped
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
	return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(path, s.dir), string(filepath.Separator)), ".")
}
