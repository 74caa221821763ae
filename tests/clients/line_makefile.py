"""A client as one writes it with socket.makefile: a line each way.

    python3 line_makefile.py 127.0.0.1 3333 ana

Then type `@bruno hello` and Enter; Enter alone only asks for new messages.
"""

import socket
import sys

host, port, user = sys.argv[1], int(sys.argv[2]), sys.argv[3]
server = socket.create_connection((host, port))
lines = server.makefile("rw", encoding="utf-8", newline="\n")


def say(text):
    lines.write(text + "\n")
    lines.flush()


def show_new_messages():
    for line in lines:
        line = line.rstrip("\n")
        if line == "f":
            return
        print(line, flush=True)
    sys.exit("the server hung up")


say(user)
show_new_messages()
for typed in sys.stdin:
    say(typed.rstrip("\n"))
    show_new_messages()
