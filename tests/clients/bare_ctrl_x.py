"""A client that calls recv once a round and is left with Ctrl-X, Enter, as its template says; the end of
the input does the same.

    python3 bare_ctrl_x.py 127.0.0.1 3333 ana
"""

import sys
from socket import AF_INET, SOCK_STREAM, socket

host, port, user = sys.argv[1], int(sys.argv[2]), sys.argv[3]
tcp = socket(AF_INET, SOCK_STREAM)
tcp.connect((host, port))
tcp.send(user.encode())
message = ""
while message != "\x18":
    answer = tcp.recv(1024).decode()
    if answer == "" or answer == "Usuário inválido":
        sys.exit("the server hung up")
    if answer != "f":
        print(answer, flush=True)
    message = sys.stdin.readline().rstrip("\n") or "\x18"
    tcp.send(message.encode())
tcp.close()
