# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Guests whose memory goes to a file and comes back from it, and what is left when that fails."""

import os
import struct
import subprocess
import threading

import libvirt

from harness import guest as guests
from harness import processes, wait
from harness.python_client import RESUMED, SUSPENDED, PythonCase, Recorder

STOPPED_SAVED = (5, 4)
STARTED_RESTORED = (2, 2)


class Save(PythonCase):
    def running(self, label="guest", flags=0):
        guest = self.new_guest(label)
        domain = self.connect().defineXML(guest.xml)
        domain.createWithFlags(flags)
        return guest, domain

    def path(self, name):
        return str(self.subject.root / name)

    def test_saved_guest_comes_back(self):
        guest, domain = self.running()
        events = Recorder(self.connect())
        file = self.path("a.save")
        domain.save(file)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED])
        events.expect(guest, STOPPED_SAVED)
        self.assertEqual([e for e in events.of(guest) if e[0] != 5], [SUSPENDED])
        self.connect().restore(file)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED])
        events.expect(guest, STARTED_RESTORED)
        events.expect(guest, RESUMED)
        domain.suspend()
        domain.resume()

    def test_image_has_the_peers_header(self):
        guest, domain = self.running()
        file = self.path("a.save")
        domain.saveFlags(file, None, libvirt.VIR_DOMAIN_SAVE_PAUSED)
        with open(file, "rb") as image:
            head = image.read(92)
            magic, version, length, was_running, packed, cookie = struct.unpack("=16s5I", head[:36])
            text = image.read(length).split(b"\0")[0].decode()
        self.assertEqual((magic, version, was_running, packed), (b"LibvirtQemudSave", 2, 0, 0))
        self.assertLess(cookie, length)
        self.assertIn(guest.uuid, text)

    def test_transient_guest_is_gone_and_comes_back(self):
        guest = self.new_guest()
        self.connect().createXML(guest.xml, 0).save(self.path("t.save"))
        self.assertEqual(self.connect().listAllDomains(), [])
        self.connect().restoreFlags(self.path("t.save"), None, libvirt.VIR_DOMAIN_SAVE_PAUSED)
        domain = self.connect().lookupByName(guest.name)
        self.assertEqual((domain.isPersistent(), domain.state()[0]), (0, libvirt.VIR_DOMAIN_PAUSED))

    def test_managed_save_is_taken_up_by_the_next_start(self):
        _, domain = self.running()
        domain.managedSave()
        self.assertEqual((domain.hasManagedSaveImage(), domain.isActive()), (1, 0))
        self.assertEqual(self.refused(domain.undefine)[0], libvirt.VIR_ERR_OPERATION_INVALID)
        domain.create()
        self.assertEqual((domain.hasManagedSaveImage(), domain.state()),
                         (0, [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED]))
        domain.managedSave(libvirt.VIR_DOMAIN_SAVE_PAUSED)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_FORCE_BOOT)
        self.assertEqual((domain.hasManagedSaveImage(), domain.state()[1]), (0, libvirt.VIR_DOMAIN_RUNNING_BOOTED))

    def test_managed_save_outlives_the_daemon(self):
        guest, domain = self.running()
        domain.managedSave()
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        self.assertEqual(domain.hasManagedSaveImage(), 1)
        domain.create()
        self.assertEqual(domain.state()[1], libvirt.VIR_DOMAIN_RUNNING_RESTORED)

    def test_description_in_an_image_can_be_changed(self):
        _, domain = self.running()
        file = self.path("a.save")
        domain.save(file)
        connection = self.connect()
        text = connection.saveImageGetXMLDesc(file, 0)
        connection.saveImageDefineXML(file, text.replace("</name>", "</name><title>edited</title>"),
                                      libvirt.VIR_DOMAIN_SAVE_PAUSED)
        self.assertIn("<title>edited</title>", connection.saveImageGetXMLDesc(file, 0))
        connection.restore(file)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)

    def test_what_is_no_image_is_refused(self):
        file = self.path("garbage")
        with open(file, "wb") as out:
            out.write(b"LibvirtQemudPart" + b"\xff" * 200)
        connection = self.connect()
        for call in (lambda: connection.restore(file), lambda: connection.saveImageGetXMLDesc(file, 0)):
            self.assertEqual(self.refused(call)[0], libvirt.VIR_ERR_OPERATION_FAILED)
        self.assertEqual(self.refused(lambda: connection.restore(self.path("none")))[0], libvirt.VIR_ERR_SYSTEM_ERROR)

    def test_save_that_cannot_be_written_leaves_the_guest_running(self):
        _, domain = self.running()
        code, _, _ = self.refused(lambda: domain.save("/dev/full"))
        self.assertIn(code, (libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_OPERATION_FAILED))
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)

    def test_cut_off_save_leaves_a_running_guest_and_no_image(self):
        guest, domain = self.running()
        emulator = processes.emulator_of(guest.name)
        begun = threading.Thread(target=self.save_quietly, args=(domain, self.path("cut.save")))
        begun.start()
        wait.until(lambda: list(self.subject.root.glob("cut.save*")), "the image's file")
        self.subject.kill()
        begun.join()
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        if processes.is_running(emulator):
            wait.until(lambda: domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING, "the guest to go on")
            self.assertEqual(list(self.subject.root.glob("cut.save*")), [])
        else:  # it was whole before the daemon ended
            self.assertEqual([p.name for p in self.subject.root.glob("cut.save*")], ["cut.save"])

    @staticmethod
    def save_quietly(domain, file):
        try:
            domain.save(file)
        except libvirt.libvirtError:
            pass

    def test_job_figures_of_a_save_that_is_over(self):
        _, domain = self.running()
        self.assertEqual(domain.jobInfo()[0], libvirt.VIR_DOMAIN_JOB_NONE)
        domain.managedSave()
        domain.create()
        stats = domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
        self.assertEqual(stats["operation"], libvirt.VIR_DOMAIN_JOB_OPERATION_SAVE)
        self.assertGreater(stats["memory_processed"], 0)
        self.assertEqual(self.refused(domain.abortJob)[0], libvirt.VIR_ERR_OPERATION_INVALID)

    def test_core_dumps(self):
        _, domain = self.running()
        domain.coreDumpWithFormat(self.path("elf"), libvirt.VIR_DOMAIN_CORE_DUMP_FORMAT_RAW, libvirt.VIR_DUMP_MEMORY_ONLY)
        with open(self.path("elf"), "rb") as dump:
            self.assertEqual(dump.read(4), b"\x7fELF")
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        domain.coreDumpWithFormat(self.path("zlib"), libvirt.VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB,
                                  libvirt.VIR_DUMP_MEMORY_ONLY | libvirt.VIR_DUMP_LIVE)
        domain.coreDump(self.path("stream"))
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        domain.coreDump(self.path("crash"), libvirt.VIR_DUMP_CRASH)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED])
        self.assertEqual(list(self.subject.root.glob("*.part")), [])


    def cached(self, name):
        """How much of a file the host's cache holds."""
        return int(subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", self.path(name)],
                                  check=True, capture_output=True, text=True).stdout)

    def knows_no_direct_writes(self):
        """Where the file system has none, asking for it is refused, and nothing else happens."""
        try:
            os.close(os.open(self.path("probe"), os.O_RDWR | os.O_CREAT | os.O_DIRECT))
        except OSError:
            return True
        return False

    def test_what_bypasses_the_cache_is_not_in_it(self):
        guest, domain = self.running(flags=libvirt.VIR_DOMAIN_START_PAUSED)
        console = self.console(guest)
        domain.resume()
        console.expect(guests.GREETING)  # it has filled some memory
        console.close()
        if self.knows_no_direct_writes():
            self.assertEqual(self.refused(lambda: domain.saveFlags(self.path("a"), None, libvirt.VIR_DOMAIN_SAVE_BYPASS_CACHE))[0],
                             libvirt.VIR_ERR_SYSTEM_ERROR)
            self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
            return
        usual, most = self.path("usual"), 2 << 20  # header, and what is no whole block at the end
        domain.save(usual)
        self.assertGreater(self.cached("usual"), most)
        self.connect().restore(usual)
        domain.saveFlags(self.path("past"), None, libvirt.VIR_DOMAIN_SAVE_BYPASS_CACHE)
        self.assertLess(self.cached("past"), most)
        self.assertGreater(os.path.getsize(self.path("past")), 2 * most)
        self.connect().restoreFlags(self.path("past"), None, libvirt.VIR_DOMAIN_SAVE_BYPASS_CACHE)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED])
        self.assertLess(self.cached("past"), most)
        domain.managedSave(libvirt.VIR_DOMAIN_SAVE_BYPASS_CACHE)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_BYPASS_CACHE)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED])
        domain.coreDump(self.path("stream"), libvirt.VIR_DUMP_BYPASS_CACHE)
        self.assertLess(self.cached("stream"), most)
        domain.coreDump(self.path("elf"), libvirt.VIR_DUMP_BYPASS_CACHE | libvirt.VIR_DUMP_MEMORY_ONLY)
        self.assertLess(self.cached("elf"), most)
        with open(self.path("elf"), "rb") as dump:
            self.assertEqual(dump.read(4), b"\x7fELF")


class PackedSave(PythonCase):
    def prepare(self):
        self.subject.configure("plugins:\n  qemu:\n    save_image_format: gzip\n")

    def test_packed_image_comes_back(self):
        guest = self.new_guest()
        domain = self.connect().defineXML(guest.xml)
        domain.create()
        file = str(self.subject.root / "packed.save")
        domain.save(file)
        with open(file, "rb") as image:
            self.assertEqual(struct.unpack("=16s5I", image.read(36))[4], 1)
        self.connect().restore(file)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        try:
            domain.saveFlags(file, None, libvirt.VIR_DOMAIN_SAVE_BYPASS_CACHE)
        except libvirt.libvirtError as error:
            self.assertEqual(error.get_error_code(), libvirt.VIR_ERR_SYSTEM_ERROR)  # not on this file system
        else:
            self.connect().restoreFlags(file, None, libvirt.VIR_DOMAIN_SAVE_BYPASS_CACHE)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
