// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The plugin as the host sees it: manifest, entry, tables.

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include <polyvirt/abi/client.h>
#include <polyvirt/abi/entry.h>
#include <polyvirt/slots.h>

#include "driver.h"

PV_MANIFEST("id: qemu\n"
            "abi: [0, 1]\n"
            "provides: [pv.hv.caps/1, pv.dom.lifecycle/1, pv.dom.config/1, pv.dom.stats/1, pv.dom.tune/1, pv.dom.console/1]\n"
            "needs: [host.build/1, host.call/1, host.client/1, host.config/1, host.event/1, host.job/1, host.log/1, "
            "host.loop/1, host.paths/1, host.proc/1, host.registry/1, host.state/1, host.stream/1]\n"
            "uri: [qemu]\n"
            "kinds: [domain]\n"
            "type: QEMU\n"
            "error_domain: 10\n");

namespace {

using polyvirt::plugin::guarded;
using polyvirt::plugin::Services;
using polyvirt::plugin::slot;
using polyvirt::qemu::Driver;

Driver& driver_of(pv_inst* inst) { return *reinterpret_cast<Driver*>(inst); }

const pv_hv_caps* caps_table() {
    static const pv_hv_caps table = [] {
        pv_hv_caps t{};
        t.size = sizeof t;
        t.type = slot<&Driver::type>;
        t.version = slot<&Driver::version>;
        t.capabilities = slot<&Driver::capabilities>;
        t.domain_capabilities = slot<&Driver::domain_capabilities>;
        t.max_vcpus = slot<&Driver::max_vcpus>;
        t.domain_xml_to_native = slot<&Driver::domain_xml_to_native>;
        t.security_model = slot<&Driver::security_model>;
        return t;
    }();
    return &table;
}

const pv_dom_config* config_table() {
    static const pv_dom_config table = [] {
        pv_dom_config t{};
        t.size = sizeof t;
        t.define_xml = slot<&Driver::define_xml>;
        t.undefine = slot<&Driver::undefine>;
        t.xml_desc = slot<&Driver::xml_desc>;
        t.os_type = slot<&Driver::os_type>;
        t.set_autostart = slot<&Driver::set_autostart>;
        return t;
    }();
    return &table;
}

const pv_dom_lifecycle* lifecycle_table() {
    static const pv_dom_lifecycle table = [] {
        pv_dom_lifecycle t{};
        t.size = sizeof t;
        t.create_xml = slot<&Driver::create_xml>;
        t.create = slot<&Driver::create>;
        t.shutdown = slot<&Driver::shutdown>;
        t.reboot = slot<&Driver::reboot>;
        t.reset = slot<&Driver::reset>;
        t.destroy = slot<&Driver::destroy>;
        t.suspend = slot<&Driver::suspend>;
        t.resume = slot<&Driver::resume>;
        return t;
    }();
    return &table;
}

const pv_dom_stats* stats_table() {
    static const pv_dom_stats table = [] {
        pv_dom_stats t{};
        t.size = sizeof t;
        t.info = slot<&Driver::info>;
        t.control_info = slot<&Driver::control_info>;
        return t;
    }();
    return &table;
}

const pv_dom_tune* tune_table() {
    static const pv_dom_tune table = [] {
        pv_dom_tune t{};
        t.size = sizeof t;
        t.max_memory = slot<&Driver::max_memory>;
        t.vcpus_count = slot<&Driver::vcpus_count>;
        return t;
    }();
    return &table;
}

const pv_dom_console* console_table() {
    static const pv_dom_console table = [] {
        pv_dom_console t{};
        t.size = sizeof t;
        t.open_console = slot<&Driver::open_console>;
        return t;
    }();
    return &table;
}

const pv_client* client_table() {
    static const pv_client table = [] {
        pv_client t{};
        t.size = sizeof t;
        t.closed = [](pv_inst* inst, uint64_t client, uint32_t kind, uint64_t object) noexcept {
            guarded("client", [&] { driver_of(inst).client_closed(client, kind, object); });
        };
        return t;
    }();
    return &table;
}

pv_status probe(const char* uri, int32_t privileged, pv_probe* out) noexcept {
    const std::string_view text(uri);
    const char* const key = privileged != 0 ? "system" : "session";
    const std::string_view wanted = privileged != 0 ? "qemu:///system" : "qemu:///session";
    if (text == wanted) {
        out->score = 100;
    } else if (text.empty()) {
        out->score = 50;
    } else {
        return PV_OK; // score 0: not mine
    }
    out->lifetime = PV_LIFETIME_STATIC;
    std::snprintf(out->canonical, sizeof out->canonical, "qemu:///%s", key);
    std::snprintf(out->instance, sizeof out->instance, "%s", key);
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
    if (name == PV_IFACE_DOM_CONFIG) return config_table();
    if (name == PV_IFACE_DOM_LIFECYCLE) return lifecycle_table();
    if (name == PV_IFACE_DOM_STATS) return stats_table();
    if (name == PV_IFACE_DOM_TUNE) return tune_table();
    if (name == PV_IFACE_DOM_CONSOLE) return console_table();
    if (name == PV_IFACE_CLIENT) return client_table();
    return nullptr;
}

pv_status start(pv_inst* inst, pv_call* call, uint32_t how) noexcept {
    Driver& driver = driver_of(inst);
    try {
        return polyvirt::plugin::answer(driver.services(), call, driver.start(call, how));
    } catch (const std::exception& e) {
        return polyvirt::plugin::fail(driver.services(), call, polyvirt::Error{.message = std::string("internal error: ") + e.what()});
    }
}

pv_status reconfigure(pv_inst*, pv_call*) noexcept { return PV_OK; }
void stop(pv_inst* inst, uint32_t why) noexcept {
    guarded("driver", [&] { driver_of(inst).stop(why); });
}
void destroy(pv_inst* inst) noexcept {
    guarded("driver", [&] { delete &driver_of(inst); });
}

const pv_plugin kPlugin{
    .size = sizeof(pv_plugin),
    .abi_minor = PV_ABI_MINOR,
    .flags = 0,
    .concurrency = PV_CONCURRENCY_PARALLEL,
    .id = "qemu",
    .version = POLYVIRT_VERSION,
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
