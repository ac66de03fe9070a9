# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The guests of the tests: the distribution's kernel and a busybox initrd, no disk, no network."""

import subprocess
import uuid

from . import settings

GREETING = "HELLO-FROM-GUEST"
MEMORY_KIB = 128 * 1024

_XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{folder}/vmlinuz</kernel>
    <initrd>{folder}/initrd.img</initrd>
    <cmdline>{cmdline}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <serial type='pty'/>
    <console type='pty'/>
  </devices>
</domain>
"""


class Guest:
    """A name, a uuid and a document; whether a daemon knows it is the daemon's affair."""

    def __init__(self, name):
        self.name = name
        self.uuid = str(uuid.uuid4())
        cmdline = (settings.GUEST / "cmdline").read_text().strip()
        self.xml = _XML.format(name=name, uuid=self.uuid, folder=settings.GUEST, cmdline=cmdline)


def make_files():
    """Kernel and initrd under the build tree, made by the first test that needs them."""
    subprocess.run([str(settings.TREE / "scripts" / "make-guest"), str(settings.GUEST)],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
