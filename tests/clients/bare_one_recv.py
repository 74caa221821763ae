"""A client that calls recv once a round, whatever comes: it shows it, or nothing if it is 'f'.

    python3 bare_one_recv.py 127.0.0.1 3333 ana
"""

import sys
from socket import AF_INET, SOCK_STREAM, socket

host, port, user = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = socket(AF_INET, SOCK_STREAM)
client.connect((host, port))
client.send(user.encode())
while True:
    answer = client.recv(1024).decode()
    if not answer:
        sys.exit("the server hung up")
    if answer != "f":
        print(answer, flush=True)
    typed = sys.stdin.readline()
    if not typed:
        break
    client.send(typed.rstrip("\n").encode())
client.close()
