# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Waits on conditions. Nothing in these tests sleeps for a time in the hope that it was enough."""

import select
import time

from . import settings

_STEP = 0.01


def until(condition, what, seconds=None):
    """The first true value of condition(); fails, naming `what`, if none comes in `seconds`."""
    bound = settings.PATIENCE if seconds is None else seconds
    end = time.monotonic() + bound
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {bound:.0f} s in vain for: {what} (last: {value!r})")
        time.sleep(_STEP)


def writable(sock, seconds):
    """Whether the socket takes more within so long."""
    return bool(select.select([], [sock], [], seconds)[1])


def after(seconds):
    """A condition that becomes true `seconds` from now: for what must still hold then."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
