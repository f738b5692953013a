// Weir is an event-streaming broker that speaks the Redis protocol.
//
//	weir serve      run the broker
//	weir check      verify a data directory
//	weir repair     cut out what is damaged and keeps the broker from starting
//	weir backup     copy a data directory, also of a running broker
//	weir restore    make a data directory from a backup
//	weir version    print version and build
//
// Exit status: 0 fine, 1 failed, 2 wrong usage or configuration, 4 the data
// directory is damaged; weir check has its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit statuses, stable for scripts. 3 is kept for clients that cannot connect.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitDamaged = 4
)

// exitError is an error that ends the process with a status of its own. What
// cobra itself complains about is wrong usage and has none.
type exitError struct {
	status int
	err    error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with everything that tests replace.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "weir:", err)
	var exit exitError
	if errors.As(err, &exit) {
		return exit.status
	}
	return exitUsage
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "weir",
		Short:         "An event-streaming broker that speaks the Redis protocol",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return errors.New("name a command; weir serve runs the broker")
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(explainFlagError)
	root.AddCommand(newServe(stderr), newCheck(), newRepair(), newBackup(), newRestore(), newVersion())
	return root
}
