#!/usr/bin/env python3
"""check.py CAPTURE...: holds recordings against their truth by other programs than wirefin: tshark puts the streams together and decrypts them, a few lines below
read the frames. A line a capture: messages that agree, missed, nobody's. Clean recordings only; tshark does not go on behind a loss."""
import base64, collections, hashlib, json, pathlib, re, struct, subprocess, sys, zlib


def tshark(path, *more):
    stem = str(path).split(".pcap")[0]; keys = []
    if pathlib.Path(stem + ".keylog").exists(): keys = ["-o", f"tls.keylog_file:{stem}.keylog"]
    if pathlib.Path(stem + ".server-key.pem").exists(): keys = ["-o", f'uat:rsa_keys:"{stem}.server-key.pem",""']
    return subprocess.run(["tshark", "-r", str(path), *keys, *more], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def follow(path, kind, stream):
    """Returns the bytes of both directions, the client's first: tshark begins with whoever is heard first."""
    sides = [b"", b""]
    text = tshark(path, "-q", "-z", f"follow,{kind},raw,{stream}")
    for line in text.splitlines():
        if re.fullmatch(r"\t?[0-9a-f]+", line): sides[line.startswith("\t")] += bytes.fromhex(line.strip())
    return sides if b"GET " in sides[0] or b"GET " not in sides[1] else sides[::-1]


def messages(data, inflate, fresh):
    at, parts, kind, packed = 0, b"", None, False
    names = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
    z = zlib.decompressobj(-15)
    while at + 2 <= len(data):
        op, fin, rsv1, n, masked = data[at] & 15, data[at] >> 7, data[at] >> 6 & 1, data[at + 1] & 127, data[at + 1] >> 7
        at += 2
        if n == 126: n = struct.unpack_from(">H", data, at)[0]; at += 2
        elif n == 127: n = struct.unpack_from(">Q", data, at)[0]; at += 8
        mask = data[at:at + 4] if masked else b"\0" * 4; at += 4 * masked
        if at + n > len(data): return
        body = bytes(b ^ mask[i & 3] for i, b in enumerate(data[at:at + n])); at += n
        if op == 8: yield "close", body[2:], struct.unpack(">H", body[:2])[0] if body else 1005
        elif op > 8: yield names.get(op, str(op)), body, None
        else:
            if op: kind, packed, parts = names.get(op, str(op)), rsv1 and inflate, b""
            parts += body
            if fin:
                if packed:
                    if fresh: z = zlib.decompressobj(-15)
                    parts = z.decompress(parts + b"\0\0\xff\xff")
                yield kind, parts, None


def upgraded(sides):
    """Returns what comes behind the request with the upgrade and behind its 101, and whether it is deflated."""
    request = re.search(rb"GET [^\r\n]*\r\n(?:[^\r\n]+\r\n)*?(?i:upgrade: *websocket)\r\n(?:[^\r\n]+\r\n)*\r\n", sides[0])
    answer = re.search(rb"HTTP/1\.1 101[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n", sides[1])
    if not request or not answer: return None
    head = answer.group().lower()
    return (sides[0][request.end():], sides[1][answer.end():]), b"permessage-deflate" in head, [b"client_no_context" in head, b"server_no_context" in head]


def http2_streams(path):
    """Returns, by TCP stream and HTTP/2 stream, the DATA of both sides: what tshark took apart."""
    out = collections.defaultdict(lambda: [b"", b""])
    ports = {}
    fields = ["tcp.stream", "tcp.srcport", "tcp.dstport", "http2.streamid", "http2.type", "http2.data.data"]
    clear = [] if pathlib.Path(str(path).split(".pcap")[0] + ".keylog").exists() or "upgrade" in path.name else ["-d", "tcp.port==9443,http2", "-d", "tcp.port==9001,http2"]
    text = tshark(path, *clear, "-T", "json", "-J", "tcp http2", "-Y", "http2", "--no-duplicate-keys")
    for packet in json.loads(text or "[]"):
        layers = packet["_source"]["layers"]; tcp = layers["tcp"]; tcp = tcp[0] if isinstance(tcp, list) else tcp
        stream, source = int(tcp["tcp.stream"]), int(tcp["tcp.srcport"])
        ports.setdefault(stream, max(source, int(tcp["tcp.dstport"])))
        def walk(node):
            if isinstance(node, list): [walk(n) for n in node]
            elif isinstance(node, dict):
                if node.get("http2.type") == "0" and "http2.data.data" in node:
                    out[stream, int(node["http2.streamid"])][source != ports[stream]] += bytes.fromhex(node["http2.data.data"].replace(":", ""))
                else: [walk(n) for n in node.values()]
        walk(layers.get("http2", []))
    return out, ports


def check(path):
    truth_file = pathlib.Path(str(path).split(".pcap")[0] + ".truth.ndjson")
    if not truth_file.exists():
        print(f"{path.name}: no truth; {len(tshark(path, '-Y', 'websocket').splitlines())} packets with WebSocket by tshark"); return
    want = collections.Counter(); have = collections.Counter()
    same = lambda port, stream, side, kind, body, code: (port, stream, side, kind, hashlib.sha1(body).hexdigest(), code)
    for line in map(json.loads, truth_file.read_text().splitlines()):
        want[line["port"], line.get("stream"), line["from"], line["type"], line["sha1"], line.get("code") if line["type"] == "close" else None] += 1
    def add(port, stream, bytes_of, deflate, fresh):
        for k, side in enumerate(("client", "server")):
            for kind, body, code in messages(bytes_of[k], deflate, fresh[k]): have[same(port, stream, side, kind, body, code)] += 1
    if any(k[1] for k in want):
        streams, ports = http2_streams(path)
        wanted = {(k[0], k[1]) for k in want}
        for (tcp, stream), data in streams.items():
            if (ports[tcp], stream) in wanted:
                try: add(ports[tcp], stream, data, True, [False, False])
                except zlib.error: add(ports[tcp], stream, data, True, [True, True])
    if any(not k[1] for k in want):
        opened = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
        for tcp, port in {tuple(line.split()) for line in tshark(path, "-Y", opened, "-T", "fields", "-e", "tcp.stream", "-e", "tcp.srcport").splitlines()}:
            for kind in ("tls", "tcp"):
                got = upgraded(follow(path, kind, tcp))
                if got: add(int(port), None, *got); break
    late = sum(n for k, n in (have - want).items() if k[3] in ("ping", "pong", "close"))
    wrong = sum((have - want).values()) - late
    if "-v" in sys.argv: print("missed", list((want - have).items())[:4], "nobody's", list((have - want).items())[:4])
    print(f"{'' if not (want - have) and not wrong else 'DIFFERS '}{path.name}: {sum((want & have).values())} agree, {sum((want - have).values())} missed, {wrong} nobody's, {late} control messages past the log")


for name in sys.argv[1:]:
    if name != "-v": check(pathlib.Path(name))
