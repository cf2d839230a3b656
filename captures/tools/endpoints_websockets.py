#!/usr/bin/env python3
"""Real dialogues of Python's `websockets`; each end writes down what it received.

endpoints_websockets.py server PORT DIALOGUE TRUTH
endpoints_websockets.py client HOST PORT DIALOGUE TRUTH
endpoints_websockets.py list"""
import asyncio, hashlib, http, json, logging, os, ssl, sys

PLAIN = {"compression": None}
# name: (what it shows, how the server is set up, how the client is)
DIALOGUES = {
    "dialogue": ("text, binary, a fragmented message, a ping and its pong, close; the client masks with random keys", PLAIN, PLAIN),
    "deflate": ("text, binary, a fragmented message, ping and close with permessage-deflate as both sides like it by themselves", {}, {}),
    "window-9": ("permessage-deflate with windows of 512 bytes on both sides", "9", {}),
    "deflate-tls": ("the same over TLS", {}, {}),
    "subprotocol": ("two sub-protocols offered, `wamp.2.json` taken", PLAIN | {"subprotocols": ["wamp.2.json"]}, PLAIN | {"subprotocols": ["wamp.2.msgpack", "wamp.2.json"]}),
    "redirect": ("a 301 that the client follows to another path, where it is granted", PLAIN, PLAIN),
    "refused": ("the server refuses with 403 and a body", PLAIN, PLAIN),
    "origin-refused": ("the server refuses an origin it does not know", PLAIN | {"origins": ["http://lab.example"]}, PLAIN | {"origin": "http://elsewhere.example"}),
}


def note(path, port, side, kind, body, **more):
    body = body.encode() if isinstance(body, str) else body
    with open(path, "a") as f:
        f.write(json.dumps({"port": port, "from": side, "type": kind, "len": len(body), "sha1": hashlib.sha1(body).hexdigest(), **more}, separators=(",", ":")) + "\n")


def heard(path, port, side, message):
    note(path, port, side, "text" if isinstance(message, str) else "binary", message)


def closed(path, ws, port, side):
    got = ws.protocol.close_rcvd
    if got:
        note(path, port, side, "close", got.reason, code=got.code)


async def server(port, name, truth):
    from websockets.asyncio.server import serve
    how = DIALOGUES[name][1]
    if how == "9":
        from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
        how = {"compression": None, "extensions": [ServerPerMessageDeflateFactory(server_max_window_bits=9, client_max_window_bits=9)]}

    def gate(connection, request):
        if name == "refused":
            return connection.respond(http.HTTPStatus.FORBIDDEN, "members only\n")
        if name == "redirect" and request.path == "/old":
            answer = connection.respond(http.HTTPStatus.MOVED_PERMANENTLY, "moved\n")
            answer.headers["Location"] = "/new"
            return answer

    async def talk(ws):
        there = ws.remote_address[1]
        async for message in ws:
            heard(truth, there, "client", message)
            await ws.send(message)
        closed(truth, ws, there, "client")

    if name.endswith("-tls"):
        how = how | {"ssl": ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)}
        how["ssl"].load_cert_chain(f"{os.environ['LAB']}/ec.pem", f"{os.environ['LAB']}/ec.key"); how["ssl"].keylog_filename = None
    async with serve(talk, None, port, process_request=gate, ping_interval=None, **how) as s:
        await s.serve_forever()


async def client(host, port, name, truth):
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus
    how = DIALOGUES[name][2]
    url = f"ws://{f'[{host}]' if ':' in host else host}:{port}/{'old' if name == 'redirect' else 'chat'}"
    if name.endswith("-tls"):
        url = "wss" + url[2:]; trusting = ssl._create_unverified_context(); trusting.keylog_filename = os.environ["SSLKEYLOGFILE"]
        how = how | {"ssl": trusting, "proxy": os.environ.get("VIA"), "server_hostname": "ws.example.test"}
        if how["proxy"] and how["proxy"].startswith("https"): how["proxy_ssl"] = trusting
    try:
        async with connect(url, ping_interval=None, **how) as ws:
            here = ws.local_address[1]

            async def ask(body):
                await ws.send(body)
                heard(truth, here, "server", await ws.recv())
            await ask("hello from Python")
            await ask(json.dumps({"e": "trade", "s": "BTCUSDT", "p": "61234.50"}))
            await ask(json.dumps({"e": "trade", "s": "BTCUSDT", "p": "61235.00"}))
            await ask(bytes(range(0, 256, 5)))
            await ask(["in ", "three ", "parts: 🦀"])
            await (await ws.ping("are you there?"))
            await ws.close(1000, "bye")
            closed(truth, ws, here, "server")
    except InvalidStatus as e:
        print("refused:", e.response.status_code)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    if sys.argv[1] == "list":
        for name, (shows, *_) in DIALOGUES.items(): print(name, shows, sep="\t")
    elif sys.argv[1] == "server":
        asyncio.run(server(int(sys.argv[2]), *sys.argv[3:]))
    else:
        asyncio.run(client(sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
