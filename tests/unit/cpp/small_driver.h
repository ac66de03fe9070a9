// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A driver made with the glue alone, as an author would; the tests put it into the host.

#include <functional>
#include <string>
#include <string_view>

#include <polyvirt/gen/dom_config.h>
#include <polyvirt/gen/dom_stats.h>
#include <polyvirt/gen/net_network.h>
#include <polyvirt/plugin.h>

namespace polyvirt::small {

// A part of the driver, with ops of its own; `undefine` is a name that the driver has too.
class Networks {
  public:
    using Implements = plugin::implements<ops::net_network::undefine>;
    Status undefine(pv_call*, const pv_obj*, const pv_net_undefine_in&, pv_net_undefine_out&) {
        ++undefined;
        return {};
    }
    int undefined = 0;
};

class Driver final : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{.id = "small",
                                          .version = "2",
                                          .uri = "small",
                                          .kinds = "domain, network",
                                          .error_domain = 10,
                                          .concurrency = plugin::Concurrency::parallel};
    using Implements = plugin::implements<ops::dom_config::undefine, ops::dom_config::xml_desc,
                                          ops::dom_config::os_type, ops::dom_stats::info>;
    static plugin::Claim probe(std::string_view uri, bool privileged);
    static Result<std::unique_ptr<Driver>> make(const plugin::Services& s, std::string_view instance);

    Driver(const plugin::Services& s, std::string_view instance) : DriverBase(s), key(instance) { last() = this; }
    ~Driver() { last() = nullptr; }

    Status start(pv_call* call, std::uint32_t how);
    Status reconfigure(pv_call*) {
        ++reconfigured;
        return {};
    }
    void stop(std::uint32_t why) { stopped = why; }
    void client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object);

    // A Status; a pv_status; a const and noexcept one; one that throws what the flags say.
    Status undefine(pv_call*, const pv_obj*, const pv_dom_undefine_in& in, pv_dom_undefine_out&);
    pv_status xml_desc(pv_call* call, const pv_obj*, const pv_dom_xml_desc_in& in, pv_dom_xml_desc_out& out);
    pv_status os_type(pv_call* call, const pv_obj*, const pv_dom_os_type_in&, pv_dom_os_type_out& out) const noexcept;
    Status info(pv_call*, const pv_obj*, const pv_dom_info_in&, pv_dom_info_out& out);

    static Driver*& last();

    const std::string key;
    int reconfigured = 0;
    std::uint32_t stopped = 0;
    std::uint32_t flags_seen = 0;
    std::function<void(std::uint64_t, std::uint32_t, std::uint64_t)> on_closed;
    Networks networks;
    using Parts = plugin::parts<&Driver::networks>;
};

// What the host is given.
const pv_plugin& plugin_table();
std::string manifest();

} // namespace polyvirt::small
