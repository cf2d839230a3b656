// npm `ws` over TLS, both ends; each writes down what it received.
//
// node secure.mjs server PORT [OPTIONS]     OPTIONS as JSON: tls (of tls.createServer / tls.connect), ws (of ws), plain (no TLS), proxied (a PROXY header comes first),
// node secure.mjs client URL [OPTIONS]      ids (a session cache by id), times (connections one after the other, resuming), talk (a dialogue below), protocols, refuse,
//                                           log (the keys on the server's side), both (what the server sends, too)
import crypto from 'node:crypto'; import fs from 'node:fs'; import http from 'node:http'; import https from 'node:https'; import path from 'node:path'; import tls from 'node:tls';
import { createRequire } from 'node:module';
const require = createRequire(path.resolve(process.env.LAB_NODE ?? '.') + '/');
const { WebSocketServer, WebSocket } = require('ws');
const [role, where, json] = process.argv.slice(2), o = JSON.parse(json ?? '{}'), lab = process.env.LAB;
const file = name => fs.readFileSync(path.join(lab, name));
const sha1 = b => crypto.createHash('sha1').update(b).digest('hex');
const note = (port, from, type, body, more = {}) => fs.appendFileSync(process.env.TRUTH, JSON.stringify({ port, from, type, len: body.length, sha1: sha1(body), ...more }) + '\n');
const listen = (ws, port, from) => {
  ws.on('message', (d, binary) => note(port, from, binary ? 'binary' : 'text', d));
  ws.on('ping', d => note(port, from, 'ping', d)); ws.on('pong', d => note(port, from, 'pong', d));
  ws.on('close', (code, reason) => code === 1006 || note(port, from, 'close', reason, { code })); ws.on('error', () => {});
};
const keep = line => fs.appendFileSync(process.env.KEYLOG, line);
const next = (ws, what = 'message') => new Promise(done => ws.once(what, done));
const ask = (ws, body, how) => { const heard = next(ws); ws.send(body, how); return heard; };
const pause = ms => new Promise(done => setTimeout(done, ms));
const trade = n => JSON.stringify({ stream: 'btcusdt@trade', data: { e: 'trade', s: 'BTCUSDT', p: (61234.5 + n).toFixed(2), q: '0.0021', t: 990000 + n } });

const talks = {
  async short(ws) {
    await ask(ws, 'hello over TLS'); await ask(ws, trade(1)); await ask(ws, trade(2)); await ask(ws, Buffer.from([0, 1, 2, 254, 255]));
    const heard = next(ws); ws.send('three ', { fin: false }); ws.ping('between'); ws.send('frames ', { fin: false }); ws.send('🦀', { fin: true }); await heard;
    const pong = next(ws, 'pong'); ws.ping('are you there?'); await pong; await ask(ws, 'x'.repeat(300)); ws.close(1000, 'bye');
  },
  async tiny(ws) { await ask(ws, 'hello'); await ask(ws, Buffer.from([1, 2, 3])); ws.close(1000, 'bye'); },
  async big(ws) { await ask(ws, 'big'); await ask(ws, 'small again'); ws.close(1000, 'bye'); },
  async terminate(ws) { await ask(ws, 'hello'); ws.terminate(); },
};
const big = () => { const b = Buffer.alloc(40000); for (let i = 0, x = 7; i < b.length; i++) b[i] = (x = (x * 1103515245 + 12345) >>> 0) >>> 16; return b; };

if (role === 'server') {
  const sessions = new Map();
  const options = o.plain ? {} : { cert: file(o.cert ?? 'ec.pem'), key: file(o.key ?? 'ec.key'), ...o.tls };
  if (o.ca) options.ca = file('client.pem');
  if (o.psk) options.pskCallback = (_, id) => id === 'wirefin' ? Buffer.from(o.psk, 'hex') : null;
  if (o.tls?.dhparam === 'file') options.dhparam = file('dh.pem');
  const answer = (q, r) => { r.writeHead(200, { 'Content-Type': 'text/plain' }); r.end(`${q.method} ${q.url}\n`); };
  const server = (o.plain ? http : https).createServer(options, answer);
  if (!o.plain) {
    if (o.log) server.on('keylog', keep);
    if (o.ids) { server.on('newSession', (id, data, done) => { sessions.set(id.toString('hex'), data); done(); }); server.on('resumeSession', (id, done) => done(null, sessions.get(id.toString('hex')) ?? null)); }
    server.on('tlsClientError', () => {});
  }
  const wss = new WebSocketServer({ server, perMessageDeflate: false, ...o.ws, verifyClient: o.refuse ? (_, done) => done(false, 403, 'members only') : undefined });
  wss.on('connection', (ws, q) => {
    listen(ws, q.socket.remotePort, 'client'); let n = 0;
    if (o.both) { // the client writes nothing down: what is sent to it is
      const send = ws.send.bind(ws), ping = ws.ping.bind(ws), port = q.socket.remotePort;
      ws.send = (d, how) => { note(port, 'server', how.binary ? 'binary' : 'text', d); send(d, how); }; ws.ping = d => { note(port, 'server', 'ping', Buffer.from(d)); ping(d); };
    }
    ws.on('message', (d, binary) => { if (++n === 3) ws.ping('tick'); ws.send(d.toString() === 'big' ? big() : d, { binary: binary || d.toString() === 'big' }); });
  });
  server.listen(+where, '0.0.0.0');
} else {
  let session;
  for (let k = 0; k < (o.times ?? 1); k++) await new Promise(done => {
    const url = new URL(where), secure = url.protocol === 'wss:';
    const createConnection = () => {
      const options = { host: url.hostname, port: +url.port, servername: 'ws.example.test', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], session, ...o.tls };
      if (o.cert) Object.assign(options, { cert: file('client.pem'), key: file('client.key') });
      if (o.psk) options.pskCallback = () => ({ psk: Buffer.from(o.psk, 'hex'), identity: 'wirefin' });
      if (o.psk) options.checkServerIdentity = () => undefined;
      const socket = tls.connect(options);
      socket.on('keylog', keep); socket.on('session', s => { session = s; });
      return socket;
    };
    const ws = new WebSocket(where, o.protocols ?? [], { perMessageDeflate: false, headers: { Host: `ws.example.test:${url.port}` }, ...o.ws, ...(secure ? { createConnection } : {}) });
    ws.on('upgrade', r => listen(ws, r.socket.localPort, 'server'));
    ws.on('open', () => talks[o.talk ?? 'short'](ws).catch(() => {})); ws.on('close', () => setTimeout(done, 60)); ws.on('error', () => setTimeout(done, 60));
  });
}
