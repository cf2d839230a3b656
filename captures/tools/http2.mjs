// npm `ws` over streams of Node's `http2` (RFC 8441), both ends; each writes down what it received.
//
// node http2.mjs server PORT [OPTIONS]     OPTIONS as JSON: clear (h2c), deflate, refuse (paths, with a status), push, browser, behind (a proxy), flood (messages at once)
// node http2.mjs client URL [OPTIONS]      sockets, gets, deflate, paths, behind (there is a proxy), whole (no fragments), reset (the stream, at the end), wait (before the end)
// node http2.mjs h1 PORT [OPTIONS]         an HTTP/1.1 server for a proxy to pass on to: deflate
import crypto from 'node:crypto'; import fs from 'node:fs'; import http2 from 'node:http2'; import path from 'node:path';
import { createRequire } from 'node:module';
const require = createRequire(path.resolve(process.env.LAB_NODE ?? '.') + '/');
const { WebSocket, WebSocketServer, PerMessageDeflate } = require('ws');
const [role, where, json] = process.argv.slice(2), o = JSON.parse(json ?? '{}'), lab = process.env.LAB;
const sha1 = b => crypto.createHash('sha1').update(b).digest('hex');
const note = (place, from, type, body, more = {}) => fs.appendFileSync(process.env.TRUTH, JSON.stringify({ ...place, from, type, len: Buffer.byteLength(body), sha1: sha1(body), ...more }) + '\n');
const listen = (ws, place, from) => {
  ws.on('message', (d, binary) => note(place, from, binary ? 'binary' : 'text', d));
  ws.on('ping', d => note(place, from, 'ping', d)); ws.on('pong', d => note(place, from, 'pong', d));
  ws.on('close', (code, reason) => code === 1006 || note(place, from, 'close', reason, { code })); ws.on('error', () => {});
};
const next = (ws, what = 'message') => new Promise(done => ws.once(what, done));
const ask = (ws, body, how) => { const heard = next(ws); ws.send(body, how); return heard; };

/** Makes a `ws` of an HTTP/2 stream. */
function socket(stream, server, deflate) {
  const ws = new WebSocket(null, undefined, { autoPong: true });
  if (!server) ws._isServer = false;
  if (deflate) {
    const extension = new PerMessageDeflate({ threshold: 0, isServer: server, maxPayload: 1 << 26 });
    extension.accept([server ? { client_max_window_bits: [true] } : {}]); ws._extensions = { 'permessage-deflate': extension };
  }
  stream.setNoDelay ??= () => {};
  ws.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 1 << 26, skipUTF8Validation: false });
  return ws;
}
const echo = ws => { let n = 0; ws.on('message', (d, binary) => { if (++n === 3) ws.ping('tick'); ws.send(d, { binary }); for (let k = 0; n === 2 && k < (o.flood ?? 0); k++) ws.send(`{"e":"trade","s":"BTCUSDT","p":"61234.${k}","q":"0.0${k * 7}"}`); }); };
const page = `<!doctype html><title>lab</title><script>
const one = n => new Promise(done => { const ws = new WebSocket(location.origin.replace('http', 'ws') + '/ws/' + n, ['chat.v1']); ws.binaryType = 'arraybuffer';
  const say = ['hello from socket ' + n, JSON.stringify({ type: 'subscribe', channel: 'room-' + n }), new Uint8Array([n, 0, 255]), 'x'.repeat(200), '🦀'];
  ws.onopen = () => ws.send(say.shift()); ws.onclose = done; ws.onmessage = () => { fetch('/f/' + n + '.' + say.length); say.length ? ws.send(say.shift()) : ws.close(1000, 'bye ' + n); }; });
addEventListener('load', () => fetch('/settings').then(() => Promise.all([1, 2, 3].map(one))).then(() => fetch('/done')));
</script>`;

if (role === 'server') {
  const settings = { enableConnectProtocol: true };
  const server = o.clear ? http2.createServer({ settings }) : http2.createSecureServer({ settings, cert: fs.readFileSync(`${lab}/ec.pem`), key: fs.readFileSync(`${lab}/ec.key`) });
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const target = headers[':path'], place = { port: stream.session.socket.remotePort, stream: stream.id, ...(o.behind ? { n: target } : {}) };
    if (headers[':protocol'] === 'websocket') {
      if (o.refuse?.[target]) { stream.respond({ ':status': o.refuse[target], 'content-type': 'text/plain' }); return stream.end('not here\n'); }
      const answer = { ':status': 200 }, deflate = o.deflate && /permessage-deflate/.test(headers['sec-websocket-extensions'] ?? '');
      if (/chat\.v1/.test(headers['sec-websocket-protocol'] ?? '')) answer['sec-websocket-protocol'] = 'chat.v1';
      if (deflate) answer['sec-websocket-extensions'] = 'permessage-deflate';
      stream.respond(answer);
      const ws = socket(stream, true, deflate); listen(ws, place, 'client');
      if (o.browser) { // a browser writes nothing down: what is sent to it is
        const send = ws.send.bind(ws), ping = ws.ping.bind(ws);
        ws.send = (d, how) => { note(place, 'server', how.binary ? 'binary' : 'text', d); send(d, how); }; ws.ping = d => { note(place, 'server', 'ping', d); ping(d); };
      }
      return echo(ws);
    }
    if (o.push && target === '/') stream.pushStream({ ':path': '/style.css' }, (_, pushed) => { pushed.respond({ ':status': 200, 'content-type': 'text/css' }); pushed.end('body{}'); });
    stream.respond({ ':status': 200, 'content-type': target === '/' ? 'text/html; charset=utf-8' : 'text/plain' }); stream.end(target === '/' && o.browser ? page : `you asked for ${target}\n`);
    if (target === '/done') setTimeout(() => process.exit(0), 300);
  });
  server.listen(+where, '0.0.0.0');
} else if (role === 'h1') {
  const wss = new WebSocketServer({ port: +where, host: '0.0.0.0', perMessageDeflate: o.deflate ? { threshold: 0 } : false });
  wss.on('connection', (ws, q) => { listen(ws, { port: q.socket.remotePort, n: q.url }, 'client'); echo(ws); });
} else {
  const session = http2.connect(where, { rejectUnauthorized: false, servername: 'ws.example.test' });
  session.on('error', e => console.error(e.message));
  const tls = session.socket; tls.on?.('keylog', line => fs.appendFileSync(process.env.KEYLOG, line));
  await next(session, 'remoteSettings');
  const get = p => new Promise(done => { const r = session.request({ ':path': p }); r.on('data', () => {}); r.on('end', done); r.on('error', done); r.end(); });
  const one = n => new Promise(done => {
    const target = o.paths?.[n - 1] ?? `/ws/${n}`, headers = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': target, 'sec-websocket-version': '13', origin: 'https://ws.example.test' };
    if (o.deflate) headers['sec-websocket-extensions'] = 'permessage-deflate; client_max_window_bits';
    const stream = session.request(headers); stream.on('error', done);
    stream.on('response', async answer => {
      if (answer[':status'] !== 200) { stream.on('data', () => {}); stream.on('end', done); stream.end(); return; }
      const ws = socket(stream, false, 'sec-websocket-extensions' in answer), place = { port: session.socket.localPort, stream: stream.id, ...(o.behind ? { n: target } : {}) };
      listen(ws, place, 'server'); ws.on('close', done);
      await ask(ws, `hello on stream ${stream.id}`); await ask(ws, '{"e":"trade","s":"BTCUSDT","p":"61234.50"}'); await ask(ws, Buffer.from([n, 1, 2, 254, 255]));
      if (o.whole) await ask(ws, 'in one frame 🦀');
      else { const heard = next(ws); ws.send('three ', { fin: false }); ws.ping('between'); ws.send('frames ', { fin: false }); ws.send('🦀', { fin: true }); await heard; }
      if (o.gets) await get(`/page/${n}`);
      await ask(ws, '{"e":"trade","s":"BTCUSDT","p":"61235.00"}');
      if (o.wait) await new Promise(done => setTimeout(done, o.wait));
      if (o.reset === n) { stream.close(http2.constants.NGHTTP2_CANCEL); return; }
      ws.close(1000, `bye ${n}`);
    });
  });
  if (o.push) await get('/');
  await Promise.all(Array.from({ length: o.sockets ?? 1 }, (_, k) => one(k + 1)));
  session.close(() => setTimeout(() => process.exit(0), 50));
}
