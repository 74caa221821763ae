"""Starts the real server and lets the clients of this folder talk through it, every style with
every other, as people with four different programs would.

    python3 check_clients.py ../../target/debug/mensageiro-server
"""

import csv
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
STYLES = ["line_makefile", "bare_exact_f", "bare_one_recv", "byte_by_byte"]
PATIENCE = 30  # seconds anything may take before it counts as failed
TYPING = 0.3  # seconds a person takes for a line, so that two bare lines never arrive as one
TEXTS = ["olá, às 10 no café ☕", "f", '@carla disse "não", e foi-se; 1,5', "  dois espaços"]


def main():
    binary = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        world = World(binary, Path(folder))
        try:
            results = world.run_all()
        finally:
            status = world.stop()
        results.append(("the server stops cleanly when asked", None if status == 0 else status))
    failed = [name for name, problem in results if problem is not None]
    for name, problem in results:
        print("ok    " + name if problem is None else f"FAILED {name}\n{problem}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    sys.exit(bool(failed))


class World:
    """One server with its data, and two users of their own for every check."""

    def __init__(self, binary, folder):
        self.archive = folder / "messages.csv"
        self.checks = [
            (f"{a} and {b} talk, offline and online", self.talk, a, b)
            for a in STYLES
            for b in STYLES
        ]
        self.checks += [(f"{a} is hung up on when unknown", self.unknown, a, a) for a in STYLES]
        self.checks += [
            (f"{b} hears from its group, and {a} only when a member", self.group, a, b)
            for a, b in zip(STYLES, STYLES[1:] + STYLES[:1])
        ]
        self.checks.append(
            ("30 messages reach a bare client one recv each", self.backlog, "line_makefile", "bare_exact_f")
        )
        with (
            open(folder / "users.csv", "w", encoding="utf-8") as users,
            open(folder / "groups.csv", "w", encoding="utf-8") as groups,
        ):
            users.write("login,name\n")
            groups.write("group,member\n")
            for number in range(len(self.checks)):
                users.write(f"a{number},A {number}\njoão{number},João {number}\n")
                groups.write(f"turma{number},a{number}\nturma{number},joão{number}\n")
                groups.write(f"others{number},joão{number}\n")
        self.archive.write_text("id,sent_at,read_at,from,to,text\n", encoding="utf-8")
        self.server = subprocess.Popen(
            [binary, "--listen", "127.0.0.1:0", "--data", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log = []
        self.port = self.find_port()
        threading.Thread(target=lambda: self.log.extend(self.server.stdout), daemon=True).start()

    def find_port(self):
        for line in self.server.stdout:
            self.log.append(line)
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                return found[1]
        sys.exit("the server did not start:\n" + "".join(self.log))

    def stop(self):
        self.server.terminate()
        try:
            return self.server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            return "still running 30 s after it was asked to stop"

    def run_all(self):
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(self.run, range(len(self.checks))))

    def run(self, number):
        name, check, a, b = self.checks[number]
        try:
            check(a, b, f"a{number}", f"joão{number}")
            return name, None
        except Exception:
            return name, traceback.format_exc() + "".join(self.log[-8:])

    def talk(self, a, b, ana, joao):
        # João is offline; what Ana writes to nobody, or wrongly, must not disturb the rest.
        ana_there = Client(a, self.port, ana)
        sent = [f"@{joao} {text}" for text in TEXTS]
        for line in sent[:2] + ["@nobody anyone there?", "no address"] + sent[2:]:
            ana_there.type(line)
        expect(self.rows(joao), [], "rows before anything is read")
        # He comes, and reads all of it in order; his answer says so to the server.
        joao_there = Client(b, self.port, joao)
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
        client = Client(style, self.port, "zeca")
        expect(client.process.wait(PATIENCE), 1, "exit code")
        expect(client.lines, [], "shown")
        expect(client.process.stderr.read().strip(), "the server hung up", "said")

    def backlog(self, a, b, ana, joao):
        texts = [f"message {number}" for number in range(30)]
        ana_there = Client(a, self.port, ana)
        for text in texts:
            ana_there.type(f"@{joao} {text}", pause=0)
        ana_there.close()
        joao_there = Client(b, self.port, joao)
        joao_there.close()
        expect(joao_there.lines, [f"@{ana} {text}" for text in texts], "shown")
        expect_soon(lambda: self.rows(joao), [(ana, text) for text in texts])

    def group(self, a, b, ana, joao):
        turma, others = ana.replace("a", "turma"), ana.replace("a", "others")
        ana_there = Client(a, self.port, ana)
        joao_there = Client(b, self.port, joao)
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

    def rows(self, to):
        """What messages.csv holds for a reader: (from, text) in order, ids rising."""
        with open(self.archive, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = [row for row in reader if row["to"] == to]
        expect(reader.fieldnames, ["id", "sent_at", "read_at", "from", "to", "text"], "header")
        ids = [int(row["id"]) for row in rows]
        expect(ids, sorted(set(ids)), "ids")
        for row in rows:
            if not row["sent_at"] <= row["read_at"]:
                raise AssertionError(f"read before it was sent: {row}")
        return [(row["from"], unprotected(row["text"])) for row in rows]


class Client:
    """A person at one of the programs: types lines, looks at what it shows."""

    def __init__(self, style, port, user):
        self.style = style
        self.process = subprocess.Popen(
            [sys.executable, "-X", "utf8", HERE / f"{style}.py", "127.0.0.1", port, user],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def type(self, line, pause=TYPING):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        time.sleep(pause)

    def poll_until(self, messages):
        """Writes to nobody, so that the program asks again, until these have been shown and
        nothing else."""
        deadline = time.monotonic() + PATIENCE
        while not self.has_shown(messages):
            if time.monotonic() > deadline:
                expect(self.lines, messages, "shown")
            self.type("@nobody still there?")

    def has_shown(self, messages):
        if self.style != "bare_one_recv":
            return self.lines == messages
        # What arrives between two rounds it shows as one, end marks and all.
        glued = "f*".join(re.escape(message) for message in ["", *messages, ""])
        return re.fullmatch(glued, "".join(self.lines)) is not None

    def close(self):
        self.process.stdin.close()
        expect(self.process.wait(PATIENCE), 0, "exit code")
        self.reader.join(PATIENCE)


def unprotected(field):
    """Takes away the apostrophes that keep spreadsheets from seeing formulas (docs/STORAGE.md)."""
    return re.sub(r"(?s)(?<![^;\t\n])'(.)", r"\1", field)


def expect_soon(find, expected):
    deadline = time.monotonic() + PATIENCE
    while (found := find()) != expected:
        if time.monotonic() > deadline:
            expect(found, expected, "found")
        time.sleep(0.02)


def expect(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r} instead of {expected!r}")


main()
