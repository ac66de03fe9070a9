# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""polkit, played by an authority of the tests' own on a bus of their own: as the judge of permissions, and at the
door. Codes, domains and the beginnings of texts are those of the peer, which was recorded with the same authority;
what denied, and why polkit could not be asked, is said besides."""

import os
import threading

import libvirt

from harness import identities, settings, wait
from harness.fake_polkit import FakePolkit
from harness.identities import NOBODY
from harness.python_client import DEFINED, PythonCase, Recorder, UNDEFINED
from rawclient import RawClient, WireError
import wire

_ACCESS_DENIED, _AUTH_FAILED, _AUTH_CANCELLED, _AUTH_UNAVAILABLE, _DBUS_SERVICE = 88, 45, 79, 94, 89
_ACCESS, _POLKIT, _DBUS = 55, 60, 47


class PolkitCase(PythonCase):
    config = "policy: {backend: polkit}\n"
    bus = None

    def setUp(self):
        identities.need_root()
        if settings.SUBJECT != "polyvirtd":
            self.skipTest("the peer's settings are its own")
        super().setUp()
        self.polkit = FakePolkit(self.folder)
        self.addCleanup(self.polkit.stop)
        self.polkit.rule("*", "yes")
        config = self.subject.root / "root" / "etc" / "polyvirt" / "polyvirtd.yaml"
        config.write_text(self.config + f"polkit: {{bus: '{self.bus or self.polkit.address}', keep: 0, deadline: 60s}}\n")
        self.subject.stop()
        self.subject.start()
        identities.open_to_all(self.subject)

    def connect_as(self, uid, kind="rw"):
        with identities.as_user(uid):
            return self.connect(kind)


class Backend(PolkitCase):
    def test_actions_and_details_are_the_known_ones(self):
        guest = self.defined_guest()
        connection = self.connect_as(NOBODY)
        domain = connection.lookupByName(guest.name)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        question = self.polkit.asked("org.libvirt.api.domain.start")[-1]
        self.assertEqual(question["kind"], "unix-process")
        self.assertEqual(question["subject"]["uid"], NOBODY)
        self.assertEqual(question["details"], {"connect_driver": "QEMU", "domain_name": guest.name,
                                               "domain_uuid": domain.UUIDString()})
        self.assertEqual(question["flags"], 0)
        self.assertTrue(self.polkit.asked("org.libvirt.api.connect.getattr"))

    def test_denied_by_name(self):
        guest = self.defined_guest()
        domain = self.connect_as(NOBODY).lookupByName(guest.name)
        self.polkit.rule("org.libvirt.api.domain.start", "no", domain_name=guest.name)
        code, origin, text = self.refused(domain.create)
        self.assertEqual((code, origin), (_ACCESS_DENIED, _ACCESS))
        self.assertEqual(text, "access denied: polkit denies action 'org.libvirt.api.domain.start' on domain "
                               f"'{guest.name}'")

    def test_lists_are_filtered(self):
        seen, hidden = self.defined_guest("seen"), self.defined_guest("hidden")
        self.polkit.rule("org.libvirt.api.domain.getattr", "no", domain_name="hidden-*")
        connection = self.connect_as(NOBODY)
        self.assertEqual([d.name() for d in connection.listAllDomains()], [seen.name])
        self.assertEqual(connection.numOfDefinedDomains(), 1)
        self.assertIn(hidden.name, [q["details"].get("domain_name") for q in self.polkit.asked("*.domain.getattr")])

    def test_events_are_filtered_and_stay_in_order(self):
        self.polkit.rule("org.libvirt.api.domain.getattr", "no", domain_name="hidden-*")
        recorder = Recorder(self.connect_as(NOBODY))
        self.polkit.rule("org.libvirt.api.domain.*", "yes", domain_name="seen-*")
        hidden, seen = self.new_guest("hidden"), self.new_guest("seen")
        root = self.connect()
        self.polkit.rule("org.libvirt.api.domain.write", "yes")
        for guest in (hidden, seen):
            domain = root.defineXML(guest.xml)
            domain.undefine()
        recorder.expect(seen, UNDEFINED)
        self.assertEqual(recorder.of(seen), [DEFINED, UNDEFINED])
        self.assertEqual(recorder.of(hidden), [])

    def test_polkit_that_fails_denies_and_says_so(self):
        guest = self.defined_guest()
        domain = self.connect_as(NOBODY).lookupByName(guest.name)
        self.polkit.rule("org.libvirt.api.domain.start", "error")
        code, origin, text = self.refused(domain.create)
        self.assertEqual((code, origin), (_ACCESS_DENIED, _ACCESS))
        self.assertIn("access denied: polkit cannot be asked: broken", text)

    def test_polkit_that_goes_away_denies_and_says_so(self):
        guest = self.defined_guest()
        domain = self.connect_as(NOBODY).lookupByName(guest.name)
        self.polkit.stop()
        code, _, text = self.refused(domain.create)
        self.assertEqual(code, _ACCESS_DENIED)
        self.assertIn("polkit cannot be asked", text)


class Slow(PolkitCase):
    config = "policy: {backend: polkit}\nworkers: {max: 4}\n"

    def test_silent_polkit_holds_up_nobody_else(self):
        guest = self.defined_guest()
        domain = self.connect_as(NOBODY).lookupByName(guest.name)
        self.polkit.rule("org.libvirt.api.domain.reset", "silent")
        waiting = [threading.Thread(target=lambda: self.refused(domain.reset), daemon=True) for _ in range(8)]
        for thread in waiting:
            thread.start()
        wait.until(lambda: len(self.polkit.asked("*.domain.reset")) == 8, "all of them to be asked")
        self.assertEqual(self.connect().lookupByName(guest.name).info()[0], libvirt.VIR_DOMAIN_SHUTOFF)


class Deadline(PolkitCase):
    def setUp(self):
        super().setUp()
        config = self.subject.root / "root" / "etc" / "polyvirt" / "polyvirtd.yaml"
        config.write_text(config.read_text().replace("deadline: 60s", "deadline: 5s"))
        self.subject.stop()
        self.subject.start()
        identities.open_to_all(self.subject)

    def test_deadline_ends_the_wait(self):
        guest = self.defined_guest()
        domain = self.connect_as(NOBODY).lookupByName(guest.name)
        self.polkit.rule("org.libvirt.api.domain.reset", "silent")
        code, _, text = self.refused(domain.reset)
        self.assertEqual(code, _ACCESS_DENIED)
        self.assertIn("no answer within the deadline", text)


class DeadBus(PolkitCase):
    bus = "unix:path=/nonexistent/bus"

    def test_bus_that_is_not_there_is_an_error_that_says_so(self):
        code, _, text = self.refused(lambda: self.connect_as(NOBODY))
        self.assertEqual(code, _ACCESS_DENIED)
        self.assertIn("polkit cannot be asked: the message bus cannot be reached", text)


class Login(PolkitCase):
    """polkit as the way in: who may connect at all."""

    config = "auth: {unix: polkit, unix_readonly: polkit}\n"

    def setUp(self):
        super().setUp()
        self.polkit.rule("org.libvirt.unix.*", "no")

    def test_allowed_is_let_in(self):
        self.polkit.rule("org.libvirt.unix.manage", "yes")
        self.assertEqual(self.connect_as(NOBODY).getType(), "QEMU")
        question = self.polkit.asked("org.libvirt.unix.manage")[-1]
        self.assertEqual((question["kind"], question["subject"]["uid"], question["flags"]), ("unix-process", NOBODY, 1))
        self.assertEqual(question["subject"]["pid"], os.getpid())
        self.assertGreater(question["subject"]["start-time"], 0)

    def test_read_only_socket_asks_for_less(self):
        self.polkit.rule("org.libvirt.unix.monitor", "yes")
        self.assertEqual(self.connect_as(NOBODY, "ro").getType(), "QEMU")
        self.refused(lambda: self.connect_as(NOBODY))

    def test_denied_is_told_so(self):
        code, origin, text = self.refused(lambda: self.connect_as(NOBODY))
        self.assertEqual((code, origin), (_AUTH_FAILED, _POLKIT))
        self.assertEqual(text, "authentication failed: access denied by policy: polkit denies action "
                               "'org.libvirt.unix.manage'")

    def test_without_an_agent_the_words_are_the_known_ones(self):
        self.polkit.rule("org.libvirt.unix.manage", "challenge")
        code, _, text = self.refused(lambda: self.connect_as(NOBODY))
        self.assertEqual(code, _AUTH_UNAVAILABLE)
        self.assertEqual(text, "authentication unavailable: no polkit agent available to authenticate action "
                               "'org.libvirt.unix.manage'")

    def test_user_who_does_not_want_to_is_told_so(self):
        self.polkit.rule("org.libvirt.unix.manage", "dismissed")
        code, _, text = self.refused(lambda: self.connect_as(NOBODY))
        self.assertEqual(code, _AUTH_CANCELLED)
        self.assertIn("user cancelled authentication process", text)

    def test_root_is_let_in_unasked(self):
        self.assertEqual(self.connect().getType(), "QEMU")
        self.assertEqual(self.polkit.asked("org.libvirt.unix.*"), [])

    def test_nothing_works_before_it(self):
        with identities.as_user(NOBODY):
            client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        self.assertEqual(client.call("auth_list"), {"types": [2]})
        with self.assertRaises(WireError) as refused:
            client.call("connect_open", name="qemu:///system", flags=0)
        self.assertIn("authentication required", refused.exception.message)
        self.polkit.rule("org.libvirt.unix.manage", "yes")
        self.assertEqual(client.call("auth_polkit"), {"complete": 1})
        client.call("connect_open", name="qemu:///system", flags=0)

    def test_bus_that_went_away_is_an_error_that_says_so(self):
        self.polkit.stop()
        code, origin, text = self.refused(lambda: self.connect_as(NOBODY))
        # Not "unavailable": clients would start an agent and ask again.
        self.assertEqual((code, origin), (_DBUS_SERVICE, _DBUS))
        self.assertIn("error from service: polkit cannot be asked", text)
