package zsets

import (
	"bytes"
	"math"
	"strconv"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/internal/geo"
	"github.com/weirmq/weir/resp"
)

const (
	errUnit     command.Error = "ERR unsupported unit provided. please use M, KM, FT, MI"
	errRadius   command.Error = "ERR need numeric radius"
	errNegative command.Error = "ERR radius cannot be negative"
	errWidth    command.Error = "ERR need numeric width"
	errHeight   command.Error = "ERR need numeric height"
	errBox      command.Error = "ERR height or width cannot be negative"
	errMember   command.Error = "ERR could not decode requested zset member"
)

// parsePoint reads a longitude and a latitude.
func parsePoint(args [][]byte) (p geo.Point, err error) {
	if p.Longitude, err = command.ParseFloat(args[0]); err != nil {
		return p, err
	}
	if p.Latitude, err = command.ParseFloat(args[1]); err != nil {
		return p, err
	}
	if !p.Valid() {
		return p, command.Errorf("ERR invalid longitude,latitude pair %s,%s", sixDigits(p.Longitude), sixDigits(p.Latitude))
	}
	return p, nil
}

// sixDigits is C's %f.
func sixDigits(f float64) string {
	if math.IsInf(f, 0) {
		return string(resp.AppendDouble(nil, f))
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// parseUnit returns a unit of length in metres.
func parseUnit(arg []byte) (float64, error) {
	arg, _, _ = bytes.Cut(arg, []byte{0})
	switch {
	case command.EqualFold(arg, "M"):
		return 1, nil
	case command.EqualFold(arg, "KM"):
		return 1000, nil
	case command.EqualFold(arg, "FT"):
		return 0.3048, nil
	case command.EqualFold(arg, "MI"):
		return 1609.34, nil
	default:
		return 0, errUnit
	}
}

// parseRadius reads a radius and its unit.
func parseRadius(s *geo.Shape, args [][]byte) (err error) {
	s.Box = false
	if s.Radius, err = command.ParseFloat(args[0]); err != nil {
		return errRadius
	}
	if s.Radius < 0 {
		return errNegative
	}
	s.Unit, err = parseUnit(args[1])
	return err
}

// parseBox reads a width, a height, and their unit.
func parseBox(s *geo.Shape, args [][]byte) (err error) {
	s.Box = true
	if s.Width, err = command.ParseFloat(args[0]); err != nil {
		return errWidth
	}
	if s.Height, err = command.ParseFloat(args[1]); err != nil {
		return errHeight
	}
	if s.Width < 0 || s.Height < 0 {
		return errBox
	}
	s.Unit, err = parseUnit(args[2])
	return err
}

// placeOf returns where a member is.
func placeOf(z data.ZSet, member []byte) (geo.Point, bool) {
	score, ok := z.Score(member)
	return geo.Place(hashOf(score)), ok
}

// hashOf returns the hash that a score is. One that is no hash becomes what C makes of it.
func hashOf(score float64) uint64 {
	switch {
	case score >= 1<<63:
		return uint64(int64(score-1<<63)) ^ 1<<63
	default:
		return uint64(int64(score))
	}
}

// writePlace writes coordinates.
func writePlace(out *resp.Writer, p geo.Point) {
	out.Array(2)
	writeCoordinate(out, p.Longitude)
	writeCoordinate(out, p.Latitude)
}

// writeCoordinate writes a number with 17 digits behind the point, but for zeros at the end.
func writeCoordinate(out *resp.Writer, degrees float64) {
	var digits [64]byte
	text := strconv.AppendFloat(digits[:0], degrees, 'f', 17, 64)
	text = bytes.TrimSuffix(bytes.TrimRight(text, "0"), []byte("."))
	if out.Protocol() != 3 {
		out.Bulk(text)
		return
	}
	out.RawString(",")
	out.Raw(text)
	out.RawString("\r\n")
}

// writeDistance writes a distance with four digits behind the point.
func writeDistance(out *resp.Writer, distance float64) {
	var digits [64]byte
	out.Bulk(strconv.AppendFloat(digits[:0], distance, 'f', 4, 64))
}
