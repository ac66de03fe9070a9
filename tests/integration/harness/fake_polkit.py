#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A polkit of the tests' own. As a program it serves a bus; as a module it starts the bus and itself.

    authority = FakePolkit(folder)          # a private bus and the authority on it
    authority.rule("org.libvirt.unix.manage", "yes")
    authority.asked()                       # [{"action": ..., "subject": ..., "details": ..., "flags": ...}]

Answers: yes, no, challenge, dismissed, silent (none ever), error. The first rule whose pattern of the action
and whose details (patterns too) fit decides; otherwise no.
"""

import fnmatch
import json
import subprocess
import sys
from pathlib import Path

_PATH, _NAME = "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1"
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/>
<allow own="*"/><allow user="*"/></policy></busconfig>
"""


class FakePolkit:
    def __init__(self, folder):
        from . import wait
        self.folder = Path(folder)
        self.rules_file, self.log_file = self.folder / "polkit.json", self.folder / "polkit.asked"
        self.rules_file.write_text("[]")
        self.log_file.touch()
        self.socket = self.folder / "bus"
        self.address = f"unix:path={self.socket}"
        config = self.folder / "bus.conf"
        config.write_text(_CONFIG.format(path=self.socket))
        self.bus = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"],
                                    stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait.until(self.socket.exists, "the bus to listen")
        self.process = subprocess.Popen(
            [sys.executable, __file__, self.address, str(self.rules_file), str(self.log_file)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("the authority did not start")

    def rule(self, action, answer, **details):
        rules = json.loads(self.rules_file.read_text())
        fresh = self.rules_file.with_suffix(".new")
        fresh.write_text(json.dumps([[action, details, answer]] + rules))
        fresh.rename(self.rules_file)

    def asked(self, action="*"):
        questions = [json.loads(line) for line in self.log_file.read_text().splitlines()]
        return [q for q in questions if fnmatch.fnmatchcase(q["action"], action)]

    def stop(self):
        for process in (self.process, self.bus):
            if process.poll() is None:
                process.kill()
            process.wait()
        self.process.stdout.close()


def answer_of(rules_file, action, details):
    for pattern, wanted, answer in json.loads(Path(rules_file).read_text()):
        fits = all(fnmatch.fnmatchcase(details.get(key, ""), value) for key, value in wanted.items())
        if fnmatch.fnmatchcase(action, pattern) and fits:
            return answer
    return "no"


def serve(address, rules_file, log_file):
    import dbus
    import dbus.service
    from dbus.mainloop.glib import DBusGMainLoop
    from gi.repository import GLib

    class Authority(dbus.service.Object):
        @dbus.service.method(f"{_NAME}.Authority", in_signature="(sa{sv})sa{ss}us", out_signature="(bba{ss})",
                             async_callbacks=("reply", "fail"))
        def CheckAuthorization(self, subject, action, details, flags, _cancellation, reply, fail):
            details = {str(k): str(v) for k, v in details.items()}
            facts = {str(k): int(v) for k, v in subject[1].items()}
            with open(log_file, "a", encoding="utf-8") as log:
                log.write(json.dumps({"action": str(action), "kind": str(subject[0]), "subject": facts,
                                      "details": details, "flags": int(flags)}) + "\n")
            answer = answer_of(rules_file, str(action), details)
            if answer == "error":
                fail(dbus.DBusException("broken", name=f"{_NAME}.Error.Failed"))
            elif answer != "silent":
                more = {"polkit.dismissed": "true"} if answer == "dismissed" else {}
                reply((answer == "yes", answer in ("challenge", "dismissed"), dbus.Dictionary(more, signature="ss")))

        @dbus.service.method(f"{_NAME}.Authority", in_signature="s")
        def CancelCheckAuthorization(self, cancellation):
            with open(log_file, "a", encoding="utf-8") as log:
                log.write(json.dumps({"action": "cancel", "id": str(cancellation)}) + "\n")

    DBusGMainLoop(set_as_default=True)
    bus = dbus.bus.BusConnection(address)
    name = dbus.service.BusName(_NAME, bus)
    Authority(bus, _PATH)
    print("ready", flush=True)
    GLib.MainLoop().run()
    del name


if __name__ == "__main__":
    serve(*sys.argv[1:])
