# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Folders of the host in a guest (virtiofs), each served by a process that the daemon starts: what the guest reads and
writes, from its start and plugged in, and what becomes of the servers when something else ends."""

import os
import pwd
import signal
import threading

import libvirt

from harness import processes, wait
from harness.guest import GREETING
from harness.python_client import PythonCase

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
PROGRAM = "/usr/lib/qemu/virtiofsd"
SHARED_MEMORY = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
# Servers that ignore their client; the second, whatever it is politely told, too.
SILENT = "#!/usr/bin/python3\nimport signal\nsignal.pause()\n"
STUBBORN = "#!/usr/bin/python3\nimport signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()\n"


class FilesystemCase(PythonCase):
    settings = "monitor: {timeout: 60s}"

    def prepare(self):
        if os.geteuid() != 0:
            self.skipTest("servers of file systems run as root")
        if not os.access(PROGRAM, os.X_OK):
            self.skipTest(f"there is no {PROGRAM}")
        self.subject.configure(f"plugins: {{qemu: {{{self.settings}}}}}\n")
        self.share = self.folder / "share"
        self.share.mkdir(mode=0o700)
        (self.share / "greeting").write_text("words of the host\n")
        (self.share / "greeting").chmod(0o600)

    def element(self, tag="t", source=None, inner=""):
        return (f"<filesystem type='mount'><driver type='virtiofs' queue='256'/>{inner}<source dir='{source or self.share}'/>"
                f"<target dir='{tag}'/></filesystem>")

    def define(self, devices="", memory=SHARED_MEMORY):
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<vcpu>", memory + "<vcpu>").replace("<devices>", "<devices>" + devices)
        self.connection = self.connect()
        return guest, self.connection.defineXML(guest.xml)

    def boot(self, devices=""):
        guest, domain = self.define(devices)
        domain.createWithFlags(PAUSED)
        terminal = self.console(guest)
        domain.resume()
        terminal.expect(GREETING)
        return guest, domain, terminal

    def shell(self, terminal, line, expected):
        begin = len(terminal.text)
        terminal.type(line + "\n")
        return terminal.expect(expected, begin)

    def servers(self):
        """The processes that serve this test's folders."""
        return [pid for pid in processes.descendants(os.getpid())
                if any(str(self.share) in word for word in processes.command_line(pid)[1:]) and processes.is_running(pid)
                and "qemu-system" not in processes.command_line(pid)[0]]

    def expect_no_servers(self):
        wait.until(lambda: not self.servers(), "the end of the servers")

    def leftovers(self, guest):
        run = self.subject.root / "root" / "run" / "polyvirt" / "qemu"
        found = [str(path) for path in run.glob(f"*{guest.name[:20]}*")]
        return found + [root for root, _, _ in os.walk("/sys/fs/cgroup") if root.endswith(f"-{guest.name}")]

    def expect_nothing_left(self, guest):
        self.expect_no_servers()
        wait.until(lambda: not self.leftovers(guest), "nothing to be left")

    def log_of(self, guest, alias):
        log, = (self.folder / "root" / "var" / "log").rglob(f"{guest.name}-{alias}-virtiofsd.log")
        return log.read_text()

    def groups_of(self, pid):
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            return {line.rstrip("\n") for line in file if "/qemu-" in line}


class Filesystem(FilesystemCase):
    def test_a_guest_reads_and_writes(self):
        """Files that only root may touch, though the emulator is somebody else; each kind of sandbox."""
        other = self.folder / "share-2"
        other.mkdir()
        guest, domain, terminal = self.boot(self.element() + self.element(
            "u", other, "<binary xattr='on'><cache mode='always'/><sandbox mode='chroot'/><lock posix='off' flock='on'/>"
                        "<thread_pool size='4'/></binary>"))
        self.shell(terminal, "share t", "SHARED-t")
        self.shell(terminal, "cat /mnt/t/greeting", "words of the host")
        self.shell(terminal, "echo 'words of the guest' >/mnt/t/answer; echo WROTE-$?", "WROTE-0")
        self.assertEqual((self.share / "answer").read_text(), "words of the guest\n")
        self.assertEqual((self.share / "answer").stat().st_uid, 0)
        self.shell(terminal, "share u", "SHARED-u")
        self.shell(terminal, "mkdir /mnt/u/folder; echo MADE-$?", "MADE-0")
        self.assertTrue((other / "folder").is_dir())
        self.assertIn(f"<binary path='{PROGRAM}'/>", domain.XMLDesc())
        self.assertNotIn("<binary path", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        words = [" ".join(processes.command_line(pid)) for pid in self.servers()]
        self.assertTrue(any(f"source={other},cache=always,sandbox=chroot,xattr,flock,no_posix_lock --thread-pool-size=4" in w for w in words), words)
        emulator = processes.emulator_of(guest.name)
        if self.groups_of(emulator):
            self.assertLessEqual(self.groups_of(emulator), self.groups_of(self.servers()[0]))
        if "libvirt-qemu" in {user.pw_name for user in pwd.getpwall()}:
            self.assertNotEqual(os.stat(f"/proc/{emulator}").st_uid, 0)
        self.assertIn("Received vhost-user socket connection", self.log_of(guest, "fs0"))
        domain.destroy()
        self.expect_nothing_left(guest)
        domain.undefine()

    def test_comes_and_goes(self):
        guest, domain, terminal = self.boot(self.element())
        domain.attachDeviceFlags(self.element("u"), LIVE | CONFIG)
        self.assertIn(f"<binary path='{PROGRAM}'/>", domain.XMLDesc().partition("<alias name='fs1'/>")[0].rpartition("<filesystem")[2])
        self.assertIn("<target dir='u'/>", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        self.shell(terminal, "share u", "SHARED-u")
        self.shell(terminal, "cat /mnt/u/greeting", "words of the host")
        self.assertEqual(self.refused(lambda: domain.attachDeviceFlags(self.element("u"), LIVE))[0], libvirt.VIR_ERR_OPERATION_INVALID)
        before = len(self.servers())
        self.shell(terminal, "umount /mnt/u; echo UNMOUNTED-$?", "UNMOUNTED-0")
        domain.detachDeviceFlags(self.element("u"), LIVE | CONFIG)
        for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
            self.assertNotIn("<target dir='u'/>", domain.XMLDesc(flags))
        wait.until(lambda: len(self.servers()) == before // 2, "the end of one server of two")
        self.shell(terminal, "share t", "SHARED-t")
        # Again, in its place; it goes by its name, and whether it is mounted or not is the guest's affair.
        domain.attachDeviceFlags(self.element("v"), LIVE)
        self.shell(terminal, "share v", "SHARED-v")
        domain.detachDeviceAlias("fs1", LIVE)
        wait.until(lambda: "<target dir='v'/>" not in domain.XMLDesc(), "the device to go")
        wait.until(lambda: len(self.servers()) == before // 2, "the end of its server")
        self.shell(terminal, "cat /mnt/t/greeting", "words of the host")
        self.assertNotIn("has ended", self.subject.log_text())
        domain.destroy()
        self.expect_nothing_left(guest)

    def test_outlives_the_daemon(self):
        guest, domain, terminal = self.boot(self.element() + self.element("u"))
        self.shell(terminal, "share t", "SHARED-t")
        domain.attachDeviceFlags(self.element("v"), LIVE)
        servers = set(self.servers())
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        terminal = self.console(guest)
        self.shell(terminal, "cat /mnt/t/greeting", "words of the host")
        self.assertEqual(set(self.servers()), servers)
        for tag in ("v", "u"):
            domain.detachDeviceFlags(self.element(tag), LIVE)
            self.assertNotIn(f"<target dir='{tag}'/>", domain.XMLDesc())
        wait.until(lambda: len(self.servers()) == len(servers) // 3, "the end of two servers of three")
        domain.attachDeviceFlags(self.element("u"), LIVE)
        self.shell(terminal, "share u", "SHARED-u")
        domain.destroy()
        self.expect_nothing_left(guest)

    def test_a_server_that_dies_is_told_of(self):
        """At once, or when the daemon comes back; the guest goes on and can be ended."""
        guest, domain, _ = self.boot(self.element() + self.element("u"))
        first, second = sorted(pid for pid in self.servers() if processes.children(pid))
        os.kill(first, signal.SIGKILL)
        self.assert_logged(f"domain '{guest.name}': the server of its file system 'fs0' has ended")
        self.assertTrue(domain.isActive())
        self.subject.kill()
        os.kill(second, signal.SIGKILL)
        self.expect_no_servers()
        self.subject.start()
        self.assert_logged(f"domain '{guest.name}': the server of its file system 'fs1' has ended")
        domain = self.connect().lookupByName(guest.name)
        self.assertTrue(domain.isActive())
        domain.destroy()
        self.expect_nothing_left(guest)

    def test_ends_with_the_emulator_whoever_looks(self):
        guest, domain = self.define(self.element())
        domain.createWithFlags(PAUSED)
        os.kill(processes.emulator_of(guest.name), signal.SIGKILL)
        wait.until(lambda: not domain.isActive(), "the guest's end")
        self.expect_nothing_left(guest)
        domain.createWithFlags(PAUSED)
        self.subject.kill()
        os.kill(processes.emulator_of(guest.name), signal.SIGKILL)
        self.expect_no_servers()
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        wait.until(lambda: not domain.isActive(), "the guest to be off")
        self.expect_nothing_left(guest)

    def test_an_attach_that_is_cut_off(self):
        """The daemon dies while the emulator is being asked: the device has come with its server, or neither is there."""
        guest, domain = self.define()
        domain.createWithFlags(PAUSED)
        for number in range(4):
            emulator = processes.emulator_of(guest.name)
            os.kill(emulator, signal.SIGSTOP)
            thread = threading.Thread(target=lambda: attach_quietly(self.connect().lookupByName(guest.name), self.element()))
            thread.start()
            wait.until(self.servers, "a server")
            wait.until(wait.after(0.05 * number), "its moment")
            self.subject.kill()
            thread.join()
            os.kill(emulator, signal.SIGCONT)
            self.subject.start()
            domain = self.connect().lookupByName(guest.name)
            domain.suspend()  # waits until it is managed again
            if "<filesystem" not in domain.XMLDesc():
                self.expect_no_servers()
                domain.attachDeviceFlags(self.element(), LIVE)
            self.assertIn(f"<binary path='{PROGRAM}'/>", domain.XMLDesc())
            self.assertTrue(self.servers())
            domain.destroy()
            self.expect_nothing_left(guest)
            domain.createWithFlags(PAUSED)

    def test_the_state_of_such_a_guest_is_not_to_be_had(self):
        guest, domain = self.define(self.element())
        domain.create()
        memory = f"<domainsnapshot><memory snapshot='external' file='{self.folder}/memory'/></domainsnapshot>"
        for name, call in {"save": lambda: domain.save(str(self.folder / "saved")), "managed save": domain.managedSave,
                           "dump": lambda: domain.coreDump(str(self.folder / "dump")),
                           "snapshot": lambda: domain.snapshotCreateXML(memory)}.items():
            with self.subTest(name):
                code, _, message = self.refused(call)
                self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID)
                self.assertRegex(message, "cannot migrate domain: non-migratable device: .*vhost-user-fs")
                self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        for name in ("saved", "dump", "memory"):
            self.assertFalse((self.folder / name).exists())
        domain.coreDumpWithFormat(str(self.folder / "dump"), libvirt.VIR_DOMAIN_CORE_DUMP_FORMAT_RAW, libvirt.VIR_DUMP_MEMORY_ONLY)


class FailingServer(FilesystemCase):
    settings = "monitor: {timeout: 5s}"

    def program(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def wrong_ones(self):
        """What is wrong; the element; code and words of the refusal."""
        internal, binary = libvirt.VIR_ERR_INTERNAL_ERROR, "<binary path='{}'/>"
        talker = self.program("talker", "#!/bin/sh\necho no folders today >&2\nexit 3\n")
        silent = self.program("silent", SILENT)
        return [
            ("folder", self.element(source="/no/such/folder"), internal, "the virtiofs export directory '/no/such/folder' does not exist"),
            ("a file", self.element(source=self.share / "greeting"), internal, "source is not a directory"),
            ("program", self.element(inner=binary.format("/no/such")), internal, "virtiofsd binary '/no/such' is not executable"),
            ("other program", self.element(inner=binary.format(talker)), internal, "no folders today"),
            ("silent", self.element(inner=binary.format(silent)), libvirt.VIR_ERR_OPERATION_TIMEOUT, "does not answer within 5 s"),
        ]

    def test_is_told_of_at_a_start_and_later(self):
        guest, domain = self.define()
        domain.createWithFlags(PAUSED)
        live = domain.XMLDesc()
        for name, element, code, words in self.wrong_ones():
            with self.subTest(attach=name):
                found, _, message = self.refused(lambda: domain.attachDeviceFlags(element, LIVE | CONFIG))
                self.assertEqual(found, code, message)
                self.assertIn(words, message)
                self.expect_no_servers()
                self.assertEqual(domain.XMLDesc(), live)
                self.assertNotIn("<filesystem", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        domain.destroy()
        domain.undefine()
        for name, element, code, words in self.wrong_ones():
            with self.subTest(start=name):
                guest, domain = self.define(self.element("fine") + element)
                found, _, message = self.refused(domain.create)
                self.assertEqual(found, code, message)
                self.assertIn(words, message)
                self.expect_nothing_left(guest)
                domain.undefine()

    def test_that_hangs_does_not_outlive_a_start_that_is_cut_off(self):
        stubborn = self.program("stubborn", STUBBORN)
        guest, domain = self.define(self.element(inner=f"<binary path='{stubborn}'/>"))
        thread = threading.Thread(target=lambda: start_quietly(self.connect().lookupByName(guest.name)))
        thread.start()
        server = wait.until(self.servers, "a server")
        status = self.subject.root / "root" / "run" / "polyvirt" / "qemu" / f"{guest.name}.json"
        wait.until(lambda: f"{server[0]}:" in status.read_text(), "its record")
        self.subject.kill()
        thread.join()
        self.assertEqual(self.servers(), server)
        self.subject.start()
        self.expect_nothing_left(guest)

    def test_what_no_file_system_can_be(self):
        unsupported, wrong = libvirt.VIR_ERR_CONFIG_UNSUPPORTED, libvirt.VIR_ERR_OPERATION_UNSUPPORTED
        virtiofs, plan9 = self.element(), f"<filesystem type='mount'><source dir='{self.share}'/><target dir='p'/></filesystem>"
        for element, words in ((self.element(inner="<readonly/>"), "read-only mode"), (virtiofs.replace("'mount'", "'mount' accessmode='mapped'"), "passthrough"),
                               (virtiofs + virtiofs, "specified twice")):
            code, _, message = self.refused(lambda: self.define(element))
            self.assertEqual(code, unsupported)
            self.assertIn(words, message)
        code, _, message = self.refused(lambda: self.define(virtiofs, memory=""))
        self.assertEqual((code, message), (unsupported, "unsupported configuration: 'virtiofs' requires shared memory"))
        _, domain = self.define(memory="")
        domain.createWithFlags(PAUSED)
        self.assertEqual(self.refused(lambda: domain.attachDeviceFlags(virtiofs, LIVE))[0], unsupported)
        code, _, message = self.refused(lambda: domain.attachDeviceFlags(plan9, LIVE))
        self.assertEqual((code, message), (wrong, "Operation not supported: only virtiofs filesystems can be hotplugged"))


def attach_quietly(domain, element):
    try:
        domain.attachDeviceFlags(element, LIVE)
    except libvirt.libvirtError:
        pass  # the daemon died


def start_quietly(domain):
    try:
        domain.create()
    except libvirt.libvirtError:
        pass  # the daemon died
