// A quarter of a minute at a server with several services, for pictures of the screen: trades with compression and pings, a chat
// of two, uploads that end badly, a refusal, and a client that does not mask.
// node harbour.mjs server PORT
// node harbour.mjs client HOST PORT
// `ws` is looked for in the folder LAB_NODE (`npm i ws` there).
import path from 'node:path';
import http from 'node:http';
import net from 'node:net';
import { createRequire } from 'node:module';
const require = createRequire(path.resolve(process.env.LAB_NODE ?? '.') + '/');
const { WebSocket, WebSocketServer } = require('ws');

const [role, ...args] = process.argv.slice(2);
const pause = ms => new Promise(ok => setTimeout(ok, ms));
let seed = 7;
const dice = n => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;

const price = { BTCUSDT: 64123.5, ETHUSDT: 3321.25, SOLUSDT: 148.4 };
let trade = 880120;
function tick() {
  const symbol = Object.keys(price)[dice(3)];
  price[symbol] *= 1 + (dice(200) - 100) / 1e5;
  return { e: 'trade', id: trade++, s: symbol, p: price[symbol].toFixed(2), q: (dice(5000) / 1000).toFixed(3), m: dice(2) === 1 };
}

async function feed(ws) {
  const { symbols } = JSON.parse(await new Promise(ok => ws.once('message', ok)));
  ws.send(JSON.stringify({ op: 'subscribed', symbols, depth: 20 }));
  const book = side => Array.from({ length: 20 }, (_, i) => [(64123.5 + side * (i + 1) * 0.5).toFixed(2), (dice(9000) / 1000).toFixed(3)]);
  const snapshot = JSON.stringify({ e: 'book', s: 'BTCUSDT', bids: book(-1), asks: book(1) });
  for (let at = 0; at < snapshot.length; at += 400) ws.send(snapshot.slice(at, at + 400), { fin: at + 400 >= snapshot.length });
  const pings = setInterval(() => ws.ping(`hb ${trade}`), 2000);
  for (let i = 0; i < 110; i++) {
    // Quiet for a while in the middle, then busier.
    await pause(i === 50 ? 2600 : i > 70 ? 15 + dice(40) : 60 + dice(160));
    ws.send(JSON.stringify(tick()));
    if (i === 80) ws.send(JSON.stringify({ e: 'halt', s: 'SOLUSDT', reason: 'volatility', until: null }));
  }
  clearInterval(pings);
}

const rooms = new Set();
function chat(ws) {
  rooms.add(ws);
  ws.on('message', body => { for (const other of rooms) other.send(String(body)); });
  ws.on('close', () => rooms.delete(ws));
}

function jobs(ws) {
  let n = 0;
  ws.on('message', async body => {
    n += 1;
    await pause(20 + dice(90));
    if (n === 9) return ws.close(1011, 'out of memory');
    ws.send(JSON.stringify({ job: 4100 + n, bytes: body.length, state: 'queued' }));
  });
}

function server(port) {
  const web = http.createServer((_, answer) => answer.writeHead(404).end());
  const options = { noServer: true, handleProtocols: offered => [...offered][0] ?? false };
  const plain = new WebSocketServer({ ...options, perMessageDeflate: false });
  const deflated = new WebSocketServer({ ...options, perMessageDeflate: { threshold: 0 } });
  web.on('upgrade', (request, socket, head) => {
    const service = request.url.split('?')[0];
    if (service === '/admin') return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nfor staff\n');
    const [wss, serve] = { '/feed': [deflated, feed], '/chat': [plain, chat], '/jobs': [plain, jobs] }[service];
    wss.handleUpgrade(request, socket, head, ws => { ws.on('error', () => {}); serve(ws); });
  });
  web.listen(Number(port), '0.0.0.0');
}

async function client(host, port) {
  const open = async (where, protocols, deflate = false) => {
    const ws = new WebSocket(`ws://${host}:${port}${where}`, protocols, { perMessageDeflate: deflate, headers: { Host: 'harbour.example' } });
    ws.on('error', () => {});
    await new Promise(ok => { ws.once('open', ok); ws.once('error', ok); });
    return ws;
  };
  const closed = ws => new Promise(ok => ws.readyState === WebSocket.CLOSED ? ok() : ws.once('close', ok));

  const trades = await open('/feed?v=2', ['trades.v2'], true);
  const done = new Promise(ok => trades.on('message', body => String(body).includes(`"id":${880120 + 109}`) && ok()));
  trades.send(JSON.stringify({ op: 'subscribe', symbols: Object.keys(price) }));
  await pause(400);

  const ana = await open('/chat?room=quay', ['chat']);
  await pause(300);
  const bo = await open('/chat?room=quay', ['chat']);
  const talk = (async () => {
    const words = [[ana, 'ana', 'is anybody at the quay?'], [bo, 'bo', 'yes — berth 7, naïve as ever ☕'], [ana, 'ana', '船は何時に着きますか？'],
      [bo, 'bo', 'at 14:20, 風が強い 🌬️'], [ana, 'ana', 'وصلت السفينة'], [bo, 'bo', 'crane 3 is free 🏗️'], [ana, 'ana', 'спасибо!'], [bo, 'bo', '👍']];
    for (const [who, nick, text] of words) {
      who.send(JSON.stringify({ nick, text }));
      await pause(500 + dice(900));
    }
    ana.close(1000, 'bye');
    await pause(150);
    bo.close(1001);
    await Promise.all([closed(ana), closed(bo)]);
  })();

  const work = (async () => {
    await pause(900);
    const up = await open('/jobs');
    for (let i = 0; i < 9 && up.readyState === WebSocket.OPEN; i++) {
      // One of them has a length of its own, for the recording leaves it out.
      const body = Buffer.alloc(i === 5 ? 1111 : 60 + dice(400), 0);
      body.write(`\x08\x96\x01\x12\x0ccargo-${String(i).padStart(4, '0')}`, 'latin1');
      for (let at = 20; at < body.length; at++) body[at] = dice(256);
      up.send(body);
      await pause(350 + dice(500));
    }
    await closed(up);
  })();

  await pause(1700);
  await closed(await open('/admin')).catch(() => {});
  // A client of somebody's own making: its frame is not masked.
  const bare = net.connect(Number(port), host);
  bare.write('GET /chat?room=quay HTTP/1.1\r\nHost: harbour.example\r\nUser-Agent: homemade/0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: aG9tZW1hZGUgY2xpZW50IQ==\r\nSec-WebSocket-Version: 13\r\n\r\n');
  await new Promise(ok => bare.once('data', ok));
  await pause(40);
  bare.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from('ahoy!')]));
  bare.on('error', () => {});
  await new Promise(ok => { bare.once('close', ok); setTimeout(ok, 800); });
  bare.destroy();

  await Promise.all([talk, work, done]);
  trades.send(JSON.stringify({ op: 'unsubscribe' }));
  trades.close(1000, 'good night');
  await closed(trades);
}

if (role === 'server') server(args[0]);
else if (role === 'client') await client(args[0], args[1]);
