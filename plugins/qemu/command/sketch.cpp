// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "command/command.h"

#include "sdk/domain/passes.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

Status sketch(Domain& d) {
    for (Interface& i : d.devices.interfaces) {
        Interface bare;
        bare.type = InterfaceType::ethernet;
        bare.mac = i.mac;
        bare.model = i.model;
        bare.script = i.script;
        i = std::move(bare);
    }
    return assign_addresses(d);
}

} // namespace polyvirt::qemu
