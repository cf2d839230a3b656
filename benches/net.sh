#!/usr/bin/env bash
# Two hosts on one machine: `net.sh up` makes the network namespaces wirefin-a (10.78.0.1) and wirefin-b (10.78.0.2) and a
# veth pair between them, MTU 1500, offloads off, so that packets are as a wire carries them; `net.sh down` takes them
# away. Needs root, iproute2 and ethtool.
set -eu
a=wirefin-a b=wirefin-b
case "${1:-}" in
up)
  ip netns add $a
  ip netns add $b
  ip link add wfn0 netns $a type veth peer name wfn0 netns $b
  ip -n $a address add 10.78.0.1/24 dev wfn0
  ip -n $b address add 10.78.0.2/24 dev wfn0
  for name in $a $b; do
    ip -n $name link set lo up
    ip -n $name link set wfn0 mtu 1500 up
    ip netns exec $name ethtool -K wfn0 tso off gso off gro off >/dev/null
  done
  ;;
down)
  ip netns del $a
  ip netns del $b
  ;;
*)
  echo "net.sh up|down" >&2
  exit 2
  ;;
esac
