// Package resp is the wire: it owns the sockets, turns bytes into commands and replies into bytes, and lets no reply
// out before the log position that the reply depends on has been released.
//
// It knows no command, no key and no log. A Handler runs the commands; the Server calls it and tells it nothing about
// where the bytes come from: an event loop over epoll (Linux), or a goroutine pair over any net.Conn (TLS, other
// systems, net.Pipe in tests). The code that parses, queues and limits is the same.
//
//	srv, err := resp.NewServer(handler, resp.Config{})
//	err = srv.Listen("tcp", "127.0.0.1:6379")
//
//	func (h *handler) Serve(turn []*resp.Conn) (uncommitted bool) {
//		h.mu.Lock()
//		defer h.mu.Unlock()
//		for _, c := range turn {
//			for {
//				args, err := c.Next()
//				if err != nil {
//					c.Writer().Error("ERR " + err.Error())
//					c.Seal(0)
//					c.CloseAfterReply()
//				}
//				if args == nil {
//					break
//				}
//				pos := h.run(c, args)       // writes to c.Writer()
//				c.Seal(pos)                 // may leave once Release(pos) has been called
//			}
//		}
//		return true
//	}
//
// # Turns
//
// A loop reads once from every connection that has something, then calls Serve once with all connections that have a
// complete command, then writes. Before it calls Commit it looks whether others have something meanwhile, and serves them,
// too (turnsTogether). What one turn of a connection may consume and be answered is bounded (turnQuota,
// turnReplies), so nobody starves behind a pipeline that never ends, or a short one that asks for much. Serve runs on the loop's goroutine; different loops, and different goroutine
// connections, call it concurrently. A panic in Serve is not caught.
//
// # Arguments
//
// The slice that Conn.Next returns is overwritten by the following Next on that connection. The bytes it points to
// are the read buffer: they are valid until Serve returns, and must not be written to. Whatever outlives the turn
// copies.
//
// # Held replies
//
// Output is a queue of bytes with positions. Seal and Send append with a position; the bytes leave when Released has
// reached it and everything before them has left. A position lower than that of earlier output is raised to it. Release
// may be called from anywhere and never waits. Held bytes count against the output limits, which disconnect and count a
// client instead of waiting for it.
//
// # Who may call what
//
// Next, Unread, Writer, Seal, Pause, Park, Stall, SetAuthenticated, SetClass: only inside Serve (or Open), for a connection of that turn.
// Send, Resume, Kill, CloseAfterReply, Held, Info and the getters: any goroutine, at any time, also after Close, when
// they do nothing. Handler.Open comes before the first Serve and Handler.Close after the last, once, none of the three
// concurrently for one connection.
//
// # Connections that end
//
// A client that half-closes gets the replies to everything it sent. One that vanishes while paused (blocked in a read)
// is closed at once, before the commands of the same turn run; its socket is read on for that, for its end lies behind
// what it sent. There is a bound: 16 MB, half a megabyte less than the query buffer limit, and 64 MB for all paused
// connections together. One that sent more before it vanished is noticed when it is resumed, or when room is made. A closed
// connection's descriptor is never used again.
//
// Why a limit ended a connection is logged after Handler.Close, never from inside a call of the handler.
//
// Shutdown serves nothing more, writes what is covered, and cuts those that read nothing for two seconds.
//
// A connection that has never been authenticated is killed when it leaves more than 64 KB of replies unread.
//
// At the descriptor limit accept backs off for 100 ms and recovers; 64 descriptors are kept back from clients.
package resp
