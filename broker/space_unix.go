//go:build unix

package broker

import "golang.org/x/sys/unix"

// freeSpace returns the size of the file system that holds a path, and what of it an ordinary user may still write.
func freeSpace(path string) (total, free int64, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, 0, err
	}
	size := int64(fs.Bsize) //nolint:unconvert // its type differs between systems
	return int64(fs.Blocks) * size, int64(fs.Bavail) * size, nil
}

// usage returns the processor seconds that the process has used, or its children have.
func usage(children bool) (system, user float64) {
	who := unix.RUSAGE_SELF
	if children {
		who = unix.RUSAGE_CHILDREN
	}
	var r unix.Rusage
	if unix.Getrusage(who, &r) != nil {
		return 0, 0
	}
	return seconds(r.Stime), seconds(r.Utime)
}

func seconds(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// systemName returns what INFO calls os: name, release and machine.
func systemName() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
}
