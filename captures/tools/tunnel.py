#!/usr/bin/env python3
"""A wire between two network namespaces in user space, with a mirror port: what cloud taps, routers and monitor
ports make of a frame.

tunnel.py KIND NS_A NS_B [--delay SECONDS] [--lose-first-syn] [--lose-data N]

Each end is a TAP device `tap0` (10.77.0.1 and 10.77.0.2; fd77::1 and fd77::2), and every frame that passes is also
written, as KIND wraps it, to the device `mirror0` of NS_B, where tcpdump listens. KIND `raw-ip` makes TUN devices, whose
captures have no link layer. The wrapped headers are this program's, the dialogue inside is the kernel's. Runs until
SIGTERM."""
import argparse, fcntl, heapq, os, select, signal, struct, subprocess, time, ctypes

TUNSETIFF, TUN, TAP, NO_PI, CLONE_NEWNET = 0x400454CA, 1, 2, 0x1000, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def device(ns, name, kind):
    home, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{ns}", os.O_RDONLY)
    libc.setns(there, CLONE_NEWNET)
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), kind | NO_PI))
    libc.setns(home, CLONE_NEWNET)
    return fd


def ip(ns, *words):
    subprocess.run(["ip", "-n", ns, *words], check=True)


def sum16(b):
    b += b"\0" * (len(b) % 2)
    n = sum(struct.unpack(f">{len(b) // 2}H", b))
    while n >> 16: n = (n & 0xFFFF) + (n >> 16)
    return ~n & 0xFFFF


serial = 0
ETHER = {0: b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b", 1: b"\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a"}
OUTER4 = {0: bytes([192, 0, 2, 1, 192, 0, 2, 2]), 1: bytes([192, 0, 2, 2, 192, 0, 2, 1])}
OUTER6 = {k: bytes.fromhex("20010db8" + "0" * 23 + a) + bytes.fromhex("20010db8" + "0" * 23 + b) for k, a, b in ((0, "1", "2"), (1, "2", "1"))}


def ether(way, kind, payload): return ETHER[way] + struct.pack(">H", kind) + payload


def ip4(way, protocol, payload, flags=0x4000, ident=None):
    global serial
    serial += 1
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident or serial, flags, 64, protocol, 0) + OUTER4[way]
    return head[:10] + struct.pack(">H", sum16(head)) + head[12:] + payload


def ip6(way, protocol, payload): return struct.pack(">IHBB", 0x60000000, len(payload), protocol, 64) + OUTER6[way] + payload
def udp(port, payload, sport=51000): return struct.pack(">HHHH", sport, port, 8 + len(payload), 0) + payload
def tag(kind, vid, priority=0): return struct.pack(">HH", kind, priority << 13 | vid)
def over4(way, protocol, payload): return [ether(way, 0x0800, ip4(way, protocol, payload))]


def proto_of(frame): return {0x0800: 4, 0x86DD: 41}.get(struct.unpack(">H", frame[12:14])[0])


def gre_in_fragments(way, f):
    whole = struct.pack(">HH", 0, 0x6558) + f
    global serial
    serial += 1
    ident = serial
    cuts = [whole[:64], whole[64:120], whole[120:]] if len(whole) > 120 else [whole[:64], whole[64:]]
    out, at = [], 0
    for i, piece in enumerate(cuts):
        out.append(ether(way, 0x0800, ip4(way, 47, piece, (0x2000 if i < len(cuts) - 1 else 0) | at // 8, ident)))
        at += len(piece)
    return out


def is_tcp(frame):
    return {4: frame[23:24], 41: frame[20:21]}.get(proto_of(frame)) == b"\6" if len(frame) > 53 else False


count = 0


def erspan2(way, f):
    global count
    count += 1
    return over4(way, 47, struct.pack(">HHI", 0x1000, 0x88BE, count) + struct.pack(">HHI", 0x1000 | 100, 0x1800 | 9, 0x123) + f)


def erspan3(way, f):
    global count
    count += 1
    return over4(way, 47, struct.pack(">HHI", 0x1000, 0x22EB, count) + struct.pack(">HHIHH", 0x2000 | 100, 9, int(time.time() * 10000) & 0xFFFFFFFF, 0, 0) + f)


KINDS = {  # way 0 is from A (the server), 1 from B
    "plain": lambda w, f: [f],
    "raw-ip": lambda w, f: [f],
    "vlan": lambda w, f: [f[:12] + tag(0x8100, 77, 3) + f[12:]],
    "qinq": lambda w, f: [f[:12] + tag(0x88A8, 500) + tag(0x8100, 77) + f[12:]],
    "qinq-9100": lambda w, f: [f[:12] + tag(0x9100, 500) + tag(0x8100, 77) + f[12:]],
    "vlan-four-tags": lambda w, f: [f[:12] + tag(0x88A8, 1) + tag(0x88A8, 2) + tag(0x8100, 3) + tag(0x8100, 4) + f[12:]],
    "mpls": lambda w, f: [f[:12] + b"\x88\x47" + struct.pack(">II", 1000 << 12 | 64, 2000 << 12 | 0x100 | 64) + f[14:]],
    "mpls-pseudowire": lambda w, f: [ether(w, 0x8847, struct.pack(">III", 1000 << 12 | 64, 2000 << 12 | 0x100 | 64, 0) + f)],
    "pppoe": lambda w, f: [f[:12] + b"\x88\x64" + struct.pack(">BBHHH", 0x11, 0, 0x1234, len(f) - 12, {4: 0x21, 41: 0x57}[proto_of(f)]) + f[14:]],
    "gre": lambda w, f: over4(w, 47, struct.pack(">HH", 0, 0x0800) + f[14:]),
    "gre-key-checksum-sequence": lambda w, f: over4(w, 47, gre_full(f[14:])),
    "gretap": lambda w, f: over4(w, 47, struct.pack(">HHI", 0x2000, 0x6558, 77) + f),
    "gretap-fragmented": gre_in_fragments,
    "ipip": lambda w, f: over4(w, 4, f[14:]),
    "sit": lambda w, f: over4(w, 41, f[14:]),
    "ip4-in-ip6": lambda w, f: [ether(w, 0x86DD, ip6(w, 4, f[14:]))],
    "ip6-in-ip6": lambda w, f: [ether(w, 0x86DD, ip6(w, 41, f[14:]))],
    "geneve": lambda w, f: over4(w, 17, udp(6081, struct.pack(">BBHI", 0, 0, 0x6558, 77 << 8) + f)),
    "geneve-options": lambda w, f: over4(w, 17, udp(6081, struct.pack(">BBHI", 2, 0, 0x6558, 77 << 8) + bytes.fromhex("01080001deadbeef") + f)),
    "vxlan-in-vlan": lambda w, f: [(lambda o: o[:12] + tag(0x8100, 9) + o[12:])(over4(w, 17, udp(4789, struct.pack(">II", 0x08000000, 77 << 8) + f))[0])],
    "vxlan-gpe": lambda w, f: over4(w, 17, udp(4790, struct.pack(">II", 0x0C000001, 77 << 8) + f[14:])),
    "erspan-1": lambda w, f: over4(w, 47, struct.pack(">HH", 0, 0x88BE) + f),
    "erspan-2": erspan2,
    "erspan-3": erspan3,
    "everything-at-once": lambda w, f: [(lambda o: o[:12] + tag(0x88A8, 5) + tag(0x8100, 6) + o[12:])(over4(w, 17, udp(4789, struct.pack(">II", 0x08000000, 77 << 8) + over4(w, 47, struct.pack(">HH", 0, 0x0800) + f[14:])[0]))[0])],
}


def gre_full(packet):
    global count
    count += 1
    g = struct.pack(">HHHHII", 0xB000, 0x0800, 0, 0, 99, count) + packet
    return g[:4] + struct.pack(">H", sum16(g)) + g[6:]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("kind"); p.add_argument("a"); p.add_argument("b")
    p.add_argument("--delay", type=float, default=0.0); p.add_argument("--lose-first-syn", action="store_true")
    p.add_argument("--lose-data", type=int, default=0)
    o = p.parse_args()
    wrap, kind = KINDS[o.kind], TUN if o.kind == "raw-ip" else TAP
    ends = [device(o.a, "tap0", kind), device(o.b, "tap0", kind)]
    mirror = device(o.b, "mirror0", kind)
    for i, ns in enumerate((o.a, o.b), 1):
        ip(ns, "link", "set", "lo", "up")
        ip(ns, "addr", "add", f"10.77.0.{i}/24", "dev", "tap0")
        ip(ns, "addr", "add", f"fd77::{i}/64", "dev", "tap0", "nodad")
        ip(ns, "link", "set", "tap0", "mtu", "1400", "up")
    subprocess.run(["ip", "netns", "exec", o.b, "sysctl", "-q", "net.ipv6.conf.mirror0.disable_ipv6=1"], check=False)
    ip(o.b, "link", "set", "mirror0", "mtu", "9000", "up")
    stop, late, n, lost = [], [], 0, not o.lose_first_syn
    data = 0  # segments with data so far
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    while not stop:
        wait = max(0, late[0][0] - time.monotonic()) if late else 0.1
        for fd in select.select(ends, [], [], wait)[0]:
            try: frame = os.read(fd, 65536)
            except BlockingIOError: continue
            way = ends.index(fd)
            n += 1
            if is_tcp(frame):
                for f in wrap(way, frame): os.write(mirror, f)
            if not lost and is_tcp(frame) and frame[47] & 2:
                lost = True
                continue
            if is_tcp(frame) and len(frame) > 34 + (frame[46] >> 4) * 4:
                data += 1
                if data == o.lose_data:
                    continue
            heapq.heappush(late, (time.monotonic() + o.delay, n, ends[1 - way], frame))
        while late and late[0][0] <= time.monotonic():
            _, _, fd, frame = heapq.heappop(late)
            try: os.write(fd, frame)
            except OSError: pass


main()
