// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A driver that calls another one (callee.cpp): caller:///system. domain_xml_from_native takes a command and a network's
// name, "desc lan", and answers with what the network driver said:
//
//     desc, async    its document, with and without waiting
//     secure         the same with a flag that nobody knows
//     destroy        an op that is answered later
//     undefine       an op that fails
//     missing        an op that the driver lacks
//     undeclared     an op of a kind that the manifest does not list
//     loop           calls, and waits, on a loop's thread

#include <polyvirt/driver.h>
#include <polyvirt/gen/hv_caps.h>
#include <polyvirt/gen/net_network.h>
#include <polyvirt/gen/secret.h>
#include <polyvirt/plugin.h>

#include "base/error_text.h"

namespace polyvirt::caller {

class Driver final : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{
        .id = "caller",
        .version = "1",
        .uri = "caller",
        .kinds = "domain",
        .serves = CALLER_SERVES,
        .uses = "network",
        .error_domain = 10,
        .concurrency = plugin::Concurrency::parallel};
    using Implements = plugin::implements<ops::hv_caps::domain_xml_from_native>;

    static plugin::Claim probe(std::string_view uri, bool) {
        if (uri != "caller:///default") return {};
        return {.score = 100, .canonical = std::string(uri), .instance = "default"};
    }
    explicit Driver(const plugin::Services& s) : DriverBase(s), loop_(s_, PV_LOOP_SHARED, "caller") {}

    // What the other driver needs at start-up goes without a client: as the host.
    Status start(pv_call*, std::uint32_t) {
        const plugin::Neighbours others(s_, nullptr);
        PV_ASSIGN_OR_RETURN(const std::uint64_t lan, others.find(PV_KIND_NETWORK, "lan"));
        if (lan == 0) return make_error(ErrorCode::no_network, ErrorDomain::network, "there is no network 'lan'");
        PV_ASSIGN_OR_RETURN(at_start_, describe(others, lan, 0));
        return {};
    }

    pv_status domain_xml_from_native(pv_call* call, const pv_obj*, const pv_hv_domain_xml_from_native_in& in,
                                     pv_hv_domain_xml_from_native_out& out) {
        const std::string_view text(in.config);
        const std::string command(text.substr(0, text.find(' ')));
        const std::string name(text.substr(std::min(text.size(), command.size() + 1)));
        const plugin::Neighbours others(s_, call);
        if (command == "start") return finish(call, out, at_start_);
        if (command == "undeclared") {
            pv_secret_get_value_out ignored{};
            return plugin::answer(s_, call, others.call<ops::secret::get_value>(1, {}, ignored));
        }
        const auto found = others.find(PV_KIND_NETWORK, name);
        if (!found) return plugin::fail(s_, call, found.error());
        if (*found == 0)
            return plugin::fail(s_, call, make_error(ErrorCode::no_network, ErrorDomain::network, "no '{}'", name));
        if (command == "async") return describe_later(call, others, *found, out);
        if (command == "loop") return on_loop(call, *found, out);
        return finish(call, out, run(others, command, *found));
    }

  private:
    pv_status finish(pv_call* call, pv_hv_domain_xml_from_native_out& out, const Result<std::string>& result) const {
        if (!result) return plugin::fail(s_, call, result.error());
        plugin::write(s_, out.xml, *result);
        return PV_OK;
    }
    Result<std::string> describe(const plugin::Neighbours& others, std::uint64_t network, std::uint32_t flags) const {
        const plugin::Buffer text(s_, 4096);
        pv_net_xml_desc_out desc{};
        desc.xml = text.get();
        pv_net_xml_desc_in in{};
        in.flags = flags;
        PV_TRY(others.call<ops::net_network::xml_desc>(network, in, desc));
        return std::string(text.text());
    }
    Result<std::string> run(const plugin::Neighbours& others, const std::string& command, std::uint64_t network) const {
        if (command == "desc") return describe(others, network, 0);
        if (command == "secure") return describe(others, network, 0x8000);
        if (command == "destroy") {
            pv_net_destroy_out out{};
            PV_TRY(others.call<ops::net_network::destroy>(network, {}, out));
            return std::string("destroyed");
        }
        if (command == "undefine") {
            pv_net_undefine_out out{};
            PV_TRY(others.call<ops::net_network::undefine>(network, {}, out));
            return std::string("undefined");
        }
        if (others.implements<ops::net_network::create>())
            return make_error(ErrorCode::internal_error, ErrorDomain::none, "it says it can");
        pv_net_create_out out{};
        PV_TRY(others.call<ops::net_network::create>(network, {}, out));
        return std::string("created");
    }
    // What lives until the other driver has answered.
    struct Later {
        Later(const plugin::Services& s) : text(s, 4096) {}
        const plugin::Buffer text;
        pv_net_xml_desc_out desc{};
    };
    pv_status describe_later(pv_call* call, const plugin::Neighbours& others, std::uint64_t network,
                             pv_hv_domain_xml_from_native_out& out) const {
        const auto later = std::make_shared<Later>(s_);
        later->desc.xml = later->text.get();
        return others.call_async<ops::net_network::xml_desc>(
            network, {}, later->desc, loop_, [this, call, later, &out](pv_status status) {
                if (status == PV_OK) plugin::write(s_, out.xml, later->text.text());
                s_.call->complete(call, status);
            });
    }
    pv_status on_loop(pv_call* call, std::uint64_t network, pv_hv_domain_xml_from_native_out& out) const {
        const bool posted = loop_.post([this, call, network, &out] {
            s_.call->complete(call, finish(call, out, describe(plugin::Neighbours(s_, call), network, 0)));
        });
        return posted ? PV_PENDING : PV_FAIL;
    }

    const plugin::Loop loop_;
    std::string at_start_;
};

} // namespace polyvirt::caller

PV_PLUGIN(polyvirt::caller::Driver);
