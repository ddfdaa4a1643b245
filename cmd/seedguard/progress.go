package main

import (
	"fmt"
	"strings"
	"time"
)

// progress draws on a terminal how much of something has been read. It belongs to one goroutine.
type progress struct {
	line *statusLine
	// total is 0 when it is not known.
	total, read    int64
	started, drawn time.Time
}

const (
	progressInterval = 200 * time.Millisecond
	progressWidth    = 30
)

// Write implements io.Writer: what has been read is written to the progress.
func (p *progress) Write(read []byte) (int, error) {
	p.add(int64(len(read)), time.Now())
	return len(read), nil
}

func (p *progress) add(read int64, now time.Time) {
	p.read += read
	if now.Sub(p.drawn) < progressInterval {
		return
	}
	p.drawn = now
	line := fmt.Sprintf("%d MiB", p.read>>20)
	if p.total > 0 {
		done := min(float64(p.read)/float64(p.total), 1)
		bar := strings.Repeat("=", int(done*progressWidth))
		line = fmt.Sprintf("[%-*s] %3.0f %% of %d MiB", progressWidth, bar, 100*done, p.total>>20)
		if took := now.Sub(p.started); took >= time.Second && done > 0 { // earlier it would jump
			line += fmt.Sprintf(", %s left", time.Duration(float64(took)*(1/done-1)).Round(time.Second))
		}
	}
	p.line.show("%s", line)
}
