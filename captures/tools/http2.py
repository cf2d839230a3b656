#!/usr/bin/env python3
"""Ends that do to HTTP/2 what a library does not by itself, by `h2` and `wsproto` (RFC 8441): padding, CONTINUATION, resets, GOAWAY, DATA frames of chosen sizes,
header tables of chosen sizes, frames nobody knows. Each end writes down what it received, by stream.

http2.py server PORT SCENARIO
http2.py client HOST PORT SCENARIO
http2.py asgi                        the ASGI application for hypercorn is `http2:app`"""
import hashlib, json, os, socket, struct, sys

TRUTH = os.environ.get("TRUTH", "/dev/null")
SCENARIOS = {
    "padding": "DATA and HEADERS with padding of 0 to 255 bytes",
    "continuation": "a request whose fields take 17 KB in HEADERS and CONTINUATION, an answer in frames of 300 bytes",
    "reset-by-client": "the client resets one of two streams in the middle of a message (CANCEL)",
    "reset-by-server": "the server resets one of two streams (INTERNAL_ERROR) after a message",
    "goaway": "the server sends GOAWAY; the streams that are open go on to their ends",
    "refused": "an extended CONNECT refused with 403, one with 501, one granted, on one connection",
    "not-offered": "an extended CONNECT though the server never offered it: reset with PROTOCOL_ERROR",
    "upgrade-h2c": "HTTP/1.1 upgraded to h2c, then an extended CONNECT on stream 3",
    "deflate": "three sockets, each with a permessage-deflate context of its own, messages interleaved",
    "one-byte-data-frames": "every DATA frame holds one byte",
    "data-frames-across-messages": "DATA frames of 37 bytes: their edges fall anywhere into WebSocket frames",
    "header-table-small": "a header table of 80 bytes: entries are evicted all the time; then of 0, then of 4096",
    "header-table-used": "requests whose fields come from the dynamic table, so that a late reader does not know them",
    "end-without-close": "END_STREAM by both sides without a close",
    "unknown-frames": "frames and settings of unknown types between those of the conversation, as a browser greases",
    "small-windows": "flow control windows of 100 bytes",
    "fragments-interleaved": "fragmented messages of three streams with pings among them, frame by frame in turn",
    "two-connections": "two connections with the same stream numbers",
    "trailers": "a socket beside requests with bodies, trailers and interim responses",
    "big": "a message of 20,000 bytes each way, in DATA frames of 16 KiB",
}


def note(port, stream, side, kind, body, **more):
    body = body.encode() if isinstance(body, str) else bytes(body)
    with open(TRUTH, "a") as f:
        f.write(json.dumps({"port": port, "stream": stream, "from": side, "type": kind, "len": len(body), "sha1": hashlib.sha1(body).hexdigest(), **more}, separators=(",", ":")) + "\n")


class Wire:
    """An HTTP/2 connection over a socket, as one end sees it."""

    def __init__(self, role, sock, name, started=False):
        import h2.config, h2.connection
        self.role, self.sock, self.name, self.port = role, sock, name, sock.getpeername()[1] if role == "server" else sock.getsockname()[1]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = h2.config.H2Configuration(client_side=role == "client", header_encoding="utf-8", validate_inbound_headers=False, validate_outbound_headers=False, normalize_inbound_headers=False)
        self.h2, self.sockets, self.queue, self.count = h2.connection.H2Connection(config), {}, [], 0
        if role == "server" and name != "not-offered": self.h2.local_settings.enable_connect_protocol = 1
        if name == "small-windows": self.h2.local_settings.initial_window_size = 100
        if name.startswith("header-table-small"): self.h2.local_settings.header_table_size = 80
        for settings in (self.h2.local_settings,):
            settings.acknowledge()
        if not started: self.h2.initiate_connection(); self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data: self.sock.sendall(data)

    def raw(self, kind, flags, stream, body): self.flush(); self.sock.sendall(struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body)

    def events(self):
        """Returns the events of what came next; None at the end."""
        data = self.sock.recv(65536)
        if not data: return None
        events = self.h2.receive_data(data)
        if self.name == "goaway" and self.role == "client": self.h2.state_machine.state = type(self.h2.state_machine.state).CLIENT_OPEN  # what is open goes on
        self.flush(); return events

    def headers(self, stream, fields, end=False):
        if self.name == "padding" and self.role == "client":
            block = self.h2.encoder.encode(fields); s = self.h2._begin_new_stream(stream, 1); s.state_machine.process_input(__import__("h2.stream").stream.StreamInputs.SEND_HEADERS)
            self.raw(1, 0x8 | 0x4 | end, stream, bytes([200]) + block + bytes(200))
        else: self.h2.send_headers(stream, fields, end_stream=end); self.flush()

    def data(self, stream, body):
        step = {"one-byte-data-frames": 1, "data-frames-across-messages": 37}.get(self.name, 16384)
        while body:
            n = min(step, len(body), self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if not n:
                more = self.events()
                if more is None: return
                self.queue += more; self.told(more); continue
            self.count += 1
            pad = (self.count * 85) % 256 if self.name == "padding" else None
            if pad is not None: n = min(n, 900)
            if self.name == "unknown-frames" and self.count % 2: self.raw(0xbb, 0x55, stream, b"grease " * self.count); self.raw(0x21, 0, 0, b"")
            self.h2.send_data(stream, body[:n], pad_length=pad); body = body[n:]
            if step < 100: self.flush()
        self.flush()

    def told(self, events):
        """Gives back the window that DATA took."""
        import h2.events as e
        for it in events:
            if isinstance(it, e.DataReceived) and it.flow_controlled_length:
                try: self.h2.acknowledge_received_data(it.flow_controlled_length, it.stream_id)
                except Exception: pass
        self.flush()


class Ws:
    """A WebSocket on a stream."""

    def __init__(self, wire, stream, extensions=()):
        from wsproto.connection import Connection, ConnectionType
        self.wire, self.stream, self.parts = wire, stream, []
        self.ws = Connection(ConnectionType.SERVER if wire.role == "server" else ConnectionType.CLIENT, list(extensions))
        wire.sockets[stream] = self

    def say(self, *events):
        for e in events: self.wire.data(self.stream, self.ws.send(e))

    def hear(self, data):
        """Returns what the bytes say, whole messages and control frames, written down."""
        from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage
        if not data or self.ws.state.name == "CLOSED": return []
        self.ws.receive_data(data); out = []
        side = "client" if self.wire.role == "server" else "server"; log = lambda *a, **k: note(self.wire.port, self.stream, side, *a, **k)
        for e in self.ws.events():
            if isinstance(e, Message):
                self.parts.append(e.data)
                if not e.message_finished: continue
                e = type(e)(data=self.parts[0][:0].join(self.parts)); self.parts = []; log("text" if isinstance(e, TextMessage) else "binary", e.data)
            elif isinstance(e, (Ping, Pong)): log("ping" if isinstance(e, Ping) else "pong", e.payload)
            elif isinstance(e, CloseConnection): log("close", e.reason or "", code=e.code)
            out.append(e)
        return out


def deflate(offered=None):
    from wsproto.extensions import PerMessageDeflate
    it = PerMessageDeflate()
    return it, it.accept(offered) if offered else it.offer()


def serve(sock, name):
    import h2.events as e
    from wsproto.events import CloseConnection, Message, Ping, TextMessage
    wire = Wire("server", sock, name, started=name == "upgrade-h2c")
    if name == "upgrade-h2c":
        head = b""
        while b"\r\n\r\n" not in head: head += sock.recv(4096)
        settings = [l.split(b": ")[1] for l in head.split(b"\r\n") if l.lower().startswith(b"http2-settings")][0]
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        wire.h2.initiate_upgrade_connection(settings); wire.flush(); wire.h2.send_headers(1, [(":status", "200"), ("content-type", "text/plain")]); wire.h2.send_data(1, b"upgraded\n", end_stream=True); wire.flush()
    heard = 0
    while True:
        events = wire.queue or wire.events(); wire.queue = []
        if events is None: return
        wire.told(events)
        for it in events:
            if isinstance(it, e.RequestReceived):
                fields, stream = dict(it.headers), it.stream_id
                if fields.get(":protocol") == "websocket":
                    if name == "not-offered": wire.h2.reset_stream(stream, 1); wire.flush(); continue
                    status = {"/forbidden": "403", "/nothing": "501"}.get(fields[":path"], "200") if name == "refused" else "200"
                    if status != "200": wire.headers(stream, [(":status", status), ("content-type", "text/plain")]); wire.h2.send_data(stream, b"not for you\n", end_stream=True); wire.flush(); continue
                    answer, extensions = [(":status", "200"), ("server", "lab")], []
                    if "sec-websocket-extensions" in fields:
                        it2, said = deflate(fields["sec-websocket-extensions"]); extensions = [it2]; answer.append(("sec-websocket-extensions", f"permessage-deflate; {said}".rstrip("; ")))
                    if name == "continuation": wire.h2.streams[stream].max_outbound_frame_size = 300; answer += [(f"x-filler-{i}", hashlib.sha512(b"%d" % i).hexdigest()) for i in range(20)]
                    if name == "header-table-used": answer += [("x-node", "lab-7.example.test"), ("x-session", hashlib.md5(b"s").hexdigest())]
                    wire.headers(stream, answer); Ws(wire, stream, extensions)
                elif name == "trailers":
                    wire.h2.send_headers(stream, [(":status", "103"), ("link", "</style.css>; rel=preload")]); wire.h2.send_headers(stream, [(":status", "200"), ("trailer", "x-sum")])
                    wire.h2.send_data(stream, b"body " * 20); wire.h2.send_headers(stream, [("x-sum", "100")], end_stream=True); wire.flush()
                else: wire.headers(stream, [(":status", "200")]); wire.h2.send_data(stream, b"page\n", end_stream=True); wire.flush()
            elif isinstance(it, e.DataReceived) and it.stream_id in wire.sockets:
                ws = wire.sockets[it.stream_id]
                for said in ws.hear(it.data):
                    heard += 1
                    if isinstance(said, Ping): ws.say(said.response())
                    elif isinstance(said, CloseConnection): ws.say(said.response()); wire.h2.end_stream(ws.stream); wire.flush()
                    elif isinstance(said, Message):
                        ws.say(said)
                        if name == "reset-by-server" and ws.stream == 3 and said.data == "reset me": wire.h2.reset_stream(3, 2); wire.flush()
                        if name == "goaway" and heard == 2: wire.raw(7, 0, 0, struct.pack(">II", 3, 0) + b"going down for a moment")
                        if name == "header-table-small" and heard == 3: wire.h2.update_settings({1: 0}); wire.flush()
                        if name == "header-table-small" and heard == 5: wire.h2.update_settings({1: 4096}); wire.flush()
            elif isinstance(it, e.StreamEnded) and it.stream_id in wire.sockets and name == "end-without-close": wire.h2.end_stream(it.stream_id); wire.flush()


def client(host, port, name):
    import h2.events as e
    from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage
    sock = socket.create_connection((host, port)); wire = Wire("client", sock, name, started=name == "upgrade-h2c")
    got, answered, ended = {}, {}, set()
    if name == "upgrade-h2c":
        settings = wire.h2.initiate_upgrade_connection()
        sock.sendall(b"GET /page HTTP/1.1\r\nHost: ws.example.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: " + settings + b"\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"): head += sock.recv(1)
        wire.flush()

    def until(done):
        while not done():
            events = wire.queue or wire.events(); wire.queue = []
            if events is None: return
            wire.told(events)
            for it in events:
                if isinstance(it, e.ResponseReceived): answered[it.stream_id] = dict(it.headers)
                elif isinstance(it, e.DataReceived) and it.stream_id in wire.sockets:
                    for said in wire.sockets[it.stream_id].hear(it.data): got.setdefault(it.stream_id, []).append(said)
                elif isinstance(it, (e.StreamEnded, e.StreamReset)): ended.add(it.stream_id)

    def open_socket(path, more=()):
        stream = wire.h2.get_next_available_stream_id()
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path), (":authority", "ws.example.test"), ("sec-websocket-version", "13"), ("origin", "http://ws.example.test"), *more]
        if name == "deflate": fields.append(("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"))
        wire.headers(stream, fields)
        until(lambda: stream in answered or stream in ended)
        answer = answered.get(stream, {})
        if answer.get(":status") != "200": until(lambda: stream in ended); return None
        extensions = []
        if "sec-websocket-extensions" in answer:
            from wsproto.extensions import PerMessageDeflate
            it = PerMessageDeflate(); it.finalize(answer["sec-websocket-extensions"]); extensions = [it]
        return Ws(wire, stream, extensions)

    def ask(ws, *events):
        before = sum(isinstance(s, Message) for s in got.get(ws.stream, [])); ws.say(*events)
        until(lambda: sum(isinstance(s, Message) for s in got.get(ws.stream, [])) > before or ws.stream in ended)

    def talk(ws):
        ask(ws, TextMessage(data=f"hello on stream {ws.stream}")); ask(ws, TextMessage(data='{"e":"trade","s":"BTCUSDT","p":"61234.50"}')); ask(ws, BytesMessage(data=bytes(range(0, 250, 5))))
        ask(ws, TextMessage(data="in ", message_finished=False), *([] if name == "deflate" else [Ping(payload=b"between")]), TextMessage(data="two parts 🦀"))

    def close(ws):
        ws.say(CloseConnection(code=1000, reason="bye")); until(lambda: ws.stream in ended)
        try: wire.h2.end_stream(ws.stream); wire.flush()
        except Exception: pass

    def get(path):
        stream = wire.h2.get_next_available_stream_id()
        wire.headers(stream, [(":method", "POST" if name == "trailers" else "GET"), (":scheme", "http"), (":path", path), (":authority", "ws.example.test"), ("x-request", hashlib.md5(path.encode()).hexdigest())], end=name != "trailers")
        if name == "trailers": wire.h2.send_data(stream, b"posted"); wire.h2.send_headers(stream, [("x-last", "1")], end_stream=True); wire.flush()
        until(lambda: stream in ended)

    if name != "upgrade-h2c": until(lambda: wire.h2.remote_settings.get(8) == 1 or name == "not-offered")
    else: until(lambda: 1 in ended)
    if name == "not-offered": open_socket("/chat")
    elif name == "refused":
        for path in ("/forbidden", "/nothing"): open_socket(path)
        ws = open_socket("/chat"); talk(ws); close(ws)
    elif name == "continuation": ws = open_socket("/chat", [(f"x-filler-{i}", hashlib.sha512(b"c%d" % i).hexdigest()) for i in range(170)]); talk(ws); close(ws)
    elif name in ("deflate", "fragments-interleaved"):
        three = [open_socket(f"/chat/{k}") for k in range(3)]
        for n in range(4):
            for ws in three:
                if name == "deflate": ws.say(TextMessage(data=json.dumps({"stream": ws.stream, "n": n, "text": "the same words again and again"})))
                else: ws.say(TextMessage(data=f"part {n} of {ws.stream} ", message_finished=n == 3), *([Ping(payload=b"%d" % n)] if n < 3 else []))
        until(lambda: all(sum(isinstance(s, Message) for s in got.get(ws.stream, [])) >= (4 if name == "deflate" else 1) for ws in three))
        for ws in three: talk(ws); close(ws)
    elif name in ("reset-by-client", "reset-by-server", "goaway"):
        one, other = open_socket("/chat/1"), open_socket("/chat/2"); talk(one)
        if name == "reset-by-client":
            whole = other.ws.send(TextMessage(data="y" * 300)); wire.data(other.stream, whole[:100]); wire.h2.reset_stream(other.stream, 8); wire.flush()
        elif name == "reset-by-server": ask(other, TextMessage(data="reset me")); until(lambda: other.stream in ended)
        else: talk(other); close(other)
        talk(one); close(one)
    elif name == "end-without-close": ws = open_socket("/chat"); talk(ws); wire.h2.end_stream(ws.stream); wire.flush(); until(lambda: ws.stream in ended)
    elif name == "big": ws = open_socket("/chat"); ask(ws, BytesMessage(data=bytes(i * i >> 3 & 255 for i in range(20000)))); close(ws)
    elif name in ("header-table-small", "header-table-used", "trailers"):
        more = [("cookie", "session=made-up"), ("x-tenant", "harbour")]
        for k in range(4):
            get(f"/page/{k}"); ws = open_socket(f"/chat/{k % 2}", more)
            ask(ws, TextMessage(data=f"hello {k}")); ask(ws, TextMessage(data="again")); close(ws)
    else: ws = open_socket("/chat"); talk(ws); close(ws)
    wire.h2.close_connection(); wire.flush(); sock.close()


async def app(scope, receive, send):
    """The application for hypercorn: a page for a browser, an echo for sockets; writes down what it received and, for a browser, what it sent."""
    browser = bool(os.environ.get("BROWSER"))
    if scope["type"] == "lifespan":
        while True:
            message = await receive(); await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown": return
    place = (scope["client"][1], send.__self__.stream_id)
    if scope["type"] == "http":
        body = PAGE if scope["path"] == "/" else f"you asked for {scope['path']}\n".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html; charset=utf-8" if scope["path"] == "/" else b"text/plain")]}); await send({"type": "http.response.body", "body": body})
        if scope["path"] == "/done": open(os.environ["LAB"] + "/done", "w").close()
        return
    await receive(); await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
    while (said := await receive())["type"] != "websocket.disconnect":
        kind = "text" if said.get("text") is not None else "binary"; body = said.get("text") if kind == "text" else said["bytes"]
        note(*place, "client", kind, body)
        if browser: note(*place, "server", kind, body)
        await send({"type": "websocket.send", "text" if kind == "text" else "bytes": body})


PAGE = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "http2.mjs"), encoding="utf-8").read().split("const page = `")[1].split("`;")[0].encode()

if __name__ == "__main__":
    if sys.argv[1] == "list":
        for name, shows in SCENARIOS.items(): print(name, shows, sep="\t")
    elif sys.argv[1] == "server":
        listener = socket.create_server(("0.0.0.0", int(sys.argv[2])))
        while True:
            import threading
            threading.Thread(target=serve, args=(listener.accept()[0], sys.argv[3]), daemon=True).start()
    else:
        for _ in range(2 if sys.argv[4] == "two-connections" else 1): client(sys.argv[2], int(sys.argv[3]), sys.argv[4])
