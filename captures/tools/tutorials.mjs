// The servers that people learn WebSocket from, with their mistakes, and what they are tried with.
//
// node tutorials.mjs server PORT NAME
// node tutorials.mjs client HOST PORT NAME      for those whose client is neither a browser nor curl
// node tutorials.mjs list
import crypto from 'node:crypto'; import fs from 'node:fs'; import http from 'node:http'; import net from 'node:net'; import path from 'node:path'; import zlib from 'node:zlib';
import { createRequire } from 'node:module';
const require = createRequire(path.resolve(process.env.LAB_NODE ?? '.') + '/');
const [role, ...args] = process.argv.slice(2), host = args[0], port = +args.at(-2), name = args.at(-1);
const sha1 = b => crypto.createHash('sha1').update(b).digest('hex');
const note = (at, from, type, body, more = {}) => fs.appendFileSync(process.env.TRUTH, JSON.stringify({ port: at, from, type, len: Buffer.byteLength(body), sha1: sha1(body), ...more }) + '\n');
const say = (who, act, more = {}) => fs.appendFileSync(process.env.TRUTH, JSON.stringify({ t: Date.now() / 1000, who, act, ...more }) + '\n');
const pause = ms => new Promise(done => setTimeout(done, ms)), next = (it, what) => new Promise(done => it.once(what, (...a) => done(a)));
const finished = () => setTimeout(() => { fs.writeFileSync(process.env.LAB + '/done', ''); }, 250);
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11', accept = key => crypto.createHash('sha1').update(key + GUID).digest('base64');
const listen = (ws, at, from, sent = '') => {
  ws.on('message', (d, binary) => note(at, from, binary ? 'binary' : 'text', d)); ws.on('ping', d => note(at, from, 'ping', d)); ws.on('pong', d => note(at, from, 'pong', d));
  ws.on('close', (code, reason) => code === 1006 || note(at, from, 'close', reason, { code })); ws.on('error', () => {});
};

/** A server on `net` as it is written by hand: `greet` writes the 101, `heard` gets each frame with its payload. */
const byHand = (greet, heard, raw) => net.createServer(socket => {
  const at = socket.remotePort; let open = false, kept = Buffer.alloc(0); socket.on('error', () => {});
  socket.on('data', data => {
    if (!open) { open = true; const key = /sec-websocket-key: *(\S+)/i.exec(data)?.[1]; return greet(socket, key, at); }
    if (raw) return raw(socket, data, at);
    kept = Buffer.concat([kept, data]);
    while (kept.length >= 6) {
      const op = kept[0] & 15; let n = kept[1] & 127, from = 2;
      if (n === 126) { n = kept.readUInt16BE(2); from = 4; } else if (n === 127) { n = 127; from = 2; if (heard.long) { heard.long(socket, at); kept = Buffer.alloc(0); return; } }
      if (kept.length < from + 4 + n) return;
      const body = Buffer.from(kept.subarray(from + 4, from + 4 + n)).map((b, i) => b ^ kept[from + (i & 3)]); kept = kept.subarray(from + 4 + n); heard(socket, op, body, at);
    }
  });
}).listen(port, '0.0.0.0');
const frame = (op, body) => { const b = Buffer.from(body); return Buffer.concat([b.length < 126 ? Buffer.from([0x80 | op, b.length]) : Buffer.from([0x80 | op, 126, b.length >> 8, b.length & 255]), b]); };
const echo = (socket, op, body, at) => {
  if (op === 8) { note(at, 'client', 'close', body.subarray(2), { code: body.length ? body.readUInt16BE(0) : 1005 }); socket.end(frame(8, body)); return; }
  if (op === 9) { note(at, 'client', 'ping', body); socket.write(frame(10, body)); return; }
  note(at, 'client', op === 1 ? 'text' : 'binary', body); socket.write(frame(op, body));
};
/** The client: npm `ws`. */
const client = (talk, options = {}, sent = false) => async () => {
  const { WebSocket } = require('ws'), ws = new WebSocket(`ws://${host}:${port}/`, [], { perMessageDeflate: false, ...options }); let at;
  const closed = new Promise(done => { ws.on('close', done); ws.on('error', done); });
  ws.on('upgrade', r => { at = r.socket.localPort; listen(ws, at, 'server'); });
  ws.on('open', () => talk(ws, (type, body) => sent && note(at, 'client', type, body))); await Promise.race([closed, pause(5000)]); await pause(100); process.exit(0);
};
const ask = (ws, body) => { const heard = next(ws, 'message'); ws.send(body); return heard; };
const chat = (server, clientLib) => ({
  server() { const h = http.createServer((q, r) => r.end('<h1>chat</h1>')), io = new (require(server).Server ?? require(server))(h); io.on('connection', s => { say('server', 'a user connected'); s.on('chat message', m => { say('server', 'message', { text: m }); io.emit('chat message', m); }); s.on('disconnect', () => say('server', 'user disconnected')); }); h.listen(port, '0.0.0.0'); },
  async client() { const io = require(clientLib).io ?? require(clientLib), two = ['ann', 'bob'].map(who => { const s = io(`http://${host}:${port}`, { forceNew: true }); s.on('chat message', text => say(who, 'message', { text })); return s; }); await Promise.all(two.map(s => next(s, 'connect'))); await pause(400); two[0].emit('chat message', 'hello bob'); await pause(100); two[1].emit('chat message', 'hello ann 🦀'); await pause(200); for (const s of two) s.disconnect(); await pause(150); process.exit(0); },
});
const page = script => `<!doctype html><meta charset="utf-8"><title>lab</title><script>${script}</script>`;

const all = {
  'net-server-folded-101': { how: 'Node.js net by hand, both ends', shows: 'a server on net whose 101 is an indented template literal: bare line feeds, every field a folded line of the status line; a client that does not look',
    server() { byHand((s, key) => s.write(`HTTP/1.1 101 Switching Protocols\n      Upgrade: websocket\n      Connection: Upgrade\n      Sec-WebSocket-Accept:${accept(key)}\n\n`), echo); },
    async client() {
      const s = net.connect(port, host), at = await next(s, 'connect').then(() => s.localPort); s.setNoDelay(true);
      s.write(`GET /chat HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`); await next(s, 'data');
      for (const text of ['hello', 'are you there?']) { const b = Buffer.from(text), mask = crypto.randomBytes(4); s.write(Buffer.concat([Buffer.from([0x81, 0x80 | b.length]), mask, b.map((x, i) => x ^ mask[i & 3])])); const [got] = await next(s, 'data'); note(at, 'server', 'text', got.subarray(2)); }
      s.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 0xe8])); const [bye] = await next(s, 'data'); note(at, 'server', 'close', bye.subarray(4), { code: bye.readUInt16BE(2) }); s.end(); await pause(100); process.exit(0);
    } },
  'http-server-by-hand': { how: 'Node.js http by hand, npm ws', shows: 'a server on the upgrade event of http, written right',
    server() { const h = http.createServer((q, r) => r.end('hello\n')); h.on('upgrade', (q, s) => { s.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(q.headers['sec-websocket-key'])}\r\n\r\n`); const at = s.remotePort; s.on('data', d => { let i = 0; while (i + 6 <= d.length) { const n = d[i + 1] & 127, mask = d.subarray(i + 2, i + 6), body = Buffer.from(d.subarray(i + 6, i + 6 + n)).map((b, k) => b ^ mask[k & 3]); echo(s, d[i] & 15, body, at); i += 6 + n; } }); }); h.listen(port, '0.0.0.0'); },
    client: client(async ws => { await ask(ws, 'hello'); await ask(ws, 'Grüße 🦀'); ws.close(1000, 'done'); }) },
  'misspelt-header-undefined': { how: 'Node.js http by hand, Chromium', shows: 'a server that reads a header by a misspelt name and hashes "undefined"; the browser gives up',
    server() { const h = http.createServer((q, r) => { if (q.url === '/failed') finished(); r.setHeader('Content-Type', 'text/html'); r.end(page("const ws = new WebSocket('ws://' + location.host + '/'); ws.onerror = () => fetch('/failed'); ws.onopen = () => ws.send('never sent');")); }); h.on('upgrade', (q, s) => { s.on('error', () => {}); s.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(q.headers['sec-websocket-keys'])}\r\n\r\n`); s.on('data', () => {}); s.on('end', () => s.end()); }); h.listen(port, '0.0.0.0'); } },
  'misspelt-header-npm-ws': { how: 'Node.js http by hand, npm ws', shows: 'the same server; npm ws ends with an error',
    server() { all['misspelt-header-undefined'].server(); }, client: client(async ws => ws.send('never sent')) },
  'five-segments-answers-def': { how: 'Node.js net by hand, npm ws', shows: 'a 101 written line by line into five segments; each segment that comes is answered with 81 03 64 65 66, whatever is in it',
    server() { byHand(async (s, key) => { s.setNoDelay(true); for (const line of ['HTTP/1.1 101 Switching Protocols\r\n', 'Upgrade: websocket\r\n', 'Connection: Upgrade\r\n', `Sec-WebSocket-Accept: ${accept(key)}\r\n`, '\r\n']) { s.write(line); await pause(15); } }, null, s => s.writable && s.write(Buffer.from([0x81, 3, 0x64, 0x65, 0x66]))); },
    client: client(async (ws, sent) => { for (const text of ['abc', 'what is this?']) { const heard = next(ws, 'message'); ws.send(text); sent('text', text); await heard; await pause(30); } ws.ping('ping'); sent('ping', 'ping'); await pause(60); ws.terminate(); }, {}, true) },
  'ignores-64-bit-lengths': { how: 'Node.js net by hand, npm ws', shows: 'a server that knows no 64-bit length: at the first one it closes with 1009',
    server() { const heard = (...a) => echo(...a); heard.long = s => { s.removeAllListeners('data'); s.resume(); s.end(frame(8, Buffer.concat([Buffer.from([3, 0xf1]), Buffer.from('too big')]))); }; byHand((s, key) => s.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(key)}\r\n\r\n`), heard); },
    client: client(async (ws, sent) => { await ask(ws, 'short'); const big = 'x'.repeat(66000); ws.send(big); sent('text', big); }, {}, true) },
  'heartbeat-terminate': { how: 'npm ws', shows: 'the heartbeat of the README of ws: pings, a client that answers one and then no more, terminate()',
    server() { const { WebSocketServer } = require('ws'), wss = new WebSocketServer({ port, host: '0.0.0.0' }); wss.on('connection', (ws, q) => { ws.isAlive = true; listen(ws, q.socket.remotePort, 'client'); ws.on('pong', () => { ws.isAlive = true; }); ws.on('message', d => ws.send(String(d))); }); setInterval(() => wss.clients.forEach(ws => { if (!ws.isAlive) return ws.terminate(); ws.isAlive = false; ws.ping(); }), 300); },
    client: client(async ws => { let n = 0; ws.on('ping', d => { if (n++ === 0) ws.pong(d); }); await ask(ws, 'hello'); }, { autoPong: false }) },
  'curl-probe': { how: 'curl, npm ws', shows: 'curl with the headers of a tutorial: 101, the greeting, nothing more', curl: ['-sN', '--max-time', '1', '-o', '/dev/null', '-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket', '-H', 'Sec-WebSocket-Version: 13', '-H', 'Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQAAAA=='],
    server() { const { WebSocketServer } = require('ws'); new WebSocketServer({ port, host: '0.0.0.0' }).on('connection', (ws, q) => { ws.send('welcome'); note(q.socket.remotePort, 'server', 'text', 'welcome'); }); } },
  'socketio-2-chat': { how: 'socket.io 2, socket.io-client 2', shows: 'the chat of socket.io\'s guide, two people, version 2', log: true, ...chat('sio2', 'sioc2') },
  'socketio-4-chat': { how: 'socket.io 4, socket.io-client 4', shows: 'the chat of socket.io\'s guide, two people, version 4', log: true, ...chat('socket.io', 'socket.io-client') },
  'chromium-text-blob-arraybuffer': { how: 'Chromium, npm ws', shows: 'Chromium with two sub-protocols, a text, a Blob, an ArrayBuffer, close(4001, "bye")', browser: true,
    server() {
      const { WebSocketServer } = require('ws'), h = http.createServer((q, r) => { r.setHeader('Content-Type', 'text/html'); r.end(page("const ws = new WebSocket('ws://' + location.host + '/chat', ['soap', 'wamp']); ws.binaryType = 'arraybuffer'; const say = ['Hello server!', new Blob(['a blob of text 🦀']), new Uint8Array([1, 2, 3, 255]).buffer, '']; ws.onopen = () => ws.send(say.shift()); ws.onmessage = () => say.length ? ws.send(say.shift()) : ws.close(4001, 'bye');")); });
      const wss = new WebSocketServer({ server: h, perMessageDeflate: false, handleProtocols: () => 'wamp' }); wss.on('connection', (ws, q) => { const at = q.socket.remotePort; listen(ws, at, 'client'); ws.on('message', (d, binary) => { ws.send(d, { binary }); note(at, 'server', binary ? 'binary' : 'text', d); }); ws.on('close', finished); }); h.listen(port, '0.0.0.0');
    } },
  'sse-chromium': { how: 'Chromium, Node.js', shows: 'server-sent events to an EventSource: ids, a named event, several data lines, comments, a reconnection with Last-Event-ID', browser: true, log: true,
    server() {
      let n = 0; const h = http.createServer((q, r) => {
        if (q.url === '/done') { finished(); return r.end(); } if (q.url !== '/events') { r.setHeader('Content-Type', 'text/html'); return r.end(page("let n = 0; const es = new EventSource('/events'); const one = e => { if (++n === 8) { es.close(); fetch('/done'); } }; es.onmessage = one; es.addEventListener('price', one);")); }
        say('server', 'request', { lastEventId: q.headers['last-event-id'] ?? null }); r.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }); r.write('retry: 200\n: welcome\n\n'); let k = 0;
        const t = setInterval(() => { const id = ++n, event = id % 2 ? null : 'price', data = id % 3 ? `{"n":${id}}` : `line one of ${id}\nline two 🦀`; say('server', 'event', { id, event, data }); r.write(`id: ${id}\n${event ? `event: ${event}\n` : ''}${data.split('\n').map(l => `data: ${l}\n`).join('')}\n`); if (++k === 4) { clearInterval(t); r.end(); } }, 40); q.on('close', () => clearInterval(t));
      }); h.listen(port, '0.0.0.0');
    } },
  'sse-curl-gzip': { how: 'curl, Node.js', shows: 'server-sent events over chunks, compressed with gzip and flushed after each', log: true, curl: ['-sN', '--compressed', '--max-time', '3', '-o', '/dev/null', '-H', 'Accept: text/event-stream'],
    server() { http.createServer((q, r) => { r.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': 'gzip' }); const z = zlib.createGzip(); z.pipe(r); let n = 0; const t = setInterval(() => { const data = JSON.stringify({ n: ++n, text: 'the same words again and again' }); say('server', 'event', { id: n, data }); z.write(`id: ${n}\ndata: ${data}\n\n`); z.flush(); if (n === 5) { clearInterval(t); z.end(); } }, 40); }).listen(port, '0.0.0.0'); } },
  'sse-curl-cr-and-bom': { how: 'curl, Node.js', shows: 'server-sent events without chunks until the connection ends: a BOM, line ends CR, LF and CRLF, an event cut into many writes', log: true, curl: ['-sN', '--max-time', '3', '-o', '/dev/null'],
    server() { net.createServer(s => { s.setNoDelay(true); s.on('error', () => {}); s.once('data', async () => { s.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n'); const parts = ['\ufeffdata: one\r\rdata: two', '\r\n', 'data: more\r\n\r', '\nevent: odd\nda', 'ta:three\n', '\n', 'data\n\n', ': only a comment\n\n', 'data: never finished']; for (const e of [{ event: null, data: 'one' }, { event: null, data: 'two\nmore' }, { event: 'odd', data: 'three' }, { event: null, data: '' }]) say('server', 'event', e); for (const p of parts) { s.write(p); await pause(20); } s.end(); }); }).listen(port, '0.0.0.0'); } },
  'long-polling': { how: 'Node.js, fetch', shows: 'long polling: requests that wait until there is something, a time-out answered with 204, messages posted beside', log: true,
    server() { const waiting = []; http.createServer((q, r) => { if (q.method === 'POST') { let b = ''; q.on('data', d => { b += d; }); q.on('end', () => { say('server', 'posted', { text: b }); for (const w of waiting.splice(0)) { clearTimeout(w.t); w.r.setHeader('Content-Type', 'application/json'); w.r.end(JSON.stringify({ text: b })); } r.writeHead(202).end(); }); } else { const w = { r, t: setTimeout(() => { waiting.splice(waiting.indexOf(w), 1); r.writeHead(204).end(); }, 400) }; waiting.push(w); } }).listen(port, '0.0.0.0'); },
    async client() { let on = true; const poll = (async () => { while (on) { const r = await fetch(`http://${host}:${port}/poll`); say('client', 'polled', { status: r.status, text: r.status === 200 ? (await r.json()).text : null }); } })(); await pause(120); for (const text of ['hello', 'again', 'снег 🦀']) { await fetch(`http://${host}:${port}/send`, { method: 'POST', body: text }); await pause(90); } on = false; await poll; process.exit(0); } },
};
if (role === 'list') for (const [n, p] of Object.entries(all)) console.log([n, p.how, p.shows, p.client ? 'client' : p.curl ? 'curl' : 'chromium', p.log ? 'log' : 'truth', ...(p.curl ?? [])].join('\t'));
else await all[name][role]();
