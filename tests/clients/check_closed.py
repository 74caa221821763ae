"""Starts the real server, closed, and lets the clients of this folder log in with program keys, which people
type after the login: over the loopback interface, and inside TLS through a relay.

    python3 check_closed.py ../../target/debug/mensageiro-server
"""

import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from checking import PATIENCE, Person, Server, expect, expect_soon, run_all

STYLES = ["line_makefile", "bare_exact_f", "bare_one_recv", "byte_by_byte"]
TEXTS = ["olá, às 10 no café ☕", "f", '@carla disse "não", e foi-se; 1,5']


def main():
    binary = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        World(binary, folder).run_all()


class World:
    """One closed server with its data, and two users of their own for every check."""

    def __init__(self, binary, folder):
        checks = []
        for a, b in zip(STYLES, STYLES[1:] + STYLES[:1]):
            checks.append((f"{a} and {b} talk with program keys", self.talk, a, b, False))
            checks.append((f"{a} inside TLS and {b} talk with program keys", self.talk, a, b, True))
            checks.append((f"{a} is hung up on without its key", self.refused, a, b, False))
        users = []
        for number, (name, function, a, b, is_inside) in enumerate(checks):
            ana, joao = f"a{number}", f"joão{number}"
            checks[number] = (name, function, a, b, ana, joao, is_inside)
            users += [f"{ana},A {number}", f"{joao},João {number}"]
        self.checks = checks
        self.server = Server(binary, folder, users, options=["--closed"])
        self.port, self.rows = self.server.port, self.server.rows
        self.relay = relay(self.port)
        # The command works while the server runs.
        self.key = lambda login: subprocess.run(
            [binary, "key", login, "--name", "a program", "--data", folder],
            check=True,
            capture_output=True,
            encoding="utf-8",
        ).stdout.strip()

    def run_all(self):
        run_all(self.checks, self.server)

    def talk(self, a, b, ana, joao, is_inside):
        port = self.relay if is_inside else self.port
        ana_there = Person(a, port, f"{ana} {self.key(ana)}")
        for text in TEXTS:
            ana_there.type(f"@{joao} {text}")
        joao_there = Person(b, self.port, f"{joao} {self.key(joao).lower().replace('-', ' ')}")
        joao_there.poll_until([f"@{ana} {text}" for text in TEXTS])
        joao_there.type(f"@{ana} já vou")
        ana_there.poll_until([f"@{joao} já vou"])
        ana_there.close()
        joao_there.close()
        expect_soon(lambda: self.rows(joao), [(ana, text) for text in TEXTS])

    def refused(self, style, _style, ana, joao, _is_inside):
        for typed in (ana, f"{ana} {self.key(joao)}", f"zeca {self.key(joao)}"):
            client = Person(style, self.port, typed)
            if style == "bare_one_recv":
                # It shows the word, and waits for what the person says to it.
                expect_soon(lambda: client.lines, ["Usuário inválido"])
                client.close()
                continue
            expect(client.process.wait(PATIENCE), 1, "exit code")
            expect(client.process.stderr.read().strip(), "the server hung up", "said")


def relay(port):
    """Listens on a port, and passes on what it receives inside TLS. Returns the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client):
        try:
            pass_on(client)
        except OSError:
            # A program that ends with unread bytes resets its connection.
            client.close()

    def pass_on(client):
        server = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        with client, server:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                ready = [server] if server.pending() else select.select([client, server], [], [])[0]
                if server in ready:
                    if not (said := server.recv(4096)):
                        return
                    client.sendall(said)
                if client in ready:
                    if not (said := client.recv(4096)):
                        server.unwrap()
                        return
                    server.sendall(said)

    def accept():
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


main()
