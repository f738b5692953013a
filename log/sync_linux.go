package log

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync is fdatasync: the data and the size, not the times.
func datasync(file *os.File) error {
	for {
		err := unix.Fdatasync(int(file.Fd()))
		if err != unix.EINTR {
			return err
		}
	}
}

// forget drops the clean cached pages of a file. After a failed write-back
// Linux keeps pages marked clean that the disk never got; a recovery that read
// them from the cache would take for durable what is not.
func forget(file *os.File) {
	_ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// startWriteback asks the kernel to begin writing a range of a file, without
// waiting for it, so that a later fsync finds less to do. It promises nothing.
func startWriteback(file *os.File, from, length int64) {
	_ = unix.SyncFileRange(int(file.Fd()), from, length, unix.SYNC_FILE_RANGE_WRITE)
}
