#!/usr/bin/env bash
# http2.sh [PATTERN]: records the captures of h2/ whose path matches. Needs what tls.sh needs, and for Python h2, wsproto and hypercorn; nghttpx, lighttpd, Apache.
. "$(dirname "$0")/lab.sh"
[ $list ] || { cd "$scratch"; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec.key -out ec.pem -subj /CN=ws.example.test -addext subjectAltName=DNS:ws.example.test,IP:10.77.0.1 -days 3650 2>/dev/null
  cat ec.pem ec.key >both.pem; cd "$tools"; }
it=$tools/http2.mjs

node() { # node NAME SHOWS SERVER CLIENT [URL]
  begin "h2/$1.pcap" "Node.js http2, npm ws" "$2" || return 0
  serve A 9443 /usr/bin/env node $it server 9443 "$3"; run B /usr/bin/env node $it client ${5:-https://10.77.0.1:9443} "$4"; finish
}
node node-tls "TLS: two sockets and two requests on one connection" '{}' '{"sockets":2,"gets":true}'
node node-h2c "without TLS, prior knowledge: two sockets and two requests on one connection" '{"clear":true}' '{"sockets":2,"gets":true}' http://10.77.0.1:9443
node node-deflate "TLS: three sockets with permessage-deflate" '{"deflate":true}' '{"sockets":3,"deflate":true}'
node node-h2c-deflate "without TLS: three sockets with permessage-deflate" '{"clear":true,"deflate":true}' '{"sockets":3,"deflate":true}' http://10.77.0.1:9443
node node-refused "TLS: of four sockets one is refused with 403, one with 404" '{"refuse":{"/ws/2":403,"/ws/3":404}}' '{"sockets":4}'
node node-push "TLS: a server push beside a socket" '{"push":true}' '{"push":true}'
node node-reset "TLS: the client cancels the second of three streams without a close" '{}' '{"sockets":3,"reset":2}'
node node-h2c-coalesced "without TLS: 700 messages at once, in DATA frames of 16 KiB that hold many of them" '{"clear":true,"flood":700}' '{"sockets":1,"wait":300}' http://10.77.0.1:9443
if begin h2/chromium-node.pcap "Chromium, Node.js http2, npm ws" "Chromium: page, requests and three sockets on one connection, one DATA frame a message"; then
  serve A 9443 node $it server 9443 '{"browser":true,"deflate":true}'; chromium https://10.77.0.1:9443/; finish
fi
if begin h2/firefox-node.pcap "Firefox, Node.js http2, npm ws" "Firefox: page, requests and three sockets with permessage-deflate on one connection"; then
  authority; serve A 9443 node $it server 9443 '{"browser":true,"deflate":true}'; firefox https://10.77.0.1:9443/; finish
fi
asgi=($python -m hypercorn --certfile "$scratch/ec.pem" --keyfile "$scratch/ec.key" --bind 0.0.0.0:9443 --log-level error http2:app)
if begin h2/chromium-hypercorn.pcap "Chromium, hypercorn" "Chromium: page, requests and three sockets with permessage-deflate on one connection"; then
  cd "$tools"; BROWSER=1 serve A 9443 "${asgi[@]}"; chromium https://10.77.0.1:9443/; finish
fi
if begin h2/hypercorn.pcap "Node.js http2, npm ws, hypercorn" "hypercorn: two sockets with permessage-deflate and two requests on one connection"; then
  cd "$tools"; serve A 9443 "${asgi[@]}"; run B node $it client https://10.77.0.1:9443 '{"sockets":2,"gets":true,"deflate":true,"whole":true}'; finish
fi
if begin h2/haproxy-in-front.pcap "Node.js http2, npm ws, haproxy" "haproxy: HTTP/2 over TLS in front, HTTP/1.1 behind: two sockets, three connections, both legs"; then
  printf 'global\n  maxconn 20\ndefaults\n  timeout connect 3s\n  timeout client 9s\n  timeout server 9s\n  mode http\nlisten in\n  bind 10.77.0.1:9443 ssl crt %s alpn h2,http/1.1\n  server web 10.77.0.2:9001\n' "$scratch/both.pem" >"$scratch/haproxy.cfg"
  serve B 9001 node $it h1 9001; serve A 9443 haproxy -f "$scratch/haproxy.cfg"; run B node $it client https://10.77.0.1:9443 '{"sockets":2,"behind":true}'; finish legs
fi
if begin h2/haproxy-h2c-behind.pcap "Node.js http2, npm ws, haproxy" "haproxy: HTTP/2 without TLS on both legs"; then
  printf 'global\n  maxconn 20\ndefaults\n  timeout connect 3s\n  timeout client 9s\n  timeout server 9s\n  mode http\nlisten in\n  bind 10.77.0.1:9443 proto h2\n  server web 10.77.0.2:9001 proto h2\n' >"$scratch/haproxy.cfg"
  serve B 9001 node $it server 9001 '{"clear":true,"behind":true}'; serve A 9443 haproxy -f "$scratch/haproxy.cfg"; run B node $it client http://10.77.0.1:9443 '{"sockets":2,"behind":true}'; finish legs
fi
front() { # front NAME SHOWS COMMAND...: a proxy that speaks HTTP/2 over TLS in front and HTTP/1.1 behind
  local name=$1 shows=$2; shift 2
  begin "h2/$name-in-front.pcap" "Node.js http2, npm ws, $name" "$name: HTTP/2 over TLS in front, HTTP/1.1 behind: $shows, both legs" || return 0
  serve B 9001 node $it h1 9001 '{"deflate":true}'; serve A 9443 "$@"; run B node $it client https://10.77.0.1:9443 '{"sockets":2,"behind":true,"deflate":true}'; finish legs
}
front nghttpx "permessage-deflate passed through" nghttpx -f10.77.0.1,9443 -b10.77.0.2,9001 --single-process --workers=1 "$scratch/ec.key" "$scratch/ec.pem"
printf 'server.modules = ("mod_openssl", "mod_proxy")\nserver.document-root = "%s"\nserver.bind = "10.77.0.1"\nserver.port = 9443\nssl.engine = "enable"\nssl.pemfile = "%s/both.pem"\nproxy.server = ("" => (("host" => "10.77.0.2", "port" => 9001)))\nproxy.header = ("upgrade" => "enable")\nserver.feature-flags += ("server.h2proto" => "enable")\n' "$scratch" "$scratch" >"$scratch/lighttpd.conf"
front lighttpd "permessage-deflate passed through" lighttpd -D -f "$scratch/lighttpd.conf"
{ echo "ServerRoot /usr/lib/apache2"; for it_is in mpm_event authz_core ssl http2 proxy proxy_http proxy_wstunnel; do echo "LoadModule ${it_is}_module modules/mod_$it_is.so"; done
  printf 'ServerName ws.example.test\nPidFile %s/apache.pid\nErrorLog /dev/null\nListen 10.77.0.1:9443\nMutex file:%s default\nUser www-data\nGroup www-data\nProtocols h2 http/1.1\nH2WebSockets on\nSSLEngine on\nSSLCertificateFile %s/both.pem\nProxyPass / http://10.77.0.2:9001/ upgrade=websocket\n' "$scratch" "$scratch" "$scratch"; } >"$scratch/apache.conf"
front apache "permessage-deflate passed through" apache2 -f "$scratch/apache.conf" -DFOREGROUND
while IFS=$'\t' read -r name shows; do
  begin "h2/$name.pcap" "h2, wsproto" "$shows" || continue
  serve A 9443 $python $tools/http2.py server 9443 $name; run B $python $tools/http2.py client 10.77.0.1 9443 $name </dev/null; finish
done < <(python3 $tools/http2.py list)
if [ $list ]; then printf 'h2/joined-late.pcap\tderive.py from h2/header-table-used.pcap\twithout the preface and the first socket: fields that name entries of a table nobody saw\n'
elif [[ h2/joined-late.pcap =~ $pattern ]]; then editcap -F pcap $out/h2/header-table-used.pcap $out/h2/joined-late.pcap 1-30; grep -v '"stream":3,' $out/h2/header-table-used.truth.ndjson >$out/h2/joined-late.truth.ndjson; fi
