package state

import "bytes"

// Slots is the number of parts of the keyspace. A slot is the unit of checkpoints, of the dependency of replies and,
// later, of clustering; it spans all databases.
const Slots = 16384

// SlotOf returns the slot of a key: CRC16 (XMODEM) modulo Slots of the key, or of its first non-empty {hash tag}, as in
// the Redis cluster specification.
func SlotOf(key []byte) uint16 {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		rest := key[open+1:]
		if size := bytes.IndexByte(rest, '}'); size > 0 {
			key = rest[:size]
		}
	}
	return crc16(key) % Slots
}

// crc16 takes four bytes at a time: each step waits for the one before it.
func crc16(b []byte) (crc uint16) {
	t := &crc16Tables
	for ; len(b) >= 4; b = b[4:] {
		crc = t[3][byte(crc>>8)^b[0]] ^ t[2][byte(crc)^b[1]] ^ t[1][b[2]] ^ t[0][b[3]]
	}
	for _, c := range b {
		crc = crc<<8 ^ t[0][byte(crc>>8)^c]
	}
	return crc
}

// crc16Tables[n][b] is what a byte that n bytes follow adds to the sum.
var crc16Tables = func() (tables [4][256]uint16) {
	const polynomial = 0x1021
	for b := range 256 {
		crc := uint16(b) << 8
		for n := range tables {
			for range 8 {
				if crc&0x8000 != 0 {
					crc = crc<<1 ^ polynomial
				} else {
					crc <<= 1
				}
			}
			tables[n][b] = crc
		}
	}
	return tables
}()
