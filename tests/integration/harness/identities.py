# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Clients that are other users than the one who runs the tests. Needs root.

    with identities.as_user(65534, groups=[20001]):
        connection = libvirt.open(...)    # the daemon sees that user, whatever the connection does later
"""

import contextlib
import os
import unittest

from . import wait

NOBODY = 65534


def need_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("becoming another user needs root")


@contextlib.contextmanager
def as_user(uid, gid=None, groups=()):
    """The kernel tells a daemon who connected, not who writes: so the way back is free."""
    before = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def command_as(uid, command, groups=()):
    """`command` with a prefix that makes it run as that user."""
    groups = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    return ["setpriv", "--reuid", str(uid), "--regid", str(uid), *groups, *command]


def open_to_all(subject, kinds=("rw", "ro")):
    """Lets every user of the machine reach the sockets of a test's daemon."""
    for kind in kinds:
        path = subject.socket(kind)
        wait.until(path.exists, f"{path} to be there")  # they are opened one after the other
        path.chmod(0o777)
        while path.parent != subject.root.parent:
            path = path.parent
            path.chmod(0o755)
