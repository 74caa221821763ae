"""A client that works a while on each message: it decodes what one recv brings, writes it into a file,
and only then looks for the next one.

    python3 bare_slow_decode.py 127.0.0.1 3333 ana
"""

import sys
import time
from socket import AF_INET, MSG_PEEK, SOCK_STREAM, socket

host, port, user = sys.argv[1], int(sys.argv[2]), sys.argv[3]
WORKS, AT_MOST = 0.1, 0.15
client = socket(AF_INET, SOCK_STREAM)
client.connect((host, port))


def work():
    """Returns whether it was done in time: a busy machine may wake a program late."""
    since = time.monotonic()
    time.sleep(WORKS)
    return time.monotonic() - since < AT_MOST


def is_silent():
    client.settimeout(1)
    try:
        client.recv(1, MSG_PEEK)
        return False
    except TimeoutError:
        return True
    finally:
        client.settimeout(None)


client.send(user.encode())
while True:
    message = client.recv(1024).decode()
    while message != "f":
        if message == "" or message == "Usuário inválido":
            sys.exit("the server hung up")
        print(message, flush=True)
        is_in_time = work()
        message = client.recv(1024).decode()
        if not is_in_time and message != "f" and message.endswith("f") and is_silent():
            # It came too late to find the end mark alone.
            print(message[:-1], flush=True)
            break
    typed = sys.stdin.readline()
    if not typed:
        break
    client.send(typed.rstrip("\n").encode())
client.close()
