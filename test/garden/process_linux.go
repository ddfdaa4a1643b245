package garden

import "syscall"

// processAttributes puts a program into a process group of its own, and has the kernel end it when this process dies in
// whatever way: tests that time out run no clean-up.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
