#!/usr/bin/env bash
# Measures live capture between two network namespaces: benches/live.sh [SECONDS] [fast|slow] [ROW...]
#
# Endpoints in two namespaces send at a pace and count what they sent; wirefin captures on the client's end and exports
# NDJSON, which `load judge` holds against what was sent. One line of a table a case: what was asked for, what the
# endpoints reached, what wirefin made of it, and its memory after a tenth of the time, half of it, all of it, and at most.
# Rows are bulk-200, bulk-500, bulk-1000 and small-30000; default: all. With `slow`, the output goes into a pipe that takes 2 MB a
# second: drops are told, and memory stays bounded. Needs root, iproute2, ethtool and GNU time; builds what it runs.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60} slow=${2:-fast}; shift $(($# > 2 ? 2 : $#))
rows=${*:-bulk-200 bulk-500 bulk-1000 small-30000}
profile=${PROFILE:-release}
target=${CARGO_TARGET_DIR:-target}/$profile
[ -n "${WIREFIN:-}" ] || cargo build --quiet --profile "$profile" --bin wirefin --example load
wirefin=${WIREFIN:-$target/wirefin} load=$target/examples/load
work=$(mktemp -d)
chmod 777 "$work"
benches/net.sh up
trap 'benches/net.sh down; rm -rf "$work"' EXIT

# The pipe that is read slowly, or as it is.
reader() {
  if [ "$slow" = slow ]; then
    while dd bs=200000 count=1 iflag=fullblock status=none >"$work/piece" && [ -s "$work/piece" ]; do
      cat "$work/piece"
      sleep 0.1
    done
  else
    cat
  fi
}

# The memory of a program in KiB, every half second until it ends.
watch() {
  local pid
  until pid=$(ip netns pids wirefin-b | xargs -r -I{} grep -lsx wirefin /proc/{}/comm | tr -dc '0-9'); [ -n "$pid" ]; do
    sleep 0.1
  done
  while [ -d "/proc/$pid" ]; do
    awk '/VmRSS/ { print $2 }' "/proc/$pid/status" 2>/dev/null
    sleep 0.5
  done || true
}

# NAME SIZE RATE: messages of SIZE bytes, RATE of them a second.
case_() {
  [[ " $rows " = *" $1 "* ]] || return 0
  local name=$1 size=$2 rate=$3 out=$work/$1
  ip netns exec wirefin-a "$load" server 10.78.0.1:9000 "$size" "$rate" "$seconds" >"$out.server" &
  local server=$!
  ip netns exec wirefin-b /usr/bin/time -f '%M %U %S' -o "$out.time" "$wirefin" export -i wfn0 -a idle:4 \
    2>"$out.said" | reader >"$out.ndjson" &
  local capture=$!
  sleep 1
  watch >"$out.rss" &
  local watching=$!
  sleep 0.5
  local begin end
  begin=$(date +%s%N)
  ip netns exec wirefin-b "$load" client 10.78.0.1:9000 >"$out.client"
  wait $server
  end=$(date +%s%N)
  wait $capture || true
  wait $watching || true
  local reached=$(($(cat "$out.server") * size * 8 / ((end - begin) / 1000)))
  read -r memory user system <"$out.time"
  local judged sampled
  sampled=$(awk -v a=$((seconds / 5)) -v b=$seconds -v c=$((seconds * 2)) \
    'NR == a || NR == b || NR == c { printf "%d, ", $1 / 1024 }' "$out.rss")
  judged=$("$load" judge "$(cat "$out.server")" "$(cat "$out.client")" <"$out.ndjson")
  echo "| $name | $reached Mbit/s | $(grep -o '[0-9,]* packets captured, .*' "$out.said" | head -1) | $judged |" \
    "$sampled$((memory / 1024)) MiB | $user + $system s |"
  rm -f "$out.ndjson"
}

echo "| load | reached | capture | messages | memory | CPU, user + system |"
echo "|---|---|---|---|---|---|"
case_ bulk-200 65536 382
case_ bulk-500 65536 954
case_ bulk-1000 65536 1908
case_ small-30000 200 30000
