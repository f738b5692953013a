package server

import "github.com/weirmq/weir/internal/command"

// writePersistence shows checkpoints as what agents know as RDB files, and the log as the append-only file.
func writePersistence(t *infoText, i *Info, _ *command.Table) {
	t.flag("loading", i.Loading)
	t.zeros("async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age")
	t.float("current_fork_perc", 100*ratio(i.SavingKeys, i.SavingKeysTotal), 2)
	t.number("current_save_keys_processed", i.SavingKeys)
	t.number("current_save_keys_total", i.SavingKeysTotal)
	t.count("rdb_changes_since_last_save", i.ChangesSinceSave)
	t.flag("rdb_bgsave_in_progress", i.Saving)
	t.number("rdb_last_save_time", i.LastSaveSeconds)
	t.status("rdb_last_bgsave_status", !i.SaveFailed)
	numberIf := func(name string, known bool, v int64) {
		if !known {
			v = -1
		}
		t.number(name, v)
	}
	numberIf("rdb_last_bgsave_time_sec", i.Saves > 0 || i.SaveFailed, i.SaveSeconds)
	numberIf("rdb_current_bgsave_time_sec", i.Saving, i.SavingSeconds)
	t.count("rdb_saves", i.Saves)
	t.zeros("rdb_last_cow_size", "rdb_last_load_keys_expired")
	t.count("rdb_last_load_keys_loaded", i.LoadedKeys)
	t.text("aof_enabled", "1")
	t.zeros("aof_rewrite_in_progress", "aof_rewrite_scheduled")
	t.text("aof_last_rewrite_time_sec", "-1")
	t.text("aof_current_rewrite_time_sec", "-1")
	t.text("aof_last_bgrewrite_status", "ok")
	t.zeros("aof_rewrites", "aof_rewrites_consecutive_failures")
	t.status("aof_last_write_status", i.LogWriteOK)
	t.zeros("aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size")
	t.number("aof_current_size", i.LogBytes)
	t.number("aof_base_size", i.LogBaseBytes)
	t.zeros("aof_pending_rewrite")
	t.number("aof_buffer_length", i.LogPendingBytes)
	t.zeros("aof_pending_bio_fsync")
	t.count("aof_delayed_fsync", i.LogDelayedSyncs)
	if i.Loading {
		t.number("loading_start_time", i.LoadStartSeconds)
		t.number("loading_total_bytes", i.LoadTotalBytes)
		t.zeros("loading_rdb_used_mem")
		t.number("loading_loaded_bytes", i.LoadLoadedBytes)
		t.float("loading_loaded_perc", 100*ratio(i.LoadLoadedBytes, i.LoadTotalBytes), 2)
		t.number("loading_eta_seconds", i.LoadETASeconds)
	}
	t.text("log_sync", i.Sync)
	t.count("log_position_first", i.LogFirst)
	t.count("log_position_written", i.LogWritten)
	t.count("log_position_durable", i.LogDurable)
	t.count("log_frames", i.LogFrames)
	t.count("log_records", i.LogRecords)
	t.count("log_syncs", i.LogSyncs)
	t.count("log_sync_usec", i.LogSyncMicros)
	t.count("log_replayed_records", i.LoadedRecords)
	t.float("log_replay_seconds", i.LoadSeconds, 3)
	t.count("checkpoint_position", i.CheckpointPosition)
	t.number("checkpoint_bytes", i.CheckpointBytes)
	t.float("checkpoint_seconds", i.CheckpointSeconds, 3)
	t.number("checkpoint_pause_usec", i.CheckpointPauseMicros)
	writeSegments(t, i)
	t.number("disk_free_bytes", i.DiskFreeBytes)
	t.number("disk_reserve_bytes", i.DiskReserve)
	t.text("read_only_reason", i.ReadOnlyReason)
}

// writeSegments shows the blocks of streams that are in files.
func writeSegments(t *infoText, i *Info) {
	t.number("segment_files", i.SegmentFiles)
	t.number("segment_bytes", i.SegmentBytes)
	t.number("segment_live_bytes", i.SegmentLive)
	t.number("segment_dead_bytes", i.SegmentDead)
	t.count("spilled_blocks", i.SpilledBlocks)
	t.count("spilled_bytes", i.SpilledBytes)
	t.number("spill_backlog_blocks", i.BacklogBlocks)
	t.number("spill_backlog_bytes", i.StreamBacklog)
	t.text("spill_error", i.SpillError)
	t.count("cold_commands", i.ColdCommands)
	t.count("cold_blocks_read", i.ColdBlocks)
	t.count("cold_bytes_read", i.ColdBytes)
	t.count("cold_blocks_lost", i.LostBlocks)
	t.count("stream_cache_hits", i.CacheHits)
	t.count("stream_cache_misses", i.CacheMisses)
	t.number("stream_cache_blocks", i.CacheBlocks)
	t.number("stream_cache_bytes", i.CacheMemory)
}
