// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// AgentOps: what only the guest can do or tell. None of these holds a job of the guest: see agent.h.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <polyvirt/gen/dom_guest.h>
#include <polyvirt/gen/dom_lifecycle.h>
#include <polyvirt/gen/dom_native.h>

#include "agent/agent.h"
#include "part.h"

namespace polyvirt::qemu {

// Errors and questions of all its files; agent_ops.cpp.
Error malformed(const std::string& command);
AgentCall question(const char* command, pv_call* call);

class AgentOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<
        ops::dom_native::agent_command, ops::dom_guest::fsfreeze, ops::dom_guest::fsthaw, ops::dom_guest::fstrim,
        ops::dom_guest::fsinfo, ops::dom_guest::time, ops::dom_guest::set_time, ops::dom_guest::guest_vcpus,
        ops::dom_guest::set_guest_vcpus, ops::dom_guest::set_user_password, ops::dom_guest::guest_info,
        ops::dom_guest::hostname, ops::dom_guest::interface_addresses, ops::dom_guest::ssh_keys,
        ops::dom_guest::set_ssh_keys, ops::dom_guest::set_response_timeout, ops::dom_guest::announce_interface>;

    // agent_ops.cpp
    pv_status agent_command(pv_call*, const pv_obj*, const pv_dom_agent_command_in&, pv_dom_agent_command_out&);
    pv_status fsfreeze(pv_call*, const pv_obj*, const pv_dom_fsfreeze_in&, pv_dom_fsfreeze_out&);
    pv_status fsthaw(pv_call*, const pv_obj*, const pv_dom_fsthaw_in&, pv_dom_fsthaw_out&);
    pv_status fstrim(pv_call*, const pv_obj*, const pv_dom_fstrim_in&, pv_dom_fstrim_out&);
    pv_status time(pv_call*, const pv_obj*, const pv_dom_time_in&, pv_dom_time_out&);
    pv_status set_time(pv_call*, const pv_obj*, const pv_dom_set_time_in&, pv_dom_set_time_out&);
    pv_status set_user_password(pv_call*, const pv_obj*, const pv_dom_set_user_password_in&, pv_dom_set_user_password_out&);
    pv_status ssh_keys(pv_call*, const pv_obj*, const pv_dom_ssh_keys_in&, pv_dom_ssh_keys_out&);
    pv_status set_ssh_keys(pv_call*, const pv_obj*, const pv_dom_set_ssh_keys_in&, pv_dom_set_ssh_keys_out&);
    pv_status set_response_timeout(pv_call*, const pv_obj*, const pv_dom_set_response_timeout_in&,
                                   pv_dom_set_response_timeout_out&);
    // agent_facts.cpp
    pv_status fsinfo(pv_call*, const pv_obj*, const pv_dom_fsinfo_in&, pv_dom_fsinfo_out&);
    pv_status guest_vcpus(pv_call*, const pv_obj*, const pv_dom_guest_vcpus_in&, pv_dom_guest_vcpus_out&);
    pv_status set_guest_vcpus(pv_call*, const pv_obj*, const pv_dom_set_guest_vcpus_in&, pv_dom_set_guest_vcpus_out&);
    pv_status guest_info(pv_call*, const pv_obj*, const pv_dom_guest_info_in&, pv_dom_guest_info_out&);
    pv_status hostname(pv_call*, const pv_obj*, const pv_dom_hostname_in&, pv_dom_hostname_out&);
    // addresses.cpp
    pv_status interface_addresses(pv_call*, const pv_obj*, const pv_dom_interface_addresses_in&,
                                  pv_dom_interface_addresses_out&);
    pv_status announce_interface(pv_call*, const pv_obj*, const pv_dom_announce_interface_in&,
                                 pv_dom_announce_interface_out&);

  private:
    using Json = nlohmann::json;
    // An op that is one question; `use` makes of its answer what the call wants.
    using Use = std::function<Status(const Json& value)>;
    pv_status ask(pv_call* call, const pv_obj* obj, AgentCall what, Use use = {});
    Task asked(GuestPtr guest, AgentCall what, Use use);

    Task arbitrary(GuestPtr guest, AgentCall what, pv_sink* result);
    Task freeze(GuestPtr guest, std::vector<std::string> mountpoints, pv_call* call, std::int32_t* filesystems);
    Task thaw(GuestPtr guest, pv_call* call, std::int32_t* filesystems);
    Task set_clock(GuestPtr guest, AgentCall what);
    Task set_timeout(GuestPtr guest, std::int32_t timeout);
    Task set_vcpus(GuestPtr guest, std::string map, bool online, pv_call* call);
    Task info(GuestPtr guest, std::uint32_t types, pv_call* call, pv_params* to);
    Task announce(GuestPtr guest, Json arguments);
};

} // namespace polyvirt::qemu
