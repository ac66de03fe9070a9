// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// NativeOps: the emulator's own language, its keyboard and its NMI button, and what guests have no part in: labels and
// sealed memory.

#include <polyvirt/gen/dom_lifecycle.h>
#include <polyvirt/gen/dom_native.h>
#include <polyvirt/gen/dom_security.h>

#include <vector>

#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "part.h"

namespace polyvirt::qemu {

class NativeOps final : public Part {
  public:
    using Part::Part;
    using Implements =
        plugin::implements<ops::dom_native::monitor_command, ops::dom_lifecycle::send_key, ops::dom_lifecycle::inject_nmi,
                           ops::dom_security::security_label, ops::dom_security::security_labels,
                           ops::dom_security::launch_security_info>;

    pv_status monitor_command(pv_call*, const pv_obj*, const pv_dom_monitor_command_in&, pv_dom_monitor_command_out&);
    pv_status send_key(pv_call*, const pv_obj*, const pv_dom_send_key_in&, pv_dom_send_key_out&);
    pv_status inject_nmi(pv_call*, const pv_obj*, const pv_dom_inject_nmi_in&, pv_dom_inject_nmi_out&);
    pv_status security_label(pv_call*, const pv_obj*, const pv_dom_security_label_in&, pv_dom_security_label_out&);
    pv_status security_labels(pv_call*, const pv_obj*, const pv_dom_security_labels_in&, pv_dom_security_labels_out&);
    pv_status launch_security_info(pv_call*, const pv_obj*, const pv_dom_launch_security_info_in&,
                                   pv_dom_launch_security_info_out&);

  private:
    Task command(GuestPtr guest, nlohmann::json document, std::vector<UniqueFd> fds, bool hmp, pv_sink* result);
    Task press(GuestPtr guest, nlohmann::json arguments);
    Task nmi(GuestPtr guest);
};

} // namespace polyvirt::qemu
