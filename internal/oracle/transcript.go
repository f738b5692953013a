package oracle

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

type stepKind uint8

const (
	stepText    stepKind = iota // a line that is kept as it is: comment, empty, proto
	stepCommand                 // name> command
	stepSend                    // name>& command
	stepRead                    // name<
	stepBlocked                 // blocked n
	stepClose                   // close name
	stepRepeat                  // repeat n command
)

// step is one line of a transcript with what belongs to it.
type step struct {
	kind  stepKind
	line  int
	text  string   // the line as written
	conn  string   // "" is the first connection
	count int      // blocked, repeat
	args  []string // of the command, before {placeholders} are filled in
	rules []rule   // how to normalise the reply
	want  [2][]string
}

// hasReply says whether reply lines belong to the step.
func (s *step) hasReply() bool { return s.kind == stepCommand || s.kind == stepRead }

// Transcript is a parsed file.
type Transcript struct {
	Path   string
	Protos []int // 2, 3 or both
	steps  []step
}

// Load reads a transcript.
func Load(path string) (*Transcript, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, string(text))
}

// Parse reads a transcript from text; path is for messages.
func Parse(path, text string) (*Transcript, error) {
	t := &Transcript{Path: path, Protos: []int{2, 3}}
	which := -1 // the protocol that reply lines are for; -1 = both
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		reply, isReply := strings.CutPrefix(line, "  ")
		if isReply {
			last := len(t.steps) - 1
			if last < 0 || !t.steps[last].hasReply() {
				return nil, fmt.Errorf("%s:%d: a reply without a command", path, i+1)
			}
			switch reply {
			case "resp2:":
				which = 0
			case "resp3:":
				which = 1
			default:
				for p := range 2 {
					if which < 0 || which == p {
						t.steps[last].want[p] = append(t.steps[last].want[p], reply)
					}
				}
			}
			continue
		}
		which = -1
		s, err := t.parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		s.line, s.text = i+1, line
		t.steps = append(t.steps, s)
	}
	return t, nil
}

func (t *Transcript) parseLine(line string) (step, error) {
	word, rest, _ := strings.Cut(line, " ")
	var s step
	var err error
	switch {
	case line == "" || line[0] == '#':
	case word == "proto":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 2 || n > 3 {
			return s, fmt.Errorf("proto %q", rest)
		}
		t.Protos = []int{n}
	case word == "~":
		_, err = parseRules(rest)
	case word == "blocked":
		s.kind = stepBlocked
		s.count, err = strconv.Atoi(rest)
	case word == "close":
		s.kind, s.conn = stepClose, rest
	case word == "repeat":
		s.kind = stepRepeat
		count, command, _ := strings.Cut(rest, " ")
		if s.count, err = strconv.Atoi(count); err == nil {
			s.args, err = SplitArgs(command)
		}
	case strings.HasSuffix(word, "<") && rest == "":
		s.kind, s.conn = stepRead, strings.TrimSuffix(word, "<")
	case strings.HasSuffix(word, ">"):
		s.kind, s.conn = stepCommand, strings.TrimSuffix(word, ">")
		s.args, err = SplitArgs(rest)
	case strings.HasSuffix(word, ">&"):
		s.kind, s.conn = stepSend, strings.TrimSuffix(word, ">&")
		s.args, err = SplitArgs(rest)
	default:
		return s, fmt.Errorf("cannot read %q", line)
	}
	if n := len(t.steps); n > 0 && s.hasReply() {
		if rules, ok := strings.CutPrefix(t.steps[n-1].text, "~ "); ok {
			s.rules, _ = parseRules(rules) // was checked when its own line was read
		}
	}
	return s, err
}

// String writes the transcript back. Parse of it gives the same transcript.
func (t *Transcript) String() string {
	var b strings.Builder
	block := func(lines []string) {
		for _, l := range lines {
			b.WriteString("  " + l + "\n")
		}
	}
	for i := range t.steps {
		s := &t.steps[i]
		b.WriteString(s.text + "\n")
		switch {
		case len(t.Protos) == 1:
			block(s.want[t.Protos[0]-2])
		case slices.Equal(s.want[0], s.want[1]):
			block(s.want[0])
		default:
			block(append([]string{"resp2:"}, s.want[0]...))
			block(append([]string{"resp3:"}, s.want[1]...))
		}
	}
	return b.String()
}

// Commands lists the commands that the transcript sends, lower-case: the name,
// and for those with subcommands also "name|subcommand".
func (t *Transcript) Commands() []string {
	var names []string
	for i := range t.steps {
		if args := t.steps[i].args; len(args) > 0 {
			name := strings.ToLower(args[0])
			names = append(names, name)
			if len(args) > 1 {
				names = append(names, name+"|"+strings.ToLower(args[1]))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
