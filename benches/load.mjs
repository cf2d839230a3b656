// Endpoints for compare.sh: npm's `ws`, looked for in $NODE_MODULES_AT or here.
//
//   node load.mjs server [KEY CERTIFICATE]        WebSocket and HTTP on 9001, HTTPS on 9443, DNS-like datagrams on 9053
//   node load.mjs client HOST LOAD CLIENTS COUNT
import { createRequire } from 'node:module';
import dgram from 'node:dgram';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';

const require = createRequire(path.resolve(process.env.NODE_MODULES_AT ?? '.') + '/');
const { WebSocket, WebSocketServer } = require('ws');
const [role, ...rest] = process.argv.slice(2);
const file = Buffer.alloc(1 << 20, 'all work and no play ');

let seed = 1;
const random = below => (seed = (seed * 48271) % 0x7fffffff) % below;
const tick = n => JSON.stringify({
  e: 'trade', E: 1.7e12 + n, s: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'][random(3)], t: 3e7 + n, p: (6e4 + random(1e5) / 100).toFixed(2),
  q: (random(1e5) / 1e4).toFixed(4), b: random(1e9), a: random(1e9), m: random(2) > 0, M: true,
});

/** Sends what `make` returns `count` times, as fast as the other side takes it. */
function pump(ws, count, make, high = 1 << 20) {
  let n = 0;
  const more = () => {
    while (n < count && ws.bufferedAmount < high) ws.send(make(n++));
    if (n < count) setTimeout(more, 1); else ws.close(1000, 'done');
  };
  more();
}

function serve(key, certificate) {
  const site = (request, response) => response.end(file);
  const server = http.createServer(site).listen(9001);
  if (key) https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) }, site).listen(9443);
  const names = dgram.createSocket('udp4').bind(9053);
  const noise = Buffer.from(Uint8Array.from({ length: 1 << 20 }, () => random(256)));
  names.on('message', (question, from) => names.send(question, from.port, from.address));
  new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } }).on('connection', (ws, request) => {
    const url = new URL(request.url, 'ws://host');
    const count = Number(url.searchParams.get('n'));
    switch (url.pathname) {
      case '/ticks': case '/deflate': case '/mix': return pump(ws, count, tick);
      case '/bulk': return pump(ws, count, () => noise, 4 << 20);
      default: ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    }
  });
}

/** Opens one WebSocket and stays until it is over; returns how many messages came. */
function converse(host, load, count) {
  return new Promise(resolve => {
    const ws = new WebSocket(`ws://${host}:9001/${load}?n=${count}`, { perMessageDeflate: load === 'deflate' });
    const answers = load === 'chat' ? count : load === 'short' ? 1 : 0;
    let got = 0;
    ws.on('open', () => answers && ws.send(tick(0)));
    ws.on('message', () => (++got, answers && (got < answers ? ws.send(tick(got)) : ws.close(1000, 'bye'))));
    ws.on('close', () => resolve(got));
    ws.on('error', error => (console.error(error.message), resolve(got)));
  });
}

/** Fetches the file by HTTP or HTTPS, a datagram asked before. */
function fetchOne(host, n) {
  return new Promise(resolve => {
    const asker = dgram.createSocket('udp4');
    asker.send(`question ${n}`, 9053, host, () => asker.close());
    const [from, port] = n % 3 ? [https, 9443] : [http, 9001];
    const request = from.get({ host, port, rejectUnauthorized: false }, response => response.resume().on('end', resolve));
    request.on('error', error => (console.error(error.message), resolve()));
  });
}

async function drive(host, load, clients, count) {
  const all = Array.from({ length: clients });
  let got = 0;
  const add = async rounds => { for (let i = 0; i < rounds; i++) { const came = await converse(host, load, count); got += came; } };
  const others = async () => { for (let n = 0; n < (clients * count * 9 * 230) / 1e6 / 1.05; n++) await fetchOne(host, n); };
  await Promise.all([...all.map(() => add(load === 'short' ? count : 1)), load === 'mix' && others()]);
  console.log(`${load}: ${got} messages came`);
}

if (role === 'server') serve(...rest); else await drive(rest[0], rest[1], Number(rest[2]), Number(rest[3]));
