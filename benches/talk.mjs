// A long talk between npm `ws` and itself, to be recorded for benches/loss.py.
// node talk.mjs server PORT none|no-takeover|takeover
// node talk.mjs client HOST PORT none|no-takeover|takeover CONNECTIONS MESSAGES
// `ws` is looked for in the folder LAB_NODE (`npm i ws` there).
import path from 'node:path';
import { createRequire } from 'node:module';
const require = createRequire(path.resolve(process.env.LAB_NODE ?? '.') + '/');
const { WebSocket, WebSocketServer } = require('ws');

const [role, ...args] = process.argv.slice(2);
const deflate = {
  none: false,
  'no-takeover': { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
  takeover: { threshold: 0 },
};
// The same numbers each time.
const numbers = seed => below => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32 * below | 0;
const quote = n => JSON.stringify({ event: 'trade', symbol: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'][n(3)], id: n(1e9), price: (60000 + n(100000) / 100).toFixed(2), quantity: (n(100000) / 10000).toFixed(4), maker: !n(2) });
const noise = (n, length) => Buffer.from({ length }, () => n(256));

function say(ws, n) {
  const what = n(20);
  if (what < 12) ws.send(quote(n));
  else if (what < 15) ws.send(Array.from({ length: 3 + n(30) }, () => quote(n)).join('\n'));
  else if (what < 17) ws.send(noise(n, n(3000)));
  else if (what === 17) ws.send(noise(n, 20000 + n(60000)));
  else if (what === 18) ws.ping('tick');
  else {
    ws.send(quote(n), { fin: false });
    ws.ping('between');
    ws.send(quote(n), { fin: true });
  }
}

const talk = (ws, n, left) => new Promise(done => {
  ws.on('close', done);
  const more = () => {
    if (ws.readyState !== WebSocket.OPEN) return;
    if (!left--) return ws.close(1000, 'bye');
    say(ws, n);
    setTimeout(more, n(4));
  };
  more();
});

if (role === 'server') {
  const server = new WebSocketServer({ port: +args[0], perMessageDeflate: deflate[args[1]] });
  let connections = 0;
  server.on('connection', ws => talk(ws, numbers(++connections), Infinity));
} else {
  const [host, port, mode, connections, messages] = args;
  await Promise.all(Array.from({ length: +connections }, (_, k) => new Promise(done => {
    const ws = new WebSocket(`ws://${host}:${port}/`, { perMessageDeflate: deflate[mode] && { ...deflate[mode] } });
    ws.on('open', () => talk(ws, numbers(1000 + k), +messages).then(done));
  })));
}
