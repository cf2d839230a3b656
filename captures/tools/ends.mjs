// What both ends of a dialogue over WebSocket need: subprotocols.mjs and variants.mjs.
//
// node SCRIPT server PORT NAME | client HOST PORT NAME | list | versions NAME
import fs from 'node:fs'; import http from 'node:http'; import path from 'node:path';
import { createRequire } from 'node:module'; import { pathToFileURL } from 'node:url';
export const require = createRequire(path.resolve(process.env.LAB_NODE ?? '.') + '/'), load = async name => import(pathToFileURL(require.resolve(name)));
export const [role, ...args] = process.argv.slice(2), host = args.length > 2 ? args[0] : '127.0.0.1', port = +args.at(-2);
export const plain = v => v instanceof Uint8Array ? { $hex: Buffer.from(v).toString('hex') } : v instanceof Error ? { error: v.message } : Array.isArray(v) ? v.map(plain)
  : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)])) : v;
export const say = (who, act, more = {}) => fs.appendFileSync(process.env.TRUTH, JSON.stringify({ t: Date.now() / 1000, who, act, ...plain(more) }) + '\n');
export const pause = ms => new Promise(done => setTimeout(done, ms)), once = (it, what) => new Promise(done => it.once(what, (...a) => done(a)));
export const end = () => setTimeout(() => process.exit(0), 150);
export const WS = () => require('ws'), ws = where => new (WS().WebSocket)(where[0] === '/' ? `ws://${host}:${port}${where}` : where);
/** A hand-written server: `talk(socket, request)` for each connection; `protocols` picks the sub-protocol. */
export const handmade = (talk, protocols, page) => {
  const server = http.createServer(page ?? ((q, r) => r.end())), wss = new (WS().WebSocketServer)({ server, perMessageDeflate: false, handleProtocols: protocols ?? (() => false) });
  wss.on('connection', (socket, q) => { say('server', 'ws', { url: q.url }); talk(socket, q); }); server.listen(port, '0.0.0.0');
};
/** Both ends of JSON messages by hand. */
export const json = (who, socket, got) => { const send = msg => { say(who, 'send', { msg }); socket.send(JSON.stringify(msg)); }; socket.on('message', d => { const msg = JSON.parse(d); say(who, 'got', { msg }); got(msg, send); }); return send; };

/** Does what the arguments say, of the dialogues in `all`. */
export const main = async all => {
  if (role === 'list') for (const [name, p] of Object.entries(all)) console.log(`${name}\t${p.how}\t${p.shows}`);
  else if (role === 'versions') console.log(JSON.stringify(Object.fromEntries([...all[args[0]].packages, 'ws'].map(p => [p, JSON.parse(fs.readFileSync(path.join(process.env.LAB_NODE, 'node_modules', p, 'package.json'))).version]))));
  else { process.on('unhandledRejection', e => { console.error(e); process.exit(1); }); await all[args.at(-1)][role](); }
};
