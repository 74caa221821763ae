"""Starts the real server and talks with it as `live_client.py` does, classic programs beside it.

    python3 check_live.py ../../target/debug/mensageiro-server
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from socket import SHUT_WR

from checking import PATIENCE, Person, Server, expect, expect_soon, run_all
from hearing import expect_broken, expected, one_line, sent, wait_for, wait_for_pong
from live_client import Broken, LiveClient

CLASSIC = ["line_makefile", "bare_exact_f"]
TEXTS = ["olá, às 10 no café ☕", "f", "two\nlines\n", r"C:\new\\", "#1 @x ok {}", "  two spaces "]


def main():
    binary = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        World(binary, folder).run_all()


class World:
    """One server with its data, and three users and a group of their own for every check."""

    def __init__(self, binary, folder):
        self.binary = binary
        checks = [
            (f"live and {style} write to each other", self.with_classic, style) for style in CLASSIC
        ]
        checks += [(what.__doc__.strip("."), what) for what in self.lone_checks()]
        users, groups = [], []
        for number, check in enumerate(checks):
            names = f"ana{number}", f"joão{number}", f"carla{number}"
            checks[number] = (*check, *names)
            users += [f"{name},{name.capitalize()}" for name in names]
            groups += [f"turma{number},{name}" for name in names]
            groups.append(f"others{number},{names[1]}")
        self.checks = checks
        self.server = Server(binary, folder, users, groups)

    def lone_checks(self):
        return [
            self.both_ways,
            self.replies,
            self.files,
            self.changes,
            self.resume,
            self.resend,
            self.numbers,
            self.cut_off,
            self.restart,
            self.restored,
            self.backed_up,
            self.reading,
            self.keeping,
            self.unread,
            self.two_devices,
            self.settings,
            self.classic_beside_live,
            self.history,
            self.group,
            self.refusals,
            self.later_versions,
            self.strangers,
            self.long_line,
            self.typing_and_presence,
            self.roster_changes,
            self.conversations,
            self.goodbye,
        ]

    def run_all(self):
        run_all(self.checks, self.server)

    def live(self, login, *others):
        client = LiveClient("127.0.0.1", self.server.port, login)
        client.connect()
        return client

    def both_ways(self, ana, joao, _carla):
        """Live and live write to each other, each text comes as it was sent."""
        a, j = self.live(ana), self.live(joao)
        for text in TEXTS:
            id = sent(a, joao, text)
            message = wait_for(j, "message")
            expect((message["id"], message["text"]), (id, text), "pushed")
            expect((message["with"], message["from"], message["mine"]), (ana, ana, False), "who")
        sent(j, ana, "obrigado")
        expect(wait_for(a, "message")["text"], "obrigado", "answer")
        expect(sorted(j.messages), list(j.messages), "ids rise")

    def with_classic(self, style, ana, joao, _carla):
        a, j = self.live(ana), Person(style, self.server.port, joao)
        for text in TEXTS[:4]:
            sent(a, joao, text)
        expected = [f"@{ana} {one_line(text)}" for text in TEXTS[:4]]
        j.poll_until(expected)
        j.type(f"@{ana} sim, \\n e não")
        expect(wait_for(a, "message")["text"], "sim, \\n e não", "from classic")
        receipt = wait_for(a, "receipt", state="read")
        expect((receipt["with"], receipt["by"]), (joao, joao), "receipt")
        j.close()
        expect(self.server.rows(joao)[0], (ana, TEXTS[0]), "row")

    def replies(self, ana, joao, _carla):
        """A reply names the message that it answers, at once, to who comes later, and in the history."""
        a, j = self.live(ana), self.live(joao)
        id = sent(a, joao, "at 10?")
        wait_for(j, "message")
        a.drop()
        answer = sent(j, ana, f"> {ana}: “at 10?”\nyes", re=id)
        missed = [what["re"] for verb, what in a.connect() if verb == "message"]
        expect(missed, [id], "in the backlog")
        last = sent(a, joao, "fine", re=answer)
        expect(wait_for(j, "message")["re"], answer, "pushed")
        j.say("history", {"with": ana})
        expect([wait_for(j, "message", old=True)["re"] for _ in range(3)], [None, id, answer], "history")
        expect([one["last"].get("re") for one in self.live(joao).conversations()], [answer], "listed")
        expect(sent(a, joao, "fine", tag=f"{a.device}:{a.number}", re=answer), last, "again")

    def files(self, ana, joao, _carla):
        """A file comes to live readers as a file and to classic ones as a link."""
        a, j = self.live(ana), self.live(joao)
        content = bytes(range(256)) * 5_000
        tag = a.send_file(joao, "praça; 1.png", content, "image/png", "look")
        expect(wait_for(a, "ok")["tag"], tag, "accepted")
        got = wait_for(j, "message")
        expect((got["name"], got["size"]), ("praça; 1.png", len(content)), "named")
        expect(j.fetch(got) == content, True, "the same bytes")
        expect(j.fetch(got, 1_000_000) == content[1_000_000:], True, "the rest")
        caption, link = got["text"].split("\n")
        path = link.rsplit(":", 1)[1].partition("/")[2]
        status, headers, bytes_of_link = a.http("GET", f"/{path}")
        expect((caption, status, bytes_of_link == content), ("look", 200, True), "the link")
        expect(headers["Content-Disposition"].split(";")[0], "inline", "a picture is shown")
        j.say("history", {"with": ana})
        expect(wait_for(j, "message", old=True)["file"], got["file"], "history")
    def changes(self, ana, joao, _carla):
        """Edits and deletions come as what they are, at once, later, and in the history; classic programs get what they can show."""
        a, j = self.live(ana), self.live(joao)
        desk = Person("line_makefile", self.server.port, joao)
        first, second = sent(a, joao, "at 10"), sent(a, joao, "a secret")
        said = [f"@{ana} at 10", f"@{ana} a secret"]
        desk.poll_until(said)
        j.drop()
        edit, gone = sent(a, joao, "at 11", edit=first), sent(a, joao, "-", del_=second)
        desk.poll_until([*said, f"@{ana} * at 11"])
        missed = [(what["id"], what["edit"], what["del"]) for verb, what in j.connect() if verb == "message"]
        expect(missed[-2:], [(edit, first, None), (gone, None, second)], "missed")
        expect((list(j.messages), j.text_of(first)), ([first], "at 11"), "what is left")
        expect((list(a.messages), a.text_of(first)), ([first], "at 11"), "at the author")
        late = self.live(joao)
        late.say("history", {"with": ana})
        wait_for(late, "history", count=1)
        expect((list(late.messages), late.text_of(first)), ([first], "at 11"), "on a new device")
        j.send(ana, "not mine", edit=first)
        expect(wait_for(j, "no")["code"], "not-allowed", "somebody else's")
        a.send(joao, "-", edit=second)
        expect(wait_for(a, "no")["code"], "unknown", "what is deleted")
        desk.close()

    def resume(self, ana, joao, _carla):
        """After a broken connection comes exactly what was missed, once."""
        a, j = self.live(ana), self.live(joao)
        ids = [sent(a, joao, "before")]
        wait_for(j, "message")
        for round in range(5):
            j.drop()
            ids += [sent(a, joao, f"missed {round}.{number}") for number in range(3)]
            missed = [what["id"] for verb, what in j.connect() if verb == "message"]
            expect(missed, ids[-3:], "missed")
            ids.append(sent(a, joao, f"after {round}"))
            expect(wait_for(j, "message")["id"], ids[-1], "pushed after it")
        expect(list(j.messages), ids, "all, in order")
        a.drop()
        sent(j, ana, "one")
        expect([what["text"] for verb, what in a.connect() if verb == "message"], ["one"], "news")

    def resend(self, ana, joao, _carla):
        """A tag that is sent again is the same message, in another session too."""
        a, j = self.live(ana), self.live(joao)
        id = sent(a, joao, "hello", tag="c7")
        expect(sent(a, joao, "hello", tag="c7"), id, "the same session")
        expect(sent(self.live(ana), joao, "hello", tag="c7"), id, "another session")
        a.drop()
        a.connect()
        expect(sent(a, joao, "hello", tag="c7"), id, "a session later")
        last = sent(a, joao, "another", tag="c8")
        expect([wait_for(j, "message")["id"] for _ in range(2)], [id, last], "at the reader")
        # The same tag of somebody else is another message.
        expect(sent(j, ana, "hello", tag="c7") > last, True, "another user's tag")

    def numbers(self, ana, joao, _carla):
        """A device's numbers tell a message that is sent again from another one with its number."""
        a, j = self.live(ana), self.live(joao)
        tag = a.send(joao, "one")
        id = wait_for(a, "ok", tag=tag)["id"]
        copy = LiveClient("127.0.0.1", self.server.port, ana)
        copy.device = a.device
        copy.connect()
        expect((tag, copy.number), (f"{a.device}:1", 1), "the highest number")
        expect(sent(copy, joao, "one", tag=tag), id, "sent again")
        copy.send(joao, "two", tag=tag)
        expect(wait_for(copy, "no")["code"], "tag-used", "another text")
        copy.drop()
        copy.connect()
        wait_for(copy, "ok")
        for number in range(130):
            sent(a, joao, f"more {number}", tag=f"{a.device}:{7 * number + 9}")
        expect(sent(a, joao, "more 129", tag=f"{a.device}:{7 * 129 + 9}") > id, True, "sent again")
        a.send(joao, "one", tag=tag)
        expect(wait_for(a, "no")["code"], "tag-old", "long ago")
        texts = [wait_for(j, "message")["text"] for _ in range(132)]
        expect(texts, ["one", "two"] + [f"more {number}" for number in range(130)], "at the reader")

    def cut_off(self, ana, joao, _carla):
        """A message that is cut off by the end of the connection is none; sent again it is whole."""
        a, j = self.live(ana), self.live(joao)
        a.socket.sendall(f"#c7 @{joao} hel".encode())
        a.socket.shutdown(SHUT_WR)
        expect_broken(a)
        a.connect()
        id = sent(a, joao, "hello", tag="c7")
        message = wait_for(j, "message")
        expect((message["id"], message["text"]), (id, "hello"), "at the reader")

    def restart(self, ana, joao, _carla):
        """Nothing is lost or doubled when the server is killed and starts again."""
        with tempfile.TemporaryDirectory() as folder:
            server = Server(self.binary, folder, [ana, joao])
            a, j = (LiveClient("127.0.0.1", server.port, login) for login in (ana, joao))
            a.connect(), j.connect()
            ids = [sent(a, joao, f"message {number}", tag=f"t{number}") for number in range(20)]
            j.say("read", {"with": ana, "up_to": ids[4]})
            wait_for(a, "receipt", state="read")
            a.send(joao, "perhaps", tag="perhaps")
            server.kill()
            expect_broken(a), expect_broken(j)
            server.start()
            for client in (a, j):
                client.port = server.port
                client.connect()
            ids.append(sent(a, joao, "perhaps", tag="perhaps"))
            expect([sent(a, joao, "again", tag=f"t{n}") for n in range(20)], ids[:20], "tags")
            ids.append(sent(a, joao, "the end"))
            wait_for(j, "message", id=ids[-1])
            expect(list(j.messages), ids, "at the reader")
            fresh = LiveClient("127.0.0.1", server.port, joao)
            unread = [what["id"] for verb, what in fresh.connect() if verb == "message"]
            expect(unread, ids[5:], "unread")
            fresh.say("read", {"with": ana, "up_to": ids[-1]})
            wait_for(a, "receipt", state="read", id=ids[-1])
            texts = [f"message {number}" for number in range(20)] + ["perhaps", "the end"]
            expect_soon(lambda: server.rows(joao), [(ana, text) for text in texts])
            expect(server.stop(), 0, "exit code")

    def restored(self, ana, joao, _carla):
        """Who has seen more than a server that was restored from a copy keeps it, and gets what is new."""
        with tempfile.TemporaryDirectory() as folder:
            data, copy = Path(folder, "data"), Path(folder, "copy")
            data.mkdir()
            server = Server(self.binary, str(data), [ana, joao])
            a, j = (LiveClient("127.0.0.1", server.port, login) for login in (ana, joao))
            a.connect(), j.connect()
            expect(bool(re.fullmatch("[0-9a-f]{32}", a.store)) and a.epoch >= 1, True, "identity")
            sent(a, joao, "kept")
            expect(wait_for(j, "message")["text"], "kept", "at the reader")
            known = (j.store, j.epoch)
            expect(server.stop(), 0, "exit code")
            shutil.copytree(data, copy)
            server.start()
            for client in (a, j):
                client.port, asked = server.port, client.last
                restored = [what for verb, what in client.connect() if verb == "restored"]
                expect(restored, [], "news of the same store")
                expect(client.welcome["after"], asked, "goes on from")
            expect((j.store, j.epoch), known, "identity after a start")
            lost = [sent(a, joao, f"lost {number}") for number in range(3)]
            wait_for(j, "message", id=lost[-1])
            expect(server.stop(), 0, "exit code")
            shutil.rmtree(data)
            shutil.copytree(copy, data)
            server.start()
            for client in (a, j):
                client.port = server.port
                expect([what for verb, what in client.connect() if verb == "restored"] != [], True, "news")
            expect([one["text"] for one in j.only_here][-3:], [f"lost {n}" for n in range(3)], "kept here")
            expect([one["text"] for one in a.only_here][-3:], [f"lost {n}" for n in range(3)], "and here")
            expect(sent(a, joao, "new"), lost[0], "an id that was given before")
            expect(wait_for(j, "message", id=lost[0], text="new")["text"], "new", "at the reader")
            expect(server.stop(), 0, "exit code")

    def backed_up(self, ana, joao, _carla):
        """A restored backup begins an epoch: who knew more gets all that is new, under ids given before."""
        with tempfile.TemporaryDirectory() as folder:
            data, backup = Path(folder, "data"), Path(folder, "backup")
            data.mkdir()
            server = Server(self.binary, str(data), [ana, joao])
            a, j = (LiveClient("127.0.0.1", server.port, login) for login in (ana, joao))
            a.connect(), j.connect()
            kept = sent(a, joao, "kept")
            command = [self.binary, "--data", data, "backup", backup]
            subprocess.run(command, check=True, capture_output=True)
            lost = [sent(a, joao, f"lost {number}") for number in range(3)]
            wait_for(j, "message", id=lost[-1])
            known = (j.store, j.epoch)
            expect(server.stop(), 0, "exit code")
            shutil.rmtree(data)
            backup.rename(data)
            server.start()
            # Before the others come back, so many are sent that nothing but the epoch shows what happened.
            first = LiveClient("127.0.0.1", server.port, ana)
            first.connect()
            new = [sent(first, joao, f"new {number}") for number in range(9)]
            expect(new[:3], lost, "ids that were given before")
            a.port = j.port = server.port
            news = j.connect()
            expect((j.store, j.epoch > known[1]), (known[0], True), "the same store, a later epoch")
            expect(j.welcome["after"], kept, "goes on from")
            expect(news[0], ("restored", {"only_here": 3}), "news")
            texts = [what["text"] for verb, what in news if verb == "message"]
            expect(texts, [f"new {number}" for number in range(9)], "all that is new, once")
            expect([one["text"] for one in j.only_here], [f"lost {n}" for n in range(3)], "kept here")
            a.connect()
            expect([one["text"] for one in a.only_here][-3:], [f"lost {n}" for n in range(3)], "and here")
            # Its numbers go on, though the server knows of fewer now.
            expect(sent(a, joao, "after it") > new[-1], True, "sent")
            expect(wait_for(j, "message", text="after it")["with"], ana, "at the reader")
            expect(server.stop(), 0, "exit code")

    def reading(self, ana, joao, _carla):
        """What one session reads is read in the others and told to the author."""
        a, phone, desk = self.live(ana), self.live(joao), self.live(joao)
        ids = [sent(a, joao, f"message {number}") for number in range(4)]
        expect([wait_for(desk, "message")["id"] for _ in ids], ids, "at the desk")
        expect(self.server.rows(joao), [], "rows before anything is read")
        phone.say("read", {"with": ana, "up_to": ids[2]})
        expect(wait_for(desk, "read"), {"with": ana, "up_to": ids[2]}, "at the desk")
        receipt = wait_for(a, "receipt", state="read")
        expect((receipt["id"], receipt["with"], receipt["by"]), (ids[2], joao, joao), "receipt")
        expect_soon(lambda: len(self.server.rows(joao)), 3)
        left = LiveClient("127.0.0.1", self.server.port, joao)
        expect([what["id"] for _, what in left.connect()], ids[3:], "still unread")
        # Reading it again, or less of it, changes nothing.
        desk.say("read", {"with": ana, "up_to": ids[1]})
        desk.say("read", {"with": ana, "up_to": ids[3]})
        wait_for(a, "receipt", state="read", id=ids[3])
        expect_soon(lambda: len(self.server.rows(joao)), 4)

    def keeping(self, ana, joao, _carla):
        """What is safe on a device is told to the author, also of one who comes back later."""
        a, j = self.live(ana), self.live(joao)
        ids = [sent(a, joao, f"message {number}") for number in range(3)]
        j.say("got", {"up_to": ids[1]})
        receipt = wait_for(a, "receipt", state="delivered", id=ids[1])
        expect((receipt["with"], receipt["by"]), (joao, joao), "receipt")
        a.drop()
        desk = self.live(joao)
        j.say("got", {"up_to": ids[2]})
        j.say("read", {"with": ana, "up_to": ids[0]})
        wait_for(desk, "read")
        receipts = [what for verb, what in a.connect() if verb == "receipt"]
        states = {receipt["state"]: receipt["id"] for receipt in receipts}
        expect(states, {"delivered": ids[2], "read": ids[0]}, "receipts that changed")

    def unread(self, ana, joao, _carla):
        """Without after= comes what is unread, to every new session, until it is read."""
        a = self.live(ana)
        ids = [sent(a, joao, f"message {number}") for number in range(3)]
        for _ in range(2):
            j = LiveClient("127.0.0.1", self.server.port, joao)
            expect([what["id"] for _, what in j.connect()], ids, "backlog")
            expect(j.last >= ids[-1], True, "it may resume from there")
        j.say("read", {"with": ana, "up_to": ids[-1]})
        wait_for(a, "receipt", state="read")
        expect(LiveClient("127.0.0.1", self.server.port, joao).connect(), [], "nothing unread")

    def two_devices(self, ana, joao, _carla):
        """What one device sends the other gets, with its tag; the sender gets no copy."""
        phone, desk = self.live(ana), self.live(ana)
        id = sent(phone, joao, "from the phone", tag="p1")
        copy = wait_for(desk, "message")
        found = copy["id"], copy["with"], copy["from"], copy["tag"], copy["text"]
        expect(found, (id, joao, ana, "p1", "from the phone"), "copy")
        desk.drop()
        second = sent(phone, joao, "once more", tag="p2")
        expect([what["id"] for verb, what in desk.connect() if verb == "message"], [second], "news")
        expect(phone.hear(0.3), None, "at the sender")

    def settings(self, ana, joao, carla):
        """What one device has set the others know, and the last change counts, also one that was made without a connection."""
        phone, desk = self.live(ana), self.live(ana)
        for client in (phone, desk):
            client.follow_settings()
            wait_for(client, "settings", after=0)
        phone.set(joao, pinned=True, draft="olá,\nhalf a sen")
        wait_for(phone, "settings", tag="set1")
        wait_for(desk, "settings", last=1)
        desk.drop()
        desk.set(joao, pinned=False)
        desk.set(carla, muted=True)
        phone.set(joao, draft="")
        phone.set(None, note="lunch")
        wait_for(phone, "settings", tag="set3")
        desk.connect()
        wait_for(desk, "settings", tag="set2")
        wait_for(phone, "settings", last=5)
        tablet = self.live(ana)
        tablet.follow_settings()
        wait_for(tablet, "settings", after=0)
        told = {None: {"number": 3, "note": "lunch"}, joao: {"number": 4}}
        told[carla] = {"number": 5, "muted": True}
        for client in (phone, desk, tablet):
            expect(client.settings, told, "settings")
            expect((client.changes, client.unset), (5, {}), "changes")
        phone.set("nobody", pinned=True)
        expect(wait_for(phone, "no", tag="set4")["code"], "unknown-recipient", "refusal")

    def classic_beside_live(self, ana, joao, _carla):
        """A classic session of the same user is not given what a live one has read."""
        a, phone = self.live(ana), self.live(joao)
        ids = [sent(a, joao, f"message {number}") for number in range(3)]
        expect([wait_for(phone, "message")["id"] for _ in ids], ids, "at the phone")
        phone.say("read", {"with": ana, "up_to": ids[1]})
        wait_for(a, "receipt", state="read", id=ids[1])
        desk = Person("line_makefile", self.server.port, joao)
        desk.poll_until([f"@{ana} message 2"])
        desk.type(f"@{ana} written at the desk")
        told = dict(phone.hear(PATIENCE) for _ in range(2))
        expect(told["read"], {"with": ana, "up_to": ids[2]}, "read by the classic one")
        copy = told["message"]
        found = copy["with"], copy["from"], copy["text"]
        expect(found, (ana, joao, "written at the desk"), "copy")
        desk.close()

    def history(self, ana, joao, _carla):
        """History comes page by page, oldest first, without holes."""
        a, j = self.live(ana), self.live(joao)
        ids = [sent((a, j)[n % 2], (joao, ana)[n % 2], f"message {n}") for n in range(130)]
        pages, before = [], None
        while True:
            asked = {"with": joao} if before is None else {"with": joao, "before": before}
            a.say("history", asked)
            page, end = [], None
            while end is None:
                verb, what = a.hear(PATIENCE)
                if verb == "history":
                    end = what
                elif verb == "message" and what["old"]:
                    page.append(what["id"])
            expect((end["with"], end["count"]), (joao, len(page)), "the end of a page")
            pages = page + pages
            if not end["more"]:
                break
            expect(len(page), 50, "a full page")
            before = page[0]
        expect(pages, ids, "all of it")
        a.say("history", {"with": joao, "before": ids[10], "limit": 3})
        expect([wait_for(a, "message", old=True)["id"] for _ in range(3)], ids[7:10], "three")

    def group(self, ana, joao, carla):
        """A group's message comes to each member, live and classic, with receipts of each."""
        turma = ana.replace("ana", "turma")
        a, j = self.live(ana), self.live(joao)
        c = Person("line_makefile", self.server.port, carla)
        id = sent(a, turma, "prova\namanhã")
        message = wait_for(j, "message")
        found = message["id"], message["with"], message["from"], message["text"]
        expect(found, (id, turma, ana, "prova\namanhã"), "pushed")
        c.poll_until([f"@{turma} {ana}: prova amanhã"])
        c.type(f"@{turma} obrigada")
        for client in (a, j):
            message = wait_for(client, "message", text="obrigada")
            expect((message["with"], message["from"]), (turma, carla), "from classic")
        j.say("read", {"with": turma, "up_to": id})
        readers = set()
        while readers != {joao, carla}:
            readers.add(wait_for(a, "receipt", state="read", with_=turma)["by"])
        expect_soon(lambda: self.server.rows(f"{turma}/{joao}")[:1], [(ana, "prova\namanhã")])
        j.say("history", {"with": turma})
        expect(wait_for(j, "history")["count"], 2, "history of the group")
        c.close()

    def refusals(self, ana, joao, _carla):
        """What is refused is told with its tag and a code, and the session goes on."""
        a, j, others = self.live(ana), self.live(joao), ana.replace("ana", "others")
        for to, code in [("zoe", "unknown-recipient"), (others, "not-a-member")]:
            tag = a.send(to, "hello")
            no = wait_for(a, "no")
            expect((no["tag"], no["code"]), (tag, code), "refused")
            expect(bool(no["detail"]), True, "for people")
        a.write("#c9 hello")
        no = wait_for(a, "no")
        expect((no["tag"], no["code"]), ("c9", "bad-line"), "no recipient")
        bad = ["@joão", f"#{'x' * 65} @{joao} x", "#a/b @x y", "read {}", "got [", 'history {"with":7}']
        for line in bad:
            a.write(line)
            expect(wait_for(a, "no")["code"], "bad-line", line)
        a.say("history", {"with": others})
        expect(wait_for(a, "no")["code"], "not-a-member", "history of others")
        # Without a tag it is taken like any other, only without a word.
        a.write("@zoe hello")
        no = wait_for(a, "no")
        expect((no.get("tag"), no["code"]), (None, "unknown-recipient"), "without a tag")
        a.write(f"@{joao} hello")
        sent(a, joao, "still here")
        texts = [wait_for(j, "message")["text"] for _ in range(2)]
        expect(texts, ["hello", "still here"], "at the reader")

    def later_versions(self, ana, joao, _carla):
        """Verbs, words and fields that are not known are ignored."""
        a = self.live(ana)
        for line in ["", "dance", "dance {}", "Olá, tudo bem?", "{}", "ok {}", '"', "\\"]:
            a.write(line)
        a.write(f'#c1;color=red;x @{joao} hello')
        expect(wait_for(a, "ok")["tag"], "c1", "with unknown words")
        a.write('typing {"to":"%s","hands":2}' % joao)
        wait_for_pong(a)

    def strangers(self, ana, _joao, _carla):
        """An unknown user and a bad hello are told bye, with a code."""
        for login, after, code in [("zeca", 1, "unknown-user"), (ana, "x", "bad-hello")]:
            stranger = LiveClient("127.0.0.1", self.server.port, login)
            stranger.last = after
            with expected(Broken) as broken:
                stranger.connect()
            expect(str(broken[0]).split()[0], "bye", "said")
            expect(code in str(broken[0]), True, f"{code} in {broken[0]}")
            expect_broken(stranger)

    def long_line(self, ana, joao, _carla):
        """A line that is too long ends the session, with a code; one of the limit does not."""
        a, j = self.live(ana), self.live(joao)
        text = "x" * (16384 - len(f"#c1 @{joao} ".encode()))
        sent(a, joao, text, tag="c1")
        expect(wait_for(j, "message")["text"], text, "of the limit")
        a.send(joao, text + "x", tag="c2")
        expect(wait_for(a, "bye")["code"], "too-long", "code")
        expect_broken(a)

    def typing_and_presence(self, ana, joao, carla):
        """Who is there, who comes and goes, and who types."""
        a = self.live(ana)
        a.say("roster")
        wait_for(a, "roster", more=False)
        found = a.users[joao]["state"], a.users[joao]["name"]
        expect(found, ("offline", joao.capitalize()), "João")
        expect(a.groups, {ana.replace("ana", "turma"): {ana, joao, carla}}, "groups")
        j = self.live(joao)
        wait_for(a, "presence", login=joao, state="online")
        j.say("status", {"state": "away", "note": "almoço"})
        expect(wait_for(a, "presence", login=joao, state="away")["note"], "almoço", "note")
        j.say("typing", {"to": ana})
        expect(wait_for(a, "typing"), {"from": joao, "with": joao}, "typing")
        before = int(time.time() * 1000) - 1000
        j.drop()
        seen = wait_for(a, "presence", login=joao, state="offline")["seen"]
        expect(seen >= before, True, "last seen")
        c = Person("line_makefile", self.server.port, carla)
        wait_for(a, "presence", login=carla, state="online")
        c.close()
        wait_for(a, "presence", login=carla, state="offline")

    def roster_changes(self, ana, joao, carla):
        """After an edit, who asked for changes is told those; others get all of it again."""
        with tempfile.TemporaryDirectory() as folder:
            # More than one line holds, and more than the app once accepted.
            crowd = [f"aluno{number:05}" for number in range(10_000)]
            everybody = [ana, joao, *crowd]
            groups = [f"escola{n},{login}" for n in range(14) for login in everybody]
            server = Server(self.binary, folder, everybody, groups)
            a, j = (LiveClient("127.0.0.1", server.port, login) for login in (ana, joao))
            a.connect(), j.connect()
            a.say("roster", {"changes": True}), j.say("roster")
            for client in (a, j):
                wait_for(client, "roster", more=False)
                expect(len(client.users), len(everybody), "users")
                expect(client.groups["escola13"], set(everybody), "a large group")
                expect(len(client.groups), 14, "groups")
            everybody = [*everybody, carla]
            lines = "login,name\n" + "\n".join(everybody)
            Path(folder, "users.csv").write_text(lines, "utf-8")
            changes = wait_for(a, "roster", changes=True)
            found = [user["login"] for user in changes["users"]], changes["more"]
            expect(found, ([carla], False), "changes")
            wait_for(j, "roster", more=False)
            for client in (a, j):
                expect(set(client.users), set(everybody), "users after the edit")
                expect(len(client.groups["escola0"]), 10_002, "members after the edit")
                wait_for_pong(client)
            server.stop()

    def conversations(self, ana, joao, carla):
        """A new device is told with whom one has talked, and how much of it is unread."""
        a, j = self.live(ana), self.live(joao)
        group = ana.replace("ana", "turma")
        sent(a, carla, "oi, Carla")
        read = sent(j, ana, "read")
        sent(j, ana, "unread")
        sent(a, group, TEXTS[2], tag="c7")
        a.say("read", {"with": joao, "up_to": read})
        wait_for_pong(a)
        found = list(self.live(ana).conversations())
        words = [(one["with"], one["last"]["text"], one["unread"]) for one in found]
        expected = [(group, TEXTS[2], 0), (joao, "unread", 1), (carla, "oi, Carla", 0)]
        expect(words, expected, "list")
        expect(found[0]["group"], True, "it is a group")
        expect((found[0]["last"]["tag"], found[1]["read"]), ("c7", read), "tag, and read up to")
        a.say("conversations", {"limit": 1})
        page = wait_for(a, "conversations")
        expect(([one["with"] for one in page["conversations"]], page["more"]), ([group], True), "page")

    def goodbye(self, ana, joao, _carla):
        """bye is answered, and a server that stops says so."""
        a = self.live(ana)
        a.say("bye")
        expect(wait_for(a, "bye")["code"], "bye", "code")
        expect_broken(a)
        with tempfile.TemporaryDirectory() as folder:
            server = Server(self.binary, folder, [ana, joao])
            j = LiveClient("127.0.0.1", server.port, joao)
            j.connect()
            expect(server.stop(), 0, "exit code")
            expect(wait_for(j, "bye")["code"], "shutdown", "code")


main()
