// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Driver: one instance of the test plugin, that is, one imaginary host: test:///default, which all of its clients
// share, or test:///path/to/file.xml, which one connection has to itself and which ends with it. It owns what the
// parts have in common (services, loop, event queue, faults) and the parts, one for each family of objects. Ops are in
// one source per table (dom_*.cpp, net_*.cpp, sto_*.cpp ...), entered by the host's workers, in parallel.
//
// Adding a family: a class derived from Part, a member here, a line in the constructor; its tables in tables.h.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <polyvirt/abi/gen/ops.h>
#include <polyvirt/loop.h>
#include <polyvirt/plugin.h>

#include "base/result.h"
#include "base/sync.h"
#include "sdk/xml/node.h"
#include "tables.h"

namespace polyvirt::test {

class Domains;
class NodeDevices;
class Faults;
class Filters;
class Interfaces;
class Networks;
class NodeFigures;
class Pools;
class Secrets;

// A family of objects of the imaginary host.
class Part {
  public:
    virtual ~Part() = default;
    // Children of <node> that this part makes objects of.
    [[nodiscard]] virtual bool knows(std::string_view element) const = 0;
    // [init] Makes one of them. Error: complete but for the file's name and line, which the caller adds.
    virtual Status load(const sdk::xml::Node& element) PV_NO_LOCKS_HELD = 0;
    // [init] All is loaded: what starts by itself.
    virtual Status ready() PV_NO_LOCKS_HELD { return {}; }
    // [init] No op runs and none will.
    virtual void stop() PV_NO_LOCKS_HELD {}
};

class Driver : public plugin::DriverBase {
  public:
    // What the host reads and asks: the glue makes manifest, entry and probe of these (PV_PLUGIN in entry.cpp).
    static constexpr plugin::About kAbout{.id = "test",
                                          .version = POLYVIRT_VERSION,
                                          .uri = "test",
                                          .kinds = "domain, snapshot, checkpoint, network, network_port, pool, volume, nodedev, interface, "
                                                   "secret, nwfilter, nwfilter_binding",
                                          .type = "TEST",
                                          .error_domain = static_cast<std::uint32_t>(ErrorDomain::test),
                                          .concurrency = plugin::Concurrency::parallel};
    static constexpr plugin::OwnTable kTables[] = {
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
        {PV_IFACE_DOM_MIGRATE, dom_migrate_table},
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
    static plugin::Claim probe(std::string_view uri, bool privileged);

    // `instance`: "default", or "file:" and the path of the file that describes the host.
    Driver(const plugin::Services& services, std::string_view instance);
    ~Driver();

    // [init]
    Status start(pv_call* call, std::uint32_t how) PV_NO_LOCKS_HELD;
    void stop(std::uint32_t why) PV_NO_LOCKS_HELD;
    // [loop]
    void client_closed(std::uint64_t client, std::uint32_t kind, std::uint64_t object) PV_NO_LOCKS_HELD;

    // Constant from the constructor on (the loop: from start on); any thread.
    // The one thread of timers, streams and late answers. Nothing on it blocks.
    [[nodiscard]] const plugin::Loop& loop() const { return loop_; }
    [[nodiscard]] Faults& faults() const { return *faults_; }
    [[nodiscard]] NodeFigures& node() const { return *node_; }
    [[nodiscard]] Domains& domains() const { return *domains_; }
    [[nodiscard]] Networks& networks() const { return *networks_; }
    [[nodiscard]] Pools& pools() const { return *pools_; }
    [[nodiscard]] NodeDevices& devices() const { return *devices_; }
    [[nodiscard]] Interfaces& interfaces() const { return *interfaces_; }
    [[nodiscard]] Secrets& secrets() const { return *secrets_; }
    [[nodiscard]] Filters& filters() const { return *filters_; }

    // Never used before; for jobs, held calls and the like.
    [[nodiscard]] std::uint64_t next_number() { return ++numbers_; }

    // Queues an event; leaf: under the object's lock is right, after the registry shows the change.
    void post(const pv_event& event) const;

  private:
    const std::string instance_;
    plugin::Loop loop_;
    pv_queue* events_ = nullptr;
    std::unique_ptr<Faults> faults_;
    std::unique_ptr<NodeFigures> node_;
    std::unique_ptr<Domains> domains_;
    std::unique_ptr<Networks> networks_;
    std::unique_ptr<Pools> pools_;
    std::unique_ptr<NodeDevices> devices_;
    std::unique_ptr<Interfaces> interfaces_;
    std::unique_ptr<Secrets> secrets_;
    std::unique_ptr<Filters> filters_;
    std::atomic<std::uint64_t> numbers_{0};
    std::vector<Part*> parts_; // in the order in which they are loaded; ended in the other
};

} // namespace polyvirt::test
