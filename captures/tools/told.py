#!/usr/bin/env python3
"""told.py NAME HOW SHOWS VERSIONS LOG: puts what the ends of a recording wrote down, a JSON object a line, into one document in the order of time."""
import json, sys

name, how, shows, versions, log = sys.argv[1:]
lines = sorted(map(json.loads, open(log)), key=lambda line: line["t"])
head = {"name": name, "protocol": shows, "endpoints": how} | ({"versions": json.loads(versions)} if versions != "{}" else {})
print(json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "log": [\n  ' + ",\n  ".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n ]\n}")
