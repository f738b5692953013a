package command

import (
	"strings"
	"testing"
)

// render writes arguments on one line: name:type, +TOKEN, ? optional, * multiple, ** with its token, parts in braces.
func render(arguments []Argument) string {
	var parts []string
	for _, a := range arguments {
		s := a.Name + ":" + a.Type
		if a.Token != "" {
			s += "+" + a.Token
		}
		if a.Optional {
			s += "?"
		}
		if a.Multiple {
			s += "*"
		}
		if a.MultipleToken {
			s += "*"
		}
		if len(a.Arguments) > 0 {
			s += "{" + render(a.Arguments) + "}"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestSyntaxBecomesTheTreeThatRedisDocuments(t *testing.T) {
	for syntax, want := range map[string]string{
		"":                                       "",
		"key":                                    "key:key",
		"[message]":                              "message:string?",
		"key [key ...]":                          "key:key*",
		"[name [name ...]]":                      "name:string?*",
		"[NOW] [FORCE]":                          "now:pure-token+NOW? force:pure-token+FORCE?",
		"[ASYNC | SYNC]":                         "async_sync:oneof?{async:pure-token+ASYNC sync:pure-token+SYNC}",
		"<* | id>":                               "auto_id_id:oneof{auto_id:pure-token+* id:string}",
		"cursor [COUNT count]":                   "cursor:integer count:integer+COUNT?",
		"field value [field value ...]":          "field_value:block*{field:string value:string}",
		"[ID client-id [client-id ...]]":         "client-id:integer+ID?*",
		"[AUTH username password]":               "auth:block+AUTH?{username:string password:string}",
		"[PREFIX prefix [PREFIX prefix ...]]":    "prefix:string+PREFIX?**",
		"STREAMS key [key ...] id [id ...]":      "streams:block+STREAMS{key:key* id:string*}",
		"[TYPE <NORMAL | PUBSUB>]":               "normal_pubsub:oneof+TYPE?{normal:pure-token+NORMAL pubsub:pure-token+PUBSUB}",
		"<addr | <ID client-id | USER u> [...]>": "addr_client-id_u:oneof{addr:string client-id_u:oneof*{client-id:integer+ID u:string+USER}}",
		"[<MAXLEN | MINID> [= | ~] threshold [LIMIT count]]": "maxlen_minid_equal_approximately_threshold_count:block?{" +
			"maxlen_minid:oneof{maxlen:pure-token+MAXLEN minid:pure-token+MINID} " +
			"equal_approximately:oneof?{equal:pure-token+= approximately:pure-token+~} threshold:string count:integer+LIMIT?}",
	} {
		arguments, err := ParseSyntax(syntax)
		if err != nil {
			t.Errorf("%q: %v", syntax, err)
		} else if got := render(arguments); got != want {
			t.Errorf("%q:\n got %s\nwant %s", syntax, got, want)
		}
	}
}

func TestSyntaxWithWrongBracketsIsRefused(t *testing.T) {
	for _, syntax := range []string{"[a", "a]", "<a | b", "[a>", "a | b", "]", "[[a]"} {
		if a, err := ParseSyntax(syntax); err == nil {
			t.Errorf("%q is %s", syntax, render(a))
		}
	}
}

func FuzzParseSyntax(f *testing.F) {
	f.Add("key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]")
	f.Add("[...]")
	f.Add("[a ...] <> [] A [")
	f.Fuzz(func(_ *testing.T, syntax string) { _, _ = ParseSyntax(syntax) })
}
