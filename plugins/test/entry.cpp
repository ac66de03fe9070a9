// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The plugin as the host sees it: manifest, entry, tables.

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include <polyvirt/abi/client.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/gen/ops.h>
#include <polyvirt/slots.h>

#include "domains.h"
#include "driver.h"
#include "tables.h"

PV_MANIFEST("id: test\n"
            "abi: [0, 1]\n"
            "provides: [pv.hv.caps/1, pv.hv.node/1, pv.dom.block/1, pv.dom.checkpoint/1, pv.dom.config/1, pv.dom.console/1, "
            "pv.dom.device/1, pv.dom.guest/1, pv.dom.job/1, pv.dom.lifecycle/1, pv.dom.native/1, pv.dom.save/1, "
            "pv.dom.security/1, pv.dom.snapshot/1, pv.dom.stats/1, pv.dom.tune/1, pv.net.network/1, pv.net.port/1, pv.sto.pool/1, "
            "pv.sto.vol/1, pv.nodedev/1, pv.iface/1, pv.secret/1, pv.nwfilter/1, pv.nwfilter.binding/1]\n"
            "needs: [host.build/1, host.call/1, host.client/1, host.config/1, host.event/1, host.job/1, host.log/1, "
            "host.loop/1, host.paths/1, host.proc/1, host.registry/1, host.state/1, host.stream/1]\n"
            "uri: [test]\n"
            "kinds: [domain, snapshot, checkpoint, network, network_port, pool, volume, nodedev, interface, secret, nwfilter, "
            "nwfilter_binding]\n"
            "type: TEST\n"
            "error_domain: 12\n");

namespace {

using namespace polyvirt::test;
using polyvirt::plugin::guarded;
using polyvirt::plugin::Services;

struct TableRow {
    std::string_view id;
    const void* (*table)();
};
constexpr TableRow kTables[] = {
    {PV_IFACE_HV_CAPS, hv_caps_table},
    {PV_IFACE_HV_NODE, hv_node_table},
    {PV_IFACE_DOM_BLOCK, dom_block_table},
    {PV_IFACE_DOM_CHECKPOINT, dom_checkpoint_table},
    {PV_IFACE_DOM_CONFIG, dom_config_table},
    {PV_IFACE_DOM_CONSOLE, dom_console_table},
    {PV_IFACE_DOM_DEVICE, dom_device_table},
    {PV_IFACE_DOM_GUEST, dom_guest_table},
    {PV_IFACE_DOM_JOB, dom_job_table},
    {PV_IFACE_DOM_LIFECYCLE, dom_lifecycle_table},
    {PV_IFACE_DOM_NATIVE, dom_native_table},
    {PV_IFACE_DOM_SAVE, dom_save_table},
    {PV_IFACE_DOM_SECURITY, dom_security_table},
    {PV_IFACE_DOM_SNAPSHOT, dom_snapshot_table},
    {PV_IFACE_DOM_STATS, dom_stats_table},
    {PV_IFACE_NET_NETWORK, net_network_table},
    {PV_IFACE_NET_PORT, net_port_table},
    {PV_IFACE_STO_POOL, sto_pool_table},
    {PV_IFACE_STO_VOL, sto_vol_table},
    {PV_IFACE_NODEDEV, nodedev_table},
    {PV_IFACE_IFACE, iface_table},
    {PV_IFACE_SECRET, secret_table},
    {PV_IFACE_NWFILTER, nwfilter_table},
    {PV_IFACE_NWFILTER_BINDING, nwfilter_binding_table},
    {PV_IFACE_DOM_TUNE, dom_tune_table},
};

constexpr std::string_view kFile = "file:";

Driver& driver_of(pv_inst* inst) { return *reinterpret_cast<Driver*>(inst); }

const pv_client* client_table() {
    static const pv_client table = [] {
        pv_client t{};
        t.size = sizeof t;
        t.closed = [](pv_inst* inst, uint64_t client, uint32_t, uint64_t object) noexcept {
            guarded("client", [&] { driver_of(inst).domains().client_closed(client, object); });
        };
        return t;
    }();
    return &table;
}

// test:///default is one for all, and there for whoever asks: where nobody does, its guests count nowhere. Any other path is a file that describes a host for one connection.
pv_status probe(const char* uri, int32_t, pv_probe* out) noexcept {
    constexpr std::string_view kScheme = "test://";
    const std::string_view text(uri);
    if (!text.starts_with(kScheme)) return PV_OK; // score 0: not mine
    const std::string_view path = text.substr(kScheme.size());
    const bool shared = path == "/default";
    // The instance's name carries the path to create(), and ends where the host's text does.
    const std::string key = shared ? "default" : std::string(kFile).append(path);
    if (path.size() < 2 || path.front() != '/' || key.size() >= sizeof out->instance || text.size() >= sizeof out->canonical)
        return PV_OK;
    out->score = 100;
    out->lifetime = shared ? PV_LIFETIME_KEPT : PV_LIFETIME_PER_CONNECTION;
    std::snprintf(out->canonical, sizeof out->canonical, "%s", uri);
    std::snprintf(out->instance, sizeof out->instance, "%s", key.c_str());
    return PV_OK;
}

pv_status create(pv_host* host, const pv_host_root* root, const char* instance, pv_inst** out) noexcept {
    try {
        auto services = Services::fetch(host, root);
        if (!services) return PV_UNSUPPORTED;
        services->adopt_module();
        *out = reinterpret_cast<pv_inst*>(new Driver(*services, instance));
        return PV_OK;
    } catch (const std::exception&) {
        return PV_FAIL;
    }
}

const void* get_interface(pv_inst*, const char* id) noexcept {
    const std::string_view name(id);
    if (name == PV_IFACE_CLIENT) return client_table();
    for (const TableRow& row : kTables)
        if (row.id == name) return row.table();
    return nullptr;
}

pv_status start(pv_inst* inst, pv_call* call, uint32_t) noexcept {
    Driver& driver = driver_of(inst);
    try {
        return polyvirt::plugin::answer(driver.services(), call, driver.start());
    } catch (const std::exception& e) {
        return polyvirt::plugin::fail(driver.services(), call, polyvirt::Error{.message = std::string("internal error: ") + e.what()});
    }
}

pv_status reconfigure(pv_inst*, pv_call*) noexcept { return PV_OK; }
void stop(pv_inst* inst, uint32_t) noexcept {
    guarded("driver", [&] { driver_of(inst).stop(); });
}
void destroy(pv_inst* inst) noexcept {
    guarded("driver", [&] { delete &driver_of(inst); });
}

const pv_plugin kPlugin{
    .size = sizeof(pv_plugin),
    .abi_minor = PV_ABI_MINOR,
    .flags = 0,
    .concurrency = PV_CONCURRENCY_PARALLEL,
    .id = "test",
    .version = POLYVIRT_VERSION,
    .build_id = "",
    .probe = probe,
    .create = create,
    .get_interface = get_interface,
    .start = start,
    .reconfigure = reconfigure,
    .stop = stop,
    .destroy = destroy,
    .instance_concurrency = nullptr,
};

} // namespace

PV_EXPORT const pv_plugin* pv_plugin_entry_v1(const pv_host_root*, char*, uint32_t) noexcept { return &kPlugin; }
