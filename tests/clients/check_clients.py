"""Starts the real server and lets the clients of this folder talk through it, every style with
every other, as people with six different programs would.

    python3 check_clients.py ../../target/debug/mensageiro-server
"""

import sys
import tempfile
from pathlib import Path

from checking import PATIENCE, Person, Server, expect, expect_soon, run_all

STYLES = [
    "line_makefile",
    "bare_exact_f",
    "bare_one_recv",
    "byte_by_byte",
    "bare_slow_decode",
    "bare_ctrl_x",
]
BARE = [style for style in STYLES if style.startswith("bare_")]
EXACT = ["bare_exact_f", "bare_slow_decode"]  # wait for a recv that brings exactly "f"
LONG = ["é" * 700, "não são € " * 900, "x" * 1019 + "f", "😀" * 600]
EUROS = ["€" * 900]
BACKLOG = [f"{number}: " + "é, não, coração € " * number for number in range(30)]
TEXTS = ["olá, às 10 no café ☕", "f", '@carla disse "não", e foi-se; 1,5', "  dois espaços"]


def main():
    binary = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        World(binary, folder).run_all()


class World:
    """One server with its data, and two users of their own for every check."""

    def __init__(self, binary, folder):
        checks = [
            (f"{a} and {b} talk, offline and online", self.talk, a, b)
            for a in STYLES
            for b in STYLES
        ]
        checks += [(f"{a} is hung up on when unknown", self.unknown, a, a) for a in STYLES]
        checks += [
            (f"{b} hears from its group, and {a} only when a member", self.group, a, b)
            for a, b in zip(STYLES, STYLES[1:] + STYLES[:1])
        ]
        checks.append(
            ("30 messages reach a bare client one recv each", self.backlog, "line_makefile", "bare_exact_f")
        )
        checks += [
            (f"{name} poison no login of {b}", self.long_texts, "line_makefile", b, texts)
            for name, texts in (("long texts", LONG), ("euro signs", EUROS), ("30 texts", BACKLOG))
            for b in BARE
        ]
        checks.append(
            ("what bare_ctrl_x has not shown when it is left comes again", self.left, "line_makefile", "bare_ctrl_x")
        )
        users, groups = [], []
        for number, (name, function, a, b, *more) in enumerate(checks):
            checks[number] = (name, function, a, b, f"a{number}", f"joão{number}", *more)
            users += [f"a{number},A {number}", f"joão{number},João {number}"]
            groups += [f"turma{number},a{number}", f"turma{number},joão{number}"]
            groups.append(f"others{number},joão{number}")
        self.checks = checks
        self.server = Server(binary, folder, users, groups)
        self.port, self.rows = self.server.port, self.server.rows

    def run_all(self):
        run_all(self.checks, self.server)

    def talk(self, a, b, ana, joao):
        # João is offline; what Ana writes to nobody, or wrongly, must not disturb the rest.
        ana_there = Person(a, self.port, ana)
        sent = [f"@{joao} {text}" for text in TEXTS]
        for line in sent[:2] + ["@nobody anyone there?", "no address"] + sent[2:]:
            ana_there.type(line)
        expect(self.rows(joao), [], "rows before anything is read")
        # He comes, and reads all of it in order; his answer says so to the server.
        joao_there = Person(b, self.port, joao)
        expect_soon(lambda: bool(joao_there.lines), True)
        received = [f"@{ana} {text}" for text in TEXTS]
        joao_there.poll_until(received)
        joao_there.type(f"@{ana} já vou")
        expect_soon(lambda: self.rows(joao), [(ana, text) for text in TEXTS])
        # Both are there: an answer each way.
        ana_there.poll_until([f"@{joao} já vou"])
        ana_there.type(f"@{joao} até já")
        joao_there.poll_until([*received, f"@{ana} até já"])
        joao_there.type("@nobody bye")
        ana_there.close()
        joao_there.close()
        expect(self.rows(ana), [(joao, "já vou")], "rows of what Ana read")
        expect(self.rows(joao), [(ana, text) for text in [*TEXTS, "até já"]], "rows of João's")

    def unknown(self, style, _style, _ana, _joao):
        client = Person(style, self.port, "zeca")
        if style == "bare_one_recv":
            # It shows the word, and waits for what the person says to it.
            expect_soon(lambda: client.lines, ["Usuário inválido"])
            return client.close()
        expect(client.process.wait(PATIENCE), 1, "exit code")
        client.reader.join(PATIENCE)
        expect(client.lines, ["Usuário inválido"] if style == "bare_exact_f" else [], "shown")
        expect(client.process.stderr.read().strip(), "the server hung up", "said")

    def backlog(self, a, b, ana, joao):
        texts = [f"message {number}" for number in range(30)]
        ana_there = Person(a, self.port, ana)
        for text in texts:
            ana_there.type(f"@{joao} {text}", pause=0)
        ana_there.close()
        joao_there = Person(b, self.port, joao)
        joao_there.close()
        expect(joao_there.lines, [f"@{ana} {text}" for text in texts], "shown")
        expect_soon(lambda: self.rows(joao), [(ana, text) for text in texts])

    def long_texts(self, a, b, ana, joao, texts):
        ana_there = Person(a, self.port, ana)
        for text in texts:
            ana_there.type(f"@{joao} {text}", pause=0)
        ana_there.close()
        joao_there = Person(b, self.port, joao)
        # Spaces keep recv from cutting characters (PROTOCOL.md, F3).
        received = [f"@{ana} {text}".replace(" ", "") for text in texts]
        if b not in EXACT:
            joao_there.poll_until(received, without_spaces=True)
        joao_there.close()
        if b in EXACT:
            expect("".join(joao_there.lines).replace(" ", ""), "".join(received), "shown")
        expect_soon(lambda: self.rows(joao), [(ana, text) for text in texts])

    def left(self, a, b, ana, joao):
        texts = [f"message {number}" for number in range(3)]
        ana_there = Person(a, self.port, ana)
        for text in texts:
            ana_there.type(f"@{joao} {text}", pause=0)
        ana_there.close()
        # He sees the first one, and leaves.
        joao_there = Person(b, self.port, joao)
        expect_soon(lambda: joao_there.lines, [f"@{ana} {texts[0]}"])
        joao_there.type("", pause=1)
        joao_there.close()
        expect(self.rows(joao), [], "rows")
        again = Person("bare_exact_f", self.port, joao)
        again.close()
        expect(again.lines, [f"@{ana} {text}" for text in texts], "shown")
        expect_soon(lambda: self.rows(joao), [(ana, text) for text in texts])

    def group(self, a, b, ana, joao):
        turma, others = ana.replace("a", "turma"), ana.replace("a", "others")
        ana_there = Person(a, self.port, ana)
        joao_there = Person(b, self.port, joao)
        ana_there.type(f"@{others} may I?")
        ana_there.type(f"@{turma} prova amanhã")
        joao_there.poll_until([f"@{turma} {ana}: prova amanhã"])
        joao_there.type(f"@{turma} obrigado")
        ana_there.poll_until([f"@{turma} {joao}: obrigado"])
        ana_there.type("@nobody bye")
        ana_there.close()
        joao_there.close()
        expect_soon(lambda: self.rows(f"{turma}/{joao}"), [(ana, "prova amanhã")])
        expect_soon(lambda: self.rows(f"{turma}/{ana}"), [(joao, "obrigado")])


main()
