// Package fuzz sends the same random commands to two servers and compares every
// reply and the final state.
//
// A round is a list of commands of one to six clients, made from a seed. The
// clients go in lock step: no command is sent before the one before it has been
// answered, or the server counts its client as blocked. So every reply is
// determined by the commands alone, and a round can be run again, shortened, and
// still show the same difference.
//
// What two correct servers may answer differently is taken out before replies
// are compared (see normalise); what Weir answers differently on purpose is not
// generated (see skip). Both lists are short, and each row names docs/compat.md
// or the reason.
//
// Weir is ended with kill -9 now and then, and must come back as it was. Each
// time it gets other settings: every second time blocks of three entries, which
// leave the memory at once (oracle.Small). -settings keeps to the one or the
// other.
package fuzz
