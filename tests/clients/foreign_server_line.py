"""The server of the assignment as a student writes it, line by line.

    python3 foreign_server_line.py 3333 ../../data/users.csv messages-line.csv

To try the desktop app, or any client, against a server that is not ours.
"""

import csv
import socketserver
import sys
from collections import defaultdict
from threading import Lock

port, users_file, messages_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
users = {row["login"] for row in csv.DictReader(open(users_file, encoding="utf-8"))}
mailboxes = defaultdict(list)
lock = Lock()


class Connection(socketserver.StreamRequestHandler):
    def line(self):
        return self.rfile.readline().decode("utf-8").rstrip("\r\n")

    def say(self, text):
        self.wfile.write((text + "\n").encode("utf-8"))

    def handle(self):
        user = self.line()
        if user not in users:
            return
        print(user, "is here", flush=True)
        self.deliver(user)
        while typed := self.line():
            self.keep(user, typed)
            self.deliver(user)

    def keep(self, sender, typed):
        recipient, _, text = typed.removeprefix("@").partition(" ")
        if typed.startswith("@") and recipient in users:
            with lock:
                mailboxes[recipient].append((sender, text))

    def deliver(self, user):
        with lock:
            messages = mailboxes.pop(user, [])
        for sender, text in messages:
            self.say(f"@{sender} {text}")
            with lock, open(messages_file, "a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow([sender, user, text])
        self.say("f")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


with Server(("127.0.0.1", port), Connection) as server:
    print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
