#!/usr/bin/env bash
# negative.sh [PATTERN]: records the captures of negative/ whose path matches: other protocols, joined in the middle, in which no WebSocket may be found.
# Needs mosquitto, redis-server, postgresql, openssh-server, mariadb-server, memcached, nats-server, ngircd, beanstalkd, rsync, rabbitmq-server, slapd, prosody, git,
# curl, nginx, and for Node.js mqtt, amqplib and nats, for Python aiosmtpd, pyftpdlib, dnspython and ldap3.
. "$(dirname "$0")/lab.sh"
it=$tools/negative.py
middle() { finish no-truth no-keys; editcap -F pcap "$out/$path" "$scratch/middle" 1-${1:-8}; cp "$scratch/middle" "$out/$path"; } # without the packets that tell what it is
[ $list ] || chmod 755 "$scratch"
js() { ( cd "$LAB_NODE"; exec ip netns exec $B node -e "$1" </dev/null >>"$scratch/said" 2>&1 ) || tail -3 "$scratch/said" >&2; }
mk() { mkdir -p "$scratch/$1"; chmod 777 "$scratch/$1"; }

if begin negative/mqtt.pcap "Mosquitto, mqtt.js" "MQTT 3.1.1: publishes, acknowledgements, pings"; then
  printf 'listener 9001 0.0.0.0\nallow_anonymous true\npersistence false\nuser root\n' >"$scratch/m.conf"; serve A 9001 mosquitto -c "$scratch/m.conf"
  js "const c = require('mqtt').connect('mqtt://10.77.0.1:9001', { keepalive: 1 }); c.on('connect', async () => { const s = (t, q) => new Promise(d => c.subscribe(t, { qos: q }, d)); for (let i = 0; i < 12; i++) await s('harbour/' + i + '/+', i % 3); for (let i = 0; i < 40; i++) await new Promise(d => c.publish('harbour/' + i % 12 + '/state', JSON.stringify({ i, load: i / 3 }), { qos: i % 3 }, d)); setTimeout(() => c.end(), 2500); })"; middle
fi
if begin negative/redis.pcap "Redis" "RESP: pipelines, binary values, a subscription"; then
  serve A 9001 redis-server --port 9001 --bind 0.0.0.0 --protected-mode no --save '' --appendonly no; run B $python $it client 10.77.0.1 9001 redis; middle
fi
if begin negative/postgresql.pcap "PostgreSQL, psql" "the PostgreSQL protocol: queries, rows, an error, COPY"; then
  mk pg; pg=$(ls -d /usr/lib/postgresql/*/bin | tail -1); chown postgres "$scratch/pg"
  su postgres -s /bin/sh -c "$pg/initdb -D $scratch/pg/d -A trust -E UTF8 --no-sync" >/dev/null 2>&1; echo "host all all all trust" >>"$scratch/pg/d/pg_hba.conf"
  serve A 9001 su postgres -s /bin/sh -c "exec $pg/postgres -D $scratch/pg/d -p 9001 -k $scratch/pg -h 0.0.0.0 -c ssl=off -c fsync=off"; sleep 1
  run B psql -X -q -h 10.77.0.1 -p 9001 -U postgres -c 'create table ships (n int, name text, b bytea)' -c "insert into ships select i, 'ship ' || i, decode(md5(i::text), 'hex') from generate_series(1, 60) i" -c 'select * from ships' -c 'select 1/0' -c "copy ships to stdout" -c 'select count(*) from ships'
  middle 12; kill -INT "$(head -1 "$scratch/pg/d/postmaster.pid" 2>/dev/null)" 2>/dev/null
fi
if begin negative/mysql.pcap "MariaDB" "the MySQL protocol: queries, rows, an error"; then
  mk my; mysql_install_db --no-defaults --datadir="$scratch/my/d" --user=root --auth-root-authentication-method=normal --skip-test-db >/dev/null 2>&1
  serve A 9001 mariadbd --no-defaults --datadir="$scratch/my/d" --user=root --port=9001 --bind-address=0.0.0.0 --socket="$scratch/my/s" --skip-grant-tables --skip-networking=0
  run B mariadb --no-defaults --skip-ssl -h 10.77.0.1 -P 9001 -f -e "create database lab; use lab; create table ships (n int, name text); insert into ships values (1, 'Aurora'), (2, 'Boreas'), (3, repeat('x', 300)); select * from ships; select seq, md5(seq) from seq_1_to_80; select 1; show status like 'Com%'"
  middle 10
fi
if begin negative/ssh.pcap "OpenSSH" "SSH behind its key exchange"; then
  ssh-keygen -q -t ed25519 -N '' -f "$scratch/hostkey"; ssh-keygen -q -t ed25519 -N '' -f "$scratch/userkey"; cp "$scratch/userkey.pub" "$scratch/authorized"; mkdir -p /run/sshd
  serve A 9001 /usr/sbin/sshd -D -p 9001 -h "$scratch/hostkey" -f /dev/null -o StrictModes=no -o AuthorizedKeysFile="$scratch/authorized" -o PermitRootLogin=yes -o UsePAM=no -o PidFile=none
  run B ssh -q -p 9001 -i "$scratch/userkey" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@10.77.0.1 'for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep .05; done; head -c 6000 /dev/zero | od | head -100'; middle 14
fi
if begin negative/amqp.pcap "RabbitMQ, amqplib" "AMQP 0-9-1: publish, deliver, acknowledge, heartbeats"; then
  mk mq; printf '[rabbitmq_management_agent].\n' >/dev/null; : >"$scratch/mq/plugins"; printf 'listeners.tcp.1 = 0.0.0.0:9001\nloopback_users = none\nheartbeat = 2\n' >"$scratch/mq/rabbitmq.conf"
  serve A 0 env HOME="$scratch/mq" RABBITMQ_NODENAME=lab@localhost RABBITMQ_CONFIG_FILE="$scratch/mq/rabbitmq" RABBITMQ_MNESIA_BASE="$scratch/mq" RABBITMQ_LOG_BASE="$scratch/mq" RABBITMQ_ENABLED_PLUGINS_FILE="$scratch/mq/plugins" RABBITMQ_PID_FILE="$scratch/mq/pid" ERL_EPMD_PORT=4370 rabbitmq-server
  tries=1500 until_true listening $A 9001; sleep 2
  js "(async () => { const c = await require('amqplib').connect('amqp://guest:guest@10.77.0.1:9001?heartbeat=1'), ch = await c.createChannel(); await ch.assertQueue('harbour'); let n = 0; await ch.consume('harbour', m => { ch.ack(m); if (++n === 30) setTimeout(() => c.close(), 2200); }); for (let i = 0; i < 30; i++) ch.sendToQueue('harbour', Buffer.from(JSON.stringify({ i, text: 'ahoy' })), { headers: { n: i } }); })()"; middle 14
  epmd -port 4370 -kill >/dev/null 2>&1
fi
if begin negative/tls.pcap "OpenSSL" "TLS 1.3 behind its handshake, HTTP inside; no keys"; then
  (cd "$scratch"; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.key -out k.pem -subj /CN=lab -days 3650 2>/dev/null)
  serve A 9001 openssl s_server -accept 9001 -cert "$scratch/k.pem" -key "$scratch/k.key" -www -quiet; run B curl -sk -o /dev/null -o /dev/null -o /dev/null https://10.77.0.1:9001/a https://10.77.0.1:9001/b https://10.77.0.1:9001/c; middle 7
fi
if begin negative/tls12-cbc.pcap "OpenSSL" "TLS 1.2 with a CBC suite behind its handshake, short records; no keys"; then
  [ -e "$scratch/k.pem" ] || (cd "$scratch"; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.key -out k.pem -subj /CN=lab -days 3650 2>/dev/null)
  serve A 9001 openssl s_server -accept 9001 -cert "$scratch/k.pem" -key "$scratch/k.key" -rev -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA -quiet
  run B sh -c '(for i in $(seq 60); do echo "line $i of the log"; sleep .01; done; sleep .3) | timeout 2 openssl s_client -connect 10.77.0.1:9001 -quiet; true'; middle 10
fi
if begin negative/http2.pcap "Node.js http2" "HTTP/2 without TLS, requests and answers, joined behind the preface"; then
  serve A 9001 node $tools/http2.mjs server 9001 '{"clear":true}'; js "const c = require('http2').connect('http://10.77.0.1:9001'), get = n => new Promise(d => { const r = c.request({ ':path': '/page/' + n, 'x-note': 'ship ' + n }); r.on('data', () => {}); r.on('end', d); r.end(); }); (async () => { for (let n = 0; n < 12; n++) await Promise.all([get(n), get(n + 100)]); c.close(); })()"; middle 9
fi
if begin negative/http-download.pcap "curl, nginx" "HTTP: a body of random bytes, joined in its middle"; then
  mk www; head -c 40000 /dev/urandom >"$scratch/www/blob"; printf 'daemon off; user root; error_log /dev/null; pid %s/n.pid; events {} http { access_log off; server { listen 9001; root %s/www; } }' "$scratch" "$scratch" >"$scratch/n.conf"
  serve A 9001 nginx -c "$scratch/n.conf"; run B curl -s -o /dev/null http://10.77.0.1:9001/blob; middle 9
fi
if begin negative/memcached.pcap "memcached" "the memcached protocol, text"; then
  serve A 9001 memcached -u root -l 0.0.0.0 -p 9001; run B $python $it client 10.77.0.1 9001 memcached; middle 6
fi
if begin negative/nats.pcap "NATS" "the NATS protocol: publish, deliver, pings"; then
  serve A 9001 nats-server -a 0.0.0.0 -p 9001
  js "(async () => { const { connect } = require('nats'), c = await connect({ servers: '10.77.0.1:9001', pingInterval: 150 }); const s = c.subscribe('harbour.>'); (async () => { for await (const m of s) if (m.subject.endsWith('39')) setTimeout(() => c.close(), 600); })(); for (let i = 0; i < 40; i++) { c.publish('harbour.' + i, Buffer.from(JSON.stringify({ i }))); if (i % 5 === 0) await c.flush(); } })()"; middle 8
fi
if begin negative/irc.pcap "ngIRCd" "IRC: joins, messages, pings"; then
  printf '[Global]\nName = irc.lab.test\nInfo = lab\nPorts = 9001\nListen = 0.0.0.0\n[Limits]\nMaxPenaltyTime = 0\n[Options]\nPAM = no\nIdent = no\nDNS = no\n' >"$scratch/irc.conf"; serve A 9001 ngircd -n -f "$scratch/irc.conf"
  run B bash -c 'exec 3<>/dev/tcp/10.77.0.1/9001; cat <&3 >/dev/null & printf "NICK crane\r\nUSER crane 0 * :lab\r\n" >&3; sleep .5; printf "JOIN #harbour\r\n" >&3; for i in $(seq 30); do printf "PRIVMSG #harbour :ahoy %d\r\nPING :%d\r\n" $i $i >&3; sleep .02; done; printf "QUIT\r\n" >&3; sleep .2; kill %1 2>/dev/null; true'; middle 8
fi
if begin negative/beanstalk.pcap "beanstalkd" "the beanstalk protocol: put, reserve, delete"; then
  serve A 9001 beanstalkd -l 0.0.0.0 -p 9001; run B bash -c 'exec 3<>/dev/tcp/10.77.0.1/9001; cat <&3 >/dev/null & for i in $(seq 40); do printf "put 0 0 60 8\r\njob %04d\r\nreserve\r\ndelete %d\r\n" $i $i >&3; sleep .01; done; sleep .2; kill %1 2>/dev/null; true'; middle 6
fi
if begin negative/rsync.pcap "rsync" "the rsync daemon's protocol: a list, then two files"; then
  mk sync; head -c 9000 /dev/urandom >"$scratch/sync/blob"; seq 500 >"$scratch/sync/lines"; printf 'use chroot = no\nuid = root\n[lab]\npath = %s/sync\n' "$scratch" >"$scratch/rsyncd.conf"; mk to
  serve A 9001 rsync --daemon --no-detach --config "$scratch/rsyncd.conf" --port 9001 --address 0.0.0.0; run B rsync -a rsync://10.77.0.1:9001/lab/ "$scratch/to/"; middle 12
fi
if begin negative/git.pcap "git" "the git protocol: a clone"; then
  mk git; (cd "$scratch/git"; git init -q repo; cd repo; for i in 1 2 3 4 5; do seq $((i * 40)) >f$i; git add .; git -c user.name=lab -c user.email=lab@lab.test commit -qm "Change $i"; done)
  serve A 9001 git daemon --reuseaddr --export-all --base-path="$scratch/git" --port=9001 "$scratch/git"; run B git clone -q git://10.77.0.1:9001/repo "$scratch/clone$$"; middle 6
fi
if begin negative/xmpp.pcap "Prosody" "XMPP over TCP: stanzas"; then
  mk pros; printf 'modules_enabled = { "roster", "saslauth", "ping" }\nmodules_disabled = { "s2s" }\ndata_path = "%s/pros"\npidfile = "%s/p.pid"\nrun_as_root = true\nauthentication = "internal_plain"\nc2s_require_encryption = false\nallow_unencrypted_plain_auth = true\nc2s_ports = { 9001 }\nc2s_interfaces = { "*" }\nVirtualHost "lab.test"\n' "$scratch" "$scratch" >"$scratch/p.lua"
  prosodyctl --root --config "$scratch/p.lua" register crane lab.test made-up >/dev/null 2>&1; serve A 9001 prosody --root --config "$scratch/p.lua" -F
  run B bash -c 'exec 3<>/dev/tcp/10.77.0.1/9001; cat <&3 >/dev/null & s() { printf "%s" "$1" >&3; sleep .1; }; o="<stream:stream to=\"lab.test\" version=\"1.0\" xmlns=\"jabber:client\" xmlns:stream=\"http://etherx.jabber.org/streams\">"; s "<?xml version=\"1.0\"?>$o"; s "<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\" mechanism=\"PLAIN\">AGNyYW5lAG1hZGUtdXA=</auth>"; s "$o"; s "<iq type=\"set\" id=\"b\"><bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/></iq>"; for i in $(seq 15); do s "<message to=\"crane@lab.test\" id=\"m$i\"><body>ahoy $i 🦀</body></message><iq type=\"get\" id=\"p$i\" to=\"lab.test\"><ping xmlns=\"urn:xmpp:ping\"/></iq>"; done; s "</stream:stream>"; kill %1 2>/dev/null; true'; middle 10
fi
if begin negative/ldap.pcap "OpenLDAP, ldap3" "LDAP: searches"; then
  printf 'include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_null\npidfile %s/slapd.pid\ndatabase null\nsuffix "dc=lab"\n' "$scratch" >"$scratch/slapd.conf"
  serve A 9001 slapd -h ldap://0.0.0.0:9001/ -d 0 -u root -g root -f "$scratch/slapd.conf"; run B $python $it client 10.77.0.1 9001 ldap; middle 6
fi
byhand() { # byhand NAME SHOWS [PACKETS [HOW]]
  begin "negative/$1.pcap" "${4:-by hand}" "$2" || return 0
  serve A 9001 $python $it server 9001 $1; run B $python $it client 10.77.0.1 9001 $1; middle ${3:-8}
}
byhand smtp "SMTP: three messages with attachments" 8 "aiosmtpd, smtplib"
byhand ftp "FTP: control connection and passive data connections" 8 "pyftpdlib, ftplib"
byhand modbus "Modbus TCP: registers read" 6
byhand dns "DNS over TCP" 6 dnspython
byhand rdp "TPKT, X.224 and PDUs of random content, as RDP looks"
byhand rfb "RFB: framebuffer updates, pointer events" 20
byhand bittorrent "BitTorrent: requests and pieces" 6
byhand mpegts "an MPEG transport stream" 5
byhand mongodb "MongoDB's OP_MSG, ping after ping" 6
byhand x11 "X11: requests one way, events the other"
byhand cassandra "the CQL protocol" 6
byhand kafka "Kafka: requests and responses" 6
byhand smb2 "SMB2 over TCP" 6
byhand sip "SIP over TCP" 6
byhand noise "random bytes in both directions in writes of many sizes" 6
byhand short-noise "short writes whose first bytes are those of frames, the rest random" 6
byhand zeros "zeros in both directions" 6
byhand text-lines "lines of text in both directions" 6
byhand length-prefixed "a home-made protocol: a byte of type, often 0x81, two of length, JSON" 6
byhand protobuf-stream "length-prefixed protobuf messages" 6
