package broker

import (
	"path/filepath"
	"testing"
)

func TestADiskWhoseFreeSpaceIsNotKnownRefusesNothing(t *testing.T) {
	b := running(t, nil)
	b.mu.Lock()
	dir := b.options.Dir
	b.disk = disk{written: 5} // before the first check
	if b.disk.low() {
		t.Error("writes are refused before the first look at the disk")
	}
	b.options.Dir = filepath.Join(dir, "none") // where statfs fails
	b.mu.Unlock()
	b.checkDisk()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.disk.low() {
		t.Error("writes are refused because the disk cannot be looked at")
	}
	b.options.Dir = dir
}
