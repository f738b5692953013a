package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirmq/weir/internal/command/server"
	"github.com/weirmq/weir/internal/datadir"
)

func newBackup() *cobra.Command {
	var at brokerAddress
	cmd := &cobra.Command{
		Use:   "backup DIR DEST",
		Short: "Copy a data directory, of a running broker or of none",
		Long: `Copy the data directory DIR to DEST, which must be absent or empty. The broker that has DIR goes on meanwhile: it makes a
checkpoint and keeps the files of the copy until it is done (BACKUP BEGIN and BACKUP END). If no broker has DIR it is locked
and copied as it is. The copy is verified, as weir check does, before it gets its name: a DEST with content is whole.`,
		Example: `  weir backup /var/lib/weir /backup/weir-2026-11-21
  WEIR_REQUIREPASS=secret weir backup --port 6380 /var/lib/weir /backup/now`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			report, err := backup(ctx, at, args[0], args[1])
			if err != nil {
				return exitError{exitFailed, explain(err)}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is a verified copy of %s: %s\n", args[1], args[0], describeCopy(report))
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&at.host, "host", "127.0.0.1", "where the broker listens")
	flags.IntVar(&at.port, "port", 6379, "its port")
	flags.StringVar(&at.socket, "socket", "", "its unix socket, instead of host and port")
	flags.StringVar(&at.user, "user", "", "user name")
	flags.StringVar(&at.password, "password", "", "password; better in the environment variable WEIR_REQUIREPASS")
	return cmd
}

// untilInterrupted ends the context at the first signal, so that what is half done is removed; another one ends the process.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// brokerAddress is where a broker is, and how to be let in.
type brokerAddress struct {
	host, socket, user, password string
	port                         int
}

func (a brokerAddress) dial(ctx context.Context) (*client, error) {
	c, err := dial(ctx, a.socket, a.host, a.port)
	if err != nil {
		return nil, err
	}
	words := []string{"AUTH"}
	if a.user != "" {
		words = append(words, a.user)
	}
	if a.password == "" {
		a.password = os.Getenv("WEIR_REQUIREPASS")
	}
	if a.password == "" {
		return c, nil
	}
	if _, err := c.do(append(words, a.password)...); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// backup copies dir with the help of the broker that has it, if one does.
func backup(ctx context.Context, at brokerAddress, dir, dest string) (*datadir.Report, error) {
	report, err := datadir.Backup(ctx, dir, dest)
	if !errors.Is(err, datadir.ErrLocked) {
		return report, err
	}
	locked := err
	c, err := at.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w, which has to be asked: %w", locked, err)
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)() // what is waited for fails
	if err := isBrokerOf(c, dir); err != nil {
		return nil, err
	}
	files, err := beginBackup(ctx, c)
	if err != nil {
		return nil, err
	}
	end := func() error {
		_, err := c.do("BACKUP", "END") // an error says that the files were not kept until now
		return err
	}
	return datadir.Copy(ctx, dir, files, dest, keepAlive(c), end)
}

// isBrokerOf makes sure that it is the broker at the other end who has the directory: each writes its pid into LOCK.
func isBrokerOf(c *client, dir string) error {
	reply, err := c.do("INFO", "server")
	if err != nil {
		return err
	}
	info, _ := reply.(string)
	_, rest, _ := strings.Cut(info, "process_id:")
	pid, _, _ := strings.Cut(rest, "\r\n")
	owner, err := os.ReadFile(filepath.Join(dir, "LOCK"))
	if err != nil {
		return err
	}
	if has := strings.TrimSpace(string(owner)); pid == "" || has != pid {
		return fmt.Errorf("process %s has %s, and the broker that answers is process %q: name the right one with --port or --socket", has, dir, pid)
	}
	return nil
}

// beginBackup asks the broker for the files of a copy, which it keeps as long as the connection lives. While it makes a
// checkpoint for another reason it cannot begin one for this.
func beginBackup(ctx context.Context, c *client) ([]datadir.File, error) {
	reply, err := c.do("BACKUP", "BEGIN")
	for busy := replyError(server.ErrSaving); errors.Is(err, busy); reply, err = c.do("BACKUP", "BEGIN") {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err != nil {
		return nil, err
	}
	list, _ := reply.([]any)
	var files []datadir.File
	for _, x := range list {
		pair, _ := x.([]any)
		if len(pair) != 2 {
			return nil, errNoReply
		}
		name, isName := pair[0].(string)
		length, isLength := pair[1].(int64)
		if !isName || !isLength {
			return nil, errNoReply
		}
		files = append(files, datadir.File{Name: name, Length: length})
	}
	if len(files) == 0 {
		return nil, errNoReply
	}
	return files, nil
}

// keepAlive returns a function that, called now and then, shows that the connection lives, so that nothing was let go of, and
// keeps the broker from taking it for idle.
func keepAlive(c *client) func() error {
	last := time.Now()
	return func() error {
		if time.Since(last) < time.Second/2 {
			return nil
		}
		last = time.Now()
		_, err := c.do("PING")
		return err
	}
}

func describeCopy(r *datadir.Report) string {
	return fmt.Sprintf("%d keys at position %s", r.Start.Keys, r.Start.Last)
}
