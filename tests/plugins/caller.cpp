// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A driver that calls another one (callee.cpp): caller:///system. domain_xml_from_native takes a command and a network's
// name, "desc lan", and answers with what the network driver said:
//
//     desc, async    its document, with and without waiting
//     leases         its leases, one after another
//     endless        leases of which not all can be taken
//     ports          the ports that the client may see: name, key "tap" and what was set of them just before
//     lists          that the lists of no answer are empty
//     secure         the same with a flag that nobody knows
//     destroy        an op that is answered later
//     undefine       an op that fails
//     missing        an op that the driver lacks
//     undeclared     an op of a kind that the manifest does not list
//     loop           calls, and waits, on a loop's thread
//     heard          how many notices of networks came, and the last three

#include <polyvirt/driver.h>
#include <polyvirt/gen/hv_caps.h>
#include <polyvirt/gen/net_network.h>
#include <polyvirt/gen/net_port.h>
#include <polyvirt/gen/secret.h>
#include <polyvirt/plugin.h>
#include <polyvirt/subscription.h>

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
        .uses = "network, network_port",
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
        networks_ = plugin::Subscription(s_, PV_KIND_NETWORK, loop_, [this](const plugin::Notice& n) {
            const LeafLock lock(mu_);
            heard_.push_back(n.lost() ? fmt::format("{} lost", n.detail)
                                      : fmt::format("{} {}/{} {:02x}", n.name, n.event, n.detail, n.uuid.bytes[0]));
        });
        if (!networks_) return make_error(ErrorCode::internal_error, ErrorDomain::none, "no notices");
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
        if (command == "heard") return finish(call, out, heard());
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
        if (command == "leases") return leases(others, network, nullptr);
        if (command == "endless") return leases(others, network, "endless");
        if (command == "ports") return ports(others, network);
        if (command == "lists") return empty_lists();
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
    Result<std::string> leases(const plugin::Neighbours& others, std::uint64_t network, const char* mac) const {
        const plugin::RecordList<ops::net_network::dhcp_leases, pv_net_lease> found(s_);
        pv_net_dhcp_leases_in in{};
        in.mac = mac;
        pv_net_dhcp_leases_out out{};
        out.leases = found.get();
        PV_TRY(others.call<ops::net_network::dhcp_leases>(network, in, out));
        PV_TRY(found.check());
        std::string text;
        for (std::uint32_t i = 0; i < found.size(); ++i)
            text += fmt::format("{}/{} until {} on {} for {}\n", found[i].address, found[i].prefix, found[i].expiry,
                                found[i].interface, found[i].hostname != nullptr ? found[i].hostname : "nobody");
        return text;
    }
    Result<std::string> ports(const plugin::Neighbours& others, std::uint64_t network) const {
        PV_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> all, others.list(PV_KIND_NETWORK_PORT, network));
        std::string text = fmt::format("{} ports\n", all.size());
        for (const std::uint64_t port : all) {
            PV_ASSIGN_OR_RETURN(const auto seen, others.describe(PV_KIND_NETWORK_PORT, port, "tap"));
            PV_ASSIGN_OR_RETURN(const auto none, others.describe(PV_KIND_NETWORK_PORT, port, "colour"));
            if (!seen || none) return make_error(ErrorCode::internal_error, ErrorDomain::none, "port {} is odd", port);
            pv_param average{};
            average.field = "inbound.average";
            average.type = PV_PARAM_UINT;
            average.v.ui = 17;
            pv_port_set_params_in in{};
            in.params = &average;
            in.nparams = 1;
            pv_port_set_params_out done{};
            PV_TRY(others.call<ops::net_port::set_params>(port, in, done));
            const plugin::ParamList params(s_);
            pv_port_params_out out{};
            out.params = params.get();
            PV_TRY(others.call<ops::net_port::params>(port, {}, out));
            PV_TRY(params.check());
            const pv_param* set = params.view().find("inbound.average", PV_PARAM_UINT);
            const pv_param* note = params.view().find("note", PV_PARAM_STRING);
            if (set == nullptr || note == nullptr || params.view().at(2) != nullptr)
                return make_error(ErrorCode::internal_error, ErrorDomain::none, "{} parameters", params.size());
            text += fmt::format("{} (uuid {:02x}, tap {}): {}, {}\n", seen->name, seen->object.uuid[0], seen->value,
                                set->v.ui, note->v.s);
        }
        return text;
    }
    Result<std::string> empty_lists() const {
        const plugin::StringList strings(s_);
        const plugin::GroupList groups(s_);
        const plugin::ObjectList objects(s_);
        const plugin::ParamList params(s_);
        if (!strings || !groups || !objects || !params) return std::string("there are none");
        const bool empty = strings.size() + groups.size() + objects.size() + params.size() == 0 && strings[0].empty() &&
                           groups[7].object == 0 && groups[7].params.size() == 0 && objects[0] == 0;
        return std::string(empty ? "empty" : "not empty");
    }
    std::string heard() const {
        const LeafLock lock(mu_);
        std::string text = std::to_string(heard_.size());
        for (std::size_t i = heard_.size() - std::min<std::size_t>(heard_.size(), 3); i < heard_.size(); ++i)
            text += ", " + heard_[i];
        return text;
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
    plugin::Subscription networks_;
    mutable Mutex mu_{Rank::leaf};
    std::vector<std::string> heard_ PV_GUARDED_BY(mu_);
};

} // namespace polyvirt::caller

PV_PLUGIN(polyvirt::caller::Driver);
