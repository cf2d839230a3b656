// Real dialogues of npm `ws`, and of a browser with it; each end writes down what it received.
// node endpoints.mjs server PORT DIALOGUE TRUTH
// node endpoints.mjs client HOST PORT DIALOGUE TRUTH
// node endpoints.mjs list
// `ws` is looked for in the folder LAB_NODE (`npm i ws` there).
import path from 'node:path';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
const require = createRequire(path.resolve(process.env.LAB_NODE ?? '.') + '/');

const [role, ...args] = process.argv.slice(2);
const truthFile = args.at(-1);
const sha1 = b => createHash('sha1').update(b).digest('hex');
const note = (port, from, type, body, more = {}) =>
  fs.appendFileSync(truthFile, JSON.stringify({ port, from, type, len: Buffer.byteLength(body), sha1: sha1(body), ...more }) + '\n');
const listen = (ws, port, peer) => {
  ws.on('message', (d, binary) => note(port, peer, binary ? 'binary' : 'text', d));
  ws.on('ping', d => note(port, peer, 'ping', d));
  ws.on('pong', d => note(port, peer, 'pong', d));
  ws.on('close', (code, reason) => code !== 1006 && note(port, peer, 'close', reason, { code }));
  ws.on('error', e => console.error(role, e.message));
};
const pause = ms => new Promise(ok => setTimeout(ok, ms));
const next = (ws, event = 'message') => new Promise(ok => ws.once(event, ok));
const ask = (ws, body, how) => { const answer = next(ws); ws.send(body, how); return answer; };
const echo = ws => ws.on('message', (d, binary) => ws.send(d, { binary }));
const quote = i => JSON.stringify({ e: 'trade', s: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'][i % 3], t: 30000000 + i, p: (60000 + i * 7.25).toFixed(2), q: (i / 8).toFixed(4), m: i % 2 === 0 });

const plain = { perMessageDeflate: false };
const quotes = async ws => { for (let i = 0; i < 12; i++) await ask(ws, quote(i)); ws.close(1000, 'bye'); };
const deflate = (shows, server, client) => ({ shows, server: { perMessageDeflate: { threshold: 0, ...server } }, client: { perMessageDeflate: client ?? true }, serve: echo, talk: quotes });

// What is said, by name; the name is part of the capture's.
const dialogues = {
  echo: { shows: 'text, text beyond ASCII, empty text, JSON, binary, empty binary, echoed', server: plain, client: plain, serve: echo,
    async talk(ws) {
      for (const b of ['hello', 'привет, 世界 🦀', '', '{"price": 61234.5}', Buffer.from([0, 1, 2, 253, 254, 255]), Buffer.alloc(0)]) await ask(ws, b);
      ws.close(1000, 'bye');
    } },
  short: { shows: 'hello, its echo, a ping and its pong, close', server: plain, client: plain, serve: echo,
    async talk(ws) { await ask(ws, 'hello'); const p = next(ws, 'pong'); ws.ping('tick'); await p; ws.close(1000, 'bye'); } },
  fragmented: { shows: 'text and binary in three frames each, pings between them', server: plain, client: plain, serve: echo,
    async talk(ws) {
      const heard = next(ws);
      ws.send('once upon ', { fin: false }); ws.ping('mid 1'); ws.send('a time ', { fin: false }); ws.ping('mid 2'); ws.send('there was 🦀', { fin: true });
      await heard;
      const again = next(ws);
      ws.send(Buffer.from([1, 2]), { fin: false }); ws.send(Buffer.alloc(0), { fin: false }); ws.send(Buffer.from([3]), { fin: true });
      await again; ws.close(1000, 'bye');
    } },
  pings: { shows: 'pings of both sides at their own pace, answered after 1 to 40 ms, and a heartbeat pong nobody asked for', server: plain, client: { ...plain, autoPong: false },
    async serve(ws) { for (let i = 0; i < 4; i++) { ws.ping(`tick ${i}`); await next(ws, 'pong'); } ws.send('enough'); },
    async talk(ws) {
      let wait = 1; ws.on('ping', async d => { await pause(wait); wait += 13; ws.pong(d); });
      await pause(5); ws.ping('from the client'); ws.pong('heartbeat'); await next(ws); ws.close(1000, 'bye');
    } },
  'server-closes': { shows: 'the server sends one text and goes away with 1001', server: plain, client: plain, serve: ws => { ws.send('going down'); ws.close(1001, 'restart'); }, async talk() {} },
  terminate: { shows: 'the client ends TCP without a close', server: plain, client: plain, serve: echo, async talk(ws) { await ask(ws, 'hello'); ws.terminate(); } },
  'close-empty': { shows: 'a close without code', server: plain, client: plain, serve: echo, async talk(ws) { await ask(ws, 'hello'); ws.close(); } },
  'error-1007': { shows: 'a text that is not UTF-8; `ws` answers 1007', server: plain, client: plain, serve: echo, quiet: true,
    async talk(ws) { await ask(ws, 'good'); ws.send(Buffer.from('caf\xe9', 'latin1'), { binary: false }); await next(ws, 'close'); } },
  'error-1009': { shows: 'a text beyond the server\'s limit; `ws` answers 1009', server: { ...plain, maxPayload: 100 }, client: plain, serve: echo, quiet: true,
    async talk(ws) { await ask(ws, 'good'); ws.send('x'.repeat(101)); await next(ws, 'close'); } },
  subprotocol: { shows: 'two sub-protocols offered, the second taken', server: { ...plain, handleProtocols: () => 'graphql-transport-ws' }, client: plain, offers: ['graphql-ws', 'graphql-transport-ws'],
    serve: ws => ws.on('message', d => ws.send(JSON.parse(d).type === 'connection_init' ? '{"type":"connection_ack"}' : '{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}')),
    async talk(ws) { await ask(ws, '{"type":"connection_init"}'); await ask(ws, '{"id":"1","type":"subscribe","payload":{"query":"{ hello }"}}'); ws.close(1000, ''); } },
  'three-at-once': { shows: 'three conversations at the same time', server: plain, client: plain, serve: echo, connections: 3,
    async talk(ws, k) { for (let i = 0; i < 4; i++) { await ask(ws, `conversation ${k}, message ${i}`); await pause(3); } ws.close(1000, 'bye'); } },
  lengths: { shows: 'payloads at every edge of the length forms: 0, 125, 126, 127, 65535, 65536', server: plain, client: plain, serve: echo,
    async talk(ws) { for (const n of [0, 125, 126, 127, 65535, 65536]) { await ask(ws, 'x'.repeat(n)); await ask(ws, Buffer.alloc(n, n)); } ws.close(1000, 'bye'); } },
  takeover: deflate('permessage-deflate with context takeover on both sides', {}),
  'no-takeover': deflate('permessage-deflate without context takeover on both sides', { serverNoContextTakeover: true, clientNoContextTakeover: true }),
  'server-no-takeover': deflate('permessage-deflate, context takeover on the client\'s side only', { serverNoContextTakeover: true }),
  'window-9': deflate('permessage-deflate with windows of 512 bytes on both sides', { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }, { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }),
  'takeover-not-negotiated': { ...deflate('compression offered by the client and not taken by the server', {}), server: plain },
  mixed: { ...deflate('compressed above 64 bytes, plain below, empty messages among them', { threshold: 64 }, { threshold: 64 }),
    async talk(ws) { for (const b of ['short', quote(1).repeat(3), '', quote(2).repeat(3), Buffer.alloc(100, 7), Buffer.alloc(10, 7), quote(1).repeat(3)]) await ask(ws, b); ws.close(1000, 'bye'); } },
  'fragmented-with-pings': { ...deflate('a compressed message in four frames with pings between, three times', {}),
    async talk(ws) {
      for (let k = 0; k < 3; k++) {
        const heard = next(ws);
        for (let i = 0; i < 4; i++) { ws.send(quote(k * 4 + i), { fin: i === 3, compress: true }); if (i < 3) ws.ping(`mid ${k}.${i}`); }
        await heard;
      }
      ws.close(1000, 'bye');
    } },
  browser: { shows: 'Chromium: its page over keep-alive HTTP, then text, text beyond ASCII, binary (ArrayBuffer and Blob), pings of the server answered, close 1000', server: plain },
  'browser-deflate': { shows: 'Chromium with permessage-deflate and context takeover', server: { perMessageDeflate: { threshold: 0 } } },
  'browser-server-closes': { shows: 'Chromium, the server closes with 4001 and a reason', server: plain, last: ws => ws.close(4001, 'session expired') },
  'browser-refused': { shows: 'Chromium is refused with 403', server: plain, refuse: true },
};

// Runs in the browser: says a few things, then closes.
const page = `<!doctype html><title>lab</title><script>
const ws = new WebSocket(location.origin.replace('http', 'ws') + '/chat', ['chat.v1']); ws.binaryType = 'arraybuffer';
const say = ['hello', '我是阿宝哥 🦀', JSON.stringify({type:'subscribe',channels:['ticker','book']}), '', new Uint8Array([0,1,2,254,255]), new Blob(['blob']), 'x'.repeat(300)];
ws.onmessage = () => say.length ? ws.send(say.shift()) : ws.close(1000, 'done here');
ws.onopen = () => ws.send(say.shift());
ws.onerror = () => fetch('/failed');
</script>`;

function browserServer(d, port) {
  const { WebSocketServer } = require('ws');
  const done = () => setTimeout(() => process.exit(0), 300);
  const cert = process.env.TLS_CERT; // names a certificate and its key, less .pem and .key, for one that is reached over TLS
  const server = (cert ? https : http).createServer(cert ? { cert: fs.readFileSync(`${cert}.pem`), key: fs.readFileSync(`${cert}.key`) } : {}, (q, r) => {
    if (q.url === '/failed') done();
    r.writeHead(q.url === '/' ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8' }); r.end(q.url === '/' ? page : 'no such page');
  });
  const wss = new WebSocketServer({ server, ...d.server, verifyClient: d.refuse ? (_, cb) => cb(false, 403, 'not from here') : undefined });
  wss.on('connection', (ws, q) => {
    const from = q.socket.remotePort; listen(ws, from, 'client');
    let n = 0;
    const send = b => { ws.send(b); note(from, 'server', typeof b === 'string' ? 'text' : 'binary', b); };
    ws.on('message', (b, binary) => { if (++n % 3 === 0) { ws.ping(`beat ${n}`); note(from, 'server', 'ping', `beat ${n}`); } n === 6 && d.last ? d.last(ws) : send(binary ? b : `you said ${b}`); });
    ws.on('close', done);
  });
  server.listen(port, '::');
}

if (role === 'list') {
  for (const [name, d] of Object.entries(dialogues)) console.log(`${name}\t${d.shows}`);
} else if (role === 'server') {
  const [port, name] = args, d = dialogues[name];
  if (name.startsWith('browser')) browserServer(d, +port);
  else {
    const { WebSocketServer } = require('ws');
    const wss = new WebSocketServer({ port: +port, host: '::', ...d.server });
    wss.on('connection', (ws, q) => { if (!d.quiet) listen(ws, q.socket.remotePort, 'client'); else ws.on('error', () => {}); d.serve(ws); });
  }
} else {
  const { WebSocket } = require('ws');
  const [host, port, name] = args, d = dialogues[name];
  const one = k => new Promise(done => {
    const ws = new WebSocket(`ws://${host.includes(':') ? `[${host}]` : host}:${port}/${name}?n=${k}`, d.offers ?? [], d.client);
    if (!d.quiet) ws.on('upgrade', r => listen(ws, r.socket.localPort, 'server'));
    ws.on('open', () => d.talk(ws, k)); ws.on('close', done); ws.on('error', done);
  });
  await Promise.all(Array.from({ length: d.connections ?? 1 }, (_, k) => one(k)));
}
