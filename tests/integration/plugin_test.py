# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Which plugins are loaded, what a client is told of those that are not, and `polyvirt plugin` on a daemon that serves
(docs/plugins.md). The peer has nothing like it."""

import os
import re
import shutil
import signal
import subprocess
import threading

from harness import settings, wait
from harness.case import plain_environment
from harness.tools import AdminCase
from rawclient import Closed, RawClient, WireError
import wire

_BUILT = settings.BUILD / "tests" / "plugins"
_NO_CONNECT = 5


class PluginCase(AdminCase):
    # The plugins' operations do nothing, so having called them proves nothing of a procedure.
    counts_as_test = False
    starts = False
    installed = ()

    def setUp(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the peer has no such plugins")
        self.tables = wire.Tables(settings.TABLES)
        super().setUp()
        self.plugins = self.folder / "plugins"
        self.plugins.mkdir(mode=0o755)
        self.subject.options += ["--plugins", str(self.plugins)]
        for name in self.installed:
            self.install(name)

    def install(self, name, as_name=None):
        """Puts a test plugin into the daemon's folder, as a package manager does: beside, then renamed."""
        path = self.plugins / f"{as_name or name}.so"
        shutil.copyfile(_BUILT / name / f"{name}.so", f"{path}.new")
        os.chmod(f"{path}.new", 0o644)
        os.rename(f"{path}.new", path)
        return path

    def rows(self):
        return {row["id"]: row for row in self.polyvirt_json("plugin", "list")}

    def states(self):
        return {name: row["state"] for name, row in self.rows().items()}

    def client(self, uri):
        """A raw client with an open connection."""
        made = RawClient(self.subject.socket(), self.tables, settings.PATIENCE)
        self.addCleanup(made.close)
        return made.open(uri)

    def virsh_on(self, scheme, *words):
        """What virsh says on SCHEME:///default: (exit code, output, complaint)."""
        done = subprocess.run(["virsh", "-c", f"{scheme}+unix:///default?socket={self.subject.socket()}", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=plain_environment(),
                              timeout=settings.PATIENCE)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def assert_served(self, scheme):
        code, _, complaint = self.virsh_on(scheme, "uri")
        self.assertEqual((code, complaint), (0, ""))

    def assert_told(self, scheme, reason):
        code, _, complaint = self.virsh_on(scheme, "uri")
        self.assertEqual(code, 1)
        self.assertIn(f"no connection driver available for {scheme}:///default: {reason}", complaint)

    def run_daemon(self, *words):
        """Runs it until it ends by itself: (exit code, what it logged)."""
        done = subprocess.run([*self.subject.command(), *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=plain_environment(), timeout=settings.PATIENCE)
        return done.returncode, done.stdout + done.stderr


class Command(PluginCase):
    installed = ("t_good", "t_moody", "t_stuck", "t_wrong_abi")

    def setUp(self):
        super().setUp()
        self.subject.configure("drain_time: 100ms\n")
        self.subject.start()

    def test_list_says_what_there_is_and_what_runs(self):
        stuck = self.client("stuck:///default")
        hanging = stuck.start("domain_suspend", dom=stuck.call("domain_lookup_by_name", name="d0")["dom"])
        in_flight = wait.until(lambda: self.rows()["t_stuck"]["instances"][0]["calls_in_flight"], "a call in flight")
        self.assertEqual(in_flight, 1)
        rows = self.rows()
        self.assertEqual({name: row["state"] for name, row in rows.items()},
                         {"t_good": "running", "t_moody": "running", "t_stuck": "running", "t_wrong_abi": "refused"})
        row = rows["t_stuck"]
        self.assertEqual((row["version"], row["file"], row["uri"], row["kinds"], row["reason"]),
                         ("1", str(self.plugins / "t_stuck.so"), ["stuck"], ["domain", "pool", "volume"], ""))
        instance, = row["instances"]
        self.assertEqual({key: instance[key] for key in ("uri", "state", "objects")},
                         {"uri": "stuck:///default", "state": "running", "objects": 18})
        text = self.polyvirt("plugin", "list")
        self.assertRegex(text, r"t_stuck +1 +running +stuck +domain, pool, volume +1 +18 +1 +/")
        self.assertIn("t_wrong_abi: plugin " + str(self.plugins / "t_wrong_abi.so") +
                      ": it needs plugin ABI 0.9, this daemon offers 0.", text)
        other = self.client("stuck:///default")
        other.call("domain_abort_job", dom=other.call("domain_lookup_by_name", name="d0")["dom"])
        stuck.reply_to(hanging)

    def test_inspect_knows_plugins_and_files(self):
        facts = self.polyvirt_json("plugin", "inspect", "t_stuck")
        self.assertEqual((facts["id"], facts["state"], facts["abi"], facts["loads"]), ("t_stuck", "running", "0.1", True))
        self.assertIn("pv.dom.lifecycle/1", facts["provides"])
        self.assertIn("host.stream/1", facts["needs"])
        digest = subprocess.run(["sha256sum", facts["file"]], check=True, capture_output=True, text=True).stdout.split()[0]
        self.assertEqual(facts["sha256"], digest)
        text = self.polyvirt("plugin", "inspect", str(_BUILT / "t_need_too_new" / "t_need_too_new.so"))
        self.assertRegex(text, r"services +host\.call/1>=4096\n")
        self.assertRegex(text, r"would load +no: .*'host.call/1' of size 4096 at least, this daemon offers size \d+")
        self.assertIn("there is no plugin 'nix'", self.polyvirt_fails("plugin", "inspect", "nix"))

    def test_a_disabled_plugin_says_so_until_it_is_enabled(self):
        self.assertEqual(self.polyvirt("plugin", "disable", "t_moody"),
                         "t_moody: disabled: an administrator disabled it\n")
        self.assert_told("moody", "plugin 't_moody' is disabled: an administrator disabled it")
        self.assert_served("good")
        self.subject.stop()
        self.subject.start()
        self.assert_told("moody", "plugin 't_moody' is disabled")
        self.assertEqual(self.polyvirt("plugin", "enable", "t_moody"), "t_moody: running\n")
        self.assert_served("moody")
        self.subject.stop()
        self.subject.start()
        self.assert_served("moody")

    def test_for_now_only_is_forgotten_by_the_next_start(self):
        self.polyvirt("plugin", "disable", "--now-only", "t_moody")
        self.assertEqual(self.states()["t_moody"], "disabled")
        self.subject.stop()
        self.subject.start()
        self.assertEqual(self.states()["t_moody"], "running")

    def test_connections_hold_a_plugin_unless_forced(self):
        client, other = self.client("good:///default"), self.client("stuck:///default")
        self.assertIn("plugin 't_good' is in use by 1 connections", self.polyvirt_fails("plugin", "disable", "t_good"))
        self.assertEqual(client.call("connect_get_uri")["uri"], "good:///default")
        self.polyvirt("plugin", "disable", "--force", "t_good")
        with self.assertRaises(Closed):
            client.call("connect_get_uri")
        other.call("domain_lookup_by_name", name="d0")
        self.assert_logged_like(r"t_good: an administrator disables it; 1 connections are closed")

    def test_an_administrators_leaving_is_not_a_clients(self):
        def uris():
            return sorted(row["uri"] for row in self.rows()["t_good"]["instances"])

        with_it = sorted(uris() + ["good:///mine"])
        client = self.client("good:///mine")  # an instance for this connection
        for _ in range(3):  # connections of the admin socket, which have numbers of their own
            self.assertEqual(uris(), with_it)
        client.call("connect_get_uri")
        client.close()
        wait.until(lambda: uris() != with_it, "the connection's instance to be gone")

    def test_reads_that_hang_end_with_their_connection(self):
        client = self.client("stuck:///default")
        domain = client.call("domain_lookup_by_name", name="d0")["dom"]
        client.start("domain_get_time", dom=domain, flags=0)
        wait.until(lambda: self.rows()["t_stuck"]["instances"][0]["calls_in_flight"], "a call in flight")
        self.polyvirt("plugin", "disable", "--force", "--wait", "600", "t_stuck")
        self.assertEqual(self.states()["t_stuck"], "disabled")
        self.polyvirt("plugin", "enable", "t_stuck")
        self.assert_served("stuck")

    def test_calls_that_hang_leave_it_stuck_until_they_end(self):
        client = self.client("stuck:///default")
        domain = client.call("domain_lookup_by_name", name="d0")["dom"]
        client.start("domain_suspend", dom=domain)
        wait.until(lambda: self.rows()["t_stuck"]["instances"][0]["calls_in_flight"], "a call in flight")
        complaint = self.polyvirt_fails("plugin", "disable", "--force", "--wait", "0", "t_stuck")
        self.assertIn("has not ended: something of it is still in use", complaint)
        self.assertEqual(self.states()["t_stuck"], "stuck")
        self.assertIn("cannot be enabled", self.polyvirt_fails("plugin", "enable", "t_stuck"))
        self.assert_told("stuck", "plugin 't_stuck' is stuck")
        self.assert_served("good")
        self.assertEqual(self.subject.stop(), 0)

    def test_a_new_file_is_enabled_and_one_that_replaces_it_is_another_version(self):
        self.polyvirt("plugin", "disable", "t_moody")
        self.install("t_moody_v2", "t_moody")
        self.polyvirt("plugin", "enable", "t_moody")
        self.assertEqual(self.rows()["t_moody"]["version"], "2")
        self.install("t_moody_net_a")
        self.assertNotIn("t_net_a", self.states())
        self.polyvirt("plugin", "enable", "t_net_a")
        self.assert_served("neta")
        self.assertIn("there is no plugin 't_nix' in " + str(self.plugins), self.polyvirt_fails("plugin", "enable", "t_nix"))

    def test_wrong_arguments_are_told(self):
        for arguments, expected in (('{}', "argument 'name' is missing"),
                                    ('{"name": 7}', "argument 'name' is number, expected a text"),
                                    ('{"name": "t_good", "force": 1}', "argument 'force' is number, expected true or false"),
                                    ('{"name": "t_good", "now": true}', "unknown argument 'now'")):
            self.assertIn(expected, self.polyvirt_fails("call", "plugin disable", arguments))
        self.assertEqual(self.states()["t_good"], "running")


class UnderLoad(PluginCase):
    installed = ("t_good", "t_stuck")
    CLIENTS, ROUNDS = 32, 6

    def work(self, number):
        """Half of the clients call a plugin that stays, half one that comes and goes."""
        try:
            while not self.over.is_set():
                with RawClient(self.subject.socket(), self.tables, settings.PATIENCE) as client:
                    if number % 2:
                        self.call_the_one_that_stays(client)
                    else:
                        self.call_the_one_that_goes(client, number)
        except BaseException as error:  # in a thread: told by the case
            self.broken.append(f"client {number}: {error!r}")

    def call_the_one_that_stays(self, client):
        client.open("stuck:///default")
        domain = client.call("domain_lookup_by_name", name="d1")["dom"]
        for _ in range(20):
            client.call("domain_resume", dom=domain)
            client.call("domain_shutdown", dom=domain)

    def call_the_one_that_goes(self, client, number):
        try:
            client.open("good:///default")
            for call in range(20):
                made = client.call("domain_create_xml", xml_desc=f"{number:02}-{call:03}-{os.urandom(8).hex()}", flags=0)
                client.call("domain_suspend", dom=made["dom"])
                client.call("domain_destroy", dom=made["dom"])
                self.answered += 1
        except (Closed, ConnectionError):
            pass  # what force does
        except WireError as error:
            if not re.search("is disabled|is being stopped|is ending", error.message):
                raise

    def test_disabling_and_enabling_harms_nobody_else(self):
        self.subject.start()
        self.over, self.broken, self.answered = threading.Event(), [], 0
        threads = [threading.Thread(target=self.work, args=(number,)) for number in range(self.CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(self.ROUNDS):
                before = self.answered
                wait.until(lambda: self.answered > before or self.broken, "calls to be answered")
                self.polyvirt("plugin", "disable", "--force", "--wait", "600", "t_good")
                self.assertEqual(self.states(), {"t_good": "disabled", "t_stuck": "running"})
                self.polyvirt("plugin", "enable", "t_good")
        finally:
            self.over.set()
            for thread in threads:
                thread.join(settings.PATIENCE)
        self.assertEqual(self.broken, [])
        self.assert_served("good")
        self.assertEqual(self.subject.stop(), 0)


class Reconfigured(PluginCase):
    """SIGHUP: the configuration is read again, and each plugin that wants to is told."""

    installed = ("t_good", "t_moody")

    def reload(self, mood, wanted):
        """Another mood; the log's lines from then on, when `wanted` is there."""
        self.subject.configure(f"plugins: {{t_moody: {{mood: {mood}}}}}\n")
        before = len(self.subject.log_text())
        os.kill(self.subject.pid, signal.SIGHUP)
        wait.until(lambda: wanted in self.subject.log_text()[before:], f"'{wanted}' in the log")
        return self.subject.log_text()[before:]

    def test_plugins_take_a_changed_configuration(self):
        self.subject.configure("plugins: {t_moody: {mood: quiet}}\n")
        self.subject.start()
        client = self.client("moody:///mine")  # instances of clients are told as well
        told = self.reload("cheerful", "instance 'mine': has read its configuration again")
        wait.until(lambda: self.subject.log_text().count("in the mood for 'cheerful'") == 2, "both instances to read it")
        self.assert_logged("plugins.t_moody.mood: changed; its plugin is told")
        wait.until(lambda: re.search(r"driver 't_good', instance '\w+': reads its configuration when it starts next",
                                     self.subject.log_text()), "a line about the one that cannot")
        self.assertNotIn("does not take", told)
        client.call("connect_get_uri")

    def test_one_that_cannot_goes_on_as_it_was(self):
        self.subject.configure("plugins: {t_moody: {mood: quiet}}\n")
        self.subject.start()
        told = self.reload("fail-in-reload", "does not take the changed configuration")
        self.assertIn("in the mood for 'quiet'", told)
        self.assertRegex(told, r"error plugin: driver 't_moody', instance 'default': does not take the changed configuration "
                               r"and goes on with the old one: .*not in the mood for changes")
        self.assertEqual(self.states(), {"t_good": "running", "t_moody": "running"})
        self.assert_served("moody")
        self.reload("sad", "in the mood for 'sad'")

    def test_a_wrong_configuration_is_nobodys_business(self):
        self.subject.configure("plugins: {t_moody: {mood: quiet}}\n")
        self.subject.start()
        self.subject.configure("plugins: {t_moody: {mood: sad}}\nno_such_setting: 1\n")
        os.kill(self.subject.pid, signal.SIGHUP)
        wait.until(lambda: "everything stays as it was" in self.subject.log_text(), "the mistake in the log")
        self.reload("cheerful", "in the mood for 'cheerful'")
        self.assertNotIn("in the mood for 'sad'", self.subject.log_text())


class Start(PluginCase):
    def test_who_crashes_is_left_out_after_three_times(self):
        self.install("t_good")
        self.install("t_moody")
        config = self.subject.configure("plugins: {t_moody: {mood: abort-in-create}}\n")
        for _ in range(3):
            code, _ = self.run_daemon()
            self.assertEqual(code, -6)
        self.subject.start()
        self.assertEqual(self.states(), {"t_good": "running", "t_moody": "crashed"})
        self.assert_served("good")
        self.assert_told("moody", "plugin 't_moody' is crashed: the daemon crashed 3 times in a row while it was starting "
                                  "this plugin")
        self.assert_logged_like(r"error plugin: plugin t_moody \(crashed\): the daemon crashed 3 times")
        self.subject.stop()
        config.write_text("")
        self.subject.start()
        self.assertEqual(self.states()["t_moody"], "crashed")
        self.polyvirt("plugin", "enable", "t_moody")
        self.assert_served("moody")
        self.subject.stop()
        self.subject.start()
        self.assertEqual(self.states()["t_moody"], "running")

    def test_who_crashes_when_a_client_comes_is_left_out_after_three_times(self):
        """Its start is well; what ends the daemon is an instance that a client's open makes."""
        self.install("t_good")
        self.install("t_moody")
        self.subject.configure("plugins: {t_moody: {mood: abort-for-client}}\n")
        for _ in range(3):
            self.subject.start()
            self.assertEqual(self.states(), {"t_good": "running", "t_moody": "running"})
            with self.assertRaises((Closed, OSError)):
                self.client("moody:///mine")
            self.subject.process.wait(settings.PATIENCE)
        self.subject.start()
        self.assertEqual(self.states(), {"t_good": "running", "t_moody": "crashed"})
        self.assert_served("good")
        self.assert_told("moody", "plugin 't_moody' is crashed: the daemon crashed 3 times in a row while it was opening this "
                                  "plugin for a client")
        self.subject.stop()
        self.subject.configure("")
        self.subject.start()
        self.assertEqual(self.states()["t_moody"], "crashed")
        self.polyvirt("plugin", "enable", "t_moody")
        self.client("moody:///mine").call("connect_get_uri")

    def test_opens_that_crash_count_only_in_a_row(self):
        self.install("t_moody")
        mood = "plugins: {t_moody: {mood: abort-for-client}}\n"
        for ends_well in (False, False, True, False, False):
            self.subject.configure("" if ends_well else mood)
            self.subject.start()
            if ends_well:
                self.client("moody:///mine").call("connect_get_uri")
                self.assertEqual(self.subject.stop(), 0)
                continue
            with self.assertRaises((Closed, OSError)):
                self.client("moody:///mine")
            self.subject.process.wait(settings.PATIENCE)
        self.subject.configure("")
        self.subject.start()
        self.assertEqual(self.states(), {"t_moody": "running"})

    def test_one_that_fails_leaves_the_others_and_tells_why(self):
        self.install("t_good")
        self.install("t_moody")
        self.subject.configure("plugins: {t_moody: {mood: fail-in-start}}\n")
        self.subject.start()
        self.assertEqual(self.states(), {"t_good": "running", "t_moody": "failed"})
        code, _, complaint = self.virsh_on("moody", "uri")
        self.assertEqual(code, 1)
        self.assertIn("not in the mood", complaint)
        self.assert_served("good")

    def test_required_plugins_must_run(self):
        self.install("t_moody")
        self.subject.configure("loading: {required: [t_moody, 't_absent*']}\nplugins: {t_moody: {mood: fail-in-start}}\n")
        code, log = self.run_daemon()
        self.assertEqual(code, 1)
        self.assertRegex(log, r"required plugins \(loading.required\) do not run: 't_moody' \(failed: .*not in the mood\), "
                              r"'t_absent\*' \(no file of that name is in the folders\)")

    def test_optional_plugins_may_fail_in_silence(self):
        self.install("t_wrong_abi")
        self.install("t_moody")
        self.subject.configure("loading: {optional: ['t_*', t_absent]}\nplugins: {t_moody: {mood: fail-in-start}}\n")
        self.subject.start()
        self.assertEqual(self.states(), {"t_wrong_abi": "refused", "t_moody": "failed"})
        self.assertNotIn("error plugin", self.subject.log_text())

    def test_allow_deny_and_safe_mode(self):
        for name in ("t_good", "t_moody", "t_stuck"):
            self.install(name)
        self.subject.configure("loading: {allow: [t_good, 't_m*', t_stuck], deny: [t_stuck]}\n")
        self.subject.start()
        self.assertEqual(self.states(), {"t_good": "running", "t_moody": "running", "t_stuck": "denied"})
        self.assert_told("stuck", "plugin 't_stuck' is denied: 't_stuck' of loading.deny denies it")
        self.subject.stop()
        self.subject.options.append("--safe-mode")
        self.subject.start()
        self.assertEqual(self.states(), {"t_good": "left out", "t_moody": "left out", "t_stuck": "denied"})
        self.polyvirt("plugin", "enable", "t_moody")
        self.assert_served("moody")
        self.subject.stop()
        self.subject.options[-1:] = ["--only", "t_good"]
        self.subject.start()
        self.assertEqual(self.states(), {"t_good": "running", "t_moody": "left out", "t_stuck": "denied"})

    def test_providers_schemes_and_circles(self):
        for name in ("t_moody", "t_moody_twin", "t_moody_net_a", "t_moody_net_b", "t_moody_circle_a", "t_moody_circle_b"):
            self.install(name)
        self.subject.start()
        rows = self.rows()
        self.assertEqual({name for name, row in rows.items() if row["state"] == "running"}, {"t_moody", "t_net_a"})
        self.assertIn("both 't_moody' and 't_twin' serve URIs moody:; loading.schemes must choose one",
                      rows["t_twin"]["reason"])
        self.assertIn("both 't_net_a' and 't_net_b' serve objects of kind network; loading.providers must choose one",
                      rows["t_net_b"]["reason"])
        for name in ("t_circle_a", "t_circle_b"):
            self.assertRegex(rows[name]["reason"], "'t_circle_a' uses secret of 't_circle_b'")
        self.subject.stop()
        self.subject.configure("loading: {schemes: [moody=t_twin], providers: [network=t_net_b]}\n")
        self.subject.start()
        self.assertEqual({name for name, state in self.states().items() if state == "running"},
                         {"t_moody", "t_twin", "t_net_a", "t_net_b"})
        client = self.client("moody:///default")
        self.assertIn("plugin 't_twin' is in use by 1 connections", self.polyvirt_fails("plugin", "disable", "t_twin"))
        self.polyvirt("plugin", "disable", "t_moody")
        client.call("connect_get_uri")

    def test_wrong_settings_are_told(self):
        self.subject.configure("loading: {providers: [house=x], schemes: [x], deny: ['a b'], crash_limit: -1}\n")
        code, log = self.run_daemon("--check-config")
        self.assertEqual(code, 1)
        self.assertIn("loading.providers: found 'house=x', expected KIND=PLUGIN", log)
        self.assertIn("loading.schemes: found 'x', expected SCHEME=PLUGIN", log)
        self.assertIn("loading.deny: found 'a b', expected the name of a plugin", log)
        self.assertIn("loading.crash_limit: found '-1'", log)

    def test_files_that_others_may_write_are_refused(self):
        path = self.install("t_good")
        path.chmod(0o664)
        self.subject.start()
        self.assertIn("the file may be written by its group or by others (mode 0664)", self.rows()["t_good"]["reason"])
        self.assert_told("good", "plugin 't_good' is refused")
        path.chmod(0o644)
        self.polyvirt("plugin", "enable", "t_good")
        self.assert_served("good")

    def test_folders_are_looked_at_in_order(self):
        self.install("t_moody")
        site = self.folder / "site"
        site.mkdir(mode=0o755)
        shutil.copyfile(_BUILT / "t_moody_v2" / "t_moody_v2.so", site / "x.so")
        self.subject.options.clear()
        self.subject.configure(f"loading: {{folders: [{site}, {self.plugins}, {self.folder}/absent]}}\n")
        self.subject.start()
        rows = self.polyvirt_json("plugin", "list")
        self.assertEqual([(row["version"], row["state"]) for row in rows], [("2", "running"), ("1", "refused")])
        self.assertIn(f"is there already, {site}/x.so", rows[1]["reason"])
        self.assert_logged(f"plugin folder '{self.folder}/absent' is skipped")

    def test_roots_environment_does_not_name_folders(self):
        if os.geteuid() != 0:
            self.skipTest("is about a daemon of root's")
        self.install("t_good")
        self.subject.options[:] = ["--plugins", str(self.folder)]
        self.subject.environment["POLYVIRT_PLUGINS"] = str(self.plugins)
        self.subject.start()
        self.assertEqual(self.states(), {})
        self.assert_logged("POLYVIRT_PLUGINS is ignored")

    def test_files_are_inspected_without_a_daemon(self):
        text = self.polyvirt("plugin", "inspect", str(_BUILT / "t_good" / "t_good.so"))
        self.assertRegex(text, r"name +t_good\n")
        self.assertRegex(text, r"would load +yes\n")
        text = self.polyvirt("plugin", "inspect", str(_BUILT / "t_undefined_symbol" / "t_undefined_symbol.so"))
        self.assertRegex(text, r"name +t_undefined_symbol\n")
        self.assertIn("it has no manifest", self.polyvirt_fails("plugin", "inspect", str(_BUILT / "t_no_note" / "t_no_note.so")))
        self.assertIn("not a regular file", self.polyvirt_fails("plugin", "inspect", "/dev/null"))
