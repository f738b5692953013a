package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirmq/weir/broker"
	"github.com/weirmq/weir/internal/gctune"
)

func newServe(stderr io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the broker",
		Long: `Run the broker until SIGTERM or SIGINT, which drains and exits 0; another one, a second or more later, ends at once.
SIGHUP is ignored.

Every setting is a flag, an environment variable (--log-max-pending is WEIR_LOG_MAX_PENDING) and
a key of the configuration file (log-max-pending); the first of these that has it decides.`,
		Example: `  weir serve
  weir serve --port 6380 --dir /var/lib/weir --sync everysec
  WEIR_REQUIREPASS=secret weir serve --bind '*' --config /etc/weir/weir.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ignoreSignals()
			c, file, warnings, err := load(cmd.Flags(), os.Environ())
			if err != nil {
				return exitError{exitUsage, err}
			}
			if c.TLS, err = tlsConfig(c); err != nil {
				return exitError{exitUsage, err}
			}
			if c.Port == 0 && c.TLSPort == 0 && c.UnixSocket == "" {
				return exitError{exitUsage, errors.New("there is nothing to listen on: port and tls-port are 0, and unixsocket is empty; set one of them")}
			}
			logger := newLogger(stderr, c.logLevel)
			announce(logger, c, file)
			for _, w := range append(warnings, exposure(c)...) {
				logger.Warn(w)
			}
			if err := serve(cmd.Context(), c, logger); err != nil {
				return exitError{statusOf(err), explain(err)}
			}
			return nil
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

func serve(ctx context.Context, c *config, logger *slog.Logger) error {
	ctx, stop := untilSignal(ctx, logger)
	defer stop()
	if os.Getenv("GOGC") == "" { // whoever sets it has decided for himself
		defer gctune.Start()()
	}
	options := c.Options
	options.Logger, options.Version = logger, readBuildInfo().Version
	b, err := broker.Open(ctx, options)
	if errors.Is(err, broker.ErrShutdown) || err != nil && ctx.Err() != nil {
		logger.Info("ended while the log was being replayed")
		return nil
	}
	if err != nil {
		return err
	}
	logger.Info("listening", "addresses", addresses(b.Addrs()))
	return b.Serve(ctx)
}

// ignoreSignals keeps the broker alive when its terminal closes, as Redis is,
// and when whoever reads its messages dies: the next message would end the
// process by SIGPIPE, without a drain.
func ignoreSignals() { signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE) }

// untilSignal ends the context at the first SIGTERM or SIGINT, and the process
// at a later one.
func untilSignal(ctx context.Context, logger *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		if s := obey(ctx, signals, cancel, logger); s != nil {
			logger.Warn("ending at once", "signal", s.String())
			os.Exit(exitFailed)
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

// sameSignal is how long after a signal others count as the same one: timeout(1)
// signals its child and then the whole group, a terminal does so for every
// press of a key that is held.
const sameSignal = time.Second

// obey calls drain at the first signal, and returns the one that asks for the
// end at once. It returns nil if the context ends before any.
func obey(ctx context.Context, signals <-chan os.Signal, drain func(), logger *slog.Logger) os.Signal {
	select {
	case s := <-signals:
		logger.Info("draining; another signal ends at once", "signal", s.String())
		drain()
	case <-ctx.Done():
		return nil
	}
	began := time.Now()
	for {
		if s := <-signals; time.Since(began) >= sameSignal {
			return s
		}
	}
}

// announce prints what an operator wants to know first.
func announce(logger *slog.Logger, c *config, file string) {
	info := readBuildInfo()
	logger.Info("weir", "version", info.Version, "commit", info.Commit, "go", info.Go, "pid", os.Getpid(), "config", file)
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		dir = c.Dir
	}
	logger.Info("data", "dir", dir, "sync", c.Sync.String())
	logger.Info("limits", "maxclients", c.MaxClients, "timeout", c.Timeout,
		"proto-max-bulk-len", formatSize(c.ProtoMaxBulkLen), "client-query-buffer-limit", formatSize(c.ClientQueryBufferLimit),
		"client-output-buffer-limit", formatOutputLimits(c.OutputLimits), "disk-reserve", formatSize(c.DiskReserve), "loops", c.Loops)
}

// newLogger writes text to a terminal and JSON to anything else.
func newLogger(w io.Writer, l level) *slog.Logger {
	options := &slog.HandlerOptions{Level: slogLevels[l], ReplaceAttr: readable}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(w, options))
		}
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// readable writes what has a form for people in that form: durations, positions.
func readable(_ []string, a slog.Attr) slog.Attr {
	if s, ok := a.Value.Any().(fmt.Stringer); ok && a.Value.Kind() != slog.KindTime {
		if _, isLevel := s.(slog.Level); !isLevel {
			a.Value = slog.StringValue(s.String())
		}
	}
	return a
}

// exposure warns of addresses that other machines reach without a password, and
// says what to do.
func exposure(c *config) []string {
	if c.RequirePass != "" || c.Port == 0 && c.TLSPort == 0 {
		return nil
	}
	for _, address := range c.Bind {
		if address[0] == '-' {
			address = address[1:]
		}
		if ip := net.ParseIP(address); ip != nil && ip.IsLoopback() || address == "localhost" {
			continue
		}
		if c.ProtectedMode {
			return []string{fmt.Sprintf("there is no password, so clients that reach %s from other machines are refused: set requirepass (WEIR_REQUIREPASS), or protected-mode no if a firewall guards this port", address)}
		}
		return []string{fmt.Sprintf("whoever reaches %s may read, change and delete everything: set requirepass (WEIR_REQUIREPASS), or bind to 127.0.0.1", address)}
	}
	return nil
}

func tlsConfig(c *config) (*tls.Config, error) {
	if c.TLSPort == 0 {
		return nil, nil
	}
	if c.tlsCert == "" || c.tlsKey == "" {
		return nil, errors.New("tls-port needs tls-cert-file and tls-key-file")
	}
	pair, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("tls-cert-file %s and tls-key-file %s: %w", c.tlsCert, c.tlsKey, err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.tlsCA != "" {
		pem, err := os.ReadFile(c.tlsCA)
		if err != nil {
			return nil, fmt.Errorf("tls-ca-cert-file: %w", err)
		}
		conf.ClientCAs = x509.NewCertPool()
		if !conf.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls-ca-cert-file %s holds no certificate in PEM", c.tlsCA)
		}
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

func addresses(list []net.Addr) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return out
}

// statusOf is the exit status that an error of the broker ends in.
func statusOf(err error) int {
	var damage *broker.DamageError
	if errors.As(err, &damage) {
		return exitDamaged
	}
	return exitFailed
}

// explain adds to an error what one can do about it.
func explain(err error) error {
	var address *net.OpError
	listening := errors.As(err, &address) && address.Op == "listen"
	var file *fs.PathError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; choose another --port, or stop the process that has this one", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w; --bind names addresses of this machine (one that may be missing begins with -)", err)
	case !errors.Is(err, fs.ErrPermission):
		return err
	case listening && address.Net != "unix":
		return fmt.Errorf("%w; ports below 1024 are for root and for processes with CAP_NET_BIND_SERVICE: choose another --port", err)
	case listening:
		return fmt.Errorf("%w; user %d needs to write the directory of --unixsocket", err, os.Getuid())
	case errors.As(err, &file):
		return fmt.Errorf("%w; user %d needs access to %s: check the owner and the mode of it and of the directories above", err, os.Getuid(), file.Path)
	}
	return err
}
