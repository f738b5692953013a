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
// Values in memory have keepers (keeper.go), who know from plain Go values what
// each of their keys must hold. History has two more. A historian (historian.go) has a stream that is mostly in
// segment files, trims and deletes anywhere in it and reads back what is old, on a
// server that is cramped (moving.go), so that blocks are spilled, checkpoints made
// and old files removed all the time. And for power cuts, failing disks and damage
// a broker runs in the test's process (node_test.go) on a disk that is watched
// (disk.go): it does the orders of a script (script.go), and a plain broker that
// keeps everything in memory knows what must come of them.
//
// SIGKILL leaves the page cache, so the laws hold for every sync mode; a power cut
// does not, and what it may take depends on the mode.
package crash
