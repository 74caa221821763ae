"""The server of the assignment as a student writes it who knows nothing of lines:
one recv is one message, one send is one message.

    python3 foreign_server_bare.py 3333 ../../data/users.csv messages-bare.csv
"""

import csv
import sys
import time
from socket import SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, AF_INET, socket
from threading import Thread

port, users_file, messages_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
mailboxes = {}
for row in list(csv.reader(open(users_file, encoding="utf-8")))[1:]:
    mailboxes[row[0]] = []


def deliver(connection, user):
    while mailboxes[user]:
        sender, text = mailboxes[user].pop(0)
        connection.send(("@" + sender + " " + text).encode())
        time.sleep(0.1)  # or two messages arrive as one
        with open(messages_file, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([sender, user, text])
    connection.send("f".encode())


def serve(connection):
    user = connection.recv(1024).decode()
    if user not in mailboxes:
        connection.close()
        return
    print(user, "is here", flush=True)
    deliver(connection, user)
    while True:
        message = connection.recv(1024).decode()
        if not message:
            break
        parts = message.split(" ", 1)
        if len(parts) == 2 and parts[0][1:] in mailboxes:
            mailboxes[parts[0][1:]].append((user, parts[1]))
        deliver(connection, user)
    connection.close()


server = socket(AF_INET, SOCK_STREAM)
server.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
server.bind(("127.0.0.1", port))
server.listen()
print(f"listening on 127.0.0.1:{server.getsockname()[1]}", flush=True)
while True:
    connection, address = server.accept()
    Thread(target=serve, args=(connection,), daemon=True).start()
