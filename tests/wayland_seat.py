#!/usr/bin/env python3
"""The hands of a person at a Wayland display without devices: a keyboard, a mouse and an input method, for compositors
that let a program play them (sway and others of wlroots). It needs nothing but Python.

It does what its standard input says, line by line, and prints "done" and the number of the line once the
compositor has heard of it:

    keys ctrl+v enter       presses and releases keys, with modifiers
    move 10 20 1280 800     moves the mouse there, on a screen of that size
    press / release         of the left button
    input-method            starts one; prints "active" each time that a program asks for it
    preedit TEXT            shows what is being composed
    commit TEXT             ends the composition with this text
"""

import os
import socket
import struct
import sys
import threading
import time

# As <linux/input-event-codes.h> numbers them.
KEYS = {"esc": 1, "tab": 15, "enter": 28, "a": 30, "c": 46, "v": 47, "x": 45, "end": 107, "backspace": 14}
MODIFIERS = {"shift": (42, 1), "ctrl": (29, 4)}
LEFT_BUTTON = 0x110
KEYMAP = b"""xkb_keymap {
    xkb_keycodes { include "evdev+aliases(qwerty)" };
    xkb_types { include "complete" };
    xkb_compat { include "complete" };
    xkb_symbols { include "pc+us+inet(evdev)" };
};\0"""


speaking = threading.Lock()


def say(line):
    with speaking:
        print(line, flush=True)


def text(words):
    coded = words.encode() + b"\0"
    return struct.pack("=I", len(coded)) + coded + bytes(-len(coded) % 4)


def numbers(*values):
    return b"".join(struct.pack("=i" if value < 0 else "=I", value) for value in values)


class Display:
    """A connection to the compositor. One thread reads, one writes."""

    def __init__(self):
        path = os.path.join(os.environ["XDG_RUNTIME_DIR"], os.environ["WAYLAND_DISPLAY"])
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.last, self.globals, self.handlers = 1, {}, {}
        self.changed = threading.Condition()
        self.registry = self.new(self.on_global)
        self.send(1, 1, numbers(self.registry))
        threading.Thread(target=self.read, daemon=True).start()
        self.wait()

    def new(self, handler=None):
        self.last += 1
        self.handlers[self.last] = handler
        return self.last

    def send(self, target, opcode, arguments=b"", descriptors=()):
        head = struct.pack("=IHH", target, opcode, 8 + len(arguments))
        socket.send_fds(self.socket, [head + arguments], list(descriptors))

    def bind(self, interface, version=1):
        number = self.globals[interface]
        this = self.new()
        self.send(self.registry, 0, numbers(number) + text(interface) + numbers(version, this))
        return this

    def on_global(self, opcode, body):
        if opcode == 0:
            number, length = struct.unpack_from("=II", body)
            self.globals[body[8 : 7 + length].decode()] = number

    def wait(self):
        """Until the compositor has handled everything so far."""
        heard = threading.Event()
        callback = self.new(lambda opcode, body: heard.set())
        self.send(1, 0, numbers(callback))
        if not heard.wait(30):
            sys.exit("the compositor does not answer")

    def read(self):
        while True:
            head = self.exactly(8)
            target, opcode, size = struct.unpack("=IHH", head)
            body = self.exactly(size - 8)
            if target == 1 and opcode == 0:
                say(f"the compositor complains: {body[12:-1]}")
                os._exit(1)
            handler = self.handlers.get(target)
            if handler:
                handler(opcode, body)

    def exactly(self, count):
        got = b""
        while len(got) < count:
            piece = self.socket.recv(count - len(got))
            if not piece:
                os._exit(0)
            got += piece
        return got


class Seat:
    def __init__(self):
        self.display = display = Display()
        self.seat = display.bind("wl_seat")
        manager = display.bind("zwlr_virtual_pointer_manager_v1")
        self.pointer = display.new()
        display.send(manager, 0, numbers(self.seat, self.pointer))
        manager = display.bind("zwp_virtual_keyboard_manager_v1")
        self.keyboard = display.new()
        display.send(manager, 0, numbers(self.seat, self.keyboard))
        keymap = os.memfd_create("keymap")
        os.write(keymap, KEYMAP)
        display.send(self.keyboard, 0, numbers(1, len(KEYMAP)), [keymap])
        self.method, self.serial, self.is_active = None, 0, False
        display.wait()

    def now(self):
        return int(time.monotonic() * 1000) & 0xFFFFFFFF

    def keys(self, chords):
        for chord in chords:
            *modifiers, key = chord.split("+")
            mask = sum(MODIFIERS[modifier][1] for modifier in modifiers)
            codes = [MODIFIERS[modifier][0] for modifier in modifiers]
            for code in codes:
                self.display.send(self.keyboard, 1, numbers(self.now(), code, 1))
            self.display.send(self.keyboard, 2, numbers(mask, 0, 0, 0))
            for state in (1, 0):
                self.display.send(self.keyboard, 1, numbers(self.now(), KEYS[key], state))
            for code in codes:
                self.display.send(self.keyboard, 1, numbers(self.now(), code, 0))
            self.display.send(self.keyboard, 2, numbers(0, 0, 0, 0))

    def move(self, x, y, width, height):
        self.display.send(self.pointer, 1, numbers(self.now(), int(x), int(y), int(width), int(height)))
        self.display.send(self.pointer, 4)

    def button(self, state):
        self.display.send(self.pointer, 2, numbers(self.now(), LEFT_BUTTON, state))
        self.display.send(self.pointer, 4)

    def start_method(self):
        manager = self.display.bind("zwp_input_method_manager_v2")
        self.method = self.display.new(self.on_method)
        self.display.send(manager, 0, numbers(self.seat, self.method))

    def on_method(self, opcode, body):
        if opcode in (0, 1):
            self.is_active = opcode == 0
        elif opcode == 5:
            self.serial += 1
            if self.is_active:
                say("active")

    def preedit(self, words):
        end = len(words.encode())
        self.display.send(self.method, 1, text(words) + numbers(end, end))
        self.display.send(self.method, 3, numbers(self.serial))

    def commit(self, words):
        self.display.send(self.method, 0, text(words))
        self.display.send(self.method, 3, numbers(self.serial))


def main():
    seat = Seat()
    say("ready")
    for number, line in enumerate(sys.stdin, 1):
        word, _, rest = line.rstrip("\n").partition(" ")
        {
            "keys": lambda: seat.keys(rest.split()),
            "move": lambda: seat.move(*rest.split()),
            "press": lambda: seat.button(1),
            "release": lambda: seat.button(0),
            "input-method": seat.start_method,
            "preedit": lambda: seat.preedit(rest),
            "commit": lambda: seat.commit(rest),
        }[word]()
        seat.display.wait()
        say(f"done {number}")


main()
