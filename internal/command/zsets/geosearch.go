package zsets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/internal/geo"
)

var geosearch = command.Spec{
	Name: "geosearch", Group: command.Geo, Since: "6.2.0", Arity: -7,
	Syntax: "key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | " +
		"BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
	Summary:    "Return the members within a circle or a box around a place or another member.",
	Complexity: "O(N + log M) for N elements in and around the shape, M in it",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(geoKind{search: true}.parse, runGeoSearch),
}

var geosearchstore = command.Spec{
	Name: "geosearchstore", Group: command.Geo, Since: "6.2.0", Arity: -8,
	Syntax: "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | " +
		"BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
	Summary:    "Store the members within a circle or a box around a place or another member. Replies how many they are.",
	Complexity: "O(N + log M) for N elements in and around the shape, M in it",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("OW update").And(command.KeyAt(2).For("RO access")),
	Run:        command.Handle(geoKind{search: true, store: true}.parse, runGeoSearch),
}

var georadius = command.Spec{
	Name: "georadius", Group: command.Geo, Since: "3.2.0", Arity: -6,
	Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
	Syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] " +
		"[ASC | DESC] [STORE key] [STOREDIST key]",
	Summary:    "Return the members within a circle around a place, or store them.",
	Complexity: "O(N + log M) for N elements in and around the circle, M in it",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys: command.KeyAt(1).For("RO access").And(command.KeyAfter("STORE", 6).For("OW update")).
		And(command.KeyAfter("STOREDIST", 6).For("OW update")).FoundBy(geoKeys(6)),
	Run: command.Handle(geoKind{store: true}.parse, runGeoSearch),
}

var georadiusRO = command.Spec{
	Name: "georadius_ro", Group: command.Geo, Since: "3.2.10", Arity: -6,
	Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` argument",
	Syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] " +
		"[ASC | DESC]",
	Summary:    "Return the members within a circle around a place.",
	Complexity: "O(N + log M) for N elements in and around the circle, M in it",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(geoKind{}.parse, runGeoSearch),
}

var georadiusbymember = command.Spec{
	Name: "georadiusbymember", Group: command.Geo, Since: "3.2.0", Arity: -5,
	Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
	Syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] " +
		"[STORE key] [STOREDIST key]",
	Summary:    "Return the members within a circle around another member, or store them.",
	Complexity: "O(N + log M) for N elements in and around the circle, M in it",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys: command.KeyAt(1).For("RO access").And(command.KeyAfter("STORE", 5).For("OW update")).
		And(command.KeyAfter("STOREDIST", 5).For("OW update")).FoundBy(geoKeys(5)),
	Run: command.Handle(geoKind{store: true, member: true}.parse, runGeoSearch),
}

var georadiusbymemberRO = command.Spec{
	Name: "georadiusbymember_ro", Group: command.Geo, Since: "3.2.10", Arity: -5,
	Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
	Syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] " +
		"[ASC | DESC]",
	Summary:    "Return the members within a circle around another member.",
	Complexity: "O(N + log M) for N elements in and around the circle, M in it",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(geoKind{member: true}.parse, runGeoSearch),
}

// geoKeys finds the keys of GEORADIUS and GEORADIUSBYMEMBER, of which the last destination counts.
func geoKeys(options int) func(args [][]byte) []command.Key {
	return func(args [][]byte) []command.Key {
		keys := []command.Key{{Index: 1}}
		for i := options - 1; i < len(args)-1; i++ {
			if command.EqualFold(args[i], "STORE") || command.EqualFold(args[i], "STOREDIST") {
				i++
				keys = append(keys[:1], command.Key{Index: i, Access: "OW update"})
			}
		}
		return keys
	}
}

// runGeoSearch is all commands that look for what is near. What is wrong comes out in Redis's order: first what the key
// holds, then the arguments from left to right, of which a member that is not there is one.
func runGeoSearch(c *command.Call, a geoArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	if z.Len() > 0 {
		for _, member := range a.members {
			var ok bool
			if a.shape.Center, ok = placeOf(z, member); !ok {
				return errMember
			}
		}
		if a.lateIfThere != nil {
			return a.lateIfThere
		}
	}
	if a.late != nil {
		return a.late
	}
	found := a.find(z)
	if a.destination != nil {
		store(c, a.destination, a.result(found))
		return nil
	}
	a.write(c, found)
	return nil
}

// spot is a member that was found.
type spot struct {
	member []byte
	score  float64
	place  geo.Point
	metres float64
}

// find returns the members that are in the shape, sorted and counted as the arguments ask.
func (a *geoArgs) find(z data.ZSet) []spot {
	if z.Len() == 0 {
		return nil
	}
	var found []spot
	for _, r := range a.shape.Ranges() {
		first := z.BelowScore(float64(r.Low), false)
		n := z.BelowScore(float64(r.High), false) - first
		for it := z.Range(first, max(0, n)); ; {
			if a.any && int64(len(found)) >= a.count {
				break
			}
			member, score, ok := it.Next()
			if !ok {
				break
			}
			place := geo.Place(hashOf(score))
			if metres, inside := a.shape.Distance(place); inside {
				found = append(found, spot{member, score, place, metres})
			}
		}
	}
	wanted := len(found)
	if a.count > 0 {
		wanted = int(min(int64(wanted), a.count))
	}
	a.sort(found, wanted)
	return found[:wanted]
}

// result is the members that were found as a sorted set, by their places or by their distances.
func (a *geoArgs) result(found []spot) data.ZSet {
	result := data.NewLargeZSet()
	for i := range found {
		s := &found[i]
		score := s.score
		if a.distances {
			score = s.metres / a.shape.Unit
		}
		result.Set(s.member, score)
	}
	return packed(result)
}

func (a *geoArgs) write(c *command.Call, found []spot) {
	parts := 1
	for _, with := range []bool{a.withDistance, a.withHash, a.withPlace} {
		if with {
			parts++
		}
	}
	c.Out.Array(len(found))
	for i := range found {
		s := &found[i]
		if parts > 1 {
			c.Out.Array(parts)
		}
		c.Out.Bulk(s.member)
		if a.withDistance {
			writeDistance(c.Out, s.metres/a.shape.Unit)
		}
		if a.withHash {
			c.Out.Int(int64(s.score))
		}
		if a.withPlace {
			writePlace(c.Out, s.place)
		}
	}
}
