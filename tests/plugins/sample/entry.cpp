// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The sample driver as the host sees it.

#include <cstdio>
#include <string_view>

#include <polyvirt/abi/entry.h>
#include <polyvirt/slots.h>

#include "driver.h"

PV_MANIFEST("id: sample\n"
            "abi: [0, 1]\n"
            "provides: [pv.hv.caps/1, pv.sto.vol/1, pv.dom.stats/1]\n"
            "needs: [host.build/1, host.call/1, host.client/1, host.event/1, host.loop/1, host.registry/1, host.stream/1]\n"
            "uri: [sample]\n"
            "kinds: [domain, network, network_port, interface, pool, volume, nodedev, nwfilter, nwfilter_binding, secret, "
            "snapshot, checkpoint]\n"
            "type: Sample\n"
            "error_domain: 12\n");

namespace {

using polyvirt::plugin::guarded;
using polyvirt::plugin::Services;
using polyvirt::plugin::slot;
using polyvirt::sample::Driver;

const pv_hv_caps* caps_table() {
    static const pv_hv_caps table = [] {
        pv_hv_caps t{};
        t.size = sizeof t;
        t.domain_xml_from_native = slot<&Driver::commands>;
        return t;
    }();
    return &table;
}

const pv_sto_vol* volume_table() {
    static const pv_sto_vol table = [] {
        pv_sto_vol t{};
        t.size = sizeof t;
        t.upload = slot<&Driver::upload>;
        t.download = slot<&Driver::download>;
        return t;
    }();
    return &table;
}

const pv_dom_stats* stats_table() {
    static const pv_dom_stats table = [] {
        pv_dom_stats t{};
        t.size = sizeof t;
        t.all_stats = slot<&Driver::all_stats>;
        return t;
    }();
    return &table;
}

pv_status probe(const char* uri, int32_t, pv_probe* out) noexcept {
    if (std::string_view(uri) != "sample:///default") return PV_OK;
    out->score = 100;
    out->lifetime = PV_LIFETIME_STATIC;
    std::snprintf(out->canonical, sizeof out->canonical, "sample:///default");
    std::snprintf(out->instance, sizeof out->instance, "default");
    return PV_OK;
}

pv_status create(pv_host* host, const pv_host_root* root, const char*, pv_inst** out) noexcept {
    try {
        auto services = Services::fetch(host, root);
        if (!services) return PV_UNSUPPORTED;
        services->adopt_module();
        *out = reinterpret_cast<pv_inst*>(new Driver(*services));
        return PV_OK;
    } catch (const std::exception&) {
        return PV_FAIL;
    }
}

const void* get_interface(pv_inst*, const char* id) noexcept {
    const std::string_view name(id);
    if (name == PV_IFACE_HV_CAPS) return caps_table();
    if (name == PV_IFACE_DOM_STATS) return stats_table();
    return name == PV_IFACE_STO_VOL ? volume_table() : nullptr;
}

pv_status start(pv_inst*, pv_call*, uint32_t) noexcept { return PV_OK; }
pv_status reconfigure(pv_inst*, pv_call*) noexcept { return PV_OK; }
void stop(pv_inst*, uint32_t) noexcept {}
void destroy(pv_inst* inst) noexcept {
    guarded("sample", [&] { delete reinterpret_cast<Driver*>(inst); });
}

const pv_plugin kPlugin{
    .size = sizeof(pv_plugin),
    .abi_minor = PV_ABI_MINOR,
    .flags = 0,
    .concurrency = PV_CONCURRENCY_PARALLEL,
    .id = "sample",
    .version = "0",
    .build_id = "",
    .probe = probe,
    .create = create,
    .get_interface = get_interface,
    .start = start,
    .reconfigure = reconfigure,
    .stop = stop,
    .destroy = destroy,
};

} // namespace

PV_EXPORT const pv_plugin* pv_plugin_entry_v1(const pv_host_root*, char*, uint32_t) noexcept { return &kPlugin; }
