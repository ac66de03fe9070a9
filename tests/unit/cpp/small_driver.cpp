// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tests/unit/cpp/small_driver.h"

#include <stdexcept>

#include "base/error_text.h"

namespace polyvirt::small {

Driver*& Driver::last() {
    static Driver* driver = nullptr;
    return driver;
}

plugin::Claim Driver::probe(std::string_view uri, bool) {
    if (uri == "small:///throw") throw std::runtime_error("probe");
    if (uri == "small:///long") return {.score = 100, .canonical = std::string(256, 'x'), .instance = "x"};
    if (uri != "small:///one") return {};
    return {.score = 70, .canonical = "small:///one", .instance = "one", .lifetime = PV_LIFETIME_PER_URI};
}

Result<std::unique_ptr<Driver>> Driver::make(const plugin::Services& s, std::string_view instance) {
    if (instance == "refused") return Error{.message = "no instance of that name"};
    if (instance == "thrown") throw std::runtime_error("cannot be made");
    return std::make_unique<Driver>(s, instance);
}

Status Driver::start(pv_call*, std::uint32_t) {
    if (key == "unstartable") throw plugin::Failure({.code = ErrorCode::no_connect, .message = "not today"});
    return {};
}

void Driver::client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object) {
    if (on_closed) on_closed(client, kind, object);
}

Status Driver::undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in& in, pv_dom_undefine_out&) {
    flags_seen = in.flags;
    switch (in.flags) {
    case 1: return make_error(ErrorCode::no_domain, ErrorDomain::none, "no such guest");
    case 2: throw std::bad_alloc();
    case 3: throw std::runtime_error("broken");
    case 4: throw 7; // NOLINT(hicpp-exception-baseclass): drivers may
    case 5: throw plugin::Failure({.code = ErrorCode::operation_invalid, .message = "thrown on purpose"});
    default: return {};
    }
}

pv_status Driver::xml_desc(pv_call* call, const pv_obj*, const pv_dom_xml_desc_in& in, pv_dom_xml_desc_out&) {
    if (in.flags == 0) return PV_OK;
    s_.call->complete(call, PV_OK);
    return PV_PENDING;
}

pv_status Driver::os_type(pv_call*, const pv_obj*, const pv_dom_os_type_in&, pv_dom_os_type_out&) const noexcept {
    return PV_OK;
}

Status Driver::info(pv_call*, const pv_obj*, const pv_dom_info_in&, pv_dom_info_out& out) {
    out.state = 1;
    out.vcpus = 2;
    return {};
}

const pv_plugin& plugin_table() { return plugin::PluginEntry<Driver>::kPlugin; }

std::string manifest() {
    static constexpr auto kNote = plugin::detail::manifest_note<Driver>();
    return kNote.desc;
}

} // namespace polyvirt::small
