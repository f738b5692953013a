package zsets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/geo"
)

var geopos = command.Spec{
	Name: "geopos", Group: command.Geo, Since: "3.2.0", Arity: -2,
	Syntax:     "key [member [member ...]]",
	Summary:    "Return the longitude and latitude of members.",
	Complexity: "O(N) for N members",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Plain(runGeoPos),
}

func runGeoPos(c *command.Call) error {
	z, err := c.Tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	members := c.Args[2:]
	c.Out.Array(len(members))
	for _, member := range members {
		if p, ok := placeOf(z, member); ok {
			writePlace(c.Out, p)
		} else {
			c.Out.NullArray()
		}
	}
	return nil
}

var geohash = command.Spec{
	Name: "geohash", Group: command.Geo, Since: "3.2.0", Arity: -2,
	Syntax:     "key [member [member ...]]",
	Summary:    "Return the places of members as geohashes in their usual form.",
	Complexity: "O(N) for N members",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Plain(runGeoHash),
}

func runGeoHash(c *command.Call) error {
	z, err := c.Tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	members := c.Args[2:]
	c.Out.Array(len(members))
	for _, member := range members {
		if p, ok := placeOf(z, member); ok {
			c.Out.BulkString(geo.Text(p))
		} else {
			c.Out.Null()
		}
	}
	return nil
}

var geodist = command.Spec{
	Name: "geodist", Group: command.Geo, Since: "3.2.0", Arity: -4,
	Syntax:  "key member1 member2 [M | KM | FT | MI]",
	Summary: "Return the distance between two members, in metres unless a unit is given.",
	Flags:   command.ReadOnly,
	Keys:    command.KeyAt(1),
	Run:     command.Handle(parseGeoDist, runGeoDist),
}

type geodistArgs struct {
	key, from, to []byte
	unit          float64
}

func parseGeoDist(args command.Args) (geodistArgs, error) {
	a := geodistArgs{args[1], args[2], args[3], 1}
	var err error
	switch {
	case len(args) == 5:
		a.unit, err = parseUnit(args[4])
	case len(args) > 5:
		err = command.ErrSyntax
	}
	return a, err
}

func runGeoDist(c *command.Call, a geodistArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	from, ok := placeOf(z, a.from)
	to, too := placeOf(z, a.to)
	if !ok || !too {
		c.Out.Null()
		return nil
	}
	writeDistance(c.Out, geo.Distance(from, to)/a.unit)
	return nil
}
