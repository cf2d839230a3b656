# lab.sh: sourced by tls.sh, http2.sh, subprotocols.sh, tutorials.sh and negative.sh: two hosts, one link, one recording at a time.
#
#   if begin tls/name.pcap "who speaks" "what it shows"; then
#     serve A 9443 COMMAND...    starts a program on host A and waits until it listens on the port (0: does not wait)
#     run B COMMAND...           runs one on host B to its end
#     finish                     ends all, and puts the capture, its truth and its key log in their places
#   fi
#
# A is 10.77.0.1, B is 10.77.0.2; what crosses the link is captured on B. Programs find TRUTH and KEYLOG, two files to write to, in their environment.
# SCRIPT [PATTERN] records the captures whose path matches, SCRIPT --list lists them as record.sh does.
set -u
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); out=$(dirname "$tools"); pattern=${1:-.}; list=; [ "$pattern" = --list ] && list=1
python=${PYTHON:-python3}; export LAB_NODE=${LAB_NODE:-.} PYTHONDONTWRITEBYTECODE=1
A=wirefin-a-$$ B=wirefin-b-$$
scratch=$(mktemp -d); export TRUTH=$scratch/truth KEYLOG=$scratch/keylog LAB=$scratch
started=()

up() {
  local i=1 ns dev
  ip netns add $A; ip netns add $B
  ip link add wa0 netns $A type veth peer name wb0 netns $B
  for ns in $A $B; do
    dev=wa0; [ $ns = $B ] && dev=wb0
    ip -n $ns addr add 10.77.0.$i/24 dev $dev
    ip -n $ns link set lo up; ip -n $ns link set $dev up
    ip netns exec $ns ethtool -K $dev tso off gso off gro off tx off >/dev/null
    i=$((i + 1))
  done
}
down() { tries=100 until_true emptied; ip netns del $A 2>/dev/null; ip netns del $B 2>/dev/null; rm -rf "$scratch"; }
host() { [ "$1" = A ] && echo $A || echo $B; }
until_true() { local n=0; until "$@" >/dev/null 2>&1; do sleep .03; n=$((n + 1)); [ $n -gt ${tries:-300} ] && return 1; done; return 0; }
listening() { ip netns exec $1 ss -Hltn "sport = :$2" | grep -q .; }
mtu() { ip -n $A link set wa0 mtu $1; ip -n $B link set wb0 mtu $1; }

begin() { # begin PATH HOW SHOWS; `filter` in the environment narrows what is captured
  path=$1
  [ $list ] && { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; return 1; }
  [[ $path =~ $pattern ]] || return 1
  rm -f "$scratch/done" "$TRUTH"* "$KEYLOG"* "$scratch/capture"*
  ip netns exec $B tcpdump -Z root -i wb0 -s 262144 --immediate-mode -U -w "$scratch/capture" ${filter:-tcp} 2>"$scratch/capture.log" & dump=$!
  until_true grep -q 'listening on' "$scratch/capture.log"; started=()
}
serve() { # serve HOST PORT COMMAND...
  local ns port=$2; ns=$(host $1); shift 2
  ip netns exec $ns "$@" </dev/null >>"$scratch/said" 2>&1 & started+=($!)
  [ $port = 0 ] || until_true listening $ns $port || { echo "$path: nobody listens on $port" >&2; tail -5 "$scratch/said" >&2; }
}
run() { # tail: so many lines of what it said where it fails
  local ns; ns=$(host $1); shift
  timeout ${limit:-15} ip netns exec $ns "$@" >>"$scratch/said" 2>&1 || { echo "$path: $1 ended with $?" >&2; tail -${tail:-3} "$scratch/said" >&2; }
}
chromium() { # chromium URL: until the server on A, port 9443 or `web`, has gone or made a file "done"
  local n=0 it; rm -rf "$scratch/profile"
  SSLKEYLOGFILE=$KEYLOG ip netns exec $B chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --ignore-certificate-errors \
    --disable-component-update --disable-sync --remote-debugging-port=0 --user-data-dir="$scratch/profile" "$1" >/dev/null 2>&1 & it=$!
  while listening $A ${web:-9443} && [ ! -e "$scratch/done" ] && [ $n -lt 150 ]; do sleep .1; n=$((n + 1)); done
  sleep .3; kill $it; wait $it 2>/dev/null; [ $n -lt 150 ] || echo "$path: the browser did not come to an end" >&2
}
firefox() { # firefox URL [PREFERENCES]: as chromium; the certificate has to be signed by $scratch/ca.pem
  local n=0 it; rm -rf "$scratch/profile"; mkdir -p "$scratch/profile"
  certutil -N -d "sql:$scratch/profile" --empty-password; certutil -A -d "sql:$scratch/profile" -n lab -t C,, -i "$scratch/ca.pem"
  printf 'user_pref("network.captive-portal-service.enabled", false); user_pref("network.connectivity-service.enabled", false); user_pref("app.update.enabled", false); user_pref("datareporting.policy.dataSubmissionEnabled", false); %s\n' "${2:-}" >"$scratch/profile/user.js"
  HOME=$scratch SSLKEYLOGFILE=$KEYLOG ip netns exec $B firefox-esr --headless --no-remote --profile "$scratch/profile" "$1" >/dev/null 2>&1 & it=$!
  while listening $A 9443 && [ ! -e "$scratch/done" ] && [ $n -lt 300 ]; do sleep .1; n=$((n + 1)); done
  sleep .3; kill $it; wait $it 2>/dev/null; [ $n -lt 300 ] || echo "$path: the browser did not come to an end" >&2
}
authority() { # makes ec.pem and ec.key, signed by ca.pem
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$scratch/ca.key" -out "$scratch/ca.pem" -subj /CN=lab -days 3650 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$scratch/ec.key" -out "$scratch/ec.csr" -subj /CN=ws.example.test 2>/dev/null
  openssl x509 -req -in "$scratch/ec.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -CAcreateserial -days 3650 -out "$scratch/ec.pem" -extfile <(echo subjectAltName=DNS:ws.example.test,IP:10.77.0.1) 2>/dev/null
}
emptied() { local all; all=$(ip netns pids $A; ip netns pids $B); [ -z "$all" ] || { kill $all 2>/dev/null; return 1; }; }
finish() { # finish [KEEP]: KEEP "no-truth" or "no-keys" leaves that out, "legs" writes the truth for each connection of the capture
  sleep "${linger:-.3}"
  local p keep=" ${*:-} "
  for p in "${started[@]}"; do kill $p 2>/dev/null; done
  for p in "${started[@]}"; do wait $p 2>/dev/null; done
  started=()
  kill $dump; wait $dump 2>/dev/null
  emptied; tries=100 until_true emptied # what the programs started themselves
  local file=$out/$path stem; stem=${file%%.pcap*}; mkdir -p "$(dirname "$file")"
  case $path in *.pcapng) editcap -F pcapng "$scratch/capture" "$file" ;; *.gz) gzip -9n <"$scratch/capture" >"$file" ;; *) cp "$scratch/capture" "$file" ;; esac
  rm -f "$stem.truth.ndjson" "$stem.keylog"
  [ -s "$KEYLOG" ] && [[ $keep != *" no-keys "* ]] && sort -u "$KEYLOG" | grep -v '^#' >"$stem.keylog"
  if [ -s "$TRUTH" ] && [[ $keep != *" no-truth "* ]]; then
    if [[ $keep == *" legs "* ]]; then python3 "$tools/legs.py" "$file" <"$TRUTH" >"$stem.truth.ndjson"; else cp "$TRUTH" "$stem.truth.ndjson"; fi
  fi
  printf '%6d %s %s\n' "$(stat -c %s "$file")" "$path" "$([ -e "$stem.truth.ndjson" ] && wc -l <"$stem.truth.ndjson")"
  : >"$scratch/said"
}
[ $list ] || { trap down EXIT; up; }
