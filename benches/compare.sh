#!/usr/bin/env bash
# Compares wirefin with other readers of captures and prints the table of docs/performance.md.
#
#   compare.sh record FOLDER [LOAD…]  records all loads, or the named ones, into FOLDER (root, ip, ethtool, tcpdump, node and
#                                  npm's `ws`)
#   compare.sh run FOLDER [LOAD…]  measures every *.pcap of FOLDER, or the named ones
#
#   WIREFIN=target/release/wirefin  TURNS=5  the program, and how many turns; medians are shown
#   ROOT=/newer                              take tshark and Suricata from the system below this folder (chroot)
#
# tshark, Suricata, tcpflow and tcpdump are left out where they are not installed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-} folder=${2:?"compare.sh record|run FOLDER"}
shift 2

record() { # LOAD CLIENTS COUNT
  case " ${wanted:-$1} " in *" $1 "*) ;; *) return ;; esac
  ip netns exec wirefin-b tcpdump -i wfn0 -s 0 -B 262144 -U -w "$folder/$1.pcap" 2>"$folder/$1.log" &
  local dump=$!
  sleep 1
  ip netns exec wirefin-b node "$here/load.mjs" client 10.78.0.1 "$1" "$2" "$3"
  sleep 1
  kill -INT $dump && wait $dump || true
  if ! grep -q '^0 packets dropped' "$folder/$1.log"; then echo "$1: packets were dropped" >&2; fi
}

case $what in
record)
  wanted=$*
  mkdir -p "$folder"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=load -keyout "$folder/key" -out "$folder/certificate" 2>/dev/null
  "$here/net.sh" up
  ip netns exec wirefin-a node "$here/load.mjs" server "$folder/key" "$folder/certificate" &
  server=$!
  trap 'kill $server; "$here/net.sh" down' EXIT
  sleep 1
  record ticks 40 10000
  record deflate 40 10000
  record chat 40 2000
  record bulk 4 40
  record short 20 500
  record mix 8 10000 ;;
run) exec python3 "$here/compare.py" "$folder" "$@" ;;
*) echo "compare.sh record|run FOLDER" >&2; exit 2 ;;
esac
