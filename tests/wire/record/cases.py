# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What is recorded: calls of the real client library, what they must put on the wire, and what the fake
server answers on the way.

Each case is a Python expression; its names are those of Names in record. `expect` are fields of the
arguments as the expression's author reads the API, not as any codec reads the bytes.
"""
from dataclasses import dataclass, field

UUID = bytes.fromhex("c0ffee00112233445566778899aabbcc")
DOM = {"name": "guest", "uuid": UUID, "id": 7}
NET = {"name": "default", "uuid": UUID}
POOL = {"name": "images", "uuid": UUID}
VOL = {"pool": "images", "name": "disk.qcow2", "key": "/var/lib/images/disk.qcow2"}
SECRET = {"uuid": UUID, "usageType": 2, "usageID": "pool/one"}
SNAP = {"name": "before", "dom": DOM}
CHECK = {"name": "monday", "dom": DOM}
PORT = {"net": NET, "uuid": UUID}

INT, UINT, LLONG, ULLONG, DOUBLE, BOOLEAN, STRING = range(1, 8)


def param(field, tag, value):
    return {"field": field, "value": (tag, value)}


def getter(*params):
    """A getter of typed parameters: their number if asked for none, else all of them."""
    def answer(packet):
        if not any("nparams" in one for one in packet.procedure.entry["ret"]):
            return {"params": list(params)}
        if packet.args()["nparams"] == 0:
            return {"params": [], "nparams": len(params)}
        return {"params": list(params), "nparams": 0}
    return answer


# Replies that many cases build on.
ANSWERS = {
    "remote.connect_supports_feature": {"supported": 1},
    "remote.domain_lookup_by_name": {"dom": DOM},
    "remote.network_lookup_by_name": {"net": NET},
    "remote.storage_pool_lookup_by_name": {"pool": POOL},
    "remote.storage_vol_lookup_by_name": {"vol": VOL},
    "remote.secret_lookup_by_usage": {"secret": SECRET},
    "remote.nwfilter_lookup_by_name": {"nwfilter": NET},
    "remote.nwfilter_binding_lookup_by_port_dev": {"nwfilter": {"portdev": "vnet0", "filtername": "clean"}},
    "remote.interface_lookup_by_name": {"iface": {"name": "eth0", "mac": "52:54:00:00:00:01"}},
    "remote.node_device_lookup_by_name": {"dev": {"name": "pci_0000_00_19_0"}},
    "remote.domain_snapshot_lookup_by_name": {"snap": SNAP},
    "remote.domain_checkpoint_lookup_by_name": {"checkpoint": CHECK},
    "remote.network_port_lookup_by_uuid": {"port": PORT},
    "remote.node_get_cpu_map": {"cpumap": b"\x07", "online": 3, "ret": 3},
    "remote.domain_get_info": {"nrVirtCpu": 2},
    "admin.connect_lookup_server": {"srv": {"name": "libvirtd"}},
}


@dataclass
class Case:
    name: str                # PROGRAM.PROCEDURE, and /VARIANT if there are several
    call: str                # Python, or the words of a virt-admin command
    expect: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    kind: object = None      # type of the packet, or (type, status), where it is no call

    @property
    def program(self):
        return self.name.split(".")[0]

    @property
    def procedure(self):
        return self.name.split(".")[1].split("/")[0]


CASES = [
    # Opening, authentication.
    Case("remote.auth_list", "c"),
    Case("remote.auth_polkit", "c", answers={"remote.auth_list": {"types": [2]},
                                              "remote.auth_polkit": {"complete": 1}}),
    Case("remote.auth_sasl_init", "open_with_password()",
         answers={"remote.auth_list": {"types": [1]}, "remote.auth_sasl_init": {"mechlist": "PLAIN"},
                  "remote.auth_sasl_start": {"complete": 1, "nil": 1}}),
    Case("remote.auth_sasl_start", "open_with_password()",
         {"mech": "PLAIN", "nil": 0, "data": list(b"\0joe\0s3cret")},
         {"remote.auth_list": {"types": [1]}, "remote.auth_sasl_init": {"mechlist": "PLAIN"},
          "remote.auth_sasl_start": {"complete": 1, "nil": 1}}),
    Case("remote.connect_open", "c", {"name": "qemu:///system", "flags": 0}),
    Case("remote.connect_open/readonly", "open_readonly()", {"name": "qemu:///system", "flags": 1}),
    Case("remote.connect_supports_feature", "c", {"feature": 15}),
    Case("remote.connect_close", "c.close()"),
    Case("remote.connect_set_identity", "c.setIdentity({'user-name': 'joe'}, 0)",
         {"params": [param("user-name", STRING, "joe")], "flags": 0}),

    # Connection and node.
    Case("remote.connect_get_type", "c.getType()"),
    Case("remote.connect_get_version", "c.getVersion()"),
    Case("remote.connect_get_max_vcpus", "c.getMaxVcpus('kvm')", {"type": "kvm"}),
    Case("remote.connect_get_max_vcpus/absent", "c.getMaxVcpus(None)", {"type": None}),
    Case("remote.node_get_info", "c.getInfo()"),
    Case("remote.connect_get_domain_capabilities",
         "c.getDomainCapabilities(None, 'x86_64', None, 'kvm', 0)",
         {"emulatorbin": None, "arch": "x86_64", "machine": None, "virttype": "kvm", "flags": 0}),
    Case("remote.connect_baseline_hypervisor_cpu",
         "c.baselineHypervisorCPU('/usr/bin/q', None, 'pc', 'kvm', ['<cpu a=\"1\"/>', '<cpu/>'], 2)",
         {"emulator": "/usr/bin/q", "arch": None, "machine": "pc", "xmlCPUs": ['<cpu a="1"/>', "<cpu/>"],
          "flags": 2}),
    Case("remote.node_get_cells_free_memory", "c.getCellsFreeMemory(1, 3)", {"startCell": 1, "maxcells": 3}),
    Case("remote.node_get_free_pages", "c.getFreePages([4, 2048], -1, 2, 0)",
         {"pages": [4, 2048], "startCell": -1, "cellCount": 2}),
    Case("remote.node_alloc_pages", "c.allocPages({2048: 2 ** 33}, 0, 1, 1)",
         {"pageSizes": [2048], "pageCounts": [2 ** 33], "startCell": 0, "cellCount": 1, "flags": 1}),
    Case("remote.node_set_memory_parameters", "c.setMemoryParameters({'shm_pages_to_scan': 10}, 0)",
         {"params": [param("shm_pages_to_scan", UINT, 10)]},
         {"remote.node_get_memory_parameters": getter(param("shm_pages_to_scan", UINT, 1))}),
    Case("remote.node_suspend_for_duration", "c.suspendForDuration(1, 2 ** 40, 0)",
         {"target": 1, "duration": 2 ** 40}),
    Case("remote.connect_list_domains", "c.listDomainsID()", {"maxids": 5},
         {"remote.connect_num_of_domains": {"num": 5}}),
    Case("remote.connect_list_all_domains", "c.listAllDomains(3)", {"need_results": 1, "flags": 3}),
    Case("remote.connect_get_all_domain_stats", "c.getAllDomainStats(33, 1 << 31)",
         {"doms": [], "stats": 33, "flags": 1 << 31}),
    Case("remote.connect_get_all_domain_stats/domains", "c.domainListGetStats([d, d], 2, 0)",
         {"doms": [DOM, DOM], "stats": 2, "flags": 0}),
    Case("remote.connect_domain_event_callback_register_any",
         "c.domainEventRegisterAny(None, 4, ignore, None)", {"eventID": 4, "dom": None}),
    Case("remote.connect_domain_event_callback_register_any/domain",
         "c.domainEventRegisterAny(d, 0, ignore, None)", {"eventID": 0, "dom": DOM}),
    Case("remote.connect_domain_event_callback_deregister_any",
         "c.domainEventDeregisterAny(c.domainEventRegisterAny(None, 4, ignore, None))", {"callbackID": 11},
         {"remote.connect_domain_event_callback_register_any": {"callbackID": 11}}),

    # Domains.
    Case("remote.domain_lookup_by_name", "c.lookupByName('g\u00e4st \"1\"')", {"name": "g\u00e4st \"1\""}),
    Case("remote.domain_lookup_by_id", "c.lookupByID(2147483647)", {"id": 2147483647}),
    Case("remote.domain_lookup_by_uuid", "c.lookupByUUID(UUID)", {"uuid": UUID}),
    Case("remote.domain_create_xml", "c.createXML('<domain/>', 5)", {"xml_desc": "<domain/>", "flags": 5}),
    Case("remote.domain_define_xml_flags", "c.defineXMLFlags('<domain>\\n</domain>', 1)",
         {"xml": "<domain>\n</domain>", "flags": 1}),
    Case("remote.domain_create_with_flags", "d.createWithFlags(4)", {"dom": DOM, "flags": 4}),
    Case("remote.domain_create_with_files", "d.createWithFiles([pipe[0], pipe[1]], 1)",
         {"dom": DOM, "flags": 1}),
    Case("remote.domain_open_graphics", "d.openGraphics(1, socket, 2)", {"dom": DOM, "idx": 1, "flags": 2}),
    Case("remote.domain_get_xml_desc", "d.XMLDesc(3)", {"dom": DOM, "flags": 3}),
    Case("remote.domain_destroy_flags", "d.destroyFlags(1)", {"dom": DOM, "flags": 1}),
    Case("remote.domain_shutdown_flags", "d.shutdownFlags(2)", {"dom": DOM, "flags": 2}),
    Case("remote.domain_set_autostart", "d.setAutostart(1)", {"dom": DOM, "autostart": 1}),
    Case("remote.domain_rename", "d.rename('other', 0)", {"dom": DOM, "new_name": "other", "flags": 0}),
    Case("remote.domain_set_memory_flags", "d.setMemoryFlags(2 ** 41, 3)",
         {"dom": DOM, "memory": 2 ** 41, "flags": 3}),
    Case("remote.domain_set_vcpus_flags", "d.setVcpusFlags(4, 2)", {"dom": DOM, "nvcpus": 4, "flags": 2}),
    Case("remote.domain_pin_vcpu_flags", "d.pinVcpuFlags(1, (True, False, True), 1)",
         {"dom": DOM, "vcpu": 1, "cpumap": b"\x05", "flags": 1}),
    Case("remote.domain_get_vcpus", "d.vcpus()", {"dom": DOM, "maxinfo": 2, "maplen": 1}),
    Case("remote.domain_set_time", "d.setTime({'seconds': -(2 ** 40), 'nseconds': 999}, 0)",
         {"dom": DOM, "seconds": -(2 ** 40), "nseconds": 999, "flags": 0}),
    Case("remote.domain_send_key", "d.sendKey(0, 50, [29, 56, 111], 3, 0)",
         {"dom": DOM, "codeset": 0, "holdtime": 50, "keycodes": [29, 56, 111], "flags": 0}),
    Case("remote.domain_set_metadata", "d.setMetadata(2, '<x/>', 'k', 'urn:k', 1)",
         {"dom": DOM, "type": 2, "metadata": "<x/>", "key": "k", "uri": "urn:k", "flags": 1}),
    Case("remote.domain_set_metadata/absent", "d.setMetadata(1, None, None, None, 0)",
         {"dom": DOM, "type": 1, "metadata": None, "key": None, "uri": None, "flags": 0}),
    Case("remote.domain_fsfreeze", "d.fsFreeze(['/', '/home'], 0)",
         {"dom": DOM, "mountpoints": ["/", "/home"], "flags": 0}),
    Case("remote.domain_set_user_password", "d.setUserPassword('root', 'x' * 7, 1)",
         {"dom": DOM, "user": "root", "password": "xxxxxxx", "flags": 1}),
    Case("remote.domain_authorized_ssh_keys_set", "d.authorizedSSHKeysSet('joe', ['ssh-rsa A', ''], 1)",
         {"dom": DOM, "user": "joe", "keys": ["ssh-rsa A", ""], "flags": 1}),
    Case("remote.domain_block_peek", "d.blockPeek('vda', 2 ** 33, 16, 0)",
         {"dom": DOM, "path": "vda", "offset": 2 ** 33, "size": 16, "flags": 0},
         {"remote.domain_block_peek": {"buffer": bytes(16)}}),
    Case("remote.domain_block_resize", "d.blockResize('vda', 2 ** 62, 1)",
         {"dom": DOM, "disk": "vda", "size": 2 ** 62, "flags": 1}),
    Case("remote.domain_block_copy", "d.blockCopy('vda', '<disk/>', {'granularity': 65536}, 8)",
         {"dom": DOM, "path": "vda", "destxml": "<disk/>",
          "params": [param("granularity", UINT, 65536)], "flags": 8}),
    Case("remote.domain_interface_addresses", "d.interfaceAddresses(1, 0)",
         {"dom": DOM, "source": 1, "flags": 0}),
    Case("remote.domain_core_dump_with_format", "d.coreDumpWithFormat('/tmp/core', 2, 1)",
         {"dom": DOM, "to": "/tmp/core", "dumpformat": 2, "flags": 1}),
    Case("remote.domain_save_flags", "d.saveFlags('/tmp/save', None, 2)",
         {"dom": DOM, "to": "/tmp/save", "dxml": None, "flags": 2}),
    Case("remote.domain_snapshot_create_xml", "d.snapshotCreateXML('<domainsnapshot/>', 16)",
         {"dom": DOM, "xml_desc": "<domainsnapshot/>", "flags": 16}),
    Case("remote.domain_snapshot_delete", "snapshot.delete(1)", {"snap": SNAP, "flags": 1}),
    Case("remote.domain_checkpoint_get_xml_desc", "checkpoint.getXMLDesc(2)",
         {"checkpoint": CHECK, "flags": 2}),
    Case("remote.domain_backup_begin", "d.backupBegin('<domainbackup/>', None, 1)",
         {"dom": DOM, "backup_xml": "<domainbackup/>", "checkpoint_xml": None, "flags": 1}),

    # Typed parameters, each kind of value.
    Case("remote.domain_set_scheduler_parameters_flags/integers",
         "d.setSchedulerParametersFlags({'cpu_shares': 2048, 'vcpu_quota': -1}, 1)",
         {"dom": DOM, "flags": 1,
          "params": [param("cpu_shares", ULLONG, 2048), param("vcpu_quota", LLONG, -1)]},
         {"remote.domain_get_scheduler_type": {"type": "posix", "nparams": 2},
          "remote.domain_get_scheduler_parameters_flags":
              getter(param("cpu_shares", ULLONG, 1), param("vcpu_quota", LLONG, 0))}),
    Case("remote.domain_set_scheduler_parameters_flags/double",
         "d.setSchedulerParametersFlags({'ratio': -0.1}, 0)",
         {"dom": DOM, "params": [param("ratio", DOUBLE, -0.1)]},
         {"remote.domain_get_scheduler_type": {"type": "posix", "nparams": 1},
          "remote.domain_get_scheduler_parameters_flags": getter(param("ratio", DOUBLE, 1.0))}),
    Case("remote.domain_set_memory_parameters", "d.setMemoryParameters({'hard_limit': 2 ** 53 - 1}, 2)",
         {"dom": DOM, "params": [param("hard_limit", ULLONG, 2 ** 53 - 1)], "flags": 2},
         {"remote.domain_get_memory_parameters": getter(param("hard_limit", ULLONG, 0))}),
    Case("remote.domain_set_numa_parameters",
         "d.setNumaParameters({'numa_nodeset': '0-1', 'numa_mode': 2}, 1)",
         {"dom": DOM, "params": [param("numa_nodeset", STRING, "0-1"), param("numa_mode", INT, 2)]},
         {"remote.domain_get_numa_parameters":
              getter(param("numa_nodeset", STRING, ""), param("numa_mode", INT, 0))}),
    Case("remote.domain_set_perf_events", "d.setPerfEvents({'cmt': True}, 0)",
         {"dom": DOM, "params": [param("cmt", BOOLEAN, 1)]},
         {"remote.domain_get_perf_events": {"params": [param("cmt", BOOLEAN, 0)]}}),
    Case("remote.domain_set_block_io_tune", "d.setBlockIoTune('vda', {'total_bytes_sec': 10 ** 12}, 1)",
         {"dom": DOM, "disk": "vda", "params": [param("total_bytes_sec", ULLONG, 10 ** 12)], "flags": 1},
         {"remote.domain_get_block_io_tune": getter(param("total_bytes_sec", ULLONG, 0))}),
    Case("remote.domain_migrate_perform3_params",
         "d.migrateToURI3('qemu+tcp://there/system',"
         " {'destination_name': 'copy', 'bandwidth': 8, 'migrate_disks': ['vda', 'vdb']}, 2)",
         {"dom": DOM, "dconnuri": "qemu+tcp://there/system", "cookie_in": b"", "flags": 2}),

    # Streams and holes.
    Case("remote.domain_open_console", "d.openConsole('serial0', stream, 1)",
         {"dom": DOM, "dev_name": "serial0", "flags": 1}),
    Case("remote.storage_vol_upload", "volume.upload(stream, 2 ** 32, 5, 1)",
         {"vol": VOL, "offset": 2 ** 32, "length": 5, "flags": 1}),
    Case("remote.storage_vol_upload/data", "[volume.upload(stream, 0, 5, 0), stream.send(b'hello')]",
         kind=(3, 2)),
    Case("remote.storage_vol_upload/hole", "[volume.upload(stream, 0, 0, 1), stream.sendHole(2 ** 40)]",
         {"length": 2 ** 40, "flags": 0}, kind=6),
    Case("remote.storage_vol_upload/finish", "[volume.upload(stream, 0, 0, 0), stream.finish()]",
         kind=(3, 0)),
    Case("remote.storage_vol_upload/abort", "[volume.upload(stream, 0, 0, 0), stream.abort()]",
         kind=(3, 1)),

    # Networks, storage, devices, secrets, filters.
    Case("remote.network_update", "network.update(1, 4, -1, '<host/>', 3)",
         {"net": NET, "command": 1, "section": 4, "parentIndex": -1, "xml": "<host/>", "flags": 3}),
    Case("remote.network_define_xml", "c.networkDefineXML('<network/>')", {"xml": "<network/>"}),
    Case("remote.network_get_dhcp_leases", "network.DHCPLeases(None, 0)",
         {"net": NET, "mac": None, "need_results": 1}),
    Case("remote.network_port_set_parameters", "port.setParameters({'inbound.average': 9}, 0)",
         {"port": PORT, "params": [param("inbound.average", UINT, 9)]},
         {"remote.network_port_get_parameters": getter(param("inbound.average", UINT, 1))}),
    Case("remote.interface_change_begin", "c.changeBegin(0)", {"flags": 0}),
    Case("remote.interface_create", "interface.create(0)",
         {"iface": {"name": "eth0", "mac": "52:54:00:00:00:01"}, "flags": 0}),
    Case("remote.storage_pool_create", "pool.create(6)", {"pool": POOL, "flags": 6}),
    Case("remote.storage_vol_create_xml_from", "pool.createXMLFrom('<volume/>', volume, 1)",
         {"pool": POOL, "xml": "<volume/>", "clonevol": VOL, "flags": 1}),
    Case("remote.storage_vol_resize", "volume.resize(2 ** 40, 2)",
         {"vol": VOL, "capacity": 2 ** 40, "flags": 2}),
    Case("remote.node_device_detach_flags", "device.detachFlags('vfio', 0)",
         {"name": "pci_0000_00_19_0", "driverName": "vfio", "flags": 0}),
    Case("remote.node_device_detach_flags/absent", "device.detachFlags(None, 0)",
         {"name": "pci_0000_00_19_0", "driverName": None, "flags": 0}),
    Case("remote.secret_lookup_by_usage", "c.secretLookupByUsage(2, 'pool/one')",
         {"usageType": 2, "usageID": "pool/one"}),
    Case("remote.secret_set_value", "secret.setValue(b'\\x00\\xff key', 0)",
         {"secret": SECRET, "value": b"\x00\xff key", "flags": 0}),
    Case("remote.nwfilter_define_xml", "c.nwfilterDefineXML('<filter/>')", {"xml": "<filter/>"}),
    Case("remote.nwfilter_binding_get_xml_desc", "binding.XMLDesc(0)",
         {"nwfilter": {"portdev": "vnet0", "filtername": "clean"}, "flags": 0}),

    # The other programs.
    Case("qemu.domain_monitor_command", "qemu.qemuMonitorCommand(d, '{\"execute\": \"stop\"}', 0)",
         {"dom": DOM, "cmd": '{"execute": "stop"}', "flags": 0}),
    Case("qemu.domain_agent_command", "qemu.qemuAgentCommand(d, '{}', -2, 0)",
         {"dom": DOM, "cmd": "{}", "timeout": -2, "flags": 0}, {"qemu.domain_agent_command": {"result": "{}"}}),
    Case("lxc.domain_open_namespace", "lxc.lxcOpenNamespace(d, 0)", {"dom": DOM, "flags": 0}),
    Case("keepalive.ping", "until_pinged()", kind=2),
    Case("admin.connect_open", "srv-list", {"flags": 0}),
    Case("admin.connect_list_servers", "srv-list", {"need_results": 1, "flags": 0}),
    Case("admin.connect_lookup_server", "srv-threadpool-info libvirtd", {"name": "libvirtd", "flags": 0}),
    Case("admin.server_set_threadpool_parameters",
         "srv-threadpool-set libvirtd --min-workers 3 --max-workers 9",
         {"srv": {"name": "libvirtd"}, "flags": 0,
          "params": [param("maxWorkers", UINT, 9), param("minWorkers", UINT, 3)]}),
    Case("admin.server_lookup_client", "client-info libvirtd 18446744073709551614",
         {"srv": {"name": "libvirtd"}, "id": 2 ** 64 - 2, "flags": 0}),
    Case("admin.connect_set_logging_filters", "daemon-log-filters '1:qemu 3:rpc'",
         {"filters": "1:qemu 3:rpc", "flags": 0}),
    Case("admin.connect_set_logging_filters/empty", "daemon-log-filters ''", {"filters": "", "flags": 0}),
]
