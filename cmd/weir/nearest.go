package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// nearest returns the name that a misspelt one most probably means, empty if
// none is near.
func nearest(misspelt string, names []string) string {
	best, bestDistance := "", 1+len(misspelt)/3
	for _, name := range names {
		if d := distance(misspelt, name); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is how many letters to insert, remove or replace make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// didYouMean is the end of a sentence about an unknown name.
func didYouMean(misspelt, prefix string, names []string) string {
	if name := nearest(misspelt, names); name != "" {
		return fmt.Sprintf("; did you mean %s%s?", prefix, name)
	}
	return ""
}

var unknownFlag = regexp.MustCompile(`^unknown flag: --([^ =]+)`)

// explainFlagError adds the nearest flag to pflag's complaint about an unknown
// one, and drops the usage text: the list of flags is what --help is for.
func explainFlagError(cmd *cobra.Command, err error) error {
	m := unknownFlag.FindStringSubmatch(err.Error())
	if m == nil {
		return fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())
	}
	var names []string
	for _, line := range strings.Fields(cmd.Flags().FlagUsages()) {
		if name, ok := strings.CutPrefix(line, "--"); ok {
			names = append(names, name)
		}
	}
	return fmt.Errorf("unknown flag --%s%s (see %s --help)", m[1], didYouMean(m[1], "--", names), cmd.CommandPath())
}
