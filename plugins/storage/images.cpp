// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "images.h"

#include "base/error_text.h"

namespace polyvirt::storage {
namespace {

Error unsupported(std::string text) { return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "{}", text); }

// Kibibytes, as the peer gives it.
std::string size_of(std::uint64_t bytes) { return std::to_string(bytes / 1024 + (bytes % 1024 != 0 ? 1 : 0)) + "K"; }

void add(std::string& options, const std::string& option) { options += (options.empty() ? "" : ",") + option; }

std::string options_of(const Wish& wish) {
    const doc::VolumeTarget& t = wish.volume.target;
    std::string options;
    if (wish.metadata) add(options, *wish.volume.allocation < *wish.volume.capacity ? "preallocation=metadata" : "preallocation=falloc");
    if (t.nocow) add(options, "nocow=on");
    if (!t.compat.empty()) add(options, "compat=" + t.compat);
    if (t.cluster_size && *t.cluster_size != 0) add(options, "cluster_size=" + std::to_string(*t.cluster_size));
    if (t.features && t.features->lazy_refcounts) add(options, "lazy_refcounts");
    if (t.features && t.features->extended_l2) add(options, "extended_l2=on");
    return options;
}

} // namespace

std::string tool_format(const std::string& format) { return format.empty() || format == "iso" || format == "none" ? "raw" : format; }

Status check_image(const Wish& wish) {
    const doc::Volume& v = wish.volume;
    if (v.target.encryption)
        return unsupported(fmt::format("volume '{}': encrypted volumes cannot be made here", v.name));
    if (wish.metadata && v.target.format != "qcow2") return unsupported("metadata preallocation only available with qcow2");
    if (wish.metadata && v.backing_store) return unsupported("metadata preallocation conflicts with backing store");
    if (v.backing_store && wish.from && v.backing_store->path == wish.from->target.path) return {};
    if (v.backing_store && v.target.format == "raw") return unsupported("cannot use backing store with raw volumes");
    return {};
}

std::vector<std::string> image_command(const Wish& wish, const std::string& path) {
    const doc::Volume& v = wish.volume;
    const bool copies = wish.from != nullptr;
    std::vector<std::string> argv = {"qemu-img", copies ? "convert" : "create"};
    if (copies) argv.insert(argv.end(), {"-f", tool_format(wish.from->target.format), "-O", tool_format(v.target.format)});
    else argv.insert(argv.end(), {"-f", tool_format(v.target.format)});
    if (const std::string options = options_of(wish); !options.empty()) argv.insert(argv.end(), {"-o", options});
    if (!copies && v.backing_store)
        argv.insert(argv.end(), {"-b", v.backing_store->path, "-F", tool_format(v.backing_store->format)});
    argv.emplace_back("--");
    if (copies) argv.push_back(wish.from->target.path);
    argv.push_back(path);
    if (!copies && *v.capacity != 0) argv.push_back(size_of(*v.capacity));
    // Nothing is below it, so nothing else can say how large it is.
    if (!copies && *v.capacity == 0 && !v.backing_store) argv.emplace_back("0K");
    return argv;
}

std::vector<std::string> resize_command(const doc::Volume& volume, std::uint64_t capacity, bool shrinks) {
    std::vector<std::string> argv = {"qemu-img", "resize", "-f", tool_format(volume.target.format)};
    if (shrinks) argv.emplace_back("--shrink");
    argv.insert(argv.end(), {"--", volume.target.path, size_of(capacity)});
    return argv;
}

} // namespace polyvirt::storage
