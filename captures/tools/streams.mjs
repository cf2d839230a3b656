// Server-sent events and Engine.IO's long polling, both ends; each writes down what it sent and got.
//
// node streams.mjs events PORT [OPTIONS]      a server of events; OPTIONS as JSON: h2 (TLS, with KEY and CERT), clear (h2c), coding, length, browser, times
// node streams.mjs gets URL [OPTIONS]         its client over HTTP/2: paths, coding
// node streams.mjs socketio PORT [OPTIONS]    a Socket.IO server; OPTIONS: package, browser, compress
// node streams.mjs polls URL [OPTIONS]        its client: package, upgrade
import fs from 'node:fs'; import http from 'node:http'; import http2 from 'node:http2'; import path from 'node:path'; import zlib from 'node:zlib';
import { createRequire } from 'node:module';
const require = createRequire(path.resolve(process.env.LAB_NODE ?? '.') + '/');
const [role, where, json] = process.argv.slice(2), o = JSON.parse(json ?? '{}');
const say = (who, act, more = {}) => fs.appendFileSync(process.env.TRUTH, JSON.stringify({ t: Date.now() / 1000, who, act, ...more }) + '\n');
const pause = ms => new Promise(done => setTimeout(done, ms)), next = (it, what) => new Promise(done => it.once(what, (...a) => done(a)));
const finished = () => setTimeout(() => fs.writeFileSync(process.env.LAB + '/done', ''), 250);
const html = script => `<!doctype html><meta charset="utf-8"><title>lab</title>${script}`;
const shown = data => Buffer.isBuffer(data) || data instanceof Uint8Array ? { bytes: Buffer.from(data).toString('hex') } : data;

/** What the server of events sends: 24 events, some of several lines, of bytes beyond ASCII, empty, and one longer than many segments. */
const stories = id => id === 7 ? 'x'.repeat(9000) + id : id % 5 === 0 ? `line one of ${id}\n\nline three 🦀` : id % 7 === 3 ? '' : JSON.stringify({ n: id, text: 'Grüße' });
async function stream(q, r, events, name) {
  const coders = { gzip: zlib.createGzip, deflate: zlib.createDeflate, br: zlib.createBrotliCompress }, coder = coders[o.coding]?.() ?? null, to = coder ?? r; if (coder) coder.pipe(r);
  const write = text => new Promise(done => to.write(text, () => coder ? coder.flush(done) : done()));
  await write(': welcome\nretry: 300\n\n');
  for (const id of events) {
    const event = id % 3 ? null : 'price', data = stories(id); say('server', 'event', { stream: name, id, event, data });
    await write(`id: ${id}\n${event ? `event: ${event}\n` : ''}${data.split('\n').map(l => `data: ${l}\n`).join('')}\n`);
    if (id % 4 === 0) { await write(': keep-alive\n\n'); await pause(15); }
  }
  to.end();
}
function events() {
  const all = Array.from({ length: 24 }, (_, n) => n + 1);
  const page = html(`<script>
    const got = (name, e) => fetch('/got', { method: 'POST', body: JSON.stringify({ stream: name, id: e.lastEventId, event: e.type === 'message' ? null : e.type, data: e.data }) });
    const one = name => new Promise(done => { let n = 0; const es = new EventSource('/events/' + name), it = e => { n += 1; got(name, e); if (n === 24) { es.close(); done(); } }; es.onmessage = it; es.addEventListener('price', it); });
    Promise.all([one('a'), one('b')]).then(() => new Promise(done => setTimeout(done, 300))).then(() => fetch('/done'));</script>`);
  const answer = (q, r) => {
    const at = q.url.split('?')[0];
    if (at === '/done') { finished(); return r.end(); }
    if (at === '/got') { let b = ''; q.on('data', d => { b += d; }); q.on('end', () => { say('client', 'event', JSON.parse(b)); r.end(); }); return; }
    if (!at.startsWith('/events')) { r.setHeader('Content-Type', 'text/html'); return r.end(page); }
    const name = at.slice(8) || 'only', last = +(q.headers['last-event-id'] ?? 0), rest = all.filter(id => id > last), head = { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' };
    if (o.coding) head['Content-Encoding'] = o.coding;
    if (o.length) { const text = rest.map(id => { const data = stories(id); say('server', 'event', { stream: name, id, event: null, data }); return `id: ${id}\n${data.split('\n').map(l => `data: ${l}\n`).join('')}\n`; }).join(''); head['Content-Length'] = Buffer.byteLength(text); r.writeHead(200, head); return r.end(text); }
    r.writeHead(200, head);
    // A browser asks again after the first half.
    stream(q, r, o.browser && last === 0 ? rest.slice(0, 12) : rest, name);
  };
  const server = o.h2 ? http2.createSecureServer({ key: fs.readFileSync(process.env.KEY), cert: fs.readFileSync(process.env.CERT), allowHTTP1: true }, answer) : o.clear ? http2.createServer(answer) : http.createServer(answer);
  server.listen(+where, '0.0.0.0');
}

/** Both sides emit, acknowledge and send bytes. */
function socketio() {
  const { Server } = require(o.package ?? 'socket.io'), client = o.package === 'sio2' ? 'sioc2/dist/socket.io.slim.js' : 'socket.io-client/dist/socket.io.min.js';
  const page = html(`<script src="/client.js"></script><script>
    const log = (act, more) => fetch('/log', { method: 'POST', body: JSON.stringify({ act, ...more }) }), hex = b => [...new Uint8Array(b)].map(x => x.toString(16).padStart(2, '0')).join('');
    const shown = d => d instanceof ArrayBuffer || ArrayBuffer.isView(d) ? { bytes: hex(d.buffer ?? d) } : d, pause = ms => new Promise(done => setTimeout(done, ms));
    (async () => { const s = io(location.origin, { transports: ${JSON.stringify(o.upgrade ? ['polling', 'websocket'] : ['polling'])} });
      for (const name of ['welcome', 'news', 'blob']) s.on(name, (...args) => log('got', { name, args: args.map(shown) }));
      await new Promise(done => s.on('connect', done)); await pause(${o.upgrade ? 500 : 50});
      ${script()} s.disconnect(); await pause(200); fetch('/done'); })();</script>`);
  const server = http.createServer((q, r) => {
    if (q.url.startsWith('/socket.io')) return;
    if (q.url === '/done') { finished(); return r.end(); }
    if (q.url === '/client.js') return r.end(fs.readFileSync(path.resolve(process.env.LAB_NODE ?? '.', 'node_modules', client)));
    if (q.url === '/log') { let b = ''; q.on('data', d => { b += d; }); q.on('end', () => { const { act, ...more } = JSON.parse(b); say('client', act, more); r.end(); }); return; }
    r.setHeader('Content-Type', 'text/html'); r.end(page);
  });
  const io = o.package === 'sio2' ? require('sio2')(server, { pingInterval: 400 }) : new Server(server, { pingInterval: 400, maxHttpBufferSize: 1e6 });
  const emit = (s, name, ...args) => { say('server', 'emit', { name, args: args.map(shown) }); s.emit(name, ...args); };
  io.on('connection', s => {
    emit(s, 'welcome', { you: 'ann' });
    s.on('chat', (text, answer) => { say('server', 'got', { name: 'chat', args: [text] }); emit(s, 'news', { text, more: 'x'.repeat(1500) }); answer?.('ok'); });
    s.on('upload', (name, bytes) => { say('server', 'got', { name: 'upload', args: [name, shown(bytes)] }); emit(s, 'blob', Buffer.from([0, 255, 30, 1, 2]), 'two'); });
  });
  server.listen(+where, '0.0.0.0');
}
/** What a client does, in a browser and in Node.js. */
function script() {
  return `for (const text of ['hello', 'Grüße 🦀 \\u2028', 'y'.repeat(3000)]) { log('emit', { name: 'chat', args: [text] }); await new Promise(done => s.emit('chat', text, done)); }
      const bytes = new Uint8Array([1, 2, 3, 0, 30, 255]); log('emit', { name: 'upload', args: ['f.bin', shown(bytes)] }); s.emit('upload', 'f.bin', bytes.buffer); await pause(900);`;
}
async function polls() {
  const io = require(o.package ?? 'socket.io-client').io ?? require(o.package ?? 'socket.io-client'), s = io(where, { transports: o.upgrade ? ['polling', 'websocket'] : ['polling'] });
  const log = (act, more) => say('client', act, more);
  for (const name of ['welcome', 'news', 'blob']) s.on(name, (...args) => log('got', { name, args: args.map(shown) }));
  await next(s, 'connect'); await pause(o.upgrade ? 300 : 30);
  await new Function('s', 'log', 'shown', 'pause', 'Buffer', `return (async () => { ${script().replace('bytes.buffer', 'Buffer.from(bytes)')} })()`)(s, log, shown, pause, Buffer);
  s.disconnect(); await pause(150); process.exit(0);
}
/** Several requests at once on one HTTP/2 connection. */
async function gets() {
  const session = http2.connect(where);
  const get = path => new Promise(done => { const r = session.request({ ':path': path, accept: 'text/event-stream', 'accept-encoding': o.coding ?? 'identity' }); r.on('data', () => {}); r.on('end', done); r.end(); });
  await Promise.all((o.paths ?? ['/events/a', '/events/b', '/events/c']).map(get)); session.close(); await pause(50);
}
await ({ events, socketio, polls, gets })[role]();
