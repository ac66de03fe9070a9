# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Subscriptions packet by packet: by callback id, and the two old ways without one. What the daemon
answers was recorded from the peer."""

import uuid

from harness import settings
from harness.python_client import DEFINED, UNDEFINED, PythonCase
from rawclient import MESSAGE, OK, RawClient, WireError
import wire

_LIFECYCLE = 0


class Subscriptions(PythonCase):
    def setUp(self):
        super().setUp()
        self.client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES),
                                settings.PATIENCE).open()
        self.addCleanup(self.client.close)
        self.actor = self.connect()

    def next_event(self):
        """The next message of the remote program: its procedure's name and what it says."""
        while True:
            packet = self.client.arrived.popleft() if self.client.arrived else self.client.read()
            if packet.type == MESSAGE:
                break
        self.assertEqual((packet.prog, packet.serial, packet.status),
                         (self.client.remote.number, 1, OK))
        procedure = self.client.remote.by_id[packet.proc]
        return procedure.name, procedure.decode(packet.payload)

    def come_and_go(self, guest):
        self.actor.defineXML(guest.xml).undefine()

    def message(self, guest, what):
        return {"dom": {"name": guest.name, "uuid": uuid.UUID(guest.uuid).bytes, "id": -1},
                "event": what[0], "detail": what[1]}

    def register(self, dom=None):
        return self.client.call("connect_domain_event_callback_register_any", eventID=_LIFECYCLE,
                                dom=dom)["callbackID"]

    def assert_silent_until(self, register):
        """Nothing of a guest's coming and going is told; once registered again, the next is."""
        self.come_and_go(self.new_guest("unheard"))
        register()
        heard = self.new_guest("heard")
        self.come_and_go(heard)
        self.assertIn(heard.name, str(self.next_event()))

    def test_events_carry_the_id_of_their_registration(self):
        guest, number = self.new_guest(), self.register()
        self.come_and_go(guest)
        for what in (DEFINED, UNDEFINED):
            self.assertEqual(self.next_event(), (
                "domain_event_callback_lifecycle",
                {"callbackID": number, "msg": self.message(guest, what)}))

    def test_ids_differ_and_each_is_told(self):
        guest = self.defined_guest()
        dom = self.client.call("domain_lookup_by_name", name=guest.name)["dom"]
        numbers = {self.register(), self.register(dom)}
        self.assertEqual(len(numbers), 2)
        self.actor.lookupByName(guest.name).undefine()
        told = [self.next_event()[1] for _ in range(2)]
        self.assertEqual({one["callbackID"] for one in told}, numbers)
        self.assertEqual([one["msg"] for one in told], [self.message(guest, UNDEFINED)] * 2)

    def test_registration_for_one_domain_hears_of_no_other(self):
        guest, other = self.defined_guest(), self.new_guest("other")
        dom = self.client.call("domain_lookup_by_name", name=guest.name)["dom"]
        self.register(dom)
        self.come_and_go(other)
        self.actor.lookupByName(guest.name).undefine()
        self.assertEqual(self.next_event()[1]["msg"], self.message(guest, UNDEFINED))

    def test_deregistered_id_is_silent(self):
        number = self.register()
        self.assertEqual(self.client.call("connect_domain_event_callback_deregister_any",
                                          callbackID=number), {})
        self.assert_silent_until(self.register)

    def check_old_way(self, register, deregister):
        guest = self.new_guest()
        register()
        self.come_and_go(guest)
        for what in (DEFINED, UNDEFINED):
            self.assertEqual(self.next_event(),
                             ("domain_event_lifecycle", self.message(guest, what)))
        deregister()
        self.assert_silent_until(register)

    def test_old_way_for_lifecycle_alone(self):
        call = self.client.call
        self.check_old_way(lambda: call("connect_domain_event_register"),
                           lambda: call("connect_domain_event_deregister"))

    def test_old_way_by_event_id(self):
        call = self.client.call
        self.check_old_way(
            lambda: call("connect_domain_event_register_any", eventID=_LIFECYCLE),
            lambda: call("connect_domain_event_deregister_any", eventID=_LIFECYCLE))

    def test_wrong_ids_are_refused(self):
        for name, arguments in (
                ("connect_domain_event_callback_register_any", {"eventID": 999, "dom": None}),
                ("connect_domain_event_callback_register_any", {"eventID": -1, "dom": None}),
                ("connect_domain_event_register_any", {"eventID": 999}),
                ("connect_domain_event_callback_deregister_any", {"callbackID": 4711}),
                ("connect_domain_event_deregister_any", {"eventID": _LIFECYCLE})):
            with self.subTest(name, **arguments), self.assertRaises(WireError):
                self.client.call(name, **arguments)
        self.assert_silent_until(self.register)
