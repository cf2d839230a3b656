#!/usr/bin/env bash
# streams.sh [PATTERN]: records the captures of streams/ whose path matches: server-sent events and Engine.IO's long polling.
# Needs what tutorials.sh needs: in LAB_NODE ws, socket.io, socket.io-client, and sio2 and sioc2, which are their version 2.
. "$(dirname "$0")/lab.sh"
it=$tools/streams.mjs
[ $list ] || { cd "$scratch"; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec.key -out ec.pem -subj /CN=10.77.0.1 -addext subjectAltName=IP:10.77.0.1 2>/dev/null; export KEY=$scratch/ec.key CERT=$scratch/ec.pem; cd "$tools"; }
told() { finish no-truth; python3 $tools/told.py "$(basename ${path%%.pcap*})" "$1" "$2" '{}' "$TRUTH" >"$out/${path%%.pcap*}.truth.json"; [ ! -s "$KEYLOG" ] || cp "$KEYLOG" "$out/${path%%.pcap*}.keylog"; }
curl() { # curl NAME OPTIONS SHOWS ARGUMENTS...
  local name=$1 options=$2 shows=$3; shift 3
  begin streams/$name.pcap "curl, Node.js" "$shows" || return 0
  serve A 9001 node $it events 9001 "$options"; run B /usr/bin/env curl -sN --max-time 8 "$@"; told "curl, Node.js" "$shows"
}
browser() { # browser NAME OPTIONS SHOWS [SCHEME]
  begin streams/$1.pcap "Chromium, Node.js" "$3" || return 0
  serve A 9001 node $it ${role:-events} 9001 "$2"; web=9001 chromium ${4:-http}://10.77.0.1:9001/; told "Chromium, ${who:-Node.js}" "$3"
}
polls() { # polls NAME SERVER CLIENT SHOWS
  begin streams/$1.pcap "socket.io, socket.io-client" "$4" || return 0
  serve A 9001 node $it socketio 9001 "$2"; run B node $it polls http://10.77.0.1:9001 "$3"; told "socket.io, socket.io-client" "$4"
}
u=http://10.77.0.1:9001/events
curl sse-chunked '{}' "server-sent events in chunks: long, empty and of several lines, comments between them" -o /dev/null $u
curl sse-gzip '{"coding":"gzip"}' "the same, compressed with gzip" -o /dev/null --compressed $u
curl sse-deflate '{"coding":"deflate"}' "the same, compressed with deflate" -o /dev/null --compressed $u
curl sse-br '{"coding":"br"}' "server-sent events in chunks, compressed with brotli" -o /dev/null --compressed $u
curl sse-length '{"length":true}' "server-sent events of known length, two responses on one connection" -o /dev/null -o /dev/null $u $u
gets() { # gets NAME SERVER CLIENT SHOWS
  begin streams/$1.pcap "Node.js http2" "$4" || return 0
  serve A 9001 node $it events 9001 "$2"; run B node $it gets http://10.77.0.1:9001 "$3"; told "Node.js http2" "$4"
}
gets sse-h2c '{"clear":true}' '{}' "server-sent events on three streams of one HTTP/2 connection, without TLS"
gets sse-h2c-gzip '{"clear":true,"coding":"gzip"}' '{"coding":"gzip"}' "the same, compressed with gzip"
browser sse-eventsource '{"browser":true}' "two EventSources at once, each reconnects in the middle with Last-Event-ID"
browser sse-eventsource-h2 '{"browser":true,"h2":true}' "the same over HTTP/2 and TLS" https
polls polling-4 '{}' '{}' "Engine.IO 4 that does not upgrade: events, acknowledgements, bytes in base64, a compressed response"
polls polling-3 '{"package":"sio2"}' '{"package":"sioc2"}' "Engine.IO 3 that does not upgrade"
polls polling-4-upgrade '{}' '{"upgrade":true}' "Engine.IO 4 that upgrades to WebSocket"
role=socketio who=socket.io browser polling-4-chromium '{"browser":true}' "Engine.IO 4 in a browser that does not upgrade"
role=socketio who=socket.io browser polling-3-chromium '{"browser":true,"package":"sio2"}' "Engine.IO 3 in a browser that does not upgrade: payloads of bytes"
role=socketio who=socket.io browser polling-4-chromium-upgrade '{"browser":true,"upgrade":true}' "Engine.IO 4 in a browser that upgrades to WebSocket"
