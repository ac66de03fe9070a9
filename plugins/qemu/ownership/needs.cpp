// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "ownership/needs.h"

#include <cerrno>
#include <fcntl.h>

#include "base/error_text.h"
#include "base/unique_fd.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

void add_source(std::vector<Need>& out, const DiskSource& source, bool write) {
    const std::string& path = !source.file.empty() ? source.file : source.dev;
    if (path.empty() || path[0] != '/' || !source.fd_group.empty()) return; // of a network, or opened by somebody else
    Need need{.path = path, .write = write};
    for (const SourceLabel& label : source.labels) {
        if (!label.model.empty() && label.model != "dac") continue;
        need.keep = label.relabel == YesNo::no || label.labelskip == YesNo::yes;
        need.label = label.label;
    }
    out.push_back(std::move(need));
}

void add_backing(std::vector<Need>& out, const std::vector<BackingStore>& chain) {
    for (const BackingStore& backing : chain) {
        if (backing.source) add_source(out, *backing.source, false);
        add_backing(out, backing.next);
    }
}

void add_file(std::vector<Need>& out, const std::string& path, bool write = false) {
    if (!path.empty() && path[0] == '/') out.push_back({.path = path, .write = write});
}

Status add_written(std::vector<Need>& out, const std::string& path) {
    if (path.empty()) return {};
    const UniqueFd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600));
    if (!made && errno != ENXIO) return make_system_error(errno, ErrorDomain::qemu, "cannot create '" + path + "'");
    add_file(out, path, true);
    return {};
}

} // namespace

const Seclabel* dac_label(const Domain& domain) {
    for (const Seclabel& label : domain.seclabels)
        if (label.model == "dac") return &label;
    return nullptr;
}

std::vector<Need> needs_of(const Disk& disk) {
    std::vector<Need> out;
    const bool write = !disk.readonly && disk.device != DiskDevice::cdrom;
    if (disk.source) add_source(out, *disk.source, write);
    add_backing(out, disk.backing);
    if (disk.mirror && disk.mirror->source) add_source(out, *disk.mirror->source, true);
    return out;
}

Result<std::vector<Need>> needs_of(const Chardev& chardev) {
    std::vector<Need> out;
    PV_TRY(add_written(out, chardev.log.file));
    const std::string path = chardev.sources.empty() ? std::string() : chardev.sources.front().path;
    if (chardev.type == ChardevType::file) PV_TRY(add_written(out, path));
    if (chardev.type == ChardevType::dev) add_file(out, path, true);
    return out;
}

std::vector<Need> needs_of(const Domain& domain) {
    std::vector<Need> out;
    for (const Disk& disk : domain.devices.disks) {
        auto of_disk = needs_of(disk);
        out.insert(out.end(), of_disk.begin(), of_disk.end());
    }
    for (const std::string* path : {&domain.os.kernel, &domain.os.initrd, &domain.os.dtb}) add_file(out, *path);
    add_file(out, domain.os.loader.path, domain.os.loader.type == "pflash" && domain.os.loader.readonly != YesNo::yes);
    for (const AcpiTable& table : domain.os.acpi_tables) add_file(out, table.path);
    if (domain.os.nvram) {
        if (domain.os.nvram->source) add_source(out, *domain.os.nvram->source, true);
        else add_file(out, domain.os.nvram->path, true);
    }
    for (const Rng& rng : domain.devices.rngs) {
        if (rng.backend.model == "random") add_file(out, rng.backend.path.empty() ? "/dev/urandom" : rng.backend.path);
        else if (rng.backend.type == "dev" && !rng.backend.sources.empty()) add_file(out, rng.backend.sources.front().path, true);
    }
    for (const Input& input : domain.devices.inputs) {
        if (input.type == InputType::passthrough) add_file(out, input.source.evdev, true);
        if (input.type == InputType::evdev) add_file(out, input.source.dev, true);
    }
    for (const MemoryDevice& memory : domain.devices.memories) add_file(out, memory.source.path, !memory.target.readonly);
    return out;
}

} // namespace polyvirt::qemu
