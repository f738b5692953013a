// Package crash kills the real binary and looks at what is left.
//
// Eight writers send commands; everything that they sent and everything that
// was acknowledged is recorded here, outside the server. The server is killed
// with SIGKILL at a random moment, or ends by SIGTERM, or meets a failing disk.
// It is started again on the same directory, and its state must obey four laws:
//
//  1. every acknowledged change is there, with its content;
//  2. what is there is, for each writer, a prefix of what it sent, in order;
//  3. nothing is there twice;
//  4. nothing is there that nobody sent, and whatever a reader was shown is there.
//
// Consumer groups have three proofs. A worker with groups of its own (worker.go)
// knows from a plain model (ledger.go) what every pending entry must be, to the
// time of its last delivery. A crew (crew.go) shares a group and checks what must
// hold whoever was faster. And short histories of clients that share everything
// (history.go), across kill -9 too, are held against a sequential model
// (linear.go) by porcupine, which looks for an order that explains them.
//
// SIGKILL leaves the page cache, so the laws hold for every sync mode. What a
// power cut may take is the subject of the tests of package log.
package crash
