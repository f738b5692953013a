package server

import (
	"errors"
	"strings"
	"testing"
)

// waiting is what client.do returns of a command that parks its session.
const waiting = ""

func TestSaveIsAnsweredOnceTheCheckpointIsThere(t *testing.T) {
	c := newClient()
	for _, x := range []struct {
		err  error
		want string
	}{{nil, "+OK\r\n"}, {errors.New("the disk\nis full"), "-ERR the disk is full\r\n"}} {
		c.expect(t, exchange{"SAVE", waiting})
		if c.host.finish(x.err); string(c.out.Bytes()) != x.want {
			t.Errorf("%q, want %q", c.out.Bytes(), x.want)
		}
		c.host.saving = false
	}
}

func TestOneCheckpointIsMadeAtATime(t *testing.T) {
	c := newClient()
	c.expect(t,
		exchange{"BGSAVE now", "ERR syntax error"},
		exchange{"BGSAVE schedule SCHEDULE", "ERR syntax error"},
		exchange{"BGSAVE", "+Background saving started"},
		exchange{"BGSAVE schedule", "ERR Background save already in progress"},
		exchange{"SAVE", "ERR Background save already in progress"},
		exchange{"BACKUP BEGIN", "ERR Background save already in progress"},
		exchange{"LASTSAVE", ":1600000000"},
	)
}

func TestABackupNamesItsFiles(t *testing.T) {
	c := newClient()
	c.expect(t, exchange{"BACKUP END", "ERR This connection has not begun a backup"}, exchange{"BACKUP BEGIN", waiting})
	c.host.finish(nil)
	const want = "*2\r\n*2\r\n$32\r\ncheckpoints/00000000000000000007\r\n:300\r\n*2\r\n$7\r\nlog/1/2\r\n:1099511627776\r\n"
	if got := string(c.out.Bytes()); !strings.HasPrefix(got, "*2\r\n*2\r\n$") || got != want {
		t.Errorf("%q", got)
	}
	c.expect(t, exchange{"BACKUP END", "+OK"})
	c.host.saving = false
	c.expect(t, exchange{"BACKUP BEGIN", waiting})
	if c.host.finish(ErrBackup); string(c.out.Bytes()) != "-"+string(ErrBackup)+"\r\n" {
		t.Errorf("%q", c.out.Bytes())
	}
}

func TestPersistenceTellsOfCheckpointsAndSegments(t *testing.T) {
	c := newClient()
	for _, want := range []string{
		"rdb_bgsave_in_progress:0", "rdb_last_bgsave_status:ok", "rdb_last_bgsave_time_sec:-1", "rdb_current_bgsave_time_sec:-1", "rdb_saves:0",
	} {
		if text := c.info(t, "INFO persistence"); !strings.Contains(text, "\r\n"+want+"\r\n") {
			t.Errorf("a new server: %s is missing", want)
		}
	}
	c.host.info = Info{
		Saving: true, SavingSeconds: 3, SavingKeys: 1, SavingKeysTotal: 4, SaveFailed: true, SaveSeconds: 7, Saves: 2,
		LoadedKeys: 5, CheckpointPosition: 13, CheckpointBytes: 14, CheckpointSeconds: 1.5, CheckpointPauseMicros: 15,
		LogFirst: 16, SegmentFiles: 17, SegmentBytes: 18, SegmentLive: 19, SegmentDead: 20, SpilledBlocks: 21, SpilledBytes: 22,
		BacklogBlocks: 23, StreamBacklog: 24, SpillError: "no space", ColdCommands: 25, ColdBlocks: 26, ColdBytes: 27, LostBlocks: 28,
		CacheHits: 29, CacheMisses: 30, CacheBlocks: 31, CacheMemory: 32,
	}
	text := c.info(t, "INFO persistence")
	for _, want := range []string{
		"current_fork_perc:25.00", "current_save_keys_processed:1", "current_save_keys_total:4",
		"rdb_bgsave_in_progress:1", "rdb_last_bgsave_status:err", "rdb_last_bgsave_time_sec:7", "rdb_current_bgsave_time_sec:3",
		"rdb_saves:2", "rdb_last_load_keys_loaded:5",
		"log_position_first:16", "checkpoint_position:13", "checkpoint_bytes:14", "checkpoint_seconds:1.500", "checkpoint_pause_usec:15",
		"segment_files:17", "segment_bytes:18", "segment_live_bytes:19", "segment_dead_bytes:20", "spilled_blocks:21", "spilled_bytes:22",
		"spill_backlog_blocks:23", "spill_backlog_bytes:24", "spill_error:no space", "cold_commands:25", "cold_blocks_read:26",
		"cold_bytes_read:27", "cold_blocks_lost:28", "stream_cache_hits:29", "stream_cache_misses:30", "stream_cache_blocks:31",
		"stream_cache_bytes:32",
	} {
		if !strings.Contains(text, "\r\n"+want+"\r\n") {
			t.Errorf("%s is missing", want)
		}
	}
}
