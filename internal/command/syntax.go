package command

import (
	"fmt"
	"strings"
)

// Argument is one node of the tree that COMMAND DOCS shows of a command's arguments. redis-cli makes its hints of it.
type Argument struct {
	Name  string
	Type  string // string, integer, double, key, pattern, unix-time, pure-token, oneof, block
	Token string // the keyword that stands before the value
	// Multiple arguments may be repeated; with MultipleToken the token is repeated with them.
	Optional, Multiple, MultipleToken bool
	Arguments                         []Argument // of a oneof or block
}

// ParseSyntax reads the notation in which Spec.Syntax describes arguments:
//
//	name           a value; the name says what it is
//	WORD  =  *     a keyword: no lower-case letter in it
//	[a b]          optional
//	<a | b>        one of several; [a | b] is the same, and optional
//	a [a ...]      at least one; a b [a b ...] at least one pair
//	WORD a [a ...] the keyword once, then values
//
// A keyword belongs to the value or choice after it, and to all of them if nothing but values follows up to the end of
// its bracket: STREAMS key [key ...] id [id ...].
func ParseSyntax(syntax string) ([]Argument, error) {
	p := syntaxParser{words: splitSyntax(syntax)}
	alternatives := p.alternatives("")
	if p.err == nil && len(alternatives) > 1 {
		p.err = fmt.Errorf("a choice outside of brackets")
	}
	if p.err != nil {
		return nil, fmt.Errorf("syntax %q: %w", syntax, p.err)
	}
	return buildSequence(alternatives[0]), nil
}

// syntaxNode is a word, "...", or a bracket with its alternatives, each a sequence.
type syntaxNode struct {
	word         string
	bracket      byte // '[', '<' or 0
	alternatives [][]syntaxNode
}

func splitSyntax(s string) []string {
	for _, mark := range []string{"[", "]", "<", ">", "|"} {
		s = strings.ReplaceAll(s, mark, " "+mark+" ")
	}
	return strings.Fields(s)
}

type syntaxParser struct {
	words []string
	err   error
}

// alternatives reads up to the closing bracket, "" for the end.
func (p *syntaxParser) alternatives(closing string) [][]syntaxNode {
	all := [][]syntaxNode{nil}
	for len(p.words) > 0 {
		word := p.words[0]
		p.words = p.words[1:]
		last := len(all) - 1
		switch word {
		case closing:
			return all
		case "|":
			all = append(all, nil)
		case "[":
			all[last] = append(all[last], syntaxNode{bracket: '[', alternatives: p.alternatives("]")})
		case "<":
			all[last] = append(all[last], syntaxNode{bracket: '<', alternatives: p.alternatives(">")})
		case "]", ">":
			p.err = fmt.Errorf("%s closes nothing", word)
			return all
		default:
			all[last] = append(all[last], syntaxNode{word: word})
		}
	}
	if closing != "" {
		p.err = fmt.Errorf("%s is missing", closing)
	}
	return all
}

func isKeyword(word string) bool {
	return word != "" && word != "..." && word == strings.ToUpper(word)
}

func isValue(n syntaxNode) bool { return n.bracket == 0 && n.word != "..." && !isKeyword(n.word) }

// isRepetition reports whether a node is "[... ...]", which repeats what stands before it.
func isRepetition(n syntaxNode) bool {
	if n.bracket != '[' || len(n.alternatives) != 1 {
		return false
	}
	content := n.alternatives[0]
	return len(content) > 0 && content[len(content)-1].word == "..."
}

// sequenceBuilder turns the nodes of one sequence into arguments.
type sequenceBuilder struct {
	arguments []Argument
	starts    []int // the node that each argument begins with
}

func buildSequence(nodes []syntaxNode) []Argument {
	var b sequenceBuilder
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		switch {
		case isRepetition(n):
			b.repeat(i, n.alternatives[0])
		case n.bracket != 0:
			b.add(i, buildBracket(n))
		case isKeyword(n.word):
			a, used := buildKeyword(n.word, nodes[i+1:])
			b.add(i, a)
			i += used
		case n.word != "...":
			b.add(i, Argument{Name: n.word, Type: typeOfName(n.word)})
		}
	}
	return b.arguments
}

func (b *sequenceBuilder) add(start int, a Argument) {
	b.arguments = append(b.arguments, a)
	b.starts = append(b.starts, start)
}

// repeat marks what the nodes before node i, as many as content has before its "...", have become.
func (b *sequenceBuilder) repeat(i int, content []syntaxNode) {
	first := i - (len(content) - 1)
	at := len(b.arguments) - 1
	if at < 0 {
		return
	}
	for at > 0 && b.starts[at] > first {
		at--
	}
	if at < len(b.arguments)-1 {
		b.arguments[at] = Argument{Name: joinNames(b.arguments[at:]), Type: "block",
			Arguments: append([]Argument(nil), b.arguments[at:]...)}
		b.arguments, b.starts = b.arguments[:at+1], b.starts[:at+1]
	}
	b.arguments[at].Multiple = true
	b.arguments[at].MultipleToken = isKeyword(content[0].word)
}

// buildKeyword makes the argument of a keyword and tells how many of the nodes after it belong to it.
func buildKeyword(word string, rest []syntaxNode) (a Argument, used int) {
	name := keywordName(word)
	pure := Argument{Name: name, Type: "pure-token", Token: word}
	if len(rest) == 0 || name != strings.ToLower(word) {
		return pure, 0
	}
	values := 0
	for _, n := range rest {
		if isValue(n) {
			values++
		} else if !isRepetition(n) {
			values = 0
			break
		}
	}
	next := rest[0]
	switch {
	case values > 1:
		return Argument{Name: name, Type: "block", Token: word, Arguments: buildSequence(rest)}, len(rest)
	case isValue(next):
		return Argument{Name: next.word, Type: typeOfName(next.word), Token: word}, 1
	case next.bracket == '<':
		a := buildBracket(next)
		a.Token = word
		return a, 1
	default:
		return pure, 0
	}
}

func buildBracket(n syntaxNode) Argument {
	var choices []Argument
	for _, sequence := range n.alternatives {
		choices = append(choices, asOne(buildSequence(sequence)))
	}
	a := choices[0]
	if len(choices) > 1 {
		a = Argument{Name: joinNames(choices), Type: "oneof", Arguments: choices}
	}
	a.Optional = n.bracket == '['
	return a
}

func asOne(arguments []Argument) Argument {
	if len(arguments) == 1 {
		return arguments[0]
	}
	return Argument{Name: joinNames(arguments), Type: "block", Arguments: arguments}
}

// joinNames names a block or choice after its parts, or after the first if there are many.
func joinNames(arguments []Argument) string {
	var names []string
	for _, a := range arguments {
		names = append(names, a.Name)
	}
	if len(names) > 4 {
		names = names[:1]
	}
	return strings.Join(names, "_")
}

// keywordName names the argument of a keyword that takes no value. Signs, which take none ever, get a word.
func keywordName(word string) string {
	switch word {
	case "=":
		return "equal"
	case "~":
		return "approximately"
	case "*":
		return "auto_id"
	case "$":
		return "last_id"
	case "+":
		return "newest"
	case "-":
		return "oldest"
	default:
		return strings.ToLower(word)
	}
}

// typeOfName derives the type of a value from the word that stands for it.
func typeOfName(name string) string {
	switch name {
	case "key", "newkey", "source", "sourcekey", "destination", "destkey", "key1", "key2", "src", "dst":
		return "key"
	case "pattern":
		return "pattern"
	case "count", "milliseconds", "seconds", "cursor", "index", "protover", "client-id", "clientid", "entries-added",
		"duration", "maxsize", "bytes", "numkeys", "maxage", "entries-read", "min-idle-time", "numids", "ms",
		"offset", "db", "destination-db", "limit", "rank", "num-matches", "len", "decrement", "bit", "numreplicas", "version",
		"frequency", "ttl", "index1", "index2", "increment", "weight":
		return "integer"
	case "unix-time-seconds", "unix-time-milliseconds":
		return "unix-time"
	case "score", "longitude", "latitude", "radius", "width", "height", "timeout":
		return "double"
	default:
		return "string"
	}
}
