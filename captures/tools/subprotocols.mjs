// Dialogues of libraries that speak something over WebSocket; both ends write down what they sent and got, in the words of their interface.
//
// node subprotocols.mjs server PORT NAME
// node subprotocols.mjs client HOST PORT NAME
// node subprotocols.mjs list
// Where no library has a server, the other end is written here, after the protocol's own documentation, and said to be.
import http from 'node:http'; import zlib from 'node:zlib';
import { WS, end, handmade, host, json, load, main, once, pause, port, require, say, ws } from './ends.mjs';

const socketio = (serverName, clientName, options = {}, clientOptions = {}) => ({
  server() {
    const httpServer = http.createServer(), Server = require(serverName).Server ?? require(serverName), io = new Server(httpServer, options());
    io.on('connection', s => {
      say('server', 'connection', { sid: s.id, nsp: s.nsp.name }); s.emit('welcome', { motd: 'ahoy' });
      s.on('chat', (text, ack) => { say('server', 'got event', { event: 'chat', args: [text] }); io.emit('chat', { from: 'server', text }); say('server', 'emit', { event: 'chat', args: [{ from: 'server', text }] }); if (ack) { ack({ ok: true, length: text.length }); say('server', 'ack', { args: [{ ok: true, length: text.length }] }); } });
      s.on('blob', b => { say('server', 'got event', { event: 'blob', args: [b] }); s.emit('blob', Buffer.from(b).reverse(), { note: 'reversed' }); say('server', 'emit', { event: 'blob', args: [Buffer.from(b).reverse(), { note: 'reversed' }] }); });
      s.on('disconnect', reason => say('server', 'disconnect', { reason }));
    });
    io.of('/admin').on('connection', s => { say('server', 'connection', { sid: s.id, nsp: '/admin' }); s.on('reload', ack => { say('server', 'got event', { event: 'reload', args: [] }); ack('reloaded'); }); });
    httpServer.listen(port, '0.0.0.0');
  },
  async client() {
    const io = require(clientName).io ?? require(clientName), s = io(`http://${host}:${port}`, { ...clientOptions(), forceNew: true });
    for (const event of ['welcome', 'chat', 'blob']) s.on(event, (...args) => say('client', 'got event', { event, args }));
    await once(s, 'connect'); say('client', 'connected', { sid: s.id });
    const engine = s.io.engine; if (engine.transport.name !== 'websocket') { await once(engine, 'upgrade'); say('client', 'upgraded'); }
    say('client', 'emit', { event: 'chat', args: ['hello everybody 🦀'], wantsAck: true });
    await new Promise(done => s.emit('chat', 'hello everybody 🦀', a => { say('client', 'got ack', { args: [a] }); done(); }));
    say('client', 'emit', { event: 'blob', args: [Buffer.from([1, 2, 3, 255])] }); const heard = once(s, 'blob'); s.emit('blob', Buffer.from([1, 2, 3, 255])); await heard;
    const admin = s.io.socket('/admin'); admin.connect(); await once(admin, 'connect'); say('client', 'connected', { sid: admin.id, nsp: '/admin' });
    await new Promise(done => admin.emit('reload', a => { say('client', 'got ack', { args: [a], nsp: '/admin' }); done(); }));
    await pause(350); admin.disconnect(); s.disconnect(); end();
  },
});
const mqtt = (protocolVersion, server) => ({
  server,
  async client() {
    const c = require('mqtt').connect(`ws://${host}:${port}/mqtt`, { protocolVersion, clientId: 'crane-7', username: 'lab', password: 'made-up', keepalive: 2, reconnectPeriod: 0, ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60, userProperties: { site: 'harbour' } } } : {}) });
    c.on('message', (topic, payload, p) => say('client', 'got publish', { topic, payload, qos: p.qos, retain: p.retain, properties: p.properties }));
    const [ack] = await once(c, 'connect'); say('client', 'connack', { reasonCode: ack.reasonCode ?? ack.returnCode, sessionPresent: ack.sessionPresent });
    const sub = (topic, o) => new Promise(done => c.subscribe(topic, o, (_, granted) => { say('client', 'suback', { granted: granted?.map(g => [g.topic, g.qos]) }); done(); }));
    const pub = (topic, payload, o = {}) => new Promise(done => { say('client', 'publish', { topic, payload, ...o }); c.publish(topic, payload, o, done); });
    await sub('harbour/+/state', { qos: 1 }); await sub('harbour/alarm', { qos: 2 });
    await pub('harbour/crane-7/state', '{"load":12.5,"unit":"t"}', { qos: 0 }); await pub('harbour/crane-7/state', '{"load":13.0}', { qos: 1, ...(protocolVersion === 5 ? { properties: { contentType: 'application/json', messageExpiryInterval: 30, correlationData: Buffer.from('c1'), responseTopic: 'harbour/reply' } } : {}) });
    await pub('harbour/alarm', Buffer.from([0, 1, 2, 254, 255]), { qos: 2 }); await pub('harbour/crane-7/state', 'kept', { qos: 1, retain: true });
    await pause(1400); await new Promise(done => c.unsubscribe('harbour/alarm', done)); say('client', 'unsuback'); await pause(900); c.end(false, {}, end);
  },
});
const signalr = binary => ({
  server() { // written here, with the client package's own encoders; no .NET
    const { JsonHubProtocol, NullLogger, MessageType } = require('@microsoft/signalr'), { MessagePackHubProtocol } = require('@microsoft/signalr-protocol-msgpack');
    const protocol = binary ? new MessagePackHubProtocol() : new JsonHubProtocol();
    handmade(socket => {
      let shaken = false;
      const send = msg => { say('server', 'send', { msg }); socket.send(protocol.writeMessage(msg)); };
      socket.on('message', (d, isBinary) => {
        if (!shaken) { shaken = true; say('server', 'handshake', { text: d.toString().slice(0, -1) }); return socket.send('{}\x1e'); }
        for (const msg of protocol.parseMessages(isBinary ? d.buffer.slice(d.byteOffset, d.byteOffset + d.length) : d.toString(), NullLogger.instance)) {
          say('server', 'got', { msg });
          if (msg.type === MessageType.Ping) send({ type: MessageType.Ping });
          if (msg.type === MessageType.Invocation && msg.target === 'Send') { send({ type: MessageType.Invocation, target: 'Receive', arguments: msg.arguments, headers: {}, streamIds: [] }); if (msg.invocationId) send({ type: MessageType.Completion, invocationId: msg.invocationId, result: 'sent', headers: {} }); }
          if (msg.type === MessageType.Invocation && msg.target === 'Fail') send({ type: MessageType.Completion, invocationId: msg.invocationId, error: 'no such room', headers: {} });
          if (msg.type === MessageType.StreamInvocation) { for (const item of [1, 2, 3]) send({ type: MessageType.StreamItem, invocationId: msg.invocationId, item, headers: {} }); send({ type: MessageType.Completion, invocationId: msg.invocationId, headers: {} }); }
        }
      });
    });
  },
  async client() {
    const { HubConnectionBuilder, HttpTransportType, LogLevel } = require('@microsoft/signalr'), { MessagePackHubProtocol } = require('@microsoft/signalr-protocol-msgpack');
    let b = new HubConnectionBuilder().withUrl(`http://${host}:${port}/hub`, { skipNegotiation: true, transport: HttpTransportType.WebSockets }).configureLogging(LogLevel.None); if (binary) b = b.withHubProtocol(new MessagePackHubProtocol());
    const c = b.build(); c.keepAliveIntervalInMilliseconds = 300; c.on('Receive', (...args) => say('client', 'got', { target: 'Receive', args }));
    await c.start(); say('client', 'started');
    say('client', 'invoke', { target: 'Send', args: ['lobby', 'ahoy 🦀', 3] }); say('client', 'result', { result: await c.invoke('Send', 'lobby', 'ahoy 🦀', 3) });
    say('client', 'send', { target: 'Send', args: ['lobby', 'no answer wanted', null] }); await c.send('Send', 'lobby', 'no answer wanted', null);
    await c.invoke('Fail').catch(e => say('client', 'error', { target: 'Fail', error: e.message }));
    await new Promise(done => c.stream('Count', 3).subscribe({ next: item => say('client', 'item', { item }), complete: done, error: done })); say('client', 'complete');
    await pause(700); await c.stop(); end();
  },
});
const schema = () => {
  const { buildSchema } = require('graphql');
  const s = buildSchema('type Ship { name: String! } type Query { ships: [Ship!]! fail: String } type Mutation { dock(name: String!): Ship } type Subscription { arrivals(n: Int): Ship }');
  return { s, root: { ships: [{ name: 'Aurora' }, { name: 'Борей' }], fail() { throw new Error('engine room on fire'); }, dock: ({ name }) => ({ name }), async *arrivals({ n }) { for (let i = 1; i <= n; i++) yield { arrivals: { name: `ship ${i}` } }; } } };
};

const all = {
  'socketio-4': { shows: 'socket.io 4: long polling, then the upgrade; events, acknowledgements, binary, a second namespace, heartbeats', how: 'socket.io 4, socket.io-client 4', packages: ['socket.io', 'socket.io-client'], ...socketio('socket.io', 'socket.io-client', () => ({ pingInterval: 200, pingTimeout: 400 }), () => ({})) },
  'socketio-4-msgpack': { shows: 'socket.io 4 with its msgpack parser, WebSocket from the start', how: 'socket.io 4, socket.io-client 4, socket.io-msgpack-parser', packages: ['socket.io', 'socket.io-client', 'socket.io-msgpack-parser'],
    ...socketio('socket.io', 'socket.io-client', () => ({ parser: require('socket.io-msgpack-parser') }), () => ({ parser: require('socket.io-msgpack-parser'), transports: ['websocket'] })) },
  'socketio-2': { shows: 'socket.io 2 (Engine.IO 3): long polling, then the upgrade; the client pings', how: 'socket.io 2, socket.io-client 2', packages: ['sio2', 'sioc2'], ...socketio('sio2', 'sioc2', () => ({ pingInterval: 200, pingTimeout: 400 }), () => ({})) },
  'mqtt-311': { shows: 'MQTT 3.1.1: QoS 0 to 2, retained, keep-alive', how: 'aedes, mqtt.js', packages: ['aedes', 'mqtt'], ...mqtt(4, async () => {
    const { Aedes } = require('aedes'), broker = await Aedes.createBroker(), { WebSocketServer, createWebSocketStream } = WS();
    new WebSocketServer({ port, host: '0.0.0.0', handleProtocols: offered => offered.has('mqtt') && 'mqtt' }).on('connection', (s, q) => { say('server', 'ws', { url: q.url }); broker.handle(createWebSocketStream(s), q); });
    broker.on('publish', (p, c) => c && say('broker', 'publish', { client: c.id, topic: p.topic, payload: p.payload, qos: p.qos, retain: p.retain })); broker.on('subscribe', (subscriptions, c) => say('broker', 'subscribe', { client: c.id, subscriptions }));
  }) },
  'mqtt-5': { shows: 'MQTT 5: properties, QoS 0 to 2, retained, keep-alive', how: 'Mosquitto, mqtt.js', packages: ['mqtt'], ...mqtt(5, null) },
  'signalr-json': { shows: 'SignalR, JSON: invocations, an error, a stream, pings', how: '@microsoft/signalr; hub written by hand', packages: ['@microsoft/signalr'], ...signalr(false) },
  'signalr-msgpack': { shows: 'SignalR, MessagePack: the same', how: '@microsoft/signalr; hub written by hand', packages: ['@microsoft/signalr', '@microsoft/signalr-protocol-msgpack'], ...signalr(true) },
  'graphql-transport-ws': { shows: 'graphql-transport-ws: query, mutation, subscription, an error, ping and pong', how: 'graphql-ws', packages: ['graphql-ws', 'graphql'],
    async server() {
      const { useServer } = await load('graphql-ws/use/ws'), { s, root } = schema(), wss = new (WS().WebSocketServer)({ port, host: '0.0.0.0', handleProtocols: () => 'graphql-transport-ws' });
      useServer({ schema: s, roots: { query: root, mutation: root, subscription: root }, onConnect: c => { say('server', 'connection_init', { payload: c.connectionParams }); return true; }, onSubscribe: (_, id, payload) => say('server', 'subscribe', { id, payload }), onNext: (_, id, __, args, result) => say('server', 'next', { id, result }), onError: (_, id, __, errors) => say('server', 'error', { id, errors }), onComplete: (_, id) => say('server', 'complete', { id }) }, wss, 400);
    },
    async client() {
      const { createClient } = require('graphql-ws'), c = createClient({ url: `ws://${host}:${port}/graphql`, webSocketImpl: WS().WebSocket, keepAlive: 200, connectionParams: { token: 'made-up' }, retryAttempts: 0, lazyCloseTimeout: 400 });
      const run = (query, operationName, variables) => new Promise(done => { say('client', 'subscribe', { operationName, query, variables }); c.subscribe({ query, operationName, variables }, { next: result => say('client', 'next', { operationName, result }), error: errors => { say('client', 'error', { operationName, errors }); done(); }, complete: () => { say('client', 'complete', { operationName }); done(); } }); });
      await run('query Ships { ships { name } }', 'Ships'); await run('mutation Dock($name: String!) { dock(name: $name) { name } }', 'Dock', { name: 'Aurora 🦀' });
      await run('subscription Arrivals { arrivals(n: 3) { name } }', 'Arrivals'); await run('query Fail { fail }', 'Fail'); await run('query Wrong { nothing }', 'Wrong'); await pause(300); await c.dispose(); end();
    } },
  'graphql-ws-legacy': { shows: 'graphql-ws as subscriptions-transport-ws speaks it: start, data, complete, stop, ka', how: 'subscriptions-transport-ws', packages: ['subscriptions-transport-ws', 'graphql'],
    server() {
      const { SubscriptionServer } = require('subscriptions-transport-ws'), { execute, subscribe } = require('graphql'), { s, root } = schema(), server = http.createServer().listen(port, '0.0.0.0');
      SubscriptionServer.create({ schema: s, rootValue: root, execute, subscribe, keepAlive: 300, onConnect: payload => { say('server', 'connection_init', { payload }); return {}; }, onOperation: (message, params) => { say('server', 'start', { id: message.id, payload: message.payload }); return params; }, onOperationComplete: (_, id) => say('server', 'complete', { id }) }, { server, path: '/graphql' });
    },
    async client() {
      const { SubscriptionClient } = require('subscriptions-transport-ws'), c = new SubscriptionClient(`ws://${host}:${port}/graphql`, { connectionParams: { token: 'made-up' } }, WS().WebSocket);
      const run = (query, operationName) => new Promise(done => { say('client', 'start', { operationName, query }); c.request({ query, operationName }).subscribe({ next: data => say('client', 'data', { operationName, data }), error: e => { say('client', 'error', { operationName, e }); done(); }, complete: () => { say('client', 'complete', { operationName }); done(); } }); });
      await run('query Ships { ships { name } }', 'Ships'); await run('subscription Arrivals { arrivals(n: 2) { name } }', 'Arrivals'); await run('query Fail { fail }', 'Fail'); await pause(400); c.close(); end();
    } },
  'jsonrpc-lsp': { shows: 'JSON-RPC 2.0 as a language server speaks it: requests both ways, notifications, an error, a cancellation', how: 'vscode-ws-jsonrpc', packages: ['vscode-ws-jsonrpc', 'vscode-jsonrpc'],
    async server() {
      const rpc = await load('vscode-ws-jsonrpc');
      handmade(s => {
        const socket = { send: x => s.send(x), onMessage: f => s.on('message', d => f(d.toString())), onError: f => s.on('error', f), onClose: f => s.on('close', f), dispose: () => s.close() };
        const c = rpc.createWebSocketConnection(socket, { error() {}, warn() {}, info() {}, log() {} });
        const on = (method, f) => c.onRequest(method, async (params, token) => { say('server', 'request', { method, params }); return f(params, token); });
        on('initialize', () => ({ capabilities: { hoverProvider: true, textDocumentSync: 1 } })); on('textDocument/hover', () => ({ contents: '`fn main()` 🦀' }));
        on('textDocument/definition', () => { throw new (require('vscode-jsonrpc/node').ResponseError)(-32803, 'nothing found'); });
        on('workspace/symbol', (_, token) => new Promise((done, fail) => token.onCancellationRequested(() => { say('server', 'cancelled', { method: 'workspace/symbol' }); fail(new Error('cancelled')); }))); on('shutdown', () => null);
        c.onNotification('textDocument/didOpen', params => { say('server', 'notification', { method: 'textDocument/didOpen', params }); const d = { uri: params.textDocument.uri, diagnostics: [{ message: 'unused variable', severity: 2 }] }; c.sendNotification('textDocument/publishDiagnostics', d); say('server', 'send notification', { method: 'textDocument/publishDiagnostics', params: d }); c.sendRequest('workspace/configuration', { items: [{ section: 'lab' }] }).then(r => say('server', 'result', { method: 'workspace/configuration', r })); });
        c.listen();
      });
    },
    async client() {
      const rpc = await load('vscode-ws-jsonrpc'), { CancellationTokenSource } = require('vscode-jsonrpc/node'), s = ws('/lsp'); await once(s, 'open');
      const socket = { send: x => s.send(x), onMessage: f => s.on('message', d => f(d.toString())), onError: f => s.on('error', f), onClose: f => s.on('close', f), dispose: () => s.close() };
      const c = rpc.createWebSocketConnection(socket, { error() {}, warn() {}, info() {}, log() {} });
      c.onNotification('textDocument/publishDiagnostics', params => say('client', 'notification', { method: 'textDocument/publishDiagnostics', params })); c.onRequest('workspace/configuration', params => { say('client', 'request', { method: 'workspace/configuration', params }); return [{ strict: true }]; }); c.listen();
      const ask = async (method, params, token) => { say('client', 'send request', { method, params }); try { say('client', 'result', { method, r: await c.sendRequest(method, params, token) }); } catch (e) { say('client', 'error', { method, code: e.code, message: e.message }); } };
      await ask('initialize', { processId: null, rootUri: null, capabilities: {} }); c.sendNotification('textDocument/didOpen', { textDocument: { uri: 'file:///lab.rs', languageId: 'rust', version: 1, text: 'fn main() { let x = 1; }' } }); say('client', 'send notification', { method: 'textDocument/didOpen' }); await pause(100);
      await ask('textDocument/hover', { position: { line: 0, character: 3 } }); await ask('textDocument/definition', {}); const source = new CancellationTokenSource(); setTimeout(() => source.cancel(), 60); await ask('workspace/symbol', { query: 'x' }, source.token); await ask('shutdown'); s.close(1000); await pause(100); end();
    } },
  'stomp': { shows: 'STOMP 1.1/1.2: CONNECT, SUBSCRIBE, SEND with receipts, MESSAGE, heart-beats, DISCONNECT', how: 'stomp-broker-js, @stomp/stompjs', packages: ['stomp-broker-js', '@stomp/stompjs'],
    server() { const StompServer = require('stomp-broker-js'), server = http.createServer().listen(port, '0.0.0.0'), s = new StompServer({ server, path: '/stomp', heartbeat: [300, 300], protocol: 'ws' }); s.on('connected', id => say('server', 'connected', { id })); s.on('subscribe', sub => say('server', 'subscribe', { id: sub.id, topic: sub.topic })); s.on('send', m => say('server', 'send', { dest: m.dest, frame: m.frame?.body?.toString?.() })); },
    async client() {
      const { Client } = await load('@stomp/stompjs'); // this broker does not send to whom it came from: one listens, one speaks
      const open = who => new Promise(done => { const c = new Client({ webSocketFactory: () => new (WS().WebSocket)(`ws://${host}:${port}/stomp`, ['v12.stomp', 'v11.stomp']), heartbeatIncoming: 300, heartbeatOutgoing: 300, reconnectDelay: 0 }); c.onConnect = f => { say(who, 'CONNECTED', { headers: f.headers }); done(c); }; c.activate(); });
      const a = await open('c1'), b = await open('c2'), got = new Promise(done => { let n = 0; a.subscribe('/topic/harbour', m => { say('c1', 'MESSAGE', { headers: m.headers, body: m.body }); if (++n === 3) done(); }, { id: 'sub-harbour' }); }); say('c1', 'SUBSCRIBE', { destination: '/topic/harbour', id: 'sub-harbour' }); await pause(100);
      for (const [body, headers] of [['ahoy', {}], ['{"ship":"Aurora"}', { 'content-type': 'application/json' }], ['with: colon\nand line', { 'x-note': 'a:b' }]]) { say('c2', 'SEND', { destination: '/topic/harbour', headers, body }); b.publish({ destination: '/topic/harbour', headers, body }); }
      await Promise.race([got, pause(1500)]); await pause(700); await b.deactivate(); await a.deactivate(); end();
    } },
  'sockjs': { shows: 'SockJS over WebSocket: o, h, a["…"], c[…]', how: 'sockjs, sockjs-client', packages: ['sockjs', 'sockjs-client'],
    server() { const e = require('sockjs').createServer({ heartbeat_delay: 300, log() {} }), server = http.createServer(); e.on('connection', c => { say('server', 'connection', { protocol: c.protocol }); c.on('data', text => { say('server', 'got', { text }); c.write(`echo ${text}`); c.write('and more'); say('server', 'write', { text: `echo ${text}` }); say('server', 'write', { text: 'and more' }); if (text === 'leave') c.close(3000, 'as you wish'); }); c.on('close', () => say('server', 'close')); }); e.installHandlers(server, { prefix: '/echo' }); server.listen(port, '0.0.0.0'); },
    async client() { const S = require('sockjs-client'), s = new S(`http://${host}:${port}/echo`, null, { transports: ['websocket'] }); s.onmessage = m => say('client', 'got', { text: m.data }); await new Promise(done => { s.onopen = done; }); say('client', 'open'); for (const text of ['hello', 'снег "quoted" \\ 🦀']) { say('client', 'send', { text }); s.send(text); await pause(120); } await pause(600); say('client', 'send', { text: 'leave' }); s.send('leave'); await new Promise(done => { s.onclose = e => { say('client', 'close', { code: e.code, reason: e.reason }); done(); }; }); end(); } },
  'wamp-json': { shows: 'WAMP v2, JSON: two sessions, a call, an error, publish and event', how: 'fox-wamp, autobahn-js', packages: ['fox-wamp', 'autobahn'],
    server() { const Router = require('fox-wamp/lib/fox_router'); new (Router.default ?? Router)().listenWAMP({ port }); },
    async client() {
      const autobahn = require('autobahn'), open = who => new Promise(done => { const c = new autobahn.Connection({ url: `ws://${host}:${port}/wamp`, realm: 'harbour', max_retries: 0, protocols: ['wamp.2.json'] }); c.onopen = s => { say(who, 'joined', { id: s.id }); done([c, s]); }; c.open(); });
      const [one, a] = await open('c1'), [two, b] = await open('c2');
      await a.register('harbour.add', (args, kwargs) => { say('c1', 'invocation', { proc: 'harbour.add', args, kwargs }); if (args[0] < 0) throw new autobahn.Error('harbour.error.negative', ['too small'], { got: args[0] }); return args[0] + args[1]; }); await a.subscribe('harbour.ship', (args, kwargs) => say('c1', 'event', { topic: 'harbour.ship', args, kwargs }));
      say('c2', 'call', { proc: 'harbour.add', args: [20, 22] }); say('c2', 'result', { r: await b.call('harbour.add', [20, 22]) }); await b.call('harbour.add', [-1, 1]).catch(e => say('c2', 'error', { error: e.error, args: e.args }));
      say('c2', 'publish', { topic: 'harbour.ship', args: ['Aurora 🦀'] }); await b.publish('harbour.ship', ['Aurora 🦀'], { tons: 12 }, { acknowledge: true }).catch?.(() => {}); await pause(200); two.close('wamp.close.normal', 'bye'); one.close(); await pause(150); end();
    } },
  'phoenix': { shows: 'Phoenix channels, serializer 2.0.0: join, push and reply, broadcast, a binary push, heartbeats, leave', how: 'phoenix.js; server written by hand', packages: ['phoenix'],
    server() {
      handmade(s => s.on('message', (d, isBinary) => {
        if (isBinary) { say('server', 'got binary', { bytes: d }); const [, j, r, t] = d, topic = d.subarray(5 + j + r, 5 + j + r + t), ref = d.subarray(5 + j, 5 + j + r), join = d.subarray(5, 5 + j), status = Buffer.from('ok'); return s.send(Buffer.concat([Buffer.from([1, j, r, t, status.length]), join, ref, topic, status, Buffer.from([9, 8, 7])])); }
        const [join_ref, ref, topic, event, payload] = JSON.parse(d); say('server', 'got', { join_ref, ref, topic, event, payload });
        const send = (...a) => { say('server', 'send', { join_ref: a[0], ref: a[1], topic: a[2], event: a[3], payload: a[4] }); s.send(JSON.stringify(a)); };
        send(join_ref, ref, topic, 'phx_reply', event === 'forbidden' ? { status: 'error', response: { reason: 'not yours' } } : { status: 'ok', response: event === 'phx_join' ? { members: 2 } : {} });
        if (event === 'new_msg') send(null, null, topic, 'new_msg', payload); if (event === 'phx_leave') send(join_ref, ref, topic, 'phx_close', {});
      }));
    },
    async client() {
      const { Socket } = require('phoenix'), s = new Socket(`ws://${host}:${port}/socket`, { transport: WS().WebSocket, params: { token: 'made-up' }, heartbeatIntervalMs: 300, timeout: 2000 }); s.connect();
      const c = s.channel('room:harbour', { as: 'crane' }); c.on('new_msg', payload => say('client', 'event', { event: 'new_msg', payload })); const result = p => new Promise(done => p.receive('ok', r => { say('client', 'ok', { r }); done(); }).receive('error', e => { say('client', 'error', { e }); done(); }));
      await result(c.join()); say('client', 'push', { event: 'new_msg', payload: { body: 'ahoy 🦀' } }); await result(c.push('new_msg', { body: 'ahoy 🦀' })); await result(c.push('forbidden', {})); await result(c.push('file', new Uint8Array([1, 2, 3]).buffer)); await pause(700); await result(c.leave()); s.disconnect(); await pause(100); end();
    } },
  'actioncable': { shows: 'Action Cable: welcome, confirmed and rejected subscriptions, messages, pings', how: '@rails/actioncable; server written by hand', packages: ['@rails/actioncable'],
    server() { handmade(s => { const send = json('server', s, (m, send) => { const channel = JSON.parse(m.identifier).channel; if (m.command === 'subscribe') send({ type: channel === 'SecretChannel' ? 'reject_subscription' : 'confirm_subscription', identifier: m.identifier }); if (m.command === 'message') send({ identifier: m.identifier, message: { echo: JSON.parse(m.data) } }); }); send({ type: 'welcome' }); const t = setInterval(() => send({ type: 'ping', message: Math.floor(Date.now() / 1000) }), 300); s.on('close', () => clearInterval(t)); }, () => 'actioncable-v1-json'); },
    async client() { globalThis.document = { createElement: () => ({}) }; globalThis.addEventListener = globalThis.removeEventListener = () => {}; const cable = require('@rails/actioncable'); cable.adapters.WebSocket = WS().WebSocket; cable.adapters.logger = { log() {} }; const c = cable.createConsumer(`ws://${host}:${port}/cable`); const sub = channel => new Promise(done => { const it = c.subscriptions.create(channel, { connected() { say('client', 'connected', { channel }); done(it); }, rejected() { say('client', 'rejected', { channel }); done(it); }, received(data) { say('client', 'received', { data }); } }); }); const chat = await sub({ channel: 'ChatChannel', room: 'harbour' }); await sub('SecretChannel'); say('client', 'perform', { action: 'speak', data: { text: 'ahoy 🦀' } }); chat.perform('speak', { text: 'ahoy 🦀' }); await pause(700); chat.unsubscribe(); await pause(50); c.disconnect(); await pause(100); end(); } },
  'pusher': { shows: 'Pusher Channels, protocol 7: a public and a presence channel, client events, ping', how: 'pusher-js; server written by hand', packages: ['pusher-js'],
    server() { handmade(s => { const send = json('server', s, (m, send) => { if (m.event === 'pusher:subscribe') { send({ event: 'pusher_internal:subscription_succeeded', channel: m.data.channel, data: '{}' }); send({ event: 'news', channel: m.data.channel, data: JSON.stringify({ text: 'ship ahoy 🦀' }) }); } if (m.event === 'pusher:ping') send({ event: 'pusher:pong', data: '{}' }); }); send({ event: 'pusher:connection_established', data: JSON.stringify({ socket_id: '123.456', activity_timeout: 120 }) }); setTimeout(() => send({ event: 'pusher:error', data: { code: 4301, message: 'too many client events' } }), 200); setTimeout(() => send({ event: 'pusher:ping', data: '{}' }), 400); }); },
    async client() { const P = require('pusher-js'), p = new P('made-up-key', { wsHost: host, wsPort: port, forceTLS: false, enabledTransports: ['ws'], enableStats: false, cluster: 'lab' }); const c = p.subscribe('harbour'); await new Promise(done => c.bind('news', data => { say('client', 'news', { data }); done(); })); p.bind('pusher:error', () => {}); await pause(800); p.disconnect(); await pause(100); end(); } },
  'yjs': { shows: 'y-websocket: sync steps, updates, awareness, two clients of one document', how: 'y-websocket 1, yjs', packages: ['y-websocket', 'yjs'],
    server() { const { setupWSConnection } = require('y-websocket/bin/utils'); handmade((s, q) => setupWSConnection(s, q)); },
    async client() { const Y = require('yjs'), { WebsocketProvider } = require('y-websocket'); const one = who => { const doc = new Y.Doc(), p = new WebsocketProvider(`ws://${host}:${port}`, 'harbour', doc, { WebSocketPolyfill: WS().WebSocket, disableBc: true }); doc.on('update', (u, origin) => say(who, 'update', { bytes: u, local: origin !== p })); p.on('sync', s => say(who, 'synced', { s })); return [doc, p]; }; const [a, pa] = one('c1'); await pause(300); a.getText('log').insert(0, 'ahoy 🦀'); pa.awareness.setLocalStateField('user', { name: 'crane' }); await pause(150); const [b, pb] = one('c2'); await pause(400); b.getText('log').insert(0, 'second: '); b.getMap('m').set('tons', 12); await pause(200); say('client', 'text', { c1: a.getText('log').toString(), c2: b.getText('log').toString() }); pa.destroy(); pb.destroy(); await pause(100); end(); } },
  'nostr': { shows: 'nostr: EVENT and OK, REQ, EOSE, CLOSE, a refused event, NOTICE', how: 'nostr-tools; relay written by hand', packages: ['nostr-tools'],
    server() { const kept = []; handmade(s => { const send = json('server', s, (m, send) => { const [kind, a] = m; if (kind === 'EVENT') { const ok = a.kind !== 9999; if (ok) kept.push(a); send(['OK', a.id, ok, ok ? '' : 'blocked: kind 9999 is not taken here']); } if (kind === 'REQ') { for (const e of kept) send(['EVENT', a, e]); send(['EOSE', a]); } if (kind === 'CLOSE') send(['NOTICE', 'goodbye']); }); }); },
    async client() { const { Relay, useWebSocketImplementation } = require('nostr-tools/relay'), { finalizeEvent } = require('nostr-tools/pure'); useWebSocketImplementation(WS().WebSocket); const key = new Uint8Array(32).fill(7), r = await Relay.connect(`ws://${host}:${port}`); const publish = async t => { const e = finalizeEvent({ created_at: 1700000000, tags: [], ...t }, key); say('client', 'publish', { id: e.id, kind: e.kind, content: e.content }); try { say('client', 'ok', { reason: await r.publish(e) }); } catch (error) { say('client', 'refused', { error: String(error.message ?? error) }); } }; await publish({ kind: 1, content: 'ahoy 🦀' }); await publish({ kind: 9999, content: 'odd' }); await new Promise(done => { const sub = r.subscribe([{ kinds: [1], limit: 5 }], { onevent: e => say('client', 'event', { id: e.id, content: e.content }), oneose: () => { say('client', 'eose'); sub.close(); done(); } }); }); await pause(150); r.close(); await pause(100); end(); } },
  'ddp': { shows: 'Meteor DDP 1: connect, sub, added and changed, ready, method with result and updated, ping', how: 'ddp.js; server written by hand', packages: ['ddp.js'],
    server() { handmade(s => { json('server', s, (m, send) => { if (m.msg === 'connect') { send({ server_id: '0' }); send({ msg: 'connected', session: 'made-up' }); } if (m.msg === 'sub') { send({ msg: 'added', collection: 'ships', id: 'a', fields: { name: 'Aurora' } }); send({ msg: 'ready', subs: [m.id] }); send({ msg: 'changed', collection: 'ships', id: 'a', fields: { tons: 12 } }); } if (m.msg === 'method') { send(m.method === 'fail' ? { msg: 'result', id: m.id, error: { error: 403, reason: 'not yours' } } : { msg: 'result', id: m.id, result: m.params[0] + m.params[1] }); send({ msg: 'updated', methods: [m.id] }); send({ msg: 'ping', id: 'p1' }); } if (m.msg === 'unsub') send({ msg: 'nosub', id: m.id }); }); }); },
    async client() { const D = require('ddp.js'), d = new (D.default ?? D)({ endpoint: `ws://${host}:${port}/websocket`, SocketConstructor: WS().WebSocket }); for (const e of ['connected', 'added', 'changed', 'ready', 'result', 'updated', 'nosub']) d.on(e, msg => say('client', e, { msg })); await once(d, 'connected'); const id = d.sub('ships', ['harbour']); await once(d, 'ready'); d.method('add', [20, 22]); await once(d, 'updated'); d.method('fail', []); await once(d, 'updated'); d.unsub(id); await pause(150); d.disconnect(); await pause(100); end(); } },
  'discord-zlib-stream': { shows: 'a gateway as Discord documents it, compress=zlib-stream: one zlib stream over all messages, one of them in two, heartbeats', how: 'both written by hand', packages: ['ws'],
    server() { handmade(s => { const z = zlib.createDeflate(), out = []; z.on('data', d => out.push(d)); let seq = 0; const send = (msg, parts = 1) => new Promise(done => { z.write(JSON.stringify(msg)); z.flush(zlib.constants.Z_SYNC_FLUSH, () => { const b = Buffer.concat(out.splice(0)); say('server', 'send', { json: msg, wire: b }); for (let i = 0, step = Math.ceil(b.length / parts); i < b.length; i += step) s.send(b.subarray(i, i + step)); done(); }); }); send({ op: 10, d: { heartbeat_interval: 300 }, s: null, t: null }); s.on('message', async d => { const m = JSON.parse(d); say('server', 'got', { json: m }); if (m.op === 1) send({ op: 11, d: null, s: null, t: null }); if (m.op === 2) { await send({ op: 0, t: 'READY', s: ++seq, d: { v: 10, session_id: 'made-up', user: { id: '1', username: 'crane' } } }); await send({ op: 0, t: 'MESSAGE_CREATE', s: ++seq, d: { content: 'ahoy 🦀 '.repeat(20), channel_id: '7' } }, 2); await send({ op: 0, t: 'TYPING_START', s: ++seq, d: { channel_id: '7' } }); } }); }); },
    async client() { const s = ws('/?v=10&encoding=json&compress=zlib-stream'), z = zlib.createInflate(); let text = '', held = []; const got = []; z.on('data', d => { text += d; }); s.on('message', d => { held.push(d); if (d.subarray(-4).toString('hex') !== '0000ffff') return; z.write(Buffer.concat(held.splice(0))); z.flush(() => { const m = JSON.parse(text); text = ''; got.push(m); say('client', 'got', { op: m.op, event: m.t, json: m }); }); }); await once(s, 'open'); const send = m => { say('client', 'send', { json: m }); s.send(JSON.stringify(m)); }; await pause(60); send({ op: 2, d: { token: 'made-up', intents: 513, properties: { os: 'linux' } } }); await pause(150); send({ op: 1, d: 3 }); await pause(200); s.close(1000); await pause(100); end(); } },
  'xmpp': { shows: 'XMPP over WebSocket (RFC 7395): open, SASL, bind, a message to oneself, an iq, close', how: 'Prosody, @xmpp/client', packages: ['@xmpp/client'], server: null,
    async client() { globalThis.WebSocket = WS().WebSocket; const { client, xml } = require('@xmpp/client'), x = client({ service: `ws://${host}:${port}/xmpp-websocket`, domain: 'lab.test', username: 'crane', password: 'made-up', resource: 'deck' }); x.on('error', e => say('client', 'error', { e })); x.on('stanza', s => say('client', 'stanza', { xml: s.toString() })); x.on('send', s => say('client', 'send', { xml: s.toString() })); await x.start(); say('client', 'online', { jid: x.jid?.toString() }); await x.send(xml('presence')); await x.send(xml('message', { to: 'crane@lab.test', type: 'chat', id: 'm1' }, xml('body', {}, 'ahoy 🦀 & <more>'))); const r = await x.iqCaller.request(xml('iq', { type: 'get', to: 'lab.test' }, xml('ping', 'urn:xmpp:ping'))).catch(e => e); say('client', 'iq', { xml: String(r) }); await pause(200); await x.stop(); end(); } },
};

await main(all);
