// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// <interface type='hostdev'>: a virtual function of a network card (SR-IOV), given to a guest as a PCI device. Its card gives
// it the MAC address and VLAN of the document meanwhile.

#include <functional>
#include <string>

#include "hostdev/held.h"
#include "hostdev/sysfs.h"
#include "sdk/domain/hostdev.h"
#include "sdk/netlink/virtual_functions.h"

namespace polyvirt::qemu {

// The kernel's side; tests have their own.
struct Cards {
    std::function<Result<sdk::FunctionSetup>(const std::string& card, std::uint32_t number)> read = sdk::read_function;
    std::function<Status(const std::string& card, std::uint32_t number, const sdk::FunctionSetup& setup)> set = sdk::set_function;
};

inline bool is_function(const sdk::domain::Interface& i) { return i.type == sdk::domain::InterfaceType::hostdev; }
// The PCI device that it is, with alias, address in the guest, boot order and ROM.
sdk::domain::Hostdev hostdev_of(const sdk::domain::Interface& i);

// What its card is to be told of it and has been told before, into `device`. Errors: config_unsupported in the peer's words,
// it is no virtual function, or the document wants several VLANs; system_error.
Status note_function(const Sysfs& host, const Cards& cards, const sdk::domain::Interface& i, HeldDevice& device);
// Of a device that is none: nothing. Errors: system_error.
Status set_function_up(const Cards& cards, const HeldDevice& device);
Status restore_function(const Cards& cards, const HeldDevice& device);

} // namespace polyvirt::qemu
