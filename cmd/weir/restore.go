package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weirmq/weir/internal/datadir"
)

func newRestore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore SRC DIR",
		Short: "Make a data directory from a backup",
		Long: `Verify the backup SRC, as weir check does, and copy it to DIR, which must be absent or empty. The copy is verified, too,
before it gets its name. SRC stays as it is.`,
		Example: `  weir restore /backup/weir-2026-11-21 /var/lib/weir`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			report, err := datadir.Restore(ctx, args[0], args[1])
			if err != nil {
				return exitError{exitFailed, explain(err)}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is restored from %s: %s\n", args[1], args[0], describeCopy(report))
			return nil
		},
	}
}
