package garden

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
)

// stopGrace is how long a process may take to end by itself before it is killed.
const stopGrace = 10 * time.Second

// Process is a program that runs in a process group of its own and writes its output into a file.
type Process struct {
	// Name is the program's name in messages.
	Name string
	// Log is the file that holds all that the program wrote, over restarts.
	Log string

	pid  int
	done chan struct{}
	err  error // why it ended; read after done is closed
}

// startProcess starts a program. Its output is appended to <directory>/<name>.log.
func startProcess(directory, name, path string, args ...string) (*Process, error) {
	p := &Process{Name: name, Log: filepath.Join(directory, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...) // #nosec G204 -- the programs under test
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = processAttributes()

	started := make(chan error)
	go func() {
		// The kernel ties the signal of processAttributes to the thread that started the program, so that thread must live as
		// long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = log.Close() // the program has its own copy
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	return p, nil
}

// PID returns the process's number.
func (p *Process) PID() int { return p.pid }

// Done returns a channel that is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal to the program and all that it started.
func (p *Process) Signal(signal syscall.Signal) error {
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
		return syscall.Kill(-p.pid, signal)
	}
}

// Stop ends the program: by SIGTERM, and by SIGKILL when that does not help soon. It returns when the program has
// ended.
func (p *Process) Stop() {
	_ = p.Signal(syscall.SIGTERM)
	_ = p.Signal(syscall.SIGCONT) // a stopped program could not act on it
	select {
	case <-p.done:
	case <-time.After(stopGrace):
		p.Kill()
	}
}

// Kill ends the program by SIGKILL and returns when it has ended.
func (p *Process) Kill() {
	_ = p.Signal(syscall.SIGKILL)
	<-p.done
}

// Tail returns the end of the program's log.
func (p *Process) Tail(bytes int64) string {
	f, err := os.Open(p.Log)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > bytes {
		_, _ = f.Seek(-bytes, io.SeekEnd)
	}
	tail, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return string(tail)
}

// waitReady waits until the server that the program is says to a client that it is ready.
func (p *Process) waitReady(ctx context.Context, config *rest.Config) error {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return p.wait(ctx, func(ctx context.Context) error { return getOK(ctx, client, config.Host+"/readyz") })
}

// wait polls until ready returns nil. It gives up when the context ends or the program does; the error then holds the
// last reason and the end of the log.
func (p *Process) wait(ctx context.Context, ready func(context.Context) error) error {
	const pause = 50 * time.Millisecond
	var last error
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := ready(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w\n%s", p.Name, errors.Join(p.err, last), p.Tail(4096))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.Name, errors.Join(ctx.Err(), last), p.Tail(4096))
		case <-time.After(pause):
		}
	}
}
