// Package data holds the values that Weir keeps in memory, without protocol: they could serve a program that has never
// heard of Redis. Nothing here locks, reads a clock or logs; callers serialise access.
//
// A value has two forms. Packed is flat bytes, for small values: it lies in memory, in the log and in a checkpoint as it
// is. Large is an object without a pointer per element, which grows without long stalls, and shares its parts with the copy
// that a checkpoint makes of it. Both stand side by side in a view, of which the zero value is an empty value:
//
//	type Hash struct { Packed []byte; Large *HashTable }
//
// Methods that read have value receivers. Those that change the value have pointer receivers: they edit the packed bytes in
// place or replace them, or turn them into the large form for good. What they return aliases the value and holds until
// the next change; what they are given is copied.
package data

import "errors"

// ErrDamaged means that bytes are not what this package encodes a value to.
var ErrDamaged = errors.New("damaged value")
