# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Domains that move between the imaginary hosts of two daemons: by virsh, the binding, and by the steps of the wire."""

import subprocess
import threading

import libvirt

from harness import settings, wait
from harness.case import plain_environment
from harness.imaginary import FAULTS, Imaginary, ImaginaryCase, domain_xml
from rawclient import RawClient, WireError
from wire import Tables

INVALID_ARG, NO_DOMAIN, INVALID, ARGUMENT_UNSUPPORTED, ABORTED, FINISH_OK = 8, 42, 55, 74, 78, 93
LIVE, PERSIST, UNDEFINE = libvirt.VIR_MIGRATE_LIVE, libvirt.VIR_MIGRATE_PERSIST_DEST, libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
SHUTOFF_MIGRATED = [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED]
RUNNING_MIGRATED = [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_MIGRATED]


def lifecycle_of(connection):
    told = []
    connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                      lambda _c, domain, event, detail, _o: told.append((domain.name(), event, detail)), None)
    return told


class MigrateCase(ImaginaryCase):
    """A second daemon is the destination; both daemons' calls are in the case's record."""

    def setUp(self):
        super().setUp()
        folder = self.folder / "2"
        folder.mkdir()
        self.other = Imaginary(folder, self.running_log)
        self.addCleanup(self.other.clean_up)
        self.other.start()
        self.destination = libvirt.open(self.other.uri())
        self.addCleanup(self.destination.close)
        self.tables = Tables(settings.TREE / "host" / "protocol" / "tables")

    def there(self, name):
        return self.destination.lookupByName(name)

    def raw(self, subject):
        client = RawClient(subject.socket(), self.tables)
        self.addCleanup(client.close)
        return client.open("test:///default")

    @staticmethod
    def wire_domain(domain):
        return {"name": domain.name(), "uuid": domain.UUID(), "id": domain.ID()}


class Migrate(MigrateCase):
    def test_virsh_migrate(self):
        heard, told = lifecycle_of(self.connection), lifecycle_of(self.destination)
        self.start("mover")
        done = subprocess.run(["virsh", "-c", self.subject.uri(), "migrate", "--live", "--verbose", "--persistent", "mover",
                               self.other.uri()], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=plain_environment(), timeout=settings.PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        moved = self.there("mover")
        self.assertEqual(moved.state(), RUNNING_MIGRATED)
        self.assertTrue(moved.isPersistent())
        left = self.connection.lookupByName("mover")
        self.assertEqual(left.state(), SHUTOFF_MIGRATED)
        self.assertEqual(left.UUIDString(), moved.UUIDString())
        self.assertIn("/disks/mover", moved.XMLDesc())
        wait.until(lambda: ("mover", 5, 3) in heard, f"its end on the source, {heard}")
        self.assertEqual(heard[-2:], [("mover", 3, 1), ("mover", 5, 3)])  # suspended, stopped: migrated
        wait.until(lambda: ("mover", 4, 1) in told, f"its going on at the destination, {told}")
        self.assertEqual(told[0], ("mover", 2, 1))                        # started: migrated
        self.assertIn(("mover", 0, 0), told)                              # defined: added

    def test_there_and_back_with_another_name_and_what_it_was(self):
        domain = self.start("first", faults="<fault:error op='domain.reset' code='38' message='goes along'/>")
        domain.setMemory(300000)
        domain.suspend()
        moved = domain.migrate3(self.destination, {libvirt.VIR_MIGRATE_PARAM_DEST_NAME: "second"}, UNDEFINE)
        self.assertEqual((moved.name(), moved.isPersistent()), ("second", 0))
        self.assertEqual(moved.state(), [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER])
        self.assertIn(">300000</currentMemory>", moved.XMLDesc())
        self.assertEqual(self.refused(moved.reset)[0], 38)
        self.assertEqual(self.refused(lambda: self.connection.lookupByName("first"))[0], NO_DOMAIN)
        moved.resume()
        back = moved.migrate(self.connection, LIVE | PERSIST, "first", None, 0)
        self.assertEqual((back.name(), back.state()), ("first", RUNNING_MIGRATED))
        self.assertEqual(self.refused(lambda: self.there("second"))[0], NO_DOMAIN)
        paused = back.migrate(self.destination, libvirt.VIR_MIGRATE_PAUSED, None, None, 0)
        self.assertEqual(paused.state()[0], libvirt.VIR_DOMAIN_PAUSED)

    def test_what_is_there_already_is_not_overrun(self):
        domain = self.start("twin")
        self.destination.createXML(domain_xml("twin", more=f"<uuid>{domain.UUIDString()}</uuid>"), 0)
        code, _, text = self.refused(lambda: domain.migrate(self.destination, LIVE, None, None, 0))
        self.assertEqual(code, INVALID, text)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED])
        self.assertEqual(self.there("twin").state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED])

    def test_a_fault_at_the_destination_leaves_it_running_here(self):
        for op, reason in (("domain.prepare", libvirt.VIR_DOMAIN_RUNNING_BOOTED),
                           ("domain.finish", libvirt.VIR_DOMAIN_RUNNING_MIGRATION_CANCELED)):
            with self.subTest(op):
                domain = self.start(f"stays-{op[7:]}")
                path = self.other.root / f"{op}.xml"
                path.write_text(f"<node><fault:faults xmlns:fault='{FAULTS}'><fault:error op='{op}' code='38'/></fault:faults></node>")
                destination = libvirt.open(f"test+unix://{path}?socket={self.other.socket()}")
                self.addCleanup(destination.close)
                self.assertEqual(self.refused(lambda: domain.migrate(destination, LIVE, None, None, 0))[0], 38)
                self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, reason])

    def test_a_fault_while_it_moves_undoes_it(self):
        heard = lifecycle_of(self.connection)
        domain = self.start("half", faults="<fault:error op='domain.perform' code='38'/>")
        self.assertEqual(self.refused(lambda: domain.migrate(self.destination, LIVE, None, None, 0))[0], 38)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED])
        self.assertEqual(self.refused(lambda: self.there("half"))[0], NO_DOMAIN)
        self.assertNotIn(("half", 5, 3), heard)

    def long_move(self, name, flags):
        """A move that would take an hour, on a thread; its outcome."""
        domain = self.start(name, faults="<fault:long-jobs ms='3600000'/>")
        mover = libvirt.open(self.subject.uri())
        self.addCleanup(mover.close)
        outcome = []

        def move():
            try:
                mover.lookupByName(name).migrate(self.destination, flags, None, None, 0)
                outcome.append(0)
            except libvirt.libvirtError as error:
                outcome.append(error.get_error_code())
        thread = threading.Thread(target=move, daemon=True)
        thread.start()
        self.addCleanup(thread.join, settings.PATIENCE)
        wait.until(lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_BOUNDED, "the move to begin")
        self.assertEqual(domain.jobStats()["operation"], libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
        self.assertEqual(self.there(name).state(), [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION])
        return domain, thread, outcome

    def test_a_move_can_be_watched_and_aborted(self):
        domain, thread, outcome = self.long_move("slow", LIVE)
        self.assertEqual(self.refused(lambda: domain.migrateStartPostCopy(0))[0], INVALID)  # not asked for
        domain.abortJob()
        thread.join(settings.PATIENCE)
        self.assertEqual(outcome, [ABORTED])
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.assertEqual(self.refused(lambda: self.there("slow"))[0], NO_DOMAIN)

    def test_post_copy_ends_the_wait(self):
        domain, thread, outcome = self.long_move("post", LIVE | libvirt.VIR_MIGRATE_POSTCOPY)
        domain.migrateStartPostCopy(0)
        thread.join(settings.PATIENCE)
        self.assertEqual(outcome, [0])
        self.assertEqual(self.there("post").state(), RUNNING_MIGRATED)
        self.assertEqual(self.refused(lambda: domain.migrateStartPostCopy(0))[0], INVALID)

    def test_figures_are_kept(self):
        domain = self.start("figures")
        domain.migrateSetMaxDowntime(1234, 0)
        self.assertEqual(domain.migrateGetMaxDowntime(0), 1234)
        domain.migrateSetMaxSpeed(50, 0)
        domain.migrateSetMaxSpeed(60, libvirt.VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY)
        self.assertEqual((domain.migrateGetMaxSpeed(0), domain.migrateGetMaxSpeed(libvirt.VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY)), (50, 60))
        self.assertEqual(self.refused(lambda: domain.migrateSetMaxSpeed(1 << 62, 0))[0], 82)
        domain.migrateSetCompressionCache(1 << 20, 0)
        self.assertEqual(domain.migrateGetCompressionCache(0), 1 << 20)

    def test_what_would_need_a_client_of_its_own_is_refused(self):
        domain = self.start("peer")
        self.assertEqual(self.refused(lambda: domain.migrateToURI3(self.other.uri(), {}, libvirt.VIR_MIGRATE_PEER2PEER))[0], ARGUMENT_UNSUPPORTED)
        domain.destroy()
        self.assertNotEqual(self.refused(lambda: domain.migrate(self.destination, LIVE, None, None, 0))[0], 0)


class Steps(MigrateCase):
    """What no client of today sends, step by step."""

    def test_version_3_without_parameters(self):
        domain = self.start("old3")
        source, destination = self.raw(self.subject), self.raw(self.other)
        dom, common = self.wire_domain(domain), {"flags": LIVE, "dname": "new3", "resource": 0}
        begun = source.call("domain_migrate_begin3", dom=dom, xmlin=None, **common)
        prepared = destination.call("domain_migrate_prepare3", cookie_in=begun["cookie_out"], uri_in=None, dom_xml=begun["xml"], **common)
        self.assertTrue(prepared["uri_out"])
        performed = source.call("domain_migrate_perform3", dom=dom, xmlin=None, cookie_in=prepared["cookie_out"], dconnuri=None,
                                uri=prepared["uri_out"], **common)
        finished = destination.call("domain_migrate_finish3", dname="new3", cookie_in=performed["cookie_out"], dconnuri=None,
                                    uri=None, flags=LIVE, cancelled=0)
        self.assertEqual(finished["dom"]["name"], "new3")
        source.call("domain_migrate_confirm3", dom=dom, cookie_in=finished["cookie_out"], flags=LIVE, cancelled=0)
        self.assertEqual(domain.state(), SHUTOFF_MIGRATED)
        self.assertEqual(self.there("new3").state(), RUNNING_MIGRATED)

    def test_version_2_whose_perform_ends_the_source(self):
        domain = self.start("old2")
        source, destination = self.raw(self.subject), self.raw(self.other)
        xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
        prepared = destination.call("domain_migrate_prepare2", uri_in=None, flags=LIVE, dname=None, resource=0, dom_xml=xml)
        source.call("domain_migrate_perform", dom=self.wire_domain(domain), cookie=prepared["cookie"], uri="test:memory", flags=LIVE,
                    dname=None, resource=0)
        self.assertEqual(domain.state(), SHUTOFF_MIGRATED)
        finished = destination.call("domain_migrate_finish2", dname="old2", cookie=b"", uri="", flags=LIVE, retcode=0)
        self.assertEqual(finished["ddom"]["name"], "old2")
        self.assertEqual(self.there("old2").state(), RUNNING_MIGRATED)

    def test_version_1_carries_no_description(self):
        client = self.raw(self.other)
        with self.assertRaises(WireError) as refused:
            client.call("domain_migrate_prepare", uri_in=None, flags=LIVE, dname="x", resource=0)
        self.assertEqual(refused.exception.code, INVALID_ARG)
        with self.assertRaises(WireError) as refused:
            client.call("domain_migrate_finish", dname="x", cookie=b"", uri="", flags=LIVE)
        self.assertEqual(refused.exception.code, NO_DOMAIN)

    def test_a_finish_that_undoes_and_a_client_that_leaves(self):
        domain = self.start("back")
        source = self.raw(self.subject)
        dom = self.wire_domain(domain)
        begun = source.call("domain_migrate_begin3", dom=dom, xmlin=None, flags=LIVE, dname=None, resource=0)

        def prepare(client):
            client.call("domain_migrate_prepare3", cookie_in=begun["cookie_out"], uri_in="test:x", dom_xml=begun["xml"], flags=LIVE,
                        dname=None, resource=0)
            self.assertEqual(self.there("back").state(), [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION])
        client = self.raw(self.other)
        prepare(client)
        with self.assertRaises(WireError) as refused:
            client.call("domain_migrate_finish3", dname="back", cookie_in=b"", dconnuri=None, uri=None, flags=LIVE, cancelled=1)
        self.assertEqual(refused.exception.code, FINISH_OK)
        self.assertEqual(self.destination.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED), [])
        prepare(client)
        client.close()
        wait.until(lambda: not self.destination.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED), "the arriving domain to go")
        source.call("domain_migrate_confirm3", dom=dom, cookie_in=b"", flags=LIVE, cancelled=1)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)

    def test_cookies_that_are_none(self):
        client = self.raw(self.other)
        xml = domain_xml("x", more="<uuid>11111111-2222-3333-4444-555555555555</uuid>")
        for cookie in (b"", b"x", b"<a/>", b"<test-migration state='broken'/>", b"<test-migration state='paused'>", b"y" * 5000):
            with self.assertRaises(WireError) as refused:
                client.call("domain_migrate_prepare3", cookie_in=cookie, uri_in=None, dom_xml=xml, flags=LIVE, dname=None, resource=0)
            self.assertIn(refused.exception.code, (INVALID_ARG, 27, 35), cookie)
        self.assertEqual([d.name() for d in self.destination.listAllDomains()], ["test"])
