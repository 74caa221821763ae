"""Made the sample store beside this file, with the last server that wrote format 3 (commit 356db87):

    git worktree add ../format-3 356db87 && cd ../format-3 && cargo build -p mensageiro-server
    python3 make.py ../format-3/target/debug/mensageiro-server

It replaces `data/`, a data folder as kill -9 left it, and `expected.json`, what clients must be told once its store is
converted. Both were asked of the old server itself: it was started on a copy of the folder.

What is in it: classic and live sessions; pairs, a group, messages to oneself; members who left and came back, a user
who was removed and came back; tags; texts with everything a CSV file or a line must escape; a mailbox that was full
when its group was written to; three restarts. At the end something is in the old log only, something is unread, and
messages.csv lacks rows.
"""

import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
DATA = HERE / "data"
# Above every id.
ALL = 1_000_000
USERS = {
    "ana": "Ana Souza",
    "bruno": "Bruno Lima",
    "carla": "Carla",
    "conceição": "Conceição dos Anjos",
    "joão": "João",
    "zoë": "Zoë",
    "李雷": "Li Lei",
    "eva": "Eva",
}


def write_users(names=USERS):
    rows = "".join(f"{login},{USERS[login]}\n" for login in names)
    (DATA / "users.csv").write_text("login,name\n" + rows, encoding="utf-8")


class Groups:
    """groups.csv, and who belonged to each group when."""

    def __init__(self):
        self.members = {}

    def write(self, **groups):
        self.members = {name.replace("_", "-"): sorted(names) for name, names in groups.items()}
        rows = [f"{group},{one}\n" for group, members in self.members.items() for one in members]
        (DATA / "groups.csv").write_text("group,member\n" + "".join(rows), encoding="utf-8")


class Server:
    def __init__(self, data, *arguments):
        command = [sys.argv[1], "--listen", "127.0.0.1:0", "--data", str(data), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.port = int(line.rpartition(":")[2])
            if line.startswith("Ctrl-C"):
                break

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()


class Client:
    def __init__(self, server, first):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.write(first)

    def write(self, line):
        self.socket.sendall(line if isinstance(line, bytes) else (line + "\n").encode())

    def hear(self):
        line = self.lines.readline()
        assert line.endswith("\n"), "the server hung up"
        return line[:-1]

    def until(self, is_last):
        heard = []
        while True:
            heard.append(self.hear())
            if is_last(heard[-1]):
                return heard

    def until_f(self):
        return self.until(lambda line: line == "f")[:-1]

    def close(self):
        """In order."""
        self.socket.shutdown(socket.SHUT_WR)
        while self.socket.recv(4096):
            pass
        self.lines.close()
        self.socket.close()


class Classic(Client):
    def __init__(self, server, login):
        super().__init__(server, login)
        self.until_f()

    def say(self, line=""):
        self.write(line)
        return self.until_f()


class Live(Client):
    def __init__(self, server, login, after=None, device=None):
        hello = f"{login} live/1"
        hello += f" device={device}" if device else ""
        hello += f" after={after}" if after is not None else ""
        super().__init__(server, hello)
        self.login = login
        self.backlog = self.until_f()
        self.last = json.loads(self.backlog.pop(0).removeprefix("welcome "))["last"]

    def ask(self, verb, **what):
        self.write(f"{verb} {json.dumps(what)}")
        answer = self.until(lambda line: line.startswith(verb + " "))
        return answer[:-1], json.loads(answer[-1].partition(" ")[2])

    def send(self, to, text, tag):
        self.write(f"#{tag} @{to} {text}")
        answer = self.until(lambda line: line.startswith(("ok ", "no ")))[-1]
        verb, _, answer = answer.partition(" ")
        return json.loads(answer) if verb == "ok" else None

    def tell(self, verb, **what):
        """Something that is not answered. Returns when it has happened."""
        self.write(f"{verb} {json.dumps(what)}\nping {{}}")
        self.until(lambda line: line.startswith("pong "))


    def everybody_in(self, group, members):
        """Returns when the server's groups.csv is that of this program."""
        while True:
            _, roster = self.ask("roster")
            found = [one for one in roster["groups"] if one["name"] == group]
            if found and sorted(found[0]["members"]) == sorted(members):
                return
            time.sleep(0.1)


def make():
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir()
    # Who belonged to a group when this text was written to it; who missed it; what every tag stands for.
    facts = {"members": {}, "missed": {}, "sent": []}
    groups = Groups()
    write_users()
    groups.write(turma_a=["ana", "bruno", "carla", "joão", "zoë"], órfãos=["conceição", "李雷"])

    def post(client, to, text, tag):
        answer = client.send(to, text, tag)
        assert answer, (to, text)
        facts["sent"].append({"login": client.login, "tag": tag, "id": answer["id"], "at": answer["at"]})
        if to in groups.members:
            facts["members"][text] = groups.members[to]
            facts["missed"][text] = answer.get("missed", [])

    # Classic and live sessions, everything texts can hold, a group whose members change.
    server = Server(DATA)
    ana = Live(server, "ana", device="5f0c")
    joao = Live(server, "joão", after=0, device="a1")
    bruno = Classic(server, "bruno")
    bruno.say("@ana oi, \"ana\"; tudo bem?")
    bruno.write("@ana ".encode() + "não é UTF-8".encode("latin-1") + b"\n")
    bruno.until_f()
    bruno.say("@bruno to myself")
    post(ana, "bruno", "=SUM(A1), \"quoted\" 'and' more\\nsecond line \\\\ backslash", "c1")
    post(ana, "joão", "🙂 é ção ü 你好", "c2")
    post(ana, "ana", "a note to myself", "c3")
    post(joao, "ana", "long " + "lorem ipsum " * 200, "t:1")
    post(joao, "turma-a", "first of the group", "t:2")
    joao.tell("got", up_to=5)
    joao.tell("read", **{"with": "ana", "up_to": 5})
    bruno.say()
    bruno.say("@turma-a classic, to the group")
    facts["members"]["classic, to the group"] = groups.members["turma-a"]
    groups.write(turma_a=["ana", "bruno", "joão"], órfãos=["conceição", "李雷"])
    ana.everybody_in("turma-a", groups.members["turma-a"])
    post(ana, "turma-a", "carla and zoë have left", "c4")
    for number in range(40):
        post(ana, "joão", f"one of many {number}", f"many-{number}")
    ana.close()
    bruno.close()
    server.end()

    # A user is removed and comes back; members who have left come back.
    server = Server(DATA)
    write_users([login for login in USERS if login != "zoë"])
    conceicao = Live(server, "conceição", device="a1")
    while any(one["login"] == "zoë" for one in conceicao.ask("roster")[1]["users"]):
        time.sleep(0.1)
    groups.write(turma_a=["ana", "bruno", "carla", "joão", "eva"], órfãos=["conceição", "李雷", "eva"])
    eva = Live(server, "eva")
    eva.everybody_in("turma-a", groups.members["turma-a"])
    eva.everybody_in("órfãos", groups.members["órfãos"])
    post(eva, "turma-a", "eva is new here", "e1")
    post(conceicao, "órfãos", "para todos", "t:1")
    li = Classic(server, "李雷")
    li.say("@órfãos 大家好")
    facts["members"]["大家好"] = groups.members["órfãos"]
    li.say("@conceição obrigado")
    li.close()
    conceicao.tell("read", **{"with": "órfãos", "up_to": ALL})
    write_users()
    groups.write(turma_a=["ana", "bruno", "carla", "joão", "eva", "zoë"], órfãos=["李雷", "eva"])
    eva.everybody_in("turma-a", groups.members["turma-a"])
    eva.everybody_in("órfãos", groups.members["órfãos"])
    post(eva, "órfãos", "conceição has left", "e2")
    post(eva, "turma-a", "zoë is back", "e3")
    server.end()

    # A mailbox that is full.
    server = Server(DATA, "--max-mailbox", "12")
    ana = Live(server, "ana", after=0, device="5f0c")
    ana.tell("read", **{"with": "turma-a", "up_to": ALL})
    ana.tell("read", **{"with": "joão", "up_to": ALL})
    number = 0
    while ana.send("carla", f"filling {number}", f"full-{number}"):
        number += 1
    post(ana, "turma-a", "carla misses this, and so does joão", "c5")
    post(ana, "turma-a", "and this", "c6")
    carla = Classic(server, "carla")
    carla.say()
    post(ana, "turma-a", "carla has read, and gets this", "c7")
    carla.close()
    server.end()

    # At the end: killed while the archive is behind.
    server = Server(DATA)
    everybody = [Live(server, login, device="end") for login in ("ana", "bruno", "joão", "conceição")]
    ana, bruno, joao, conceicao = everybody
    for number in range(6):
        post(ana, "bruno", f"line {number}", f"end-{number}")
        post(bruno, "conceição", f"linha {number}", f"end-{number}")
    post(joao, "turma-a", "last of the group", "end-g")
    Classic(server, "李雷").close()
    time.sleep(6)
    for number in range(6, 12):
        post(ana, "bruno", f"line {number}", f"end-{number}")
    bruno.tell("got", up_to=ALL)
    bruno.tell("read", **{"with": "ana", "up_to": ALL})
    conceicao.tell("read", **{"with": "bruno", "up_to": ALL})
    # The archive has just written and rests now.
    ana.tell("read", **{"with": "turma-a", "up_to": ALL})
    joao.tell("read", **{"with": "ana", "up_to": 20})
    for number in range(4):
        post(ana, "conceição", f"only in the log {number}", f"log-{number}")
    server.end(signal.SIGKILL)
    (DATA / "running.json").unlink(missing_ok=True)
    return facts


def ask(data):
    """What everybody is told by a server on this data folder, which is not the worse for it."""
    server = Server(data)
    told = {}
    roster = Live(server, "ana")
    _, who = roster.ask("roster")
    seen = {one["login"]: one["seen"] for one in who["users"] if "seen" in one}
    roster.close()
    for login in USERS:
        client = Live(server, login)
        receipts, page = client.ask("conversations", limit=200)
        assert not page["more"]
        unread = client.backlog
        histories = {}
        for conversation in page["conversations"]:
            histories[conversation["with"]] = history(client, conversation["with"])
        client.close()
        # A device that has nothing: all messages for or by this user, all receipts, how far has been read.
        device = Live(server, login, after=0)
        resumed = device.backlog
        device.close()
        told[login] = {
            "unread": unread,
            "conversations": page["conversations"],
            "receipts": receipts,
            "histories": histories,
            "resumed": resumed,
        }
    server.end()
    return {"seen": seen, "told": told, "archive": (data / "messages.csv").read_text(encoding="utf-8")}


def history(client, name):
    lines, before = [], None
    while True:
        more = {"before": before} if before else {}
        told, end = client.ask("history", **{"with": name, "limit": 200, **more})
        lines = told + lines
        if not end["more"]:
            return lines
        before = int(next(line for line in told if line.startswith("#"))[1:].partition(";")[0])


def main():
    facts = make()
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "data"
        shutil.copytree(DATA, copy)
        expected = ask(copy)
    store = DATA / "store"
    assert b"only in the log 0" in (store / "0.wal").read_bytes() + (store / "1.wal").read_bytes()
    assert not any(b"only in the log" in journal.read_bytes() for journal in store.glob("*.jnl"))
    before = (DATA / "messages.csv").read_text(encoding="utf-8")
    assert expected["archive"].startswith(before)
    missing = expected["archive"].count("\n") - before.count("\n")
    print("rows that messages.csv lacks:", missing)
    assert missing >= 2
    expected |= facts
    text = json.dumps(expected, ensure_ascii=False, indent=1, sort_keys=True)
    (HERE / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
