"""Made the samples beside this file: databases of an account as each version of the app's schema had them, as SQL.

    python3 make.py

The tables of each come from the commit that made this version the app's, by the steps that it ran on a new file; the
rows are what it wrote for one story (STORY below). SQLite's file format is for ever, so SQL says as much as the file, and
can be read. Nothing here follows the app of today: a sample is made once, and stays.

`format-N.sql` needs the function `fold`, as the steps do.
"""

import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).parent


# Times in milliseconds. Bob wrote and was read; he wrote again, unread. Two own messages were accepted, one waits, one was
# being sent when the app ended. A draft waits for Bob. Carla is in a group, from version 2 on.
STORY = {
    "old": ("Oi, vamos à reunião?", 1_763_800_000_000),
    "answer": ("Sim, às 10 na biblioteca ☕", 1_763_800_060_000),
    "unread": ("Łódź, Gartenstraße 7", 1_763_800_120_000),
    "waits": ("Levo o café", 1_763_800_180_000),
    "on its way": ("Já saí de casa", 1_763_800_240_000),
    "group": ("Amanhã tem prova", 1_763_800_300_000),
}
LAST_SORT_KEYS = 1 << 62
EPOCH = 1 << 40


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, cwd=HERE).stdout


def steps_of(text):
    """The SQL of each step of a schema.rs."""
    listed = re.search(r"STEPS: &\[&str\] = &\[(.*?)\];", text, re.S).group(1)
    constants = dict(re.findall(r'const (\w+): &str = "(.*?)";', text, re.S))
    steps = re.findall(r'"(.*?)"', listed, re.S) if '"' in listed else None
    return steps or [constants[name.strip()] for name in listed.split(",") if name.strip()]


def versions():
    """For each version, the steps of the last commit that had it as its newest."""
    found = {}
    log = git("log", "--format=commit %h", "--name-only", "--follow", "--", ":/gui-client/src/engine/history/schema.rs")
    commit = None
    for line in log.splitlines():
        if line.startswith("commit "):
            commit = line.split()[1]
        elif line:
            steps = steps_of(git("show", f"{commit}:{line}"))
            found.setdefault(len(steps), (commit, steps))
    return found


def quoted(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def insert(table, **fields):
    names, values = ", ".join(fields), ", ".join(quoted(value) for value in fields.values())
    return f"INSERT INTO {table} ({names}) VALUES ({values});"


def first_version():
    """Only classic servers, and one kind of order: that of arrival."""
    rows = [
        insert("conversations", id=1, peer="bob", seen_up_to=2, draft="um rascunho"),
        insert("conversations", id=2, peer="", seen_up_to=0, draft=""),
    ]
    for id, (what, delivery) in enumerate([("old", 0), ("answer", 3), ("unread", 0), ("waits", 1), ("on its way", 2)], 1):
        text, at = STORY[what]
        rows.append(insert("messages", id=id, conversation=1, text=text, at=at, delivery=delivery))
    return rows


def later_version(version):
    rows = [
        insert("facts", name="epoch", value=1),
        insert("facts", name="epoch_is_live", value=1),
        insert("facts", name="position", value=9),
    ]
    arranged = {"is_pinned": 1, "is_muted": 0} if version >= 3 else {}
    rows.append(insert("conversations", id=1, peer="bob", draft="um rascunho", is_group=0, known_from=0, seen_id=5, told_id=5, **arranged))
    arranged = {"is_pinned": 0, "is_muted": 1} if version >= 3 else {}
    rows.append(insert("conversations", id=2, peer="turma-a", draft="", is_group=1, known_from=0, seen_id=0, told_id=0, **arranged))
    messages = [
        ("old", 1, "", 0, 0, 5, None),
        ("answer", 1, "", 3, 0, 6, "t1"),
        ("unread", 1, "", 0, 1, 7, None),
        ("waits", 1, "", 1, 0, None, "t2"),
        ("on its way", 1, "", 2, 0, None, "t3"),
        ("group", 2, "carla", 0, 1, 9, None),
    ]
    for id, (what, conversation, author, delivery, unread, server_id, tag) in enumerate(messages, 1):
        text, at = STORY[what]
        place = EPOCH + server_id if server_id else LAST_SORT_KEYS + id
        written = {"written": at - 500 if tag else None} if version >= 4 else {}
        rows.append(
            insert("messages", id=id, conversation=conversation, place=place, author=author, text=text, at=at, delivery=delivery,
                   unread=unread, server_id=server_id, tag=tag, refusal=None, **written)
        )
        rows.append(insert("search", rowid=id, text=folded(text, version)))
    rows.append(insert("receipts", conversation=1, login="bob", state=1, up_to=6, at=STORY["answer"][1] + 10))
    rows.append(insert("receipts", conversation=1, login="bob", state=2, up_to=6, at=STORY["answer"][1] + 20))
    if version >= 5:
        rows.append(insert("groups", name="turma-a", members="ana\nbob\ncarla"))
    if version >= 8:
        rows.append(insert("live_epochs", epoch=1, first_id=0, below=None))
    return rows


def folded(text, version):
    """As the app of this version wrote it into the search: without case and accents, from version 7 on in plain letters."""
    import unicodedata

    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return plain.replace("ł", "l").replace("ß", "ss") if version >= 7 else plain


def main():
    for version, (commit, steps) in sorted(versions().items()):
        rows = first_version() if version == 1 else later_version(version)
        sql = [f"-- Version {version} of the schema, from commit {commit}; see make.py."]
        for step in steps:
            lines = (re.sub(r"\s*--.*", "", line.rstrip()) for line in step.splitlines())
            sql.append("\n".join(line.removeprefix("    ") for line in lines if line.strip()))
        sql += rows + [f"PRAGMA user_version = {version};"]
        (HERE / f"format-{version}.sql").write_text("\n".join(sql) + "\n", encoding="utf-8")


main()
