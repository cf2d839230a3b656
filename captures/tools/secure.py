#!/usr/bin/env python3
"""Ends that do to TLS what a library does not by itself: KeyUpdate, padding, records of chosen sizes, segments of chosen sizes, early data, renegotiation.
WebSocket by `wsproto`, TLS by the `ssl` module over memory, by `tlslite-ng`, or by `openssl s_client` and `s_server`. Each end writes down what it received.

secure.py server PORT SCENARIO
secure.py client HOST PORT SCENARIO"""
import hashlib, json, os, signal, socket, ssl, subprocess, sys, threading, time, warnings

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, Pong, Request, TextMessage

LAB, TRUTH, KEYLOG = (os.environ[k] for k in ("LAB", "TRUTH", "KEYLOG"))
CERT = lambda name: (f"{LAB}/{name}.pem", f"{LAB}/{name}.key")
V = ssl.TLSVersion
# scenario: (server's transport and options, client's)
SCENARIOS = {
    "keyupdate-by-client": ("bio", {}, "tlslite", {"update_every": 2}),
    "keyupdate-by-server": ("tlslite", {"update_every": 2}, "bio", {}),
    "record-padding": ("tlslite", {"pad": 64}, "bio", {}),
    "record-padding-openssl": ("openssl", {"args": ["-tls1_3", "-record_padding", "256"]}, "openssl", {"args": ["-tls1_3", "-record_padding", "128"]}),
    "one-byte-records-13": ("bio", {"record": 1}, "bio", {}),
    "one-byte-records-12": ("bio", {"record": 1, "max": V.TLSv1_2}, "bio", {"record": 1}),
    "record-over-20-segments": ("bio", {"chop": 700}, "bio", {}),
    "hundred-records-in-a-segment": ("bio", {"hold": True}, "bio", {"hold": True}),
    "handshake-in-tiny-segments": ("bio", {"chop": 60}, "bio", {"chop": 30}),
    "handshake-in-many-records": ("tlslite", {"record_size": 200}, "bio", {}),
    "tls10-aes128-cbc-sha": ("bio", {"old": V.TLSv1, "suite": "ECDHE-RSA-AES128-SHA", "cert": "rsa"}, "bio", {"old": V.TLSv1, "suite": "ECDHE-RSA-AES128-SHA"}),
    "tls10-empty-fragments": ("bio", {"old": V.TLSv1, "suite": "AES128-SHA", "cert": "rsa", "fragments": True}, "bio", {"old": V.TLSv1, "suite": "AES128-SHA", "fragments": True}),
    "tls11-aes256-cbc-sha": ("bio", {"old": V.TLSv1_1, "suite": "ECDHE-ECDSA-AES256-SHA"}, "bio", {"old": V.TLSv1_1, "suite": "ECDHE-ECDSA-AES256-SHA"}),
    "client-certificate-after-the-handshake": ("bio", {"post_auth": True}, "bio", {"post_auth": True}),
    "early-data": ("openssl", {"args": ["-tls1_3", "-early_data"]}, "openssl", {"args": ["-tls1_3"], "early": "accepted"}),
    "early-data-rejected": ("openssl", {"args": ["-tls1_3", "-early_data"], "second": ["-tls1_3"]}, "openssl", {"args": ["-tls1_3"], "early": "rejected"}),
    "renegotiation": ("openssl", {"args": ["-tls1_2", "-client_renegotiation"]}, "openssl", {"args": ["-tls1_2"], "renegotiate": True}),
    "alert-in-the-middle": ("bio", {"bad_mac": True}, "bio", {}),
}
FIRST_PORT = 40101
children = []


def note(port, side, kind, body, **more):
    body = body.encode() if isinstance(body, str) else bytes(body)
    with open(TRUTH, "a") as f:
        f.write(json.dumps({"port": port, "from": side, "type": kind, "len": len(body), "sha1": hashlib.sha1(body).hexdigest(), **more}, separators=(",", ":")) + "\n")


def context(side, o):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if side == "server" else ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
    if side == "server": c.load_cert_chain(*CERT(o.get("cert", "ec")))
    c.keylog_filename = KEYLOG
    if "max" in o: c.maximum_version = o["max"]
    if "old" in o: c.minimum_version = c.maximum_version = o["old"]
    if "suite" in o: c.set_ciphers(o["suite"] + ":@SECLEVEL=0")
    if o.get("fragments"): c.options &= ~0x800  # SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS
    if o.get("post_auth"):
        if side == "server": c.load_verify_locations(f"{LAB}/client.pem"); c.post_handshake_auth = True; c.verify_mode = ssl.CERT_REQUIRED
        else: c.post_handshake_auth = True; c.load_cert_chain(*CERT("client"))
    return c


class Bio:
    """TLS in memory, so that what goes to the socket is cut, held back or sent whole as the scenario says."""

    def __init__(self, side, sock, o):
        self.sock, self.o = sock, o
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing, self.context = ssl.MemoryBIO(), ssl.MemoryBIO(), context(side, o)
        self.tls = self.context.wrap_bio(self.incoming, self.outgoing, server_side=side == "server", server_hostname=None if side == "server" else "ws.example.test")
        self.held = b""; self.loop(self.tls.do_handshake)

    def loop(self, act):
        while True:
            try: result = act(); self.flush(); return result
            except ssl.SSLWantReadError:
                self.flush(); data = self.sock.recv(65536)
                if not data: return b""
                self.incoming.write(data)

    def flush(self):
        data, chop = self.outgoing.read(), self.o.get("chop")
        if not data: return
        if not chop: return self.sock.sendall(data)
        for i in range(0, len(data), chop): self.sock.sendall(data[i:i + chop]); time.sleep(.0006)

    def write(self, data):
        step = self.o.get("record", len(data) or 1)
        for i in range(0, len(data), step): self.tls.write(data[i:i + step])
        if not self.o.get("hold"): self.flush()

    def read(self):
        self.flush()
        try: return self.loop(lambda: self.tls.read(65536))
        except (ssl.SSLError, OSError): return b""

    def close(self):
        try: self.tls.unwrap()
        except (ssl.SSLError, OSError): pass
        self.flush(); self.sock.close()


class Tlslite:
    def __init__(self, side, sock, o):
        from tlslite.api import HandshakeSettings, TLSConnection, X509, X509CertChain, parsePEMKey
        self.o, self.c, self.writes = o, TLSConnection(sock), 0
        settings = HandshakeSettings(); settings.minVersion = (3, 4)
        if o.get("record_size"): self.c.recordSize = o["record_size"]
        if side == "client": self.c.handshakeClientCert(settings=settings, serverName="ws.example.test")
        else:
            certificate, key = CERT("rsa"); x = X509(); x.parse(open(certificate).read())
            self.c.handshakeServer(certChain=X509CertChain([x]), privateKey=parsePEMKey(open(key).read(), private=True), settings=settings)
        if o.get("pad"): self.c._recordLayer.padding_cb = lambda length, content, most: min(most, -length % o["pad"] + (length % 5) * 40)

    def write(self, data):
        self.c.write(data); self.writes += 1
        every = self.o.get("update_every")
        if every and self.writes % every == 0:
            for _ in self.c.send_keyupdate_request(self.writes // every % 2): pass

    def read(self): return bytes(self.c.read(min=1, max=65536) or b"")
    def close(self): self.c.close()


class Openssl:
    """`openssl s_client` or `s_server` at the other end of two pipes."""

    def __init__(self, command):
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL); children.append(self.p)
    def write(self, data): os.write(self.p.stdin.fileno(), data); time.sleep(.03)
    def read(self): return os.read(self.p.stdout.fileno(), 65536)
    def command(self, letter): time.sleep(.1); os.write(self.p.stdin.fileno(), letter); time.sleep(.3)
    def close(self): self.p.stdin.close(); self.p.wait(3)


class End:
    """One end of a WebSocket over a transport."""

    def __init__(self, side, transport, port):
        self.side, self.t, self.port, self.parts = side, transport, port, []
        self.ws = WSConnection(ConnectionType.SERVER if side == "server" else ConnectionType.CLIENT)
        self.events = []

    def other(self): return "client" if self.side == "server" else "server"
    def say(self, *events): self.t.write(b"".join(self.ws.send(e) for e in events))

    def hear(self):
        """Returns the next event, and writes down what it says."""
        while not self.events:
            data = self.t.read()
            if not data: return None
            self.ws.receive_data(data); self.events += self.ws.events()
        e = self.events.pop(0)
        if isinstance(e, Message):
            self.parts.append(e.data)
            if not e.message_finished: return self.hear()
            whole = self.parts[0][:0].join(self.parts); self.parts = []
            note(self.port, self.other(), "text" if isinstance(e, TextMessage) else "binary", whole)
            return type(e)(data=whole)
        if isinstance(e, (Ping, Pong)): note(self.port, self.other(), "ping" if isinstance(e, Ping) else "pong", e.payload)
        if isinstance(e, CloseConnection): note(self.port, self.other(), "close", e.reason or "", code=e.code)
        return e

    def serve(self):
        while (e := self.hear()) is not None:
            if isinstance(e, Request): self.say(AcceptConnection())
            elif isinstance(e, Ping): self.say(e.response())
            elif isinstance(e, CloseConnection): self.say(e.response()); return
            elif isinstance(e, TextMessage) and e.data.startswith("send "):
                n = int(e.data.split()[1]); self.say(BytesMessage(data=bytes(i * i >> 3 & 255 for i in range(n))))
            elif isinstance(e, TextMessage) and e.data.startswith("many "):
                self.say(*[]); [self.t.write(self.ws.send(TextMessage(data=f"n{i}"))) for i in range(int(e.data.split()[1]))]
            elif isinstance(e, TextMessage) and e.data == "certificate?":
                self.t.tls.verify_client_post_handshake(); self.say(TextMessage(data="asked"))
            elif isinstance(e, (TextMessage, BytesMessage)): self.say(e)

    def ask(self, event):
        self.say(event)
        while (e := self.hear()) is not None and not isinstance(e, Message): pass

    def request(self): return self.ws.send(Request(host="ws.example.test:9443", target=f"/{sys.argv[-1]}"))

    def talk(self, name):
        self.ask(TextMessage(data="hello over TLS"))
        if name.startswith("record-over"): self.ask(TextMessage(data="send 16000")); self.ask(TextMessage(data="send 3000"))
        elif name.startswith("hundred"):
            for i in range(100): self.t.write(self.ws.send(TextMessage(data=f"message {i}")))
            for i in range(100): self.hear()
            self.ask(TextMessage(data="many 120"))
            for i in range(119): self.hear()
        else:
            self.ask(TextMessage(data='{"e":"trade","s":"BTCUSDT","p":"61234.50"}'))
            if name.startswith("client-certificate"): self.ask(TextMessage(data="certificate?")); self.ask(TextMessage(data="known now"))
            if name == "renegotiation": self.t.command(b"R"); self.ask(TextMessage(data="after the first renegotiation")); self.t.command(b"R")
            self.ask(BytesMessage(data=bytes(range(0, 250, 5)))); self.ask(TextMessage(data="x" * 200))
            self.say(TextMessage(data="in ", message_finished=False), Ping(payload=b"between"), TextMessage(data="two parts 🦀"))
            while (e := self.hear()) is not None and not isinstance(e, Message): pass
            for i in range(6 if name.startswith("keyupdate") else 1): self.ask(TextMessage(data=f"again {i}"))
        self.say(CloseConnection(code=1000, reason="bye"))
        while (e := self.hear()) is not None and not isinstance(e, CloseConnection): pass
        time.sleep(.1)


def openssl_server(port, o, ports):
    command = lambda p, args: ["openssl", "s_server", "-accept", str(p), "-cert", CERT("ec")[0], "-key", CERT("ec")[1], "-quiet", "-no_anti_replay", "-keylogfile", KEYLOG] + args
    def serve(p, args, clients):
        t = Openssl(command(p, args))
        for client in clients: End("server", t, client).serve()
        t.p.wait()
    if "second" in o: threading.Thread(target=serve, args=(port + 1, o["second"], ports[1:]), daemon=True).start(); ports = ports[:1]
    serve(port, o["args"], ports)


def openssl_client(host, port, o, name):
    session, early = f"{LAB}/session", f"{LAB}/early"
    for k in range(2 if o.get("early") else 1):
        there = port + (k if o.get("early") == "rejected" else 0)
        command = ["openssl", "s_client", "-connect", f"{host}:{there}", "-bind", f"10.77.0.2:{FIRST_PORT + k}", "-servername", "ws.example.test", "-brief", *o["args"]]
        end = End("client", None, FIRST_PORT + k); request = end.request()
        if o.get("early"): command += ["-sess_out", session] if k == 0 else ["-sess_in", session, "-early_data", early]
        open(early, "wb").write(request)
        end.t = Openssl(command); time.sleep(.3)
        if k == 0 or o["early"] == "rejected": end.t.write(request)
        while not isinstance(end.hear(), AcceptConnection): pass
        end.talk(name); end.t.close(); time.sleep(.2)


def leave(*_):
    for child in children: child.kill()
    os._exit(0)


def main():
    signal.signal(signal.SIGTERM, leave); warnings.simplefilter("ignore")
    role, name = sys.argv[1], sys.argv[-1]
    server, so, client, co = SCENARIOS[name]
    kinds = {"bio": Bio, "tlslite": Tlslite}
    if role == "server":
        port = int(sys.argv[2])
        if server == "openssl": return openssl_server(port, so, [FIRST_PORT, FIRST_PORT + 1])
        listener = socket.create_server(("0.0.0.0", port))
        while True:
            sock, (_, there) = listener.accept()
            t = kinds[server]("server", sock, so); End("server", t, there).serve(); time.sleep(.1); t.close()
    host, port = sys.argv[2], int(sys.argv[3])
    if client == "openssl": return openssl_client(host, port, co, name)
    sock = socket.create_connection((host, port)); here = sock.getsockname()[1]
    end = End("client", kinds[client]("client", sock, co), here)
    end.t.write(end.request())
    while not isinstance(end.hear(), AcceptConnection): pass
    end.talk(name); end.t.close()


main()
