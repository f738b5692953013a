package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/internal/datadir"
)

// writeReport writes what weir check has found, for people. now is what ages are counted from.
func writeReport(w io.Writer, r *datadir.Report, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "data directory %s, id %s\n", r.Dir, r.ID)
	fmt.Fprintf(t, "\nGENERATION\tFIRST\tLAST\tSIZE\tRECORDS\tSEGMENTS\t\n")
	for _, g := range r.Log.Generations {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t\n", g.Name, orDash(g.First), orDash(g.Last), humanSize(g.Bytes), g.Records, g.Segments)
	}
	if len(r.Checkpoints) > 0 {
		fmt.Fprintf(t, "\nCHECKPOINT\tPOSITION\tAGE\tSIZE\tKEYS\tSEGMENTS\t\n")
	}
	for _, c := range r.Checkpoints {
		age, keys, unusable := "?", "?", ""
		if c.UnixMS != 0 {
			age = now.Sub(time.UnixMilli(c.UnixMS)).Truncate(time.Second).String()
		}
		if c.Keys >= 0 {
			keys = fmt.Sprint(c.Keys)
		}
		if c.Unusable != "" {
			unusable = "cannot be used"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", c.Number, orDash(c.Position), age, humanSize(c.Bytes), keys, c.Segments, unusable)
	}
	if len(r.Segments) > 0 {
		fmt.Fprintf(t, "\nSEGMENT\tSIZE\tBLOCKS\tLIVE\t\n")
	}
	for _, s := range r.Segments {
		incomplete := ""
		if !s.Complete {
			incomplete = "was being written when its process ended"
		}
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\t%s\n", s.Number, humanSize(s.Bytes), s.Blocks, humanSize(s.LiveBytes), incomplete)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, note := range r.Notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "note: %s\n", note)
	}
	fmt.Fprintln(w)
	for i := range r.Damage {
		writeDamage(w, &r.Damage[i])
	}
	if len(r.Damage) == 0 {
		fmt.Fprintln(w, "no damage")
	}
	_, err := fmt.Fprintln(w, describeStart(&r.Start))
	return err
}

// writeDamage writes one damage and the streams that it affects, the first few by name.
func writeDamage(w io.Writer, d *datadir.Damage) {
	fmt.Fprintf(w, "DAMAGE %s\n", d)
	const most = 20
	for i, a := range d.Affects {
		if i == most {
			fmt.Fprintf(w, "       and %d more\n", len(d.Affects)-most)
			return
		}
		fmt.Fprintf(w, "       stream %q of database %d lacks %d blocks with entries from %s to %s\n", a.Key, a.DB, a.Blocks, a.First, a.Last)
	}
}

func describeStart(s *datadir.Start) string {
	how := fmt.Sprintf("a start would read the log from its beginning (%d records)", s.Records)
	if s.Checkpoint > 0 {
		how = fmt.Sprintf("a start would load checkpoint %d and replay %d records of the log", s.Checkpoint, s.Records)
	}
	if s.Refused != "" {
		return "a start would be refused: " + s.Refused
	}
	return fmt.Sprintf("%s: %d keys at position %s", how, s.Keys, s.Last)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func humanSize(n int64) string {
	units := "KMGT"
	if n < 1024 {
		return fmt.Sprintf("%d", n)
	}
	x, unit := float64(n)/1024, 0
	for ; x >= 1024 && unit < len(units)-1; unit++ {
		x /= 1024
	}
	return fmt.Sprintf("%.1f%c", x, units[unit])
}

// writeReportJSON writes the same for programs.
func writeReportJSON(w io.Writer, r *datadir.Report) error {
	indented := json.NewEncoder(w)
	indented.SetIndent("", "  ")
	return indented.Encode(r)
}
