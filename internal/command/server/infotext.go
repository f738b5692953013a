package server

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/weirmq/weir/internal/command"
)

// infoText collects lines of "name:value". Names and order are Redis 7.0's, so that monitoring agents find what they
// parse; ours stand behind them, named weir_*, log_* or disk_*. A number literal is a constant: the line says what can only
// be so in Weir, which forks no child, replicates nothing, evicts nothing and has no modules.
type infoText struct{ b []byte }

func (t *infoText) text(name, value string) {
	t.b = append(append(append(append(t.b, name...), ':'), value...), "\r\n"...)
}

func (t *infoText) number(name string, v int64) { t.text(name, strconv.FormatInt(v, 10)) }

func (t *infoText) count(name string, v uint64) { t.text(name, strconv.FormatUint(v, 10)) }

func (t *infoText) float(name string, v float64, decimals int) {
	t.text(name, strconv.FormatFloat(v, 'f', decimals, 64))
}

func (t *infoText) flag(name string, on bool) {
	if on {
		t.text(name, "1")
	} else {
		t.text(name, "0")
	}
}

func (t *infoText) status(name string, ok bool) {
	if ok {
		t.text(name, "ok")
	} else {
		t.text(name, "err")
	}
}

// zeros writes names whose value is constantly zero.
func (t *infoText) zeros(names ...string) {
	for _, name := range names {
		t.text(name, "0")
	}
}

// memory writes a size twice: in bytes, and as a person reads it.
func (t *infoText) memory(name string, bytes int64) {
	t.number(name, bytes)
	t.text(name+"_human", humanBytes(bytes))
}

func humanBytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + "B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len("KMGTP")-1 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.2f%c", value, "KMGTP"[unit])
}

// ratio is a/b, and 0 when nothing is known yet.
func ratio(a, b int64) float64 {
	if b <= 0 {
		return 0
	}
	return float64(a) / float64(b)
}

const noSHA = "00000000"

func writeServer(t *infoText, i *Info, _ *command.Table) {
	t.text("redis_version", command.RedisVersion)
	sha := i.GitSHA
	if sha == "" {
		sha = noSHA
	}
	t.text("redis_git_sha1", sha)
	t.flag("redis_git_dirty", i.GitDirty)
	t.text("redis_build_id", i.BuildID)
	t.text("redis_mode", "standalone")
	t.text("os", i.OS)
	t.number("arch_bits", strconv.IntSize)
	t.text("monotonic_clock", "Go runtime")
	t.text("multiplexing_api", i.Multiplexing)
	t.text("atomicvar_api", "sync/atomic")
	t.text("gcc_version", "0.0.0") // what Redis shows for another compiler
	t.number("process_id", int64(i.ProcessID))
	t.text("process_supervised", "no")
	t.text("run_id", i.RunID)
	t.number("tcp_port", int64(i.TCPPort))
	t.number("server_time_usec", i.NowMicros)
	t.number("uptime_in_seconds", i.UptimeSeconds)
	t.number("uptime_in_days", i.UptimeSeconds/86400)
	t.text("hz", "10") // there is no such clock; agents divide by it
	t.text("configured_hz", "10")
	t.number("lru_clock", i.NowMicros/1e6&(1<<24-1))
	t.text("executable", i.Executable)
	t.text("config_file", i.ConfigFile)
	t.flag("io_threads_active", i.Loops > 1)
	if i.ShuttingDown {
		t.number("shutdown_in_milliseconds", i.ShutdownInMS)
	}
	t.text("weir_version", i.Version)
	t.text("go_version", i.GoVersion)
	t.number("event_loops", int64(i.Loops))
	t.text("data_dir", i.DataDir)
}

func writeClients(t *infoText, i *Info, _ *command.Table) {
	t.number("connected_clients", int64(i.ConnectedClients))
	t.zeros("cluster_connections")
	t.number("maxclients", int64(i.MaxClients))
	t.number("client_recent_max_input_buffer", i.MaxInputBuffer)
	t.number("client_recent_max_output_buffer", i.MaxOutputBuffer)
	t.number("blocked_clients", int64(i.BlockedClients))
	t.zeros("tracking_clients")
	t.number("clients_in_timeout_table", int64(i.TimeoutTable))
	t.number("held_clients", int64(i.HeldClients))
	t.number("held_bytes", i.HeldBytes)
}

func writeMemory(t *infoText, i *Info, _ *command.Table) {
	peak, dataset := max(i.UsedMemoryPeak, i.UsedMemory), i.dataset()
	overhead := max(i.UsedMemory-dataset, 0)
	t.memory("used_memory", i.UsedMemory)
	t.memory("used_memory_rss", i.UsedMemoryRSS)
	t.memory("used_memory_peak", peak)
	t.text("used_memory_peak_perc", fmt.Sprintf("%.2f%%", 100*ratio(i.UsedMemory, peak)))
	t.number("used_memory_overhead", overhead)
	t.number("used_memory_startup", i.UsedMemoryStartup)
	t.number("used_memory_dataset", dataset)
	t.text("used_memory_dataset_perc",
		fmt.Sprintf("%.2f%%", min(100, 100*ratio(dataset, i.UsedMemory-i.UsedMemoryStartup))))
	t.number("allocator_allocated", i.HeapAllocated)
	t.number("allocator_active", i.HeapActive)
	t.number("allocator_resident", i.HeapResident)
	t.memory("total_system_memory", i.TotalSystemMemory)
	t.zeros("used_memory_lua", "used_memory_vm_eval")
	t.text("used_memory_lua_human", "0B")
	t.zeros("used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions", "number_of_libraries",
		"used_memory_vm_functions", "used_memory_vm_total")
	t.text("used_memory_vm_total_human", "0B")
	t.zeros("used_memory_functions", "used_memory_scripts")
	t.text("used_memory_scripts_human", "0B")
	t.zeros("maxmemory")
	t.text("maxmemory_human", "0B")
	t.text("maxmemory_policy", "noeviction")
	t.float("allocator_frag_ratio", ratio(i.HeapActive, i.HeapAllocated), 2)
	t.number("allocator_frag_bytes", i.HeapActive-i.HeapAllocated)
	t.float("allocator_rss_ratio", ratio(i.HeapResident, i.HeapActive), 2)
	t.number("allocator_rss_bytes", i.HeapResident-i.HeapActive)
	t.float("rss_overhead_ratio", ratio(i.UsedMemoryRSS, i.HeapResident), 2)
	t.number("rss_overhead_bytes", i.UsedMemoryRSS-i.HeapResident)
	t.float("mem_fragmentation_ratio", ratio(i.UsedMemoryRSS, i.UsedMemory), 2)
	t.number("mem_fragmentation_bytes", i.UsedMemoryRSS-i.UsedMemory)
	t.zeros("mem_not_counted_for_evict", "mem_replication_backlog", "mem_total_replication_buffers", "mem_clients_slaves")
	t.number("mem_clients_normal", i.ClientsMemory)
	t.zeros("mem_cluster_links")
	t.number("mem_aof_buffer", i.LogPendingMemory)
	t.text("mem_allocator", "go")
	t.zeros("active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects")
	t.count("gc_cycles", i.GCCycles)
	t.number("mem_streams", i.StreamMemory)
	t.number("mem_streams_backlog", i.StreamBacklog)
	t.number("mem_stream_cache", i.CacheMemory)
	t.number("mem_stream_cache_limit", i.CacheLimit)
	t.number("mem_stream_held", i.HeldMemory)
	t.number("streams_blocks", i.StreamBlocks)
	t.number("streams_disk_bytes", i.StreamDisk)
}

func writeStats(t *infoText, i *Info, _ *command.Table) {
	t.count("total_connections_received", i.ConnectionsReceived)
	t.count("total_commands_processed", i.CommandsProcessed)
	t.count("instantaneous_ops_per_sec", i.OpsPerSecond)
	t.count("total_net_input_bytes", i.NetInBytes)
	t.count("total_net_output_bytes", i.NetOutBytes)
	t.zeros("total_net_repl_input_bytes", "total_net_repl_output_bytes")
	t.float("instantaneous_input_kbps", i.NetInPerSecond/1024, 2)
	t.float("instantaneous_output_kbps", i.NetOutPerSecond/1024, 2)
	t.text("instantaneous_input_repl_kbps", "0.00")
	t.text("instantaneous_output_repl_kbps", "0.00")
	t.count("rejected_connections", i.RejectedConnections)
	t.zeros("sync_full", "sync_partial_ok", "sync_partial_err")
	t.count("expired_keys", i.ExpiredKeys)
	t.text("expired_stale_perc", "0.00")
	t.count("expired_time_cap_reached_count", i.ExpireLate)
	t.count("expire_cycle_cpu_milliseconds", i.ExpireMicros/1000)
	t.zeros("evicted_keys", "evicted_clients",
		"total_eviction_exceeded_time", "current_eviction_exceeded_time")
	t.count("keyspace_hits", i.KeyspaceHits)
	t.count("keyspace_misses", i.KeyspaceMisses)
	t.number("pubsub_channels", int64(i.PubSubChannels))
	t.number("pubsub_patterns", int64(i.PubSubPatterns))
	t.zeros("pubsubshard_channels", "latest_fork_usec", "total_forks", "migrate_cached_sockets",
		"slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits",
		"active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time", "tracking_total_keys",
		"tracking_total_items", "tracking_total_prefixes")
	t.count("unexpected_error_replies", i.UnexpectedErrors)
	t.count("total_error_replies", i.ErrorReplies)
	t.zeros("dump_payload_sanitizations")
	t.count("total_reads_processed", i.ReadsProcessed)
	t.count("total_writes_processed", i.WritesProcessed)
	t.zeros("io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands")
	t.count("client_query_buffer_limit_disconnections", i.QueryLimitDisconnects) // as of 7.4
	t.count("client_output_buffer_limit_disconnections", i.OutputLimitDisconnects)
	t.count("acl_access_denied_auth", i.AuthFailures) // as of 7.2
	t.count("protocol_errors", i.ProtocolErrors)
}

// writeReplication says that this is a master without replicas.
func writeReplication(t *infoText, i *Info, _ *command.Table) {
	t.text("role", "master")
	t.zeros("connected_slaves")
	t.text("master_failover_state", "no-failover")
	t.text("master_replid", i.RunID)
	t.text("master_replid2", "0000000000000000000000000000000000000000")
	t.zeros("master_repl_offset")
	t.text("second_repl_offset", "-1")
	t.zeros("repl_backlog_active", "repl_backlog_size", "repl_backlog_first_byte_offset", "repl_backlog_histlen")
}

func writeCPU(t *infoText, i *Info, _ *command.Table) {
	t.float("used_cpu_sys", i.CPUSys, 6)
	t.float("used_cpu_user", i.CPUUser, 6)
	t.float("used_cpu_sys_children", i.CPUSysChildren, 6)
	t.float("used_cpu_user_children", i.CPUUserChildren, 6)
	t.float("used_cpu_sys_main_thread", i.CPUSysMainThread, 6)
	t.float("used_cpu_user_main_thread", i.CPUUserMainThread, 6)
}

func writeCommandstats(t *infoText, _ *Info, table *command.Table) {
	line := func(s *command.Spec) {
		m := s.Metrics
		if m.Calls == 0 && m.Rejected == 0 && m.Failed == 0 {
			return
		}
		micros := m.Nanos / 1000
		perCall := 0.0
		if m.Calls > 0 {
			perCall = float64(m.Nanos) / 1000 / float64(m.Calls)
		}
		t.text("cmdstat_"+s.FullName, fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			m.Calls, micros, perCall, m.Rejected, m.Failed))
	}
	for _, s := range table.All() {
		line(s)
		for i := range s.Sub {
			line(&s.Sub[i])
		}
	}
}

func writeErrorstats(t *infoText, i *Info, _ *command.Table) {
	codes := make([]string, 0, len(i.Errors))
	for code := range i.Errors {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		t.text("errorstat_"+code, "count="+strconv.FormatUint(i.Errors[code], 10))
	}
}

func writeCluster(t *infoText, _ *Info, _ *command.Table) { t.zeros("cluster_enabled") }

func writeKeyspace(t *infoText, i *Info, _ *command.Table) {
	for _, d := range i.Databases {
		t.text("db"+strconv.Itoa(d.Number), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", d.Keys, d.Expires, d.AverageTTL))
	}
}
