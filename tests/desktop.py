#!/usr/bin/env python3
"""What a desktop offers to programs on its session bus, and no more: notifications, and the setting that says whether
it is dark (0: no preference, 1: dark, 2: light). It prints one line for each thing that it is asked for.

Usage: desktop.py COLOR_SCHEME
"""

import sys

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NOTIFICATIONS = "org.freedesktop.Notifications"
SETTINGS = "org.freedesktop.portal.Settings"


def say(*words):
    print(*words, flush=True)


class Notifications(dbus.service.Object):
    last = 0

    @dbus.service.method(NOTIFICATIONS, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, title, body, actions, hints, timeout):
        self.last += 1
        number = int(replaces) or self.last
        say("notify", number, hints.get("desktop-entry", "-"), "|".join([title, body]))
        return number

    @dbus.service.method(NOTIFICATIONS, in_signature="u")
    def CloseNotification(self, number):
        say("close", number)
        self.NotificationClosed(number, 3)

    @dbus.service.method(NOTIFICATIONS, out_signature="as")
    def GetCapabilities(self):
        return ["actions", "body", "body-markup"]

    @dbus.service.method(NOTIFICATIONS, out_signature="ssss")
    def GetServerInformation(self):
        return "desktop.py", "tests", "1", "1.2"

    @dbus.service.signal(NOTIFICATIONS, signature="uu")
    def NotificationClosed(self, number, reason):
        pass


class Settings(dbus.service.Object):
    @dbus.service.method(SETTINGS, in_signature="ss", out_signature="v")
    def Read(self, namespace, key):
        if (namespace, key) != ("org.freedesktop.appearance", "color-scheme"):
            raise dbus.DBusException(name="org.freedesktop.portal.Error.NotFound")
        say("read", namespace, key)
        scheme = dbus.UInt32(int(sys.argv[1]), variant_level=1)
        return dbus.UInt32(scheme, variant_level=2)


DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
names = [
    dbus.service.BusName(name, bus)
    for name in (NOTIFICATIONS, "org.freedesktop.portal.Desktop")
]
objects = [
    Notifications(bus, "/org/freedesktop/Notifications"),
    Settings(bus, "/org/freedesktop/portal/desktop"),
]
say("ready")
GLib.MainLoop().run()
