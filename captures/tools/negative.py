#!/usr/bin/env python3
"""Ends of protocols that are not WebSocket, for those that bring no program of their own; what they say is drawn from a fixed sequence.

negative.py server PORT NAME
negative.py client HOST PORT NAME"""
import os, random, socket, struct, sys, threading, time

role, port, name = sys.argv[1], int(sys.argv[-2]), sys.argv[-1]
dice = random.Random(name + role)


def exact(s, n):
    b = b""
    while len(b) < n:
        more = s.recv(n - len(b))
        if not more: raise SystemExit
        b += more
    return b


def tpkt(body): return struct.pack(">BBH", 3, 0, len(body) + 4) + body


# Each: a function for either side, given the socket.
def rdp(s):  # TPKT and X.224 as RDP begins, then slow-path and fast-path PDUs of random content
    if role == "client": s.sendall(tpkt(bytes([14, 0xe0, 0, 0, 0, 0, 0]) + b"Cookie: mstshash=lab\r\n" + bytes([1, 0, 8, 0, 0, 0, 0, 0]))); s.recv(100)
    else: s.recv(100); s.sendall(tpkt(bytes([14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0, 0, 0, 0, 0])))
    for _ in range(60):
        n = dice.choice([3, 9, 40, 90, 600])
        s.sendall(tpkt(bytes([2, 0xf0, 0x80, 0x64]) + dice.randbytes(n)) if dice.random() < .5 else struct.pack(">BH", dice.choice([0, 0x40, 0x80, 0xc0]), 0x8000 | n + 3) + dice.randbytes(n)); time.sleep(.003)


def noise(s):
    for _ in range(120): s.sendall(dice.randbytes(dice.choice([2, 6, 7, 30, 126, 131, 400]))); time.sleep(.002)


def short_noise(s):  # many short writes whose first bytes are what frames begin with
    for _ in range(150): s.sendall(bytes([dice.choice([0x81, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0x01]), dice.randrange(256)]) + dice.randbytes(dice.randrange(40))); time.sleep(.002)


def zeros(s):
    for _ in range(30): s.sendall(bytes(dice.choice([10, 200, 900]))); time.sleep(.002)


def text_lines(s):
    for i in range(80): s.sendall(f"{i} The quick brown fox, {dice.random()}: снег 🦀\r\n".encode()); time.sleep(.002)


def length_prefixed(s):  # a home-made protocol: a byte of type, two of length, then JSON
    for i in range(80): b = b'{"seq":%d,"value":%f}' % (i, dice.random()); s.sendall(struct.pack(">BH", dice.choice([0x81, 1, 2]), len(b)) + b); time.sleep(.002)


def protobuf_stream(s):
    for i in range(80): b = b"\x08" + bytes([i]) + b"\x12\x0charbour-lab!\x1a" + bytes([20]) + dice.randbytes(20); s.sendall(bytes([len(b)]) + b); time.sleep(.002)


def bittorrent(s):
    s.sendall(b"\x13BitTorrent protocol" + bytes(8) + dice.randbytes(40)); s.sendall(struct.pack(">IB", 9, 5) + dice.randbytes(8))
    for i in range(25): s.sendall(struct.pack(">IBIII", 13, 6, i, 0, 600) if role == "client" else struct.pack(">IBII", 609, 7, i, 0) + dice.randbytes(600)); time.sleep(.004)


def mpegts(s):
    for i in range(12): s.sendall(b"".join(b"\x47" + struct.pack(">HB", dice.choice([0x100, 0x101, 0x4100]), 0x10 | (i * 4 + k) & 15) + dice.randbytes(184) for k in range(4)) if role == "server" else b"k"); time.sleep(.003)


def mongodb(s):
    for i in range(40):
        doc = b"\x02ping\0\x05\0\0\0ahoy\0\x10n\0" + struct.pack("<i", i); doc = struct.pack("<i", len(doc) + 5) + doc + b"\0"; body = struct.pack("<IB", 0, 0) + doc
        s.sendall(struct.pack("<iiii", len(body) + 16, i, i - 1, 2013) + body); time.sleep(.003)


def x11(s):
    if role == "client": s.sendall(struct.pack("<BxHHHHH", 0x6c, 11, 0, 0, 0, 0))
    for i in range(60): s.sendall(struct.pack("<BBHII", dice.choice([1, 8, 16, 53, 55, 62]), 0, 3, dice.randrange(1 << 24), i) if role == "client" else struct.pack("<BBHIIIIIII", dice.choice([1, 2, 12, 22]), 0, i, *(dice.randrange(1 << 16) for _ in range(7)))); time.sleep(.003)


def cassandra(s):
    for i in range(40): b = dice.randbytes(dice.choice([4, 30, 120])); s.sendall(struct.pack(">BBhBI", 4 if role == "client" else 0x84, 0, i, dice.choice([7, 8, 10]), len(b)) + b); time.sleep(.003)


def kafka(s):
    for i in range(40): b = struct.pack(">hhih", dice.choice([0, 1, 3]), 7, i, 3) + b"lab" + dice.randbytes(60) if role == "client" else struct.pack(">i", i) + dice.randbytes(80); s.sendall(struct.pack(">i", len(b)) + b); time.sleep(.003)


def smb2(s):
    for i in range(40): b = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16s", 64, 1, 0, dice.choice([5, 8, 9, 14]), 1, 0 if role == "client" else 1, 0, i, 0xfeff, 1, 77, bytes(16)) + dice.randbytes(dice.choice([24, 49, 200])); s.sendall(struct.pack(">I", len(b)) + b); time.sleep(.003)


def sip(s):
    for i in range(12): s.sendall((f"OPTIONS sip:lab@10.77.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.77.0.2\r\nCSeq: {i} OPTIONS\r\nCall-ID: {i}@lab\r\nContent-Length: 0\r\n\r\n" if role == "client" else f"SIP/2.0 200 OK\r\nCSeq: {i} OPTIONS\r\nCall-ID: {i}@lab\r\nContent-Length: 0\r\n\r\n").encode()); time.sleep(.01)


def dns(s):
    import dns.message
    for i in range(20):
        if role == "client": q = dns.message.make_query(f"ship{i}.lab.test", "A", id=i * 7 + 1).to_wire(); s.sendall(struct.pack(">H", len(q)) + q); exact(s, struct.unpack(">H", exact(s, 2))[0])
        else:
            q = dns.message.from_wire(exact(s, struct.unpack(">H", exact(s, 2))[0])); r = dns.message.make_response(q); r.answer = [dns.rrset.from_text(q.question[0].name, 60, "IN", "A", f"192.0.2.{i}")]; w = r.to_wire(); s.sendall(struct.pack(">H", len(w)) + w)


def rfb(s):
    if role == "server": s.sendall(b"RFB 003.008\n"); exact(s, 12); s.sendall(b"\x01\x01"); exact(s, 1); s.sendall(bytes(4)); exact(s, 1); s.sendall(struct.pack(">HH16sI3s", 16, 8, bytes([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]), 3, b"lab"))
    else: exact(s, 12); s.sendall(b"RFB 003.008\n"); exact(s, 2); s.sendall(b"\x01"); exact(s, 4); s.sendall(b"\x01"); exact(s, 27)
    for i in range(25): s.sendall(struct.pack(">BB4H", 3, 1, 0, 0, 16, 8) + struct.pack(">BBHH", 5, i & 1, i, 3) if role == "client" else struct.pack(">BxH4Hi", 0, 1, 0, 0, 16, 8, 0) + dice.randbytes(512)); time.sleep(.006)


def smtp(s):
    import smtplib
    from email.message import EmailMessage
    m = EmailMessage(); m["From"], m["To"], m["Subject"] = "crane@lab.test", "deck@lab.test", "ahoy"; m.set_content("ahoy 🦀\n" * 20); m.add_attachment(dice.randbytes(900), maintype="application", subtype="octet-stream", filename="x.bin")
    with smtplib.SMTP(sys.argv[2], port) as c:
        for _ in range(3): c.send_message(m)


def smtp_server():
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink
    Controller(Sink(), hostname="0.0.0.0", port=port).start(); time.sleep(60)


def ftp_server():
    import logging; logging.disable()
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer
    a = DummyAuthorizer(); os.makedirs(os.environ["LAB"] + "/ftp", exist_ok=True); open(os.environ["LAB"] + "/ftp/blob", "wb").write(random.Random(1).randbytes(6000)); a.add_user("lab", "made-up", os.environ["LAB"] + "/ftp", perm="elr"); FTPHandler.authorizer = a; FTPServer(("0.0.0.0", port), FTPHandler).serve_forever()


def ftp(s):
    import ftplib
    c = ftplib.FTP(); c.connect(sys.argv[2], port); c.login("lab", "made-up"); c.set_pasv(True)
    for _ in range(3): c.retrbinary("RETR blob", lambda b: None); c.nlst()
    c.quit()


def modbus(s):
    for i in range(40):
        if role == "client": s.sendall(struct.pack(">HHHBBHH", i, 0, 6, 1, 3, i, 5)); exact(s, 19)
        else: exact(s, 12); s.sendall(struct.pack(">HHHBBB5H", i, 0, 13, 1, 3, 10, *(dice.randrange(1 << 16) for _ in range(5))))


def redis(s):  # pipelines and a subscription, beside what redis-cli says
    for i in range(30): s.sendall(b"*3\r\n$3\r\nSET\r\n$6\r\nship%02d\r\n$40\r\n%s\r\n*2\r\n$3\r\nGET\r\n$6\r\nship%02d\r\n" % (i, dice.randbytes(40), i)); s.recv(4096)
    s.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$7\r\nharbour\r\n"); s.recv(4096)


def memcached(s):
    for i in range(60): s.sendall(b"set ship%d 0 60 40\r\n%s\r\nget ship%d\r\n" % (i, dice.randbytes(40), i)); s.recv(4096)
    s.sendall(b"stats\r\n"); s.recv(4096)


def ldap(s):
    import ldap3
    c = ldap3.Connection(ldap3.Server(sys.argv[2], port=port, get_info=ldap3.NONE), auto_bind=True)
    for i in range(15): c.search("", f"(cn=ship{i})", ldap3.BASE, attributes=["*", "+"])
    c.unbind()


own = {"smtp": smtp_server, "ftp": ftp_server}
act = globals()[name.replace("-", "_")]
if role == "server" and name in own: own[name]()
elif role == "server":
    listener = socket.create_server(("0.0.0.0", port))
    while True:
        s = listener.accept()[0]; s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=act, args=(s,), daemon=True).start()
elif name in own or name == "ldap": act(None)
else:
    s = socket.create_connection((sys.argv[2], port)); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    act(s); time.sleep(.15); s.close()
