package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirmq/weir/internal/datadir"
)

func newRepair() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "repair DIR",
		Short: "Cut out what is damaged and keeps the broker from starting",
		Long: `Check a data directory that no broker has open, as weir check does, and make it one that the broker starts from. Says what
was done and what that loses. What is cut is kept in quarantine/ inside DIR, and is there before it leaves its place.

A damaged checkpoint is moved away if the other one, or the whole log, stands for it. A damaged log is cut off at the first
damage behind the checkpoint that is used. Blocks of streams that are damaged or missing stay: the broker serves the rest of
the stream, and answers -DATALOSS for them. Make a copy of DIR first if it has no other.`,
		Example: `  weir repair --dry-run /var/lib/weir
  weir repair /var/lib/weir`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			done, err := datadir.Repair(args[0], dryRun)
			for _, what := range done {
				fmt.Fprintln(w, what)
			}
			if err != nil {
				return exitError{exitFailed, explain(err)}
			}
			if len(done) == 0 {
				fmt.Fprintln(w, "nothing keeps the broker from starting, and nothing was changed")
			}
			if dryRun {
				return nil
			}
			report, err := datadir.Check(args[0])
			if err != nil {
				return exitError{exitFailed, explain(err)}
			}
			fmt.Fprintln(w)
			if err := writeReport(w, report, time.Now()); err != nil {
				return exitError{exitFailed, err}
			}
			if report.Start.Refused != "" {
				return exitError{exitFailed, fmt.Errorf("%s is still refused", args[0])}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and change nothing")
	return cmd
}
