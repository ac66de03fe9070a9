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
    void add_scsi(Options& device, const sdk::domain::DeviceInfo& info) const; // disks.cpp
    // bootindex of a device: its own order, or the place of its kind in <os>.
    void add_boot(Options& device, const sdk::domain::DeviceInfo& info, sdk::domain::BootDevice kind, bool first_of_kind) const;

    // Credentials under that id, for an end of connections.
    void tls(const std::string& id, const Protection& p, bool server);

    // Options of every virtio device, and of every device with a ROM.
    static void add_virtio(Options& device, const sdk::domain::VirtioOptions& v);
    static void add_rom(Options& device, const sdk::domain::Rom& rom);
    // "NAME-pci", with the ending that a model asks for.
    static std::string virtio_driver(std::string_view name, sdk::domain::VirtioModel model);
    static std::string virtio_driver(std::string_view name, std::string_view model);
    // `-chardev` for a source under that id; `name`: what SPICE and D-Bus call it.
    Status chardev(const std::string& id, sdk::domain::ChardevType type, const std::vector<sdk::domain::ChardevSource>& sources,
                   std::string_view protocol, std::string_view name, const sdk::domain::ChardevLog& log);
    // The alias of a controller; what the board has of its own keeps its name, whatever the document calls it.
    [[nodiscard]] std::string controller(sdk::domain::ControllerType type, std::uint32_t index) const;

    // Commas are the emulator's separators; inside a value they are doubled.
    static std::string value(std::string_view text);
    template <typename... A> static Error unsupported(fmt::format_string<A...> f, A&&... a) {
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, f, std::forward<A>(a)...);
    }
};

template <typename E> std::string_view name(E value) { return names_of(value)[static_cast<std::size_t>(value)]; }

// memory.cpp. The version in a machine's name; 0.0: none.
struct MachineVersion {
    std::uint32_t major = 0, minor = 0;
};
MachineVersion version_of(std::string_view machine);
bool old_numa(const sdk::domain::Domain& d);           // cells may give their size alone
bool board_memory(const sdk::domain::Domain& d);       // the board's memory is a backend named to it
Status add_memory(Builder& b);
Status add_cells(Builder& b);       // I/O threads, NUMA
Status check_placement(const Builder& b); // placement.cpp
// KiB; 0: ordinary pages. `cell`: of the guest; `own`: what a module asks for.
Result<std::uint64_t> page_size(const Builder& b, std::optional<std::uint32_t> cell, sdk::xml::Size own);
Result<std::string> page_mount(const Builder& b, std::uint64_t kib);
Status add_memory_modules(Builder& b);
Status add_cpu(Builder& b);         // cpu.cpp
void add_smbios(Builder& b);        // smbios.cpp
void add_fw_cfg(Builder& b);

bool has_flash(const sdk::domain::Domain& d);     // firmware.cpp
bool has_variables(const sdk::domain::Domain& d); // in a flash of their own
Status add_flashes(Builder& b);
void add_firmware(Builder& b);

Status add_machine(Builder& b);     // name, board, CPU, memory
Status add_board_end(Builder& b);   // rtc, shutdown, boot, kernel
Status add_controllers(Builder& b);

// One device, as it stands on the command line and as it is plugged in later (devices/plug.h). It has its address and
// its alias, and stands in the domain. Its place in the order of boot is its own, not that of its kind.
Status add_one(Builder& b, const sdk::domain::Disk& disk);
Status add_one(Builder& b, const sdk::domain::Controller& c);
Status add_one(Builder& b, const sdk::domain::Interface& i);
Status add_one(Builder& b, const sdk::domain::Input& i);
Status add_one(Builder& b, const sdk::domain::Watchdog& w);
Status add_one(Builder& b, const sdk::domain::Rng& r);
Status add_one(Builder& b, const sdk::domain::Redirdev& r);
Status add_one(Builder& b, const sdk::domain::Hostdev& h);
Status add_one(Builder& b, const sdk::domain::Shmem& s);
inline std::string_view on_off(bool on) { return on ? "on" : "off"; }

Status add_one(Builder& b, const sdk::domain::MemoryDevice& m);
Status add_one(Builder& b, const sdk::domain::Filesystem& f);
Status add_one(Builder& b, const sdk::domain::Vsock& v);
std::string vsock_name(const sdk::domain::Vsock& v); // of its descriptor, where it comes later
Status add_serial(Builder& b, const sdk::domain::Chardev& c);
Status add_channel(Builder& b, const sdk::domain::Chardev& c);
Status add_console(Builder& b, const sdk::domain::Chardev& c);

Status add_disks(Builder& b);
Status add_interfaces(Builder& b);
Status add_chardevs(Builder& b);
Status add_inputs(Builder& b);
Status add_graphics(Builder& b);
Status add_videos(Builder& b);
Status add_watchdogs(Builder& b);
Status add_others(Builder& b);      // balloon, rng, panic
Status add_iommu(Builder& b);       // extras.cpp
void add_hubs(Builder& b);
Status add_filesystems(Builder& b);
Status add_smartcards(Builder& b);
Status add_tpms(Builder& b);
// The audio backend of a device; the first where it names none. sound.cpp
std::string audio_of(const Builder& b, const sdk::domain::AudioRef& ref);
Status add_sounds(Builder& b);
void add_audios(Builder& b);
Status add_redirdevs(Builder& b);   // hostdevs.cpp
Status add_hostdevs(Builder& b);
Status add_shmems(Builder& b);      // shmem.cpp
Status add_last(Builder& b);        // vmcoreinfo, vsock, crypto

} // namespace polyvirt::qemu
