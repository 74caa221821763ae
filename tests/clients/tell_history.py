"""Prints what two users said to each other, oldest first, as the server has it: `sender: text`.

    python3 tell_history.py 127.0.0.1 3333 ana bruno
"""

import sys

from live_client import LiveClient


def main():
    host, port, login, peer = sys.argv[1:]
    client = LiveClient(host, int(port), login)
    client.connect()
    said, before = {}, None
    more = True
    while more:
        asked = {"with": peer, "limit": 50} | ({"before": before} if before else {})
        client.say("history", asked)
        while (heard := client.hear(30))[0] != "history":
            verb, message = heard
            if verb == "message" and message["old"] and message["with"] == peer:
                said[message["id"]] = f"{message['from']}: {message['text']}"
        more, before = heard[1]["more"], min(said, default=None)
    for number in sorted(said):
        print(said[number], flush=True)


if __name__ == "__main__":
    main()
