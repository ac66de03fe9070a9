# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The same virsh commands to the peer's test driver, which lives in the client library, and to ours, behind the daemon:
one session each, in order; what they print is compared. The table says what differs and why."""

import re
import subprocess

from harness import settings
from harness.imaginary import ImaginaryCase

A = """<domain type='test'><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory>1024</memory>
<os><type>hvm</type></os><devices><disk type='file'><source file='/x'/><target dev='hda'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='scsi'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface><console type='pty'/>
<graphics type='vnc'/><video/><input type='tablet' bus='usb'/>
<rng model='virtio'><backend model='random'>/dev/random</backend></rng></devices></domain>"""

STORES = "the peer forgets what it was told; we keep it"
MORE = "the peer has no such operation"
CODE = "the peer calls it an internal error"
CLOCK = "figures that grow with a clock, and ours is the host's uptime"

# (command, why it differs; None: it does not)
COMMANDS = [
    ("list --all", None),
    ("uri", None),
    ("nodeinfo", None),
    ("capabilities", None),
    ("maxvcpus", None),
    ("sysinfo", None),
    ("cpu-models x86_64", None),
    ("freecell --all", None),
    ("freecell 5", None),
    ("freepages --all", None),
    ("nodecpumap", None),
    ("nodecpustats", None),
    ("dumpxml test", None),
    ("dumpxml test --inactive", None),
    ("dumpxml test --security-info", None),
    ("domid test", None),
    ("domuuid test", None),
    ("domname 1", None),
    ("domstate test --reason", None),
    ("domcontrol test", None),
    ("dominfo test", None),
    ("domblklist test", None),
    ("domiflist test", None),
    ("domblkinfo test vda", None),
    ("domblkstat test vda", CLOCK),
    ("domifstat test testnet0", CLOCK),
    ("domblkerror test", None),
    ("dommemstat test", None),
    ("domfsinfo test", None),
    ("domifaddr test", None),
    ("domhostname test", None),
    ("domtime test", None),
    ("domfsfreeze test", None),
    ("domfsfreeze test", None),
    ("domfsthaw test", None),
    ("domfstrim test", None),
    ("domdisplay test", None),
    ("cpu-stats test", None),
    ("vcpucount test", None),
    ("vcpuinfo test", None),
    ("vcpupin test", None),
    ("schedinfo test", None),
    ("memtune test", None),
    ("blkiotune test", None),
    ("numatune test", None),
    ("blkdeviotune test vda", None),
    ("domiftune test testnet0", None),
    ("perf test", None),
    ("perf test --enable cmt", None),
    ("iothreadinfo test", None),
    ("domstats test --state", None),
    ("domstats test --balloon", MORE),
    ("domstats test --vcpu", MORE),
    ("inject-nmi test", None),
    ("send-key test KEY_A", None),
    ("reset test", None),
    ("reboot test", None),
    ("set-user-password test root x", None),
    ("set-lifecycle-action test poweroff restart", None),
    ("desc test", None),
    ("desc test hello", None),
    ("desc test", None),
    ("desc test --title short", None),
    ("desc test --title", None),
    ("metadata test urn:x", None),
    ("metadata test --uri urn:x --key k --set <x/>", None),
    ("metadata test urn:x", None),
    ("dumpxml test", None),
    ("metadata test --uri urn:x --remove", None),
    ("autostart test", None),
    ("autostart test --disable", None),
    ("setmem test 1000000", None),
    ("setmem test 90000000", None),
    ("setmaxmem test 9000000", None),
    ("setvcpus test 4", None),
    ("setvcpus test 4 --config --maximum", None),
    ("setvcpus test 3 --config", None),
    ("vcpucount test", None),
    ("suspend test", None),
    ("domstate test --reason", None),
    ("suspend test", "what is paused is suspended already, as other drivers have it"),
    ("resume test", None),
    ("domstate test --reason", None),
    ("resume test", CODE),
    ("start test", None),
    ("domrename test x", None),
    ("save test {folder}/kept.save", None),
    ("domstate test --reason", None),
    ("restore {folder}/kept.save", None),
    ("domstate test --reason", None),
    ("managedsave test", None),
    ("domstate test --reason", None),
    ("managedsave-dumpxml test", MORE),
    ("start test", None),
    ("domstate test --reason", "the peer starts it afresh; we restore what was saved"),
    ("managedsave-remove test", None),
    ("dump test {folder}/kept.core", None),
    ("shutdown test", None),
    ("domstate test --reason", None),
    ("shutdown test", CODE),
    ("destroy test", None),
    ("list --all", None),
    ("domstats test", MORE),
    ("start nobody", None),
    ("domblkinfo test nope", None),
    ("domifstat test nope", None),
    ("define {a}", None),
    ("dumpxml a", None),
    ("snapshot-list a", None),
    ("snapshot-create-as a off", None),
    ("start a", None),
    ("list --all", None),
    ("dumpxml a", None),
    ("snapshot-create-as a s1 words", None),
    ("snapshot-create-as a s1", "the peer's words for it; ours name the snapshot as well"),
    ("snapshot-create-as a s2", None),
    ("snapshot-list a --name", None),
    ("snapshot-list a --tree", None),
    ("snapshot-list a --roots --name", None),
    ("snapshot-list a --leaves --name", None),
    ("snapshot-current a --name", None),
    ("snapshot-parent a s2", None),
    ("snapshot-parent a off", None),
    ("snapshot-info a s1", None),
    ("snapshot-dumpxml a s1", None),
    ("snapshot-revert a off", None),
    ("domstate a --reason", None),
    ("snapshot-revert a s1", None),
    ("domstate a --reason", None),
    ("snapshot-current a --name", None),
    ("checkpoint-create-as a c0", None),
    ("undefine a", None),
    ("snapshot-delete a off --children", None),
    ("snapshot-list a --name", None),
    ("checkpoint-create-as a c1", None),
    ("checkpoint-create-as a c2", None),
    ("checkpoint-list a --tree", None),
    ("checkpoint-parent a c2", None),
    ("checkpoint-dumpxml a c1", None),
    ("snapshot-create-as a s9", None),
    ("checkpoint-delete a c1", None),
    ("checkpoint-list a --name", None),
    ("checkpoint-delete a c2", None),
    ("blkiotune a --weight 500", None),
    ("blkiotune a", None),
    ("memtune a --hard-limit 1000000", None),
    ("memtune a", None),
    ("numatune a --nodeset 0-1", None),
    ("numatune a", None),
    ("schedinfo a --set weight=70", STORES),
    ("domiftune a testnet0 --inbound 10,20,30", None),
    ("domiftune a testnet0", None),
    ("iothreadadd a 1", None),
    ("iothreaddel a 1", None),
    ("iothreaddel a 1", None),
    ("emulatorpin a 0-1", None),
    ("attach-disk a /y vdb", MORE),
    ("domjobinfo a", MORE),
    ("domjobabort a", MORE),
    ("guestinfo a", MORE),
    ("blockresize a hda 100", MORE),
    ("domcapabilities", MORE),
    ("destroy a", None),
    ("undefine a", None),
    ("list --all --name", None),
    ("dominfo a", None),
]

# What may be told apart without being different.
NORMAL = [
    (re.compile(r"<creationTime>\d+</creationTime>"), "<creationTime/>"),
    (re.compile(r"(?m)^(Creation time:|CPU time:).*$"), r"\1"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
    (re.compile(r"(?m)^test\+unix://(/\S*)\?\S*$"), r"test://\1"),
    (re.compile(r"<(\w+)></\1>"), r"<\1/>"),
    (re.compile(r"[ \t]+(?=\n|$)"), ""),
    (re.compile(r"\n+"), "\n"),
]


class LikeThePeer(ImaginaryCase):
    def answers(self, uri, commands):
        """What virsh printed for each command of one session."""
        told = subprocess.run(["virsh", "-c", uri], input="\n".join(commands) + "\n", text=True, timeout=settings.PATIENCE,
                              env={"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC", "HOME": str(self.folder)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
        parts = told.split("virsh # ")[1:len(commands) + 1]
        self.assertEqual(len(parts), len(commands), told)
        answers = []
        for command, part in zip(commands, parts):
            text = part[len(command):] if part.startswith(command) else part
            for pattern, to in NORMAL:
                text = pattern.sub(to, text)
            answers.append(text.strip())
        return answers

    def answers_of_the_peer(self, commands):
        """Its driver lives in virsh itself, which has been seen to stand still over it, once in many runs on a busy machine."""
        for _ in range(3):
            try:
                return self.answers("test:///default", commands)
            except subprocess.TimeoutExpired:
                print("virsh stands still over its own test driver; it is asked again")
        self.fail("virsh stands still over its own test driver, three times")

    def test_most_commands_answer_alike(self):
        xml = self.folder / "a.xml"
        xml.write_text(A)
        commands = [command.format(a=xml, folder=self.folder) for command, _ in COMMANDS]
        theirs = self.answers_of_the_peer(commands)
        ours = self.answers(self.subject.uri(), commands)
        alike, surprises = 0, []
        for (command, why), their, our in zip(COMMANDS, theirs, ours):
            alike += their == our
            if (their == our) != (why is None):
                surprises.append(f"{command}\n  expected {'the same' if why is None else 'another answer: ' + why}"
                                 f"\n--- theirs ---\n{their}\n--- ours ---\n{our}")
        print(f"{alike} of {len(COMMANDS)} commands answer as the peer's test driver does")
        self.assertEqual(surprises, [], "\n\n".join(surprises))
