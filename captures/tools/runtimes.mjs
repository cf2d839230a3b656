// The WebSocket of a runtime that is not Node.js, as a client: deno run -A --unsafely-ignore-certificate-errors runtimes.mjs URL, bun runtimes.mjs URL
import process from 'node:process';
const ws = new WebSocket(process.argv[2], globalThis.Bun ? { tls: { rejectUnauthorized: false } } : undefined);
ws.binaryType = 'arraybuffer';
const say = ['hello over TLS', JSON.stringify({ type: 'subscribe', channel: 'room-1' }), new Uint8Array([0, 1, 2, 254, 255]), 'x'.repeat(300), '🦀'.repeat(500), ''];
ws.onopen = () => ws.send(say.shift());
ws.onmessage = () => say.length ? ws.send(say.shift()) : ws.close(1000, 'bye');
ws.onclose = () => setTimeout(() => process.exit(0), 100);
