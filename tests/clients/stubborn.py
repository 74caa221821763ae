"""A program that does not give up: it says its sentences to two users, one after the other, and
connects again as often as the link breaks, until the server has answered each of them.

    python3 stubborn.py 127.0.0.1 3333 carla ana bruno 30
"""

import sys
import time

from live_client import Broken, LiveClient

PAUSE = 0.05
PATIENCE = 120


def main():
    host, port, login, first, second, count = sys.argv[1:]
    client = LiveClient(host, int(port), login)
    connect(client)
    for number in range(int(count)):
        for peer in (first, second):
            insist(client, lambda: client.send(peer, f"{login} {number}"))
        insist(client, lambda: client.hear(PAUSE))
    until = time.monotonic() + PATIENCE
    while client.unanswered:
        if time.monotonic() > until:
            sys.exit(f"never answered: {client.unanswered}")
        insist(client, lambda: client.hear(1))
    print(f"{2 * int(count)} were answered", flush=True)


def insist(client, what):
    """Does it; if the link breaks, connects again, which sends again what was not answered."""
    try:
        what()
    except Broken:
        connect(client)


def connect(client):
    until = time.monotonic() + PATIENCE
    while True:
        try:
            client.connect()
            return
        except (Broken, OSError) as error:
            if time.monotonic() > until:
                sys.exit(f"no server for {PATIENCE} s: {error}")
            time.sleep(0.1)


if __name__ == "__main__":
    main()
