"""A client that works a while on each message: it decodes what one recv brings, writes it into a file,
and only then looks for the next one.

    python3 bare_slow_decode.py 127.0.0.1 3333 ana
"""

import sys
import time
from socket import AF_INET, SOCK_STREAM, socket

host, port, user = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = socket(AF_INET, SOCK_STREAM)
client.connect((host, port))
client.send(user.encode())
while True:
    message = client.recv(1024).decode()
    while message != "f":
        if message == "" or message == "Usuário inválido":
            sys.exit("the server hung up")
        print(message, flush=True)
        time.sleep(0.1)
        message = client.recv(1024).decode()
    typed = sys.stdin.readline()
    if not typed:
        break
    client.send(typed.rstrip("\n").encode())
client.close()
