// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.dom.lifecycle: starting, stopping and pausing containers.

#include <polyvirt/gen/dom_lifecycle.h>

#include "ops/part.h"

namespace polyvirt::lxc {

class LifecycleOps final : public Part {
  public:
    using Part::Part;
    using Implements =
        plugin::implements<ops::dom_lifecycle::create_xml, ops::dom_lifecycle::create, ops::dom_lifecycle::shutdown,
                           ops::dom_lifecycle::reboot, ops::dom_lifecycle::destroy, ops::dom_lifecycle::suspend,
                           ops::dom_lifecycle::resume, ops::dom_lifecycle::send_process_signal>;

    pv_status create_xml(pv_call*, const pv_obj*, const pv_dom_create_xml_in&, pv_dom_create_xml_out&);
    pv_status create(pv_call*, const pv_obj*, const pv_dom_create_in&, pv_dom_create_out&);
    pv_status shutdown(pv_call*, const pv_obj*, const pv_dom_shutdown_in&, pv_dom_shutdown_out&);
    pv_status reboot(pv_call*, const pv_obj*, const pv_dom_reboot_in&, pv_dom_reboot_out&);
    pv_status destroy(pv_call*, const pv_obj*, const pv_dom_destroy_in&, pv_dom_destroy_out&);
    pv_status suspend(pv_call*, const pv_obj*, const pv_dom_suspend_in&, pv_dom_suspend_out&);
    pv_status resume(pv_call*, const pv_obj*, const pv_dom_resume_in&, pv_dom_resume_out&);
    pv_status send_process_signal(pv_call*, const pv_obj*, const pv_dom_send_process_signal_in&,
                                  pv_dom_send_process_signal_out&);

  private:
    // Ways to ask the init.
    struct Ways {
        bool initctl = true, signal = true;
    };
    pv_status ask_init(pv_call* call, const pv_obj* obj, const char* what, Ways ways) const;
    Task power(GuestPtr guest, const char* what, Ways ways) const;
    Task freeze(GuestPtr guest) const;
    Task thaw(GuestPtr guest) const;
    Task show_paused(GuestPtr guest, bool paused) const;
};

} // namespace polyvirt::lxc
