"""Prints what two users said to each other, in the order in which the window of one of them shows
it, as its profile keeps it: `sender: text`.

    python3 kept_history.py PROFILE ana bruno
"""

import pathlib
import sqlite3
import sys

RECEIVED = 0


def main():
    profile, login, peer = sys.argv[1:]
    (file,) = pathlib.Path(profile).rglob(f"{login}-at-*.db")
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    rows = database.execute(
        "SELECT m.delivery, m.text FROM messages m JOIN conversations c ON c.id = m.conversation"
        " WHERE c.peer = ? ORDER BY m.place",
        [peer],
    )
    for delivery, text in rows:
        print(f"{peer if delivery == RECEIVED else login}: {text}", flush=True)


if __name__ == "__main__":
    main()
