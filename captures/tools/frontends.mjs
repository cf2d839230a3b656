// Dialogues of what web front ends speak beside their own sub-protocols: hot module replacement, gRPC-Web.
//
// Called as subprotocols.mjs is; both ends write down each `unit` with its kind, and its name as far as their interface says it.
import fs from 'node:fs';
import path from 'node:path';
import { WS, end, handmade, host, load, main, once, pause, port, require, say } from './ends.mjs';

const unit = (who, kind, more = {}) => say(who, 'unit', { kind, ...more });
const files = all => {
  const folder = path.join(process.env.LAB, 'front');
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(all)) fs.writeFileSync(path.join(folder, name), text);
  return folder;
};
const edit = (name, text) => fs.writeFileSync(path.join(process.env.LAB, 'front', name), text);

/** A frame of gRPC: its flags, its length, its bytes. */
const frame = (flags, bytes) => Buffer.concat([Buffer.from([flags, 0, 0, bytes.length >> 8, bytes.length & 255]), bytes]);
const message = text => ({ serializeBinary: () => new Uint8Array(Buffer.concat([Buffer.from([10, text.length]), Buffer.from(text)])) });
const method = (name, responseStream) => ({
  methodName: name, service: { serviceName: 'lab.Harbour' }, requestStream: responseStream, responseStream, requestType: null,
  responseType: { deserializeBinary: bytes => ({ text: Buffer.from(bytes).subarray(2).toString() }) },
});

const all = {
  'grpc-web': {
    shows: 'gRPC-Web over WebSocket: one answer, a stream of three in frames of their own and together, a failure',
    how: '@improbable-eng/grpc-web; server written by hand', packages: ['@improbable-eng/grpc-web'],
    server() {
      handmade((socket, request) => {
        let begun = false;
        const name = request.url, send = (kind, bytes) => { unit('server', kind, { name }); return bytes; };
        socket.on('message', data => {
          if (!begun) { begun = true; return unit('client', 'headers', { name }); }
          if (data.length === 1) return unit('client', 'finish send', { name });
          unit('client', 'message', { name });
          const head = () => send('headers', frame(0x80, Buffer.from('content-type: application/grpc-web+proto\r\n')));
          const reply = text => send('message', frame(0, Buffer.from(message(text).serializeBinary())));
          const trailers = text => send('trailers', frame(0x80, Buffer.from(text)));
          if (name.endsWith('/Fail')) socket.send(trailers('grpc-status: 5\r\ngrpc-message: no such ship\r\n'));
          else if (name.endsWith('/Ask')) [head(), reply('ahoy'), trailers('grpc-status: 0\r\n')].forEach(it => socket.send(it));
          else { socket.send(head()); socket.send(reply('one')); socket.send(Buffer.concat([reply('two'), reply('three'), trailers('grpc-status: 0\r\n')])); }
          setTimeout(() => socket.close(), 50);
        });
      }, () => 'grpc-websockets');
    },
    async client() {
      globalThis.WebSocket = WS().WebSocket;
      const { grpc } = require('@improbable-eng/grpc-web');
      for (const [name, streams] of [['Ask', false], ['Watch', true], ['Fail', false]]) {
        const call = grpc.client(method(name, streams), { host: `http://${host}:${port}`, transport: grpc.WebsocketTransport() });
        call.onMessage(it => say('client', 'got', { method: name, text: it.text }));
        const over = new Promise(done => call.onEnd((code, text) => { say('client', 'end', { method: name, code, text }); done(); }));
        call.start(new grpc.Metadata({ 'x-site': 'quay' }));
        call.send(message('crane'));
        call.finishSend();
        await over;
      }
      end();
    },
  },
  'vite-hmr': {
    shows: "Vite's hot module replacement: an update of a module and of a style sheet, a full reload, events of both sides",
    how: 'vite; client written by hand', packages: ['vite'],
    async server() {
      const { createServer } = await load('vite');
      const root = files({ 'index.html': '<script type="module" src="/a.js"></script>', 'a.js': 'import "./s.css"; export const a = 1; import.meta.hot.accept()', 's.css': 'body { color: red }' });
      const server = await createServer({ root, configFile: false, logLevel: 'silent', optimizeDeps: { noDiscovery: true }, server: { host: '0.0.0.0', port, watch: { interval: 30, usePolling: true } } });
     
      server.environments.client.hot.on('lab:hello', (data, client) => { say('server', 'got', { data }); client.send('lab:ahoy', { n: 1 }); });
      await server.listen();
      for (const name of ['/a.js', '/s.css']) await server.transformRequest(name);
      edit('token', server.config.webSocketToken);
    },
    async client() {
      const token = path.join(process.env.LAB, 'front', 'token');
      while (!fs.existsSync(token)) await pause(20);
      const socket = new (WS().WebSocket)(`ws://${host}:${port}/?token=${fs.readFileSync(token)}`, 'vite-hmr', { perMessageDeflate: false });
      socket.on('message', text => {
        const it = JSON.parse(text);
        unit('server', it.type, it.type === 'custom' ? { name: it.event } : {});
      });
      const send = data => { unit('client', data.type, data.type === 'custom' ? { name: data.event } : {}); socket.send(JSON.stringify(data)); };
      await once(socket, 'message');
      send({ type: 'custom', event: 'lab:hello', data: { from: 'the quay' } });
      await pause(150); edit('a.js', 'import "./s.css"; export const a = 2; import.meta.hot.accept()');
      await pause(400); edit('s.css', 'body { color: blue }');
      await pause(400); edit('index.html', '<script type="module" src="/a.js"></script><p>');
      await pause(400); send({ type: 'ping' });
      await pause(150); socket.close(); end();
    },
  },
  'webpack-hmr': {
    shows: 'webpack-dev-server: its settings, three builds, the last with an error',
    how: 'webpack-dev-server; client written by hand', packages: ['webpack-dev-server', 'webpack'],
    async server() {
      const webpack = require('webpack'), Server = require('webpack-dev-server');
      const folder = files({ 'a.js': 'console.log(1)' });
      const compiler = webpack({ mode: 'development', context: folder, entry: './a.js', stats: 'none', infrastructureLogging: { level: 'none' }, watchOptions: { poll: 50, aggregateTimeout: 20 } });
      await new Server({ port, host: '0.0.0.0', allowedHosts: 'all', static: false }, compiler).start();
    },
    async client() {
      const socket = new (WS().WebSocket)(`ws://${host}:${port}/ws`, { perMessageDeflate: false, origin: `http://${host}:${port}` });
      socket.on('message', text => unit('server', JSON.parse(text).type));
      await once(socket, 'open');
      await pause(600); edit('a.js', 'console.log(2)');
      await pause(700); edit('a.js', 'console.log(');
      await pause(700); socket.close(); end();
    },
  },
};
await main(all);
