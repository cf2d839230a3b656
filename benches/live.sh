#!/usr/bin/env bash
# Measures live capture between two network namespaces: benches/live.sh [SECONDS] [slow]
#
# Endpoints in two namespaces send at a pace and count what they sent; wirefin captures on the client's end and exports
# NDJSON, which `load judge` holds against what was sent. One line of a table a case: what was asked for, what the
# endpoints reached, and what wirefin made of it. With `slow`, the output goes into a pipe that takes 2 MB a
# second: drops are told, and memory stays bounded. Needs root, iproute2, ethtool and GNU time; builds what it runs.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60} slow=${2:-}
profile=${PROFILE:-release}
target=${CARGO_TARGET_DIR:-target}/$profile
cargo build --quiet --profile "$profile" --bin wirefin --example load
wirefin=${WIREFIN:-$target/wirefin} load=$target/examples/load
work=$(mktemp -d)
chmod 777 "$work"
benches/net.sh up
trap 'benches/net.sh down; rm -rf "$work"' EXIT

# The pipe that is read slowly, or as it is.
reader() {
  if [ -n "$slow" ]; then
    while dd bs=200000 count=1 iflag=fullblock status=none | grep -q .; do sleep 0.1; done
  else
    cat
  fi
}

# NAME SIZE RATE: messages of SIZE bytes, RATE of them a second.
case_() {
  local name=$1 size=$2 rate=$3 out=$work/$1
  ip netns exec wirefin-a "$load" server 10.78.0.1:9000 "$size" "$rate" "$seconds" >"$out.server" &
  local server=$!
  ip netns exec wirefin-b /usr/bin/time -f '%M %U %S' -o "$out.time" "$wirefin" export -i wfn0 -a idle:4 \
    2>"$out.said" | reader >"$out.ndjson" &
  local capture=$!
  sleep 1.5
  local begin end
  begin=$(date +%s%N)
  ip netns exec wirefin-b "$load" client 10.78.0.1:9000 >"$out.client"
  wait $server
  end=$(date +%s%N)
  wait $capture || true
  local reached=$(($(cat "$out.server") * size * 8 / ((end - begin) / 1000)))
  read -r memory user system <"$out.time"
  local judged
  judged=$("$load" judge "$(cat "$out.server")" "$(cat "$out.client")" <"$out.ndjson")
  echo "| $name | $reached Mbit/s | $(grep -o '[0-9,]* packets captured, .*' "$out.said" | head -1) | $judged |" \
    "$((memory / 1024)) MiB | $user + $system s |"
  rm -f "$out.ndjson"
}

echo "| load | reached | capture | messages | peak memory | CPU, user + system |"
echo "|---|---|---|---|---|---|"
case_ bulk-200 65536 382
case_ bulk-500 65536 954
case_ bulk-1000 65536 1908
case_ small-30000 200 30000
