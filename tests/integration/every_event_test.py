# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Every event that the wire knows, in every style that it has: packet by packet with fields made up from
the tables, and through the Python binding as programs see them. Order, object filters, duplicates,
subscribers that do not read."""

import sys
import uuid

import libvirt
import libvirt_qemu

from harness import settings, wait
from harness.sample import ACTIVE, URI, SampleCase
from rawclient import MESSAGE, Closed, RawClient, WireError
import wire

sys.path.insert(0, str(settings.TREE / "tools" / "generate"))
import events as spec_events  # noqa: E402
from facts import Constants, Facts  # noqa: E402

UUID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
OTHER = "aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff"
WIRE_KINDS = {"domain": ("domain_event_callback", "domain", "dom"), "network": ("network_event", "network", "net"),
              "pool": ("storage_pool_event", "storage pool", "pool"),
              "nodedev": ("node_device_event", "node device", "dev"),
              "secret": ("secret_event", "secret", "secret")}
MONITOR = 1000


def all_events():
    return spec_events.load(Facts(settings.TABLES), Constants(settings.TABLES / "constants.yaml"))


class Numbers:
    """Made-up values, no two alike."""

    def __init__(self):
        self.last = 100

    def next(self):
        self.last += 1
        return self.last

    def of(self, field, records):
        if field.base in ("i32", "u32", "i64", "u64"):
            return self.next()
        if field.base in ("str", "opt_str"):
            return f"{field.name}-{self.next()}"
        if field.base == "params":
            return [[f"one-{self.next()}", 4, self.next()], [f"two-{self.next()}", 7, f"t{self.next()}"]]
        return [[self.of(f, records) for f in records[field.arg]] for _ in range(2)]


def typed(field, value, records):
    """The value as the driver's payload wants it."""
    if field.base != "records":
        return [field.base, value]
    return ["records", [[typed(f, v, records) for f, v in zip(records[field.arg], item)] for item in value]]


def seen_as(field, value):
    """The value as the wire has it."""
    if field.base == "params":
        return [{"field": name, "value": (tag, v)} for name, tag, v in value]
    return value


def found_at(path, message):
    for name in path:
        message = message[name]
    return message


class EventCase(SampleCase):
    def setUp(self):
        super().setUp()
        self.tables = wire.Tables(settings.TABLES)
        self.names = {"name": "thing", "uuid": UUID, "id": 7}
        self.publish("domain", "thing", uuid=UUID, id=7, attrs=ACTIVE)
        for kind in ("network", "pool"):
            self.publish(kind, "thing", uuid=UUID)
        self.publish("nodedev", "thing", uuid="")
        self.publish("secret", "thing", uuid=UUID, keys=[["usage-type", "2"], ["usage-id", "/x"]])

    def raw(self):
        client = RawClient(self.subject.socket(), self.tables, settings.PATIENCE)
        self.addCleanup(client.close)
        return client.open(URI)

    def post_event(self, event, values, **names):
        keys = [["usage-type", "2"], ["usage-id", "/x"]] if event.kind == "secret" else []
        said = dict(self.names, **names)
        if event.kind == "nodedev":
            said["uuid"] = ""
        self.post(event.kind, event.id,
                  [typed(part[1], v, event.records) for part, v in zip(event.fields_in_order, values)],
                  keys=keys, **said)

    def next_message(self, client):
        while True:
            packet = client.arrived.popleft() if client.arrived else client.read()
            if packet.type == MESSAGE:
                program = next(p for p in self.tables.programs.values() if p.number == packet.prog)
                procedure = program.by_id[packet.proc]
                return f"{program.name}.{procedure.name}", procedure.decode(packet.payload)

    def register(self, client, event, obj=None):
        if event.id == MONITOR and event.kind == "domain":
            return client.call("connect_domain_monitor_event_register", program="qemu", dom=obj,
                               event=None, flags=0)["callbackID"]
        call, _, argument = WIRE_KINDS[event.kind]
        return client.call(f"connect_{call}_register_any", eventID=event.id, **{argument: obj})["callbackID"]

    def deregister(self, client, event, number):
        if event.id == MONITOR:
            return client.call("connect_domain_monitor_event_deregister", program="qemu", callbackID=number)
        return client.call(f"connect_{WIRE_KINDS[event.kind][0]}_deregister_any", callbackID=number)

    def wire_object(self, kind):
        return {"domain": {"name": "thing", "uuid": uuid.UUID(UUID).bytes, "id": 7},
                "network": {"name": "thing", "uuid": uuid.UUID(UUID).bytes},
                "pool": {"name": "thing", "uuid": uuid.UUID(UUID).bytes},
                "nodedev": {"name": "thing"},
                "secret": {"uuid": uuid.UUID(UUID).bytes, "usageType": 2, "usageID": "/x"}}[kind]

    def check_parts(self, event, parts, values, message):
        fields = {part[1].name: v for part, v in zip(event.fields_in_order, values)}
        for part in parts:
            if part[0] == "object":
                self.assertEqual(found_at(part[1], message), self.wire_object(event.kind), event.name)
                continue
            _, field, path, _ = part
            expected, found = seen_as(field, fields[field.name]), found_at(path, message)
            if field.base == "records":
                found = [list(one.values()) for one in found]
            self.assertEqual(found, expected, f"{event.name}: {path}")


def prepared():
    for event in all_events():
        event.fields_in_order = [part for part in event.parts if part[0] == "field"]
        yield event


class EveryEvent(EventCase):
    def test_with_callback_ids(self):
        client, numbers = self.raw(), Numbers()
        events = list(prepared())
        self.assertGreater(len(events), 30)
        ids = {}
        for event in events:
            number = self.register(client, event)
            self.assertNotIn(number, ids)
            ids[number] = event
            values = [numbers.of(part[1], event.records) for part in event.fields_in_order]
            self.post_event(event, values)
            name, message = self.next_message(client)
            self.assertEqual((name, message["callbackID"]), (event.new, number))
            self.check_parts(event, event.parts, values, message)
        for number, event in ids.items():
            self.assertEqual(self.deregister(client, event, number), {})
        # Nothing of all that is told any more: the first that is heard is of a new registration.
        for event in events:
            self.post_event(event, [numbers.of(part[1], event.records) for part in event.fields_in_order])
        last = self.register(client, events[2])
        self.post_event(events[2], [4711])
        _, message = self.next_message(client)
        self.assertEqual((message["callbackID"], message["offset"] if "offset" in message
                          else message["msg"]["offset"]), (last, 4711))

    def test_in_the_old_style(self):
        client, numbers = self.raw(), Numbers()
        old = [e for e in prepared() if e.old]
        self.assertEqual([e.id for e in old], list(range(16)))
        for event in old:
            self.assertEqual(client.call("connect_domain_event_register_any", eventID=event.id), {})
            values = [numbers.of(part[1], event.records) for part in event.fields_in_order]
            self.post_event(event, values)
            name, message = self.next_message(client)
            self.assertEqual(name, event.old)
            self.check_parts(event, event.old_parts, values, message)
        for event in old:
            self.assertEqual(client.call("connect_domain_event_deregister_any", eventID=event.id), {})

    def test_registration_for_one_object_hears_of_no_other(self):
        client = self.raw()
        for event in (e for e in prepared() if e.id == 0 or e.id == MONITOR):
            number = self.register(client, event, self.wire_object(event.kind))
            values = [Numbers().of(part[1], event.records) for part in event.fields_in_order]
            self.post_event(event, values, name="other", uuid=OTHER)
            self.post_event(event, values)
            name, message = self.next_message(client)
            self.assertEqual((name, message["callbackID"]), (event.new, number))
            self.check_parts(event, event.parts, values, message)

    def test_wrong_registrations(self):
        client = self.raw()
        for kind, (call, noun, argument) in WIRE_KINDS.items():
            register, deregister = f"connect_{call}_register_any", f"connect_{call}_deregister_any"
            unsupported = "unsupported event ID 99" if kind == "domain" else f"unsupported {noun} event ID 99"
            client.call(register, eventID=0, **{argument: None})
            for name, arguments, code, text in (
                    (register, {"eventID": 99, argument: None}, 1, f"internal error: {unsupported}"),
                    (register, {"eventID": 0, argument: None}, 8,
                     "invalid argument: event callback already tracked"),
                    (deregister, {"callbackID": 4711}, 1,
                     f"internal error: {noun} event callback 4711 not registered")):
                with self.assertRaises(WireError) as refused:
                    client.call(name, **arguments)
                self.assertEqual((refused.exception.code, refused.exception.message), (code, text))
        for name, arguments, code in (("connect_domain_event_register_any", {"eventID": 16}, 1),
                                      ("connect_domain_event_register", {}, 8),
                                      ("connect_domain_event_deregister_any", {"eventID": 5}, 1)):
            with self.assertRaises(WireError) as refused:
                client.call(name, **arguments)
            self.assertEqual(refused.exception.code, code, name)


class Order(EventCase):
    MANY = 20_000

    def test_many_events_arrive_all_and_in_order(self):
        clients = [self.raw() for _ in range(3)]
        for client in clients:
            client.call("connect_domain_event_callback_register_any", eventID=2, dom=None)
        # A slow reader's budget is not what is shown here, so they come in pieces that fit.
        for _ in range(10):
            posted, = self.tell({"do": "burst", "name": "thing", "uuid": UUID, "count": self.MANY // 10})
            self.assertEqual(posted, self.MANY // 10)
            for client in clients:
                for i in range(self.MANY // 10):
                    name, message = self.next_message(client)
                    self.assertEqual((name, message["msg"]["offset"]),
                                     ("remote.domain_event_callback_rtc_change", i))

    def test_subscriber_that_does_not_read_is_cut_off_and_the_log_says_why(self):
        silent, alert = self.raw(), self.raw()
        for client in (silent, alert):
            client.call("connect_domain_event_callback_register_any", eventID=2, dom=None)
        heard = 0
        cut_off = "max_event_bytes"
        while cut_off not in self.subject.log_tail(400):
            count = 5_000
            self.tell({"do": "burst", "name": "thing", "uuid": UUID, "count": count})
            for _ in range(count):
                self.next_message(alert)
            heard += count
            self.assertLess(heard, 1_000_000, "nobody was cut off")
        with self.assertRaises(Closed):
            while True:
                self.next_message(silent)
        self.assertEqual(alert.call("connect_get_hostname").keys(), {"hostname"})

    def test_unsubscribing_while_events_come(self):
        client = self.raw()
        number = client.call("connect_domain_event_callback_register_any", eventID=2, dom=None)["callbackID"]
        other = client.call("connect_domain_event_callback_register_any", eventID=0, dom=None)["callbackID"]
        self.tell({"do": "burst", "name": "thing", "uuid": UUID, "count": 100})
        client.call("connect_domain_event_callback_deregister_any", callbackID=number)
        self.tell({"do": "burst", "name": "thing", "uuid": UUID, "count": 100})
        self.post("domain", 0, [["i32", 2], ["i32", 0]], **self.names)
        before = len([p for p in client.arrived if p.type == MESSAGE])
        self.assertEqual(before, 100, "all that came before the reply, none after")
        for _ in range(before):
            self.next_message(client)
        self.assertEqual(self.next_message(client)[1]["callbackID"], other)


class Monitor(EventCase):
    def hear(self, name):
        self.post("domain", MONITOR, [["str", name], ["i64", 5], ["u32", 6], ["opt_str", None]], **self.names)

    def check(self, text, flags, heard):
        told = []
        number = libvirt_qemu.qemuMonitorEventRegister(
            self.connection, None, text, lambda c, dom, event, *rest: told.append(event), None, flags)
        for name in ("STOP", "RESUME", "BLOCK_JOB_READY", "stop", "END"):
            self.hear(name)
        wait.until(lambda: "END" in told or len(told) >= len(heard), f"events for {text!r}")
        # The connection's own calls come behind its events.
        self.connection.getHostname()
        wait.until(lambda: told == heard, f"{heard} for {text!r}, told {told}")
        libvirt_qemu.qemuMonitorEventDeregister(self.connection, number)

    def test_patterns(self):
        regex, any_case = 1, 2
        self.check(None, 0, ["STOP", "RESUME", "BLOCK_JOB_READY", "stop", "END"])
        self.check("STOP", 0, ["STOP"])
        self.check("stop", any_case, ["STOP", "stop"])
        self.check("^(STOP|RES.*)$", regex, ["STOP", "RESUME"])
        self.check("job|end", regex | any_case, ["BLOCK_JOB_READY", "END"])

    def test_wrong_patterns(self):
        register = libvirt_qemu.qemuMonitorEventRegister
        for text, flags, message in (
                ("(", 1, "failed to compile regex '('"),
                ("x", 4, "unsupported flags (0x4) in function virDomainQemuMonitorEventStateRegisterID"),
                ("x" * 2000, 1, "the pattern has 2000 bytes")):
            code, _, said = self.refused(
                lambda: register(self.connection, None, text, lambda *_: None, None, flags))
            self.assertEqual(code, libvirt.VIR_ERR_INVALID_ARG)
            self.assertIn(message, said)

    def test_pattern_that_would_take_for_ever_matches_nothing(self):
        number = libvirt_qemu.qemuMonitorEventRegister(
            self.connection, None, "^(a+)+$", lambda *_: self.fail("it matched"), None, 1)
        self.hear("a" * 200 + "b")
        self.check("STOP", 0, ["STOP"])
        libvirt_qemu.qemuMonitorEventDeregister(self.connection, number)

    def test_message_is_whole(self):
        told = []
        libvirt_qemu.qemuMonitorEventRegister(
            self.connection, self.connection.lookupByName("thing"), None,
            lambda c, dom, *rest: told.append((dom.name(), *rest[:4])), None, 0)
        self.post("domain", MONITOR, [["str", "STOP"], ["i64", 5], ["u32", 6], ["opt_str", '{"a": 1}']],
                  **self.names)
        wait.until(lambda: told, "the event")
        self.assertEqual(told, [("thing", "STOP", 5, 6, '{"a": 1}')])


# (event id, payload, what a callback gets between the domain and the opaque)
BOUND = [
    (0, [["i32", 5], ["i32", 1]], (5, 1)),
    (1, [], ()),
    (2, [["i64", -3600]], (-3600,)),
    (3, [["i32", 4]], (4,)),
    (4, [["str", "/img"], ["str", "vda"], ["i32", 1]], ("/img", "vda", 1)),
    (5, [["i32", 2], ["i32", 0], ["str", "::1"], ["str", "5900"], ["i32", 1], ["str", "h"], ["str", "99"],
         ["str", "vnc"], ["records", [[["str", "x509dname"], ["str", "CN=a"]]]]],
     (2, {"family": 0, "node": "::1", "service": "5900"}, {"family": 1, "node": "h", "service": "99"},
      "vnc", [("x509dname", "CN=a")])),
    (6, [["str", "/img"], ["str", "vda"], ["i32", 1], ["str", "enospc"]], ("/img", "vda", 1, "enospc")),
    (7, [], ()),
    (8, [["str", "/img"], ["i32", 1], ["i32", 3]], ("/img", 1, 3)),
    (9, [["opt_str", None], ["opt_str", "/b"], ["str", "cd"], ["i32", 1]], (None, "/b", "cd", 1)),
    (10, [["str", "cd"], ["i32", 1]], ("cd", 1)),
    (11, [["i32", 0]], (0,)),
    (12, [["i32", 0]], (0,)),
    (13, [["u64", 1 << 40]], (1 << 40,)),
    (14, [["i32", 0]], (0,)),
    (15, [["str", "net0"]], ("net0",)),
    (16, [["str", "vda"], ["i32", 2], ["i32", 0]], ("vda", 2, 0)),
    (17, [["params", [["cputune.vcpupin0", 7, "0-1"], ["cputune.cpu_shares", 4, 9]]]],
     ({"cputune.vcpupin0": "0-1", "cputune.cpu_shares": 9},)),
    (18, [["i32", 1], ["i32", 2]], (1, 2)),
    (19, [["str", "net1"]], ("net1",)),
    (20, [["i32", 3]], (3,)),
    (21, [["params", [["time_elapsed", 4, 12]]]], ({"time_elapsed": 12},)),
    (22, [["str", "net2"]], ("net2",)),
    (23, [["i32", 2], ["opt_str", "urn:x"]], (2, "urn:x")),
    (24, [["str", "vda"], ["opt_str", None], ["u64", 10], ["u64", 11]], ("vda", None, 10, 11)),
    (25, [["i32", 0], ["i32", 1], ["u32", 2]], (0, 1, 2)),
    (26, [["str", "dimm0"], ["u64", 1024]], ("dimm0", 1024)),
]


class Binding(EventCase):
    """The same through python3-libvirt, whose own loop calls back."""

    def test_domain_events(self):
        told = {}
        for number, _, _ in BOUND:
            self.connection.domainEventRegisterAny(
                None, number, lambda c, dom, *rest, n=number: told.setdefault(n, []).append((dom.name(), rest[:-1])),
                None)
        for number, payload, _ in BOUND:
            self.post("domain", number, payload, **self.names)
        wait.until(lambda: len(told) == len(BOUND), f"all events, {sorted(told)} came")
        for number, _, said in BOUND:
            self.assertEqual(told[number], [("thing", said)], f"event {number}")

    def test_events_of_other_objects(self):
        told, c = [], self.connection

        def hear(what):
            return lambda conn, obj, *rest: told.append((what, rest[:-1]))

        c.networkEventRegisterAny(None, 0, hear("network"), None)
        c.storagePoolEventRegisterAny(None, 0, hear("pool"), None)
        c.storagePoolEventRegisterAny(c.storagePoolLookupByName("thing"), 1, hear("refresh"), None)
        c.nodeDeviceEventRegisterAny(None, 0, hear("nodedev"), None)
        c.nodeDeviceEventRegisterAny(c.nodeDeviceLookupByName("thing"), 1, hear("update"), None)
        c.secretEventRegisterAny(None, 0, hear("secret"), None)
        c.secretEventRegisterAny(None, 1, hear("value"), None)
        lifecycle = [["i32", 1], ["i32", 0]]
        for kind, number, payload in (("network", 0, lifecycle), ("pool", 0, lifecycle), ("pool", 1, []),
                                      ("nodedev", 0, lifecycle), ("nodedev", 1, []),
                                      ("secret", 0, lifecycle), ("secret", 1, [])):
            names = dict(self.names, uuid="" if kind == "nodedev" else UUID)
            self.post(kind, number, payload, **names)
        wait.until(lambda: len(told) == 7, f"seven events, {told} came")
        self.assertEqual(told, [("network", (1, 0)), ("pool", (1, 0)), ("refresh", ()), ("nodedev", (1, 0)),
                                ("update", ()), ("secret", (1, 0)), ("value", ())])

    def test_driver_that_loses_its_connection(self):
        told = []
        self.connection.registerCloseCallback(lambda conn, reason, opaque: told.append((reason, opaque)), "x")
        self.post("none", 0, [["i32", libvirt.VIR_CONNECT_CLOSE_REASON_EOF]])
        wait.until(lambda: told, "the close callback")
        self.assertEqual(told, [(libvirt.VIR_CONNECT_CLOSE_REASON_EOF, "x")])
        self.connection.unregisterCloseCallback()

    def test_close_is_told_only_to_those_who_asked(self):
        asked, other = self.raw(), self.raw()
        for _ in range(2):
            self.assertEqual(asked.call("connect_register_close_callback"), {})
        self.post("none", 0, [["i32", 2]])
        self.assertEqual(self.next_message(asked), ("remote.connect_event_connection_closed", {"reason": 2}))
        self.assertEqual(asked.call("connect_unregister_close_callback"), {})
        self.post("none", 0, [["i32", 2]])
        for client in (asked, other):
            client.call("connect_get_hostname")
            self.assertEqual(list(client.arrived), [])
