// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Terminals: a stream of the client's joined with a container's console; and ways into its namespaces.

#include <polyvirt/gen/dom_console.h>
#include <polyvirt/gen/dom_native.h>
#include <polyvirt/gen/dom_security.h>

#include "ops/part.h"
#include "sdk/guests/consoles.h"

namespace polyvirt::lxc {

class ConsoleOps final : public Part {
  public:
    using Part::Part;
    using Implements = plugin::implements<ops::dom_console::open_console, ops::dom_native::open_namespace,
                                          ops::dom_security::security_label, ops::dom_security::security_labels>;

    pv_status open_console(pv_call*, const pv_obj*, const pv_dom_open_console_in&, pv_dom_open_console_out&);
    pv_status open_namespace(pv_call*, const pv_obj*, const pv_dom_open_namespace_in&, pv_dom_open_namespace_out&);
    pv_status security_label(pv_call*, const pv_obj*, const pv_dom_security_label_in&, pv_dom_security_label_out&);
    pv_status security_labels(pv_call*, const pv_obj*, const pv_dom_security_labels_in&, pv_dom_security_labels_out&);

  private:
    const sdk::Consoles consoles_{s_, jobs_, ErrorDomain::lxc};
};

} // namespace polyvirt::lxc
