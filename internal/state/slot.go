package state

// Slots is the number of parts of the keyspace. A slot is the unit of checkpoints, of the dependency of replies and,
// later, of clustering; it spans all databases.
const Slots = 16384

// SlotOf returns the slot of a key: CRC16 (XMODEM) modulo Slots of the key, or of its first non-empty {hash tag}, as in
// the Redis cluster specification.
func SlotOf(key []byte) uint16 {
	for i, c := range key {
		if c != '{' {
			continue
		}
		for j := i + 1; j < len(key); j++ {
			if key[j] == '}' {
				if j > i+1 {
					key = key[i+1 : j]
				}
				break
			}
		}
		break
	}
	var crc uint16
	for _, c := range key {
		crc = crc<<8 ^ crc16Table[byte(crc>>8)^c]
	}
	return crc % Slots
}

var crc16Table = func() (table [256]uint16) {
	const polynomial = 0x1021
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ polynomial
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()
