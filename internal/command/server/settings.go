package server

import (
	"strconv"
	"strings"
)

// Setting is one name that CONFIG GET and SET know, with the value as text.
type Setting struct {
	Name  string // lower case
	Alias string // another name for the same, or empty
	Get   func() string
	// Set parses and applies a value. Its error is a reason, without the code: "argument must be 'yes' or 'no'". Set of
	// what Get returned always succeeds. Nil: the setting can only be given at the start.
	Set func(value string) error
	// Protected settings would let a client reach the file system: they can only be given at the start, too.
	Protected bool
}

// reason is why a value was refused.
type reason string

func (r reason) Error() string { return string(r) }

// Constant is a setting that cannot be changed while the process runs.
func Constant(name, value string) Setting {
	return Setting{Name: name, Get: func() string { return value }}
}

// Protected is a setting that a client must not change, because it names a file or directory.
func Protected(name, value string) Setting {
	s := Constant(name, value)
	s.Protected = true
	return s
}

// Text is a setting of any text; set checks it.
func Text(name string, get func() string, set func(string) error) Setting {
	return Setting{Name: name, Get: get, Set: set}
}

// Integer is a whole number in [least, most].
func Integer(name string, least, most int64, get func() int64, set func(int64) error) Setting {
	return number(name, least, most, get, set, func(s string) (int64, error) {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, reason("argument couldn't be parsed into an integer")
		}
		return v, nil
	})
}

// Memory is a number of bytes in [least, most], which may be given as 64mb.
func Memory(name string, least, most int64, get func() int64, set func(int64) error) Setting {
	return number(name, least, most, get, set, func(s string) (int64, error) {
		v, ok := ParseMemory(s)
		if !ok {
			return 0, reason("argument must be a memory value")
		}
		return v, nil
	})
}

func number(name string, least, most int64, get func() int64, set func(int64) error,
	parse func(string) (int64, error)) Setting {
	return Setting{
		Name: name,
		Get:  func() string { return strconv.FormatInt(get(), 10) },
		Set: func(s string) error {
			v, err := parse(s)
			if err != nil {
				return err
			}
			if v < least || v > most {
				return reason("argument must be between " + strconv.FormatInt(least, 10) + " and " +
					strconv.FormatInt(most, 10) + " inclusive")
			}
			return set(v)
		},
	}
}

// Bool is yes or no.
func Bool(name string, get func() bool, set func(bool) error) Setting {
	return Setting{
		Name: name,
		Get: func() string {
			if get() {
				return "yes"
			}
			return "no"
		},
		Set: func(s string) error {
			switch strings.ToLower(s) {
			case "yes":
				return set(true)
			case "no":
				return set(false)
			default:
				return reason("argument must be 'yes' or 'no'")
			}
		},
	}
}

// Enum is one of a few words.
func Enum(name string, words []string, get func() string, set func(string) error) Setting {
	return Setting{
		Name: name,
		Get:  get,
		Set: func(s string) error {
			for _, w := range words {
				if strings.EqualFold(s, w) {
					return set(w)
				}
			}
			return reason("argument(s) must be one of the following: " + strings.Join(words, ", "))
		},
	}
}

var memoryUnits = map[string]int64{
	"": 1, "b": 1,
	"k": 1000, "kb": 1 << 10,
	"m": 1000_000, "mb": 1 << 20,
	"g": 1000_000_000, "gb": 1 << 30,
}

// ParseMemory reads a number of bytes with an optional unit: k, m and g count in thousands, kb, mb and gb in 1024.
func ParseMemory(s string) (int64, bool) {
	digits := strings.TrimRightFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	unit, ok := memoryUnits[strings.ToLower(s[len(digits):])]
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || v*unit/unit != v {
		return 0, false
	}
	return v * unit, true
}
