// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "firmware/choose.h"

#include <algorithm>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

// What the document says of a feature of the firmware; unset: nothing.
YesNo wanted(const Os& os, std::string_view name) {
    for (const FirmwareFeature& f : os.firmware_features) {
        if (f.name == name) return f.enabled;
    }
    return YesNo::unset;
}

bool agrees(YesNo asked, bool has) { return asked == YesNo::unset || (asked == YesNo::yes) == has; }

bool fits(const Domain& d, const Descriptor& f) {
    const Os& os = d.os;
    const char* interface = os.firmware == "efi" ? "uefi" : "bios";
    if (!f.interfaces.contains(interface) || !f.runs_on(os.type.arch, os.type.machine)) return false;
    if (f.device == "flash" && f.mode != (os.loader.stateless == YesNo::yes ? "stateless" : "split")) return false;
    if (f.device != "flash" && f.device != "memory") return false;
    if (d.suspend_to_mem == YesNo::yes && !f.has("acpi-s3")) return false;
    if (d.suspend_to_disk == YesNo::yes && !f.has("acpi-s4")) return false;
    if (os.loader.secure == YesNo::yes && !f.has("requires-smm")) return false;
    if (f.has("requires-smm") && d.features.smm && d.features.smm->state == OnOff::off) return false;
    return agrees(wanted(os, "secure-boot"), f.has("secure-boot")) && agrees(wanted(os, "enrolled-keys"), f.has("enrolled-keys"));
}

std::string own_file(const Domain& d, const std::string& folder, const std::string& format) {
    return fmt::format("{}/{}_VARS.{}", folder, d.name, format == "qcow2" ? "qcow2" : "fd");
}

void use(Domain& d, const Descriptor& f, const std::string& nvram_folder) {
    Os& os = d.os;
    os.loader.path = f.executable.path;
    if (f.device != "flash") {
        os.loader.type = "rom";
        return;
    }
    os.loader.type = "pflash";
    os.loader.readonly = YesNo::yes;
    if (f.executable.format != "raw") os.loader.format = f.executable.format;
    if (f.mode == "split") {
        if (!os.nvram) os.nvram.emplace();
        Nvram& nvram = *os.nvram;
        if (nvram.template_.empty()) nvram.template_ = f.nvram_template.path;
        if (nvram.format.empty() && f.nvram_template.format != "raw") nvram.format = f.nvram_template.format;
        if (nvram.path.empty() && !nvram.source) nvram.path = own_file(d, nvram_folder, nvram.format);
    }
    if (f.has("requires-smm")) {
        if (!d.features.smm) d.features.smm.emplace();
        d.features.smm->state = OnOff::on;
        os.loader.secure = YesNo::yes;
    }
}

} // namespace

Status choose_firmware(Domain& d, const std::vector<Descriptor>& all, const std::string& nvram_folder) {
    Os& os = d.os;
    if (!os.firmware.empty() && os.loader.path.empty()) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const Descriptor& f) { return fits(d, f); });
        if (found == all.end())
            return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "Unable to find any firmware to satisfy '{}'", os.firmware);
        use(d, *found, nvram_folder);
        return {};
    }
    if (os.loader.type != "pflash" || !os.nvram || !os.nvram->template_.empty()) return {};
    for (const Descriptor& f : all) {
        if (f.device == "flash" && f.executable.path == os.loader.path) {
            os.nvram->template_ = f.nvram_template.path;
            break;
        }
    }
    return {};
}

std::string nvram_file(const Domain& d) {
    if (d.os.loader.type != "pflash" || !d.os.nvram) return {};
    const Nvram& nvram = *d.os.nvram;
    if (nvram.source) return nvram.type.empty() || nvram.type == "file" ? nvram.source->file : std::string();
    return nvram.path;
}

} // namespace polyvirt::qemu
