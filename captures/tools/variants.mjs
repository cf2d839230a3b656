// The same kinds of dialogues as subprotocols.mjs has, said otherwise: other versions, options, URLs without a hint, no `Sec-WebSocket-Protocol`, compression.
//
// Called as subprotocols.mjs is. Both ends write down in one form what crossed the WebSocket: `sent` (who, kind, name, id, as far as their interface says it).
import http from 'node:http';
import net from 'node:net';
import { WS, end, handmade, host, load, main, once, pause, port, require, say, ws } from './ends.mjs';

const sent = (who, kind, name, more = {}) => say(who, 'sent', { kind, name, ...more });
const unit = (who, kind, more = {}) => say(who, 'unit', { kind, ...more });
/** Events, acknowledgements both ways, attachments inside of objects, a refused namespace; `o` are the options of both. */
const socketio = (serverName, clientName, o) => ({
  server() {
    const server = http.createServer(),
      Server = require(serverName).Server ?? require(serverName),
      io = new Server(server, o.server()),
      room = io.of(/^\/room-\d+$/);
    const emit = (s, event, ...a) => {
      sent('server', 'event', event);
      s.emit(event, ...a);
    };
    room.on('connection', s => {
      emit(s, 'welcome', { motd: 'ahoy 🦀', users: [] });
      s.on('two files', (a, b, ack) => {
        emit(s, 'got files', { sizes: [a.length, b.data.length], copies: [Buffer.from(a), Buffer.from(b.data)] });
        sent('server', 'ack', 'two files');
        ack(null, Buffer.from([9]));
      });
      s.on('ask me', () => {
        sent('server', 'event', 'question');
        s.emit('question', 'why "so"?', answer => say('server', 'got ack', { answer }));
      });
      s.on('message', text => emit(s, 'message', text));
      s.on('no answer', () => {});
    });
    io.of('/closed').use((s, next) => next(Object.assign(new Error('not you'), { data: { code: 7 } })));
    server.listen(port, '0.0.0.0');
  },
  async client() {
    const io = require(clientName).io ?? require(clientName),
      s = io(`http://${host}:${port}/room-12?as=crane`, { forceNew: true, transports: ['websocket'], ...o.client() });
    const emit = (event, ...a) => {
      sent('client', 'event', event);
      s.emit(event, ...a);
    };
    s.on('question', (text, ack) => {
      sent('client', 'ack', 'question');
      ack({ because: Buffer.from('so') }, 2);
    });
    await once(s, 'connect');
    emit('message', 'plain');
    await once(s, 'message');
    emit('message', '[1,"2"]{,-/7');
    await once(s, 'message');
    sent('client', 'event', 'two files');
    await new Promise(done =>
      s.emit('two files', Buffer.from([1, 2, 3]), { name: 'b', data: Buffer.alloc(300, 7) }, done),
    );
    emit('ask me');
    await pause(100);
    s.emit('no answer', 1, () => {});
    sent('client', 'event', 'no answer');
    const closed = s.io.socket('/closed');
    closed.connect();
    await Promise.race([once(closed, 'connect_error'), once(closed, 'error')]);
    await pause(250);
    s.disconnect();
    end();
  },
});
const mosquitto = null;
const hub = binary => ({
  server() {
    const { JsonHubProtocol, NullLogger } = require('@microsoft/signalr'),
      { MessagePackHubProtocol } = require('@microsoft/signalr-protocol-msgpack'),
      protocol = binary ? new MessagePackHubProtocol() : new JsonHubProtocol();
    handmade(socket => {
      let shaken = false,
        summing;
      const send = (...all) => {
        for (const m of all) sent('server', m.type, m.target ?? '', { id: m.invocationId });
        const parts = all.map(m => protocol.writeMessage({ headers: {}, ...m }));
        socket.send(binary ? Buffer.concat(parts.map(p => Buffer.from(p))) : parts.join(''));
      };
      socket.on('message', (d, isBinary) => {
        if (!shaken) {
          shaken = true;
          return socket.send('{}\x1e');
        }
        for (const m of protocol.parseMessages(
          isBinary ? d.buffer.slice(d.byteOffset, d.byteOffset + d.length) : d.toString(),
          NullLogger.instance,
        )) {
          sent('client', m.type, m.target ?? '', { id: m.invocationId });
          // Several in one message; a call of the client by the server, which answers it.
          if (m.target === 'Burst')
            send(
              { type: 1, target: 'One', arguments: ['a'] },
              { type: 1, target: 'Two', arguments: [{ b: [1, null, 2.5] }] },
              { type: 3, invocationId: m.invocationId, result: { ok: true } },
            );
          if (m.target === 'AskMe') send({ type: 1, target: 'Name', arguments: [], invocationId: 's1' });
          if (m.type === 4) send({ type: 2, invocationId: m.invocationId, item: 'first' });
          if (m.type === 5) send({ type: 3, invocationId: m.invocationId });
          if (m.target === 'Sum') summing = m.invocationId;
          if (m.type === 3 && !m.invocationId.startsWith('s')) send({ type: 3, invocationId: summing, result: 6 });
          if (m.target === 'Bye') {
            send({ type: 7, error: 'maintenance', allowReconnect: false });
            socket.close();
          }
        }
      });
    });
  },
  async client() {
    const { HubConnectionBuilder, HttpTransportType, LogLevel, Subject } = require('@microsoft/signalr'),
      { MessagePackHubProtocol } = require('@microsoft/signalr-protocol-msgpack');
    let b = new HubConnectionBuilder()
      .withUrl(`http://${host}:${port}/a/b`, { skipNegotiation: true, transport: HttpTransportType.WebSockets })
      .configureLogging(LogLevel.None);
    if (binary) b = b.withHubProtocol(new MessagePackHubProtocol());
    const c = b.build();
    c.on('One', () => {});
    c.on('Two', () => {});
    c.on('Name', () => 'crane 🦀');
    await c.start();
    await c.invoke('Burst');
    const s = new Subject(),
      sum = c.invoke('Sum', s);
    for (const n of [1, 2, 3]) s.next(n);
    s.complete();
    say('client', 'result', { sum: await sum });
    await c.send('AskMe');
    await pause(100);
    const it = c.stream('Forever').subscribe({ next: () => it.dispose(), complete() {}, error() {} });
    await pause(150);
    await c.send('Bye');
    await pause(150);
    end();
  },
});
const all = {
  'socketio-3-deflate': {
    shows:
      'socket.io 3, compressed, another path, dynamic namespaces, attachments in objects, acknowledgements both ways, a refused namespace',
    how: 'socket.io 3, socket.io-client 3',
    packages: ['sio3', 'sioc3'],
    ...socketio('sio3', 'sioc3', {
      server: () => ({ path: '/rt', perMessageDeflate: { threshold: 0 }, pingInterval: 150 }),
      client: () => ({ path: '/rt' }),
    }),
  },
  'socketio-4-for-2': {
    shows: 'socket.io 4 with a client of version 2 (Engine.IO 3), WebSocket from the start',
    how: 'socket.io 4, socket.io-client 2',
    packages: ['socket.io', 'sioc2'],
    ...socketio('socket.io', 'sioc2', { server: () => ({ allowEIO3: true, pingInterval: 150 }), client: () => ({}) }),
  },
  'socketio-4-msgpack-both': {
    shows:
      'socket.io 4, msgpack parser, compressed: binary in objects, acknowledgements both ways, a refused namespace',
    how: 'socket.io 4, socket.io-client 4, socket.io-msgpack-parser',
    packages: ['socket.io', 'socket.io-client', 'socket.io-msgpack-parser'],
    ...socketio('socket.io', 'socket.io-client', {
      server: () => ({
        parser: require('socket.io-msgpack-parser'),
        perMessageDeflate: { threshold: 0 },
        pingInterval: 150,
      }),
      client: () => ({ parser: require('socket.io-msgpack-parser') }),
    }),
  },
  'socketio-2-base64': {
    shows: 'socket.io 2 with a client that knows no binary messages: attachments in base64, WebSocket from the start',
    how: 'socket.io 2, socket.io-client 2',
    packages: ['sio2', 'sioc2'],
    server() {
      require('sio2')(port).on('connection', s =>
        s.on('up', (bytes, more, ack) => {
          for (const event of ['down', 'down']) {
            unit('server', 'BINARY_EVENT', { name: event });
            s.emit(event, Buffer.from([4, 9]), { inner: Buffer.from('hi') });
          }
          unit('server', 'BINARY_ACK', { of: 'up', id: '0' });
          ack(Buffer.from([7]));
        }),
      );
    },
    async client() {
      const s = require('sioc2')(`http://${host}:${port}`, { transports: ['websocket'], forceBase64: true });
      await once(s, 'connect');
      unit('client', 'BINARY_EVENT', { name: 'up', id: '0' });
      s.emit('up', Buffer.from([1, 2, 255]), { n: 1 }, answer => say('client', 'got ack', { answer }));
      await pause(150);
      unit('client', 'DISCONNECT');
      s.close();
      end();
    },
  },
  engineio: {
    shows: 'Engine.IO without Socket.IO: texts that look like its packets, and bytes',
    how: 'engine.io, engine.io-client',
    packages: ['engine.io', 'engine.io-client'],
    server() {
      require('engine.io')
        .listen(port)
        .on('connection', s =>
          s.on('message', m => {
            unit('server', 'message');
            s.send(typeof m === 'string' ? `so ${m}` : Buffer.concat([m, m]));
          }),
        );
    },
    async client() {
      const { Socket } = require('engine.io-client'),
        s = new Socket(`ws://${host}:${port}`, { transports: ['websocket'] });
      await once(s, 'open');
      for (const m of ['plain', '{"a":1}', Buffer.from([4, 5, 6]), 'ahoy 🦀', '7', '42["x"]{']) {
        unit('client', 'message');
        s.send(m);
        await once(s, 'message');
      }
      s.close();
      await pause(100);
      end();
    },
  },
  'wamp-progress': {
    shows: 'WAMP as JSON: progressive results, acknowledged publications, a subscription by prefix, a missing procedure',
    how: 'fox-wamp, autobahn',
    packages: ['fox-wamp', 'autobahn'],
    server() {
      new (require('fox-wamp'))().listenWAMP({ port });
    },
    async client() {
      const c = new (require('autobahn').Connection)({ url: `ws://${host}:${port}/`, realm: 'lab', max_retries: 0 });
      const s = await new Promise(done => ((c.onopen = done), c.open()));
      const counts = (_args, _named, how) => {
        for (const n of [0, 1, 2]) {
          unit('client', 'YIELD', { of: 'com.lab.count' });
          how.progress([n]);
        }
        unit('client', 'YIELD', { of: 'com.lab.count' });
        return 'done';
      };
      unit('client', 'REGISTER', { name: 'com.lab.count' });
      await s.register('com.lab.count', counts);
      unit('client', 'SUBSCRIBE', { name: 'com.lab.' });
      await s.subscribe('com.lab.', () => {}, { match: 'prefix' });
      const progress = n => {
        unit('server', 'RESULT', { of: 'com.lab.count' });
        say('client', 'progress', { n });
      };
      for (const name of ['com.lab.count', 'com.lab.none']) {
        unit('client', 'CALL', { name });
        try {
          const said = await s.call(name, [3], {}, { receive_progress: true }).then(it => it, Promise.reject.bind(Promise), progress);
          unit('server', 'RESULT', { of: name });
          say('client', 'result', { said });
        } catch (e) {
          unit('server', 'ERROR', { of: name, error: e.error });
        }
      }
      unit('client', 'PUBLISH', { name: 'com.lab.news' });
      await s.publish('com.lab.news', ['x'], {}, { acknowledge: true });
      unit('server', 'PUBLISHED', { of: 'com.lab.news' });
      unit('client', 'GOODBYE');
      c.close();
      await pause(100);
      end();
    },
  },
  'mqtt-5-alias': {
    shows:
      'MQTT 5: topic aliases both ways, a will, subscription identifiers, a shared subscription, a reason code that refuses',
    how: 'Mosquitto, mqtt.js',
    packages: ['mqtt'],
    server: mosquitto,
    async client() {
      const connect = (clientId, more) =>
        require('mqtt').connect(`ws://${host}:${port}/mqtt`, {
          protocolVersion: 5,
          clientId,
          keepalive: 30,
          reconnectPeriod: 0,
          properties: { topicAliasMaximum: 5 },
          ...more,
        });
      const a = connect('pump-1', {
          autoAssignTopicAlias: true,
          will: { topic: 'lab/gone', payload: 'pump-1', qos: 1, properties: { willDelayInterval: 0 } },
        }),
        b = connect('desk', {});
      for (const [c, who] of [
        [a, 'pump-1'],
        [b, 'desk'],
      ]) {
        c.on('message', (topic, payload, p) => sent('server', 'PUBLISH', topic, { to: who, payload }));
        await (c.connected || once(c, 'connect'));
      }
      const sub = (c, topic, o) => new Promise(done => c.subscribe(topic, o, done)),
        pub = (c, topic, payload, o = {}) =>
          new Promise(done => {
            sent('client', 'PUBLISH', topic, { payload });
            c.publish(topic, payload, o, done);
          });
      await sub(b, 'lab/#', { qos: 2, properties: { subscriptionIdentifier: 7 } });
      await sub(b, { 'a/b': { qos: 0 }, '$share/g/c/+': { qos: 1 } });
      for (const n of [1, 2, 3]) await pub(a, 'lab/pump/pressure', `{"bar":${n}}`, { qos: n - 1 });
      await pub(a, 'a/b', '');
      await pub(a, 'c/d', Buffer.alloc(200, 0xff), { qos: 1 });
      await pub(a, 'lab/pump/pressure', 'again');
      await pub(a, 'nobody/hears', 'x', { qos: 1 });
      a.stream.destroy();
      await pause(500);
      b.end(false, { reasonCode: 4 }, end);
    },
  },
  'mqtt-31': {
    shows: 'MQTT 3.1 under the name mqttv3.1, a client that is refused a topic with #',
    how: 'aedes, mqtt.js',
    packages: ['aedes', 'mqtt'],
    async server() {
      const { Aedes } = require('aedes'),
        broker = await Aedes.createBroker(),
        { WebSocketServer, createWebSocketStream } = WS();
      broker.authorizeSubscribe = (c, s, done) => done(null, s.topic === 'no/#' ? null : s);
      new WebSocketServer({ port, host: '0.0.0.0', handleProtocols: o => [...o][0] }).on('connection', (s, q) =>
        broker.handle(createWebSocketStream(s), q),
      );
    },
    async client() {
      const c = require('mqtt').connect(`ws://${host}:${port}/`, {
        protocolId: 'MQIsdp',
        protocolVersion: 3,
        clientId: 'old',
        username: 'lab',
        password: 'made-up',
        reconnectPeriod: 0,
      });
      c.on('message', (topic, payload) => sent('server', 'PUBLISH', topic, { payload }));
      await once(c, 'connect');
      const sub = t => new Promise(done => c.subscribe(t, { qos: 1 }, done));
      await sub('x/+');
      await sub('no/#');
      for (const [t, q] of [
        ['x/1', 0],
        ['x/2', 1],
        ['x/3', 2],
      ]) {
        sent('client', 'PUBLISH', t);
        await new Promise(done => c.publish(t, `payload of ${t}`, { qos: q }, done));
      }
      await pause(200);
      c.end(false, {}, end);
    },
  },
  'signalr-json-streams': {
    shows:
      'SignalR, JSON: several messages in one, a stream of the client, a call by the server, a cancelled stream, Close with an error',
    how: '@microsoft/signalr; hub written by hand',
    packages: ['@microsoft/signalr'],
    ...hub(false),
  },
  'signalr-msgpack-streams': {
    shows: 'SignalR, MessagePack: the same',
    how: '@microsoft/signalr; hub written by hand',
    packages: ['@microsoft/signalr', '@microsoft/signalr-protocol-msgpack'],
    ...hub(true),
  },
  'graphql-closed': {
    shows:
      'graphql-transport-ws: operations at once, one stopped by the client, pings of the client; then closes 4400, 4401, 4409',
    how: 'graphql-ws; the last clients written by hand',
    packages: ['graphql-ws', 'graphql'],
    async server() {
      const { useServer } = await load('graphql-ws/use/ws'),
        { buildSchema } = require('graphql'),
        wait = ms => new Promise(r => setTimeout(r, ms)),
        schema = buildSchema('type Query { a(n: Int): Int } type Subscription { tick(every: Int!): Int }');
      const root = {
          a: async ({ n }) => {
            await wait(n);
            return n;
          },
          async *tick({ every }) {
            for (let i = 0; ; i++) {
              await wait(every);
              yield { tick: i };
            }
          },
        },
        wss = new (WS().WebSocketServer)({ port, host: '0.0.0.0', handleProtocols: () => 'graphql-transport-ws' });
      useServer(
        {
          schema,
          roots: { query: root, subscription: root },
          onSubscribe: (_, id, p) => sent('client', 'subscribe', p.operationName, { id }),
          onNext: (_, id) => sent('server', 'next', '', { id }),
          onComplete: (_, id) => say('server', 'complete', { id }),
        },
        wss,
        0,
      );
    },
    async client() {
      const { createClient } = require('graphql-ws'),
        c = createClient({
          url: `ws://${host}:${port}/`,
          webSocketImpl: WS().WebSocket,
          keepAlive: 60,
          lazy: false,
          retryAttempts: 0,
        });
      const q = (query, operationName, n = Infinity) =>
        new Promise(done => {
          let stop;
          stop = c.subscribe(
            { query, operationName },
            {
              next: () => {
                if (--n === 0) stop();
              },
              error: done,
              complete: done,
            },
          );
        });
      await Promise.all([
        q('query Slow { a(n: 90) }', 'Slow'),
        q('query Fast { a(n: 5) }', 'Fast'),
        q('subscription Ticks { tick(every: 20) }', 'Ticks', 3),
      ]);
      await pause(150);
      await c.dispose();
      const raw = async (...texts) => {
        const s = new (WS().WebSocket)(`ws://${host}:${port}/`, 'graphql-transport-ws');
        await once(s, 'open');
        texts.forEach(t => s.send(t));
        const [code, reason] = await once(s, 'close');
        say('client', 'closed', { code, reason: String(reason) });
      };
      const init = '{"type":"connection_init"}',
        sub =
          '{"id":"x","type":"subscribe","payload":{"query":"subscription Twice { tick(every: 500) }","operationName":"Twice"}}';
      await raw('{"type":"what"}');
      await raw(sub);
      const late = new (WS().WebSocket)(`ws://${host}:${port}/`, 'graphql-transport-ws');
      await once(late, 'open');
      late.send(init);
      await once(late, 'message');
      late.send(sub);
      late.send(sub);
      const [code, reason] = await once(late, 'close');
      say('client', 'closed', { code, reason: String(reason) });
      end();
    },
  },
  'sockjs-stomp': {
    shows: 'STOMP in SockJS: subscriptions, acknowledged messages, a transaction, an error',
    how: 'sockjs, sockjs-client, stompjs; broker written by hand',
    packages: ['sockjs', 'sockjs-client', '@stomp/stompjs'],
    server() {
      const server = http.createServer(),
        echo = require('sockjs').createServer({ log() {}, heartbeat_delay: 300 });
      echo.on('connection', s => {
        let sub,
          n = 0;
        const frame = (command, headers, body = '') => {
          sent('server', command, headers.destination ?? '');
          s.write(
            `${command}\n${Object.entries(headers)
              .map(([k, v]) => `${k}:${v}\n`)
              .join('')}\n${body}\0`,
          );
        };
        s.on('data', text => {
          if (!text.trim()) return;
          const [head, body] = text.split('\n\n'),
            [command, ...lines] = head.split('\n'),
            h = Object.fromEntries(lines.map(l => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1)]));
          sent('client', command, h.destination ?? '');
          if (command === 'CONNECT' || command === 'STOMP') frame('CONNECTED', { version: '1.2', 'heart-beat': '0,0' });
          if (command === 'SUBSCRIBE') sub = h.id;
          if (command === 'SEND' && sub !== undefined)
            frame(
              'MESSAGE',
              { subscription: sub, 'message-id': `m-${++n}`, destination: h.destination, ack: `a-${n}` },
              body.replace(/\0$/, ''),
            );
          if (h.receipt) frame('RECEIPT', { 'receipt-id': h.receipt });
          if (h.destination === '/no') {
            frame('ERROR', { message: 'not yours' }, 'no such place');
            s.close();
          }
        });
      });
      echo.installHandlers(server, { prefix: '/stomp' });
      server.listen(port, '0.0.0.0');
    },
    async client() {
      globalThis.WebSocket = WS().WebSocket;
      const SockJS = require('sockjs-client'),
        { Client } = require('@stomp/stompjs'),
        c = new Client({
          webSocketFactory: () => new SockJS(`http://${host}:${port}/stomp`, null, { transports: ['websocket'] }),
          heartbeatIncoming: 0,
          heartbeatOutgoing: 0,
          reconnectDelay: 0,
        });
      c.activate();
      await new Promise(done => {
        c.onConnect = done;
      });
      c.subscribe('/queue/jobs', m => m.ack(), { ack: 'client' });
      c.publish({ destination: '/queue/jobs', body: 'a "quoted"\nline ☃' });
      const t = c.begin();
      c.publish({ destination: '/queue/jobs', body: '{"n":2}', headers: { transaction: t.id } });
      t.commit();
      await new Promise(done => {
        c.watchForReceipt('r-7', done);
        c.publish({ destination: '/queue/jobs', body: '', headers: { receipt: 'r-7' } });
      });
      await pause(400);
      c.publish({ destination: '/no', body: 'x' });
      await pause(250);
      end();
    },
  },
  'jsonrpc-calls': {
    shows: 'JSON-RPC 2.0 without a header: login, calls, notifications, an event, errors',
    how: 'rpc-websockets',
    packages: ['rpc-websockets'],
    server() {
      const { Server } = require('rpc-websockets'),
        s = new Server({ port, host: '0.0.0.0' });
      s.register('sum', p => p.reduce((a, b) => a + b));
      s.register('slow', async () => {
        await pause(80);
        return { done: true };
      });
      s.register('fail', () => {
        throw new Error('engine room on fire');
      });
      s.event('news');
      s.on('connection', () => setTimeout(() => s.emit('news', 'ahoy 🦀', [1]), 300));
    },
    async client() {
      const { Client } = require('rpc-websockets'),
        c = new Client(`ws://${host}:${port}/any?x=1`, { reconnect: false });
      await once(c, 'open');
      const call = async (m, p) => {
        sent('client', 'request', m);
        try {
          say('client', 'result', { name: m, result: await c.call(m, p) });
        } catch (e) {
          say('client', 'error', { name: m, message: e.message });
        }
      };
      await c.subscribe('news');
      c.on('news', (...a) => say('client', 'event', { event: 'news', args: a }));
      await Promise.all([call('slow'), call('sum', [1, 2, 3])]);
      await call('fail', { a: 1 });
      await call('nothing');
      sent('client', 'notification', 'sum');
      c.notify('sum', [1]);
      await pause(350);
      c.close();
      await pause(50);
      end();
    },
  },
  'mcp-js': {
    shows:
      'MCP over WebSocket as the TypeScript SDK speaks it: tools, a resource, progress, a call of the client by the server',
    how: '@modelcontextprotocol/sdk; its transport at the server by hand',
    packages: ['@modelcontextprotocol/sdk'],
    async server() {
      const { McpServer } = await load('@modelcontextprotocol/sdk/server/mcp.js'),
        { z } = await load('zod');
      new (WS().WebSocketServer)({ port, host: '0.0.0.0', handleProtocols: () => 'mcp', perMessageDeflate: false }).on(
        'connection',
        async s => {
          const m = new McpServer({ name: 'harbour', version: '1' });
          m.registerTool('count', { inputSchema: { to: z.number() } }, async ({ to }, x) => {
            for (let i = 1; i <= to; i++)
              await x.sendNotification({
                method: 'notifications/progress',
                params: { progressToken: x._meta?.progressToken ?? 0, progress: i, total: to },
              });
            const roots = await m.server.listRoots();
            return { content: [{ type: 'text', text: `${to} ${roots.roots.length}` }] };
          });
          m.registerResource('log', 'harbour://log', {}, async uri => ({
            contents: [{ uri: uri.href, text: 'ahoy 🦀' }],
          }));
          const t = {
            start: async () => {},
            close: async () => s.close(),
            send: async msg => {
              sent(
                'server',
                msg.method ? (msg.id === undefined ? 'notification' : 'request') : msg.error ? 'error' : 'result',
                msg.method ?? '',
                { id: msg.id },
              );
              s.send(JSON.stringify(msg));
            },
          };
          s.on('message', d => t.onmessage?.(JSON.parse(d)));
          await m.connect(t);
        },
      );
    },
    async client() {
      globalThis.WebSocket = WS().WebSocket;
      const { Client } = await load('@modelcontextprotocol/sdk/client/index.js'),
        { WebSocketClientTransport } = await load('@modelcontextprotocol/sdk/client/websocket.js'),
        { ListRootsRequestSchema } = await load('@modelcontextprotocol/sdk/types.js'),
        c = new Client({ name: 'lab', version: '1' }, { capabilities: { roots: {} } }),
        t = new WebSocketClientTransport(new URL(`ws://${host}:${port}/mcp`)),
        send = t.send.bind(t);
      t.send = msg => {
        sent(
          'client',
          msg.method ? (msg.id === undefined ? 'notification' : 'request') : msg.error ? 'error' : 'result',
          msg.method ?? '',
          { id: msg.id },
        );
        return send(msg);
      };
      c.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///lab' }] }));
      await c.connect(t);
      await c.listTools();
      await c.callTool({ name: 'count', arguments: { to: 2 } }, undefined, { onprogress() {} });
      await c.readResource({ uri: 'harbour://log' });
      await c.callTool({ name: 'none', arguments: {} }).catch(() => {});
      await c.ping();
      await c.close();
      await pause(50);
      end();
    },
  },
  trpc: {
    shows: 'tRPC: a query, a mutation, a batch of them, an error, a subscription that ends and one that is stopped',
    how: '@trpc/server, @trpc/client',
    packages: ['@trpc/server', '@trpc/client'],
    async server() {
      const { initTRPC, TRPCError } = await load('@trpc/server'),
        { applyWSSHandler } = await load('@trpc/server/adapters/ws'),
        t = initTRPC.create({ isDev: false }),
        raw = v => v,
        got = name => sent('client', 'call', name);
      const router = t.router({
        ships: t.procedure.query(() => {
          got('ships');
          return ['Aurora'];
        }),
        dock: t.procedure.input(raw).mutation(({ input }) => {
          got('dock');
          return input;
        }),
        fail: t.procedure.query(() => {
          got('fail');
          throw new TRPCError({ code: 'FORBIDDEN', message: 'not yours' });
        }),
        inner: t.router({
          ticks: t.procedure.input(raw).subscription(async function* ({ input }) {
            got('inner.ticks');
            for (let i = 0; i < input; i++) {
              await pause(15);
              yield i;
            }
          }),
        }),
      });
      applyWSSHandler({
        wss: new (WS().WebSocketServer)({ port, host: '0.0.0.0', perMessageDeflate: false }),
        router,
        keepAlive: { enabled: true, pingMs: 120, pongWaitMs: 500 },
      });
    },
    async client() {
      const { createTRPCClient, createWSClient, wsLink } = await load('@trpc/client');
      globalThis.WebSocket = WS().WebSocket;
      const w = createWSClient({ url: `ws://${host}:${port}/` }),
        c = createTRPCClient({ links: [wsLink({ client: w })] });
      await c.ships.query();
      await Promise.all([c.ships.query(), c.dock.mutate({ name: 'Борей 🦀' })]);
      await c.fail.query().catch(e => say('client', 'error', { message: e.message }));
      await new Promise(done => c.inner.ticks.subscribe(3, { onComplete: done }));
      const s = c.inner.ticks.subscribe(1000, {
        onData: d => {
          if (d === 1) s.unsubscribe();
        },
      });
      await pause(250);
      w.close();
      await pause(50);
      end();
    },
  },
  'ocpp-201': {
    shows: 'OCPP-J 2.0.1: calls both ways, a CALLERROR with details, a call whose answer comes late',
    how: 'ocpp-rpc',
    packages: ['ocpp-rpc'],
    async server() {
      const { RPCServer, createRPCError } = require('ocpp-rpc'),
        s = new RPCServer({ protocols: ['ocpp2.0.1', 'ocpp1.6'], pingIntervalMs: 0 });
      s.auth(accept => accept({}));
      s.on('client', c => {
        c.handle('BootNotification', ({ params }) => {
          sent('client', 'CALL', 'BootNotification');
          return { currentTime: '2026-11-27T00:00:00Z', interval: 30, status: 'Accepted' };
        });
        c.handle('TransactionEvent', async () => {
          sent('client', 'CALL', 'TransactionEvent');
          sent('server', 'CALL', 'GetVariables');
          await c.call('GetVariables', { getVariableData: [] });
          return {};
        });
        c.handle('DataTransfer', () => {
          sent('client', 'CALL', 'DataTransfer');
          throw createRPCError('SecurityError', 'not yours', { tried: 1 });
        });
      });
      await s.listen(port, '0.0.0.0');
    },
    async client() {
      const { RPCClient } = require('ocpp-rpc'),
        c = new RPCClient({
          endpoint: `ws://${host}:${port}/ocpp`,
          identity: 'CS 1',
          protocols: ['ocpp2.0.1'],
          pingIntervalMs: 0,
          reconnect: false,
        });
      c.handle('GetVariables', async () => {
        await pause(30);
        return { getVariableResult: [] };
      });
      await c.connect();
      await c.call('BootNotification', { reason: 'PowerUp', chargingStation: { model: 'K', vendorName: 'Ö' } });
      await c.call('TransactionEvent', { eventType: 'Started' });
      await c.call('DataTransfer', {}).catch(e => say('client', 'error', { code: e.rpcErrorCode, message: e.message }));
      await c.close();
      end();
    },
  },
  'phoenix-1': {
    shows: 'Phoenix channels, serializer V1: objects instead of arrays',
    how: 'phoenix; server written by hand',
    packages: ['phoenix'],
    server() {
      handmade(s =>
        s.on('message', d => {
          const { topic, event, payload, ref } = JSON.parse(d);
          sent('client', topic, event, { id: ref });
          const send = (topic, event, payload, ref = null) => {
            sent('server', topic, event, { id: ref });
            s.send(JSON.stringify({ topic, event, payload, ref }));
          };
          send(
            topic,
            'phx_reply',
            event === 'no' ? { status: 'error', response: { reason: 'not yours' } } : { status: 'ok', response: {} },
            ref,
          );
          if (event === 'shout') send(topic, 'shout', payload);
        }),
      );
    },
    async client() {
      const { Socket } = require('phoenix'),
        s = new Socket(`ws://${host}:${port}/live`, {
          transport: WS().WebSocket,
          vsn: '1.0.0',
          heartbeatIntervalMs: 150,
          encode: (m, done) => {
            const { join_ref, ...rest } = m;
            done(JSON.stringify(rest));
          },
          decode: (raw, done) => done(JSON.parse(raw)),
        });
      s.connect();
      const c = s.channel('lv:1', {}),
        wait = p => new Promise(done => p.receive('ok', done).receive('error', done));
      await wait(c.join());
      await wait(c.push('shout', { a: 1 }));
      await wait(c.push('no', {}));
      await pause(350);
      s.disconnect();
      await pause(80);
      end();
    },
  },
  hocuspocus: {
    shows: 'Hocuspocus: authentication, synchronisation of two documents over one WebSocket, awareness, a refused one',
    how: '@hocuspocus/server, @hocuspocus/provider',
    packages: ['@hocuspocus/server', '@hocuspocus/provider', 'yjs'],
    async server() {
      const { Server } = await load('@hocuspocus/server');
      await new Server({
        port,
        address: '0.0.0.0',
        quiet: true,
        debounce: 50,
        async onAuthenticate({ token, documentName }) {
          say('server', 'auth', { documentName, token });
          if (documentName === 'closed') throw new Error('not yours');
        },
      }).listen();
    },
    async client() {
      globalThis.WebSocket = WS().WebSocket;
      const { HocuspocusProvider, HocuspocusProviderWebsocket } = require('@hocuspocus/provider'),
        Y = require('yjs'),
        socket = new HocuspocusProviderWebsocket({
          url: `ws://${host}:${port}/collab`,
          WebSocketPolyfill: WS().WebSocket,
        });
      const open = name => {
        const document = new Y.Doc(),
          p = new HocuspocusProvider({ websocketProvider: socket, name, document, token: 'made-up' });
        p.attach?.();
        return [document, p];
      };
      const [a, pa] = open('report'),
        [b, pb] = open('plan 2');
      await Promise.all([pa, pb].map(p => new Promise(done => p.on('synced', done))));
      a.getText('t').insert(0, 'ahoy 🦀');
      b.getMap('m').set('k', 1);
      pa.setAwarenessField('user', { name: 'crane' });
      const [, pc] = open('closed');
      await new Promise(done =>
        pc.on('authenticationFailed', ({ reason }) => {
          say('client', 'refused', { reason });
          done();
        }),
      );
      await pause(150);
      pa.destroy();
      pb.destroy();
      await pause(80);
      socket.destroy();
      await pause(80);
      end();
    },
  },
  centrifuge: {
    shows: 'Centrifugo as centrifuge-js speaks it: connect, subscribe, publish, an RPC, a push, an error, pings of {}',
    how: 'centrifuge; server written by hand',
    packages: ['centrifuge'],
    server() {
      handmade(s => {
        const send = (...m) => {
          for (const x of m) sent('server', x.push ? 'push' : 'reply', x.push?.channel ?? '', { id: x.id });
          s.send(m.map(x => JSON.stringify(x)).join('\n'));
        };
        const t = setInterval(() => s.send('{}'), 150);
        s.on('close', () => clearInterval(t));
        s.on('message', d => {
          for (const line of String(d).split('\n')) {
            const m = JSON.parse(line),
              kind = Object.keys(m).find(k => k !== 'id');
            if (!kind) continue;
            sent('client', kind, m[kind].channel ?? m[kind].method ?? '', { id: m.id });
            if (kind === 'connect') send({ id: m.id, connect: { client: 'c1', version: '6', ping: 1, pong: true } });
            else if (kind === 'subscribe')
              send({
                id: m.id,
                ...(m.subscribe.channel === 'closed'
                  ? { error: { code: 103, message: 'permission denied' } }
                  : { subscribe: {} }),
              });
            else if (kind === 'publish')
              send({ id: m.id, publish: {} }, { push: { channel: m.publish.channel, pub: { data: m.publish.data } } });
            else send({ id: m.id, [kind]: { data: 42 } });
          }
        });
      });
    },
    async client() {
      const { Centrifuge } = require('centrifuge'),
        c = new Centrifuge(`ws://${host}:${port}/connection/websocket`, {
          websocket: WS().WebSocket,
          token: 'made-up',
        });
      c.on('error', () => {});
      c.connect();
      const s = c.newSubscription('news'),
        no = c.newSubscription('closed');
      no.on('error', () => {});
      s.subscribe();
      no.subscribe();
      await once(s, 'subscribed');
      await s.publish({ text: 'ahoy 🦀' });
      await c.rpc('add', { a: 1 });
      await pause(350);
      c.disconnect();
      await pause(80);
      end();
    },
  },
  sip: {
    shows: 'SIP over WebSocket (RFC 7118): REGISTER with its challenge, OPTIONS of the server, MESSAGE',
    how: 'JsSIP; server written by hand',
    packages: ['jssip'],
    server() {
      handmade(
        s =>
          s.on('message', d => {
            const text = String(d);
            if (!text.trim()) return;
            const [first, ...lines] = text.split('\r\n'),
              h = n =>
                lines
                  .filter(l => l.toLowerCase().startsWith(n.toLowerCase() + ':'))
                  .map(l => l.slice(n.length + 1).trim());
            if (first.startsWith('SIP/2.0'))
              return sent('client', first.split(' ')[1], h('CSeq')[0].split(' ')[1], { id: h('Call-ID')[0] });
            const method = first.split(' ')[0];
            sent('client', method, method, { id: h('Call-ID')[0] });
            const answer = (code, words, extra = '') => {
              sent('server', String(code), method, { id: h('Call-ID')[0] });
              s.send(
                `SIP/2.0 ${code} ${words}\r\n${h('Via')
                  .map(v => `Via: ${v}\r\n`)
                  .join(
                    '',
                  )}From: ${h('From')[0]}\r\nTo: ${h('To')[0]};tag=t1\r\nCall-ID: ${h('Call-ID')[0]}\r\nCSeq: ${h('CSeq')[0]}\r\n${extra}Content-Length: 0\r\n\r\n`,
              );
            };
            if (method === 'REGISTER' && !h('Authorization').length)
              answer(401, 'Unauthorized', 'WWW-Authenticate: Digest realm="lab", nonce="n1"\r\n');
            else {
              answer(200, 'OK', method === 'REGISTER' ? `Contact: ${h('Contact')[0]};expires=60\r\n` : '');
              if (method === 'REGISTER') {
                sent('server', 'OPTIONS', 'OPTIONS', { id: 'o1@lab' });
                s.send(
                  'OPTIONS sip:crane@lab.test SIP/2.0\r\nVia: SIP/2.0/WS 10.77.0.1;branch=z9hG4bKo1\r\nFrom: <sip:lab.test>;tag=s1\r\nTo: <sip:crane@lab.test>\r\nCall-ID: o1@lab\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n',
                );
              }
            }
          }),
        () => 'sip',
      );
    },
    async client() {
      globalThis.WebSocket = WS().WebSocket;
      globalThis.window ??= globalThis;
      const J = require('jssip');
      J.debug.disable();
      const s = new J.WebSocketInterface(`ws://${host}:${port}`),
        u = new J.UA({ sockets: [s], uri: 'sip:crane@lab.test', password: 'made-up', register_expires: 60 });
      u.on('registrationFailed', e => say('client', 'failed', { cause: e.cause }));
      u.start();
      await once(u, 'registered');
      await pause(60);
      u.sendMessage('sip:desk@lab.test', 'ahoy 🦀');
      await pause(150);
      u.stop();
      await pause(250);
      end();
    },
  },
  'nostr-relay': {
    shows: 'nostr: AUTH, REQ with two filters, COUNT, CLOSED with a reason, a duplicate',
    how: 'both written by hand, events of nostr-tools',
    packages: ['nostr-tools'],
    server() {
      const seen = new Set();
      handmade(s => {
        const send = (...m) => {
          sent('server', m[0], '', m[0] === 'AUTH' ? {} : { id: m[1] });
          s.send(JSON.stringify(m));
        };
        send('AUTH', 'challenge-1');
        s.on('message', d => {
          const [kind, a, b] = JSON.parse(d);
          sent('client', kind, '', { id: typeof a === 'string' ? a : a.id });
          if (kind === 'AUTH') send('OK', a.id, true, '');
          if (kind === 'EVENT') {
            send('OK', a.id, true, seen.has(a.id) ? 'duplicate: have it' : '');
            seen.add(a.id);
          }
          if (kind === 'REQ') {
            if (b.kinds?.includes(4)) send('CLOSED', a, 'auth-required: not yours');
            else send('EOSE', a);
          }
          if (kind === 'COUNT') send('COUNT', a, { count: 3 });
        });
      });
    },
    async client() {
      const { finalizeEvent } = require('nostr-tools/pure'),
        key = new Uint8Array(32).fill(9),
        s = ws('/'),
        e = t => finalizeEvent({ created_at: 1700000000, tags: [], content: '', ...t }, key);
      await once(s, 'open');
      const send = async (...m) => {
        s.send(JSON.stringify(m));
        await pause(20);
      };
      await pause(30);
      await send('AUTH', e({ kind: 22242 }));
      const note = e({ kind: 1, content: 'ahoy 🦀' });
      await send('EVENT', note);
      await send('EVENT', note);
      await send('REQ', 's1', { kinds: [1] }, { authors: ['x'] });
      await send('REQ', 's2', { kinds: [4] });
      await send('COUNT', 'c1', { kinds: [1] });
      await send('CLOSE', 's1');
      s.close(1000);
      await pause(100);
      end();
    },
  },
  'tunnel-ssh': {
    shows: 'bytes of an SSH server through a WebSocket, as websockify does it',
    how: 'both written by hand',
    packages: ['ws'],
    server() {
      handmade(
        s => {
          s.send(Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'));
          s.on('message', () => s.send(Buffer.alloc(40, 1)));
        },
        () => 'binary',
      );
    },
    async client() {
      const s = new (WS().WebSocket)(`ws://${host}:${port}/`, 'binary');
      await once(s, 'message');
      s.send(Buffer.from('SSH-2.0-PuTTY_0.78\r\n'));
      await once(s, 'message');
      s.close(1000);
      await pause(80);
      end();
    },
  },
};

await main(all);
