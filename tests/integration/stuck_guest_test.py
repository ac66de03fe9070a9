# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""An emulator that does not answer (it is stopped, as one that waits for a dead disk is): calls on its guest end with an
error that says so, what only asks is answered, no other guest notices, and it is managed on when it wakes."""

import os
import signal
import statistics
import threading
import time

import libvirt

from harness import processes, wait
from harness.python_client import PythonCase

OTHERS = int(os.environ.get("POLYVIRT_OTHERS", "20"))
TIMEOUT = 4  # of the monitor, configured; seconds


class StuckGuest(PythonCase):
    starts = False

    def prepare(self):
        self.subject.configure(f"plugins: {{qemu: {{monitor: {{timeout: {TIMEOUT}s}}}}}}\n")
        self.subject.start()
        self.connection = self.connect()
        self.guest = self.new_guest("stuck")
        self.domain = self.start(self.guest)
        self.emulator = processes.emulator_of(self.guest.name)
        self.addCleanup(self.wake)

    def start(self, guest):
        return self.connection.createXML(guest.xml.replace(">128<", ">32<"), libvirt.VIR_DOMAIN_START_PAUSED)

    def stop(self):
        os.kill(self.emulator, signal.SIGSTOP)

    def wake(self):
        if processes.is_running(self.emulator):
            os.kill(self.emulator, signal.SIGCONT)

    def in_thread(self, call):
        """Starts a call on a connection of its own; the list that gets its error, or None."""
        ended = []

        def run():
            try:
                call(self.connect().lookupByName(self.guest.name))
                ended.append(None)
            except libvirt.libvirtError as error:
                ended.append(error)
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return ended

    def test_a_call_ends_with_a_time_out_that_names_the_command(self):
        self.stop()
        code, _, text = self.refused(self.domain.resume)
        self.assertEqual(code, libvirt.VIR_ERR_OPERATION_TIMEOUT)
        self.assertIn(f"the emulator of domain '{self.guest.name}' did not answer 'cont' in time", text)

    def test_who_waits_for_the_guest_is_told_for_what(self):
        self.stop()
        first = self.in_thread(lambda domain: domain.resume())
        second = self.in_thread(lambda domain: domain.suspend())
        wait.until(lambda: first and second, "the end of both calls")
        for ended in (first, second):
            self.assertIn(ended[0].get_error_code() if ended[0] else None, (libvirt.VIR_ERR_OPERATION_TIMEOUT, None))

    def test_what_only_asks_is_answered_meanwhile(self):
        self.stop()
        stuck = self.in_thread(lambda domain: domain.resume())
        self.assertEqual(self.domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        self.assertEqual(self.domain.info()[0], libvirt.VIR_DOMAIN_PAUSED)
        self.assertIn(self.guest.name, self.domain.XMLDesc())
        self.assertIn(self.guest.name, [one.name() for one in self.connection.listAllDomains()])
        self.domain.maxMemory()
        self.assertEqual(stuck, [], "the answers came before the stuck call's time-out")

    def test_it_is_managed_on_when_it_wakes(self):
        self.stop()
        self.refused(self.domain.resume)
        self.wake()
        # What it was told last, it does now.
        wait.until(lambda: self.domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING, "the late answer")
        self.domain.suspend()
        self.assertEqual(self.domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        self.domain.resume()
        self.domain.destroy()

    def test_it_can_be_ended(self):
        """SIGTERM does not reach it; SIGKILL does, after the patience that a flush of its disks is given."""
        self.stop()
        stuck = self.in_thread(lambda domain: domain.resume())
        self.domain.destroy()
        self.assertFalse(processes.is_running(self.emulator))
        wait.until(lambda: stuck, "the end of the call that it held")
        self.assertIsNotNone(stuck[0])

    def rounds(self, domains):
        """Seconds of each change of a guest beside the stuck one, and of each trivial call."""
        changes, trivial = [], []
        for domain in domains:
            begin = time.perf_counter()
            domain.resume()
            domain.suspend()
            changes.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            self.connection.getLibVersion()
            domain.state()
            trivial.append(time.perf_counter() - begin)
        return changes, trivial

    def test_other_guests_do_not_notice(self):
        others = [self.new_guest(f"other{number}") for number in range(OTHERS)]
        domains = [self.start(guest) for guest in others]
        before = self.rounds(domains)
        self.stop()
        stuck = [self.in_thread(lambda domain: domain.resume()) for _ in range(8)]
        during = self.rounds(domains)
        waiting = sum(not one for one in stuck)
        print(f"{OTHERS} others, ms: changes {statistics.median(before[0]) * 1e3:.2f} before, "
              f"{statistics.median(during[0]) * 1e3:.2f} beside {waiting} stuck calls; trivial "
              f"{statistics.median(before[1]) * 1e3:.2f}, {statistics.median(during[1]) * 1e3:.2f}", flush=True)
        self.assertEqual([one.state()[0] for one in domains], [libvirt.VIR_DOMAIN_PAUSED] * OTHERS)
        # Whoever had waited for a stuck call would have waited for its time-out.
        self.assertLess(max(during[0] + during[1]), TIMEOUT)
        self.wake()
