# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Runs as the first process of the peer's namespaces: hides the machine's state from the peer,
says that it is ready, then buries the dead until it is killed. Argument: the test's folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

_STATE = ["/run/libvirt", "/run/lock", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt",
          "/etc/libvirt"]
# No /dev/kvm: guests are emulated wherever the tests run.
_DEVICES = ["null", "zero", "full", "random", "urandom", "tty"]


def run(*command):
    subprocess.run(command, check=True)


def empty(folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)


def own_devices(scratch):
    scratch.mkdir()
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(scratch))
    for name in _DEVICES:
        (scratch / name).touch()
        run("mount", "--bind", f"/dev/{name}", str(scratch / name))
    (scratch / "pts").mkdir()
    run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts",
        str(scratch / "pts"))
    (scratch / "ptmx").symlink_to("pts/ptmx")
    (scratch / "shm").mkdir()
    run("mount", "--move", str(scratch), "/dev")


def configure(folder):
    Path("/etc/libvirt/libvirtd.conf").write_text(
        f'unix_sock_dir = "{folder}"\n'
        'unix_sock_ro_perms = "0777"\nunix_sock_rw_perms = "0777"\n'
        'auth_unix_rw = "none"\nauth_unix_ro = "none"\n'
        f'log_outputs = "3:file:{folder}/libvirtd.log"\n')
    # One user and no daemon for logs, as in polyvirtd's own tests; no sandboxes of the peer's own.
    Path("/etc/libvirt/qemu.conf").write_text(
        'user = "root"\ngroup = "root"\nsecurity_driver = "none"\n'
        'dynamic_ownership = 0\nnamespaces = []\nstdio_handler = "file"\n')


def main():
    folder = Path(sys.argv[1])
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "proc", "proc", "/proc")
    run("hostname", "peer")
    run("ip", "link", "set", "lo", "up")
    # The network namespace's own devices, and no control groups: none to find, so none to make.
    run("umount", "--recursive", "--lazy", "/sys")
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    for state in _STATE:
        empty(state)
    own_devices(folder / "dev")
    configure(folder)
    (folder / "ready").touch()
    while True:
        signal.sigwait([signal.SIGCHLD])
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    main()
