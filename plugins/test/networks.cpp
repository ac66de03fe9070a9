// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "networks.h"

namespace polyvirt::test {

namespace network = sdk::network;

Error no_network(const Net& net) {
    return make_error(ErrorCode::no_network, ErrorDomain::test, "no network with matching uuid '{}' ({})", net.uuid.to_string(), net.name);
}

Networks::Networks(Driver& driver)
    : driver_(driver), s_(driver.services()), table_(driver.services(), PV_KIND_NETWORK, ErrorDomain::test, "network") {}

namespace {
Result<DescribedNetwork> described_network(const sdk::xml::Node& root) {
    return describe_object<network::Network>(root, [](const sdk::xml::Node& n) { return network::parse_network(n); });
}
} // namespace

Result<DescribedNetwork> Networks::parse(std::string_view xml) const {
    PV_ASSIGN_OR_RETURN(const sdk::xml::Node root, sdk::xml::read(xml, network::kNetworkRoot.what));
    return described_network(root);
}

Result<Networks::Table::Added> Networks::add(pv_call* call, const DescribedNetwork& d, bool persistent) {
    const auto net = std::make_shared<Net>(*d.value->uuid, d.value->name);
    if (persistent) {
        const ObjectLock lock(net->mu);
        net->config = d.value; // visible from the next line on, so it must be something that can be shown
    }
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = attribute_if(persistent, PV_ATTR_PERSISTENT);
    return table_.add(net, call, desc);
}

Status Networks::change(const NetPtr& net, const Change& change) {
    Status done;
    bool over = false;
    {
        const ObjectLock lock(net->mu);
        if (net->removed) return no_network(*net);
        done = change(*net);
        over = !net->active() && !net->config;
        if (over) driver_.faults().declare(net->handle, {});
    }
    if (over) table_.remove(*net);
    return done;
}

void Networks::show(Net& net) const {
    set_attributes(s_, net.handle,
                   attribute_if(net.active(), PV_ATTR_ACTIVE) | attribute_if(net.config != nullptr, PV_ATTR_PERSISTENT) |
                       attribute_if(net.autostart, PV_ATTR_AUTOSTART),
                   PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT | PV_ATTR_AUTOSTART);
}

void Networks::post(const Net& net, std::int32_t event) const {
    post_lifecycle<pv_event_network_lifecycle>(driver_, PV_KIND_NETWORK, net, net.handle, event);
}

void Networks::take_faults(Net& net, const DescribedNetwork& d) const {
    driver_.faults().declare(net.handle, d.faults);
    net.faults_text = d.faults_text;
}

void Networks::start(Net& net, NetworkDocument document) const {
    net.live = std::move(document);
    show(net);
    post(net, PV_NETWORK_EVENT_STARTED);
}

void Networks::halt(Net& net) const {
    for (const auto& [uuid, port] : net.ports) s_.registry->retire(s_.host, port->handle);
    net.ports.clear();
    net.live = nullptr;
    show(net);
    post(net, PV_NETWORK_EVENT_STOPPED);
}

Status Networks::edit(Net& net, std::uint32_t flags, const std::function<Status(network::Network&)>& edit) const {
    bool live = (flags & PV_NETWORK_UPDATE_AFFECT_LIVE) != 0, config = (flags & PV_NETWORK_UPDATE_AFFECT_CONFIG) != 0;
    if (!live && !config) (net.active() ? live : config) = true;
    if (live && !net.active()) return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "network is not running");
    if (config && !net.config)
        return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "cannot change persistent config of a transient network");
    // Both are made before either is replaced: a refusal changes nothing.
    std::shared_ptr<network::Network> new_live, new_config;
    if (live) {
        new_live = std::make_shared<network::Network>(*net.live);
        PV_TRY(edit(*new_live));
    }
    if (config) {
        new_config = std::make_shared<network::Network>(*net.config);
        PV_TRY(edit(*new_config));
    }
    if (new_live) net.live = std::move(new_live);
    if (new_config) net.config = std::move(new_config);
    return {};
}

Status Networks::load(const sdk::xml::Node& element) {
    PV_ASSIGN_OR_RETURN(const DescribedNetwork d, described_network(element));
    PV_ASSIGN_OR_RETURN(const Table::Added added, add(nullptr, d, true));
    if (!added.fresh) return make_error(ErrorCode::operation_failed, ErrorDomain::test, "network '{}' is described twice", d.value->name);
    const ObjectLock lock(added.object->mu);
    take_faults(*added.object, d);
    start(*added.object, d.value);
    return {};
}

} // namespace polyvirt::test
