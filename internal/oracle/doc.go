// Package oracle compares a server of this protocol with a real redis-server.
//
// A transcript is a text file: commands, and the replies that a real
// redis-server 7.0.15 gave to them, in both protocols. Record fills the replies
// in; Run sends the same commands to any address and reports every reply that
// is not the recorded one, byte for byte. Nobody writes expected replies by
// hand, except in the few files under testdata/weir, which describe what
// differs on purpose; each block there names its line of docs/compat.md.
//
// The package talks to sockets and processes only. It imports nothing of the
// server that it judges, so it cannot share its mistakes.
//
// # The format
//
//	# A comment, or an empty line.
//	proto 2                          run in this protocol only (default: in 2 and in 3)
//	> XADD s 1-1 name "a b\x00"      a command of the first connection; quoting as in redis-cli
//	  "1-1"                          its reply, indented by two spaces
//	b>& XREAD BLOCK 0 STREAMS s $    connection b: send, then wait until the server counts it as blocked
//	blocked 1                        the server has exactly one blocked client now
//	b<                               the next reply of connection b
//	close b                          close b, then wait until the server has let go of it
//	repeat 150 XADD s {i}-1 f v      150 times, {i} counting from 1; no reply may be an error
//	~ mask radix-tree-keys           how to make the next reply comparable (see normalise.go)
//	> CLIENT UNBLOCK {b.id}          {x.id}, {x.addr}: what the server calls connection x
//	> XCLAIM s g c 0 1 TIME {now-5000}   the time in unix milliseconds, and 5000 less
//
// Replies are written one token a line, so that no two types look alike:
//
//	"bulk"   +simple   -ERR error   :1   ,1.5   #t   (123   =txt:"verbatim"
//	$-1      *-1       _            the nulls of RESP2 and RESP3
//	*2 %1 ~3 >2        array, map, set, push; elements follow, indented further
//	(closed)           the server closed the connection instead of answering
//
// A reply that differs between the protocols is written twice, below "resp2:"
// and "resp3:".
package oracle
