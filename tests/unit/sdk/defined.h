// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Domains as the passes complete them on a made-up host, and where their devices are.

#include <string>
#include <string_view>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "sdk/domain/passes.h"

namespace polyvirt::sdk::domain {

inline HostContext made_up_host() {
    HostContext c;
    c.default_machine = "pc-i440fx-7.2";
    c.emulator = [](std::string_view) { return std::string("/bin/emulator"); };
    c.canonical_machine = [](std::string_view, std::string_view m) {
        return m == "pc"    ? std::string("pc-i440fx-7.2")
               : m == "q35" ? std::string("pc-q35-7.2")
                            : std::string(m);
    };
    c.nvram_folder = "/state/nvram";
    return c;
}

inline std::string guest(std::string_view devices, std::string_view machine = "pc",
                         std::string_view os = "") {
    return fmt::format(
        "<domain type='qemu'><name>x</name><uuid>5d1a6b0e-1111-4222-8333-444455556666</uuid>"
        "<memory unit='MiB'>128</memory><os><type arch='x86_64' machine='{}'>hvm</type>{}</os>"
        "<devices>{}</devices></domain>",
        machine, os, devices);
}

inline Result<Domain> complete_text(const std::string& text) {
    PV_ASSIGN_OR_RETURN(Parsed p, parse_domain(text));
    PV_TRY(complete(p.domain, made_up_host()));
    return std::move(p.domain);
}

inline Domain completed(const std::string& text) {
    auto d = complete_text(text);
    EXPECT_TRUE(d) << d.error().message << "\n" << text;
    return d ? *std::move(d) : Domain{};
}

inline Error refusal(const std::string& text) {
    auto d = complete_text(text);
    EXPECT_FALSE(d) << text;
    return d ? Error{} : std::move(d).error();
}

// "BUS:SLOT.FUNCTION", with "+" where more functions are announced; USB: "BUS/PORT"; "" without.
inline std::string at(const DeviceInfo& info) {
    if (!info.address) return "";
    const Address& a = *info.address;
    if (a.is_pci())
        return fmt::format("{}:{:x}.{}{}", *a.bus, *a.slot, a.function.value_or(0),
                           a.multifunction == OnOff::on ? "+" : "");
    if (a.type == AddressType::usb) return fmt::format("{}/{}", a.bus.value_or(0), a.port);
    if (a.type == AddressType::virtio_serial)
        return fmt::format("{}.{}.{}", a.controller.value_or(0), a.bus.value_or(0), a.port);
    return "";
}

// PCI controllers in the order of the document: "INDEX MODEL PLACE".
inline std::vector<std::string> pci_controllers(const Domain& d) {
    std::vector<std::string> out;
    for (const Controller& c : d.devices.controllers) {
        if (c.type == ControllerType::pci)
            out.push_back(fmt::format("{} {} {}", c.index.value_or(0), c.model, at(c.info)));
    }
    return out;
}

} // namespace polyvirt::sdk::domain
