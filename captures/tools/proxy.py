#!/usr/bin/env python3
"""A proxy that knows CONNECT and nothing else: proxy.py PORT. TLS_CERT names a certificate and its key, less .pem and .key, for one that is reached over TLS."""
import os, socket, ssl, sys, threading

cert = os.environ.get("TLS_CERT")
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if cert else None
if tls: tls.load_cert_chain(cert + ".pem", cert + ".key")


def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError: pass


def serve(client):
    if tls: client = tls.wrap_socket(client, server_side=True)
    head = b""
    while b"\r\n\r\n" not in head: head += client.recv(4096)
    host, port = head.split()[1].decode().rsplit(":", 1)
    there = socket.create_connection((host.strip("[]"), int(port)))
    client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 lab\r\n\r\n")
    threading.Thread(target=pump, args=(there, client), daemon=True).start()
    pump(client, there)


listener = socket.create_server(("", int(sys.argv[1])))
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
