// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/loader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>

#include <boost/dll/shared_library.hpp>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::plugin {
namespace {

constexpr std::size_t kMinTable = offsetof(pv_plugin, destroy) + sizeof(void*);

Error refuse_to_load(const std::string& path, std::string_view why) {
    return make_error(ErrorCode::operation_failed, ErrorDomain::none, "plugin {}: {}", path, why);
}

// Boost adds what it takes for errno's text; the loader's own words are all that counts.
std::string loader_text(std::string text) {
    const std::string_view intro = "dlerror system message: ";
    if (const std::size_t at = text.find(intro); at != std::string::npos) {
        text.erase(0, at + intro.size());
        if (const std::size_t end = text.rfind("): "); end != std::string::npos) text.resize(end);
    }
    return text;
}

// `path` is for messages.
Result<boost::dll::shared_library> open_library(const std::string& name, const std::string& path) {
    namespace dll = boost::dll;
    // NODELETE: thread-local destructors and unique symbols make unmapping unsafe (docs/plugin-abi.md, M1-M3).
    // Boost has no name for it but passes the bits on.
    const auto mode = static_cast<dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    try {
        return dll::shared_library(name, mode);
    } catch (const std::exception& e) {
        return refuse_to_load(path, "cannot be loaded: " + loader_text(e.what()));
    }
}

struct Required {
    const char* name;
    bool there;
};

Status check_table(const pv_plugin& p, const Manifest& manifest, const std::string& path) {
    const std::array required = {Required{"id", p.id != nullptr},
                                 Required{"probe", p.probe != nullptr},
                                 Required{"create", p.create != nullptr},
                                 Required{"get_interface", p.get_interface != nullptr},
                                 Required{"start", p.start != nullptr},
                                 Required{"stop", p.stop != nullptr},
                                 Required{"destroy", p.destroy != nullptr}};
    for (const Required& r : required)
        if (!r.there) return refuse_to_load(path, fmt::format("its plugin table has no '{}'", r.name));
    if (manifest.id != p.id)
        return refuse_to_load(path, fmt::format("its manifest says id '{}', its plugin table '{}'", manifest.id, p.id));
    if (p.concurrency < PV_CONCURRENCY_SERIAL_ALL || p.concurrency > PV_CONCURRENCY_PARALLEL)
        return refuse_to_load(path, fmt::format("concurrency {} is unknown (1: one op at a time, 2: one per object, 3: "
                                        "parallel)",
                                        p.concurrency));
    return {};
}

Result<pv_plugin> call_entry(const boost::dll::shared_library& library, const pv_host_root& root,
                             const std::string& path) {
    constexpr const char* kEntry = "pv_plugin_entry_v1";
    pv_plugin_entry_fn entry = nullptr;
    try {
        if (library.has(kEntry)) entry = &library.get<std::remove_pointer_t<pv_plugin_entry_fn>>(kEntry);
    } catch (const std::exception& e) {
        return refuse_to_load(path, std::string("cannot find ") + kEntry + ": " + e.what());
    }
    if (entry == nullptr) return refuse_to_load(path, std::string("it does not export ") + kEntry);

    std::array<char, 512> why{};
    const pv_plugin* theirs = entry(&root, why.data(), static_cast<std::uint32_t>(why.size()));
    if (theirs == nullptr) {
        why.back() = '\0';
        return refuse_to_load(path, fmt::format("it refuses to be loaded: {}", why[0] != '\0' ? why.data() : "(no reason given)"));
    }
    if (theirs->size < kMinTable)
        return refuse_to_load(path, fmt::format("its plugin table has {} bytes, at least {} are needed", theirs->size, kMinTable));
    pv_plugin ours{};
    std::memcpy(&ours, theirs, std::min<std::size_t>(theirs->size, sizeof(ours)));
    ours.size = sizeof(ours);
    return ours;
}

} // namespace

Result<std::shared_ptr<const Generation>> load_plugin(const PluginFile& file, const pv_host_root& root,
                                                      std::uint32_t number) {
    auto generation = std::make_shared<Generation>();
    generation->manifest = file.manifest;
    generation->path = file.path;
    generation->stamp = file.stamp;
    generation->number = number;
    // By its real name, in a folder that only its owner and root can change: what was checked is what loads.
    std::string name = file.path;
    if (number > 1) {
        // The loader knows that name and would answer with the old code; a name that is never used again it
        // does not know. So this descriptor stays open for ever.
        const int kept = ::fcntl(file.fd.get(), F_DUPFD_CLOEXEC, 0);
        if (kept < 0) return make_system_error(errno, ErrorDomain::none, "plugin " + file.path);
        name = fmt::format("/proc/self/fd/{}", kept);
    }
    PV_ASSIGN_OR_RETURN(const boost::dll::shared_library library, open_library(name, file.path));
    PV_ASSIGN_OR_RETURN(generation->plugin, call_entry(library, root, generation->path));
    PV_TRY(check_table(generation->plugin, generation->manifest, generation->path));
    log::info("plugin", "{} {} loaded from {}", generation->plugin.id,
              generation->plugin.version != nullptr ? generation->plugin.version : "(no version)", generation->path);
    return std::shared_ptr<const Generation>(std::move(generation));
}

Result<std::shared_ptr<const Generation>> load_plugin(const std::string& path, const std::vector<Offer>& offers,
                                                      const pv_host_root& root) {
    PV_ASSIGN_OR_RETURN(const PluginFile file, read_plugin_file(path));
    PV_TRY(check_plugin_file(file, offers));
    return load_plugin(file, root);
}

} // namespace polyvirt::plugin
