"""What the checks of this folder share: the real server, people at programs, and counting."""

import csv
import re
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE = 30  # seconds anything may take before it counts as failed
TYPING = 0.3  # seconds a person takes for a line, so that two bare lines never arrive as one


class Server:
    """The real server on a free port, with these users, groups and options."""

    def __init__(self, binary, folder, users, groups=(), options=()):
        self.archive = Path(folder) / "messages.csv"
        (Path(folder) / "users.csv").write_text("login,name\n" + "\n".join(users), "utf-8")
        (Path(folder) / "groups.csv").write_text("group,member\n" + "\n".join(groups), "utf-8")
        self.archive.write_text("id,sent_at,read_at,from,to,text\n", encoding="utf-8")
        self.command = [binary, "--listen", "127.0.0.1:0", "--data", folder, *options]
        self.log = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
        )
        self.port = self.find_port()
        said = self.process.stdout
        threading.Thread(target=lambda: self.log.extend(said), daemon=True).start()

    def find_port(self):
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                return int(found[1])
        sys.exit("the server did not start:\n" + "".join(self.log))

    def stop(self):
        """Asks it to stop; returns its exit code, or what is wrong."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "still running 30 s after it was asked to stop"

    def kill(self):
        """Ends it as a power switch would."""
        self.process.kill()
        self.process.wait()

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


class Person:
    """A person at one of the programs: types lines, looks at what it shows."""

    def __init__(self, style, port, user):
        self.style = style
        self.process = subprocess.Popen(
            [sys.executable, "-X", "utf8", HERE / f"{style}.py", "127.0.0.1", str(port), user],
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

    def poll_until(self, messages, without_spaces=False):
        """Writes to nobody, so that the program asks again, until these have been shown and
        nothing else."""
        deadline = time.monotonic() + PATIENCE
        while not self.has_shown(messages, without_spaces):
            if time.monotonic() > deadline:
                expect(self.lines, messages, "shown")
            self.type("@nobody still there?")

    def has_shown(self, messages, without_spaces=False):
        if self.style == "bare_slow_decode":
            # Messages that come while it works are glued to each other, but no end mark is.
            return "".join(self.lines) == "".join(messages)
        if self.style not in ("bare_one_recv", "bare_ctrl_x"):
            return self.lines == messages
        # What arrives between two rounds it shows as one, end marks and all.
        glued = "f*".join(re.escape(message) for message in ["", *messages, ""])
        shown = "".join(self.lines)
        return re.fullmatch(glued, shown.replace(" ", "") if without_spaces else shown) is not None

    def close(self):
        self.process.stdin.close()
        expect(self.process.wait(PATIENCE), 0, "exit code")
        self.reader.join(PATIENCE)


def run_all(checks, server):
    """Runs the checks, (name, function, arguments), several at a time, then stops the server."""
    try:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda check: run(check, server), checks))
    finally:
        status = server.stop()
    results.append(("the server stops cleanly when asked", None if status == 0 else status))
    failed = [name for name, problem in results if problem is not None]
    for name, problem in results:
        print("ok    " + name if problem is None else f"FAILED {name}\n{problem}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    sys.exit(bool(failed))


def run(check, server):
    name, function, *arguments = check
    try:
        function(*arguments)
        return name, None
    except Exception:
        return name, traceback.format_exc() + "".join(server.log[-8:])


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
