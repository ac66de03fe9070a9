# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The rows that the peer cannot do at all: times of the healthy beside the stuck and the silent."""

import os
import resource
import socket
import statistics
import subprocess
import time

import wire
from harness import settings
from harness.case import plain_environment
from rawclient import RawClient

URI = "stuck:///default"


def percentiles(times):
    times = sorted(times)
    return (f"median {statistics.median(times) * 1e3:.2f} ms, p99 {times[int(len(times) * 0.99)] * 1e3:.2f} ms, "
            f"longest {times[-1] * 1e3:.2f} ms")


def more_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def timed(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def stuck(subject):
    """500 clients in calls of one object whose driver keeps every thread that it gets."""
    more_files()
    tables = wire.Tables(settings.TABLES)

    def client():
        return RawClient(subject.socket(), tables).open(URI)

    healthy = client()
    d0, d1 = (healthy.call("domain_lookup_by_name", name=name)["dom"] for name in ("d0", "d1"))
    others = [client() for _ in range(500)]
    for other in others:
        other.start("domain_reset", dom=d0, flags=0)
    for what, call in {
            "a driver's call on another object": lambda: healthy.call("domain_resume", dom=d1),
            "state of the stuck one": lambda: healthy.call("domain_get_state", dom=d0, flags=0)}.items():
        print(f"\none stuck object, 500 clients calling it: {what}: "
              f"{percentiles([timed(call) for _ in range(1000)])}")
    print(f"  threads of the daemon: {len(os.listdir(f'/proc/{subject.pid}/task'))}")
    lost = 0
    for other in others:
        other.socket.setblocking(False)
        try:
            lost += other.socket.recv(1) == b""
        except BlockingIOError:
            pass
    print(f"  connections lost: {lost}")
    while any(not answered(other) for other in others):
        healthy.call("domain_abort_job", dom=d0)


def answered(client):
    try:
        return bool(client.socket.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def silent(subject):
    """10,000 sockets on which nothing is said."""
    if more_files() < 10_100:
        print("\n10,000 silent sockets: not measured, this system allows fewer descriptors (ulimit -Hn)")
        return
    held = []
    for _ in range(10_000):
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].connect(str(subject.socket()))
    command = ["virsh", "-c", f"stuck+unix:///default?socket={subject.socket()}", "version", "--daemon"]

    def virsh():
        subprocess.run(command, check=False, capture_output=True, env=plain_environment())

    times = [timed(virsh) for _ in range(20)]
    for one in held:
        one.close()
    alone = [timed(virsh) for _ in range(20)]
    print(f"\n10,000 silent sockets, virsh connects (its own start included): {percentiles(times)}"
          f"\n  without them: {percentiles(alone)}")


ROWS = {"stuck": stuck, "silent": silent}
