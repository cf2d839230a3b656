#!/usr/bin/env python3
"""Dialogues as subprotocols.py has them, of other programs; both ends write down each unit with its kind, and its name and id as far as their interface says them.

variants.py server PORT NAME | client HOST PORT NAME | list | versions NAME

Where a line of the log has a kind and who sent it, the log has all units of that kind from that end."""
import asyncio, contextlib, json, logging, os, sys
from ends import connect, forever, say

ALL = {
    "socketio-python": ("python-socketio on uvicorn, its asynchronous client", "Socket.IO from Python: polling and upgrade, acks both ways, attachments, a namespace that is refused", ["python-socketio", "uvicorn"]),
    "mqtt-paho": ("mosquitto, paho-mqtt", "MQTT 5 with whole packets in messages: a will, QoS 0 to 2, a payload of 5000 bytes, properties, a retained message", ["paho-mqtt"]),
    "graphql-gql": ("graphql-ws, gql from Python", "GraphQL over WebSocket by gql: a query, a subscription, a failure, pings", ["gql"]),
    "lsp-pylsp": ("pylsp; client written by hand on websockets", "the Python language server over WebSocket: requests, notifications both ways, an unknown method", ["python-lsp-server"]),
    "wamp-python-msgpack": ("autobahn; the router by hand with its serializers", "WAMP as MessagePack", ["autobahn"]),
    "wamp-python-cbor": ("autobahn; the router by hand with its serializers", "WAMP as CBOR", ["autobahn"]),
    "wamp-python-json-batched": ("autobahn; the router by hand with its serializers", "WAMP as JSON, batched", ["autobahn"]),
    "wamp-python-msgpack-batched": ("autobahn; the router by hand with its serializers", "WAMP as MessagePack, batched", ["autobahn"]),
    "jupyter-json": ("jupyter_server and ipykernel; client written by hand on websockets", "a Jupyter kernel by the JSON protocol: messages with buffers both ways, output, an error", ["jupyter_server", "ipykernel"]),
    "discord-zstd-stream": ("both written by hand, zstandard", "a gateway as Discord's with zstd-stream: one stream, flushed behind each payload", ["zstandard"]),
}


def unit(who, kind, **more):
    say(who, "unit", kind=kind, **more)


async def serve_app(app, port):
    import uvicorn
    await uvicorn.Server(uvicorn.Config(app, host="0.0.0.0", port=port, log_level="critical", lifespan="off", ws_per_message_deflate=False, ws_ping_interval=None)).serve()


async def socketio(role, host, port):
    import socketio

    def event(who, name, *args):
        unit(who, "BINARY_EVENT" if any(isinstance(a, bytes) for a in args) else "EVENT", name=name)
    if role == "server":
        io = socketio.AsyncServer(async_mode="asgi", ping_interval=1, cors_allowed_origins="*")

        async def emit(sid, name, *args, ack=None):
            event("server", name, *args)
            await io.emit(name, args if len(args) != 1 else args[0], to=sid, callback=ack)
        @io.event
        async def connect(sid, environ, auth):
            say("server", "connected", auth=auth)
        @io.event
        async def order(sid, *args):
            say("server", "got", name="order", args=args)
            unit("server", "ACK", of="order")
            await emit(sid, "ordered", args[0], {"n": len(args)})
            return {"ok": True, "text": 'so "be" it 🦀'}
        @io.event
        async def picture(sid, data):
            say("server", "got", name="picture", args=[data])
            await emit(sid, "thumbnail", "picture", data[::-1], bytes(300))
        @io.event
        async def ask(sid):
            await emit(sid, "question", 7, ack=lambda *a: say("server", "got ack", args=a))
        @io.on("connect", namespace="/closed")
        async def closed(sid, environ, auth):
            raise socketio.exceptions.ConnectionRefusedError("not you")
        return await serve_app(socketio.ASGIApp(io), port)

    async def dialogue(transports):
        io = socketio.AsyncClient(reconnection=False)
        got = asyncio.Queue()
        for name in ("ordered", "thumbnail"):
            io.on(name, lambda *a, name=name: (say("client", "got", name=name, args=a), got.put_nowait(name)) and None)
        @io.event
        async def question(n):
            unit("client", "ACK", of="question")
            return n * 6, "is it"
        await io.connect(f"http://{host}:{port}", auth={"token": "made-up"}, transports=transports)
        await asyncio.sleep(.2)
        event("client", "order", "tea")
        say("client", "got ack", args=[await io.call("order", ("tea", [1, {"a": None}]))]); await got.get()
        event("client", "picture", b"\x01\x02\xff")
        await io.emit("picture", b"\x01\x02\xff"); await got.get()
        event("client", "ask"); await io.emit("ask"); await asyncio.sleep(1.3); await io.disconnect(); await asyncio.sleep(.1)
    await dialogue(None)
    await dialogue(["websocket"])
    io = socketio.AsyncClient(reconnection=False)
    with contextlib.suppress(socketio.exceptions.ConnectionError): await io.connect(f"http://{host}:{port}", namespaces=["/closed"], transports=["websocket"])
    unit("server", "CONNECT_ERROR", error="not you")


async def paho(role, host, port):
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    loop, heard = asyncio.get_running_loop(), asyncio.Queue()
    c = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="crane-9", transport="websockets", protocol=mqtt.MQTTv5)
    c.ws_set_options(path="/mqtt"); c.username_pw_set("lab", "made-up"); c.will_set("harbour/gone", b"crane-9", 1)
    told = lambda what: lambda *_: loop.call_soon_threadsafe(heard.put_nowait, what)
    c.on_connect, c.on_subscribe, c.on_publish, c.on_unsubscribe = told("connect"), told("subscribe"), told("publish"), told("unsubscribe")

    def message(_, __, m):
        unit("server", "PUBLISH", name=m.topic)
        say("client", "got publish", topic=m.topic, qos=m.qos, retain=m.retain, length=len(m.payload))
        told("message")()
    c.on_message = message

    async def until(*what):
        what = list(what)
        while what: what.remove(await asyncio.wait_for(heard.get(), 5))

    async def publish(topic, payload, qos, **how):
        with_properties = Properties(PacketTypes.PUBLISH)
        for key, value in how.pop("properties", {}).items(): setattr(with_properties, key, value)
        unit("client", "PUBLISH", name=topic); c.publish(topic, payload, qos, properties=with_properties, **how)
        await until("publish", *(["message"] if topic.startswith("harbour/") else []))
    c.connect(host, port, keepalive=2); c.loop_start(); await until("connect")
    unit("client", "SUBSCRIBE", name="harbour/#"); c.subscribe("harbour/#", 2); await until("subscribe")
    await publish("harbour/a", "plain", 0); await publish("harbour/b", b"\x00\xff" * 2500, 1)
    await publish("harbour/c", '{"n":1}', 2, properties={"ContentType": "application/json", "ResponseTopic": "harbour/reply", "CorrelationData": b"c1", "UserProperty": ("site", "quay")})
    await publish("elsewhere", "kept", 1, retain=True); await asyncio.sleep(2.5)
    unit("client", "UNSUBSCRIBE", name="harbour/#"); c.unsubscribe("harbour/#"); await until("unsubscribe")
    unit("client", "DISCONNECT"); c.disconnect(); await asyncio.sleep(.2); c.loop_stop()


async def graphql(role, host, port):
    from gql import Client, gql
    from gql.transport.websockets import WebsocketsTransport
    transport = WebsocketsTransport(f"ws://{host}:{port}/graphql", subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL], ping_interval=.4, init_payload={"token": "made-up"}, connect_args={"compression": None})
    ids = iter("12345678")

    def subscribe(name): unit("client", "subscribe", name=name, id=next(ids))
    async with Client(transport=transport, fetch_schema_from_transport=False) as session:
        subscribe("Ships"); say("client", "result", data=await session.execute(gql("query Ships { ships { name } }")))
        subscribe("Arrivals")
        async for data in session.subscribe(gql("subscription Arrivals { arrivals(n: 2) { name } }")): say("client", "next", data=data)
        subscribe("Wrong")
        try: await session.execute(gql("query Wrong { nothing }"))
        except Exception as e: say("client", "error", error=str(e))
        await asyncio.sleep(.9)


async def pylsp(role, host, port):
    if role == "server": os.execvp(sys.executable, [sys.executable, "-m", "pylsp", "--ws", "--host", "0.0.0.0", "--port", str(port)])
    async with connect(f"ws://{host}:{port}/") as ws:
        numbers, waiting = iter(range(1, 99)), {}

        async def listen():
            async for text in ws:
                msg = json.loads(text)
                if "method" in msg: unit("server", "request" if "id" in msg else "notification", name=msg["method"], id=msg.get("id"))
                else:
                    unit("server", "error" if "error" in msg else "result", of=waiting[msg["id"]][0], id=msg["id"]); waiting[msg["id"]][1].set_result(msg)
        task = asyncio.create_task(listen())

        async def ask(method, params):
            n = next(numbers); waiting[n] = method, asyncio.get_running_loop().create_future(); unit("client", "request", name=method, id=n)
            await ws.send(json.dumps({"jsonrpc": "2.0", "id": n, "method": method, "params": params})); return await asyncio.wait_for(waiting[n][1], 15)

        async def tell(method, params): unit("client", "notification", name=method, id=None); await ws.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))
        await ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}}); await tell("initialized", {})
        at = {"uri": "file:///lab/a.py"}
        await tell("textDocument/didOpen", {"textDocument": {**at, "languageId": "python", "version": 1, "text": "import os\n\ndef crane(load):\n    return load\n\ncrane(7)\n"}})
        await ask("textDocument/definition", {"textDocument": at, "position": {"line": 5, "character": 2}}); await ask("textDocument/hover", {"textDocument": at, "position": {"line": 2, "character": 5}})
        await ask("lab/noSuchMethod", {}); await asyncio.sleep(1); await tell("textDocument/didClose", {"textDocument": at}); await ask("shutdown", None); await tell("exit", None); await asyncio.sleep(.2); task.cancel()


async def wamp(role, host, port, name):
    import txaio
    txaio.use_asyncio()
    from autobahn.wamp import message as m, role as roles, serializer as s
    kind, *batched = name.split("-")[2:]; batched = bool(batched)
    make = {"msgpack": s.MsgPackSerializer, "cbor": s.CBORSerializer, "json": s.JsonSerializer}[kind]
    names = {v: k for k, v in {"HELLO": m.Hello, "WELCOME": m.Welcome, "SUBSCRIBE": m.Subscribe, "SUBSCRIBED": m.Subscribed, "PUBLISH": m.Publish, "PUBLISHED": m.Published, "EVENT": m.Event, "REGISTER": m.Register,
        "REGISTERED": m.Registered, "CALL": m.Call, "INVOCATION": m.Invocation, "YIELD": m.Yield, "RESULT": m.Result, "ERROR": m.Error, "GOODBYE": m.Goodbye, "UNSUBSCRIBE": m.Unsubscribe, "UNSUBSCRIBED": m.Unsubscribed}.items()}
    if role == "server":
        async def handler(ws):
            say("server", "ws", subprotocol=ws.subprotocol); packed, subscriptions, procedures, calls = make(batched=batched), {}, {}, {}

            def log(who, msg): unit(who, names[type(msg)], id=getattr(msg, "request", None))

            async def send(*all):
                if not all: return
                for msg in all: log("server", msg)
                both = [packed.serialize(msg) for msg in all]
                parts = [b"".join(b for b, _ in both)] if batched else [b for b, _ in both]
                for part in parts: await ws.send(part if both[0][1] else part.decode())
            async for data in ws:
                for msg in packed.unserialize(data.encode() if isinstance(data, str) else data, isinstance(data, bytes)):
                    log("client", msg)
                    match msg:
                        case m.Hello(): await send(m.Welcome(7001, {"broker": roles.RoleBrokerFeatures(), "dealer": roles.RoleDealerFeatures()}, realm="lab"))
                        case m.Subscribe(): subscriptions[msg.topic] = 100 + len(subscriptions); await send(m.Subscribed(msg.request, subscriptions[msg.topic]))
                        case m.Unsubscribe(): await send(m.Unsubscribed(msg.request))
                        case m.Register(): procedures[msg.procedure] = 200 + len(procedures); await send(m.Registered(msg.request, procedures[msg.procedure]))
                        case m.Publish():
                            out = [m.Event(subscriptions[msg.topic], 300 + msg.request, args=msg.args, kwargs=msg.kwargs)] if msg.topic in subscriptions else []
                            await send(*([m.Published(msg.request, 300 + msg.request)] if msg.acknowledge else []), *out)
                        case m.Call():
                            if msg.procedure in procedures: calls[len(calls) + 1] = msg.request; await send(m.Invocation(len(calls), procedures[msg.procedure], args=msg.args, kwargs=msg.kwargs))
                            else: await send(m.Error(m.Call.MESSAGE_TYPE, msg.request, "wamp.error.no_such_procedure", args=["nobody there"]))
                        case m.Yield(): await send(m.Result(calls[msg.request], args=msg.args, kwargs=msg.kwargs))
                        case m.Error(): await send(m.Error(m.Call.MESSAGE_TYPE, calls[msg.request], msg.error, args=msg.args))
                        case m.Goodbye(): await send(m.Goodbye("wamp.close.goodbye_and_out"))
        return await forever(handler, port, subprotocols=[f"wamp.2.{kind}" + (".batched" if batched else "")])
    from autobahn.asyncio.wamp import ApplicationSession
    from autobahn.asyncio.websocket import WampWebSocketClientFactory
    from autobahn.wamp.types import ComponentConfig, PublishOptions
    done = asyncio.Event()

    class Lab(ApplicationSession):
        async def onJoin(self, details):
            said = lambda what: lambda *a, **k: say("client", what, args=a, kwargs=k)
            it = await self.subscribe(said("event"), "lab.harbour.alarm"); await self.register(lambda a, b=1: a * b, "lab.harbour.multiply")
            def sink(): raise ValueError("ships do not sink here")
            await self.register(sink, "lab.harbour.sink")
            await self.publish("lab.harbour.alarm", 7, "🦀", raw=b"\x00\xff" if kind != "json" else None, options=PublishOptions(acknowledge=True, exclude_me=False)); self.publish("lab.nobody", *range(40))
            say("client", "result", value=await self.call("lab.harbour.multiply", 6, b=7))
            for name in ("lab.harbour.sink", "lab.none"):
                try: await self.call(name)
                except Exception as e: say("client", "error", error=str(e))
            say("client", "several", values=await asyncio.gather(*(self.call("lab.harbour.multiply", n) for n in range(3)))); await it.unsubscribe(); self.leave()
        def onDisconnect(self): done.set()
    factory = WampWebSocketClientFactory(lambda: Lab(ComponentConfig("lab")), url=f"ws://{host}:{port}/ws", serializers=[make(batched=batched)])
    factory.setProtocolOptions(openHandshakeTimeout=5)
    await asyncio.get_running_loop().create_connection(factory, host, port)
    await asyncio.wait_for(done.wait(), 10)


async def zstd(role, host, port):
    import zstandard
    if role == "server":
        async def handler(ws):
            out, n = zstandard.ZstdCompressor(level=3).compressobj(), 0
            names = {0: "Dispatch", 1: "Heartbeat", 7: "Reconnect", 10: "Hello", 11: "Heartbeat ACK"}

            async def send(op, d, t=None):
                nonlocal n
                n += t is not None; unit("server", names[op], **({"name": t} if t else {}))
                await ws.send(out.compress(json.dumps({"op": op, "d": d, "s": n if t else None, "t": t}).encode()) + out.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
            await send(10, {"heartbeat_interval": 200})
            async for text in ws:
                msg = json.loads(text); op = msg["op"]; unit("client", {1: "Heartbeat", 2: "Identify", 4: "Voice State Update"}[op])
                if op == 1: await send(11, None)
                if op == 2:
                    await send(0, {"v": 10, "user": {"id": "80351110224678912", "username": "crane"}, "session_id": "made-up"}, "READY")
                    for i in range(6): await send(0, {"id": str(i), "content": f"message {i} of the harbour 🦀" * (1 + 40 * (i == 3)), "channel_id": "41771983423143937"}, "MESSAGE_CREATE")
                if op == 4: await send(7, None)
        return await forever(handler, port)
    async with connect(f"ws://{host}:{port}/?v=10&encoding=json&compress=zstd-stream") as ws:
        back, got = zstandard.ZstdDecompressor().decompressobj(), []

        async def listen():
            async for data in ws: got.append(json.loads(back.decompress(data))); say("client", "got", op=got[-1]["op"], name=got[-1]["t"])
        task = asyncio.create_task(listen()); send = lambda **msg: ws.send(json.dumps(msg))
        await send(op=2, d={"token": "made-up-token", "properties": {"os": "linux"}, "intents": 513})
        for n in (1, 7): await asyncio.sleep(.2); await send(op=1, d=n)
        await send(op=4, d={"guild_id": "41771983423143937", "channel_id": None}); await asyncio.sleep(.2); task.cancel()


async def jupyter(role, host, port):
    import struct, urllib.request, uuid
    if role == "server": os.execvp(sys.executable, [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ip=0.0.0.0", f"--port={port}", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--ServerApp.root_dir=/tmp", "--WebSocketTornado.permessage_deflate=False"])
    start = urllib.request.Request(f"http://{host}:{port}/api/kernels", b"{}", {"Content-Type": "application/json"}, method="POST")
    kernel, session = json.load(urllib.request.urlopen(start))["id"], uuid.uuid4().hex
    async with connect(f"ws://{host}:{port}/api/kernels/{kernel}/channels?session_id={session}") as ws:
        async def send(kind, content, *buffers):
            id = uuid.uuid4().hex; unit("client", "shell", name=kind, id=id)
            message = {"header": {"msg_id": id, "username": "crane", "session": session, "date": "2026-11-28T00:00:00Z", "msg_type": kind, "version": "5.3"}, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
            parts = [json.dumps(message).encode(), *buffers]
            offsets = [4 * (len(parts) + 1)]
            for part in parts[:-1]: offsets.append(offsets[-1] + len(part))
            await ws.send(struct.pack(f"!{len(parts) + 1}I", len(parts), *offsets) + b"".join(parts) if buffers else json.dumps(message))

        async def listen():
            async for data in ws:
                if isinstance(data, bytes):
                    n, first, second = struct.unpack("!3I", data[:12]); data = data[first:second]; say("server", "got", buffers=n - 1)
                message = json.loads(data); header = message["header"]
                unit("server", message["channel"], name=header["msg_type"], id=header["msg_id"])
        task = asyncio.create_task(listen())
        await send("kernel_info_request", {}); await asyncio.sleep(2)
        code = "from comm import create_comm\nc = create_comm(target_name='lab', data={'a': 1}, buffers=[b'abc', bytes(300)])\nprint('ahoy')\n1 / 0"
        await send("execute_request", {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}); await asyncio.sleep(1)
        await send("comm_msg", {"comm_id": "none", "data": {}}, b"xyz", b""); await asyncio.sleep(1); task.cancel()


RUN = {"jupyter-json": jupyter, "socketio-python": socketio, "mqtt-paho": paho, "graphql-gql": graphql, "lsp-pylsp": pylsp, "discord-zstd-stream": zstd}
if sys.argv[1] == "list":
    for name, (how, shows, _) in ALL.items(): print(name, how, shows, sep="\t")
elif sys.argv[1] == "versions":
    from importlib.metadata import version
    print(json.dumps({p: version(p) for p in [*ALL[sys.argv[2]][2], "websockets"]}))
else:
    logging.basicConfig(level=logging.CRITICAL); role, port, name = sys.argv[1], int(sys.argv[-2]), sys.argv[-1]
    run = RUN.get(name) or (lambda *a: wamp(*a, name))
    asyncio.run(run(role, sys.argv[2], port))
