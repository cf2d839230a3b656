#!/usr/bin/env bash
# tls.sh [PATTERN]: records the captures of tls/ whose path matches. Besides what record.sh needs: openssl, nginx, haproxy, microsocks, and for Python wsproto,
# tlslite-ng, websockets and python-socks; for some a JDK, Deno (npm), Firefox and certutil (libnss3-tools).
. "$(dirname "$0")/lab.sh"
certificates() {
  cd "$scratch"
  local subject=(-subj /CN=ws.example.test -addext subjectAltName=DNS:ws.example.test,IP:10.77.0.1 -days 3650)
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec.key -out ec.pem "${subject[@]}" 2>/dev/null
  openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem "${subject[@]}" 2>/dev/null
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout client.key -out client.pem -subj /CN=client.example.test -days 3650 2>/dev/null
  openssl dhparam -dsaparam -out dh.pem 2048 2>/dev/null
  cat ec.pem ec.key >both.pem
  cd "$tools"
}
[ $list ] || certificates
secure=$tools/secure.mjs

ws() { # ws NAME SHOWS SERVER CLIENT [KEEP]: npm ws to npm ws
  begin "tls/$1.pcap" "npm ws" "$2" || return 0
  serve A 9443 node $secure server 9443 "$3"; run B node $secure client wss://10.77.0.1:9443/chat "$4"; finish ${5:-}
  if [[ $3 == *rsa.key* && ${5:-} == no-keys ]]; then cp "$scratch/rsa.key" "$out/tls/$1.server-key.pem"; fi
}
peers() { # peers NAME HOW SHOWS
  begin "tls/$1.pcap" "$2" "$3" || return 0
  serve A 9443 $python $tools/secure.py server 9443 $1; run B $python $tools/secure.py client 10.77.0.1 9443 $1; finish ${4:-}
}
suite() { # suite NAME SHOWS VERSION SUITE [MORE-OF-tls [MORE [KEEP]]]
  local both="\"minVersion\":\"$3\",\"maxVersion\":\"$3\",\"ciphers\":\"$4$([[ $4 == TLS_* ]] || echo :@SECLEVEL=0)\"${5:-}" more="${6:-}"
  ws "$1" "$2" "{\"tls\":{$both}$more}" "{\"tls\":{$both}${talk:-}}" "${7:-}"
}
rsa=',"cert":"rsa.pem","key":"rsa.key"'

# TLS 1.3
suite tls13-aes128-gcm "TLS 1.3, AES-128-GCM" TLSv1.3 TLS_AES_128_GCM_SHA256
suite tls13-aes256-gcm "TLS 1.3, AES-256-GCM" TLSv1.3 TLS_AES_256_GCM_SHA384
suite tls13-chacha20 "TLS 1.3, ChaCha20-Poly1305" TLSv1.3 TLS_CHACHA20_POLY1305_SHA256
suite tls13-aes128-ccm "TLS 1.3, AES-128-CCM" TLSv1.3 TLS_AES_128_CCM_SHA256
suite tls13-aes128-ccm8 "TLS 1.3, AES-128-CCM with tags of 8 bytes" TLSv1.3 TLS_AES_128_CCM_8_SHA256
ws tls13-deflate "TLS 1.3, permessage-deflate inside" '{"ws":{"perMessageDeflate":{"threshold":0}}}' '{"ws":{"perMessageDeflate":{"threshold":0}}}'
# TLS 1.2
suite tls12-ecdhe-aes128-gcm "TLS 1.2, ECDHE-RSA-AES128-GCM" TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 "" "$rsa"
suite tls12-ecdhe-aes256-gcm "TLS 1.2, ECDHE-ECDSA-AES256-GCM" TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
suite tls12-ecdhe-chacha20 "TLS 1.2, ECDHE-ECDSA-CHACHA20-POLY1305" TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305
suite tls12-ecdhe-aes128-ccm "TLS 1.2, ECDHE-ECDSA-AES128-CCM" TLSv1.2 ECDHE-ECDSA-AES128-CCM
suite tls12-ecdhe-aes256-ccm8 "TLS 1.2, ECDHE-ECDSA-AES256-CCM8" TLSv1.2 ECDHE-ECDSA-AES256-CCM8
for it in "aes128-sha ECDHE-ECDSA-AES128-SHA" "aes256-sha ECDHE-ECDSA-AES256-SHA" "aes128-sha256 ECDHE-ECDSA-AES128-SHA256" "aes256-sha384 ECDHE-ECDSA-AES256-SHA384"; do
  set -- $it
  suite tls12-ecdhe-$1-etm "TLS 1.2, $2, encrypt-then-MAC" TLSv1.2 $2
  suite tls12-ecdhe-$1-mte "TLS 1.2, $2, MAC-then-encrypt" TLSv1.2 $2 ',"secureOptions":524288'
done
suite tls12-rsa-aes128-gcm "TLS 1.2, RSA key exchange, AES128-GCM; no key log, the server's key beside" TLSv1.2 AES128-GCM-SHA256 "" "$rsa" no-keys
suite tls12-rsa-aes256-cbc-sha256 "TLS 1.2, RSA key exchange, AES256-SHA256 with encrypt-then-MAC; no key log, the server's key beside" TLSv1.2 AES256-SHA256 "" "$rsa" no-keys
suite tls12-rsa-no-extended-master-secret "TLS 1.2, RSA key exchange, AES128-SHA, without the extended master secret; no key log, the server's key beside" TLSv1.2 AES128-SHA ',"secureOptions":1' "$rsa" no-keys
suite tls12-dhe-aes256-gcm "TLS 1.2, DHE-RSA-AES256-GCM" TLSv1.2 DHE-RSA-AES256-GCM-SHA384 ',"dhparam":"file"' "$rsa"
suite tls12-dhe-aes128-cbc-sha "TLS 1.2, DHE-RSA-AES128-SHA" TLSv1.2 DHE-RSA-AES128-SHA ',"dhparam":"file"' "$rsa"
ws tls12-ecdhe-psk "TLS 1.2, a pre-shared key: ECDHE-PSK-AES128-CBC-SHA256" '{"psk":"00112233445566778899aabbccddeeff","tls":{"maxVersion":"TLSv1.2","ciphers":"ECDHE-PSK-AES128-CBC-SHA256:@SECLEVEL=0"}}' '{"psk":"00112233445566778899aabbccddeeff","tls":{"maxVersion":"TLSv1.2","ciphers":"ECDHE-PSK-AES128-CBC-SHA256:@SECLEVEL=0"}}'
ws tls12-deflate "TLS 1.2, permessage-deflate inside" '{"tls":{"maxVersion":"TLSv1.2"},"ws":{"perMessageDeflate":{"threshold":0}}}' '{"ws":{"perMessageDeflate":{"threshold":0}}}'
# older ones
peers tls10-aes128-cbc-sha "wsproto over ssl" "TLS 1.0, ECDHE-RSA-AES128-SHA: the last block of a record is the next one's IV"
peers tls10-empty-fragments "wsproto over ssl" "TLS 1.0, RSA key exchange: an empty record before each against BEAST"
peers tls11-aes256-cbc-sha "wsproto over ssl" "TLS 1.1, ECDHE-ECDSA-AES256-SHA"
# resumption
ws tls13-resumed "TLS 1.3: two connections, the second resumed by a ticket (PSK with ECDHE)" '{}' '{"times":2,"talk":"tiny"}'
ws tls12-resumed-by-ticket "TLS 1.2: two connections, the second resumed by a ticket" '{"tls":{"maxVersion":"TLSv1.2"}}' '{"times":2,"talk":"tiny"}'
ws tls12-resumed-by-id "TLS 1.2: two connections, the second resumed by its session id" '{"ids":true,"tls":{"maxVersion":"TLSv1.2","secureOptions":16384}}' '{"times":2,"talk":"tiny"}'
ws tls12-rsa-resumed-by-id "TLS 1.2 with RSA key exchange: the second connection resumed by its session id; no key log, the server's key beside" "{\"ids\":true,\"tls\":{\"maxVersion\":\"TLSv1.2\",\"secureOptions\":16384,\"ciphers\":\"AES128-GCM-SHA256\"}$rsa}" '{"times":2,"talk":"tiny"}' no-keys
# what else a handshake may hold
ws tls13-hello-retry "TLS 1.3: HelloRetryRequest, the server wants P-384" '{"tls":{"ecdhCurve":"P-384"}}' '{"tls":{"ecdhCurve":"X25519:P-384"}}'
ws tls13-client-certificate "TLS 1.3 with a client certificate" '{"ca":true,"tls":{"requestCert":true}}' '{"cert":true}'
ws tls12-client-certificate "TLS 1.2 with a client certificate" '{"ca":true,"tls":{"requestCert":true,"maxVersion":"TLSv1.2"}}' '{"cert":true}'
ws tls13-unknown-certificate "the client does not trust the certificate: an alert, no WebSocket" '{}' '{"tls":{"rejectUnauthorized":true}}'
ws tls13-no-common-version "a client of TLS 1.2 against a server of TLS 1.3: an alert, no WebSocket" '{"tls":{"minVersion":"TLSv1.3"}}' '{"tls":{"maxVersion":"TLSv1.2"}}'
ws tls13-refused "TLS 1.3: the upgrade inside is refused with 403" '{"refuse":true}' '{}'
ws tls13-no-close-notify "TLS 1.3: the client ends TCP without a close and without close_notify" '{}' '{"talk":"terminate"}'
ws tls13-big-records "TLS 1.3: 40,000 bytes in records of 16 KiB" '{}' '{"talk":"big"}'
peers early-data "wsproto over openssl" "TLS 1.3: the second connection sends its upgrade request as early data, which the server takes"
peers early-data-rejected "wsproto over openssl" "TLS 1.3: early data that the server rejects; the request is sent again"
peers renegotiation "wsproto over openssl" "TLS 1.2: two renegotiations by the client amid the conversation"
peers client-certificate-after-the-handshake "wsproto over ssl" "TLS 1.3: the server asks for a client certificate amid the conversation"
# records and segments
peers keyupdate-by-client "wsproto over tlslite-ng and ssl" "TLS 1.3: the client updates its keys after every second message, every other time asking the server to do so"
peers keyupdate-by-server "wsproto over tlslite-ng and ssl" "TLS 1.3: the server updates its keys after every second message, every other time asking the client to do so"
peers record-padding "wsproto over tlslite-ng and ssl" "TLS 1.3: the server pads its records"
peers record-padding-openssl "wsproto over openssl" "TLS 1.3: both sides pad their records to 256 and 128 bytes"
peers one-byte-records-13 "wsproto over ssl" "TLS 1.3: every record of the server holds one byte"
peers one-byte-records-12 "wsproto over ssl" "TLS 1.2: every record holds one byte"
peers record-over-20-segments "wsproto over ssl" "a record of 16 KB in segments of 700 bytes"
[ $list ] || mtu 9000
peers hundred-records-in-a-segment "wsproto over ssl" "a hundred records of a message each in one segment, both ways"
[ $list ] || mtu 1500
peers handshake-in-tiny-segments "wsproto over ssl" "hellos, certificate and all records in segments of 30 and 60 bytes"
peers handshake-in-many-records "wsproto over tlslite-ng and ssl" "the server's handshake messages in records of 200 bytes, its messages too"
# who else speaks
if begin tls/websockets.pcap "Python websockets" "TLS 1.3 with permessage-deflate as the library likes it"; then
  serve A 9443 $python $tools/endpoints_websockets.py server 9443 deflate-tls "$TRUTH"; SSLKEYLOGFILE=$KEYLOG run B $python $tools/endpoints_websockets.py client 10.77.0.1 9443 deflate-tls "$TRUTH"; finish
fi
if begin tls/chromium.pcap "Chromium, npm ws" "Chromium: the page over HTTPS, then wss with permessage-deflate; a ClientHello in two segments"; then
  serve A 9443 env TLS_CERT=$scratch/ec node $tools/endpoints.mjs server 9443 browser-deflate "$TRUTH"; chromium https://10.77.0.1:9443/; finish
fi
if begin tls/firefox.pcap "Firefox, npm ws" "Firefox: the page over HTTPS, then wss with permessage-deflate on another connection"; then
  authority; serve A 9443 env TLS_CERT=$scratch/ec node $tools/endpoints.mjs server 9443 browser-deflate "$TRUTH"; firefox https://10.77.0.1:9443/ 'user_pref("network.http.http2.enabled", false);'; finish
fi
if begin tls/tls12-java-in-front.pcap "npm ws, Java" "Java ends TLS 1.2, AES-128-GCM: nonces that count from 0, handshake records in segments of their own"; then
  openssl pkcs12 -export -inkey "$scratch/ec.key" -in "$scratch/ec.pem" -out "$scratch/ec.p12" -passout pass:lab
  serve A 9001 node $secure server 9001 '{"plain":true}'; serve A 9443 java $tools/Front.java 9443 9001 "$scratch/ec.p12" TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
  run B node $secure client wss://10.77.0.1:9443/chat; finish legs
fi
if begin tls/tls12-deno.pcap "Deno, npm ws" "TLS 1.2, AES-256-GCM, of rustls: nonces that are the number XOR a random one"; then
  serve A 9443 node $secure server 9443 '{"log":true,"both":true,"tls":{"maxVersion":"TLSv1.2"}}'; run B deno run -A --quiet --unsafely-ignore-certificate-errors $tools/runtimes.mjs wss://10.77.0.1:9443/chat; finish
fi
if begin tls/curl-probe.pcap "curl, npm ws" "curl asks for an upgrade over TLS, gets it and never sends a frame"; then
  serve A 9443 node $secure server 9443
  SSLKEYLOGFILE=$KEYLOG run B curl -skN --http1.1 --max-time 1 -o /dev/null -H "Connection: Upgrade" -H "Upgrade: websocket" -H "Sec-WebSocket-Version: 13" -H "Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQAAAA==" https://10.77.0.1:9443/ 2>/dev/null; finish
fi
if begin tls/no-websocket.pcap "curl, Node.js" "HTTPS without an upgrade"; then
  serve A 9443 node $secure server 9443; SSLKEYLOGFILE=$KEYLOG run B curl -sk --http1.1 -o /dev/null https://10.77.0.1:9443/page https://10.77.0.1:9443/other; finish
fi
ws no-keys "TLS 1.3, and nobody wrote down the keys" '{}' '{}' "no-keys no-truth"
# ways through
through() { # through NAME HOW SHOWS PROXY-URL COMMAND...: Python websockets by way of a proxy on A
  local name=$1 how=$2 shows=$3 via=$4; shift 4
  begin "tls/$name.pcap" "$how" "$shows" || return 0
  serve A 9443 env KEEP_PORT=1 $python $tools/endpoints_websockets.py server 9443 deflate-tls "$TRUTH"; serve A 3128 "$@"
  SSLKEYLOGFILE=$KEYLOG VIA=$via run B $python $tools/endpoints_websockets.py client 10.77.0.1 9443 deflate-tls "$TRUTH"; finish legs
}
through connect-proxy "Python websockets" "TLS through an HTTP proxy by CONNECT" http://10.77.0.1:3128 python3 $tools/proxy.py 3128
through socks5 "Python websockets, microsocks" "TLS through a SOCKS5 proxy" socks5h://10.77.0.1:3128 microsocks -p 3128
through socks5-password "Python websockets, microsocks" "TLS through a SOCKS5 proxy that wants a name and a password" socks5h://lab:open-sesame@10.77.0.1:3128 microsocks -p 3128 -u lab -P open-sesame
through tls-in-tls "Python websockets" "a proxy that itself is reached over TLS: TLS in TLS" https://10.77.0.1:3128 env TLS_CERT=$scratch/ec python3 $tools/proxy.py 3128
haproxy_config() { printf 'global\n  maxconn 20\n  log stdout format raw local0\ndefaults\n  timeout connect 3s\n  timeout client 9s\n  timeout server 9s\n  mode %s\n%s\n' "$1" "$2" >"$scratch/haproxy.cfg"; }
nginx_config() { printf 'daemon off; error_log /dev/null; pid %s/nginx.pid; events {} http { access_log off; map $http_upgrade $up { default upgrade; "" close; } server { %s\n location / { proxy_pass %s; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $up; proxy_set_header Host $host; proxy_ssl_verify off; } } }' "$scratch" "$1" "$2" >"$scratch/nginx.conf"; }
for v in 1 2; do
  if begin tls/proxy-protocol-v$v.pcap "npm ws, haproxy, nginx" "TLS behind a PROXY protocol v$v header: haproxy passes the bytes on to nginx, which ends TLS; both legs"; then
    haproxy_config tcp "listen in
  bind 10.77.0.1:9443
  server web 10.77.0.2:9444 send-proxy$([ $v = 2 ] && echo -v2)"
    nginx_config "listen 9444 ssl proxy_protocol; ssl_certificate $scratch/ec.pem; ssl_certificate_key $scratch/ec.key;" http://127.0.0.1:9001
    serve B 9001 node $secure server 9001 '{"plain":true}'; serve B 9444 nginx -c "$scratch/nginx.conf"; serve A 9443 haproxy -f "$scratch/haproxy.cfg"
    run B node $secure client wss://10.77.0.1:9443/chat; finish legs
  fi
done
if begin tls/nginx-in-front.pcap "npm ws, nginx" "nginx ends TLS: wss in front, ws behind, both legs"; then
  nginx_config "listen 9443 ssl; ssl_certificate $scratch/ec.pem; ssl_certificate_key $scratch/ec.key;" http://10.77.0.2:9001
  serve B 9001 node $secure server 9001 '{"plain":true}'; serve A 9443 nginx -c "$scratch/nginx.conf"; run B node $secure client wss://10.77.0.1:9443/chat; finish legs
fi
if begin tls/haproxy-in-front.pcap "npm ws, haproxy" "haproxy ends TLS: wss in front, ws behind, both legs"; then
  haproxy_config http "listen in
  bind 10.77.0.1:9443 ssl crt $scratch/both.pem
  server web 10.77.0.2:9001"
  serve B 9001 node $secure server 9001 '{"plain":true}'; serve A 9443 haproxy -f "$scratch/haproxy.cfg"; run B node $secure client wss://10.77.0.1:9443/chat; finish legs
fi
if begin tls/haproxy-tls-on-both-legs.pcap "npm ws, haproxy" "haproxy ends TLS and begins another: two legs, two sets of keys, one key log"; then
  haproxy_config http "listen in
  bind 10.77.0.1:9443 ssl crt $scratch/both.pem
  server web 10.77.0.2:9444 ssl verify none"
  serve B 9444 node $secure server 9444 '{"log":true}'; serve A 9443 haproxy -f "$scratch/haproxy.cfg"; run B node $secure client wss://10.77.0.1:9443/chat; finish legs
fi
# made from the ones above
derived() { # derived PATH FROM SHOWS
  path=$1; [ $list ] && { printf '%s\tderive.py from %s\t%s\n' "$1" "$2" "$3"; return 1; }; [[ $path =~ $pattern ]]
}
base=$out/tls/tls13-aes128-gcm
same_truth() { cp $base.truth.ndjson "$out/${path%.pcap*}.truth.ndjson"; }
if derived tls/secrets-in-the-file.pcapng tls/tls13-aes128-gcm.pcap "the key log as a Decryption Secrets Block before the packets"; then
  editcap -F pcapng --inject-secrets tls,$base.keylog $base.pcap $out/$path; same_truth
fi
if derived tls/secrets-in-the-middle.pcapng tls/tls13-aes128-gcm.pcap "two sections: the packets up to the handshake, then the Decryption Secrets Block and the rest"; then
  editcap -F pcapng -r $base.pcap $scratch/1.pcapng 1-12; editcap -F pcapng $base.pcap $scratch/2.pcapng 1-12; editcap -F pcapng --inject-secrets tls,$base.keylog $scratch/2.pcapng $scratch/3.pcapng
  cat $scratch/1.pcapng $scratch/3.pcapng >$out/$path; same_truth
fi
if derived tls/several-values-of-a-label.pcap tls/tls13-aes128-gcm.pcap "a key log that has wrong values before and behind the right ones, comments, blank lines, unknown labels and keys of others"; then
  cp $base.pcap $out/$path; same_truth
  python3 - $base.keylog >$out/${path%.pcap}.keylog <<'PY'
import hashlib, sys
lines = open(sys.argv[1]).read().splitlines()
other = lambda line, n: " ".join(line.split()[:2] + [(hashlib.sha256((line + n).encode()).hexdigest() * 2)[:len(line.split()[2])]])
print("# written by several programs\n")
for line in lines: print(other(line, "before"))
print("FUTURE_TRAFFIC_SECRET " + " ".join(lines[0].split()[1:]))
for line in lines: print(line + "\r" if "SERVER" in line else line)
for line in lines: print(other(line, "behind"))
for line in lines: print(line.split()[0], hashlib.sha256(b"another connection").hexdigest(), hashlib.sha256(line.encode()).hexdigest())
print("CLIENT_TRAFFIC_SECRET_0 cut short")
PY
fi
if derived tls/joined-late-13.pcap tls/tls13-aes128-gcm.pcap "TLS 1.3 without its handshake: the first 14 packets are missing"; then
  editcap -F pcap $base.pcap $out/$path 1-14; cp $base.keylog $out/${path%.pcap}.keylog
  lost() { tshark -r $base.pcap -o tls.keylog_file:$base.keylog -Y "websocket && frame.number <= 14 && $1" 2>/dev/null | wc -l; }
  for side in client server; do # what was said before is not in it
    cond='tcp.dstport == 9443'; [ $side = server ] && cond='tcp.srcport == 9443'
    grep "\"from\":\"$side\"" $base.truth.ndjson | tail -n +$(($(lost "$cond") + 1))
  done >"$out/${path%.pcap}.truth.ndjson"
fi
if derived tls/joined-late-12.pcap tls/tls12-ecdhe-aes128-gcm.pcap "TLS 1.2 without its handshake, which no key log can open"; then
  editcap -F pcap $out/tls/tls12-ecdhe-aes128-gcm.pcap $out/$path 1-14; cp $out/tls/tls12-ecdhe-aes128-gcm.keylog $out/${path%.pcap}.keylog
fi
