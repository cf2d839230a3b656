#!/usr/bin/env python3
"""Writes the tables of ../README.md from what the recorders and derive.py say they make; fails when a file is missing or
is not told of."""
import os, pathlib, subprocess, sys

tools = pathlib.Path(__file__).resolve().parent
home = tools.parent
rows = {}
recorders = [["bash", tools / name, "--list"] for name in ("record.sh", "tls.sh", "http2.sh", "subprotocols.sh", "tutorials.sh", "streams.sh", "negative.sh") if (tools / name).exists()]
beside = (".truth.ndjson", ".keylog", ".server-key.pem", ".truth.json")
for command in (*recorders, [sys.executable, tools / "derive.py", "--list"]):
    for line in subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        path, how, shows = line.split("\t")
        rows[path] = (how, shows)
there = {str(p.relative_to(home)) for d in home.iterdir() if d.is_dir() and d not in (tools, home / "rules") for p in d.rglob("*") if p.is_file() and not p.name.endswith(beside)}
for path in sorted(there ^ rows.keys()):
    print("not recorded:" if path in rows else "not told of:", path)
out = []
for topic in sorted({p.split("/")[0] for p in rows}):
    out += ["", f"### {topic}/", "", "| file | what it shows | how |", "|---|---|---|"]
    for path in sorted(p for p in rows if p.startswith(topic + "/")):
        how, shows = rows[path]
        stem = path.split(".pcap")[0]
        known = "".join(mark for end, mark in ((".truth.ndjson", " ✓"), (".truth.json", " ✓"), (".keylog", " ⚿"), (".server-key.pem", " ⚿")) if (home / (stem + end)).exists())
        if how.startswith("derive.py"): how = "from " + how.removeprefix("derive.py from ").removesuffix(".pcap")
        out.append(f"| {path.split('/', 1)[1]}{known} | {shows.replace('|', chr(92) + '|')} | {how} |")
readme = home / "README.md"
before = readme.read_text().split("<!-- files -->")[0]
readme.write_text(before + "<!-- files -->\n" + "\n".join(out).strip("\n") + "\n")
sys.exit(bool(there ^ rows.keys()))
