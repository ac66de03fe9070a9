// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Inside of command/: the line while it is being written, and one function per part of a domain.

#include <nlohmann/json.hpp>

#include "base/error_text.h"
#include "command/command.h"

namespace polyvirt::qemu {

using Options = nlohmann::ordered_json; // in the order in which they were added

class Builder {
  public:
    Builder(const sdk::domain::Domain& d, const CommandContext& c) : domain(d), context(c) {}

    const sdk::domain::Domain& domain;
    const CommandContext& context;
    CommandLine line;

    void arg(std::string a) { line.args.push_back(std::move(a)); }
    void arg(std::string a, std::string b) {
        arg(std::move(a));
        arg(std::move(b));
    }
    void json(const char* option, const Options& value) {
        arg(option, value.dump(-1, ' ', false, Options::error_handler_t::replace));
    }
    void device(const Options& value) { json("-device", value); }

    // The `bus` and `addr` of a PCI device; nothing for a device without PCI address.
    void add_pci(Options& device, const sdk::domain::DeviceInfo& info) const;
    void add_usb(Options& device, const sdk::domain::DeviceInfo& info) const;
    // bootindex of a device: its own order, or the place of its kind in <os>.
    void add_boot(Options& device, const sdk::domain::DeviceInfo& info, sdk::domain::BootDevice kind, bool first_of_kind) const;

    // Commas are the emulator's separators; inside a value they are doubled.
    static std::string value(std::string_view text);
    template <typename... A> static Error unsupported(fmt::format_string<A...> f, A&&... a) {
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, f, std::forward<A>(a)...);
    }
};

template <typename E> std::string_view name(E value) { return names_of(value)[static_cast<std::size_t>(value)]; }

Status add_machine(Builder& b);     // name, board, CPU, memory, NUMA of one
Status add_board_end(Builder& b);   // rtc, shutdown, boot, kernel
Status add_controllers(Builder& b);
Status add_disks(Builder& b);
Status add_interfaces(Builder& b);
Status add_chardevs(Builder& b);
Status add_inputs(Builder& b);
Status add_graphics(Builder& b);
Status add_videos(Builder& b);
Status add_others(Builder& b);      // watchdog, balloon, rng, panic

} // namespace polyvirt::qemu
