package oracle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A rule makes a reply comparable that no two servers give alike. Rules are
// written before the command they are for, separated by ";":
//
//	~ ids               stream IDs with the clock in them become <id>
//	~ ints              integers become :<int>
//	~ mask a b          the values of the fields a and b become <masked>
//	~ drop a b          the fields a and b of maps go: what only one of the servers has
//	~ times             times of pending entries and consumers become their age (see times.go)
//	~ minutes           the same, coarser
//	~ sorted            arrays and sets that hold only scalars are sorted
//	~ names             "name:value" and "name=value" texts keep their names only
//	~ only a b          of such texts, and of maps, only these fields stay, sorted in texts
//	~ shape             every scalar becomes its type
//	~ kind              nothing stays but the type of the reply itself
type rule struct {
	name   string
	fields []string
}

var ruleTakesFields = map[string]bool{
	"ids": false, "ints": false, "mask": true, "drop": true, "times": false, "minutes": false, "sorted": false,
	"names": false, "only": true, "shape": false, "kind": false,
}

func parseRules(text string) ([]rule, error) {
	var rules []rule
	for part := range strings.SplitSeq(text, ";") {
		words := strings.Fields(part)
		if len(words) == 0 {
			return nil, fmt.Errorf("an empty rule in %q", text)
		}
		takes, known := ruleTakesFields[words[0]]
		if !known || takes != (len(words) > 1) {
			return nil, fmt.Errorf("unknown rule %q", part)
		}
		rules = append(rules, rule{words[0], words[1:]})
	}
	return rules, nil
}

var clockID = regexp.MustCompile(`^1[0-9]{12}-[0-9]+$`)

func (u rule) apply(r Reply) Reply {
	switch u.name {
	case "kind":
		return Reply{Kind: '+', Text: "<" + string(r.Kind) + ">"}
	case "sorted":
		return sorted(r)
	case "times":
		return ages(r, time.Now().UnixMilli(), ageStepMS)
	case "minutes":
		return ages(r, time.Now().UnixMilli(), longStepMS)
	case "mask", "only", "drop":
		return u.fieldsOf(r)
	}
	if aggregate(r.Kind) > 0 {
		elems := make([]Reply, len(r.Elems))
		for i, e := range r.Elems {
			elems[i] = u.apply(e)
		}
		r.Elems = elems
		return r
	}
	switch {
	case u.name == "ids" && r.Kind == '$' && clockID.MatchString(r.Text):
		r.Text = "<id>"
	case u.name == "ints" && r.Kind == ':':
		r.Text = "<int>"
	case u.name == "shape" && !r.Null && r.Kind != '_':
		r.Text = "<" + string(r.Kind) + ">"
	case u.name == "names":
		r.Text = editText(r.Text, false, func(name, _, _ string) string { return name })
	}
	return r
}

// fieldsOf applies mask, drop or only to texts, to maps, and to arrays that are
// maps in RESP2: an array of even length whose even elements are bulks.
func (u rule) fieldsOf(r Reply) Reply {
	if aggregate(r.Kind) == 0 {
		if u.name == "drop" {
			return r
		}
		r.Text = editText(r.Text, u.name == "only", func(name, sep, value string) string {
			switch {
			case !slices.Contains(u.fields, name) && u.name == "only":
				return ""
			case slices.Contains(u.fields, name) && u.name == "mask":
				return name + sep + "<masked>"
			}
			return name + sep + value
		})
		return r
	}
	var elems []Reply
	for i := 0; i < len(r.Elems); i++ {
		e := r.Elems[i]
		isField := e.Kind == '$' && i+1 < len(r.Elems) && i%2 == 0
		switch {
		case isField && u.name == "mask" && slices.Contains(u.fields, e.Text):
			elems = append(elems, e, Reply{Kind: '+', Text: "<masked>"})
			i++
		case isField && u.name == "drop" && slices.Contains(u.fields, e.Text):
			i++
		case isField && u.name == "only":
			if slices.Contains(u.fields, e.Text) {
				elems = append(elems, e, r.Elems[i+1])
			}
			i++
		default:
			elems = append(elems, u.fieldsOf(e))
		}
	}
	r.Elems = elems
	return r
}

func sorted(r Reply) Reply {
	leaf := true
	elems := make([]Reply, len(r.Elems))
	for i, e := range r.Elems {
		leaf = leaf && aggregate(e.Kind) == 0
		elems[i] = sorted(e)
	}
	if leaf {
		slices.SortFunc(elems, func(a, b Reply) int { return strings.Compare(a.Text, b.Text) })
	}
	r.Elems = elems
	return r
}

var textField = regexp.MustCompile(`^([A-Za-z0-9_|-]+)([:=])(.*)$`)

// editText rewrites the fields of INFO ("name:value" lines) and of CLIENT LIST
// (lines of "name=value" words). A field that edit empties is gone. With only,
// what is no field (INFO's headings) goes too, and the fields are sorted.
func editText(text string, only bool, edit func(name, sep, value string) string) string {
	if strings.Contains(text, "\r\n") {
		return strings.Join(editFields(strings.Split(text, "\r\n"), only, edit), "\r\n")
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(editFields(strings.Split(line, " "), only, edit), " ")
	}
	return strings.Join(lines, "\n")
}

func editFields(fields []string, only bool, edit func(name, sep, value string) string) []string {
	var kept []string
	for _, f := range fields {
		if m := textField.FindStringSubmatch(f); m != nil {
			f = edit(m[1], m[2], m[3])
		} else if only {
			f = ""
		}
		if f != "" || !only {
			kept = append(kept, f)
		}
	}
	if only {
		slices.Sort(kept)
	}
	return kept
}

// Normalise applies rules, written as in a transcript, to a reply. It panics on
// rules that do not exist: they are written in code.
func Normalise(r Reply, rules string) Reply {
	list, err := parseRules(rules)
	if err != nil {
		panic(err)
	}
	for _, u := range list {
		r = u.apply(r)
	}
	return r
}
