# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Faults on demand, and hosts described by files: what docs/test-driver.md promises."""

import json
import re
import subprocess
import threading
import time

import libvirt

from harness import settings, wait
from harness.imaginary import FAULTS, Imaginary, ImaginaryCase, domain_xml

NO_DOMAIN, FAILED, XML_ERROR, TIMEOUT, ABORTED = 42, 9, 27, 68, 78
CODES = [n for n in range(1, 110) if n not in (2,)]


class Aside:
    """A call on a thread of its own, and how it ended."""

    def __init__(self, case, call):
        self.code = None
        self.thread = threading.Thread(target=self.run, args=(call,), daemon=True)
        self.thread.start()
        case.addCleanup(self.thread.join, 5)

    def run(self, call):
        try:
            call()
            self.code = 0
        except libvirt.libvirtError as error:
            self.code = error.get_error_code()

    def result(self):
        self.thread.join(settings.PATIENCE)
        return self.code


class Faults(ImaginaryCase):
    def test_an_error_by_name(self):
        domain = self.start(faults="<fault:error op='domain.suspend' code='38' message='the disk is on fire'/>")
        code, _, text = self.refused(domain.suspend)
        self.assertEqual(code, 38)
        self.assertIn("the disk is on fire", text)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        domain.reboot()

    def test_every_code(self):
        domain = self.define()
        xml = f"<uuid>{domain.UUIDString()}</uuid>"
        got = []
        for code in CODES:
            self.define(more=xml, faults=f"<fault:error op='domain.set_memory' code='{code}'/>")
            got.append(self.refused(lambda: domain.setMemory(1000))[0])
        # The client library takes three codes of another domain than nwfilter's for those of servers of its version 0.7.
        self.assertEqual(got, [code + 4 if code in (61, 62, 63) else code for code in CODES])

    def test_the_third_call_and_one_more(self):
        domain = self.start(faults="<fault:error op='domain.reset' after='2' times='2'/>")
        outcomes = []
        for _ in range(6):
            try:
                domain.reset()
                outcomes.append(0)
            except libvirt.libvirtError as error:
                outcomes.append(error.get_error_code())
        self.assertEqual(outcomes, [0, 0, FAILED, FAILED, 0, 0])

    def test_a_slow_call_is_late_and_right(self):
        domain = self.start(faults="<fault:delay op='domain.memory_stats' ms='300'/>")
        begun = time.monotonic()
        self.assertEqual(domain.memoryStats()["actual"], 524288)
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)
        begun = time.monotonic()
        self.connection.lookupByName("test").memoryStats()  # nobody else is slow

    def test_a_guest_that_never_answers_is_destroyed(self):
        domain = self.start()
        self.define(more=f"<uuid>{domain.UUIDString()}</uuid>", faults="<fault:hang op='*'/>")
        calls = [Aside(self, self.connect().lookupByName("a").suspend) for _ in range(20)]
        other = self.connection.lookupByName("test")
        other.memoryStats()
        self.assertTrue(all(call.code is None for call in calls))
        wait.until(lambda: self.held() == 20, "all of the calls to be held up, none of them on a worker")
        domain.destroy()
        self.assertEqual([call.result() for call in calls], [ABORTED] * 20)

    def held(self):
        """Calls that wait without a worker, by the daemon's own account."""
        told = subprocess.run([settings.BUILD / "bin" / "polyvirt", "--root", self.folder / "root", "-o", "json",
                               "top", "--once", "--interval", "0.05", "--rows", "100"],
                              capture_output=True, text=True, timeout=settings.PATIENCE, check=True)
        calls = json.loads(told.stdout)["calls"]
        return len([c for c in calls if c["procedure"] == "domain_suspend" and c["state"] == "answer"])

    def test_a_hang_with_an_end(self):
        domain = self.start(faults="<fault:hang op='domain.suspend' ms='200'/>")
        self.assertEqual(self.refused(domain.suspend)[0], TIMEOUT)

    def test_a_lost_monitor(self):
        told = []
        self.connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_CONTROL_ERROR,
                                               lambda _c, domain, _o: told.append(domain.name()), None)
        domain = self.start(faults="<fault:lost-monitor after-ms='50'/>")
        wait.until(lambda: told == ["a"], "the control error")
        self.assertEqual(domain.controlInfo()[:2], [libvirt.VIR_DOMAIN_CONTROL_ERROR, libvirt.VIR_DOMAIN_CONTROL_ERROR_REASON_MONITOR])
        self.assertEqual(self.refused(domain.suspend)[0], FAILED)
        self.assertIn("monitor", self.refused(domain.memoryStats)[2])
        domain.XMLDesc(0)
        domain.destroy()
        domain.create()
        wait.until(lambda: told == ["a", "a"], "the second loss")

    def test_an_event_storm(self):
        offsets = []
        self.connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_RTC_CHANGE,
                                               lambda _c, _d, offset, _o: offsets.append(offset), None)
        self.start(faults="<fault:storm event='rtc-change' count='5000' per-second='100000'/>")
        wait.until(lambda: len(offsets) >= 5000, "5000 events")
        self.assertEqual(offsets, list(range(5000)))

    def test_they_are_shown_and_taken_back(self):
        domain = self.start(faults="<fault:error op='domain.suspend'/>")
        self.assertIn(FAULTS, domain.XMLDesc(0))
        self.connection.defineXML(re.sub("(?s)<fault:faults.*</fault:faults>", "", domain.XMLDesc(0)))
        domain.suspend()
        self.assertNotIn("fault:", domain.XMLDesc(0))

    def test_what_makes_no_sense_is_told(self):
        for faults, words in (("<fault:error op='domain.suspent'/>", "did you mean 'domain.suspend'"),
                              ("<fault:error/>", "op"),
                              ("<fault:delay op='*'/>", "milliseconds"),
                              ("<fault:delay op='*' ms='5' code='3'/>", "only <fault:error>"),
                              ("<fault:storm event='rain'/>", "expected one of"),
                              ("<fault:wrong/>", "wrong"),
                              ("<fault:error op='*' code='0'/>", "1 to 109")):
            with self.subTest(faults):
                code, _, text = self.refused(lambda faults=faults: self.define(faults=faults))
                self.assertEqual(code, XML_ERROR)
                self.assertIn(words, text)


class OwnHost(ImaginaryCase):
    NODE = """<node xmlns:fault='{faults}' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
  <cpu><mhz>6000</mhz><active>50</active><nodes>4</nodes></cpu>
  <memory>100000000</memory>
  {inline}
  <domain file='other.xml'/>
  <domain type='test'><name>off</name><memory>1024</memory><os><type>hvm</type></os><test:runstate>5</test:runstate></domain>
  <domain type='test'><name>kept</name><memory>1024</memory><os><type>hvm</type></os>
    <test:runstate>5</test:runstate><test:hasmanagedsave/></domain>
  <domain type='test'><name>gone</name><memory>1024</memory><os><type>hvm</type></os><test:transient/></domain>
  {more}
</node>"""

    def prepare(self):
        self.node = self.folder / "n.xml"
        self.write()

    def write(self, more="", other=None):
        self.node.write_text(self.NODE.format(faults=FAULTS, inline=domain_xml("one"), more=more))
        (self.folder / "other.xml").write_text(other or domain_xml("two"))

    def make_subject(self):
        subject = Imaginary(self.folder, self.running_log)
        subject.path = f"{self.folder}/n.xml"
        return subject

    def test_a_host_from_a_file(self):
        c = self.connection
        self.assertTrue(c.getURI().startswith(f"test+unix://{self.node}?"))
        self.assertEqual({d.name(): d.isActive() for d in c.listAllDomains()},
                         {"one": 1, "two": 1, "off": 0, "kept": 0, "gone": 1})
        self.assertEqual(c.getInfo()[1:5], [97656, 50, 6000, 4])
        self.assertTrue(c.lookupByName("kept").hasManagedSaveImage())
        self.assertFalse(c.lookupByName("gone").isPersistent())

    def test_each_connection_has_its_own(self):
        self.connection.lookupByName("one").destroy()
        other = self.connect()
        self.assertTrue(other.lookupByName("one").isActive())
        other.defineXML(domain_xml("three"))
        self.assertEqual(self.refused(lambda: self.connection.lookupByName("three"))[0], NO_DOMAIN)
        other.close()
        self.assertNotIn("three", [d.name() for d in self.connect().listAllDomains()])

    def test_faults_of_all_domains(self):
        self.write(more="<fault:faults><fault:error op='domain.suspend' code='38'/></fault:faults>")
        c = self.connect()
        for domain in ("one", "two"):
            self.assertEqual(self.refused(c.lookupByName(domain).suspend)[0], 38)

    def test_what_is_wrong_is_told_with_its_place(self):
        text = self.node.read_text()
        line = text[:text.index("</node>")].count("\n")  # where `more` stands
        for more, other, words in (("<domain type='test'/>", None, f"n.xml: line {line}"),
                                   ("<domain file='none.xml'/>", None, "none.xml"),
                                   ("<broken>", None, "n.xml"),
                                   ("", "<network/>", "other.xml"),
                                   ("", domain_xml("one"), "already exists"),
                                   ("<domain file='.'/>", None, "not a regular file")):
            with self.subTest(more or other):
                self.write(more, other)
                code, _, text = self.refused(self.connect)
                self.assertIn(words, text)
        self.node.unlink()
        self.assertIn("n.xml", self.refused(self.connect)[2])

    def test_a_path_may_be_as_long_as_the_kernel_has_it(self):
        folder = self.folder
        for length in (60, 300, 4000):
            while len(str(folder)) < length - 8:
                folder /= "d" * max(1, min(200, length - 8 - len(str(folder)) - 1))
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "h.xml"
            path.write_text(f"<node>{domain_xml('deep')}</node>")
            self.assertGreaterEqual(len(str(path)), length - 10)
            self.subject.path = str(path)
            c = self.connect()
            self.assertEqual([d.name() for d in c.listAllDomains()], ["deep"])
            self.assertTrue(c.getURI().startswith(f"test+unix://{path}?"))
        # Of two paths that begin alike, each leads to its own host.
        (folder / "i.xml").write_text(f"<node>{domain_xml('other')}</node>")
        self.subject.path = str(folder / "i.xml")
        self.assertEqual([d.name() for d in self.connect().listAllDomains()], ["other"])
        self.subject.path = "/" + "x" * 5000
        self.assertEqual(self.refused(self.connect)[0], 5)  # nobody's: more than a path can be
