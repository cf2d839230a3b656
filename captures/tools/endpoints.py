#!/usr/bin/env python3
"""Both ends of WebSocket dialogues in which every byte is chosen: the broken, the rare, the ones in textbooks.

endpoints.py server PORT NAME [TRUTH]   listens, plays the server of dialogue NAME, writes its frames to TRUTH
endpoints.py client HOST PORT NAME      connects and plays the client
endpoints.py list                       every NAME, a tab, what it shows

A dialogue is a list of steps in order. Both processes hold the same list: a side performs its own steps and waits
for exactly the bytes of the other's, so the two sides never overtake each other and each step is a segment of its own.
Dialogues live in scenarios.py; this file knows how to speak, not what is said. Standard library only."""
import base64, dataclasses, hashlib, json, random, socket, struct, sys, time

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG, CONT = 1, 2, 8, 9, 10, 0
FRESH = object()  # "the mask this side has to use": a new one for the client, none for the server


@dataclasses.dataclass
class Frame:
    """One frame, as legal or as illegal as its fields say."""
    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    mask: object = FRESH
    declared: int | None = None  # the length its header tells, where that is not the payload's
    form: int | None = None      # 16 or 64: that length form even where a shorter one would do

    def wire(self, side, masks):
        mask = (masks.randbytes(4) if side == "client" else None) if self.mask is FRESH else self.mask
        n = len(self.payload) if self.declared is None else self.declared
        form = self.form or (7 if n < 126 else 16 if n < 65536 else 64)
        head = bytes([self.fin << 7 | self.rsv << 4 | self.opcode])
        bit = 0x80 if mask is not None else 0
        head += {7: lambda: bytes([bit | n]), 16: lambda: struct.pack(">BH", bit | 126, n), 64: lambda: struct.pack(">BQ", bit | 127, n)}[form]()
        if mask is None:
            return head + self.payload
        return head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(self.payload))

    def truth(self, side):
        n = len(self.payload) if self.declared is None else self.declared
        return {"dir": "c2s" if side == "client" else "s2c", "opcode": self.opcode, "fin": self.fin, "rsv": self.rsv, "len": n}


def raw(value):
    return value.encode() if isinstance(value, str) else value


def text(body="", **how): return Frame(TEXT, raw(body), **how)
def binary(body=b"", **how): return Frame(BINARY, raw(body), **how)
def cont(body=b"", **how): return Frame(CONT, raw(body), **how)
def ping(body=b"", **how): return Frame(PING, raw(body), **how)
def pong(body=b"", **how): return Frame(PONG, raw(body), **how)
def close(code=None, reason="", **how): return Frame(CLOSE, b"" if code is None else struct.pack(">H", code) + raw(reason), **how)


def accept_for(key, guid=GUID):
    return base64.b64encode(hashlib.sha1(raw(key) + raw(guid)).digest()).decode()


KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the sample of RFC 6455 §1.3


def head(first, fields):
    return raw("\r\n".join([first, *(f"{n}: {v}" for n, v in fields if v is not None)]) + "\r\n\r\n")


def amend(fields, change, extra):
    return [(n, change.get(n, v)) for n, v in fields] + list(extra)


def upgrade(key=KEY, target="/chat", method="GET", version="HTTP/1.1", change={}, extra=()):
    """An upgrade request; `change` replaces a field's value (None leaves it out), `extra` adds fields."""
    return head(f"{method} {target} {version}", amend([("Host", "10.77.0.1:9001"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
                ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13")], change, extra))


def switch(key=KEY, accept=FRESH, status="101 Switching Protocols", change={}, extra=()):
    """The answer that grants it."""
    accept = accept_for(key) if accept is FRESH else accept
    return head("HTTP/1.1 " + status, amend([("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)], change, extra))


@dataclasses.dataclass
class Step:
    side: str
    parts: tuple = ()
    act: str = "send"
    seconds: float = 0.0


def c(*parts): return Step("client", parts)
def s(*parts): return Step("server", parts)
def fin(side): return Step(side, act="fin")
def rst(side): return Step(side, act="rst")
def urgent(side, *parts): return Step(side, parts, "urgent")
def crossing(client, server): return [Step("client", (client,), "cross"), Step("server", (server,), "cross")]  # neither waits for the other
def pause(seconds): return Step("both", act="pause", seconds=seconds)
def deaf(side, seconds): return Step(side, act="deaf", seconds=seconds)  # that side reads nothing for so long


def hello(**how): return [c(upgrade(**how)), s(switch(how.get("key", KEY)))]
def bye(): return [c(close(1000, "bye")), s(close(1000, "bye"))]


@dataclasses.dataclass
class Dialogue:
    name: str
    shows: str
    connections: list            # of lists of steps; played one after the other
    truth: bool = True
    options: dict = dataclasses.field(default_factory=dict)


def bytes_of(step, masks):
    return b"".join(p.wire(step.side, masks) if isinstance(p, Frame) else raw(p) for p in step.parts)


def receive(sock, wanted):
    got = b""
    while len(got) < wanted:
        more = sock.recv(wanted - len(got))
        if not more:
            raise EOFError(f"the peer stopped {wanted - len(got)} bytes early")
        got += more
    return got


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def play(sock, me, steps, masks, said=0):
    """Performs the steps of one side. `said` counts first steps that went out with the SYN."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    owed = 0
    for i, step in enumerate(steps):
        data = bytes_of(step, masks)
        if step.act == "pause":
            time.sleep(step.seconds)
        elif step.act == "deaf":
            time.sleep(step.seconds if step.side == me else 0)
        elif step.side == me and i >= said:
            time.sleep(0.003)
            if step.act == "send": sock.sendall(data)
            elif step.act == "urgent": sock.send(data, socket.MSG_OOB)
            elif step.act == "fin": sock.shutdown(socket.SHUT_WR)
            elif step.act == "rst": return reset(sock)
            elif step.act == "cross":
                sock.sendall(data)
                receive(sock, owed)
        elif step.side != me:
            if step.act == "cross":
                if step.side == "client": owed = len(data)
                else: receive(sock, len(data))
            if step.act == "send": receive(sock, len(data))
            elif step.act == "urgent": receive(sock, len(data))
            elif step.act == "fin": assert sock.recv(1) == b""
            elif step.act == "rst":
                try: sock.recv(1)
                except ConnectionResetError: pass
                return sock.close()
    if me == "server" or (steps and steps[-1].act == "fin" and steps[-1].side == "server"):
        time.sleep(0.003)
        sock.close()
        return
    try:
        while sock.recv(65536): pass
    except ConnectionResetError: pass
    sock.close()


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def simultaneous(local, remote):
    """Both ends call connect() in the same moment; the link must be slow enough for the two SYNs to cross."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(local)
    time.sleep(2 - time.time() % 2)
    sock.connect(remote)
    return sock


def prepare(sock, me, options):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "rcvbuf" in options and me == "client":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["rcvbuf"])
    if "maxseg" in options:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, options["maxseg"])
    if options.get("keepalive") and me == "client":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    if options.get("oobinline"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    return sock


def main():
    from scenarios import DIALOGUES
    role = sys.argv[1]
    if role == "list":
        for d in DIALOGUES.values(): print(d.name, d.shows, sep="\t")
        return
    d = DIALOGUES[sys.argv[3 if role == "server" else 4]]
    masks = random.Random(d.name)
    if role == "server":
        port, options = int(sys.argv[2]), d.options
        if d.truth and len(sys.argv) > 4:
            frames = [p.truth(st.side) for steps in d.connections for st in steps for p in st.parts if isinstance(p, Frame)]
            if frames:
                open(sys.argv[4], "w").write("".join(json.dumps(f, separators=(",", ":")) + "\n" for f in frames))
        if options.get("simultaneous"):
            return play(simultaneous(("", port), ("10.77.0.2", 40000)), role, d.connections[0], masks)
        listener = prepare(socket.socket(socket.AF_INET6), role, options)
        listener.bind(("::", port)); listener.listen()
        if options.get("fastopen"): listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
        for steps in d.connections:
            play(prepare(listener.accept()[0], role, options), role, steps, masks)
    else:
        host, port, options = sys.argv[2], int(sys.argv[3]), d.options
        for steps in d.connections:
            if options.get("simultaneous"):
                play(simultaneous(("", 40000), (host, port)), role, steps, masks); continue
            sock = prepare(socket.socket(family(host)), role, options)
            sock.settimeout(20)
            if "source" in options: sock.bind(("", options["source"]))
            if options.get("fastopen"):
                first = random.Random(d.name)
                sock.sendto(bytes_of(steps[0], first), socket.MSG_FASTOPEN, (host, port))
                play(sock, role, steps, masks, said=1)
            else:
                sock.connect((host, port))
                play(sock, role, steps, masks)


if __name__ == "__main__":
    import endpoints  # by its name, so that scenarios.py and this program mean the same Frame
    endpoints.main()
