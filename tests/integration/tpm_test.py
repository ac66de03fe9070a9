# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A guest's TPM: played by swtpm, by somebody else's process, or passed through. The daemon has a mount namespace in which the
folder of swtpm's authority, which signs its certificates, is empty. A device to be passed through is a terminal, behind
which the test has a TPM."""

import json
import os
import pwd
import select
import shutil
import socket
import subprocess
import threading
import tty
import unittest

import libvirt

from harness import processes, wait
from harness.python_client import PythonCase

_TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'{}/></tpm>"
_BANKS = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'><active_pcr_banks>{}</active_pcr_banks></backend></tpm>"
_PASSED = "<tpm model='tpm-tis'><backend type='passthrough'><device path='{}'/></backend></tpm>"
_EXTERNAL = "<tpm model='tpm-tis'><backend type='external'><source type='unix' mode='connect' path='{}'/></backend></tpm>"
_AUTHORITY = "/var/lib/swtpm-localca"
_INTERNAL, _SYSTEM = 1, 38
# TPM2_GetCapability of the PCRs; the answer has for each bank its hash, and which registers are in it.
_GET_BANKS = bytes.fromhex("8001 00000016 0000017a 00000005 00000000 00000001")
_HASHES = {0x4: "sha1", 0xB: "sha256", 0xC: "sha384", 0xD: "sha512"}


def banks_of(answer):
    count, at = int.from_bytes(answer[15:19]), 19
    active = []
    for _ in range(count):
        size = answer[at + 2]
        if any(answer[at + 3:at + 3 + size]):
            active.append(_HASHES[int.from_bytes(answer[at:at + 2])])
        at += 3 + size
    return active


class Swtpm:
    """A TPM of the test's own: `server` takes commands, or `control` is for an emulator, which brings a connection for them."""

    def __init__(self, case, state, emulated=False):
        self.server, self.control = case.folder / "tpm.sock", case.folder / "control.sock"
        self.server.unlink(missing_ok=True)
        ways = (["--ctrl", f"type=unixio,path={self.control},mode=0666"] if emulated else
                ["--server", f"type=unixio,path={self.server}", "--flags", "not-need-init,startup-clear"])
        self.process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", *ways], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        case.addCleanup(self.end)
        wait.until((self.control if emulated else self.server).exists, "a TPM of the test's own")

    def end(self):
        self.process.kill()
        self.process.wait()

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(self.server))
            one.sendall(command)
            return one.recv(4096)


class Device:
    """A terminal that behaves as /dev/tpm0 does: what is written to it is a command, what is read the answer."""

    def __init__(self, case, tpm):
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path, self.commands = os.ttyname(slave), 0
        self.over, ended = os.pipe()
        thread = threading.Thread(target=self.answer, args=(tpm,))
        thread.start()
        case.addCleanup(lambda: [os.close(ended), thread.join(), os.close(self.over), os.close(slave), os.close(self.master)])

    def answer(self, tpm):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(tpm.server))
            while self.over not in (ready := select.select([self.master, self.over], [], [])[0]):
                assert ready
                one.sendall(os.read(self.master, 4096))
                os.write(self.master, one.recv(4096))
                self.commands += 1


@unittest.skipUnless(shutil.which("swtpm") and shutil.which("swtpm_setup"), "needs swtpm")
@unittest.skipIf(os.geteuid() != 0, "needs root, for a mount namespace")
class TpmCase(PythonCase):
    def make_subject(self):
        subject = super().make_subject()
        self.authority = self.folder / "authority"
        self.authority.mkdir()
        self.authority.chmod(0o777)
        subject.before = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                          f'mkdir -p {_AUTHORITY} && mount --bind {self.authority} {_AUTHORITY} && exec "$@"', "sh"]
        return subject

    def defined(self, devices):
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<serial", devices + "<serial", 1)
        self.guest = guest
        self.connection = self.connect()
        return self.connection.defineXML(guest.xml)

    def started(self, devices):
        domain = self.defined(devices)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        return domain

    def state(self, domain):
        return self.folder / "root" / "var/lib/polyvirt/qemu/tpm" / domain.UUIDString()

    def log(self, domain):
        return (self.folder / "root" / "var/log/polyvirt/qemu" / f"{domain.name()}-swtpm.log").read_text()

    def tpm_processes(self, domain):
        commands = {pid: processes.command_line(pid) for pid in processes.descendants(os.getpid())}
        return [pid for pid, words in commands.items()
                if words[:1] == ["/usr/bin/swtpm"] and domain.UUIDString() in " ".join(words) and processes.is_running(pid)]

    def shown(self, domain):
        """What the emulator says of its TPM."""
        said = self.virsh("qemu-monitor-command", domain.name(), '{"execute":"query-tpm"}')
        return json.loads(said)["return"][0]["options"]


class Emulated(TpmCase):
    def test_it_lives_and_ends_with_its_guest(self):
        domain = self.started(_TPM.format(""))
        self.assertEqual(len(self.tpm_processes(domain)), 1)
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(self.guest.name)
        self.assertEqual(len(self.tpm_processes(domain)), 1)
        domain.destroy()
        wait.until(lambda: not self.tpm_processes(domain), "the end of the TPM's process")
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        domain.destroy()
        domain.undefineFlags(0)
        wait.until(lambda: not self.tpm_processes(domain), "the end of the TPM's process")

    def test_its_state_goes_with_the_domain_unless_it_is_to_stay(self):
        domain = self.started(_TPM.format(""))
        domain.destroy()
        self.assertTrue(self.state(domain).exists())
        domain.undefineFlags(0)
        self.assertFalse(self.state(domain).exists())
        domain = self.started(_TPM.format(" persistent_state='yes'"))
        domain.destroy()
        domain.undefineFlags(0)
        self.assertTrue(self.state(domain).exists())

    def test_it_is_made_once_with_keys_and_certificates(self):
        for version, folder in (("2.0", "tpm2"), ("1.2", "tpm1.2")):
            with self.subTest(version):
                domain = self.started(_TPM.format("").replace("crb", "tis").replace("2.0", version))
                log = self.log(domain)
                for said in ("Successfully created EK certificate", "Successfully created platform certificate", "Successfully authored TPM state"):
                    self.assertIn(said, log)
                self.assertEqual(os.listdir(self.state(domain)), [folder])
                domain.destroy()
                domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
                self.assertEqual(self.log(domain).count("Successfully authored"), log.count("Successfully authored"))
                domain.destroy()
                domain.undefine()

    def test_its_programs_have_a_user_of_their_own(self):
        try:
            uid = pwd.getpwnam("tss").pw_uid
        except KeyError:
            self.skipTest("there is no user tss")
        domain = self.started(_TPM.format(""))
        [pid] = self.tpm_processes(domain)
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, uid)
        self.assertEqual((self.state(domain) / "tpm2").stat().st_uid, uid)
        # A state of before it had one.
        domain.destroy()
        wait.until(lambda: not self.tpm_processes(domain), "the end of the TPM's process")
        for path in (self.state(domain) / "tpm2", *(self.state(domain) / "tpm2").iterdir()):
            os.chown(path, 0, 0)
        domain.create()
        self.assertEqual({path.stat().st_uid for path in (self.state(domain) / "tpm2").iterdir()}, {uid})

    def test_its_banks_are_those_of_the_document(self):
        domain = self.started(_BANKS.format("<sha1/><sha384/>"))
        self.assertEqual(self.banks(domain), ["sha1", "sha384"])
        domain = self.connection.defineXML(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).replace("<sha384/>", "<sha512/>").replace("<sha1/>", ""))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertEqual(self.banks(domain), ["sha512"])

    def banks(self, domain):
        domain.destroy()
        wait.until(lambda: not self.tpm_processes(domain), "the end of the TPM's process")
        copy = self.folder / "copy"
        shutil.copytree(self.state(domain) / "tpm2", copy)
        tpm = Swtpm(self, copy)
        answer = tpm.ask(_GET_BANKS)
        tpm.end()
        shutil.rmtree(copy)
        return banks_of(answer)

    def test_what_cannot_be_made_leaves_nothing(self):
        self.authority.chmod(0o700)
        domain = self.defined(_TPM.format(""))
        code, _, words = self.refused(domain.create)
        self.assertEqual(code, _INTERNAL)
        self.assertIn("Could not run '/usr/bin/swtpm_setup'. exitstatus: 1: ", words)
        self.assertIn(_AUTHORITY, words)
        self.assertEqual(os.listdir(self.state(domain)), [])
        self.authority.chmod(0o777)
        (self.state(domain) / "tpm2.new4711").mkdir()  # of a daemon that died
        domain.create()
        self.assertEqual(os.listdir(self.state(domain)), ["tpm2"])


class Passed(TpmCase):
    def test_a_device_of_the_host(self):
        state = self.folder / "state"
        state.mkdir()
        device = Device(self, Swtpm(self, state))
        domain = self.started(_PASSED.format(device.path))
        self.assertGreater(device.commands, 0)
        self.assertEqual(self.shown(domain)["type"], "passthrough")
        self.assertIn(f"<device path='{device.path}'/>", domain.XMLDesc())
        domain.destroy()

    def test_what_is_none(self):
        for path, code, words in (("/dev/nosuch", _SYSTEM, "Could not open TPM device /dev/nosuch: No such file or directory"),
                                  ("/dev/null", _INTERNAL, "is not a TPM device")):
            with self.subTest(path):
                domain = self.defined(_PASSED.format(path))
                found = self.refused(domain.create)
                self.assertEqual(found[0], code)
                self.assertIn(words, found[2])
                self.assertFalse(domain.isActive())
                domain.undefine()


class External(TpmCase):
    def test_somebody_elses_process(self):
        state = self.folder / "state"
        state.mkdir()
        tpm = Swtpm(self, state, emulated=True)
        domain = self.started(_EXTERNAL.format(tpm.control))
        self.assertEqual(self.shown(domain)["type"], "emulator")
        self.assertEqual(self.tpm_processes(domain), [])
        domain.destroy()
        self.assertFalse(self.state(domain).exists())

    def test_nobody_is_there(self):
        domain = self.defined(_EXTERNAL.format("/nosuch"))
        code, _, words = self.refused(domain.create)
        self.assertEqual(code, _INTERNAL)
        self.assertIn("Failed to connect to '/nosuch'", words)
        self.assertIn("only 'client' mode", self.refused(lambda: self.defined(_EXTERNAL.format("/s").replace("connect", "bind")))[2])
