// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Networks and their ports. A port lives under its network's lock. Any thread.

#include <map>
#include <memory>

#include "described.h"
#include "sdk/network/network.h"
#include "sdk/network/port.h"

namespace polyvirt::test {

using NetworkDocument = std::shared_ptr<const sdk::network::Network>;

struct Net;

// What the registry hands back for a port; its fields are guarded by the network's lock.
struct NetPort {
    std::weak_ptr<Net> network;
    Uuid uuid;
    std::uint64_t handle = 0;
    sdk::network::Port document;
};
using NetPortPtr = std::shared_ptr<NetPort>;

struct Net : sdk::Object {
    using Object::Object;

    // Documents are replaced, never changed in place.
    NetworkDocument config PV_GUARDED_BY(mu); // null: transient
    NetworkDocument live PV_GUARDED_BY(mu);   // null: not running
    bool autostart PV_GUARDED_BY(mu) = false;
    std::shared_ptr<const sdk::xml::Node> faults_text PV_GUARDED_BY(mu);
    std::map<Uuid, NetPortPtr> ports PV_GUARDED_BY(mu);

    [[nodiscard]] bool active() const PV_REQUIRES(mu) { return live != nullptr; }
    [[nodiscard]] const NetworkDocument& current() const PV_REQUIRES(mu) { return live ? live : config; }
};
using NetPtr = std::shared_ptr<Net>;
using DescribedNetwork = DescribedObject<sdk::network::Network>;

Error no_network(const Net& net);

class Networks final : public Part {
  public:
    using Table = sdk::ObjectTable<Net>;
    // Under the network's lock.
    using Change = std::function<Status(Net&)>;

    explicit Networks(Driver& driver);

    [[nodiscard]] bool knows(std::string_view element) const override { return element == "network"; }
    Status load(const sdk::xml::Node& element) override;

    static NetPtr of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] Result<DescribedNetwork> parse(std::string_view xml) const;
    [[nodiscard]] Result<Table::Added> add(pv_call* call, const DescribedNetwork& described, bool persistent);
    // Runs `change` unless the network has gone; one that is neither defined nor active afterwards goes.
    Status change(const NetPtr& net, const Change& change) PV_NO_LOCKS_HELD;

    void show(Net& net) const PV_REQUIRES(net.mu);
    void post(const Net& net, std::int32_t event) const PV_REQUIRES(net.mu);
    void take_faults(Net& net, const DescribedNetwork& described) const PV_REQUIRES(net.mu);
    void start(Net& net, NetworkDocument document) const PV_REQUIRES(net.mu);
    // Its ports go with it.
    void halt(Net& net) const PV_REQUIRES(net.mu);
    // Applies `edit` to the live document, the stored one or both, as PV_NETWORK_UPDATE_AFFECT_* say.
    Status edit(Net& net, std::uint32_t flags, const std::function<Status(sdk::network::Network&)>& edit) const
        PV_REQUIRES(net.mu);

  private:
    Driver& driver_;
    const plugin::Services& s_;
    Table table_;
};

} // namespace polyvirt::test
