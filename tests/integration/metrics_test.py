# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""GET /metrics with real HTTP clients, and the dashboard against what is really served."""

import http.client
import json
import re
import shutil
import socket
import struct
import subprocess
import urllib.request

from harness import scrape, settings, wait
from harness.sample import ACTIVE, SampleCase
from harness.stuck import StuckCase
from harness.tools import AdminCase
from parallel_test import StuckGuest
from rawclient import KEEPALIVE, MESSAGE, RawClient
import wire

_DASHBOARD = settings.TREE / "packaging" / "grafana" / "polyvirt.json"
_DOC = settings.TREE / "docs" / "metrics.md"


class MetricsCase(AdminCase):
    listen = "127.0.0.1:0"
    further = ""

    def setUp(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the peer tells no metrics")
        super().setUp()
        self.url = wait.until(self.told_where, "the daemon to say where it tells metrics")

    def make_subject(self):
        folder = self.folder / "root" / "etc" / "polyvirt"
        folder.mkdir(parents=True)
        (folder / "polyvirtd.yaml").write_text(f'metrics:\n  listen: "{self.listen}"\n{self.further}')
        return super().make_subject()

    def told_where(self):
        found = re.search(r"metrics are told on (\S+)", self.subject.log_tail())
        return found and found[1]

    def get(self, path="/metrics", **headers):
        asked = urllib.request.Request(self.url.replace("/metrics", path), headers=headers)
        with urllib.request.urlopen(asked, timeout=settings.PATIENCE) as answer:
            return answer.headers["Content-Type"], answer.read().decode()

    def page(self):
        return scrape.parse(self.get()[1])

    def raw(self):
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        return client


class Metrics(MetricsCase):
    def test_both_formats_are_what_they_say(self):
        # Drivers are asked beside a page; what they say is on the next.
        wait.until(lambda: "polyvirt_domain_figures_age_seconds" in self.get()[1], "the first figures of guests")
        kind, text = self.get()
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        plain = scrape.parse(text)
        kind, text = self.get(Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        self.assertEqual(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        opened = scrape.parse(text, openmetrics=True)
        # The second page knows of one more connection or call at most, not of other names.
        self.assertEqual(plain.sample_names(), opened.sample_names())

    def test_curl_reads_it(self):
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        done = subprocess.run(["curl", "-sSf", self.url], capture_output=True, text=True,
                              timeout=settings.PATIENCE, check=True)
        self.assertIn("polyvirt_info", scrape.parse(done.stdout).families)

    def test_calls_are_counted_with_their_times(self):
        client = self.raw()
        client.open()
        for _ in range(5):
            client.call("connect_get_type")
        client.refusal(client.packet("domain_lookup_by_name", name="none"))
        page = self.page()
        labels = {"program": "remote", "procedure": "connect_get_type"}
        self.assertEqual(page.value("polyvirt_call_seconds_count", **labels), 5)
        self.assertGreater(page.value("polyvirt_call_seconds_sum", **labels), 0)
        self.assertEqual(page.value("polyvirt_calls_failed_total", **labels), 0)
        failed = dict(labels, procedure="domain_lookup_by_name")
        self.assertEqual(page.value("polyvirt_calls_failed_total", **failed), 1)
        self.assertEqual(page.value("polyvirt_errors_total", code="42"), 1)
        self.assertEqual(page.value("polyvirt_clients", server="polyvirtd", transport="unix",
                                    readonly="false"), 1)
        self.assertGreater(page.value("polyvirt_received_bytes_total", server="polyvirtd"), 28 * 8)
        self.assertGreater(page.value("polyvirt_sent_bytes_total", server="polyvirtd"), 28 * 8)

    def test_guests_and_their_driver_are_told_without_waiting_for_any(self):
        running, off = self.paused_guest("running"), self.defined_guest("off")
        with StuckGuest(running):  # whoever asks its monitor gets no answer
            before = self.page()
            page = self.page()
        for guest, state, active in ((running, 3, 1), (off, 5, 0)):
            labels = {"uuid": guest.uuid, "name": guest.name}
            self.assertEqual(page.value("polyvirt_domain_state_code", **labels), state)
            self.assertEqual(page.value("polyvirt_domain_active", **labels), active)
        self.assertEqual(page.value("polyvirt_domains", driver="qemu", state="paused"), 1)
        calls = {"plugin": "qemu", "instance": "system"}
        self.assertGreater(page.value("polyvirt_plugin_calls_total", **calls), 0)
        # One question for the figures of all guests, however many there are.
        self.assertLessEqual(page.value("polyvirt_plugin_calls_total", **calls) - before.value("polyvirt_plugin_calls_total", **calls), 1)

    def test_a_call_in_flight_shows(self):
        guest = self.paused_guest()
        client = self.raw()
        client.open()
        dom = client.call("domain_lookup_by_name", name=guest.name)["dom"]
        with StuckGuest(guest):
            serial = client.start("domain_resume", dom=dom)
            wait.until(lambda: self.page().value("polyvirt_calls_in_flight", server="polyvirtd") == 1,
                       "the call to show")
            # Beside it the page's own question for the guests' figures, where that has not ended yet.
            self.assertIn(self.page().value("polyvirt_plugin_calls_in_flight", plugin="qemu", instance="system"), (1, 2))
        client.value_of(client.reply_to(serial))
        self.assertEqual(self.page().value("polyvirt_calls_in_flight", server="polyvirtd"), 0)

    def test_loops_and_workers_are_told(self):
        self.page()  # sends the first probes
        page = self.page()
        for loop in ("rpc-loop", "lp:qemu"):
            self.assertGreaterEqual(page.value("polyvirt_loop_lag_seconds", loop=loop), 0)
        workers = page.values("polyvirt_workers")
        self.assertEqual(sum(workers.values()),
                         self.polyvirt_json("status")["workers"]["current"])

    def test_whatever_else_is_asked_is_refused(self):
        self.assertIn("/metrics", self.get("/")[1])
        for path, status in (("/metric", 404), ("/metrics/", 404)):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.get(path)
            self.assertEqual(refused.exception.code, status)
            refused.exception.close()
        where = re.fullmatch(r"http://(.+):(\d+)/metrics", self.url)
        connection = http.client.HTTPConnection(where[1], int(where[2]), timeout=settings.PATIENCE)
        self.addCleanup(connection.close)
        connection.request("POST", "/metrics", body=b"x" * 100_000)
        self.assertEqual(connection.getresponse().status, 405)

    def test_scrapers_that_hang_hold_up_nobody(self):
        where = re.fullmatch(r"http://(.+):(\d+)/metrics", self.url)
        for _ in range(20):
            hanging = socket.create_connection((where[1], int(where[2])), timeout=settings.PATIENCE)
            self.addCleanup(hanging.close)
        self.assertEqual(self.raw().call("auth_list"), {"types": [0]})
        self.assertTrue(self.subject.is_running())

    def test_dashboard_and_page_name_what_is_served(self):
        self.defined_guest()
        client = self.raw()
        client.open()
        client.refusal(client.packet("domain_lookup_by_name", name="none"))
        names = self.page().sample_names()
        dashboard = json.loads(_DASHBOARD.read_text())
        queries = list(expressions(dashboard))
        self.assertGreater(len(queries), 10)
        for query in queries:
            used = set(re.findall(r"\b(?:polyvirt|process)_\w+", query))
            self.assertTrue(used, query)
            self.assertLessEqual(used, names, query)
        families = {re.sub(r"_total$", "", name) for name in self.page().families}
        told = {re.sub(r"_total$", "", name)
                for name in re.findall(r"`((?:polyvirt|process)_\w+)", _DOC.read_text())}
        self.assertEqual(families - told, set(), "served, but docs/metrics.md does not tell")
        self.assertEqual({name for name in told - families
                          if not re.search("_(bucket|count|sum)$", name)}, set(), "told, but not served")


def expressions(node):
    """Every query of a dashboard."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr" or (key == "query" and str(value).startswith("label_values")):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for one in node:
            yield from expressions(one)


class MetricsOnAUnixSocket(MetricsCase):
    further = "  max_domains: 1\n  mode: 0600\n"

    def make_subject(self):
        self.listen = str(self.folder / "metrics.sock")
        return super().make_subject()

    def test_it_is_there_with_its_mode_and_goes_with_the_daemon(self):
        path = self.folder / "metrics.sock"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        for label in ("one", "two"):
            self.defined_guest(label)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(settings.PATIENCE)
            client.connect(str(path))
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        head, _, body = answer.decode().partition("\r\n\r\n")
        self.assertIn("200 OK", head)
        page = scrape.parse(body)
        self.assertEqual(len(page.values("polyvirt_domain_info")), 1)
        self.assertEqual(page.value("polyvirt_domains_omitted"), 1)
        self.subject.stop()
        self.assertFalse(path.exists())


class MetricsOfAClientThatDoesNotRead(MetricsCase):
    further = "limits:\n  max_in_flight: 1\n  max_queued: 1\n  max_event_bytes: 1KiB\n"

    def test_it_is_cut_off_and_counted(self):
        guest = self.paused_guest()
        client = self.raw()
        client.open()
        dom = client.call("domain_lookup_by_name", name=guest.name)["dom"]
        with StuckGuest(guest):
            # One runs, one waits, the others are answered "busy", which nobody reads.
            packet = client.packet("domain_resume", dom=dom)
            for _ in range(100_000):
                if not client.send(packet):
                    break
            else:
                self.fail("the client may leave everything unread")
            cut = wait.until(lambda: self.page().value("polyvirt_clients_cut_off_total", server="polyvirtd"),
                             "the client to be counted")
        self.assertEqual(cut, 1)


class MetricsOfADriverThatStorms(StuckCase, MetricsCase):
    STORM = 20_000
    further = "events: {max_queued_bytes: 1KiB}\n"   # three events or so

    def numbers(self, client, count):
        """The numbers in their storm of the next events."""
        for _ in range(count):
            while True:
                packet = client.arrived.popleft() if client.arrived else client.read()
                if packet.type == MESSAGE and packet.prog != KEEPALIVE:
                    break
            yield struct.unpack(">i", packet.payload[-4:])[0]

    def quiet_page(self):
        page = self.page()
        return page if page.value("polyvirt_plugin_event_bytes", plugin="t_stuck", instance="default") == 0 else None

    def test_what_it_loses_is_counted_and_told(self):
        listener, actor = self.client(), self.client()
        listener.call("connect_domain_event_callback_register_any", eventID=0, dom=None)
        dom = self.domain(actor, "d3")
        before = self.page().value("polyvirt_events_posted_total")
        actor.call("domain_set_memory", dom=dom, memory=self.STORM)
        page = wait.until(self.quiet_page, "the events to be handed on")
        lost = page.value("polyvirt_plugin_events_dropped_total", plugin="t_stuck", instance="default")
        taken = int(page.value("polyvirt_events_posted_total") - before)
        self.assertGreater(lost, 0)
        self.assertEqual(taken + lost, self.STORM)
        heard = list(self.numbers(listener, taken))
        self.assertEqual(heard, sorted(set(heard)))
        # It is over, and the next event is heard.
        actor.call("domain_set_memory", dom=dom, memory=1)
        self.assertEqual(list(self.numbers(listener, 1)), [0])
        log = self.subject.log_tail(400)
        self.assertEqual(len(re.findall(r"driver 't_stuck', instance 'default': events are being dropped", log)), 1)
        self.assertRegex(log, r"driver 't_stuck': its events are taken again; \d+ were dropped")


class MetricsElsewhere(AdminCase):
    def test_an_address_that_others_could_reach_is_refused(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the peer tells no metrics")
        program = settings.BUILD / "bin" / "polyvirtd"
        for address in ("0.0.0.0:9177", "9177", "[::]:9177", "192.0.2.1:80", "127.0.0.1:99999", "localhost"):
            config = self.folder / "wrong.yaml"
            config.write_text(f'metrics:\n  listen: "{address}"\n')
            done = subprocess.run([str(program), "--config", str(config), "--check-config"], text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=settings.PATIENCE)
            self.assertEqual(done.returncode, 1, address)
            self.assertIn("metrics.listen", done.stdout + done.stderr)


class FiguresOfGuests(SampleCase):
    """Processors, memory and time, which a driver tells of all its guests at once, while nobody waits for it."""

    config = 'metrics: {listen: "127.0.0.1:0", figures_age: 50ms}\n'
    NAMES = ("vcpus", "vcpus_max", "memory_bytes", "memory_max_bytes", "cpu_seconds_total")

    def setUp(self):
        super().setUp()
        self.url = wait.until(lambda: re.search(r"metrics are told on (\S+)", self.subject.log_tail()),
                              "the daemon to say where it tells metrics")[1]

    def page(self):
        with urllib.request.urlopen(self.url, timeout=settings.PATIENCE) as answer:
            return scrape.parse(answer.read().decode())

    def stats(self, **command):
        return self.tell({"do": "stats", **command})[0]

    def figures(self, name, page=None):
        page = page or self.page()
        labels = frozenset({"name": name, "uuid": self.uuids[name]}.items())
        return [page.values(f"polyvirt_domain_{which}").get(labels) for which in self.NAMES]

    def guests(self, count):
        """Handles; guest N has N processors and so on."""
        self.uuids = {f"g{n}": f"00000000-0000-0000-0000-{n:012x}" for n in range(count)}
        handles = self.publish_all([("domain", name, {"uuid": uuid, "id": n + 1, "state": 1, "attrs": ACTIVE})
                                    for n, (name, uuid) in enumerate(self.uuids.items())])
        self.stats(figures=[[handle, [["vcpu.current", n], ["vcpu.maximum", n + 1], ["balloon.current", 1024 * n],
                                      ["balloon.maximum", 2048 * n], ["cpu.time", n * 1_500_000_000]]]
                            for n, handle in enumerate(handles)])
        return handles

    def test_they_are_told_of_every_guest_for_one_question(self):
        self.guests(300)
        wait.until(lambda: self.figures("g299")[0] is not None, "the figures of the first question")
        page = self.page()
        for n in (0, 7, 299):
            self.assertEqual(self.figures(f"g{n}", page),
                             [n, n + 1, n * 1024 * 1024, n * 2048 * 1024, n * 1.5])
        self.assertLess(page.value("polyvirt_domain_figures_age_seconds", driver="sample"), settings.PATIENCE)
        asked = self.stats()
        scrapes = 20
        for _ in range(scrapes):
            self.page()
        self.assertLessEqual(self.stats() - asked, scrapes, "at most one question for a scrape, however many guests")

    def test_nobody_asks_when_nobody_scrapes(self):
        self.guests(3)
        asked = self.stats()
        wait.until(wait.after(0.3), "several times their age")
        self.assertEqual(self.stats(), asked)

    def test_what_a_driver_does_not_tell_is_left_out(self):
        handle, = self.guests(1)
        self.stats(figures=[[handle, [["vcpu.current", 4], ["something.else", 5]]]])
        wait.until(lambda: self.figures("g0")[0] == 4, "the new figures")
        self.assertEqual(self.figures("g0"), [4, None, None, None, None])

    def test_a_driver_that_hangs_is_asked_once_and_told_by_its_last_sample(self):
        handle, = self.guests(1)
        wait.until(lambda: self.figures("g0")[0] == 0, "the first figures")
        self.stats(hang=True, figures=[[handle, [["vcpu.current", 8]]]])
        before = self.stats()

        def asked_again():
            self.page()
            return self.stats() > before

        wait.until(asked_again, "the question that hangs")
        hanging = self.stats()
        ages = []
        for _ in range(20):
            page = self.page()
            self.assertEqual(self.figures("g0", page)[0], 0, "what it told last")
            ages.append(page.value("polyvirt_domain_figures_age_seconds", driver="sample"))
        self.assertEqual(ages, sorted(ages))
        self.assertEqual(self.stats(), hanging, "no second question beside the one that hangs")
        self.stats(hang=False)
        wait.until(lambda: self.figures("g0")[0] == 8, "the driver to be asked again")

    def test_a_question_that_hangs_does_not_hold_up_the_daemons_end(self):
        self.guests(1)
        self.stats(hang=True)
        before = self.stats()
        wait.until(lambda: (self.page(), self.stats() > before)[1], "the question that hangs")
        self.connection.close()
        self.assertEqual(self.subject.stop(), 0)
        self.assertNotIn("still", self.subject.log_tail())
