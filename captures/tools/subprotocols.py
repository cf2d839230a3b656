#!/usr/bin/env python3
"""Dialogues of Python libraries that speak something over WebSocket, and of protocols written by hand; as subprotocols.mjs.

subprotocols.py server PORT NAME
subprotocols.py client HOST PORT NAME
subprotocols.py list"""
import asyncio, contextlib, json, logging, os, sys
from ends import connect, forever, say

ALL = {
    "ocpp-16": ("ocpp on websockets, both ends", "OCPP-J 1.6: CALL, CALLRESULT and CALLERROR, both ways"),
    "mcp": ("mcp, uvicorn", "MCP over WebSocket (JSON-RPC 2.0): initialize, tools/list, tools/call, a failure, progress"),
    "rfb": ("both written by hand on websockets", "RFB 3.8 as websockify passes it on: version, security, init, a rectangle, keys, cut anywhere into messages"),
    "k8s-exec-v5": ("both written by hand on websockets", "Kubernetes exec, v5.channel.k8s.io: stdin, stdout, stderr, resize, status, closing of stdin"),
    "k8s-exec-v4": ("both written by hand on websockets", "Kubernetes exec, v4.channel.k8s.io: a status of failure"),
    "jupyter-v1": ("jupyter_server and ipykernel; client written by hand on websockets", "a Jupyter kernel, v1.kernel.websocket.jupyter.org: execute, streams, an error"),
}

async def ocpp(role, host, port):
    from datetime import datetime, timezone
    from ocpp.routing import on
    from ocpp.v16 import ChargePoint, call, call_result
    from ocpp.exceptions import OCPPError
    if role == "server":
        class Central(ChargePoint):
            @on("BootNotification")
            def boot(self, **p): say("server", "call", action="BootNotification", payload=p); return call_result.BootNotification(current_time="2026-11-27T00:00:00Z", interval=300, status="Accepted")
            @on("Heartbeat")
            def beat(self): say("server", "call", action="Heartbeat", payload={}); return call_result.Heartbeat(current_time="2026-11-27T00:00:01Z")
            @on("StatusNotification")
            def status(self, **p): say("server", "call", action="StatusNotification", payload=p); return call_result.StatusNotification()
        async def handler(ws):
            say("server", "ws", path=ws.request.path, subprotocol=ws.subprotocol); c = Central("crane-7", ws); t = asyncio.create_task(c.start())
            await asyncio.sleep(.3); r = await c.call(call.RemoteStartTransaction(id_tag="made-up")); say("server", "result", action="RemoteStartTransaction", payload=r.__dict__)
            with contextlib.suppress(Exception): await t
        return await forever(handler, port, subprotocols=["ocpp1.6"])

    class Point(ChargePoint):
        @on("RemoteStartTransaction")
        def remote(self, **p): say("client", "call", action="RemoteStartTransaction", payload=p); return call_result.RemoteStartTransaction(status="Accepted")
    async with connect(f"ws://{host}:{port}/crane-7", subprotocols=["ocpp1.6"]) as ws:
        c = Point("crane-7", ws); t = asyncio.create_task(c.start())
        for it in (call.BootNotification(charge_point_model="Kran", charge_point_vendor="Lab 🦀"), call.Heartbeat(), call.StatusNotification(connector_id=1, error_code="NoError", status="Available")):
            r = await c.call(it); say("client", "result", action=type(it).__name__, payload=r.__dict__)
        await asyncio.sleep(.4)
        await ws.send('[2,"odd-1","NoSuchAction",{}]'); say("client", "raw", text='[2,"odd-1","NoSuchAction",{}]'); await asyncio.sleep(.2); t.cancel()


async def mcp(role, host, port):
    import mcp.types as types
    if role == "server":
        import uvicorn
        from mcp.server.lowlevel import Server
        from mcp.server.websocket import websocket_server
        app = Server("harbour")
        @app.list_tools()
        async def tools(): return [types.Tool(name="add", description="Adds two numbers", inputSchema={"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}})]
        @app.call_tool()
        async def run(name, arguments):
            say("server", "tool", name=name, args=arguments)
            if name == "sink": raise ValueError("ships do not sink here")
            await app.request_context.session.send_log_message("info", "adding"); return [types.TextContent(type="text", text=str(arguments["a"] + arguments["b"]))]
        async def asgi(scope, receive, send):
            if scope["type"] == "websocket":
                async with websocket_server(scope, receive, send) as (r, w): await app.run(r, w, app.create_initialization_options())
        return await uvicorn.Server(uvicorn.Config(asgi, host="0.0.0.0", port=port, log_level="critical", lifespan="off", ws_per_message_deflate=False, ws_ping_interval=None)).serve()
    from mcp.client.websocket import websocket_client
    from mcp import ClientSession
    async with websocket_client(f"ws://{host}:{port}/mcp") as (r, w), ClientSession(r, w) as s:
        say("client", "initialize", result=json.loads((await s.initialize()).model_dump_json(exclude_none=True)))
        say("client", "tools/list", names=[t.name for t in (await s.list_tools()).tools])
        for name, args in (("add", {"a": 20, "b": 22}), ("sink", {})):
            r = await s.call_tool(name, args); say("client", f"tools/call {name}", result=json.loads(r.model_dump_json(exclude_none=True)))
        await s.send_ping(); say("client", "ping")


async def rfb(role, host, port):
    import struct
    if role == "server":
        async def handler(ws):
            async def send(what, b, cut=0): say("server", "send", what=what, bytes=b); parts = [b[:cut], b[cut:]] if cut else [b]; [await ws.send(p) for p in parts]
            async def got(what): b = await ws.recv(); say("server", "got", what=what, bytes=b); return b
            await send("ProtocolVersion", b"RFB 003.008\n", 5); await got("ProtocolVersion"); await send("security types", b"\x01\x01"); await got("security type"); await send("SecurityResult", bytes(4)); await got("ClientInit")
            name = "harbour 🦀".encode(); await send("ServerInit", struct.pack(">HH16sI", 8, 4, bytes([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]), len(name)) + name, 20)
            await got("SetEncodings"); await got("FramebufferUpdateRequest"); await send("FramebufferUpdate", struct.pack(">BxH4Hi", 0, 1, 0, 0, 8, 4, 0) + bytes(range(128)), 17); await got("KeyEvent"); await got("PointerEvent"); await send("Bell and ServerCutText", b"\x02" + struct.pack(">B3xI", 3, 4) + b"ahoy")
            await got("ClientCutText")
        return await forever(handler, port, subprotocols=["binary"])
    async with connect(f"ws://{host}:{port}/websockify", subprotocols=["binary"]) as ws:
        async def send(what, b): say("client", "send", what=what, bytes=b); await ws.send(b)
        async def got(n=1):
            for _ in range(n): say("client", "got", bytes=await ws.recv())
        await got(2); await send("ProtocolVersion", b"RFB 003.008\n"); await got(); await send("security type", b"\x01"); await got(); await send("ClientInit", b"\x01"); await got(2)
        await send("SetEncodings", struct.pack(">BxHii", 2, 2, 0, 1)); await send("FramebufferUpdateRequest", struct.pack(">BB4H", 3, 0, 0, 0, 8, 4)); await got(2); await send("KeyEvent", struct.pack(">BB2xI", 4, 1, 0x61)); await send("PointerEvent", struct.pack(">BBHH", 5, 1, 3, 2)); await got(); await send("ClientCutText", struct.pack(">B3xI", 6, 3) + b"bye")
        await asyncio.sleep(.1)


async def k8s(role, host, port, version):
    name = f"{version}.channel.k8s.io"
    if role == "server":
        async def handler(ws):
            say("server", "ws", path=ws.request.path, chosen=ws.subprotocol)
            async def send(channel, data): say("server", "send", channel=channel, data=data); await ws.send(bytes([channel]) + data.encode())
            await send(1, "$ "); await send(2, "warning: no tty\n")
            async for m in ws:
                say("server", "got", channel=m[0], data=bytes(m[1:]))
                if m[0] == 0: await send(1, f"you typed {m[1:].decode()}")
                if m[0] == 255 or m[1:] == b"exit 3\n": break
            await send(3, '{"metadata":{},"status":"Success"}' if version == "v5" else '{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}')
        return await forever(handler, port, subprotocols=[name])
    async with connect(f"ws://{host}:{port}/api/v1/namespaces/lab/pods/crane/exec?command=sh&stdin=true&stdout=true&stderr=true&tty=false", subprotocols=[name, "v4.channel.k8s.io"] if version == "v5" else [name]) as ws:
        async def send(channel, data): say("client", "send", channel=channel, data=data); await ws.send(bytes([channel]) + data)
        await send(4, b'{"Width":80,"Height":24}'); await send(0, "echo ahoy 🦀\n".encode())
        if version == "v5": await send(255, b"\x00")
        else: await send(0, b"exit 3\n")
        with contextlib.suppress(Exception):
            while True: m = await ws.recv(); say("client", "got", channel=m[0], data=bytes(m[1:]))


async def jupyter(role, host, port):
    import struct, urllib.request, uuid
    if role == "server": os.execvp(sys.executable, [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ip=0.0.0.0", f"--port={port}", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--ServerApp.root_dir=/tmp", "--WebSocketTornado.permessage_deflate=False"])
    ask = urllib.request.Request(f"http://{host}:{port}/api/kernels", data=b'{"name":"python3"}', headers={"Content-Type": "application/json"}, method="POST")
    kernel = json.load(urllib.request.urlopen(ask))["id"]; session = uuid.uuid4().hex
    async with connect(f"ws://{host}:{port}/api/kernels/{kernel}/channels?session_id={session}", subprotocols=["v1.kernel.websocket.jupyter.org"]) as ws:
        say("client", "ws", subprotocol=ws.subprotocol)
        async def send(kind, content):
            ident = uuid.uuid4().hex; header = {"msg_id": ident, "username": "lab", "session": session, "date": "2026-11-27T00:00:00Z", "msg_type": kind, "version": "5.3"}
            parts = [b"shell"] + [json.dumps(x).encode() for x in (header, {}, {}, content)]; offsets = [8 * (len(parts) + 2)]
            for p in parts: offsets.append(offsets[-1] + len(p))
            say("client", "send", channel="shell", msg_type=kind, msg_id=ident, content=content); await ws.send(struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)); return ident
        async def until_idle(ident, reply):
            idle = done = False
            while not (idle and done):
                b = await asyncio.wait_for(ws.recv(), 20); n = struct.unpack_from("<Q", b)[0]; o = struct.unpack_from(f"<{n}Q", b, 8); parts = [b[o[i]:o[i + 1]] for i in range(n - 1)]
                head, parent, content = json.loads(parts[1]), json.loads(parts[2]), json.loads(parts[4]); say("client", "got", channel=parts[0].decode(), msg_type=head["msg_type"], parent=parent.get("msg_id"))
                if parent.get("msg_id") == ident: idle |= head["msg_type"] == "status" and content["execution_state"] == "idle"; done |= head["msg_type"] == reply
        await until_idle(await send("kernel_info_request", {}), "kernel_info_reply")
        for code in ("print('ahoy')\n6 * 7", "1 / 0"): await until_idle(await send("execute_request", {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}), "execute_reply")
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/api/kernels/{kernel}", method="DELETE"))


RUN = {"ocpp-16": ocpp, "mcp": mcp, "rfb": rfb, "k8s-exec-v5": lambda *a: k8s(*a, "v5"), "k8s-exec-v4": lambda *a: k8s(*a, "v4"), "jupyter-v1": jupyter}
if sys.argv[1] == "list":
    for name, (how, shows) in ALL.items(): print(name, how, shows, sep="\t")
elif sys.argv[1] == "versions":
    from importlib.metadata import version
    wanted = {"ocpp-16": ["ocpp"], "mcp": ["mcp", "uvicorn"], "jupyter-v1": ["jupyter_server", "ipykernel"]}.get(sys.argv[2], [])
    print(json.dumps({p: version(p) for p in [*wanted, "websockets"]}))
else:
    logging.basicConfig(level=logging.CRITICAL); role, port, name = sys.argv[1], int(sys.argv[-2]), sys.argv[-1]
    asyncio.run(RUN[name](role, sys.argv[2], port))
