"""A live client (docs/PROTOCOL.md, "Live sessions"): news comes by itself, and a connection that
breaks loses nothing.

    python3 live_client.py 127.0.0.1 3333 ana

Then type `@bruno hello`, `reply 8841 yes`, `edit 8842 no`, `delete 8842`, `read bruno`, `history bruno`, `pin bruno`, `unpin bruno`, `conversations` or
`ping`, and Enter. Other programs import
`LiveClient`.
"""

import http.client
import json
import re
import socket
import struct
import sys
import threading
import urllib.parse
import uuid


class LiveClient:
    """One user on one device. After `Broken`, `connect` again: nothing is missing, nothing comes
    twice."""

    def __init__(self, host, port, login):
        self.host, self.port, self.login = host, port, login
        self.device, self.number = new_device(), 0  # who numbers the messages, and the last number
        self.last = None  # this device has every message up to this id; keep it with them
        self.store, self.epoch = None, None  # what this id is an id of; keep them too
        self.welcome = {}  # what the server said first
        self.messages = {}  # what this device has, by id
        self.edits, self.deleted = {}, {}  # of these and others, by id: (id of the edit, text); id of the deletion
        self.only_here = []  # messages that the server no longer has, as it was restored from a backup
        self.unanswered = {}  # lines that were sent and not answered yet, by tag, in order
        self.refused_tags = set()  # tags of those that need another one
        self.users, self.groups = {}, {}  # who there is, once `say("roster", …)` has asked
        self.is_roster_arriving = False
        self.settings = {}  # what is set, by conversation; None: for the user
        self.changes = 0  # the last change of these that this device knows, of this store and epoch
        self.changes_of = None
        self.unset = {}  # changes that were made and not answered yet, by tag, in order
        self.wants_settings, self.are_settings_known = False, False

    def connect(self):
        """Says hello, takes the backlog, and sends again what was not answered. Returns what
        was new: a list of (verb, what it says)."""
        self.socket = socket.create_connection((self.host, self.port))
        self.waiting = b""
        resume = "" if self.last is None else f" after={self.last}"
        if resume and self.store:
            resume += f" store={self.store} epoch={self.epoch}"
        self.write(f"{self.login} live/1 device={self.device} about=1{resume}")
        first, welcome = self.hear(30) or ("no", "answer")
        if first != "welcome":
            raise Broken(f"{first} {welcome}")
        self.welcome = welcome
        news = self.meet(welcome)
        if self.welcome is not welcome:
            return news  # it has connected again
        while (event := self.hear(30)) != ("f", {}):
            if event is None:
                raise Broken("the backlog does not end")
            news.append(event)
        self.last = max(self.last or 0, welcome["last"])
        for tag, (to, text, about) in list(self.unanswered.items()):
            if tag in self.refused_tags:
                del self.unanswered[tag]
                self.send(to, text, **about)
            else:
                self.write_message(tag)
        if self.wants_settings:
            self.follow_settings()
        return news

    def meet(self, welcome):
        """Looks whether ids still mean what they meant. If not, the messages that the server no longer
        has are kept apart, and that is the news."""
        if "store" not in welcome:
            return []  # an older server
        kept, is_same = welcome.get("after"), self.store in (None, welcome["store"])
        is_same = is_same and self.epoch in (None, welcome["epoch"])
        self.store, self.epoch = welcome["store"], welcome["epoch"]
        self.number = max(self.number, welcome.get("number", 0))
        if is_same and max(self.messages, default=0) > welcome["last"]:
            kept = None  # a copy of the store, and nobody knows since when
        elif self.last is None or is_same and kept == self.last:
            return []
        gone = [id for id in self.messages if kept is None or id > kept]
        self.only_here += [self.messages.pop(id) for id in gone]
        self.edits = {of: edit for of, edit in self.edits.items() if kept and edit[0] <= kept}
        self.deleted = {of: by for of, by in self.deleted.items() if kept and by <= kept}
        self.last = kept
        news = [("restored", {"only_here": len(gone)})]
        if kept is None and "after" in welcome:
            self.drop()
            news += self.connect()
        return news

    def send(self, to, text, tag=None, **about):
        """Sends a message and returns its tag; `ok` or `no` will come. A tag that was used
        before means the same message again. `re=8841`: it replies to that message. `edit=8841`: this is its
        text from now on. `del_=8841`: it is deleted."""
        if tag is None:
            self.number += 1
            tag = f"{self.device}:{self.number}"
        self.unanswered[tag] = (to, text, about)
        self.write_message(tag)
        return tag

    def set(self, to, **what):
        """Sets something for a conversation, or with None for the user. Without a connection, the next one sends it."""
        self.number += 1
        tag = f"set{self.number}"
        self.unset[tag] = ({} if to is None else {"with": to}) | what
        self.settings[to] = {k: v for k, v in (self.settings.get(to, {}) | what).items() if v}
        try:
            self.say("set", self.unset[tag] | {"tag": tag})
        except Broken:
            pass

    def follow_settings(self):
        """Asks what was set meanwhile, with each connection from now on, and says what was set here without one: that is
        the last change."""
        self.wants_settings, self.are_settings_known = True, False
        if "settings" not in self.welcome:
            return  # an older server
        if self.changes_of != (self.store, self.epoch):
            self.settings, self.changes, self.changes_of = {}, 0, (self.store, self.epoch)
            for what in self.unset.values():
                to = what.get("with")
                self.settings[to] = self.settings.get(to, {}) | what
        self.say("settings", {"after": self.changes})
        for tag, what in self.unset.items():
            self.say("set", what | {"tag": tag})

    def keep_settings(self, news):
        """Keeps what is set, but for what was changed here and is not answered yet."""
        self.unset.pop(news.get("tag"), None)
        for one in news["changed"]:
            to = one.pop("with", None)
            if one["number"] < self.settings.get(to, {}).get("number", 0):
                continue
            for mine in self.unset.values():
                if mine.get("with") == to:
                    one |= {key: value for key, value in mine.items() if key != "with"}
            self.settings[to] = {key: value for key, value in one.items() if value}
        is_answer, is_more = "after" in news, news.get("more", False)
        self.are_settings_known |= is_answer and not is_more
        if is_answer or self.are_settings_known:
            self.changes = max(self.changes, news["last"])
        if is_more:
            self.say("settings", {"after": news["last"]})

    def say(self, verb, what={}):
        """Sends a verb: read, got, history, conversations, set, settings, typing, status, roster, ping, bye."""
        self.write(f"{verb} {json.dumps(what, ensure_ascii=False)}")

    def hear(self, patience=None):
        """The next thing the server says, as (verb, what it says). A message is the verb
        `message`. None if nothing comes in so many seconds."""
        while (line := self.read_line(patience)) is not None:
            if line.startswith("#"):
                message = parse_message(line, self.login)
                if self.keep(message) or message["old"]:
                    return "message", message
                continue
            verb, _, what = line.partition(" ")
            what = json.loads(what or "{}")
            if verb == "roster":
                self.keep_roster(what)
            if verb == "settings":
                self.keep_settings(what)
            if verb == "no" and what.get("tag") in self.unset and not what.get("retry_after"):
                del self.unset[what["tag"]]
            if verb == "presence" and what["login"] in self.users:
                name = self.users[what["login"]].get("name", "")
                self.users[what["login"]] = what | {"name": name}
            if verb == "no" and what["code"] in ("tag-used", "tag-old"):
                # Somebody else numbers under the same name. After the next hello these messages go out
                # under another one.
                if what["tag"].startswith(f"{self.device}:"):
                    self.device, self.number = new_device(), 0
                self.refused_tags.add(what["tag"])
                return verb, what
            if verb in ("ok", "no") and what.get("tag") in self.unanswered:
                to, text, about = self.unanswered.pop(what["tag"])
                if verb == "ok":
                    mine = {"with": to, "from": self.login, "mine": True, "old": False, "text": text}
                    mine |= {"re": None, "edit": None, "del": None}
                    mine |= {key.rstrip("_"): id for key, id in about.items()}
                    self.keep_message(mine | what)
            return verb, what
        return None

    def keep(self, message):
        """Keeps a message, and says whether it is one that this device did not have."""
        self.unanswered.pop(message["tag"], None)
        is_new = message["id"] not in self.messages
        self.keep_message(message)
        if not message["old"]:
            self.last = max(self.last or 0, message["id"])
        return is_new

    def keep_message(self, message):
        """Keeps a message, or what it changes. In whatever order they come, it is the same in the end."""
        if message["del"]:
            self.deleted[message["del"]] = message["id"]
            self.messages.pop(message["del"], None)
        elif message["edit"]:
            edit = message["id"], message["text"]
            self.edits[message["edit"]] = max(edit, self.edits.get(message["edit"], (0, "")))
        elif message["id"] not in self.deleted:
            self.messages[message["id"]] = message

    def text_of(self, id):
        """The text of a message as it is now."""
        return self.edits[id][1] if id in self.edits else self.messages[id]["text"]

    def keep_roster(self, told):
        """Keeps a line of the roster: all there is, part by part, or what has changed."""
        if not told.get("changes") and not self.is_roster_arriving:
            self.users, self.groups = {}, {}
        self.is_roster_arriving = told["more"]
        for name in told.get("gone", []):
            self.users.pop(name, None)
            self.groups.pop(name, None)
        for user in told["users"]:
            self.users[user["login"]] = user
        for group in told["groups"]:
            members = self.groups.setdefault(group["name"], set())
            members -= set(group.get("gone", []))
            members |= set(group["members"])

    def conversations(self):
        """With whom one has talked: the one with the newest message first, page by page. What else
        is told meanwhile is lost, so it is for the beginning of a session."""
        before = {}
        while True:
            self.say("conversations", before)
            while (heard := self.hear(30)) and heard[0] != "conversations":
                pass
            if heard is None:
                return  # a server that knows no `conversations`
            page = heard[1]
            yield from page["conversations"]
            if not page["more"]:
                return
            before = {"before": page["conversations"][-1]["last"]["id"]}

    def send_file(self, to, name, content, kind="application/octet-stream", caption=""):
        """Announces a file, uploads it, and sends a message with it. Returns the message's tag. What else is told
        meanwhile is lost."""
        self.say("slot", {"name": name, "size": len(content), "type": kind})
        while (heard := self.hear(30)) and heard[0] not in ("slot", "no"):
            pass
        if heard is None or heard[0] == "no":
            raise Broken(f"no slot: {heard}")
        slot = heard[1]
        status, _, _ = self.http("PUT", slot["path"], content)
        if status != 201:
            raise Broken(f"the upload: {status}")
        # The last line is for those who know no files; who does shows the caption.
        link = f"{name} ({len(content)} bytes) {slot['url']}"
        return self.send(to, f"{caption}\n{link}" if caption else link, file=slot["file"])

    def fetch(self, message, first=0):
        """The content of a message's file, from a byte on: from this server, whatever the text says."""
        part = {"Range": f"bytes={first}-"} if first else {}
        status, _, content = self.http("GET", f"/f/{message['file']}", None, part)
        if status not in (200, 206):
            raise Broken(f"the file: {status}")
        return content

    def http(self, method, path, content=None, headers={}):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def drop(self):
        """Breaks the connection, as a cable that is pulled does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def write_message(self, tag):
        to, text, about = self.unanswered[tag]
        about = "".join(f";{key.rstrip('_')}={id}" for key, id in about.items())
        text = text.replace("\\", "\\\\").replace("\n", "\\n")
        self.write(f"#{tag}{about} @{to} {text}")

    def write(self, line):
        try:
            self.socket.sendall(line.encode("utf-8") + b"\n")
        except OSError as error:
            raise Broken(str(error)) from error

    def read_line(self, patience):
        self.socket.settimeout(patience)
        try:
            while b"\n" not in self.waiting:
                received = self.socket.recv(65536)
                if not received:
                    raise Broken("the server hung up")
                self.waiting += received
        except TimeoutError:
            return None
        except OSError as error:
            raise Broken(str(error)) from error
        line, self.waiting = self.waiting.split(b"\n", 1)
        return line.decode("utf-8")


class Broken(Exception):
    """The connection is gone, or the server refused it."""


def new_device():
    """A name that no other device of this user has."""
    return uuid.uuid4().hex[:8]


def parse_message(line, me):
    """Reads `#8841;at=1763843211123 @bob hello`."""
    head, _, addressed = line[1:].partition(" ")
    number, *words = head.split(";")
    fields = dict(word.partition("=")[::2] for word in words)
    conversation, _, text = addressed[1:].partition(" ")
    author = fields.get("from", conversation)
    return {
        "id": int(number),
        "at": int(fields.get("at", 0)),
        "with": conversation,
        "from": author,
        "mine": author == me,
        "tag": fields.get("tag"),
        **{key: int(fields[key]) if key in fields else None for key in ("re", "edit", "del")},
        "old": "old" in fields,
        "file": fields.get("file"),
        "name": urllib.parse.unquote(fields.get("name", "")),
        "size": int(fields.get("size", 0)),
        "text": re.sub(r"\\([n\\])", lambda sign: "\n" if sign[1] == "n" else "\\", text),
    }


def main():
    client = LiveClient(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    for event in client.connect():
        show(*event)
    client.follow_settings()
    threading.Thread(target=type_at, args=(client,), daemon=True).start()
    try:
        while True:
            show(*client.hear())
    except Broken as broken:
        sys.exit(str(broken))


def type_at(client):
    for typed in sys.stdin:
        verb, _, rest = typed.rstrip("\n").partition(" ")
        if verb.startswith("@"):
            client.send(verb[1:], rest)
        elif verb in ("reply", "edit", "delete"):
            id, _, text = rest.partition(" ")
            key = {"reply": "re", "edit": "edit", "delete": "del_"}[verb]
            client.send(client.messages[int(id)]["with"], text or "-", **{key: int(id)})
        elif verb == "read":
            client.say("read", {"with": rest, "up_to": client.last})
        elif verb == "history":
            client.say("history", {"with": rest})
        elif verb in ("pin", "unpin"):
            client.set(rest, pinned=verb == "pin")
        elif verb:
            client.say(verb)
    client.say("bye")


def show(verb, what):
    if verb == "message":
        print(f"{what['id']} {what['with']}, {what['from']}: {what['text']}", flush=True)
    else:
        print(verb, what, flush=True)
    if verb == "bye":
        sys.exit()


if __name__ == "__main__":
    main()
