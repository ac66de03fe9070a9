# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""`polyvirt policy`: trying a policy out, with a file and with the running daemon; and every permission of the
tables by raw calls."""

from harness import identities, settings
from harness.tools import AdminCase
from rawclient import RawClient
import wire

_POLICY = """default: deny
rules:
  - {name: root, allow: "*", who: {uid: 0}}
  - name: web
    allow: [domain.start, domain.stop]
    who: {uid: 65534}
    on: {name: "web-*"}
"""
_DENIED = 88


class PolicyCase(AdminCase):
    policy = _POLICY

    def setUp(self):
        identities.need_root()
        if settings.SUBJECT != "polyvirtd":
            self.skipTest("the form of the policy is polyvirtd's own")
        super().setUp()
        self.file = self.subject.root / "root" / "etc" / "polyvirt" / "policy.yaml"
        self.file.write_text(self.policy)
        self.subject.stop()
        self.subject.start()
        identities.open_to_all(self.subject)


class Command(PolicyCase):
    def test_daemon_says_which_rule_decides(self):
        self.assertEqual(self.polyvirt("policy", "test", "root", "domain.start", "db-1").strip(),
                         f"allowed: rule 'root' ({self.file}:3)")
        self.assertEqual(self.polyvirt("policy", "test", "nobody", "domain.start", "web-1").strip(),
                         f"allowed: rule 'web' ({self.file}:4)")
        self.assertEqual(self.polyvirt("policy", "test", "nobody", "domain.start", "db-1").strip(),
                         f"denied: the default ({self.file}:1)")
        self.assertEqual(self.polyvirt_json("policy", "test", "sasl:bob", "domain.start", "web-1"),
                         {"allowed": False, "why": f"the default ({self.file}:1)"})

    def test_file_is_asked_without_a_daemon(self):
        other = self.folder / "other.yaml"
        other.write_text("default: allow\n")
        self.subject.stop()
        self.assertEqual(self.polyvirt("policy", "test", "--file", str(other), "nobody", "domain.start", "db-1").strip(),
                         f"allowed: the default ({other}:1)")
        self.subject.start()

    def test_mistakes_are_told_with_their_place(self):
        wrong = self.folder / "wrong.yaml"
        wrong.write_text("default: deny\nrules: [{name: a, allow: domain.strat}]\n")
        said = self.polyvirt_fails("policy", "check", str(wrong))
        self.assertIn(f"error: {wrong}:2:26: unknown permission 'domain.strat', did you mean 'domain.start'?", said)
        self.assertIn("did you mean 'domain.start'", self.polyvirt_fails("policy", "test", "root", "domain.strat"))
        self.assertIn("there is no user", self.polyvirt_fails("policy", "test", "no-such-user", "domain.start"))

    def test_right_file_is_summed_up(self):
        self.assertEqual(self.polyvirt("policy", "check", str(self.file)).strip(), f"{self.file}: 2 rules, default deny")


def zero(codec):
    """The least value that the wire's type has."""
    if isinstance(codec, wire.Number):
        return 0
    if isinstance(codec, wire.Bytes):
        return ("" if codec.text else b"") if codec.counted else bytes(codec.limit)
    if isinstance(codec, wire.Items):
        return [] if codec.counted else [zero(codec.item)] * codec.limit
    if isinstance(codec, wire.Optional):
        return None
    return {name: zero(field) for name, field in codec.fields}


def permission_of(entry):
    return entry["perm"] if isinstance(entry, dict) else entry


class EveryProcedure(PolicyCase):
    """One group of users for each permission, which may do all but that."""

    counts_as_test = False
    _FIRST_GROUP = 20_000

    def setUp(self):
        self.tables = wire.Tables(settings.TABLES)
        self.needs = {}  # permission -> [(program, procedure, arguments that make it needed)]
        for program in ("remote", "qemu", "lxc"):
            for entry in self.procedures(program):
                for rule in entry.get("acl") or [] if entry.get("acl") != "unknown" else []:
                    when = rule.get("when") if isinstance(rule, dict) else None
                    self.needs.setdefault(permission_of(rule), []).append((program, entry, when))
        self.permissions = sorted(self.needs)
        rules = [f"  - {{name: not-{p}, deny: {p}, who: {{gid: {self._FIRST_GROUP + i}}}}}"
                 for i, p in enumerate(self.permissions)]
        self.policy = "default: allow\nrules:\n" + "\n".join(rules) + "\n"
        super().setUp()

    @staticmethod
    def procedures(program):
        import yaml
        document = yaml.safe_load((settings.TABLES / f"{program}.yaml").read_text())
        return [entry for entry in document["procedures"] + document.get("newer", []) if entry["role"] == "call"]

    def constant(self, name):
        import yaml
        if not hasattr(self, "constants"):
            document = yaml.safe_load((settings.TABLES / "constants.yaml").read_text())
            self.constants = dict(document["numbers"])
            for enum in document["enums"].values():
                self.constants.update(enum["values"])
        return name if isinstance(name, int) else self.constants[name]

    def arguments(self, procedure, when):
        """Zeros, but for what makes the condition hold."""
        codec = procedure.program.struct(procedure.entry["args"])
        values = {name: zero(kind) for name, kind in codec.fields}
        if when and "equals" in when:
            values[when["arg"]] = self.constant(when["equals"])
        elif when and "flags_none" not in when:
            values["flags"] = sum(self.constant(n) for n in next(iter(when.values())))
        return values

    def test_is_refused_without_each_of_its_permissions(self):
        refused = 0
        for i, permission in enumerate(self.permissions):
            with identities.as_user(65534, groups=[self._FIRST_GROUP + i]):
                client = RawClient(self.subject.socket(), self.tables, settings.PATIENCE)
            self.addCleanup(client.close)
            if permission == "connect.getattr":
                client.call("auth_list")  # it cannot open: connect_open is one of those refused
            else:
                client.open()
            for program, entry, when in self.needs[permission]:
                procedure = self.tables.program(program).call(entry["name"])
                packet = client.packet(entry["name"], program, **self.arguments(procedure, when))
                if permission == "connect.getattr" and entry["name"] != "connect_open":
                    continue  # needs the connection that is refused
                with self.subTest(permission=permission, procedure=entry["name"]):
                    error = client.refusal(packet)
                    self.assertEqual((error["code"], f"rule 'not-{permission}' denies" in error["message"]),
                                     (_DENIED, True), error["message"])
                    refused += 1
            client.close()
        self.assertGreater(refused, 400)
