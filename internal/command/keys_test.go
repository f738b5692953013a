package command

import (
	"fmt"
	"strings"
	"testing"
)

// anywhere finds the argument behind the last STORE, as SORT does.
func anywhere(args [][]byte) []Key {
	keys := []Key{{1, "RO access"}}
	for i := 2; i+1 < len(args); i++ {
		if EqualFold(args[i], "STORE") {
			keys = append(keys[:1], Key{i + 1, "OW update"})
		}
	}
	return keys
}

func TestKeysAreFoundWhereTheSpecSays(t *testing.T) {
	read, write := KeyAt(1).For("RO access"), KeyAt(1).For("OW update")
	union := write.And(NumKeys(2).For("RO access"))
	pop := NumKeys(2).For("RW access delete")
	radius := read.And(KeyAfter("STORE", 6).For("OW update")).And(KeyAfter("STOREDIST", 6).For("OW update"))
	sort := read.And(UnknownKeys().For("OW update")).FoundBy(anywhere)
	bitop := KeyAt(2).For("OW update").And(KeysFrom(3).For("RO access"))
	for _, test := range []struct {
		keys Keys
		line string
		want string // index:flags of each
	}{
		{KeyAt(1), "xlen s", "1:RO access"},
		{KeysFrom(1).For("RM delete"), "del a b c", "1:RM delete 2:RM delete 3:RM delete"},
		{KeysUntil(1, -2), "blpop a b 0", "1:RO access 2:RO access"},
		{KeysUntil(1, -2), "blpop 0", ""},
		{KeysEvery(1, 2), "mset a 1 b 2", "1:RO access 3:RO access"},
		{Keys{}, "ping x", ""},
		{KeysAfter("STREAMS", 1), "xread count 1 streams a b 0 0", "4:RO access 5:RO access"},
		{KeysAfter("STREAMS", 1), "xread streams streams 0", "2:RO access"},
		{KeysAfter("STREAMS", 1), "xread streams a b 0", "2:RO access"},
		{KeysAfter("STREAMS", 1), "xread streams", ""},
		{KeysAfter("STREAMS", 1), "xread count 1", ""},
		{KeysAfter("STREAMS", 4), "xreadgroup group", ""},
		{union, "zunionstore d 2 a b weights 1 2", "1:OW update 3:RO access 4:RO access"},
		{union, "zunionstore d 3 a b", ""},
		{union, "zunionstore d", ""},
		{pop, "blmpop 0 1 a left", "3:RW access delete"},
		{pop, "blmpop 0 0 a left", ""},
		{pop, "blmpop 0 -1 a left", ""},
		{pop, "blmpop 0 9223372036854775807 a left", ""},
		{pop, "blmpop 0 x a left", ""},
		{radius, "georadius k 1 1 1 m", "1:RO access"},
		{radius, "georadius k 1 1 1 m store d STOREDIST e", "1:RO access 7:OW update 9:OW update"},
		{radius, "georadius k 1 1 1 m storedist", ""},
		{sort, "sort k store a by x store b", "1:RO access 7:OW update"},
		{bitop, "bitop and d a b", "2:OW update 3:RO access 4:RO access"},
		{bitop, "bitop and d", ""},
	} {
		s := Spec{Keys: test.keys}
		var got []string
		for _, k := range s.FindKeys(words(test.line)) {
			got = append(got, fmt.Sprintf("%d:%s", k.Index, k.Access))
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.line, got, test.want)
		}
	}
}

func TestTheOldRangeOfKeysIsDerivedFromTheirSpecifications(t *testing.T) {
	for name, test := range map[string]struct {
		keys    Keys
		want    KeyRange
		movable bool
	}{
		"none":                   {Keys{}, KeyRange{}, false},
		"one":                    {KeyAt(1), KeyRange{1, 1, 1}, false},
		"all":                    {KeysFrom(1), KeyRange{1, -1, 1}, false},
		"all but the last":       {KeysUntil(1, -2), KeyRange{1, -2, 1}, false},
		"every other":            {KeysEvery(1, 2), KeyRange{1, -1, 2}, false},
		"incomplete":             {KeyAt(3).For("RW incomplete"), KeyRange{3, 3, 1}, true},
		"one and another":        {KeyAt(1).And(KeyAt(2)), KeyRange{1, 2, 1}, false},
		"one and the rest":       {KeyAt(1).And(KeysFrom(2)), KeyRange{1, -1, 1}, false},
		"one and one far away":   {KeyAt(1).And(KeyAt(3)), KeyRange{1, 1, 1}, true},
		"one and a number":       {KeyAt(1).And(NumKeys(2)), KeyRange{1, 1, 1}, true},
		"a number":               {NumKeys(1), KeyRange{}, true},
		"after a keyword":        {KeysAfter("STREAMS", 1), KeyRange{}, true},
		"one and after keywords": {KeyAt(1).And(KeyAfter("STORE", 6)), KeyRange{1, 1, 1}, true},
		"one and unknown ones":   {KeyAt(1).And(UnknownKeys()), KeyRange{1, 1, 1}, true},
	} {
		if got, movable := test.keys.Range(); got != test.want || movable != test.movable {
			t.Errorf("%s: %v, movable %v", name, got, movable)
		}
	}
}

func TestWhatACommandDoesWithItsKeysFollowsFromItsFlags(t *testing.T) {
	for flags, want := range map[Flags]string{Write: "RW update", ReadOnly: "RO access", 0: "RO access"} {
		s := Spec{Flags: flags, Keys: KeyAt(1).And(KeyAt(2).For("OW insert"))}
		if got := s.KeySpecs(); got[0].Access != want || got[1].Access != "OW insert" {
			t.Errorf("%v: %+v", flags.Names(), got)
		}
		if s.Keys.Specs[0].Access != "" {
			t.Error("the declaration was changed")
		}
	}
}
