// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The host's SMBIOS data as the document that clients know: what the kernel shows by name, and of the table
// itself what it does not.

#include <array>
#include <string>

#include <fmt/core.h>

#include "host/dispatch/machine.h"
#include "host/dispatch/smbios.h"

namespace polyvirt::dispatch {
namespace {

struct Entry {
    const char* name; // in the document
    const char* file; // below /sys/class/dmi/id
};
struct Section {
    const char* name;
    std::array<Entry, 7> entries; // those without a name are none
};
// In the order of the document. Serial numbers and uuids are for root's eyes, in the kernel already.
constexpr std::array kSections = {
    Section{"bios", {{{"vendor", "bios_vendor"}, {"version", "bios_version"}, {"date", "bios_date"}, {"release", "bios_release"}}}},
    Section{"system",
            {{{"manufacturer", "sys_vendor"},
              {"product", "product_name"},
              {"version", "product_version"},
              {"serial", "product_serial"},
              {"uuid", "product_uuid"},
              {"sku", "product_sku"},
              {"family", "product_family"}}}},
    Section{"baseBoard",
            {{{"manufacturer", "board_vendor"},
              {"product", "board_name"},
              {"version", "board_version"},
              {"serial", "board_serial"},
              {"asset", "board_asset_tag"}}}},
    Section{"chassis",
            {{{"manufacturer", "chassis_vendor"},
              {"version", "chassis_version"},
              {"serial", "chassis_serial"},
              {"asset", "chassis_asset_tag"}}}},
};

// Firmware writes what it likes: bytes that no document may have are left out.
std::string escaped(std::string_view text) {
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    std::string to;
    for (const char c : text) {
        if (c == '<') to += "&lt;";
        else if (c == '>') to += "&gt;";
        else if (c == '&') to += "&amp;";
        else if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f) to += c;
    }
    return to;
}

} // namespace

std::optional<std::string> Machine::sysinfo() const {
    std::string body;
    for (const Section& section : kSections) {
        std::string entries;
        for (const Entry& entry : section.entries) {
            if (entry.name == nullptr) continue;
            const std::string value = escaped(line(std::string("/sys/class/dmi/id/") + entry.file));
            if (!value.empty()) entries += fmt::format("    <entry name='{}'>{}</entry>\n", entry.name, value);
        }
        if (!entries.empty()) body += fmt::format("  <{0}>\n{1}  </{0}>\n", section.name, entries);
    }
    for (const SmbiosSection& section : smbios_devices(bytes("/sys/firmware/dmi/tables/DMI", kSmbiosBytes))) {
        body += fmt::format("  <{}>\n", section.name);
        for (const auto& [name, value] : section.entries) {
            const std::string text = escaped(value);
            if (!text.empty()) body += fmt::format("    <entry name='{}'>{}</entry>\n", name, text);
        }
        body += fmt::format("  </{}>\n", section.name);
    }
    if (body.empty()) return std::nullopt;
    return "<sysinfo type='smbios'>\n" + body + "</sysinfo>\n";
}

} // namespace polyvirt::dispatch
