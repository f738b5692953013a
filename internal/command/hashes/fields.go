package hashes

import "github.com/weirmq/weir/internal/command"

// What the commands of Redis 7.4 and 8.0 on single fields and their times have in common: FIELDS number field ..., and times.

const (
	errFieldsMissing command.Error = "ERR Mandatory argument FIELDS is missing or not at the right position"
	errFieldsNumber  command.Error = "ERR Number of fields must be a positive integer"
	errFieldsMatch   command.Error = "ERR The `numfields` parameter must match the number of arguments"
	errTimeNegative  command.Error = "ERR invalid expire time, must be >= 0"

	// maxTime is the highest time of a field that commands give, in unix milliseconds: in the year 4199.
	maxTime = 1<<46 - 1
)

// parseFields reads FIELDS, a number and so many fields, which are all that is left of the arguments. An error about the number
// has the command's own words.
func parseFields(args [][]byte, wrongNumber error) (fields [][]byte, err error) {
	if len(args) == 0 || !command.EqualFold(args[0], "FIELDS") {
		return nil, errFieldsMissing
	}
	if len(args) < 2 {
		return nil, wrongNumber
	}
	n, err := command.ParseInt(args[1])
	if err != nil || n < 1 {
		return nil, wrongNumber
	}
	if n != int64(len(args)-2) {
		return nil, errFieldsMatch
	}
	return args[2:], nil
}

// clock is how a command gives or shows a time.
type clock struct {
	unitMS   int64 // 1 or 1000
	relative bool  // to now
}

var (
	inSeconds = clock{1000, true}
	inMS      = clock{1, true}
	atSeconds = clock{1000, false}
	atMS      = clock{1, false}
)

// parse reads a number of its units, not negative.
func (k clock) parse(arg []byte, name string) (int64, error) {
	n, err := command.ParseInt(arg)
	switch {
	case err != nil:
		return 0, err
	case n < 0:
		return 0, errTimeNegative
	case n > maxTime/k.unitMS:
		return 0, errTime(name)
	}
	return n * k.unitMS, nil
}

// unixMS returns the time that parse has read as unix milliseconds.
func (k clock) unixMS(ms, nowMS int64, name string) (int64, error) {
	if !k.relative {
		return ms, nil
	}
	if ms > maxTime-nowMS {
		return 0, errTime(name)
	}
	return nowMS + ms, nil
}

// show is a time in its units, which are rounded up.
func (k clock) show(unixMS, nowMS int64) int64 {
	if k.relative {
		unixMS -= nowMS
	}
	return (unixMS + k.unitMS - 1) / k.unitMS
}

func errTime(name string) error {
	return command.Errorf("ERR invalid expire time in '%s' command", name)
}
