package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
)

const (
	// maxLine bounds an event. API servers take requests of 3 MiB, and a log may hold the answer too.
	maxLine = 16 << 20
	// readAhead is more than an event without objects takes.
	readAhead = 256 << 10
)

// lines reads a log line by line. It belongs to one goroutine.
type lines struct {
	in *bufio.Reader
	// number is that of the line which was read last, from 1 on.
	number int
	long   []byte // holds a line that is longer than the reader's buffer
}

// newLines reads a log that may be compressed by gzip, which its first bytes tell.
func newLines(in io.Reader) (*lines, error) {
	plain := bufio.NewReaderSize(in, readAhead)
	start, err := plain.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return &lines{in: plain}, nil
	}
	unzipped, err := gzip.NewReader(plain)
	if err != nil {
		return nil, err
	}
	return &lines{in: bufio.NewReaderSize(unzipped, readAhead)}, nil
}

// next returns the next line, which is good until the line after it is read, and false when it was longer than maxLine
// and has been skipped. The error is io.EOF at the end.
func (l *lines) next() (line []byte, ok bool, err error) {
	l.number++
	line, more, err := l.in.ReadLine()
	if !more {
		return line, true, err
	}
	l.long = append(l.long[:0], line...)
	for more && err == nil {
		line, more, err = l.in.ReadLine()
		if len(l.long) <= maxLine {
			l.long = append(l.long, line...)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil // the log ends with this line
	}
	return l.long, len(l.long) <= maxLine, err
}
