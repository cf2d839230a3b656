#!/usr/bin/env bash
# net.sh up|down: two hosts on one machine, in the namespaces wire-server (10.79.0.1) and wire-client (10.79.0.2). No
# offload, so that captures hold segments as a wire carries them.
set -eu
case ${1:-} in
up)
  ip netns add wire-server
  ip netns add wire-client
  ip link add server0 netns wire-server type veth peer name client0 netns wire-client
  n=1
  for side in server client; do
    ip -n wire-$side addr add 10.79.0.$n/24 dev ${side}0
    ip -n wire-$side link set lo up
    ip -n wire-$side link set ${side}0 up
    ip netns exec wire-$side ethtool -K ${side}0 tso off gso off gro off >/dev/null
    n=$((n + 1))
  done ;;
down)
  ip netns del wire-server
  ip netns del wire-client ;;
*) echo "net.sh up|down" >&2; exit 2 ;;
esac
