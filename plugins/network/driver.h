// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Driver: one instance of the network plugin. Its methods named as ops are entered by the host's workers, in parallel;
// they are in one source per subject (ops_*.cpp). Whatever changes a network holds its job and is a task (sdk/task.h).
// Owned by the glue from create() to destroy().

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/event.h>
#include <polyvirt/gen/net_network.h>
#include <polyvirt/gen/net_port.h>
#include <polyvirt/loop.h>
#include <polyvirt/plugin.h>

#include "bridges.h"
#include "net.h"
#include "sdk/operation.h"
#include "sdk/records.h"
#include "sdk/task.h"
#include "up/firewall.h"

namespace polyvirt::network {

// Of a call on the network that runs, its configuration, or both.
inline constexpr std::uint32_t kAffect = PV_NETWORK_UPDATE_AFFECT_LIVE | PV_NETWORK_UPDATE_AFFECT_CONFIG;

// The names of a network's records.
inline std::string config_record(const std::string& name) { return name + ".xml"; }
inline std::string autostart_record(const std::string& name) { return "autostart/" + name + ".xml"; }
inline std::string status_record(const std::string& name) { return name + ".json"; }

// What is said of a network that went between the look-up and its turn.
Error no_network(const Net& net);

class Driver : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{.id = "network",
                                          .version = POLYVIRT_VERSION,
                                          .uri = "network",
                                          .kinds = "network, network_port",
                                          .serves = "network, network_port",
                                          .type = "network",
                                          .error_domain = 19,
                                          .concurrency = plugin::Concurrency::parallel};
    using Implements =
        plugin::implements<ops::net_network::create_xml, ops::net_network::define_xml, ops::net_network::undefine,
                           ops::net_network::create, ops::net_network::destroy, ops::net_network::update,
                           ops::net_network::xml_desc, ops::net_network::bridge_name, ops::net_network::set_autostart,
                           ops::net_network::dhcp_leases, ops::net_network::set_metadata,
                           ops::net_network::get_metadata, ops::net_port::create_xml, ops::net_port::remove,
                           ops::net_port::xml_desc, ops::net_port::params, ops::net_port::set_params>;
    static plugin::Claim probe(std::string_view uri, bool privileged);

    explicit Driver(const plugin::Services& services);

    // [init]
    Status start(pv_call* call, std::uint32_t how) PV_NO_LOCKS_HELD;
    void stop(std::uint32_t why) PV_NO_LOCKS_HELD;

    // pv.net.network (ops_define.cpp, ops_life.cpp, ops_read.cpp, ops_update.cpp)
    pv_status create_xml(pv_call*, const pv_obj*, const pv_net_create_xml_in&, pv_net_create_xml_out&);
    pv_status define_xml(pv_call*, const pv_obj*, const pv_net_define_xml_in&, pv_net_define_xml_out&);
    pv_status undefine(pv_call*, const pv_obj*, const pv_net_undefine_in&, pv_net_undefine_out&);
    pv_status create(pv_call*, const pv_obj*, const pv_net_create_in&, pv_net_create_out&);
    pv_status destroy(pv_call*, const pv_obj*, const pv_net_destroy_in&, pv_net_destroy_out&);
    pv_status update(pv_call*, const pv_obj*, const pv_net_update_in&, pv_net_update_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_net_xml_desc_in&, pv_net_xml_desc_out&);
    pv_status bridge_name(pv_call*, const pv_obj*, const pv_net_bridge_name_in&, pv_net_bridge_name_out&);
    pv_status set_autostart(pv_call*, const pv_obj*, const pv_net_set_autostart_in&, pv_net_set_autostart_out&);
    pv_status dhcp_leases(pv_call*, const pv_obj*, const pv_net_dhcp_leases_in&, pv_net_dhcp_leases_out&);
    pv_status set_metadata(pv_call*, const pv_obj*, const pv_net_set_metadata_in&, pv_net_set_metadata_out&);
    pv_status get_metadata(pv_call*, const pv_obj*, const pv_net_get_metadata_in&, pv_net_get_metadata_out&);
    // pv.net.port (ops_port.cpp)
    pv_status create_xml(pv_call*, const pv_obj*, const pv_port_create_xml_in&, pv_port_create_xml_out&);
    pv_status remove(pv_call*, const pv_obj*, const pv_port_remove_in&, pv_port_remove_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_port_xml_desc_in&, pv_port_xml_desc_out&);
    pv_status params(pv_call*, const pv_obj*, const pv_port_params_in&, pv_port_params_out&);
    pv_status set_params(pv_call*, const pv_obj*, const pv_port_set_params_in&, pv_port_set_params_out&);

  private:
    using Task = sdk::Task<Status>;
    using Table = sdk::ObjectTable<Net>;
    // Makes the task of an op. It is gone when that runs, as are its captures: coroutines take what they need by value.
    using Body = std::function<Task(const sdk::OperationPtr&, const NetPtr&)>;
    using Edit = std::function<Status(doc::Network&)>;
    // What a define or a create brings; the handle is told there.
    struct Definition {
        Document document;
        bool persistent;
        std::uint64_t* handle;
    };

    [[nodiscard]] static NetPtr net_of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] pv_status answer(pv_call* call, const Status& status) const {
        return plugin::answer(s_, call, status);
    }
    [[nodiscard]] static Status check_flags(std::uint32_t flags, std::uint32_t known, const char* function);
    // Writes a whole answer; too long for the reply is an error.
    [[nodiscard]] pv_status give(pv_call* call, pv_sink* sink, std::string_view text) const;
    // An op that holds the network's job: the body runs on a worker, its task ends the call. `what` is static text.
    pv_status with_job(pv_call* call, const NetPtr& net, const char* what, Body body);

    // ops_define.cpp
    [[nodiscard]] Result<doc::Network> parse(std::string_view xml, bool validate) const;
    // What a network has from its definition on: its bridge's name and address. Errors: internal_error.
    [[nodiscard]] Status complete(doc::Network& network);
    void keep_bridges(Net& net) PV_REQUIRES(net.mu);
    pv_status put(pv_call* call, const Definition& definition);
    Task finish_define(sdk::OperationPtr op, NetPtr net, Definition definition, bool fresh);
    Task finish_undefine(NetPtr net);
    Task finish_autostart(sdk::OperationPtr op, NetPtr net, bool wanted);
    // One that is neither defined nor active goes. Worker.
    void settle(const NetPtr& net) PV_NO_LOCKS_HELD;

    // ops_life.cpp. With the network's job, on a worker; `call` may be null.
    Task start_network(NetPtr net, Document document, pv_call* call);
    Task start_defined(NetPtr net, pv_call* call);
    Task stop_network(NetPtr net);
    Task bring_up(Document document, pv_call* call);
    Task take_down(NetPtr net, Document document);
    void end_network(const NetPtr& net) PV_NO_LOCKS_HELD;
    void autostart_networks();

    // servers.cpp: who answers for addresses and names.
    void watch_server(const NetPtr& net) PV_NO_LOCKS_HELD;
    void forget_server(const NetPtr& net) PV_NO_LOCKS_HELD;
    void server_ended(const NetPtr& net);
    Task restart_server(NetPtr net);

    // walls.cpp: the firewall. The first goes on on a worker; the second is for one thread at a time.
    Task apply_walls(pv_call* call);
    [[nodiscard]] Status write_walls(pv_call* call) PV_NO_LOCKS_HELD;
    void walls_touched();

    // ops_update.cpp
    Task edit(sdk::OperationPtr op, NetPtr net, std::uint32_t flags, Edit change);
    Task finish_metadata(sdk::OperationPtr op, NetPtr net, pv_net_set_metadata_in in);
    Task apply_change(NetPtr net, Document from, Document to, pv_call* call);

    // ops_port.cpp
    using PortChange = std::function<Status(Net&, NetPort&)>;
    Task finish_port(sdk::OperationPtr op, NetPtr net, std::shared_ptr<const doc::Port> document, bool reclaim,
                     std::uint64_t* handle);
    Status publish_port(pv_call* call, const NetPtr& net, doc::Port document,
                        std::uint64_t& handle) const PV_NO_LOCKS_HELD;
    void retire_port(Net& net, const Uuid& uuid) const PV_NO_LOCKS_HELD;
    pv_status with_port(pv_call* call, const pv_obj* obj, const char* what, PortChange change);
    Task change_port(sdk::OperationPtr op, NetPtr net, Uuid uuid, PortChange change);
    [[nodiscard]] static Result<doc::Port> port_document(const pv_obj* obj);

    // Under the network's lock.
    void show(Net& net) const PV_REQUIRES(net.mu);
    void post(const Net& net, std::int32_t event) const PV_REQUIRES(net.mu);

    // state.cpp: records. Worker, start-up.
    [[nodiscard]] Status save_status(const NetPtr& net, pv_call* call) const PV_NO_LOCKS_HELD;
    void load_configs() PV_NO_LOCKS_HELD;
    void load_config(const std::string& name, std::string_view xml) PV_NO_LOCKS_HELD;
    void load_autostart() PV_NO_LOCKS_HELD;
    void load_statuses() PV_NO_LOCKS_HELD;
    void load_status(const std::string& name, std::string_view text) PV_NO_LOCKS_HELD;
    // Finds what an active network has on this host, or makes it anew.
    [[nodiscard]] Status adopt(const NetPtr& net, const Document& live) PV_NO_LOCKS_HELD;
    void make_default();

    plugin::Loop loop_;
    plugin::EventQueue events_;
    const sdk::Records configs_, statuses_, data_;
    Bridges bridges_;
    Firewall firewall_;
    Table nets_;
};

} // namespace polyvirt::network
