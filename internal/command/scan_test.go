package command

import "testing"

func TestACursorIsReadAsCDoes(t *testing.T) {
	for text, want := range map[string]uint64{
		"": 0, "0": 0, "5": 5, "007": 7, "+1": 1, "-1": 1<<64 - 1, "\x00": 0, "7\x00x": 7, "18446744073709551615": 1<<64 - 1,
	} {
		if got, err := ParseCursor([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %d %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "1x", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "--1", "+", "-", "1_0"} {
		if _, err := ParseCursor([]byte(text)); err != ErrInvalidCursor {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestScanOptions(t *testing.T) {
	for line, want := range map[string]string{
		"": "", "COUNT 5": "", "match a*b count 1": "", "COUNT": "ERR syntax error", "COUNT 0": "ERR syntax error",
		"COUNT x": "ERR value is not an integer or out of range", "TYPE set": "ERR syntax error", "NOVALUES": "ERR syntax error", "MATCH": "ERR syntax error",
	} {
		got := ""
		if _, err := parseScanOptions(words(line), false); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if o, err := parseScanOptions(words("novalues COUNT 5 MATCH NOVALUES"), true); err != nil || !o.NoValues || o.Count != 5 || !o.Match([]byte("NOVALUES")) {
		t.Errorf("of a hash: %+v %v", o, err)
	}
	o, err := parseScanOptions(words("count 99999999999999999 match a*"), false)
	if err != nil || o.Count != maxScanCount || !o.Match([]byte("ab")) || o.Match([]byte("b")) {
		t.Errorf("%+v %v", o, err)
	}
	if o, _ = parseScanOptions(words("MATCH *"), false); o.Count != defaultScanCount || !o.Match(nil) {
		t.Errorf("%+v", o)
	}
}
