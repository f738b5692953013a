package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirmq/weir/internal/datadir"
)

// Exit statuses of weir check, stable for scripts, besides 0 for a directory
// without damage.
const (
	exitFoundDamage = 1
	exitCannotCheck = 2
)

func newCheck() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Verify a data directory that no broker has open",
		Long: `Verify a data directory that no broker has open: every frame of the log, every checkpoint and the state in it, every
block of every segment file, and that each block which a checkpoint needs is there. Nothing is changed. Says what is where,
what damage affects, and whether the broker would start, and from what.

Needs the memory of a start. Exit status: 0 no damage, 1 damage, 2 the directory cannot be checked.`,
		Example: `  weir check /var/lib/weir
  weir check --output json /var/lib/weir`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("--output is text or json, not %q", output)
			}
			report, err := datadir.Check(args[0])
			if err != nil {
				return exitError{exitCannotCheck, explain(err)}
			}
			if output == "json" {
				err = writeReportJSON(cmd.OutOrStdout(), report)
			} else {
				err = writeReport(cmd.OutOrStdout(), report, time.Now())
			}
			if err != nil {
				return exitError{exitCannotCheck, err}
			}
			if !report.Sound() {
				return exitError{exitFoundDamage, fmt.Errorf("%s is damaged; weir repair --dry-run says what can be done", args[0])}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&output, "output", "text", "text or json")
	return cmd
}
