"""What both ends of a dialogue over WebSocket need: subprotocols.py and variants.py."""
import json, os, time


def plain(v):
    if isinstance(v, (bytes, bytearray)): return {"$hex": bytes(v).hex()}
    if isinstance(v, dict): return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)): return [plain(x) for x in v]
    return v if isinstance(v, (str, int, float, bool, type(None))) else str(v)


def say(who, act, **more):
    with open(os.environ["TRUTH"], "a") as f: f.write(json.dumps({"t": round(time.time(), 3), "who": who, "act": act, **plain(more)}, ensure_ascii=False) + "\n")


async def forever(handler, port, **how):
    from websockets.asyncio.server import serve
    async with serve(handler, "0.0.0.0", port, compression=None, ping_interval=None, **how) as s: await s.serve_forever()


def connect(url, **how):
    from websockets.asyncio.client import connect
    return connect(url, compression=None, ping_interval=None, max_size=None, **how)
