// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A driver in C++ whose op throws. A slot is noexcept by its type, so what is thrown ends the process: nobody can
// survive that in-process, which is why the glue of plugin-api/cpp catches.

#include <cstring>
#include <stdexcept>

#include <polyvirt/abi/entry.h>
#include <polyvirt/abi/gen/hv_caps.h>

PV_MANIFEST("id: t_throws\nabi: [0, 1]\nprovides: [pv.hv.caps/1]\nuri: [throws]\n");

namespace {

// Elsewhere, or the compiler would say what comes of it.
pv_status ask_the_hypervisor() { throw std::runtime_error("nobody catches this"); }

pv_status version(pv_inst*, pv_call*, const pv_obj*, const pv_hv_version_in*, pv_hv_version_out*) noexcept {
    return ask_the_hypervisor();
}

const pv_hv_caps* caps() {
    static const pv_hv_caps table = [] {
        pv_hv_caps t{};
        t.size = sizeof t;
        t.version = version;
        return t;
    }();
    return &table;
}

pv_status probe(const char* uri, int32_t, pv_probe* out) noexcept {
    if (std::strcmp(uri, "throws:///default") != 0) return PV_OK;
    out->score = 100;
    out->lifetime = PV_LIFETIME_STATIC;
    std::strcpy(out->canonical, uri);
    std::strcpy(out->instance, "default");
    return PV_OK;
}
pv_status create(pv_host* host, const pv_host_root*, const char*, pv_inst** out) noexcept {
    *out = reinterpret_cast<pv_inst*>(host);
    return PV_OK;
}
const void* get_interface(pv_inst*, const char* id) noexcept { return std::strcmp(id, PV_IFACE_HV_CAPS) == 0 ? caps() : nullptr; }
pv_status start(pv_inst*, pv_call*, uint32_t) noexcept { return PV_OK; }
void stop(pv_inst*, uint32_t) noexcept {}
void destroy(pv_inst*) noexcept {}

const pv_plugin kPlugin{
    .size = sizeof(pv_plugin),
    .abi_minor = PV_ABI_MINOR,
    .flags = 0,
    .concurrency = PV_CONCURRENCY_SERIAL_ALL,
    .id = "t_throws",
    .version = "1",
    .build_id = "t",
    .probe = probe,
    .create = create,
    .get_interface = get_interface,
    .start = start,
    .reconfigure = nullptr,
    .stop = stop,
    .destroy = destroy,
    .instance_concurrency = nullptr,
};

} // namespace

PV_EXPORT const pv_plugin* pv_plugin_entry_v1(const pv_host_root*, char*, uint32_t) noexcept { return &kPlugin; }
