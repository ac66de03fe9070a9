// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "hostdev/functions.h"

#include <charconv>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Interface;

std::uint32_t number_in(const std::string& text) {
    std::uint32_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

sdk::FunctionSetup setup_of(const std::string& mac, const std::string& vlan) {
    sdk::FunctionSetup setup{.mac = sdk::xml::Mac::parse(mac), .vlan = {}};
    if (!vlan.empty()) setup.vlan = number_in(vlan);
    return setup;
}

} // namespace

sdk::domain::Hostdev hostdev_of(const Interface& i) {
    sdk::domain::Hostdev h;
    h.mode = "subsystem";
    h.type = "pci";
    h.managed = i.managed;
    h.driver = i.driver.name;
    h.source.address = i.source.host_address;
    h.teaming = i.teaming;
    h.rom = i.rom;
    h.info = i.info;
    return h;
}

Status note_function(const Sysfs& host, const Cards& cards, const Interface& i, HeldDevice& d) {
    const std::string card = host.target(fmt::format("/sys/bus/pci/devices/{}/physfn", d.name));
    const std::string folder = "/sys/bus/pci/devices/" + card;
    const auto links = host.names(folder + "/net");
    if (card.empty() || !links || links->empty())
        return make_error(ErrorCode::config_unsupported, ErrorDomain::none,
                          "Interface type hostdev is currently supported on SR-IOV Virtual Functions only: PCI device {} is none", d.name);
    if (i.vlan && (i.vlan->tags.size() > 1 || i.vlan->trunk == sdk::domain::YesNo::yes))
        return make_error(ErrorCode::config_unsupported, ErrorDomain::none, "vlan trunking is not supported by SR-IOV network devices");
    std::uint32_t number = 0;
    for (std::string to; (to = host.target(fmt::format("{}/virtfn{}", folder, number))) != d.name; number++)
        if (to.empty())
            return make_error(ErrorCode::internal_error, ErrorDomain::none, "PCI device {} is not among the virtual functions of {}", d.name, card);
    d.card = links->front();
    d.function = std::to_string(number);
    PV_ASSIGN_OR_RETURN(const sdk::FunctionSetup before, cards.read(d.card, number));
    if (before.mac) d.old_mac = before.mac->to_string();
    d.old_vlan = std::to_string(before.vlan.value_or(0));
    if (i.mac.address) d.mac = i.mac.address->to_string();
    d.vlan = std::to_string(i.vlan && !i.vlan->tags.empty() ? i.vlan->tags.front().id.value_or(0) : 0);
    return {};
}

Status set_function_up(const Cards& cards, const HeldDevice& d) {
    if (d.card.empty()) return {};
    return cards.set(d.card, number_in(d.function), setup_of(d.mac, d.vlan));
}

Status restore_function(const Cards& cards, const HeldDevice& d) {
    if (d.card.empty()) return {};
    return cards.set(d.card, number_in(d.function), setup_of(d.old_mac, d.old_vlan));
}

} // namespace polyvirt::qemu
