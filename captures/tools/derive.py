#!/usr/bin/env python3
"""Captures that are hard to record on purpose, made from recorded ones: lost, repeated, overlapping and wrapping
segments, other link layers, other file formats, damaged files.

derive.py            makes them all
derive.py PATTERN    makes those whose path matches the regular expression
derive.py --list     every path, a tab, what it is made from, a tab, what it shows

Deterministic: the same recordings give the same bytes. Standard library only. Where no byte is lost, the truth of the
recording is the truth of what is made from it and is copied beside it."""
import dataclasses, gzip, os, pathlib, random, re, shutil, struct, sys

HOME = pathlib.Path(__file__).resolve().parent.parent
ACK, PSH, FIN, SYN, RST = 16, 8, 1, 2, 4
LISTING = "--list" in sys.argv


def sum16(b):
    b += b"\0" * (len(b) % 2)
    n = sum(struct.unpack(f">{len(b) // 2}H", b))
    while n >> 16: n = (n & 0xFFFF) + (n >> 16)
    return ~n & 0xFFFF


@dataclasses.dataclass
class Segment:
    """One TCP segment over IPv4 or IPv6 over Ethernet, taken apart as far as the makers below need it."""
    time: int  # microseconds
    ether: bytes
    src: bytes
    dst: bytes
    tcp: bytes  # the header's first 20 bytes
    options: bytes
    data: bytes
    cut: int | None = None  # bytes captured, where that is not all
    flip: int | None = None  # the byte of the payload in which a bit is flipped on the way
    card: int | None = None  # what the checksum is left as, for the network card to set: 1 the pseudo-header's sum, 0 nothing, else anything

    port = property(lambda p: struct.unpack(">H", p.tcp[:2])[0])
    seq = property(lambda p: struct.unpack(">I", p.tcp[4:8])[0])
    ack = property(lambda p: struct.unpack(">I", p.tcp[8:12])[0])
    flags = property(lambda p: p.tcp[13])
    client = property(lambda p: p.port != 9001)

    def but(self, seq=None, ack=None, flags=None, **fields):
        t = self.tcp
        if seq is not None: t = t[:4] + struct.pack(">I", seq & 0xFFFFFFFF) + t[8:]
        if ack is not None: t = t[:8] + struct.pack(">I", ack & 0xFFFFFFFF) + t[12:]
        if flags is not None: t = t[:13] + bytes([flags]) + t[14:]
        return dataclasses.replace(self, tcp=t, **fields)

    def resent(self):
        """The same a millisecond later by the sender's clock: sent again, not captured again."""
        o = self.options
        at = next((i for i in range(len(o) - 9) if o[i:i + 2] == b"\x08\x0a"), None)
        if at is None: return self
        clock = struct.unpack(">I", o[at + 2:at + 6])[0] + 1 & 0xFFFFFFFF
        return self.but(options=o[:at + 2] + struct.pack(">I", clock) + o[at + 6:])

    def tcp_bytes(self):
        t = self.tcp[:12] + bytes([(5 + len(self.options) // 4) << 4]) + self.tcp[13:16] + b"\0\0" + self.tcp[18:] + self.options + self.data
        pseudo = self.src + self.dst + (struct.pack(">HH", 6, len(t)) if len(self.src) == 4 else struct.pack(">II", len(t), 6))
        check = sum16(pseudo + t) if self.card is None else ~sum16(pseudo) & 0xFFFF if self.card == 1 else self.card
        t = t[:16] + struct.pack(">H", check) + t[18:]
        if self.flip is None: return t
        at = len(t) - len(self.data) + self.flip % len(self.data)
        return t[:at] + bytes([t[at] ^ 1]) + t[at + 1:]

    def ip(self, options=b"", total=None, ident=0, flags=0x4000, payload=None, extension=b"", first=6):
        body = self.tcp_bytes() if payload is None else payload
        if len(self.src) == 16:
            return struct.pack(">IHBB", 0x60000000, len(extension + body) if total is None else total, first, 64) + self.src + self.dst + extension + body
        size = 20 + len(options) + len(body) if total is None else total
        h = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, size, ident, flags, 64, 6, 0) + self.src + self.dst + options
        return h[:10] + struct.pack(">H", sum16(h)) + h[12:] + body

    def frame(self): return self.ether + self.ip()


def read(name):
    """The segments of a recorded capture (pcap, this machine's byte order, Ethernet)."""
    b = (HOME / name).read_bytes()
    assert b[:4] == b"\xd4\xc3\xb2\xa1" and b[20] == 1, name
    at, out = 24, []
    while at < len(b):
        sec, usec, size, _ = struct.unpack("<4I", b[at:at + 16])
        f = b[at + 16:at + 16 + size]; at += 16 + size
        if f[12:14] == b"\x08\0":
            ihl, total = (f[14] & 15) * 4, struct.unpack(">H", f[16:18])[0]
            src, dst, t = f[26:30], f[30:34], f[14 + ihl:14 + total]
        else:
            src, dst, t = f[22:38], f[38:54], f[54:54 + struct.unpack(">H", f[18:20])[0]]
        off = (t[12] >> 4) * 4
        out.append(Segment(sec * 1000000 + usec, f[:14], src, dst, t[:20], t[20:off], t[off:]))
    return out


def restamp(segments):
    """Times in order again, after segments changed places."""
    first = min(p.time for p in segments)
    return [p.but(time=first + 700 * i) for i, p in enumerate(segments)]


def pcap(packets, link=1, order="<", magic=0xA1B2C3D4, snap=262144):
    """packets: (microseconds, bytes, original length)"""
    unit = 1000 if magic == 0xA1B23C4D else 1
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for t, data, size in packets:
        out.append(struct.pack(order + "4I", t // 1000000, t % 1000000 * unit + (t * 7 % 1000 if unit > 1 else 0), len(data), size) + (struct.pack(order + "IHBB", 2, 8, 0, 0) if magic == 0xA1B2CD34 else b"") + data)
    return b"".join(out)


def whole(segments): return [(p.time, f[:p.cut], len(f)) for p in segments for f in [p.frame()]]
def ether(segments): return pcap(whole(segments))


# ---- segments ------------------------------------------------------------------------------------------------------

def cut(segments, size, heads=False):
    """Every payload in segments of at most `size` bytes, those of the HTTP heads only if `heads`."""
    out = []
    for p in segments:
        n = len(p.data) if p.data[:4] in (b"GET ", b"HTTP") and not heads else size
        pieces = [(at, p.data[at:at + n]) for at in range(0, len(p.data), n or 1)]
        if not pieces: out.append(p)
        for i, (at, d) in enumerate(pieces):
            last = i == len(pieces) - 1
            out.append(p.but(seq=p.seq + at, flags=p.flags if last else p.flags & ~(FIN | PSH), data=d, time=p.time + i * 20))
    return out


def of(segments, client): return [p for p in segments if p.client == client]
def after_handshake(segments): return next(i for i, p in enumerate(segments) if not p.client and p.data) + 1


def shuffled(segments, reach, seed=1):
    rnd = random.Random(seed)
    head = segments[:3]
    keyed = sorted(((i + rnd.random() * reach, i) for i in range(3, len(segments))))
    return restamp(head + [segments[i] for _, i in keyed])


def swapped(segments):
    out, i = list(segments), 3
    data = [k for k, p in enumerate(segments) if p.data and k > 4]
    for a, b in zip(data[::2], data[1::2]): out[a], out[b] = out[b], out[a]
    return restamp(out)


def repeated(segments): return restamp([q for p in segments for q in (p, p)])


def repeated_later(segments, by=5):
    order = sorted([(i, p) for i, p in enumerate(segments)] + [(i + by + .5, p) for i, p in enumerate(segments) if p.data], key=lambda x: x[0])
    return restamp([p for _, p in order])


def overlapped(segments, change=None):
    """Each payload comes whole, then again in ways that overlap it: the same, a head, a tail, a middle, and with its neighbour."""
    out, before, k = [], {}, 0
    for p in segments:
        b = before.get(p.client)
        if not p.data:
            out.append(p); continue
        ways = [(0, len(p.data)), (0, len(p.data) // 2), (len(p.data) // 2, len(p.data)), (len(p.data) // 3, len(p.data) * 2 // 3)]
        again = []
        for a, z in [ways[k % 4]]:
            d = p.data[a:z]
            if d: again.append(p.resent().but(seq=p.seq + a, data=bytes(x ^ change for x in d) if change else d, flags=p.flags & ~FIN))
        if b and b.seq + len(b.data) == p.seq and k % 2 and not change:  # the end of the one before with the start of this one
            out.append(p.but(seq=b.seq, data=b.data + p.data)); again = [p.resent()]
        else:
            out.append(p)
        if k > 1: out.extend(again)
        before[p.client] = p; k += 1
    return restamp(out)


def wrapped(segments, client_at=40, server_at=40):
    """Sequence numbers moved so that both sides pass 2**32 so many bytes after their handshakes."""
    base = {}
    for c in (True, False):
        side = of(segments, c)
        syn = next(p for p in side if p.flags & SYN).seq
        head = next(p for p in side if p.data)
        base[c] = (1 << 32) - (client_at if c else server_at) - (head.seq + len(head.data) - syn) - syn
    return [p.but(seq=p.seq + base[p.client], ack=p.ack + base[not p.client] if p.flags & ACK else None) for p in segments]


def without(segments, *numbers): return [p for i, p in enumerate(segments) if i not in numbers]


def payload_lost(segments, side, skip, count=1):
    """Takes `count` data segments of a side away, after `skip` of them behind its handshake head."""
    gone = [i for i, p in enumerate(segments) if p.client == side and p.data][1 + skip:1 + skip + count]
    return without(segments, *gone)


def fin_first(segments):
    """The last data of each side comes after its FIN."""
    out = list(segments)
    for c in (True, False):
        f = next((i for i, p in enumerate(out) if p.client == c and p.flags & FIN), None)
        d = max(i for i, p in enumerate(out) if p.client == c and p.data and not p.flags & FIN)
        if f is not None and d < f: out.insert(f, out.pop(d))
    return restamp(out)


def probes(segments):
    """Old-style keep-alive probes: one byte, already acknowledged, with a value that was never there."""
    out = []
    for i, p in enumerate(segments):
        out.append(p)
        if i > 5 and p.data: out.append(p.resent().but(seq=p.seq + len(p.data) - 1, data=b"\0", flags=ACK))
    return restamp(out)


def damaged(segments, skip, how):
    """A bit of a data segment of the server is flipped on the way, after `skip` of them behind its handshake head. `how` it is made good:
    it is sent again, or was sent before, or two packets late and before its neighbour, or never."""
    i = [i for i, p in enumerate(segments) if not p.client and p.data][1 + skip]
    p = segments[i]
    bad = p.but(flip=-3)
    made = {"again": [bad, p.resent()], "before": [p, bad.resent()], "never": [bad]}
    if how in made: return restamp(segments[:i] + made[how] + segments[i + 1:])
    k = next(k for k in range(i + 1, len(segments)) if not segments[k].client and segments[k].data)
    return restamp(segments[:i] + segments[i + 1:k + 1] + [bad, p.resent()] + segments[k + 1:])


def offloaded(segments):
    """What a card with receive offload hands up: neighbours merged, lengths as they were for the first."""
    out = []
    for p in segments:
        q = out[-1] if out else None
        if q and q.client == p.client and q.data and p.data and (q.seq + len(q.data)) & 0xFFFFFFFF == p.seq: out[-1] = q.but(data=q.data + p.data, flags=q.flags | p.flags)
        else: out.append(p)
    return out


def merged(segments):
    """Segments as receive offload merges them, each with itself where it was not merged."""
    return [(p, next((q for q in segments if q.client == p.client and q.seq == p.seq and q.data == p.data), None)) for p in offloaded(segments)]


def moved_port(segments, port):
    return [dataclasses.replace(p, tcp=p.tcp[:2] + struct.pack(">H", port) + p.tcp[4:] if p.client else struct.pack(">H", port) + p.tcp[2:]) for p in segments]


# ---- link and network layers -----------------------------------------------------------------------------------------

def linked(segments, link, head=b"", head6=b""): return pcap([(p.time, d, len(d)) for p in segments for d in [(head6 if len(p.src) == 16 else head) + p.ip()]], link)
def framed(segments, make): return pcap([(p.time, p.ether + d, len(p.ether + d)) for i, p in enumerate(segments) for d in make(i, p)])


def padded(segments, extra=0):
    """Short frames filled up to 60 bytes as on a real wire, then a frame check sequence."""
    return pcap([(p.time, f, len(f)) for p in segments for f in [p.frame().ljust(60, b"\x55") + b"\xfc" * extra]])


def fragmented(i, p, size=24, order=lambda x: x, overlap=0):
    body = p.tcp_bytes()
    out = []
    for at in range(0, len(body), size):
        more = 0x2000 if at + size < len(body) else 0
        start = max(0, at - overlap)
        piece = body[start:at + size]
        if overlap and at: piece = bytes(b ^ 0x20 for b in piece[:at - start]) + piece[at - start:]
        out.append(p.ip(ident=100 + i, flags=more | start // 8, payload=piece))
    return order(out)


def fragmented6(i, p, size=24):
    body, out = p.tcp_bytes(), []
    for at in range(0, len(body), size):
        more = 1 if at + size < len(body) else 0
        out.append(p.ip(payload=body[at:at + size], extension=struct.pack(">BBHI", 6, 0, at | more, 100 + i), first=44))
    return out


def extended(i, p):
    """Hop-by-hop options, destination options and a routing header before TCP."""
    return [p.ip(first=0, extension=bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([43, 1, 1, 12] + [0] * 12) + bytes([6, 2, 4, 0] + [0] * 20))]


def udp(i, p, port, payload, source=50000):
    """A tunnel's packet from 192.0.2.1 to 192.0.2.2, or back, with the checksum of its header."""
    ends = bytes([192, 0, 2, 1, 192, 0, 2, 2])
    ends = ends if p.client else ends[4:] + ends[:4]
    return outer(i, ends, 17, struct.pack(">HHHH", source, port, 8 + len(payload), 0) + payload)


def outer(i, ends, protocol, payload):
    h = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1000 + i, 0x4000, 64, protocol, 0) + ends
    return b"\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a\x08\0" + h[:10] + struct.pack(">H", sum16(h)) + h[12:] + payload


def in_ip(i, p, protocol, payload):
    ends = bytes([192, 0, 2, 1, 192, 0, 2, 2])
    return outer(i, ends if p.client else ends[4:] + ends[:4], protocol, payload)


def wrapped_in(segments, link, make):
    """Every packet as `make(number, segment)` wraps it, in a capture of this link type."""
    return pcap([(p.time, f, len(f)) for i, p in enumerate(segments) for f in [make(i, p)]], link)


def typed(kind, tag): return lambda i, p: p.ether[:12] + struct.pack(">H", kind) + tag(i, p) + p.ether[12:] + p.ip()
def wlan(p, swapped=False, protected=False):
    control = bytes([8, (1 if p.client else 2) | (0x40 if protected else 0)])
    return (control[::-1] if swapped else control) + b"\0\0" + p.ether[:12] + b"\x02\0\0\0\0\x09\0\0" + b"\xaa\xaa\x03\0\0\0\x08\0" + p.ip()


def mpls(label): return struct.pack(">I", label << 12 | 0x100 | 64)
def pad4(b): return b + b"\0" * (-len(b) % 4)


def exported(i, p, name=b"http"):
    """What Wireshark's "Export PDUs to file" keeps of a segment: tags and payload."""
    def tag(number, value): return struct.pack(">HH", number, len(value)) + value
    return (tag(12, pad4(name)) + tag(20, p.src) + tag(21, p.dst) + tag(24, struct.pack(">I", 2)) + tag(25, b"\0\0" + p.tcp[:2]) + tag(26, b"\0\0" + p.tcp[2:4])
            + tag(30, struct.pack(">I", i + 1)) + tag(0, b"") + p.data)


def erf(i, p):
    f = p.frame() + b"\xfc" * 4
    return struct.pack("<II", 0, 1700000000) + struct.pack(">BBHHH", 2, 4, 18 + len(f), 0, len(f)) + b"\0\0" + f


def pktap(p): return struct.pack("<III24sIII", 108, 1, 1, b"en0", 0, 2, 14) + b"\0" * 60 + p.frame()
def pflog(p): return struct.pack(">BBBB16s16sIIIiIiBBBB", 61, 2, 0, 0, b"em0", b"", 7, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0, 1 if p.client else 2, 0, 0, 0) + p.ip()
def data(segments): return [p for p in segments if p.data]
def tagged(p, vlan): return p.ether[:12] + b"\x81\0" + struct.pack(">H", vlan) + p.frame()[12:]


class numbered:
    """A segment in a datagram with a number."""
    def __init__(self, p, ident): self.p, self.ident, self.ether = p, ident + 1, p.ether
    def frame(self): return self.ether + self.p.ip(ident=self.ident)


def tenants(first):
    """The segments of `first` and of another recording, moved to the same ports and times, in a VLAN each."""
    other, port = read(FRAGMENTS), next(p.tcp[:2] for p in first if p.client)
    other = [dataclasses.replace(p, tcp=port + p.tcp[2:] if p.client else p.tcp[:2] + port + p.tcp[4:], time=p.time - other[0].time + first[0].time) for p in other]
    both = sorted([(p.time, 10, p) for p in first] + [(p.time, 20, p) for p in other], key=lambda x: x[:2])
    return pcap([(t, f, len(f)) for t, vlan, p in both for f in [tagged(p, vlan)]])


TUNNELS = (
    ("tzsp", "TZSP in UDP 37008, as routers of MikroTik mirror", lambda i, p: udp(i, p, 37008, b"\x01\0\0\x01\x0a\x01\xc4\x01" + p.frame())),
    ("capwap", "CAPWAP data in UDP 5247: 802.11 frames with their control bytes swapped, as access points of Cisco send them", lambda i, p: udp(i, p, 5247, b"\0\x10\x43\0\0\0\0\0" + wlan(p, True))),
    ("capwap-ethernet", "the same with Ethernet frames (802.3 tunnel mode) and a radio's address in the header", lambda i, p: udp(i, p, 5247, b"\0\x20\x42\x10\0\0\0\0\x06\x02\0\0\0\0\x09\0" + p.frame())),
    ("l2tp", "L2TPv2 in UDP 1701 around PPP, a number for each direction", lambda i, p: udp(i, p, 1701, struct.pack(">HHHH", 0x4002, 12 + len(p.ip()), 1 if p.client else 9, 1) + b"\xff\x03\0\x21" + p.ip(), 1701)),
    ("l2tpv3", "L2TPv3 in IP with a cookie, around Ethernet", lambda i, p: in_ip(i, p, 115, struct.pack(">I", 7 if p.client else 8) + b"\xc0\x0c\x1e\x00" + p.frame())),
    ("eoip", "Ethernet over IP of MikroTik in GRE", lambda i, p: in_ip(i, p, 47, b"\x20\x01\x64\0" + struct.pack(">H", len(p.frame())) + b"\x07\0" + p.frame())),
    ("etherip", "EtherIP (RFC 3378)", lambda i, p: in_ip(i, p, 97, b"\x30\0" + p.frame())),
    ("mpls-in-udp", "MPLS in UDP 6635, a label for each direction", lambda i, p: udp(i, p, 6635, mpls(16 if p.client else 17) + p.ip())),
    ("fou", "foo over UDP: IP in UDP of a port that means nothing", lambda i, p: udp(i, p, 5555, p.ip())),
    ("gue", "generic UDP encapsulation in UDP 6080", lambda i, p: udp(i, p, 6080, b"\0\x04\0\0" + p.ip())),
    ("hp-erm", "a mirror of HP's switches: twelve bytes, then the frame, in UDP of the port that was configured", lambda i, p: udp(i, p, 7932, b"\0" * 9 + b"\x20\x0a\0" + p.frame())),
    ("azure-load-balancer", "VXLAN as Azure's gateway load balancer sends it: a port and a network for each direction", lambda i, p: udp(i, p, 10800 if p.client else 10801, b"\x08\0\0\0" + struct.pack(">I", (800 if p.client else 801) << 8) + p.frame())),
    ("vxlan-other-port", "VXLAN in UDP of a port that means nothing", lambda i, p: udp(i, p, 12345, b"\x08\0\0\0" + struct.pack(">I", 42 << 8) + p.frame())),
    ("lisp", "LISP data in UDP 4341", lambda i, p: udp(i, p, 4341, b"\xc0\x01\x02\x03\0\0\0\x01" + p.ip())),
    ("cisco-metadata", "Ethernet type 0x8909, Cisco's tag of a security group", typed(0x8909, lambda i, p: b"\x01\x01\0\x01\0\x07")),
    ("cisco-ttag", "Ethernet type 0x8988, Cisco's time tag", typed(0x8988, lambda i, p: struct.pack(">HI", 0, i))),
    ("hsr", "HSR tags (IEC 62439-3)", typed(0x892F, lambda i, p: struct.pack(">HH", 6 + len(p.ip()), i))),
    ("prp", "PRP trailers (IEC 62439-3)", lambda i, p: p.frame().ljust(60, b"\0") + struct.pack(">HHH", i, 0xA000 | (len(p.ip()) + 6 & 0xFFF), 0x88FB)),
    ("nsh", "a network service header (RFC 8300), a path for each direction", lambda i, p: p.ether[:12] + b"\x89\x4f" + b"\x0f\xc2\x02\x01" + struct.pack(">I", (7 if p.client else 8) << 8 | 255) + p.ip()),
    ("macsec-integrity", "MACsec without encryption (IEEE 802.1AE)", lambda i, p: p.ether[:12] + b"\x88\xe5\x20\0" + struct.pack(">I", i + 1) + p.ether[6:12] + b"\0\x01" + p.ether[12:] + p.ip() + b"\xcc" * 16),
    ("trill", "TRILL between two bridges", lambda i, p: b"\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a\x22\xf3\0\x3f\0\x01\0\x02" + p.frame()),
    ("batman", "unicast packets of B.A.T.M.A.N. advanced", lambda i, p: b"\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a\x43\x05\x40\x0f\x32\x01\x02\0\0\0\0\x0b" + p.frame()),
)

def before(segments, *turns):
    """A conversation with bytes before its request: each turn is (client, bytes), in a segment of its own, or, where `bytes`
    ends the client's turns with None behind it, in the request's segment."""
    at = next(i for i, p in enumerate(segments) if p.data)
    sent, out, time = {True: 0, False: 0}, list(segments[:at]), segments[at].time
    first = {c: next(p for p in segments if p.client == c and not p.flags & SYN) for c in (True, False)}
    isn = {c: next(p for p in segments if p.client == c and p.flags & SYN).seq + 1 for c in (True, False)}
    joined = b""
    for n, (client, bytes_, *own) in enumerate(turns):
        if own: joined = bytes_; continue
        out.append(first[client].but(seq=isn[client] + sent[client], ack=isn[not client] + sent[not client], flags=ACK | PSH, data=bytes_, time=time + 40 * n))
        sent[client] += len(bytes_)
    for p in segments[at:]:
        if joined and p.data and p.client:
            out.append(p.but(seq=p.seq + sent[True], ack=p.ack + sent[False], data=joined + p.data)); sent[True] += len(joined); joined = b""; continue
        out.append(p.but(seq=p.seq + sent[p.client], ack=p.ack + sent[not p.client] if p.flags & ACK else None))
    return restamp(out)


def dialogue(segments, *turns):
    """Bytes of our own between a recorded connection's beginning and end: each turn is (client, bytes)."""
    head = [p for p in segments[:3]]
    tail = [p for p in segments if p.flags & FIN or not p.data and p.seq == segments[-1].seq and p is segments[-1]]
    first = {c: next(p for p in segments if p.client == c and not p.flags & SYN) for c in (True, False)}
    start = {c: next(p for p in segments if p.client == c and p.flags & SYN).seq + 1 for c in (True, False)}
    sent, out = {True: 0, False: 0}, head
    for n, (client, bytes_) in enumerate(turns):
        out.append(first[client].but(seq=start[client] + sent[client], ack=start[not client] + sent[not client], flags=ACK | PSH, data=bytes_, time=head[-1].time + 900 * (n + 1)))
        sent[client] += len(bytes_)
    for n, client in enumerate((True, False)):
        out.append(first[client].but(seq=start[client] + sent[client], ack=start[not client] + sent[not client] + n, flags=ACK | FIN, data=b"", time=out[-1].time + 500))
    return out


KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
def ask(*more, key=True): return ("\r\n".join(["GET /chat HTTP/1.1", "Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade", *([f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"] if key else []), *more]) + "\r\n\r\n").encode()
def grant(*more, accept=True): return ("\r\n".join(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", *([f"Sec-WebSocket-Accept: {ACCEPT}"] if accept else []), *more]) + "\r\n\r\n").encode()
def masked(first, body): return bytes([first, 0x80 | len(body)]) + b"\0\x01\x02\x03" + bytes(b ^ (i & 3) for i, b in enumerate(body))
def plain(first, body): return bytes([first, len(body)]) + body
def chunk(b): return b"%x\r\n" % len(b) + b + b"\r\n"


def squeezed(text):
    import zlib
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (z.compress(text) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]


BYE = ((True, masked(0x88, b"\x03\xe8")), (False, plain(0x88, b"\x03\xe8")))
V1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 8080\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x1b" + bytes([192, 0, 2, 7, 10, 0, 0, 1]) + struct.pack(">HH", 56324, 8080) + b"\x03\0\x04\x12\x34\x56\x78" + b"\xea\0\x05\x01vpce"
NAMED = b"\x03\x12server.example.com\0\x50"


SCGI = b"\0".join([b"CONTENT_LENGTH", b"0", b"SCGI", b"1", b"REQUEST_METHOD", b"GET", b"REQUEST_URI", b"/chat", b"HTTP_UPGRADE", b"websocket", b"HTTP_SEC_WEBSOCKET_KEY", KEY.encode(), b""])
SCGI = b"%d:" % len(SCGI) + SCGI + b","


def every(seconds, segments):
    """The same, so many seconds between two packets."""
    return [p.but(time=segments[0].time + i * seconds * 1000000) for i, p in enumerate(segments)]


def heard(segments, answers):
    """Pings of the server between texts of the client; the client answers the last if `answers`."""
    asked = [turn for n in range(3) for turn in ((False, plain(0x89, b"ping %d" % n)), (True, masked(0x81, b"text %d" % n)))]
    return every(15, dialogue(segments, (True, ask()), (False, grant()), *asked, *([(True, masked(0x8A, b"ping 2"))] if answers else []), *BYE))


def uwsgi(segments):
    """The request as a web server passes it on in uwsgi's form."""
    def text(b): return struct.pack("<H", len(b)) + b
    out = []
    for p in segments:
        if p.data.startswith(b"GET "):
            lines = p.data.decode().split("\r\n")
            method, target, version = lines[0].split(" ")
            names = [("REQUEST_METHOD", method), ("REQUEST_URI", target), ("SERVER_PROTOCOL", version), ("REMOTE_ADDR", "192.0.2.7"), ("REMOTE_PORT", "56324")]
            names += [("HTTP_" + k.upper().replace("-", "_"), v) for k, v in (line.split(": ", 1) for line in lines[1:] if line)]
            body = b"".join(text(k.encode()) + text(v.encode()) for k, v in names)
            q = p.but(data=b"\0" + struct.pack("<H", len(body)) + b"\0" + body)
            shift = len(q.data) - len(p.data)
            out.append(q); seen = True; continue
        if any(q.data[:1] == b"\0" for q in out): p = p.but(seq=p.seq + shift if p.client else None, ack=p.ack + shift if not p.client else None)
        out.append(p)
    return out


# ---- files ------------------------------------------------------------------------------------------------------------

def block(kind, body, order="<", size=None):
    body += b"\0" * (-len(body) % 4)
    n = 12 + len(body) if size is None else size
    return struct.pack(order + "II", kind, n) + body + struct.pack(order + "I", n)


def option(code, value, order="<"): return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)
def section(order="<", length=-1, options=b""): return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, length) + options, order)
def interface(link=1, order="<", snap=262144, options=b""): return block(1, struct.pack(order + "HHI", link, 0, snap) + options, order)


def enhanced(p, unit=1, iface=0, order="<", options=b"", offset=0):
    f, t = p.frame(), p.time * unit - offset
    return block(6, struct.pack(order + "5I", iface, (t >> 32) & 0xFFFFFFFF, t & 0xFFFFFFFF, len(f), len(f)) + f + b"\0" * (-len(f) % 4) + options, order)


def simple(p, order="<"): return block(3, struct.pack(order + "I", len(p.frame())) + p.frame(), order)


def sections(segments):
    """A little-endian section with two interfaces, micro- and nanoseconds, then a big-endian one; half the packets in each."""
    half = len(segments) // 2
    end = struct.pack("<HH", 0, 0)
    out = [section(), interface(options=option(2, b"wire0") + option(9, b"\x06") + end), interface(options=option(2, b"wire1") + option(9, b"\x09") + end)]
    out += [enhanced(p, 1000 if p.client else 1, 1 if p.client else 0) for p in segments[:half]]
    start = segments[0].time // 1000000
    out += [section(">"), interface(order=">", options=option(9, bytes([0x80 | 20]), ">") + option(14, struct.pack(">q", start), ">") + struct.pack(">HH", 0, 0))]
    for p in segments[half:]:  # units of 2**-20 s, counted from `start`
        ticks = ((p.time - start * 1000000 << 20) + 999999) // 1000000
        f = p.frame()
        out.append(block(6, struct.pack(">5I", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(f), len(f)) + f, ">"))
    return b"".join(out)


def decorated(segments):
    """Comments, name resolution, interface statistics, a custom block, an unknown block, decryption secrets."""
    end = struct.pack("<HH", 0, 0)
    keys = b"# no real secret\nCLIENT_RANDOM " + b"00" * 32 + b" " + b"11" * 48 + b"\n"
    out = [section(options=option(1, b"made for wirefin") + option(4, b"derive.py") + end), interface(),
           block(4, struct.pack("<HH", 1, 13) + segments[0].src + b"lab.test\0" + b"\0\0\0" + struct.pack("<HH", 0, 0)),
           block(10, struct.pack("<II", 0x544C534B, len(keys)) + keys), block(0xBAD, struct.pack("<I", 32473) + b"custom"), block(0x777, b"nobody knows me")]
    out += [enhanced(p, options=option(1, f"packet {i + 1} \x1b[31m".encode()) + end) for i, p in enumerate(segments)]
    return b"".join(out + [block(5, struct.pack("<III", 0, 0, 0) + option(4, struct.pack("<Q", len(segments))) + end)])


def plain_ng(segments): return section() + interface() + b"".join(enhanced(p) for p in segments)


def damaged_ng(segments, at, bad): return section() + interface() + b"".join(enhanced(p) for p in segments[:at]) + bad + b"".join(enhanced(p) for p in segments[at:])


def lying(segments, at, caplen=None, size=None):
    """One record whose lengths are not true."""
    packets, out = whole(segments), [pcap([])]
    for i, (t, d, n) in enumerate(packets):
        head = (caplen or len(d), size if size is not None else n) if i == at else (len(d), n)
        out.append(struct.pack("<4I", t // 1000000, t % 1000000, *head) + d)
    return b"".join(out)


ECHO, SHORT6, DEFLATE, FRAGMENTS, QUOTES = "messages/ws-echo.pcap", "link/ethernet-ipv6.pcap", "compressed/ws-takeover.pcap", "messages/ws-fragmented.pcap", "compressed/ws-no-takeover.pcap"
SHORT = "control/ws-close-empty.pcap"
MADE = []


def make(path, base, shows, how, truth=True): MADE.append((path, base, shows, how, truth))


R = dict(truth=False)
make("tcp/reordered.pcap", ECHO, "segments up to six places from where they belong", lambda s: ether(shuffled(s, 6)))
make("tcp/reordered-small-segments.pcap", FRAGMENTS, "segments of 5 bytes in any order within twenty", lambda s: ether(shuffled(cut(s, 5), 20, 4)))
make("tcp/reordered-deflate.pcap", DEFLATE, "a compressed conversation, every two data segments swapped", lambda s: ether(swapped(s)))
make("tcp/repeated.pcap", ECHO, "every packet twice", lambda s: ether(repeated(s)))
make("tcp/repeated-later.pcap", DEFLATE, "every data segment again five packets later", lambda s: ether(repeated_later(s)))
make("tcp/a-byte-a-segment.pcap.gz", SHORT, "everything a byte a segment, heads too", lambda s: gzip.compress(ether(cut(s, 1, True)), 9, mtime=0))
make("tcp/overlapping-equal.pcap", FRAGMENTS, "payloads again in whole, head, tail, middle and with their neighbours, the same bytes", lambda s: ether(overlapped(cut(s, 40))))
make("tcp/overlapping-different.pcap", FRAGMENTS, "the same with other bytes in the copies: the first one seen stands", lambda s: ether(overlapped(cut(s, 40), 0x15)))
make("tcp/sequence-wraps.pcap", ECHO, "both sides' sequence numbers wrap in the middle of a frame", lambda s: ether(wrapped(s)))
make("tcp/sequence-wraps-reordered.pcap", FRAGMENTS, "the same with reordered segments of 9 bytes around the wrap", lambda s: ether(shuffled(cut(wrapped(s, 30, 21), 9), 12, 3)))
make("tcp/sequence-wraps-in-handshake.pcap", SHORT, "the wrap falls into the request and the 101", lambda s: ether(wrapped(s, -60, -50)))
make("tcp/fin-before-the-last-data.pcap", ECHO, "each side's FIN overtakes its last data", lambda s: ether(fin_first(s)))
make("tcp/keep-alive-with-byte.pcap", ECHO, "probes of one old byte whose value is not what was sent", lambda s: ether(probes(s)))
make("tcp/offloaded.pcap", FRAGMENTS, "neighbouring segments merged as receive offload does", lambda s: ether(offloaded(s)))
make("tcp/damaged-then-sent-again.pcap", ECHO, "a bit of a server's message is flipped on the way: its checksum is wrong, and it is sent again", lambda s: ether(damaged(s, 1, "again")))
make("tcp/damaged-copy.pcap", ECHO, "a message is sent again, and the copy damaged on the way", lambda s: ether(damaged(s, 1, "before")))
make("tcp/damaged-out-of-order.pcap", ECHO, "a message is damaged, comes behind its neighbour, and is sent again", lambda s: ether(damaged(s, 1, "late")))
make("tcp/damaged-not-sent-again.pcap", ECHO, "a message is damaged and acknowledged: whoever received it had a good copy that was not captured", lambda s: ether(damaged(s, 1, "never")), **R)
make("tcp/damaged-ipv6.pcap", SHORT6, "the same over IPv6, sent again", lambda s: ether(damaged(s, 0, "again")))
make("tcp/checksums-of-client-left-to-card.pcap", ECHO, "the client's checksums left to its network card, the server's are right: captured on the client", lambda s: ether([p.but(card=1) if p.client else p for p in s]))
make("tcp/checksums-none.pcap", ECHO, "no checksums at all", lambda s: ether([p.but(card=0) for p in s]))
make("tcp/checksums-all-wrong.pcap", ECHO, "every checksum is wrong, as where addresses were changed", lambda s: ether([p.but(card=0x1234 + i) for i, p in enumerate(s)]))
make("tcp/checksums-of-merged.pcap", FRAGMENTS, "the server's segments merged on receipt, which leaves the sum of the pseudo-header", lambda s: ether([p.but(card=1) if q is not p and not p.client else p for p, q in merged(s)]))
make("tcp/lost-payload.pcap", FRAGMENTS, "segments of 6 bytes, one lost inside a server's payload", lambda s: ether(payload_lost(cut(s, 6), False, 3)), **R)
make("tcp/lost-header.pcap", ECHO, "segments of 6 bytes, three lost: frame headers of the server with them", lambda s: ether(payload_lost(cut(s, 6), False, 2, 3)), **R)
make("tcp/lost-header-of-client.pcap", ECHO, "a whole message of the client lost: its frame and nothing else", lambda s: ether(payload_lost(s, True, 2)), **R)
make("tcp/lost-deflate.pcap", DEFLATE, "a compressed message of the server lost: the window has a hole", lambda s: ether(payload_lost(s, False, 3)), **R)
make("tcp/lost-deflate-no-takeover.pcap", QUOTES, "the same without context takeover: the next message needs nothing of it", lambda s: ether(payload_lost(s, False, 3)), **R)
make("tcp/lost-request.pcap", ECHO, "the upgrade request lost, its answer captured", lambda s: ether([p for p in s if not (p.client and p.data[:4] == b"GET ")]), **R)
make("tcp/lost-answer.pcap", ECHO, "the 101 lost", lambda s: ether([p for p in s if p.data[:5] != b"HTTP/"]), **R)
make("tcp/only-client.pcap", ECHO, "the client's direction alone", lambda s: ether(of(s, True)), **R)
make("tcp/only-server.pcap", DEFLATE, "the server's direction alone, compressed", lambda s: ether(of(s, False)), **R)
make("tcp/joined-late.pcap", ECHO, "capture begins after the handshake", lambda s: ether(s[after_handshake(s):]))
make("tcp/joined-late-port-443.pcap", FRAGMENTS, "capture begins in the middle, on a port that promises something else", lambda s: ether(moved_port(s, 443)[after_handshake(s) + 3:]), **R)
make("tcp/joined-late-deflate.pcap", DEFLATE, "capture begins six packets after the handshake, with context takeover", lambda s: ether(s[after_handshake(s) + 6:]), **R)
make("tcp/joined-late-no-takeover.pcap", QUOTES, "the same without context takeover", lambda s: ether(s[after_handshake(s) + 6:]), **R)
make("tcp/joined-inside-a-frame.pcap", ECHO, "segments of 4 bytes; capture begins in the middle of a frame", lambda s: ether(cut(s[after_handshake(s) + 3:], 4)[1:]), **R)
make("tcp/snap-length-96.pcap", DEFLATE, "every packet cut at 96 bytes", lambda s: pcap(whole([p.but(cut=96) for p in s]), snap=96), **R)
make("tcp/snap-length-72.pcap", SHORT, "every packet cut at 72 bytes: within the options of the first, the heads and the reason of the close",
     lambda s: pcap(whole([p.but(cut=72) for p in dialogue(s, (True, ask()), (False, grant()), *((True, masked(0x81, b"hello")), (False, plain(0x81, b"hello"))) * 4, (False, plain(0x88, b"\x03\xe9going away")), (True, masked(0x88, b"\x03\xe9")))]), snap=72), **R)
make("tcp/close-captured-late.pcap", SHORT, "the client's close is captured behind the server's answer, which acknowledges it",
     lambda s: ether(restamp((lambda d: d[:-4] + [d[-3], d[-4]] + d[-2:])(dialogue(s, (True, ask()), (False, grant()), (True, masked(0x88, b"\x03\xe8bye")), BYE[1])))), **R)
make("tcp/joined-late-pings-unanswered.pcap", SHORT, "joined late: three pings of the server that the client, which goes on to send, never answers", lambda s: ether(heard(s, False)[5:]), **R)
make("control/latest-ping-answered.pcap", SHORT, "three pings of the server, of which the client answers the latest alone", lambda s: ether(heard(s, True)), **R)
make("negative/mqtt-one-side.pcap", SHORT, "MQTT in one direction alone and joined late: SUBSCRIBE packets, which look like frames", lambda s: ether([p for p in dialogue(s, *((True, b"\x82\x0f\0" + bytes([n]) + b"\0\x0asensors/%02d\x01" % n) for n in range(1, 30))) if p.client][2:]), **R)
make("tcp/snap-length-headers-only.pcap", ECHO, "every packet cut behind its TCP header", lambda s: pcap(whole([p.but(cut=66) for p in s]), snap=66), **R)
make("tcp/resets-from-elsewhere.pcap", ECHO, "RSTs with sequence numbers out of the window: to be ignored", lambda s: ether(restamp([q for i, p in enumerate(s) for q in ([p, p.but(seq=p.seq + 0x30000000, flags=RST, data=b"")] if i in (6, 9) else [p])])))
make("tcp/no-end.pcap", ECHO, "capture ends in the middle of the conversation", lambda s: ether(s[:14]), **R)
make("tcp/end-then-port-again.pcap", SHORT, "the same four-tuple twice, the first one's end not captured", lambda s: ether(restamp([p for p in s if not p.flags & FIN][:-2] + [p.but(seq=p.seq + (1 << 28), ack=p.ack + (1 << 28) if p.flags & ACK else None) for p in s])), **R)

make("link/bsd-null.pcap", SHORT, "BSD loopback (NULL), little-endian family", lambda s: linked(s, 0, struct.pack("<I", 2)))
make("link/bsd-null-big-endian.pcap", SHORT, "BSD loopback (NULL), big-endian family", lambda s: linked(s, 0, struct.pack(">I", 2)))
for number, system in ((24, "FreeBSD"), (28, "NetBSD"), (30, "Darwin")):
    make(f"link/bsd-null-ipv6-{number}.pcap", SHORT6, f"BSD loopback, family {number}: IPv6 of {system}", lambda s, n=number: linked(s, 0, b"", struct.pack("<I", n)))
make("link/openbsd-loop.pcap", SHORT, "OpenBSD loopback (LOOP)", lambda s: linked(s, 108, struct.pack(">I", 2)))
make("link/raw-ipv4.pcap", SHORT, "link type IPV4", lambda s: linked(s, 228))
make("link/raw-ipv6.pcap", SHORT6, "link type IPV6", lambda s: linked(s, 229))
make("link/unknown-link-type.pcap", SHORT, "link type 147 (USER0), which nobody can read", lambda s: linked(s, 147), **R)
make("link/ethernet-padding.pcap", SHORT, "frames padded to 60 bytes with something that is not zero", lambda s: padded(s))
make("link/ethernet-padding-fcs.pcap", SHORT, "the same and a frame check sequence", lambda s: padded(s, 4))
make("link/ipv4-options.pcap", SHORT, "IPv4 options: router alert and no-operations", lambda s: framed(s, lambda i, p: [p.ip(options=b"\x94\x04\0\0\x01\x01\x01\x01")]))
make("link/ipv4-total-length-0.pcap", FRAGMENTS, "total length 0 on packets with data, as segmentation offload leaves it", lambda s: framed(offloaded(s), lambda i, p: [p.ip(total=0 if p.data else None)]))
make("link/ipv6-payload-length-0.pcap", SHORT6, "payload length 0 on packets with data", lambda s: framed(s, lambda i, p: [p.ip(total=0 if p.data else None)]))
make("link/ipv6-extension-headers.pcap", SHORT6, "hop-by-hop options, routing and destination options before TCP", lambda s: framed(s, extended))
make("link/ipv4-fragments.pcap", SHORT, "every segment in IPv4 fragments of 24 bytes", lambda s: framed(s, fragmented))
make("link/ipv4-fragments-reversed.pcap", SHORT, "the same, the last fragment first", lambda s: framed(s, lambda i, p: fragmented(i, p, order=lambda x: x[::-1])))
make("link/ipv4-fragments-repeated.pcap", SHORT, "the same, every fragment twice", lambda s: framed(s, lambda i, p: fragmented(i, p, order=lambda x: [f for f in x for _ in (0, 1)])))
make("link/ipv4-fragments-overlapping.pcap", SHORT, "fragments that overlap with other bytes: to be rejected and told", lambda s: framed(s, lambda i, p: fragmented(i, p, 32, overlap=8) if p.data and not p.data.startswith((b"GET", b"HTTP")) else [p.ip()]), **R)
make("link/ipv4-fragment-missing.pcap", SHORT, "one fragment of one message is missing", lambda s: framed(s, lambda i, p: fragmented(i, p)[:-1] if i == 7 else fragmented(i, p)), **R)
make("link/ipv6-fragments.pcap", SHORT6, "every segment in IPv6 fragments of 24 bytes", lambda s: framed(s, fragmented6))

for name, shows, how in TUNNELS:
    make(f"link/{name}.pcap", SHORT, shows, lambda s, how=how: wrapped_in(s, 1, how))
for name, link, shows, how in (
    ("pktap", 258, "Apple's PKTAP header", lambda i, p: pktap(p)),
    ("pflog", 117, "OpenBSD's packet filter log", lambda i, p: pflog(p)),
    ("openbsd-enc", 109, "OpenBSD's packets inside IPsec", lambda i, p: struct.pack(">III", 2, 0x1000, 0) + p.ip()),
    ("erf", 197, "Endace's ERF records", erf),
    ("frame-relay", 107, "frame relay (RFC 2427)", lambda i, p: b"\x18\x41\x03\xcc" + p.ip()),
    ("frame-relay-cisco", 107, "frame relay as Cisco encapsulates", lambda i, p: b"\x18\x41\x08\0" + p.ip()),
    ("token-ring", 6, "token ring with a bridge's route", lambda i, p: b"\x10\x40" + p.ether[:6] + bytes([p.ether[6] | 0x80]) + p.ether[7:12] + b"\x06\x30\0\x01\0\x02" + b"\xaa\xaa\x03\0\0\0\x08\0" + p.ip()),
    ("ieee1394", 138, "IP over IEEE 1394 of Apple", lambda i, p: p.ether[:6] + b"\0\0" + p.ether[6:12] + b"\0\0\x08\0" + p.ip()),
    ("ppp-with-direction", 204, "PPP behind a byte of direction", lambda i, p: bytes([p.client]) + b"\xff\x03\0\x21" + p.ip()),
    ("cisco-hdlc-as-ppp", 9, "Cisco's HDLC in a capture of link type PPP", lambda i, p: b"\x0f\0\x08\0" + p.ip()),
    ("wlan-prism", 119, "802.11 behind a Prism header", lambda i, p: struct.pack("<II", 0x44, 144) + b"\0" * 136 + wlan(p)),
    ("marvell-edsa", 285, "frames with the tag of a Marvell switch", lambda i, p: p.ether[:12] + b"\xda\xda\0\0\xc0\x08\0\0" + p.ether[12:] + p.ip())):
    make(f"link/{name}.pcap", SHORT, shows, lambda s, link=link, how=how: wrapped_in(s, link, how))
make("link/vlan-one-direction.pcap", DEFLATE, "the server's packets with a VLAN tag, the client's without", lambda s: wrapped_in(s, 1, lambda i, p: p.frame() if p.client else tagged(p, 100)))
make("link/vlan-per-direction.pcap", SHORT, "a VLAN for each direction", lambda s: wrapped_in(s, 1, lambda i, p: tagged(p, 100 if p.client else 200)))
make("link/gre-key-per-direction.pcap", SHORT, "a GRE key for each direction", lambda s: wrapped_in(s, 1, lambda i, p: in_ip(i, p, 47, struct.pack(">HHI", 0x2000, 0x0800, 10 if p.client else 20) + p.ip())))
make("link/any-vlan-host.pcap", ECHO, "each packet of a host's VLAN device twice: tagged and bare", lambda s: pcap([(p.time + n, f, len(f)) for i, p in enumerate(s) for n, f in enumerate([tagged(numbered(p, i), 100), numbered(p, i).frame()])]))
make("link/tenants.pcap", ECHO, "two connections between equal addresses, each in a VLAN of its own, at the same time", tenants, **R)
make("link/gre-in-udp-ipv6.pcap", SHORT6, "IPv6 in GRE in UDP of a port that means nothing", lambda s: wrapped_in(s, 1, lambda i, p: udp(i, p, 5555, b"\0\0\x86\xdd" + p.ip())))
make("link/vxlan-other-port-ipv6.pcap", SHORT6, "VXLAN around IPv6, a port and a network for each direction that mean nothing", lambda s: wrapped_in(s, 1, lambda i, p: udp(i, p, 2000 + p.client, b"\x08\0\0\0" + struct.pack(">I", (800 + p.client) << 8) + p.frame())))
make("link/exported-pdus.pcap", SHORT, "PDUs that Wireshark exported from TCP: payloads without numbers", lambda s: wrapped_in(data(s), 252, exported))
make("link/capwap-fragments.pcap", SHORT, "802.11 frames in two CAPWAP fragments each, the second first",
     lambda s: pcap([(p.time, f, len(f)) for i, p in enumerate(s) for w in [wlan(p)] for f in [udp(2 * i, p, 5247, b"\0\x10\x43\xc0" + struct.pack(">HH", i, 48) + w[48:]), udp(2 * i + 1, p, 5247, b"\0\x10\x43\x80" + struct.pack(">HH", i, 0) + w[:48])]]))
make("link/wlan-protected.pcap", SHORT, "802.11 frames that are encrypted: named, not read", lambda s: wrapped_in(s, 105, lambda i, p: wlan(p, protected=True)), **R)
make("link/macsec-encrypted.pcap", SHORT, "MACsec with encryption: named, not read", lambda s: wrapped_in(s, 1, lambda i, p: p.ether[:12] + b"\x88\xe5\x2c\0" + struct.pack(">I", i + 1) + p.ether[6:12] + b"\0\x01" + bytes(b ^ 0xA5 for b in p.ip()) + b"\xcc" * 16), **R)

make("http/proxy-v1.pcap", SHORT, "a PROXY header of version 1 in the request's segment", lambda s: ether(before(s, (True, V1, None))))
make("http/proxy-v1-own-segment.pcap", SHORT, "the same in a segment of its own", lambda s: ether(before(s, (True, V1))))
make("http/proxy-v2.pcap", SHORT, "a PROXY header of version 2 with a checksum and a cloud's value", lambda s: ether(before(s, (True, V2, None))))
make("http/proxy-v2-in-pieces.pcap", SHORT, "the same in three segments", lambda s: ether(before(s, (True, V2[:9]), (True, V2[9:30]), (True, V2[30:]))))
make("http/socks4.pcap", SHORT, "SOCKS 4, granted", lambda s: ether(before(s, (True, b"\x04\x01\0\x50\x0a\0\0\x09me\0"), (False, b"\0\x5a\0\x50\x0a\0\0\x09"))))
make("http/socks4a.pcap", SHORT, "SOCKS 4A: a host by its name", lambda s: ether(before(s, (True, b"\x04\x01\0\x50\0\0\0\x01\0server.example.com\0"), (False, b"\0\x5a\0\0\0\0\0\0"))))
make("http/socks5.pcap", SHORT, "SOCKS 5 without a password", lambda s: ether(before(s, (True, b"\x05\x01\0"), (False, b"\x05\0"), (True, b"\x05\x01\0" + NAMED), (False, b"\x05\0\0\x01\x0a\0\0\x09\x04\x38"))))
make("http/socks5-password.pcap", SHORT, "SOCKS 5 with a name and a password", lambda s: ether(before(s, (True, b"\x05\x02\0\x02"), (False, b"\x05\x02"), (True, b"\x01\x02me\x03pwd"), (False, b"\x01\0"), (True, b"\x05\x01\0" + NAMED), (False, b"\x05\0\0\x01\x0a\0\0\x09\x04\x38"))))
make("http/socks5-refused.pcap", SHORT, "SOCKS 5, refused by a rule of the proxy", lambda s: ether(dialogue(s, (True, b"\x05\x01\0"), (False, b"\x05\0"), (True, b"\x05\x01\0" + NAMED), (False, b"\x05\x02\0\x01\0\0\0\0\0\0"))), **R)
make("http/proxy-v1-then-socks5.pcap", SHORT, "a PROXY header, then SOCKS 5", lambda s: ether(before(s, (True, V1), (True, b"\x05\x01\0"), (False, b"\x05\0"), (True, b"\x05\x01\0" + NAMED), (False, b"\x05\0\0\x01\x0a\0\0\x09\x04\x38"))))
make("http/proxy-v2-local.pcap", SHORT, "a PROXY header of the proxy itself, with addresses that mean nothing", lambda s: ether(before(s, (True, V2[:12] + b"\x20" + V2[13:], None))))
make("http/socks5-reply-of-version-5.pcap", SHORT, "SOCKS 5: the answer to the password has the version of SOCKS", lambda s: ether(before(s, (True, b"\x05\x01\x02"), (False, b"\x05\x02"), (True, b"\x01\x02me\x03pwd"), (False, b"\x05\0"), (True, b"\x05\x01\0" + NAMED), (False, b"\x05\0\0\x01\x0a\0\0\x09\x04\x38"))))
make("http/socks5-no-method.pcap", SHORT, "SOCKS 5: the proxy accepts none of the methods", lambda s: ether(dialogue(s, (True, b"\x05\x01\0"), (False, b"\x05\xff"))), **R)
make("http/scgi.pcap", SHORT, "a request in a form that is not known (SCGI), answered by a 101 of HTTP", lambda s: ether(dialogue(s, (True, SCGI), (False, grant()), (True, masked(0x81, b"hello")), (False, plain(0x81, b"hello")), *BYE)), **R)
make("http/uwsgi.pcap", SHORT, "a web server's request in uwsgi's form, answered by HTTP", lambda s: ether(uwsgi(s)))

for name, shows, offer, answer in (
    ("semicolon", "an answer with a semicolon too many", "permessage-deflate", "permessage-deflate;"),
    ("empty-parameter", "an answer with an empty parameter before another", "permessage-deflate; client_max_window_bits", "permessage-deflate;; server_no_context_takeover"),
    ("offer-semicolon", "an offer with a semicolon too many", "permessage-deflate;", "permessage-deflate")):
    make(f"compressed/{name}.pcap", SHORT, shows + ": read as it is meant", lambda s, o=offer, a=answer: ether(dialogue(s, (True, ask("Sec-WebSocket-Extensions: " + o)), (False, grant("Sec-WebSocket-Extensions: " + a)),
         (False, plain(0xC1, squeezed(b'{"hello":"server"}'))), (True, masked(0xC1, squeezed(b'{"hello":"client"}'))), *BYE)), **R)
make("handshake/content-length-101.pcap", SHORT, "Content-Length: 0 in the 101", lambda s: ether(dialogue(s, (True, ask()), (False, grant("Content-Length: 0")), (True, masked(0x81, b"hello")), (False, plain(0x81, b"hello")), *BYE)), **R)
make("handshake/transfer-encoding-101.pcap", SHORT, "Transfer-Encoding: chunked in the 101, frames without chunks", lambda s: ether(dialogue(s, (True, ask()), (False, grant("Transfer-Encoding: chunked")), (True, masked(0x81, b"hello")), (False, plain(0x81, b"hello")), *BYE)), **R)
make("handshake/chunked-frames.pcap", SHORT, "Transfer-Encoding: chunked in the 101, and the server's frames in chunks", lambda s: ether(dialogue(s, (True, ask()), (False, grant("Transfer-Encoding: chunked")), (True, masked(0x81, b"hello")), (False, chunk(plain(0x81, b"hello"))), (False, chunk(plain(0x81, b"in two")[:3]) + chunk(plain(0x81, b"in two")[3:])), (True, BYE[0][1]), (False, chunk(BYE[1][1])))), **R)
make("handshake/answer-subprotocol-empty.pcap", SHORT, "an empty Sec-WebSocket-Protocol in the 101", lambda s: ether(dialogue(s, (True, ask()), (False, grant("Sec-WebSocket-Protocol: ")), (True, masked(0x81, b"hello")), *BYE)), **R)
HIXIE76 = b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U"
make("handshake/hixie-76.pcap", SHORT, "draft-hixie-76 with its own example: two texts and a close", lambda s: ether(dialogue(s, (True, HIXIE76),
     (False, b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: ws://example.com/demo\r\n\r\n8jKS'y:G*Co,Wxa-"),
     (True, b"\0hello\xff"), (False, b"\0world\xff"), (True, b"\xff\0"), (False, b"\xff\0"))), **R)
make("handshake/hixie-75.pcap", SHORT, "draft-hixie-75: no key at all, a text each way", lambda s: ether(dialogue(s, (True, b"GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: example.com\r\nOrigin: http://example.com\r\n\r\n"),
     (False, b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nWebSocket-Origin: http://example.com\r\nWebSocket-Location: ws://example.com/demo\r\n\r\n"),
     (True, b"\0hello\xff"), (False, b"\0world\xff"))), **R)
make("http/upgrade-to-tcp.pcap", SHORT, "an upgrade to raw TCP, as of Docker: named", lambda s: ether(dialogue(s, (True, b"POST /containers/x/attach HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"), (False, b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"), (False, b"\x81\x05hello"))), **R)
make("http/upgrade-to-spdy.pcap", SHORT, "an upgrade to SPDY/3.1, as of Kubernetes: named", lambda s: ether(dialogue(s, (True, b"POST /exec HTTP/1.1\r\nHost: k8s\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n"), (False, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"), (False, b"\x80\x03\0\x04\0\0\0\0"))), **R)
make("http/upgrade-without-key-ssh.pcap", SHORT, "Upgrade: websocket without a key, and SSH behind it", lambda s: ether(dialogue(s, (True, ask(key=False)), (False, grant(accept=False)), (False, b"SSH-2.0-OpenSSH_9.2\r\n"), (True, b"SSH-2.0-client\r\n"))), **R)
make("handshake/chunked-frames-unannounced.pcap", SHORT, "the frames of both sides in chunks, which no header announced", lambda s: ether(dialogue(s, (True, ask()), (False, grant()), (True, chunk(masked(0x81, b"hello"))), (False, chunk(plain(0x81, b"hello"))), (True, chunk(BYE[0][1])), (False, chunk(BYE[1][1])))), **R)
make("hostile/http-request-inside.pcap", SHORT, "a request of HTTP where the client's frame should be, and its answer", lambda s: ether(dialogue(s, (True, ask()), (False, grant()), (False, plain(0x81, b"hello")), (True, b"GET /other HTTP/1.1\r\nHost: server.example.com\r\n\r\n"), (False, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))), **R)
make("hostile/rsv1-text-not-agreed.pcap", SHORT, "compressed texts although no extension was agreed on: RSV1 is wrong, and what it means for the text is not known", lambda s: ether(dialogue(s, (True, ask()), (False, grant()), (False, plain(0xC1, squeezed(b'{"hello":"server"}'))), (False, plain(0x41, squeezed(b"two frames")[:4]) + plain(0x80, squeezed(b"two frames")[4:])), *BYE)), **R)
make("hostile/text-inside.pcap", SHORT, "a warning and an error page that a server writes without frames, and frames after them", lambda s: ether(dialogue(s, (True, ask()), (False, grant()), (False, b"PHP Warning:  Undefined variable $user in /srv/chat.php on line 42\r\n" + plain(0x81, b"price 60123.45, quantity 0.5")), (False, plain(0x81, b"price 60123.46, quantity 0.5")), (True, masked(0x81, b"hello")), (False, b"<html><body>502 Bad Gateway</body></html>"))), **R)
make("hostile/http-response-inside.pcap", SHORT, "an HTTP response where the server's frame should be", lambda s: ether(dialogue(s, (True, ask()), (False, grant()), (False, plain(0x81, b"hello")), (False, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 11\r\n\r\nBad Request"), (True, masked(0x88, b"\x03\xea")))), **R)

make("files/big-endian.pcap", SHORT, "pcap, big-endian", lambda s: pcap(whole(s), order=">"))
make("files/big-endian-nanoseconds.pcap", SHORT, "pcap, big-endian, nanoseconds", lambda s: pcap(whole(s), order=">", magic=0xA1B23C4D))
make("files/modified.pcap", SHORT, "the modified pcap of old Linux, with 8 bytes more a record", lambda s: pcap(whole(s), magic=0xA1B2CD34))
make("files/sections.pcapng", SHORT, "pcapng: two sections of different byte order, three interfaces, times in 10⁻⁶, 10⁻⁹ and 2⁻²⁰ s, an offset", sections)
make("files/decorated.pcapng", SHORT, "pcapng: comments with escapes, names, statistics, secrets, custom and unknown blocks", decorated)
make("files/simple-packets.pcapng", SHORT, "pcapng: simple packet blocks, which have no time", lambda s: section() + interface() + b"".join(map(simple, s)))
make("files/two-links.pcapng", SHORT, "pcapng: the client's packets from an Ethernet interface, the server's from a raw one",
     lambda s: section() + interface() + interface(101) + b"".join(enhanced(p) if p.client else block(6, struct.pack("<5I", 1, p.time >> 32, p.time & 0xFFFFFFFF, len(p.ip()), len(p.ip())) + p.ip()) for p in s))
make("files/rotated-1.pcap", ECHO, "the first half of a rotated capture", lambda s: ether(s[:len(s) // 2]), **R)
make("files/rotated-2.pcap", ECHO, "its second half", lambda s: ether(s[len(s) // 2:]), **R)
make("files/times-backwards.pcap", SHORT, "stamps that run backwards", lambda s: ether([p.but(time=s[0].time - 1000 * i) for i, p in enumerate(s)]))
make("files/nothing.pcap", SHORT, "an empty file", lambda s: b"", **R)
make("files/header-only.pcap", SHORT, "a header and no packet", lambda s: pcap([]), **R)
make("files/not-a-capture.pcap", SHORT, "a text", lambda s: b"This is no capture.\n" * 20, **R)
make("files/cut-in-file-header.pcap", SHORT, "cut in the file header", lambda s: pcap([])[:17], **R)
make("files/cut-in-record.pcap", SHORT, "cut in the last packet", lambda s: ether(s)[:-30], **R)
make("files/cut-in-record-header.pcap", SHORT, "cut in a record header", lambda s: ether(s[:-1]) + ether(s[-1:])[24:33], **R)
make("files/cut-in-block.pcapng", SHORT, "pcapng cut in the last block", lambda s: plain_ng(s)[:-21], **R)
make("files/cut.pcap.gz", SHORT, "gzip cut in the middle", lambda s: gzip.compress(ether(s), 9, mtime=0)[:-120], **R)
make("files/length-lies-4-gib.pcap", SHORT, "the eighth record says it holds 4 GiB", lambda s: lying(s, 7, 0xFFFFFFF0, 0xFFFFFFF0), **R)
make("files/length-over-original.pcap", SHORT, "a record whose captured length is over its original one", lambda s: lying(s, 7, None, 20), **R)
make("files/block-4-gib.pcapng", SHORT, "a block of 4 GiB in the middle", lambda s: damaged_ng(s, 7, struct.pack("<II", 6, 0xFFFFFFFC) + b"\0" * 40), **R)
make("files/block-0.pcapng", SHORT, "a block of length 0 in the middle", lambda s: damaged_ng(s, 7, struct.pack("<III", 6, 0, 0)), **R)
make("files/block-lengths-differ.pcapng", SHORT, "a block whose second length is not its first", lambda s: damaged_ng(s, 7, enhanced(s[7])[:-4] + struct.pack("<I", 80)), **R)
make("files/block-without-interface.pcapng", SHORT, "a packet of an interface that was never described", lambda s: damaged_ng(s, 7, enhanced(s[7], iface=9)), **R)


def main():
    pattern = next((a for a in sys.argv[1:] if not a.startswith("--")), "")
    for path, base, shows, how, truth in MADE:
        if LISTING:
            print(path, f"derive.py from {base}", shows, sep="\t"); continue
        if not re.search(pattern, path): continue
        out = HOME / path
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(how(read(base)))
        known, copy = HOME / (base.split(".pcap")[0] + ".truth.ndjson"), HOME / (path.split(".pcap")[0] + ".truth.ndjson")
        copy.unlink(missing_ok=True)
        if truth and known.exists(): shutil.copyfile(known, copy)
        print(f"{out.stat().st_size:6} {path}")


main()
