# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The same commands to the test driver and to the one inside the client library: networks, pools, volumes,
node devices and interfaces look the same in both, but for what is listed here with its reason."""

import re
import subprocess

from harness import settings
from harness.case import plain_environment
from harness.objects import OURS, PEERS, ObjectCase, normal

FILES = {
    "v1.xml": "<volume><name>v1</name><capacity unit='M'>10</capacity></volume>",
    "v2.xml": "<volume type='file'><name>v2</name><capacity unit='M'>20</capacity><allocation unit='M'>1</allocation>"
              "<target><path>/foo/bar</path><format type='qcow2'/><permissions><mode>0644</mode><owner>1</owner>"
              "<group>-1</group></permissions></target><backingStore><path>/default-pool/v1</path>"
              "<format type='raw'/></backingStore></volume>",
    "p1.xml": "<pool type='dir'><name>p1</name><target><path>/p1/x</path></target></pool>",
    "p2.xml": "<pool type='logical'><name>p2</name><source><device path='/dev/sdb'/></source></pool>",
    "n1.xml": "<network><name>n1</name></network>",
    "n2.xml": "<network><name>n2</name><forward mode='route' dev='eth1'/><ip address='10.0.0.1' prefix='8'/></network>",
    "hba.xml": "<device><parent>scsi_host1</parent><capability type='scsi_host'><capability type='fc_host'>"
               "<wwnn>2000000012341235</wwnn><wwpn>1000000012341235</wwpn></capability></capability></device>",
    "if.xml": "<interface type='ethernet' name='eth9'><start mode='none'/><mac address='aa:bb:cc:dd:ee:01'/>"
              "<protocol family='ipv4'><dhcp/></protocol></interface>",
}

# Each runs in one session with those before it.
SAME = [
    "net-list --all", "net-dumpxml default", "net-info default", "net-uuid default",
    "net-name dd8fe884-6c02-601e-7551-cca97df1c5df",
    "net-define n1.xml", "net-dumpxml n1", "net-info n1", "net-start n1", "net-start n1", "net-undefine n1",
    "net-create n1.xml", "net-define n1.xml", "net-destroy n1", "net-list --all",
    "net-list --inactive --name", "net-undefine n1", "net-define n2.xml", "net-dumpxml n2", "net-undefine n2",
    "net-create n2.xml", "net-list --all", "net-destroy n2", "net-dumpxml n2",
    "net-autostart default", "net-list --all", "net-destroy default", "net-start default",
    "net-update default add ip-dhcp-host \"<host mac='00:16:3e:77:e2:ed' name='tea' ip='192.168.122.9'/>\" --live --config",
    "net-dumpxml default", "net-dumpxml nosuch",
    "pool-list --all", "pool-list --details", "pool-info default-pool", "pool-dumpxml default-pool",
    "vol-list default-pool", "vol-create default-pool v1.xml", "vol-create default-pool v2.xml",
    "vol-list default-pool --details", "vol-dumpxml v1 --pool default-pool", "vol-dumpxml v2 --pool default-pool",
    "vol-info v1 --pool default-pool", "vol-key v1 --pool default-pool", "vol-path v2 --pool default-pool",
    "vol-pool /default-pool/v1", "vol-name /default-pool/v2", "vol-info /nosuch",
    "vol-clone v1 v3 --pool default-pool", "vol-dumpxml v3 --pool default-pool", "pool-info default-pool",
    "vol-create-as default-pool big 200G", "vol-delete v3 --pool default-pool", "vol-delete v1 --pool default-pool",
    "vol-list default-pool", "pool-info default-pool",
    "pool-define p1.xml", "pool-dumpxml p1", "pool-info p1", "pool-build p1", "pool-start p1",
    "pool-start p1", "pool-build p1", "pool-refresh p1", "pool-undefine p1", "pool-info p1", "pool-destroy p1",
    "pool-destroy p1", "pool-refresh p1", "pool-autostart p1", "pool-list --all", "pool-list --all --type logical",
    "pool-delete p1", "pool-undefine p1", "pool-define p2.xml", "pool-dumpxml p2", "pool-create p2.xml",
    "pool-list --all --type logical --name", "pool-dumpxml nosuch", "pool-event --list",
    "find-storage-pool-sources logical", "find-storage-pool-sources netfs", "find-storage-pool-sources-as dir",
    "find-storage-pool-sources-as netfs localhost",
    "iface-list --all", "iface-dumpxml eth1", "iface-mac eth1", "iface-name aa:bb:cc:dd:ee:ff", "iface-define if.xml",
    "iface-dumpxml eth9", "iface-start eth9", "iface-list --all", "iface-destroy eth9", "iface-begin", "iface-begin",
    "iface-undefine eth9", "iface-rollback", "iface-commit", "iface-dumpxml eth9",
    "nodedev-dumpxml computer", "nodedev-dumpxml scsi_host1", "nodedev-dumpxml scsi_host2", "nodedev-dumpxml scsi_host11",
    "nodedev-create hba.xml", "nodedev-destroy scsi_host12", "nodedev-dumpxml nosuch",
]

# Why the last of these commands is answered otherwise.
DIFFERENT = [
    ("the library's driver takes no flags there", ["net-dumpxml --inactive default"]),
    ("looked up by the host, which says it as libvirtd's driver for interfaces does", ["iface-dumpxml nosuch"]),
    ("the library's rollback forgets which interfaces were up; ours restores that too",
     ["iface-begin", "iface-rollback", "iface-list --all"]),
    ("the library gives no reason, ours says which interface and why", ["iface-start eth1"]),
    ("the library says 'operation failed', ours has the code that there is for that",
     ["vol-create-as default-pool twice 1G", "vol-create-as default-pool twice 1G"]),
    ("the library stops networks that do not run", ["net-define n1.xml", "net-destroy n1"]),
    ("the library lets networks that are not stored start by themselves", ["net-create n2.xml", "net-autostart n2"]),
    ("ours names the pool, as libvirtd does", ["pool-define p1.xml", "vol-list p1"]),
    ("the library does not resize volumes", ["vol-create-as default-pool r 1M", "vol-resize r 3M --pool default-pool"]),
    ("the library does not wipe volumes", ["vol-create-as default-pool w 1M", "vol-wipe w --pool default-pool"]),
    ("the library's new adapter has the host number of another one", ["nodedev-create hba.xml", "nodedev-dumpxml scsi_host12"]),
    ("the library's driver refuses the flags of this virsh", ["nodedev-list"]),
    ("the library's driver has no secrets", ["secret-list"]),
    ("the library's driver has no filters", ["nwfilter-list"]),
    ("the library's driver has no bindings", ["nwfilter-binding-list"]),
    ("the library's driver has no leases", ["net-dhcp-leases default"]),
    ("the library's driver has no ports", ["net-port-list default"]),
    ("the library's driver does not tell", ["pool-capabilities"]),
]

_EMPTY = re.compile(r"<(\w+)([^<>]*)>\s*</\1>")
_NEXT = re.compile(r"(?:virsh # )?echo '-- next --'\s*-- next --")


class Peer(ObjectCase):
    def session_of(self, uri, commands):
        """What virsh prints for each of these commands, all run in one session."""
        for name, text in FILES.items():
            self.file(name, text)
        typed = "".join(f"{command}\necho '-- next --'\n" for command in commands)
        done = subprocess.run(["virsh", "-c", uri], input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=plain_environment(), cwd=self.folder, timeout=settings.PATIENCE, check=False)
        # An empty element is told in two ways, and prompts and commands are echoed.
        parts = _NEXT.split(_EMPTY.sub(r"<\1\2/>", normal(done.stdout)))
        return [part.replace("virsh # ", "").strip() for part in parts[:-1]]

    def both(self, commands):
        ours = self.session_of(OURS.format(self.subject.socket()), commands)
        peers = self.session_of(PEERS, commands)
        self.assertEqual((len(ours), len(peers)), (len(commands), len(commands)))
        return ours, peers

    def test_the_same_answers_to_the_same_commands(self):
        ours, peers = self.both(SAME)
        different = [f"{command}\n--- ours\n{a}\n--- the library's\n{b}"
                     for command, a, b in zip(SAME, ours, peers) if a != b]
        self.assertEqual(different, [])

    def test_what_is_answered_otherwise_still_is(self):
        """Should the library's driver come to answer one of these as ours does, it moves to the list above."""
        commands = [command for _, commands in DIFFERENT for command in commands]
        ours, peers = self.both(commands)
        at = 0
        for reason, those in DIFFERENT:
            at += len(those)
            with self.subTest(reason):
                self.assertNotEqual(ours[at - 1], peers[at - 1])
