package resp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls that cannot block are made without telling the scheduler. A loop's read, write or poll takes a few
// microseconds; announcing each costs a good part of one and, worse, invites sysmon to hand the processor to another
// thread in the middle of a turn.

// epollPoll is epoll_wait without waiting.
func epollPoll(epfd int, events []unix.EpollEvent) int {
	n, _, err := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

// sysRead reads from a non-blocking descriptor.
func sysRead(fd int, b []byte) (int, error) {
	for {
		n, _, err := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch err {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, unix.EAGAIN
		default:
			return 0, err
		}
	}
}

// write writes pieces, which are not empty, to a non-blocking descriptor, once.
func (l *loop) write(fd int, pieces [][]byte) (int, error) {
	for {
		var n uintptr
		var err unix.Errno
		if len(pieces) == 1 {
			n, _, err = unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&pieces[0][0])), uintptr(len(pieces[0])))
		} else {
			for i, p := range pieces {
				l.iov[i].Base = &p[0]
				l.iov[i].SetLen(len(p))
			}
			n, _, err = unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&l.iov[0])), uintptr(len(pieces)))
		}
		switch err {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, unix.EAGAIN
		default:
			return 0, err
		}
	}
}
