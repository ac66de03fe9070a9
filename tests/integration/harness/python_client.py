# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Clients with the Python binding: connections that close, its event loop, recorded events."""

import threading

import libvirt

from . import wait
from .case import IntegrationCase

# (event, detail) of lifecycle events, with the numbers of the C header.
DEFINED, UNDEFINED = (0, 0), (1, 0)
STARTED, SUSPENDED, RESUMED = (2, 0), (3, 0), (4, 0)
SHUTDOWN_BY_GUEST, SHUTDOWN_BY_HOST = (6, 1), (6, 2)
STOPPED_SHUTDOWN, STOPPED_DESTROYED = (5, 0), (5, 1)



class EventLoop:
    """The binding's default event loop on a thread of its own; one for the whole process, because
    the library knows only one."""

    _started = False

    @classmethod
    def start(cls):
        if cls._started:
            return
        cls._started = True
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=cls._run, daemon=True).start()

    @staticmethod
    def _run():
        while True:
            libvirt.virEventRunDefaultImpl()


class PythonCase(IntegrationCase):
    def setUp(self):
        libvirt.registerErrorHandler(lambda *_: None, None)  # errors are checked, not printed
        EventLoop.start()
        super().setUp()

    def connect(self, kind="rw"):
        connection = libvirt.open(self.subject.uri(kind))
        self.addCleanup(close_quietly, connection)
        return connection

    def refused(self, call):
        with self.assertRaises(libvirt.libvirtError) as caught:
            call()
        error = caught.exception
        return error.get_error_code(), error.get_error_domain(), error.get_error_message()


class Recorder:
    """Lifecycle events of one connection, as callbacks on the event loop's thread."""

    def __init__(self, connection, domain=None):
        self.connection = connection
        self.told = []
        self.number = connection.domainEventRegisterAny(
            domain, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self.hear, None)

    def hear(self, _connection, domain, event, detail, _opaque):
        self.told.append((domain.name(), (event, detail)))

    def of(self, guest):
        return [what for name, what in self.told if name == guest.name]

    def expect(self, guest, what):
        wait.until(lambda: what in self.of(guest), f"event {what} of {guest.name}")

    def stop(self):
        self.connection.domainEventDeregisterAny(self.number)


def close_quietly(connection):
    try:
        connection.close()
    except libvirt.libvirtError:
        pass
