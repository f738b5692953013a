package broker

import (
	"runtime/debug"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/server"
)

const errNoCheckpoints command.Error = "ERR this build makes no checkpoints"

func (h serverHost) Save() error { return errNoCheckpoints }

func (h serverHost) SaveAndWait(*command.Call, server.SaveReply) error { return errNoCheckpoints }

func (h serverHost) LastSave() int64 { return h.started.Unix() }

func (h serverHost) BackupBegin(*command.Call, server.BackupReply) error { return errNoCheckpoints }

func (h serverHost) BackupEnd(*command.Call) error { return errNoCheckpoints }

// ReleaseMemory gives memory back beside the lock: the runtime stops the world for some of it only.
func (h serverHost) ReleaseMemory() { go debug.FreeOSMemory() }
