# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What one call costs the daemon. Clients are chatty (virsh list asks the state of each domain by a call of its
own), so the fixed cost of a call is what their users wait for. Counted in system calls and context switches, which
repeat whatever else the machine does; times, and the ratios to the peer's, are tests/bench's."""

import re
import signal
import subprocess
from pathlib import Path

from harness import settings
from harness.stuck import StuckCase

CALLS = 2000
# A call from memory takes a wait, a read and a write, and one switch to whoever sleeps in that wait; one that enters
# the driver takes a hand-over to a worker and back more (docs/performance.md has the measured figures).
SYSCALLS, SYSCALLS_OF_DRIVER = 4.0, 8.0
SWITCHES, SWITCHES_OF_DRIVER = 1.25, 4.0


class CostOfACall(StuckCase):
    def prepare(self):
        super().prepare()
        self.subject.call_log = None   # a write for each call, which only these tests ask for

    def setUp(self):
        if settings.SANITIZED:
            self.skipTest("sanitizers have threads and system calls of their own")
        super().setUp()
        self.one = self.client()
        self.dom = self.domain(self.one, "d1")

    def from_memory(self):
        for _ in range(CALLS):
            self.one.call("domain_get_state", dom=self.dom, flags=0)

    def into_the_driver(self):
        for _ in range(CALLS):
            self.one.call("domain_resume", dom=self.dom)

    # Context switches -------------------------------------------------------------------------

    def switches(self):
        """Voluntary ones of each thread so far: the others say how busy the machine is."""
        found = {}
        for task in Path(f"/proc/{self.subject.pid}/task").iterdir():
            try:
                name = (task / "comm").read_text().strip()
                status = (task / "status").read_text()
            except OSError:
                continue   # ended meanwhile
            found[f"{name}/{task.name}"] = int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
        return found

    def switches_during(self, act):
        """By thread."""
        before = self.switches()
        act()
        after = self.switches()
        return {thread: count - before.get(thread, 0) for thread, count in after.items()}

    def test_switches_of_a_call_that_is_answered_from_memory(self):
        made = self.switches_during(self.from_memory)
        self.assertLessEqual(sum(made.values()), SWITCHES * CALLS, made)
        workers = sum(count for thread, count in made.items() if thread.startswith(("worker-", "prio-")))
        self.assertLess(workers, CALLS / 20, "no worker is woken for it")

    def test_switches_of_a_call_into_the_driver(self):
        made = self.switches_during(self.into_the_driver)
        self.assertLessEqual(sum(made.values()), SWITCHES_OF_DRIVER * CALLS, made)
        self.assertGreater(sum(made.values()), CALLS / 2, "counted at all")

    # System calls -----------------------------------------------------------------------------

    def syscalls_during(self, act):
        """By name, of all threads; skips the case where processes may not be traced."""
        table = self.folder / "strace"
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", str(table), "-p", str(self.subject.pid)],
                                  stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(tracer.stderr.close)
        self.addCleanup(tracer.kill)
        said = tracer.stderr.readline()   # "Process N attached with M threads", once all of them are
        if "attached" not in said:
            tracer.wait(settings.PATIENCE)
            self.skipTest(f"strace cannot trace here: {said.strip()}")
        act()
        tracer.send_signal(signal.SIGINT)
        tracer.wait(settings.PATIENCE)
        return {words[-1]: int(words[3]) for words in map(str.split, table.read_text().splitlines())
                if len(words) >= 5 and words[3].isdigit() and words[-1] != "total"}

    def test_system_calls_of_a_call_that_is_answered_from_memory(self):
        made = self.syscalls_during(self.from_memory)
        self.assertGreater(made.get("sendmsg", 0), CALLS * 0.9, "counted at all; the last may end beside the count")
        self.assertLessEqual(sum(made.values()), SYSCALLS * CALLS, made)

    def test_system_calls_of_a_call_into_the_driver(self):
        made = self.syscalls_during(self.into_the_driver)
        self.assertGreater(made.get("sendmsg", 0), CALLS * 0.9, "counted at all; the last may end beside the count")
        self.assertLessEqual(sum(made.values()), SYSCALLS_OF_DRIVER * CALLS, made)

    # What clients make of it ------------------------------------------------------------------

    def test_what_a_list_of_virsh_costs(self):
        """virsh list --all is one call for the list and one for each domain's state: each of the latter is answered
        on the loop, so that the whole list wakes workers a fixed number of times, however long it is."""
        uri = f"stuck+unix:///default?socket={self.subject.socket()}"

        def workers_woken():
            made = self.switches_during(lambda: self.run_virsh(uri, "list", "--all"))
            return sum(count for thread, count in made.items() if thread.startswith("worker-"))

        few = min(workers_woken() for _ in range(5))
        for number in range(500):
            self.one.call("domain_create_xml", xml_desc=f"more{number}", flags=0)
        many = min(workers_woken() for _ in range(5))
        self.assertLess(many, few + 50, "workers answered what the loop should have")
