"""A client that knows nothing of lines: one send is one message, one recv is one message,
and the end is a recv that brings exactly 'f'.

    python3 bare_exact_f.py 127.0.0.1 3333 ana
"""

import sys
from socket import AF_INET, SOCK_STREAM, socket

host, port, user = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = socket(AF_INET, SOCK_STREAM)
client.connect((host, port))


def receive():
    while True:
        message = client.recv(1024).decode()
        if message == "":
            sys.exit("the server hung up")
        if message == "f":
            break
        print(message, flush=True)


client.send(user.encode())
receive()
for typed in sys.stdin:
    client.send(typed.rstrip("\n").encode())
    receive()
client.close()
