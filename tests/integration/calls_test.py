# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What the daemon is doing, as it tells: polyvirt top, why and jobs, with calls that hang because their
guest's emulator is stopped, or because their driver wants them to. The peer has nothing of the kind."""

import json
import re

from harness import settings, wait
from harness.stuck import StuckCase
from harness.tools import AdminCase
from parallel_test import StuckGuest
from rawclient import RawClient
import wire


class Asking(AdminCase):
    def top(self, *words):
        return self.polyvirt_json("top", "--once", "--interval", "0.05", *words)

    def rows(self, command, *words):
        return self.polyvirt_json(command, *words)

    def state_of(self, serial):
        for row in self.top()["calls"]:
            if (row["server"], row["serial"]) == ("polyvirtd", serial):
                return row["state"]
        return None

    def wait_for_state(self, serial, *states):
        wait.until(lambda: self.state_of(serial) in states, f"call {serial} to be in state {states}")


class CallsCase(Asking):
    def setUp(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the peer cannot be asked what it is doing")
        super().setUp()
        self.client = self.raw()
        self.client.open()

    def raw(self):
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        return client

    def stuck(self, label="stuck"):
        guest = self.paused_guest(label)
        return guest, self.client.call("domain_lookup_by_name", name=guest.name)["dom"]


class Why(CallsCase):
    def test_a_call_that_waits_for_its_driver(self):
        guest, dom = self.stuck()
        with StuckGuest(guest):
            serial = self.client.start("domain_resume", dom=dom)
            self.wait_for_state(serial, "answer")
            found, = self.rows("why", str(serial), "--server", "polyvirtd")
            call, = found["stack"]
            self.assertEqual(
                (call["procedure"], call["state"], call["plugin"], call["operation"], call["object"]),
                ("domain_resume", "answer", "qemu", "dom_lifecycle.resume",
                 {"kind": "domain", "name": guest.name, "uuid": guest.uuid}))
            self.assertEqual([job["class"] for job in call["holds"]], ["modify"])
            self.assertGreaterEqual(call["seconds"], call["holds"][0]["seconds"])
            text = self.polyvirt("why", str(serial))
            self.assertIn(f"call {serial} of client ", text)
            self.assertIn("waits for the driver's answer", text)
        self.client.value_of(self.client.reply_to(serial))
        self.wait_for_state(serial, None)  # it is counted out once its reply is on its way
        self.assertIn(f"no call with serial {serial} is in flight",
                      self.polyvirt_fails("why", str(serial)))

    def test_a_call_that_waits_for_another_ones_job(self):
        guest, dom = self.stuck()
        second = self.raw()
        second.open()
        with StuckGuest(guest):
            first = self.client.start("domain_resume", dom=dom)
            self.wait_for_state(first, "answer")
            # Not the same serial as the first one, which another client has.
            while second.serial <= first:
                second.call("connect_get_type")
            waiting = second.start("domain_suspend", dom=dom)
            self.wait_for_state(waiting, "job")
            found, = self.rows("why", str(waiting))
            call, holder = found["stack"]
            self.assertEqual((call["procedure"], call["state"]), ("domain_suspend", "job"))
            waits = call["waits_for"]
            self.assertEqual(waits["job"]["object"]["name"], guest.name)
            held, = waits["held_by"]
            self.assertEqual((held["call"]["serial"], held["class"]), (first, "modify"))
            self.assertNotEqual(call["client"], holder["client"])
            self.assertEqual((holder["serial"], holder["procedure"], holder["state"]),
                             (first, "domain_resume", "answer"))
            jobs, = self.rows("jobs")
            self.assertEqual(jobs["object"]["name"], guest.name)
            self.assertEqual([(one["call"]["serial"]) for one in jobs["holders"] + jobs["waiters"]],
                             [first, waiting])
            text = self.polyvirt("why", str(waiting))
            self.assertRegex(text, rf"held by '.+' \(modify\) for .+, of call {first} of client")
            self.assertIn("there: call ", text)
            self.assertIn("waited for", self.polyvirt("jobs"))
        for client, serial in ((self.client, first), (second, waiting)):
            client.value_of(client.reply_to(serial))
        self.assertEqual(self.rows("jobs"), [])

    def test_nothing_in_flight(self):
        self.assertEqual(self.rows("why"), [])
        self.assertEqual(self.polyvirt("why").strip(), "no call is in flight")
        self.assertEqual(self.rows("jobs"), [])


class WhyOfShares(CallsCase):
    def prepare(self):
        super().prepare()
        # Calls that wait in the driver without a thread count as running ones here.
        self.subject.configure("limits: {max_parked: 0}\n")

    def test_calls_beyond_their_clients_share(self):
        guest, dom = self.stuck()
        with StuckGuest(guest):
            serials = [self.client.start("domain_resume", dom=dom) for _ in range(20)]
            self.wait_for_state(serials[-1], "client-queue")
            found, = self.rows("why", str(serials[-1]), "--server", "polyvirtd")
            call = found["stack"][0]
            self.assertEqual(call["state"], "client-queue")
            self.assertEqual(len(call["waits_for"]["behind"]), 16)
            # The chain goes on to what holds them all.
            self.assertEqual(found["stack"][-1]["state"], "answer")
            number = found["stack"][0]["client"]
            self.assertEqual(len(self.rows("why", "--client", str(number), "--server", "polyvirtd")), 20)
        for serial in serials:
            self.client.reply_to(serial)


class Top(CallsCase):
    def test_calls_are_counted_by_procedure_and_client(self):
        for _ in range(7):
            self.client.call("connect_get_type")
        self.client.refusal(self.client.packet("domain_lookup_by_name", name="none"))
        top = self.top()
        rows = {(row["program"], row["procedure"]): row for row in top["procedures"]}
        self.assertEqual(rows["remote", "connect_get_type"]["calls"], 7)
        self.assertEqual(rows["remote", "connect_get_type"]["failed"], 0)
        self.assertEqual((rows["remote", "domain_lookup_by_name"]["calls"],
                          rows["remote", "domain_lookup_by_name"]["failed"]), (1, 1))
        mine, = [row for row in top["clients"] if row["server"] == "polyvirtd"]
        self.assertGreaterEqual(mine["calls"], 8)
        self.assertIn("rpc-loop", [row["name"] for row in top["loops"] if "lag_s" in row])
        self.assertIn("lp:qemu", [row["name"] for row in top["loops"]])

    def test_calls_in_flight_are_shown_the_oldest_first(self):
        guest, dom = self.stuck()
        with StuckGuest(guest):
            serials = [self.client.start("domain_resume", dom=dom) for _ in range(3)]
            # Workers take them side by side: any may be the one that has the guest's job.
            wait.until(lambda: sorted(row["state"] for row in self.top()["calls"] if row["server"] == "polyvirtd") == ["answer", "job", "job"],
                       "one to wait for its answer, and two for it")
            top = self.top()
            shown = [row["serial"] for row in top["calls"] if row["server"] == "polyvirtd"]
            self.assertEqual(shown, serials)
            self.assertEqual(top["calls_in_flight"], 3)
            ages = [row["seconds"] for row in top["calls"]]
            self.assertEqual(ages, sorted(ages, reverse=True))
            self.assertEqual(len(self.top("--rows", "2")["calls"]), 2)
            text = self.polyvirt("top", "--once", "--interval", "0.05")
            self.assertRegex(text, rf"answer +polyvirtd +\d+ +({'|'.join(map(str, serials))}) +domain_resume +domain {guest.name}")
        for serial in serials:
            self.client.reply_to(serial)
        self.assertEqual(self.top()["calls_in_flight"], 0)

    def test_top_answers_while_every_worker_is_held(self):
        """Admin calls run on workers of their own."""
        self.virt_admin("server-threadpool-set", "polyvirtd", "--min-workers", "1", "--max-workers", "1")
        guest, dom = self.stuck()
        with StuckGuest(guest):
            serials = [self.client.start("domain_resume", dom=dom) for _ in range(30)]
            self.assertEqual(json.loads(self.polyvirt("-o", "json", "status"))["pid"], self.subject.pid)
            self.assertGreaterEqual(self.top()["calls_in_flight"], 1)
        for serial in serials:
            self.client.reply_to(serial)


class StuckAsking(StuckCase, Asking):
    """With the driver that blocks whoever calls it."""

    config = ""

    def prepare(self):
        super().prepare()
        self.subject.configure(self.config)

    def setUp(self):
        super().setUp()
        self.one = self.client()
        self.dom = self.domain(self.one, "d2")

    def end_all(self, serials):
        """Tells the driver to let go until every call is answered."""
        teller = self.client()
        left = set(serials)

        def told():
            teller.call("domain_abort_job", dom=self.dom)
            left.intersection_update(row["serial"] for row in self.top()["calls"])
            return not left

        wait.until(told, "the calls to end")
        for serial in serials:
            self.assertEqual(self.one.value_of(self.one.reply_to(serial)), {})


class StatesInTheDriver(StuckAsking):
    SHARE = 4   # workers that one object may hold

    def test_a_worker_that_is_inside_the_driver(self):
        serial = self.one.start("domain_reset", dom=self.dom, flags=0)
        self.wait_for_state(serial, "driver")
        found, = self.rows("why", str(serial), "--server", "polyvirtd")
        call, = found["stack"]
        self.assertEqual(
            (call["procedure"], call["state"], call["plugin"], call["operation"], call["object"]["name"]),
            ("domain_reset", "driver", "t_stuck", "dom_lifecycle.reset", "d2"))
        self.assertEqual(call["holds"], [])
        self.assertIn("a worker is inside the driver", self.polyvirt("why", str(serial)))
        self.end_all([serial])

    def test_calls_that_wait_for_their_turn_at_the_object(self):
        inside = []
        for _ in range(self.SHARE):  # one after the other: workers need not keep the order of the wire
            inside.append(self.one.start("domain_reset", dom=self.dom, flags=0))
            self.wait_for_state(inside[-1], "driver")
        waiting = [self.one.start("domain_reset", dom=self.dom, flags=0) for _ in range(2)]
        for serial in waiting:
            self.wait_for_state(serial, "turn")
        found, = self.rows("why", str(waiting[0]), "--server", "polyvirtd")
        self.assertEqual(found["stack"][0]["state"], "turn")
        behind = found["stack"][0]["waits_for"]["behind"]
        self.assertEqual({row["serial"] for row in behind}, set(inside), "it waits for all that are inside")
        self.assertEqual(found["stack"][1]["state"], "driver", "the chain goes on to one of them")
        self.assertRegex(self.polyvirt("top", "--once", "--interval", "0.05"),
                         rf"turn +polyvirtd +\d+ +{waiting[0]} +domain_reset +domain d2")
        # Another object's calls have their own turns.
        self.one.call("domain_resume", dom=self.domain(self.one, "d3"))
        self.end_all(inside + waiting)

    def test_a_worker_that_waits_for_the_objects_job(self):
        holder = self.one.start("domain_pm_wakeup", dom=self.dom, flags=0)
        self.wait_for_state(holder, "answer")
        waiter = self.one.start("domain_pm_wakeup", dom=self.dom, flags=0)
        self.wait_for_state(waiter, "job-parked")
        found, = self.rows("why", str(waiter), "--server", "polyvirtd")
        call, other = found["stack"]
        held, = call["waits_for"]["held_by"]
        self.assertEqual((call["waits_for"]["job"]["what"], held["call"]["serial"], held["class"]),
                         ("wakeup", holder, "modify"))
        self.assertEqual((other["serial"], other["state"]), (holder, "answer"))
        jobs, = self.rows("jobs")
        self.assertEqual(jobs["object"]["name"], "d2")
        self.assertEqual([one["call"]["serial"] for one in jobs["holders"] + jobs["waiters"]], [holder, waiter])
        self.assertIn("and a worker waits with it", self.polyvirt("why", str(waiter)))
        self.end_all([holder, waiter])
        self.assertEqual(self.rows("jobs"), [])


class HeldLoop(StuckAsking):
    """A callback that does not return stops everything else on its loop: the watchdog says which, and whose."""

    config = "watchdog: {limit: 200ms}\n"

    def test_the_watchdog_names_the_plugin_and_its_callback(self):
        self.one.call("domain_inject_nmi", dom=self.dom, flags=0)
        held = wait.until(lambda: re.search(
            r"(\S+): callback \S*t_stuck\.so\+0x[0-9a-f]+ of plugin t_stuck/stuck has held it for (\d+) ms; "
            r"nothing else runs there", self.subject.log_text()), "the watchdog's line")
        self.assertGreaterEqual(int(held[2]), 200)
        # What needs that loop waits; nobody else does.
        late = self.one.start("domain_shutdown", dom=self.dom)
        self.wait_for_state(late, "answer")
        self.one.call("domain_resume", dom=self.dom)
        loops = {row["name"]: row for row in self.top()["loops"]}
        self.assertGreaterEqual(loops[held[1]]["busy_s"], 0.2, loops)
        self.assertLess(loops["rpc-loop"]["busy_s"], loops[held[1]]["busy_s"], loops)
        self.one.call("domain_abort_job", dom=self.dom)
        self.assertEqual(self.one.value_of(self.one.reply_to(late)), {})
        wait.until(lambda: f"{held[1]}: goes on; a callback held it for at least" in self.subject.log_text(),
                   "the watchdog to say that the loop goes on")
        said = re.findall(rf"{re.escape(held[1])}: callback .* has held it for", self.subject.log_text())
        self.assertEqual(len(said), 1, "said once, not with every look")
