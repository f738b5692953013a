package oracle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A rule makes a reply comparable that no two servers give alike. Rules are
// written before the command they are for, separated by ";":
//
//	~ ids               stream IDs with the clock in them become <id>
//	~ ints              integers become :<int>
//	~ mask a b          the values of the fields a and b become <masked>
//	~ sorted            the elements of an array without order are sorted
//	~ names             "name:value" and "name=value" texts keep their names only
//	~ only a b          of such texts, and of maps, only these fields stay
//	~ shape             every scalar becomes its type
//	~ kind              nothing stays but the type of the reply itself
type rule struct {
	name   string
	fields []string
}

var ruleTakesFields = map[string]bool{
	"ids": false, "ints": false, "mask": true, "sorted": false,
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
		slices.SortFunc(r.Elems, func(a, b Reply) int { return strings.Compare(a.String(), b.String()) })
		return r
	case "mask", "only":
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
		r.Text = editText(r.Text, func(name, _, _ string) string { return name })
	}
	return r
}

// fieldsOf applies mask or only to texts, to maps, and to arrays that are maps
// in RESP2: an array of even length whose even elements are bulks.
func (u rule) fieldsOf(r Reply) Reply {
	if aggregate(r.Kind) == 0 {
		r.Text = editText(r.Text, func(name, sep, value string) string {
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

var textField = regexp.MustCompile(`^([A-Za-z0-9_-]+)([:=])(.*)$`)

// editText rewrites the fields of INFO ("name:value" lines) and of CLIENT LIST
// ("name=value" words). Text of another form stays as it is.
func editText(text string, edit func(name, sep, value string) string) string {
	end, words := "\r\n", false
	if !strings.Contains(text, "\r\n") {
		end, words = "\n", true
	}
	lines := strings.Split(text, end)
	for i, line := range lines {
		parts := []string{line}
		if words {
			parts = strings.Split(line, " ")
		}
		var kept []string
		for _, p := range parts {
			if m := textField.FindStringSubmatch(p); m != nil {
				p = edit(m[1], m[2], m[3])
				if p == "" {
					continue
				}
			}
			kept = append(kept, p)
		}
		lines[i] = strings.Join(kept, " ")
		if len(kept) == 0 {
			lines[i] = "\x00"
		}
	}
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "\x00" }), end)
}
