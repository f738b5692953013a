package zsets

import (
	"strconv"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/geo"
)

var geoadd = command.Spec{
	Name: "geoadd", Group: command.Geo, Since: "3.2.0", Arity: -5,
	Syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
	Summary: "Add members to a sorted set whose scores are places, or move them. Replies how many were added, with CH also " +
		"those moved.",
	Complexity: "O(log N) per member",
	Flags:      command.Write | command.DenyOOM,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseGeoAdd, runZAdd),
}

// parseGeoAdd makes what ZADD has: a score of each place.
func parseGeoAdd(args command.Args) (zaddArgs, error) {
	a := zaddArgs{key: args[1]}
	places := args[2:]
	for len(places) > 0 && isGeoOption(places[0]) && a.option(places[0]) {
		places = places[1:]
	}
	if len(places)%3 != 0 || len(places) == 0 || a.nx && a.xx {
		return a, command.ErrSyntax
	}
	for ; len(places) > 0; places = places[3:] {
		p, err := parsePoint(places)
		if err != nil {
			return a, err
		}
		a.pairs = append(a.pairs, strconv.AppendUint(nil, geo.Hash(p), 10), places[2])
	}
	return a, nil
}

func isGeoOption(arg []byte) bool {
	return command.EqualFold(arg, "NX") || command.EqualFold(arg, "XX") || command.EqualFold(arg, "CH")
}
