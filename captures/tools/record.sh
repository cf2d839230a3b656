#!/usr/bin/env bash
# record.sh [PATTERN]: records the captures whose path matches the (extended regular expression) PATTERN, all without one.
# record.sh --list: every path, a tab, how it is recorded, a tab, what it shows. See README.md for what has to be installed.
set -u
here=$(cd "$(dirname "$0")" && pwd); out=$(dirname "$here"); pattern=${1:-.}; port=9001
python=${PYTHON:-python3} export_lab=${LAB_NODE:-.}
export LAB_NODE=$export_lab PYTHONDONTWRITEBYTECODE=1
A=wirefin-a-$$ B=wirefin-b-$$ C=wirefin-c-$$ D=wirefin-d-$$
scratch=$(mktemp -d); list=; [ "$pattern" = --list ] && list=1

up() { # two hosts and one link of 1500 bytes; segments as a wire would carry them
  ip netns add $A; ip netns add $B
  ip link add wa0 netns $A type veth peer name wb0 netns $B
  local i=1 ns
  for ns in $A $B; do
    local dev=wa0; [ $ns = $B ] && dev=wb0
    ip -n $ns addr add 10.77.0.$i/24 dev $dev; ip -n $ns addr add fd77::$i/64 dev $dev nodad
    ip -n $ns link set lo up; ip -n $ns link set $dev up
    ip netns exec $ns ethtool -K $dev tso off gso off gro off tx off >/dev/null
    ip netns exec $ns sysctl -qw net.ipv4.tcp_fastopen=519
    i=$((i + 1))
  done
  for ns in $A $B; do # a VXLAN of the kernel's over the link
    local me=1 you=2 dev=wa0; [ $ns = $B ] && me=2 you=1 dev=wb0
    ip -n $ns link add vx0 type vxlan id 77 local 10.77.0.$me remote 10.77.0.$you dstport 4789 dev $dev
    ip -n $ns addr add 10.99.0.$me/24 dev vx0; ip -n $ns link set vx0 mtu 1400 up
  done
}
down() { for ns in $A $B $C $D; do ip netns del $ns 2>/dev/null; done; rm -rf "$scratch"; }

middle() { # middle bridge|router: a host $C between two others, $A with 10.78.0.1 and $D
  local kind=$1 far=10.78.0.2 ns n=1; [ $kind = router ] && far=10.79.0.2
  ip netns add $C; ip netns add $D
  ip -n $C link set lo up
  for ns in $A $D; do
    ip link add port$n netns $C type veth peer name wm0 netns $ns
    ip netns exec $C ethtool -K port$n tso off gso off gro off tx off >/dev/null
    ip netns exec $ns ethtool -K wm0 tso off gso off gro off tx off >/dev/null
    n=$((n + 1))
  done
  ip -n $A addr add 10.78.0.1/24 dev wm0; ip -n $D addr add $far/24 dev wm0
  for ns in $A $D; do ip -n $ns link set wm0 up; done
  if [ $kind = bridge ]; then
    ip -n $C link add br0 type bridge forward_delay 0
    for n in 1 2; do ip -n $C link set port$n master br0 up; done
    ip -n $C link set br0 up
  else
    ip -n $C addr add 10.78.0.254/24 dev port1; ip -n $C addr add 10.79.0.254/24 dev port2
    for n in 1 2; do ip -n $C link set port$n up; done
    ip netns exec $C sysctl -qw net.ipv4.ip_forward=1
    ip -n $A route add 10.79.0.0/24 via 10.78.0.254; ip -n $D route add default via 10.79.0.254
  fi
  sleep 1 # until the bridge has learnt its ports
}

segments() { # segments RED: between $C with 10.81.0.1 and $D with 10.81.0.2, IPv4 in IPv6 by the kernel's segment routing
  local red=${1:-} n ns other
  ip netns add $C; ip netns add $D
  ip link add seg0 netns $C type veth peer name seg0 netns $D
  n=1
  for ns in $C $D; do
    ip -n $ns link set lo up; ip netns exec $ns ethtool -K seg0 tso off gso off gro off tx off >/dev/null
    ip -n $ns addr add fd80::$n/64 dev seg0 nodad; ip -n $ns addr add 10.81.0.$n/32 dev lo; ip -n $ns link set seg0 mtu 1400 up
    ip netns exec $ns sysctl -qw net.ipv6.conf.all.seg6_enabled=1 net.ipv6.conf.seg0.seg6_enabled=1 net.ipv6.conf.all.forwarding=1 \
      net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.seg0.rp_filter=0
    n=$((n + 1))
  done
  n=1
  for ns in $C $D; do
    other=$((3 - n)); local peer=$D; [ $n = 2 ] && peer=$C
    ip -n $ns route add 10.81.0.$other/32 encap seg6 mode encap$red segs fd80::$other$other dev seg0 src 10.81.0.$n
    ip -n $ns -6 route add fd80::$n$n/128 encap seg6local action End.DX4 nh4 10.81.0.$n dev seg0
    ip -n $ns -6 neigh add fd80::$other$other lladdr "$(ip netns exec $peer cat /sys/class/net/seg0/address)" dev seg0
    n=$((n + 1))
  done
  sleep 1
}

inside() { ip netns exec "$@"; }
until_true() { local n=0; until "$@" >/dev/null 2>&1; do sleep .02; n=$((n + 1)); [ $n -gt 250 ] && return 1; done; }
listening() { inside $1 ss -Hltn "sport = :$2" | grep -q .; }

# rec PATH LINK HOW SHOWS: LINK is veth, veth6, lo, any1, any2, any-bridge, any-router, vxlan, seg6 or seg6.red, proxy or a KIND of tunnel.py; `server` and `client`, two
# functions, say what is run: each is given the address to talk to and the truth file
rec() {
  local path=$1 link=$2 how=$3 shows=$4
  [ $list ] && { printf '%s\t%s\t%s\n' "$path" "$how" "$shows"; return; }
  [[ $path =~ $pattern ]] || return
  local a=$A b=$B dev=wb0 host=10.77.0.1 options=() filter=(tcp port $port) tunnel= dump served ns proxy= at=
  case $link in
  veth) ;; veth6) host=fd77::1 ;; lo) b=$A dev=lo host=127.0.0.1 ;;
  any1) dev=any options=(-y LINUX_SLL) ;; any2) dev=any options=(-y LINUX_SLL2) ;;
  vxlan) host=10.99.0.1 filter=(udp port 4789 and 'udp[28:2] = 0x0800') ;;
  seg6*) a=$C b=$D at=$D dev=seg0 host=10.81.0.1 filter=(ip6 proto 4 or ip6 proto 43); segments ${link#seg6} ;;
  any-*) b=$D at=$C dev=any host=10.78.0.1 options=(-y LINUX_SLL2); middle ${link#any-} ;;
  proxy) filter=(tcp port 3128) ;;
  *) a=$C b=$D dev=mirror0 filter=()
     [ ${link%% *} = raw-ip ] && dev=tap0 filter=(tcp port $port)
     [ ${link%% *} = plain ] && filter=(tcp port $port)
     [[ $path == *6-in-ip* || $path == *6in4* ]] && host=fd77::1
     ip netns add $C; ip netns add $D
     python3 "$here/tunnel.py" ${link%% *} $C $D ${link#"${link%% *}"} & tunnel=$!
     until_true ip -n $D link show mirror0 up; sleep .3 ;;
  esac
  [ "${leave_out:-}" ] && filter+=(and not "$leave_out")
  local file=$out/$path raw=$scratch/capture truth=$scratch/truth; rm -f "$raw"* "$truth"
  mkdir -p "$(dirname "$file")"
  ip netns exec ${at:-$b} tcpdump -Z root -i $dev -s 262144 --immediate-mode -U ${dump_options:-} "${options[@]}" -w "$raw" "${filter[@]}" 2>"$raw.log" & dump=$!
  until_true grep -q 'listening on' "$raw.log"
  [ "$link" = proxy ] && { ip netns exec $a python3 "$here/proxy.py" 3128 & proxy=$!; until_true listening $a 3128; }
  server "$a" "$host" "$truth" & served=$!
  [ "${wait_for_port:-1}" = 1 ] && until_true listening $a $port || sleep .2
  client "$b" "$host" "$truth" || echo "$path: the client ended with $?" >&2
  sleep "${linger:-.25}"
  kill $dump; wait $dump 2>/dev/null; kill $served $proxy $tunnel 2>/dev/null; wait $served $proxy $tunnel 2>/dev/null
  [ $tunnel$at ] && { ip netns del $C; ip netns del $D; }
  case $path in
  *.pcap.gz) gzip -9n <"$raw" >"$file" ;; *.pcap.zst) zstd -q -19 -f "$raw" -o "$file" ;;
  *.pcapng) editcap -F pcapng "$raw" "$file" ;; *) cp "$raw" "$file" ;;
  esac
  local t=${file%%.pcap*}.truth.ndjson; rm -f "$t"; [ -s "$truth" ] && [ "${keep_truth:-1}" = 1 ] && cp "$truth" "$t"
  printf '%6d %s\n' "$(stat -c %s "$file")" "$path"
}

# The ways in which ends are run; each defines server and client, then records. `exec` in a subshell: the process killed is the one started.
raw() { # raw NAME [LINK [SUFFIX]]
  local name=$1 link=${2:-veth} suffix=${3:-.pcap}
  eval "server() { exec ip netns exec \$1 python3 $here/endpoints.py server $port $name \$3; }
        client() { ip netns exec \$1 timeout 30 python3 $here/endpoints.py client \$2 $port $name; }"
  rec "$name$suffix" "$link" endpoints.py "$(awk -F'\t' -v n="$name" '$1 == n { print $2 }' <<<"$raw_list")"
}
ws() { # ws PATH DIALOGUE [LINK [SHOWS]]
  eval "server() { exec ip netns exec \$1 node $here/endpoints.mjs server $port $2 \$3; }
        client() { ip netns exec \$1 timeout 30 node $here/endpoints.mjs client \$2 $port $2 \$3; }"
  rec "$1" "${3:-veth}" "npm ws" "${4:+$4: }$(awk -F'\t' -v n="$2" '$1 == n { print $2 }' <<<"$ws_list")"
}
websockets() { # websockets PATH DIALOGUE [LINK [SHOWS]]
  local via=; [ "${3:-}" = proxy ] && via="http_proxy=http://10.77.0.1:3128"
  eval "server() { exec ip netns exec \$1 $python $here/endpoints_websockets.py server $port $2 \$3; }
        client() { ip netns exec \$1 timeout 30 env $via $python $here/endpoints_websockets.py client \$2 $port $2 \$3; }"
  rec "$1" "${3:-veth}" "Python websockets" "${4:+$4: }$(awk -F'\t' -v n="$2" '$1 == n { print $2 }' <<<"$websockets_list")"
}
browser() { # browser PATH DIALOGUE
  eval "server() { exec ip netns exec \$1 node $here/endpoints.mjs server $port $2 \$3; }"
  client() {
    local profile=$scratch/profile; rm -rf "$profile"
    ip netns exec $1 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
      --disable-component-update --disable-sync --remote-debugging-port=0 --user-data-dir="$profile" "http://$2:$port/" >/dev/null 2>&1 & local it=$!
    local n=0; while listening $A $port && [ $n -lt 150 ]; do sleep .1; n=$((n + 1)); done
    kill $it; wait $it 2>/dev/null; [ $n -lt 150 ]
  }
  rec "$1" veth "Chromium, npm ws" "$(awk -F'\t' -v n="$2" '$1 == n { print $2 }' <<<"$ws_list")"
}
probe() { # probe PATH SHOWS SERVER-DIALOGUE CURL-ARGUMENTS...: curl against `ws`
  local path=$1 shows=$2 d=$3; shift 3; local words=; [ $# -gt 0 ] && words=$(printf '%q ' "$@")
  eval "server() { exec ip netns exec \$1 node $here/endpoints.mjs server $port $d /dev/null; }
        client() { ip netns exec \$1 curl -sN --max-time 1 -o /dev/null $words http://\$2:$port/ || [ \$? = 28 ]; }"
  rec "$path" veth "curl, npm ws" "$shows"
}

raw_list=$(python3 "$here/endpoints.py" list); ws_list=$(node "$here/endpoints.mjs" list); websockets_list=$($python "$here/endpoints_websockets.py" list)
[ $list ] || { trap down EXIT; up; }

for name in $(cut -f1 <<<"$raw_list"); do
  case $name in
  messages/lengths | messages/many-fragments | compressed/small-bomb | tcp/zero-window | control/close-codes-legal | hostile/close-codes-illegal | hostile/fragments-20000 | hostile/head-*) raw $name veth .pcap.gz ;;
  tcp/simultaneous-open) wait_for_port=0 raw $name "plain --delay .05" ;;
  control/close-crossing) linger=.4 raw $name "plain --delay .02" ;;
  tcp/port-used-again) linger=.4 raw $name ;;
  *) raw $name ;;
  esac
done

ask=(-H "Connection: Upgrade" -H "Upgrade: websocket" -H "Sec-WebSocket-Version: 13" -H "Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQAAAA==")
probe handshake/curl-probe.pcap "curl asks for an upgrade, gets it and never sends a frame" echo "${ask[@]}"
probe handshake/curl-probe-greeted.pcap "the same, and the server sends a text and a close that nobody answers" server-closes "${ask[@]}"
probe handshake/curl-without-key.pcap "an upgrade without key, refused with 400" echo "${ask[@]:0:6}"
probe handshake/curl-version-99.pcap "version 99, refused with 400 and the versions the server knows" echo "${ask[@]:0:4}" -H "Sec-WebSocket-Version: 99" "${ask[@]:6}"
probe handshake/curl-post.pcap "an upgrade by POST, refused with 405" echo "${ask[@]}" -d room=1
probe handshake/curl-no-upgrade.pcap "a plain GET, answered with 426" echo
probe http/h2c-offer.pcap "curl offers h2c, ws refuses with 400: no WebSocket" browser --http2

browser handshake/chromium-refused.pcap browser-refused
browser messages/chromium.pcap browser
browser compressed/chromium.pcap browser-deflate
browser control/chromium-server-closes.pcap browser-server-closes

ws messages/ws-echo.pcap echo
ws messages/ws-fragmented.pcap fragmented
ws messages/ws-lengths.pcap.gz lengths
ws messages/ws-three-at-once.pcap three-at-once
ws handshake/ws-subprotocol.pcap subprotocol
ws control/ws-pings.pcap pings
ws control/ws-server-closes.pcap server-closes
ws control/ws-terminate.pcap terminate
ws control/ws-close-empty.pcap close-empty
ws hostile/ws-error-1007.pcap error-1007
ws hostile/ws-error-1009.pcap error-1009
for name in takeover no-takeover server-no-takeover window-9 mixed fragmented-with-pings; do ws compressed/ws-$name.pcap $name; done
ws compressed/ws-not-taken.pcap takeover-not-negotiated

websockets messages/websockets-dialogue.pcap dialogue
websockets compressed/websockets-deflate.pcap deflate
websockets compressed/websockets-window-9.pcap window-9
websockets handshake/websockets-subprotocol.pcap subprotocol
websockets handshake/websockets-redirect.pcap redirect
websockets handshake/websockets-refused.pcap refused
websockets handshake/websockets-origin-refused.pcap origin-refused
websockets http/connect-through-a-proxy.pcap dialogue proxy "CONNECT through a proxy"

ws link/ethernet-ipv6.pcap short veth6 "IPv6"
ws link/loopback.pcap short lo "the loopback device"
ws link/cooked-v1.pcap short any1 "tcpdump -i any, cooked v1"
ws link/cooked-v2.pcap short any2 "tcpdump -i any, cooked v2"
ws link/seg6-ip4-in-ip6.pcap short seg6.red "IPv4 in IPv6 by the Linux kernel's segment routing, reduced: no routing header"
ws link/seg6-routing-header.pcap short seg6 "IPv4 in IPv6 by the Linux kernel's segment routing, with its routing header"
ws link/any-bridge.pcap short any-bridge "tcpdump -i any on a host whose bridge joins two others: every packet twice"
ws link/any-router.pcap short any-router "tcpdump -i any on a router: every packet twice, the second time with one hop less to live"
ws link/vxlan.pcap short vxlan "a VXLAN of the Linux kernel's"
ws link/raw-ip.pcap short raw-ip "a TUN device: no link layer"
for kind in vlan qinq qinq-9100 vlan-four-tags mpls mpls-pseudowire pppoe gre gre-key-checksum-sequence gretap gretap-fragmented ipip sit ip4-in-ip6 ip6-in-ip6 \
  geneve geneve-options vxlan-in-vlan vxlan-gpe erspan-1 erspan-2 erspan-3 everything-at-once; do
  name=$kind; [ $kind = sit ] && name=sit-6in4
  ws link/$name.pcap short $kind "mirrored as ${kind//-/ }"
done
ws tcp/syn-lost.pcap short "plain --lose-first-syn" "the first SYN is lost on the way and sent again"

ws tcp/sent-again.pcap echo "plain --lose-data 5" "a segment with data is lost behind the capture and sent again"

ws files/pcapng.pcapng short veth "pcapng"
ws files/gzip.pcap.gz short veth "pcap, gzip"
ws files/zstd.pcap.zst short veth "pcap, zstd"
dump_options="--time-stamp-precision=nano" ws files/nanoseconds.pcap short veth "pcap with nanosecond stamps"

harbour() { # the services of harbour.mjs; one upload is left out of the capture
  server() { exec ip netns exec $1 node $here/harbour.mjs server $port; }
  client() { ip netns exec $1 timeout 60 node $here/harbour.mjs client $2 $port; }
  leave_out="len == 1185" rec screen/harbour.pcap.gz veth "npm ws" "a quarter of a minute of several services, for pictures of the screen: trades, a chat, uploads of which one was not captured, a refusal, a client that does not mask"
}
harbour
