#!/usr/bin/env python3
"""Holds wirefin's count of TCP connections against `tshark -z conv,tcp` on captures: conv.py WIREFIN FILE..."""
import re, subprocess, sys

def tshark(file):
    out = subprocess.run(["tshark", "-n", "-r", file, "-q", "-z", "conv,tcp"], capture_output=True, text=True)
    return sum("<->" in line for line in out.stdout.splitlines())

def wirefin(program, file):
    out = subprocess.run([program, "stats", file], capture_output=True, text=True)
    said = re.search(r"([\d,]+) TCP segments? of ([\d,]+) connections?", out.stderr)
    if said: return int(said[2]), out.stderr
    if "no TCP in" in out.stderr: return 0, out.stderr
    return None, out.stderr + out.stdout[:300]

same = 0
for file in sys.argv[2:]:
    theirs, (ours, said) = tshark(file), wirefin(sys.argv[1], file)
    if theirs == ours: same += 1
    else: print(f"{file}\n  tshark {theirs}, wirefin {ours}\n  " + "\n  ".join(said.strip().splitlines()[:4]))
print(f"{same} of {len(sys.argv) - 2} the same")
