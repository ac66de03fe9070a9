# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Every flag of every ListAll call, against a model of what it means: objects with all combinations of
facts are published, and each list must have exactly those that the model chooses."""

import itertools
import random

import libvirt

from harness import settings
from harness.sample import (ACTIVE, AUTOSTART, DISK_ONLY, EPHEMERAL, EXTERNAL, HAS_CHECKPOINT,
                            HAS_SNAPSHOT, MANAGED_SAVE, METADATA, PERSISTENT, PRIVATE, RUNNING,
                            SampleCase)
from wire import load

# Of every kind: group -> {flag: what an object must be}. A flag is named as in the tables without
# its prefix; an object is the dict of its facts.
def has(bit):
    return lambda o: o["attrs"] & bit != 0


def lacks(bit):
    return lambda o: o["attrs"] & bit == 0


def pair(yes, no, bit):
    return {yes: has(bit), no: lacks(bit)}


def in_state(*numbers):
    return lambda o: o["state"] in numbers


def not_in_state(*numbers):
    return lambda o: o["state"] not in numbers


def with_key(name, value):
    return lambda o: [name, value] in o["keys"]


LIVE = pair("ACTIVE", "INACTIVE", ACTIVE)
KEPT = pair("PERSISTENT", "TRANSIENT", PERSISTENT)
STARTS = pair("AUTOSTART", "NO_AUTOSTART", AUTOSTART)
RUNS, PAUSED, OFF, CRASHED, SLEEPS = 1, 3, 5, 6, 7

DOMAINS = [LIVE, KEPT, STARTS,
           {"RUNNING": in_state(RUNS), "PAUSED": in_state(PAUSED), "SHUTOFF": in_state(OFF),
            "OTHER": not_in_state(RUNS, PAUSED, OFF)},
           pair("MANAGEDSAVE", "NO_MANAGEDSAVE", MANAGED_SAVE),
           pair("HAS_SNAPSHOT", "NO_SNAPSHOT", HAS_SNAPSHOT),
           pair("HAS_CHECKPOINT", "NO_CHECKPOINT", HAS_CHECKPOINT)]

POOL_TYPES = {"DIR": "dir", "FS": "fs", "NETFS": "netfs", "LOGICAL": "logical", "DISK": "disk",
              "ISCSI": "iscsi", "SCSI": "scsi", "MPATH": "mpath", "RBD": "rbd",
              "SHEEPDOG": "sheepdog", "GLUSTER": "gluster", "ZFS": "zfs", "VSTORAGE": "vstorage",
              "ISCSI_DIRECT": "iscsi-direct"}
POOLS = [LIVE, KEPT, STARTS, {flag: with_key("type", t) for flag, t in POOL_TYPES.items()}]

CAPS = {"SYSTEM": "system", "PCI_DEV": "pci", "USB_DEV": "usb_device", "USB_INTERFACE": "usb",
        "NET": "net", "SCSI_HOST": "scsi_host", "SCSI_TARGET": "scsi_target", "SCSI": "scsi",
        "STORAGE": "storage", "FC_HOST": "fc_host", "VPORTS": "vports",
        "SCSI_GENERIC": "scsi_generic", "DRM": "drm", "MDEV_TYPES": "mdev_types", "MDEV": "mdev",
        "CCW_DEV": "ccw", "CSS_DEV": "css", "VDPA": "vdpa", "AP_CARD": "ap_card",
        "AP_QUEUE": "ap_queue", "AP_MATRIX": "ap_matrix", "VPD": "vpd",
        "CCWGROUP_DEV": "ccwgroup", "CCWGROUP_MEMBER": "ccwgroup_member"}
DEVICES = [LIVE, KEPT, {f"CAP_{flag}": with_key("cap", cap) for flag, cap in CAPS.items()}]

SECRETS = [pair("EPHEMERAL", "NO_EPHEMERAL", EPHEMERAL), pair("PRIVATE", "NO_PRIVATE", PRIVATE)]

SNAPSHOTS = [pair("METADATA", "NO_METADATA", METADATA),
             {"INACTIVE": lambda o: not o["attrs"] & (RUNNING | DISK_ONLY),
              "ACTIVE": lambda o: o["attrs"] & (RUNNING | DISK_ONLY) == RUNNING,
              "DISK_ONLY": has(DISK_ONLY)},
             pair("EXTERNAL", "INTERNAL", EXTERNAL)]
TREE = {"ROOTS", "DESCENDANTS", "TOPOLOGICAL", "LEAVES", "NO_LEAVES"}

_constants = load(settings.TABLES / "constants.yaml")


def flags_of(enum, prefix):
    """{name without prefix: value}, later versions included."""
    values = dict(_constants["enums"][enum]["values"])
    values.update({name: entry["value"]
                   for name, entry in _constants["newer"]["enums"].get(enum, {}).items()})
    return {name.removeprefix(prefix): value for name, value in values.items()}


def subsets(bits):
    for size in range(len(bits) + 1):
        for chosen in itertools.combinations(bits, size):
            yield sum(chosen)


def choices(values, at_random):
    """No flag, every flag, every pair of flags, and many of more."""
    flags = sorted(set(values.values()))
    yield 0
    yield from flags
    yield from (a | b for a, b in itertools.combinations(flags, 2))
    chance = random.Random(9)
    for _ in range(at_random):
        yield sum(chance.sample(flags, chance.randint(min(3, len(flags)), len(flags))))


def chosen_by(groups, values, flags, objects):
    """Names that the model chooses: groups one after another, the flags of one together."""
    for group in groups:
        asked = [want for name, want in group.items() if flags & values[name]]
        if asked:
            objects = [o for o in objects if any(want(o) for want in asked)]
    return {o["name"] for o in objects}


class ListFlags(SampleCase):
    def fill(self, kind, facts):
        objects = [{"name": f"{kind}-{i}", "state": 0, "keys": [], **one} for i, one in enumerate(facts)]
        self.publish_all([(kind, o["name"], {k: v for k, v in o.items() if k != "name"})
                          for o in objects])
        return objects

    def check(self, groups, enum, prefix, listed, objects, at_random=60):
        values = flags_of(enum, prefix)
        modelled = set().union(*groups)
        self.assertEqual(modelled, set(values), "the model has every flag of the tables")
        for flags in choices(values, at_random):
            names = [one.name() for one in listed(flags)]
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(set(names), chosen_by(groups, values, flags, objects), f"flags {flags:#x}")
        unknown = next(1 << n for n in range(32) if not (1 << n) & sum(set(values.values())))
        code, _, message = self.refused(lambda: listed(unknown))
        self.assertEqual(code, libvirt.VIR_ERR_INVALID_ARG)
        self.assertRegex(message, rf"^unsupported flags \({unknown:#x}\) in function sample|"
                                  rf"^unsupported flags \({unknown:#x}\) in function \w+ConnectListAll")

    def test_domains(self):
        bits = [ACTIVE, PERSISTENT, AUTOSTART, MANAGED_SAVE, HAS_SNAPSHOT, HAS_CHECKPOINT]
        objects = self.fill("domain", ({"attrs": attrs, "state": state} for attrs in subsets(bits)
                                       for state in (RUNS, PAUSED, OFF, CRASHED, SLEEPS)))
        self.check(DOMAINS, "virConnectListAllDomainsFlags", "VIR_CONNECT_LIST_DOMAINS_",
                   self.connection.listAllDomains, objects)

    def test_networks(self):
        objects = self.fill("network", ({"attrs": a} for a in subsets([ACTIVE, PERSISTENT, AUTOSTART])))
        self.check([LIVE, KEPT, STARTS], "virConnectListAllNetworksFlags",
                   "VIR_CONNECT_LIST_NETWORKS_", self.connection.listAllNetworks, objects)

    def test_pools(self):
        objects = self.fill("pool", ({"attrs": a, "keys": [["type", t]]}
                                     for a in subsets([ACTIVE, PERSISTENT, AUTOSTART])
                                     for t in POOL_TYPES.values()))
        self.check(POOLS, "virConnectListAllStoragePoolsFlags", "VIR_CONNECT_LIST_STORAGE_POOLS_",
                   self.connection.listAllStoragePools, objects)

    def test_interfaces(self):
        objects = self.fill("interface", ({"attrs": a} for a in (0, ACTIVE)))
        self.check([LIVE], "virConnectListAllInterfacesFlags", "VIR_CONNECT_LIST_INTERFACES_",
                   self.connection.listAllInterfaces, objects)

    def test_node_devices(self):
        caps = list(CAPS.values())
        sets = [[c] for c in caps] + [[a, b] for a, b in zip(caps, caps[5:] + caps[:5])] + [[]]
        objects = self.fill("nodedev", ({"attrs": a, "keys": [["cap", c] for c in some]}
                                        for a in subsets([ACTIVE, PERSISTENT]) for some in sets))
        self.check(DEVICES, "virConnectListAllNodeDeviceFlags", "VIR_CONNECT_LIST_NODE_DEVICES_",
                   self.connection.listAllDevices, objects)

    def test_secrets(self):
        objects = self.fill("secret", ({"attrs": a} for a in subsets([EPHEMERAL, PRIVATE])))
        names = {s["name"]: None for s in objects}
        ids = {o["name"]: o for o in objects}
        self.assertEqual(len(names), 4)
        # Secrets have no name on the wire: the model is asked by what was published with them.
        values = flags_of("virConnectListAllSecretsFlags", "VIR_CONNECT_LIST_SECRETS_")
        self.assertEqual(set().union(*SECRETS), set(values))
        for flags in choices(values, 20):
            self.assertEqual(len(self.connection.listAllSecrets(flags)),
                             len(chosen_by(SECRETS, values, flags, list(ids.values()))), f"flags {flags:#x}")

    def test_filters_and_bindings_take_no_flags(self):
        self.publish("nwfilter", "clean-traffic")
        self.publish("nwfilter_binding", "vnet0", keys=[["filter", "clean-traffic"]])
        self.assertEqual([f.name() for f in self.connection.listAllNWFilters()], ["clean-traffic"])
        binding, = self.connection.listAllNWFilterBindings()
        self.assertEqual((binding.portDev(), binding.filterName()), ("vnet0", "clean-traffic"))
        for listed in (self.connection.listAllNWFilters, self.connection.listAllNWFilterBindings):
            self.assertEqual(self.refused(lambda: listed(1))[:2],
                             (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_FROM_NWFILTER))

    def test_volumes_of_an_active_pool(self):
        on = self.publish("pool", "on", attrs=ACTIVE)
        self.publish_all([("volume", f"v{i}", {"parent": on, "keys": [["key", f"/k{i}"]]}) for i in range(3)])
        pool = self.connection.storagePoolLookupByName("on")
        self.assertEqual([v.name() for v in pool.listAllVolumes()], ["v0", "v1", "v2"])
        self.assertEqual(pool.listVolumes(), ["v0", "v1", "v2"])
        self.assertEqual(pool.numOfVolumes(), 3)
        self.assertEqual(self.refused(lambda: pool.listAllVolumes(1))[:2],
                         (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_FROM_STORAGE))
        self.tell({"do": "update", "handle": on, "attrs": 0})
        for call in (pool.listAllVolumes, pool.listVolumes, pool.numOfVolumes,
                     lambda: pool.storageVolLookupByName("v0")):
            self.assertEqual(self.refused(call),
                             (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_FROM_STORAGE,
                              "Requested operation is not valid: storage pool 'on' is not active"))

    def test_ports_of_an_active_network(self):
        handle = self.publish("network", "net", attrs=ACTIVE)
        ports = ["11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"]
        self.publish_all([("network_port", p, {"parent": handle, "uuid": p}) for p in ports])
        net = self.connection.networkLookupByName("net")
        self.assertEqual([p.UUIDString() for p in net.listAllPorts()], ports)
        self.assertEqual(self.refused(lambda: net.listAllPorts(1)),
                         (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_FROM_NETWORK,
                          "unsupported flags (0x1) in function networkListAllPorts"))
        self.tell({"do": "update", "handle": handle, "attrs": 0})
        self.assertEqual(self.refused(net.listAllPorts),
                         (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_FROM_NETWORK,
                          "Requested operation is not valid: network 'net' is not active"))


class TreeFlags(SampleCase):
    """Snapshots and checkpoints: their place in the tree besides their facts."""

    def fill(self, kind, count, facts):
        """A tree of `count` moments; {name: facts with `parent` and `children`}."""
        domain = self.publish("domain", "vm", attrs=PERSISTENT)
        chance = random.Random(count)
        made = {}
        for i in range(count):
            parent = chance.choice([None, *list(made)[-12:]])
            name = f"m{i}"
            made[name] = {"name": name, "parent": parent, "children": [], **facts[i % len(facts)]}
            if parent:
                made[parent]["children"].append(name)
        self.publish_all([(kind, o["name"],
                           {"parent": domain, "attrs": o["attrs"],
                            "keys": [["parent", o["parent"]]] if o["parent"] else []})
                          for o in made.values()])
        return self.connection.lookupByName("vm"), made

    def below(self, made, name, deep):
        children = [n for n, o in made.items() if o["parent"] == name]
        if not deep:
            return children
        return children + [n for child in children for n in self.below(made, child, True)]

    def expected(self, made, groups, values, flags, start):
        """`start` None: the domain."""
        deep = bool(flags & values["ROOTS"]) != (start is None)
        objects = [made[n] for n in self.below(made, start, deep)]
        leaves = {flag for flag in ("LEAVES", "NO_LEAVES") if flags & values[flag]}
        if leaves:
            objects = [o for o in objects if ("NO_LEAVES" if o["children"] else "LEAVES") in leaves]
        return chosen_by(groups, values, flags, objects)

    def check(self, made, groups, values, flags, start, names):
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(set(names), self.expected(made, groups, values, flags, start),
                         f"flags {flags:#x} below {start}")
        if flags & values["TOPOLOGICAL"]:
            for place, name in enumerate(names):
                self.assertNotIn(made[name]["parent"], names[place:], "parents come first")

    def test_snapshots(self):
        values = flags_of("virDomainSnapshotListFlags", "VIR_DOMAIN_SNAPSHOT_LIST_")
        self.assertEqual(set().union(*SNAPSHOTS) | TREE, set(values))
        domain, made = self.fill("snapshot", 60, [{"attrs": a} for a in subsets(
            [METADATA, RUNNING, DISK_ONLY, EXTERNAL])])
        for flags in choices(values, 60):
            names = [s.getName() for s in domain.listAllSnapshots(flags)]
            self.check(made, SNAPSHOTS, values, flags, None, names)
            self.assertEqual(domain.snapshotNum(flags), len(names))
            self.assertEqual(domain.snapshotListNames(flags), names)
        for start in ("m0", "m5", "m59"):
            snapshot = domain.snapshotLookupByName(start)
            for flags in choices(values, 10):
                names = [s.getName() for s in snapshot.listAllChildren(flags)]
                self.check(made, SNAPSHOTS, values, flags, start, names)
                self.assertEqual(snapshot.numChildren(flags), len(names))
                self.assertEqual(snapshot.listChildrenNames(flags), names)
        self.assertEqual(self.refused(lambda: domain.listAllSnapshots(1 << 20)),
                         (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_FROM_TEST,
                          "unsupported flags (0x100000) in function sampleDomainListAllSnapshots"))

    def test_checkpoints(self):
        values = flags_of("virDomainCheckpointListFlags", "VIR_DOMAIN_CHECKPOINT_LIST_")
        self.assertEqual(TREE, set(values))
        domain, made = self.fill("checkpoint", 40, [{"attrs": 0}])
        for flags in choices(values, 10):
            self.check(made, [], values, flags, None,
                       [c.getName() for c in domain.listAllCheckpoints(flags)])
            for start in ("m0", "m7"):
                checkpoint = domain.checkpointLookupByName(start)
                self.check(made, [], values, flags, start,
                           [c.getName() for c in checkpoint.listAllChildren(flags)])

    def test_moments_that_are_their_own_ancestors_end_no_list(self):
        domain = self.publish("domain", "vm")
        for name, parent in (("a", "b"), ("b", "a"), ("c", "c")):
            self.publish("snapshot", name, parent=domain, keys=[["parent", parent]])
        vm = self.connection.lookupByName("vm")
        self.assertEqual(vm.snapshotListNames(), [])
        self.assertEqual(vm.snapshotLookupByName("a").listChildrenNames(1), ["a", "b"])

    def test_tree_follows_a_change_of_parents(self):
        domain = self.publish("domain", "vm")
        handles = self.publish_all([
            ("snapshot", "a", {"parent": domain}),
            ("snapshot", "b", {"parent": domain, "keys": [["parent", "a"]]}),
            ("snapshot", "c", {"parent": domain, "keys": [["parent", "b"]], "attrs": 1 << 32})])
        vm = self.connection.lookupByName("vm")
        self.assertEqual(vm.snapshotLookupByName("c").getParent().getName(), "b")
        self.assertEqual(vm.snapshotCurrent().getName(), "c")
        self.assertEqual(vm.hasCurrentSnapshot(), 1)
        self.assertEqual(vm.snapshotLookupByName("c").isCurrent(), 1)
        self.tell({"do": "update", "handle": handles[2], "keys": [["parent", "a"]]},
                  {"do": "retire", "handles": [handles[1]]})
        self.assertEqual(vm.snapshotLookupByName("c").getParent().getName(), "a")
        self.assertEqual(vm.snapshotLookupByName("a").listChildrenNames(), ["c"])
        self.assertEqual(self.refused(vm.snapshotLookupByName("a").getParent),
                         (libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT, libvirt.VIR_FROM_TEST,
                          "Domain snapshot not found: snapshot 'a' does not have a parent"))
