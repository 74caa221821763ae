"""A client that sends and receives one byte at a time, each message up to a line feed.

    python3 byte_by_byte.py 127.0.0.1 3333 ana
"""

import socket
import sys

host, port, user = sys.argv[1], int(sys.argv[2]), sys.argv[3]
connection = socket.socket()
connection.connect((host, port))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def send_line(text):
    for byte in (text + "\n").encode("utf-8"):
        connection.send(bytes([byte]))


def receive_line():
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if byte == b"":
            sys.exit("the server hung up")
        line += byte
    return line[:-1].decode("utf-8")


def show_new_messages():
    line = receive_line()
    while line != "f":
        print(line, flush=True)
        line = receive_line()


send_line(user)
show_new_messages()
for typed in sys.stdin:
    send_line(typed.rstrip("\n"))
    show_new_messages()
connection.close()
