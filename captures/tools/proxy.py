#!/usr/bin/env python3
"""A proxy that knows CONNECT and nothing else: proxy.py PORT"""
import socket, sys, threading


def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError: pass


def serve(client):
    head = b""
    while b"\r\n\r\n" not in head: head += client.recv(4096)
    host, port = head.split()[1].decode().rsplit(":", 1)
    there = socket.create_connection((host.strip("[]"), int(port)))
    client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 lab\r\n\r\n")
    threading.Thread(target=pump, args=(there, client), daemon=True).start()
    pump(client, there)


listener = socket.create_server(("", int(sys.argv[1])))
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
