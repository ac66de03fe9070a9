# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Emulators run as a user of their own, without capabilities, in control groups of their own; files are theirs as long as
they run. What refuses them a file is named. Root alone can start them so."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import libvirt

from harness import processes, wait
from harness.python_client import PythonCase

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED


def status_of(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


def groups_of(pid):
    return dict(line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())


def somebody():
    """A user for emulators that every host has, and that is nobody's on this one."""
    return pwd.getpwnam("nobody")


class ConfinementCase(PythonCase):
    starts = False
    settings = "user: nobody"

    def prepare(self):
        if os.geteuid() != 0:
            self.skipTest("only root runs emulators as another user")
        self.subject.configure(f"plugins: {{qemu: {{{self.settings}}}}}\n")
        self.subject.start()
        self.connection = self.connect()
        self.images = self.folder / "images"
        self.images.mkdir()

    def image(self, name="disk.img", mode=0o600):
        path = self.images / name
        path.touch()
        path.chmod(mode)
        os.truncate(path, 1 << 20)
        return path

    def with_disk(self, guest, path, more=""):
        disk = (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'/>"
                f"<target dev='vda' bus='virtio'/>{more}</disk>")
        return guest.xml.replace("<serial", disk + "<serial", 1)

    def create(self, guest, xml=None):
        return self.connection.createXML(xml or guest.xml, PAUSED)


class Confinement(ConfinementCase):
    def test_user_groups_and_capabilities(self):
        guest = self.new_guest()
        domain = self.create(guest)
        status = status_of(processes.emulator_of(guest.name))
        self.assertEqual(status["Uid"].split(), [str(somebody().pw_uid)] * 4)
        self.assertNotIn("0", status["Groups"].split())
        for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[which], 16), 0, which)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertIn(f"<label>+{somebody().pw_uid}:", domain.XMLDesc())
        self.assertEqual(domain.securityLabelList()[1][0].split(":")[0], f"+{somebody().pw_uid}")
        domain.destroy()

    def test_control_groups(self):
        guest = self.new_guest()
        domain = self.create(guest)
        emulator = processes.emulator_of(guest.name)
        mine = {name: path for name, path in groups_of(emulator).items() if path.endswith(f"-{guest.name}")}
        if not mine:
            self.skipTest("no control group can be made here")
        own = groups_of(self.subject.pid)
        for name, path in mine.items():
            self.assertTrue(path.startswith(own[name].rstrip("/") + "/"), f"{name}: {path} below {own[name]}")
        self.assertIn("<partition>/machine</partition>", domain.XMLDesc())
        domain.destroy()
        left = [root for root, _, _ in os.walk("/sys/fs/cgroup") if any(root.endswith(path) for path in mine.values())]
        self.assertEqual(left, [])

    def test_an_image_is_the_emulators_for_the_time_of_a_run(self):
        guest, path = self.new_guest(), self.image()
        domain = self.create(guest, self.with_disk(guest, path))
        self.assertEqual(path.stat().st_uid, somebody().pw_uid)
        domain.destroy()
        self.assertEqual((path.stat().st_uid, path.stat().st_gid), (0, 0))

    def test_an_image_is_given_back_by_the_next_daemon(self):
        guest, path = self.new_guest(), self.image()
        self.create(guest, self.with_disk(guest, path))
        self.subject.kill()
        processes.end(processes.emulator_of(guest.name))
        self.subject.start()
        connection = self.connect()
        wait.until(lambda: not connection.listAllDomains(), "the end of the guest to be found")
        wait.until(lambda: path.stat().st_uid == 0, "the image to be given back")

    def test_a_shared_image_is_given_back_by_the_last(self):
        path, one, two = self.image(), self.new_guest("one"), self.new_guest("two")
        driver = "<shareable/>"
        first = self.create(one, self.with_disk(one, path, driver))
        second = self.create(two, self.with_disk(two, path, driver))
        first.destroy()
        self.assertEqual(path.stat().st_uid, somebody().pw_uid)
        second.destroy()
        self.assertEqual(path.stat().st_uid, 0)

    def test_an_image_that_all_may_read_stays_as_it_is(self):
        guest, path = self.new_guest(), self.image(mode=0o644)
        domain = self.create(guest, self.with_disk(guest, path, "<readonly/>"))
        self.assertEqual(path.stat().st_uid, 0)
        domain.destroy()

    def test_a_failed_start_gives_back_what_it_took(self):
        guest, path = self.new_guest(), self.image()
        xml = self.with_disk(guest, path).replace("<kernel>", "<kernel>/nonexistent")
        self.refused(lambda: self.create(guest, xml))
        self.assertEqual(path.stat().st_uid, 0)

    def test_the_folder_that_refuses_is_named_with_its_cure(self):
        guest, path = self.new_guest(), self.image()
        self.images.chmod(0o700)
        code, _, text = self.refused(lambda: self.create(guest, self.with_disk(guest, path)))
        self.assertEqual(code, libvirt.VIR_ERR_SYSTEM_ERROR)
        self.assertIn(f"cannot access storage file '{path}' (as uid:{somebody().pw_uid}", text)
        self.assertIn(f"'{self.images}' refuses to let user 'nobody' search it", text)
        self.assertIn("mode 0700, owner 0:0", text)
        self.assertIn(f"setfacl -m u:nobody:x '{self.images}'", text)
        self.assertEqual(path.stat().st_uid, 0)
        if shutil.which("setfacl"):
            subprocess.run(["setfacl", "-m", "u:nobody:x", str(self.images)], check=True)
        else:
            self.images.chmod(0o711)
        self.create(guest, self.with_disk(guest, path)).destroy()

    def test_a_missing_image_is_named(self):
        guest = self.new_guest()
        code, _, text = self.refused(lambda: self.create(guest, self.with_disk(guest, "/nonexistent/disk.img")))
        self.assertEqual(code, libvirt.VIR_ERR_SYSTEM_ERROR)
        self.assertIn("Cannot access storage file '/nonexistent/disk.img'", text)
        self.assertIn("No such file or directory", text)

    def test_a_label_of_the_document_names_the_user(self):
        guest = self.new_guest()
        label = "<seclabel type='static' model='dac' relabel='yes'><label>+4242:+4243</label></seclabel></domain>"
        domain = self.create(guest, guest.xml.replace("</domain>", label))
        status = status_of(processes.emulator_of(guest.name))
        self.assertEqual((status["Uid"].split()[0], status["Gid"].split()[0]), ("4242", "4243"))
        domain.destroy()

    def test_owners_stay_where_the_document_says_so(self):
        guest, path = self.new_guest(), self.image()
        label = "<seclabel type='dynamic' model='dac' relabel='no'/></domain>"
        xml = self.with_disk(guest, path).replace("</domain>", label)
        code, _, text = self.refused(lambda: self.create(guest, xml))
        self.assertEqual(code, libvirt.VIR_ERR_SYSTEM_ERROR)
        self.assertIn(f"'{path}' refuses to let user 'nobody' read", text)


class Unconfined(ConfinementCase):
    settings = "user: root, cgroups: false, seccomp: false, dynamic_ownership: false"

    def test_what_the_settings_switch_off_is_off(self):
        guest, path = self.new_guest(), self.image()
        domain = self.create(guest, self.with_disk(guest, path))
        emulator = processes.emulator_of(guest.name)
        status = status_of(emulator)
        self.assertEqual((status["Uid"].split()[0], status["Seccomp"]), ("0", "0"))
        self.assertEqual(int(status["CapEff"], 16), 0)
        self.assertEqual([path for path in groups_of(emulator).values() if guest.name in path], [])
        domain.destroy()


class Descriptors(ConfinementCase):
    """Images that a client opens for the emulator, which could not."""

    def prepare(self):
        super().prepare()
        self.guest, self.path = self.new_guest(), self.image()
        self.images.chmod(0o700)
        xml = self.with_disk(self.guest, self.path).replace("<source ", "<source fdgroup='opened' ")
        self.domain = self.connection.defineXML(xml)

    def test_an_image_that_a_client_opened(self):
        with open(self.path, "r+b") as image:
            self.domain.FDAssociate("opened", [image.fileno()])
        self.domain.createWithFlags(PAUSED)
        names = [os.readlink(fd) for fd in Path(f"/proc/{processes.emulator_of(self.guest.name)}/fd").iterdir()]
        self.assertIn(str(self.path), names)
        self.assertEqual(self.path.stat().st_uid, 0)
        self.domain.destroy()

    def test_they_go_with_the_client_that_brought_them(self):
        other = self.connect()
        with open(self.path, "r+b") as image:
            other.lookupByName(self.guest.name).FDAssociate("opened", [image.fileno()])
        other.close()

        def gone():
            try:
                self.domain.createWithFlags(PAUSED)
            except libvirt.libvirtError as error:
                return str(error)
            self.domain.destroy()
            return None
        self.assertIn("file descriptor group 'opened' was not associated with the domain", wait.until(gone, "the refusal"))
