# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Plugins that break the contract (tests/plugins, tests/conform/verdicts.txt) beside one that keeps it: the daemon refuses
them or survives them, and the right one's clients go on. What nobody can survive in-process is said here too: a slot
that throws, hands out wild pointers or ends the process takes the daemon with it."""

from harness import settings, wait
from harness.stuck import StuckCase
from rawclient import Closed, WireError

PLUGINS = settings.BUILD / "tests" / "plugins"

# Refused with a reason, at load.
REFUSED = {"no_note": "it has no manifest", "bad_yaml": "manifest", "wrong_abi": "0.9", "need_missing": "host.teleport/1",
           "need_too_new": "host.call/1", "undefined_symbol": "nobody_has_this", "no_entry": "pv_plugin_entry_v1",
           "entry_null": "no such hardware here", "short_table": "24 bytes", "no_create": "'create'", "other_id": "t_other",
           "bad_concurrency": "concurrency 7"}
# They live; what is wrong with them harms them alone.
SURVIVED = ["exports_too_much", "busy_constructor", "refuses_newer_hosts", "busy_create", "lies_about_size", "answers_prefixes",
            "no_second_life", "global_state", "fails_silently", "error_and_success", "ignores_flags", "sleeps_in_prompt_op",
            "lock_over_service", "blocks_loop", "short_payload", "event_before_registry", "publishes_nonsense", "logs_nonsense",
            "writes_environment", "writes_umask", "writes_locale", "inherits_fd", "leaks_fd", "leaks_thread",
            # A call that is over leads nowhere: who uses it again is told of, once for each (Completions below).
            "completes_twice", "completes_cancelled", "touches_ended_call", "publishes_another", "odd_params"]
# No host can do anything about these in its own process: not survived, or survived by luck. The kit is what finds them.
# throws: terminates; reads_past_in: memory that is not theirs; releases_twice, probe_overflows: likewise;
# keeps_lock: the rank checks of test builds abort on purpose; never_completes, hangs: their calls hold up the end of the
# daemon until its deadline, as a driver's stuck call must.
NOT_SURVIVED = {"throws", "reads_past_in", "reads_past_table", "releases_twice", "probe_overflows",
                "trusts_malloc", "trusts_services", "needs_check", "keeps_lock", "never_completes", "hangs"}

LIFE, GOOD = "life:///default", "good:///default"


class WrongPlugins(StuckCase):
    starts = False

    def start_with(self, *names):
        folders = [PLUGINS / "t_good", *(PLUGINS / f"t_{name}" for name in names)]
        for folder in folders:
            self.assertTrue(list(folder.glob("*.so")), f"{folder} has no plugin")
        self.subject.options = ["--plugins", ":".join(map(str, folders))]
        self.subject.start()

    def check_the_good_one(self):
        """A new client of the right driver gets all of its answers."""
        client = self.client(GOOD)
        self.assertEqual(client.call("connect_get_type")["type"], "t_good")
        self.assertGreaterEqual(client.call("connect_num_of_domains")["num"], 0)
        client.close()

    def call_everything(self, client):
        """Every op of the wrong driver; what it answers does not matter, that the daemon lives does."""
        def tried(name, **arguments):
            try:
                return client.call(name, **arguments)
            except WireError:
                return None

        tried("connect_get_type")
        xml = "<domain type='life'><name>one</name></domain>"
        tried("domain_create_xml", xml_desc=xml, flags=0)
        tried("domain_create_xml", xml_desc=xml, flags=1 << 30)
        listed = tried("connect_list_all_domains", need_results=1, flags=0)
        for dom in listed["domains"] if listed else []:
            for name in ("domain_suspend", "domain_resume"):
                tried(name, dom=dom)
            tried("domain_get_info", dom=dom)
            tried("domain_reset", dom=dom, flags=0)
            tried("domain_destroy", dom=dom)

    def test_the_list_is_whole(self):
        table = settings.TREE / "tests" / "conform" / "verdicts.txt"
        names = {line.split(":")[0][2:] for line in table.read_text().splitlines() if line.startswith("t_")} - {"right"}
        self.assertEqual(names, set(REFUSED) | set(SURVIVED) | NOT_SURVIVED)

    def test_wrong_ones_are_refused_with_a_reason_and_the_right_one_serves(self):
        self.start_with(*REFUSED)
        for name, reason in REFUSED.items():
            wait.until(lambda: self.line_about(name), f"a line about t_{name} in the log")  # which is written by a thread of its own
            self.assertIn(reason, self.line_about(name))
        self.check_the_good_one()

    def line_about(self, name):
        return next((line for line in self.subject.log_text().splitlines() if f"t_{name}.so" in line), None)

    def test_living_ones_harm_themselves_alone(self):
        for name in SURVIVED:
            with self.subTest(name):
                self.start_with(name)
                bystander = self.client(GOOD)
                client = self.client(LIFE)
                self.call_everything(client)
                client.close()
                self.assertEqual(bystander.call("connect_get_type")["type"], "t_good")
                bystander.close()
                self.check_the_good_one()
                self.assertEqual(self.subject.stop(), 0, self.subject.log_tail())
                self.subject.empty_run_folder()

    def test_a_call_that_is_over_is_told_of_and_nothing_more(self):
        """Many times: each call's memory has long been another call's by then."""
        self.start_with("completes_twice")
        client = self.client(LIFE)
        client.call("domain_create_xml", xml_desc="<domain type='life'><name>one</name></domain>", flags=0)
        dom = client.call("connect_list_all_domains", need_results=1, flags=0)["domains"][0]
        for _ in range(300):
            client.call("domain_resume", dom=dom)
        self.assertEqual(client.call("domain_get_info", dom=dom)["state"], 1)
        self.check_the_good_one()
        told = "driver 't_life': call.complete for a call"
        wait.until(lambda: told in self.subject.log_text(), "the log to name the driver")
        lines = [line for line in self.subject.log_text().splitlines() if told in line]
        self.assertLessEqual(len(lines), 300)
        self.assertEqual(self.subject.stop(), 0, self.subject.log_tail())

    def test_parameters_that_the_spec_does_not_have_are_told_who_asks(self):
        self.subject.configure("log: {filters: ['1:params']}\n")
        self.start_with("odd_params")
        client = self.client(LIFE)
        client.call("domain_create_xml", xml_desc="<domain type='life'><name>one</name></domain>", flags=0)
        dom = client.call("connect_list_all_domains", need_results=1, flags=0)["domains"][0]
        for _ in range(2):
            client.call("domain_get_perf_events", dom=dom, flags=0)
        told = "driver 't_life', dom_stats.perf_events: parameter"
        wait.until(lambda: self.subject.log_text().count(told) == 2, "each mistake in the log, once")
        self.assert_logged("parameter 'no_such_event' is unknown (rule R26")
        self.assert_logged("parameter 'cpu_cycles' is string, expected boolean (rule R26")

    def test_one_that_hangs_holds_up_only_its_own_call(self):
        self.start_with("hangs")
        client = self.client(LIFE)
        client.call("domain_create_xml", xml_desc="<domain type='life'><name>one</name></domain>", flags=0)
        dom = client.call("connect_list_all_domains", need_results=1, flags=0)["domains"][0]
        client.start("domain_suspend", dom=dom)
        self.check_the_good_one()
        self.assertEqual(self.client(LIFE).call("connect_get_type")["type"], "LIFE")
        self.subject.kill()

    def test_one_that_throws_ends_the_daemon_and_a_new_one_serves(self):
        self.start_with("throws")
        client = self.client("throws:///default")
        with self.assertRaises((Closed, OSError)):
            client.call("connect_get_version")
        self.subject.process.wait(60)
        self.subject.start()
        self.check_the_good_one()
