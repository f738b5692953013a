package zsets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/geo"
)

const (
	errGeoCount   command.Error = "ERR COUNT must be > 0"
	errAny        command.Error = "ERR the ANY argument requires COUNT argument"
	errStoreWith  command.Error = "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
	errSearchWith command.Error = "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
)

// geoKind is what tells the commands that look for what is near apart.
type geoKind struct {
	search bool // GEOSEARCH, GEOSEARCHSTORE: the shape is given by options
	member bool // GEORADIUSBYMEMBER: the center is a member
	store  bool // the result may be stored, or, of GEOSEARCHSTORE, is
}

type geoArgs struct {
	geoKind
	destination, key []byte
	shape            geo.Shape
	members          [][]byte // the last one is the center; all are to be there
	// late is what is wrong with the arguments, lateIfThere what is only looked at if there is a sorted set: both count
	// after the type of the key, and the second after the members.
	late, lateIfThere error

	fromPoint, byRadius                          bool
	byBox                                        bool
	order                                        sortOrder
	count                                        int64 // 0: all
	any                                          bool
	withDistance, withHash, withPlace, distances bool
}

type sortOrder byte

const (
	unsorted sortOrder = iota
	nearestFirst
	farthestFirst
)

func (k geoKind) parse(args command.Args) (geoArgs, error) {
	a := geoArgs{geoKind: k}
	name := args[0]
	if k.search && k.store {
		a.destination, args = args[1], args[1:]
	}
	a.key = args[1]
	options := args[2:]
	switch {
	case k.search:
	case k.member:
		a.members = args[2:3]
		a.lateIfThere = parseRadius(&a.shape, args[3:])
		options = args[5:]
	default:
		if a.shape.Center, a.late = parsePoint(args[2:]); a.late == nil {
			a.late = parseRadius(&a.shape, args[4:])
		}
		options = args[6:]
	}
	if a.late == nil {
		if a.late = a.options(options); a.late == nil {
			a.late = a.check(name)
		}
	}
	return a, nil
}

func (a *geoArgs) options(args [][]byte) error {
	for len(args) > 0 {
		taken, err := a.option(args)
		if err == nil && taken == 0 {
			taken, err = a.searchOption(args)
		}
		if err == nil && taken == 0 {
			err = command.ErrSyntax
		}
		if err != nil {
			return err
		}
		args = args[taken:]
	}
	return nil
}

// option takes what all commands have, and returns how many arguments that were.
func (a *geoArgs) option(args [][]byte) (taken int, err error) {
	switch option, more := args[0], len(args)-1; {
	case command.EqualFold(option, "WITHDIST"):
		a.withDistance = true
	case command.EqualFold(option, "WITHHASH"):
		a.withHash = true
	case command.EqualFold(option, "WITHCOORD"):
		a.withPlace = true
	case command.EqualFold(option, "ANY"):
		a.any = true
	case command.EqualFold(option, "ASC"):
		a.order = nearestFirst
	case command.EqualFold(option, "DESC"):
		a.order = farthestFirst
	case command.EqualFold(option, "COUNT") && more > 0:
		if a.count, err = command.ParseInt(args[1]); err == nil && a.count <= 0 {
			err = errGeoCount
		}
		return 2, err
	case a.store && !a.search && more > 0 && (command.EqualFold(option, "STORE") || command.EqualFold(option, "STOREDIST")):
		a.destination, a.distances = args[1], len(option) > len("STORE")
		return 2, nil
	case a.store && a.search && command.EqualFold(option, "STOREDIST"):
		a.distances = true
	default:
		return 0, nil
	}
	return 1, nil
}

// searchOption takes what GEOSEARCH and GEOSEARCHSTORE have besides.
func (a *geoArgs) searchOption(args [][]byte) (taken int, err error) {
	switch option, more := args[0], len(args)-1; {
	case !a.search:
	case command.EqualFold(option, "FROMMEMBER") && more > 0 && !a.fromPoint:
		a.members = append(a.members, args[1])
		return 2, nil
	case command.EqualFold(option, "FROMLONLAT") && more > 1 && len(a.members) == 0:
		a.fromPoint = true
		a.shape.Center, err = parsePoint(args[1:])
		return 3, err
	case command.EqualFold(option, "BYRADIUS") && more > 1 && !a.byBox:
		a.byRadius = true
		return 3, parseRadius(&a.shape, args[1:])
	case command.EqualFold(option, "BYBOX") && more > 2 && !a.byRadius:
		a.byBox = true
		return 4, parseBox(&a.shape, args[1:])
	}
	return 0, nil
}

// check finds options that do not go together.
func (a *geoArgs) check(name []byte) error {
	switch with := a.withDistance || a.withHash || a.withPlace; {
	case a.destination != nil && with && a.search:
		return errSearchWith
	case a.destination != nil && with:
		return errStoreWith
	case a.search && !a.fromPoint && len(a.members) == 0:
		return command.Errorf("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s", command.Printable(name, 128))
	case a.search && !a.byRadius && !a.byBox:
		return command.Errorf("ERR exactly one of BYRADIUS and BYBOX can be specified for %s", command.Printable(name, 128))
	case a.any && a.count == 0:
		return errAny
	}
	if a.count > 0 && a.order == unsorted && !a.any {
		a.order = nearestFirst // those that are wanted are the nearest
	}
	return nil
}
