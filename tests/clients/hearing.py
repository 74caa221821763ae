"""Waiting for what a live client should be told."""

import time
from contextlib import contextmanager

from checking import PATIENCE, expect
from live_client import Broken

KEPT = {}  # what clients have heard and nobody has waited for yet


def sent(client, to, text, tag=None, **about):
    """Sends a message, waits for its `ok`, and returns its id."""
    tag = client.send(to, text, tag, **about)
    return wait_for(client, "ok", tag=tag)["id"]


def wait_for(client, wanted, **fields):
    """The first thing of this kind that was not waited for yet; others are kept for later."""
    fields = {name.rstrip("_"): value for name, value in fields.items()}
    kept = KEPT.setdefault(client, [])
    deadline = time.monotonic() + PATIENCE
    at = 0
    while True:
        if at == len(kept):
            event = client.hear(PATIENCE) if time.monotonic() < deadline else None
            if event is None:
                raise AssertionError(f"{wanted} {fields} never came, but {kept[-5:]}")
            kept.append(event)
        verb, what = kept[at]
        if verb == wanted and fields.items() <= what.items():
            del kept[at]
            return what
        at += 1


def one_line(text):
    """How a classic program gets a text."""
    return text.replace("\n", " ")


def wait_for_pong(client):
    """What was said before has been heard."""
    client.say("ping")
    wait_for(client, "pong")


@contextmanager
def expected(kind):
    caught = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    expect(len(caught), 1, f"{kind.__name__} raised")


def expect_broken(client):
    with expected(Broken):
        while client.hear(PATIENCE) is not None:
            pass
