// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What firmware tells the guest of itself: -smbios, -fw_cfg.

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

// Names in documents and on the command line, in the order of the latter, by SMBIOS type.
struct Field {
    std::string_view document, option;
};
constexpr Field kBios[] = {{"vendor", "vendor"}, {"version", "version"}, {"date", "date"}, {"release", "release"}};
constexpr Field kSystem[] = {{"manufacturer", "manufacturer"}, {"product", "product"}, {"version", "version"},
                             {"serial", "serial"},             {"uuid", "uuid"},       {"sku", "sku"},
                             {"family", "family"}};
constexpr Field kBaseBoard[] = {{"manufacturer", "manufacturer"}, {"product", "product"}, {"version", "version"},
                                {"serial", "serial"},             {"asset", "asset"},     {"location", "location"}};
constexpr Field kChassis[] = {{"manufacturer", "manufacturer"}, {"version", "version"}, {"serial", "serial"},
                              {"asset", "asset"},               {"sku", "sku"}};

template <std::size_t N>
void add_block(Builder& b, int type, const SysinfoBlock& block, const Field (&fields)[N]) {
    std::string text = fmt::format("type={}", type);
    for (const Field& field : fields) {
        for (const SysinfoEntry& entry : block.entries) {
            if (entry.name == field.document && !entry.value.empty())
                text += fmt::format(",{}={}", field.option, Builder::value(entry.value));
        }
    }
    if (text.find(',') != std::string::npos) b.arg("-smbios", text);
}

} // namespace

void add_smbios(Builder& b) {
    for (const Sysinfo& info : b.domain.sysinfos) {
        if (info.type == "fwcfg") continue;
        if (b.domain.os.smbios != "sysinfo") continue;
        add_block(b, 0, info.bios, kBios);
        add_block(b, 1, info.system, kSystem);
        for (const SysinfoBlock& board : info.base_boards) add_block(b, 2, board, kBaseBoard);
        add_block(b, 3, info.chassis, kChassis);
        if (!info.oem_strings.empty()) {
            std::string text = "type=11";
            for (const OemString& s : info.oem_strings) text += ",value=" + Builder::value(s.value);
            b.arg("-smbios", text);
        }
    }
}

void add_fw_cfg(Builder& b) {
    for (const Sysinfo& info : b.domain.sysinfos) {
        for (const SysinfoEntry& e : info.entries)
            b.arg("-fw_cfg", fmt::format("name={},{}={}", Builder::value(e.name), e.file.empty() ? "string" : "file",
                                         Builder::value(e.file.empty() ? e.value : e.file)));
    }
}

} // namespace polyvirt::qemu
