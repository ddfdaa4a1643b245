//go:build !linux

package garden

import "syscall"

// processAttributes puts a program into a process group of its own.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
