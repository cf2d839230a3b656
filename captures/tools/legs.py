#!/usr/bin/env python3
"""legs.py CAPTURE <TRUTH: a conversation that a proxy passes on crosses several connections of the capture; each gets the whole truth, under its client's port.
Lines with "n" belong to conversation n, which was on every (port, stream) that a line of it names; lines without were on every connection."""
import json, subprocess, sys

show = lambda line: print(json.dumps(line, separators=(",", ":"), ensure_ascii=False))
said = [json.loads(line) for line in sys.stdin]
if any("n" in line for line in said):
    for n in sorted({line["n"] for line in said}):
        lines = [line for line in said if line["n"] == n]
        for port, stream in dict.fromkeys((line["port"], line.get("stream")) for line in lines):
            place = {"port": port} if stream is None else {"port": port, "stream": stream}
            for line in lines: show(place | {k: v for k, v in line.items() if k not in ("n", "port", "stream")})
    sys.exit()
fields = ["tshark", "-r", sys.argv[1], "-Y", "tcp.flags.syn==1 && tcp.flags.ack==0", "-T", "fields", "-e", "tcp.srcport"]
for port in dict.fromkeys(map(int, subprocess.run(fields, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout.split())):
    for line in said: show({**line, "port": port})
