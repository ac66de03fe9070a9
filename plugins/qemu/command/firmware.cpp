// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The board's firmware: a ROM, or flash with the guest's variables in a second chip.

#include <algorithm>

#include "command/blockdev.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

Status add_flash(Builder& b, int chip, const Image& image, bool readonly) {
    const std::string node = fmt::format("libvirt-pflash{}", chip);
    PV_ASSIGN_OR_RETURN(Options file, storage("the firmware", image, false));
    file["node-name"] = node + "-storage";
    file["auto-read-only"] = true;
    file["discard"] = "unmap";
    b.json("-blockdev", file);
    b.json("-blockdev", {{"node-name", node + "-format"},
                         {"read-only", readonly},
                         {"driver", image.format.empty() ? "raw" : image.format},
                         {"file", node + "-storage"}});
    return {};
}

} // namespace

bool has_flash(const Domain& d) { return d.os.loader.type == "pflash" && !d.os.loader.path.empty(); }

bool has_variables(const Domain& d) { return has_flash(d) && d.os.nvram && (d.os.nvram->source || !d.os.nvram->path.empty()); }

Status add_flashes(Builder& b) {
    const Os& os = b.domain.os;
    if (!has_flash(b.domain)) return {};
    DiskSource code;
    code.file = os.loader.path;
    PV_TRY(add_flash(b, 0, {DiskType::file, &code, os.loader.format}, os.loader.readonly == YesNo::yes));
    if (!has_variables(b.domain)) return {};
    const Nvram& nvram = *os.nvram;
    if (!nvram.source) {
        DiskSource variables;
        variables.file = nvram.path;
        return add_flash(b, 1, {DiskType::file, &variables, nvram.format}, false);
    }
    const auto type = std::find(std::begin(kDiskTypes), std::end(kDiskTypes), nvram.type.empty() ? "file" : std::string_view(nvram.type));
    if (type == std::end(kDiskTypes)) return Builder::unsupported("<nvram> of type '{}' is not supported", nvram.type);
    return add_flash(b, 1, {static_cast<DiskType>(type - std::begin(kDiskTypes)), &*nvram.source, nvram.format}, false);
}

void add_firmware(Builder& b) {
    const Os& os = b.domain.os;
    if (has_flash(b.domain)) {
        // What the guest writes there it may write in system management mode alone.
        if (os.loader.secure == YesNo::yes) b.arg("-global", "driver=cfi.pflash01,property=secure,value=on");
    } else if (!os.loader.path.empty()) {
        b.arg("-bios", os.loader.path);
    }
}

} // namespace polyvirt::qemu
