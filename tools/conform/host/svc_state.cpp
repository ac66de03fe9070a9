// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.state/1: records as files below the case's folder.

#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

namespace fs = std::filesystem;

// It waits for the disk.
void may_wait(const Service& service) {
    // Where no job is taken, writing here and now may be better than never.
    const bool no_other_way = world().behaviour.failing == "job.submit";
    if (t_state.loop != nullptr && !no_other_way) complain("loops.brief", "{}, which waits for the disk, called in a callback of a loop", service.name());
    if (t_state.prompt != nullptr) complain("ops.prompt", "{}: {} waits for the disk", t_state.prompt->name, service.name());
}

bool good_name(const char* name, bool folder) {
    if (name == nullptr) return false;
    const std::string_view n(name);
    if (n.empty()) return folder;
    std::size_t parts = 0, begin = 0;
    while (begin <= n.size()) {
        const std::size_t end = std::min(n.find('/', begin), n.size());
        const std::string_view part = n.substr(begin, end - begin);
        if (part.empty() || part == "." || part == ".." || part.size() > 200) return false;
        ++parts;
        begin = end + 1;
    }
    return parts <= (folder ? 1U : 2U) && !n.ends_with(".broken");
}

fs::path place(pv_host* host, std::uint32_t area, const char* name) {
    return fs::path(host->folder) / fmt::format("area{}", area) / name;
}

// Whether the request makes sense. Names may be made of what clients wrote, so a bad one is only refused.
bool request(pv_host* host, pv_call* call, std::uint32_t area, const char* name, const Service& service, bool folder = false) {
    may_wait(service);
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return false;
    if (area < PV_STATE_CONFIG || area > PV_STATE_CACHE) {
        complain("services.arguments", "{}: area {}", service.name(), area);
        return false;
    }
    if (good_name(name, folder)) return true;
    host_error(call, 8, fmt::format("'{}' is no name of a record", name != nullptr ? name : "(null)"));
    return false;
}

pv_status failed(pv_call* call, std::string why) {
    const LeafLock lock(g_mu);
    host_error(call, 38, std::move(why));
    return PV_FAIL;
}

pv_status put(pv_host* host, pv_call* call, std::uint32_t area, const char* name, const void* data, std::size_t length) noexcept {
    const Service service("state.put");
    if (!request(host, call, area, name, service)) return PV_ABI;
    if (service.fails()) return failed(call, "the kit made state.put fail: no space left on device");
    std::error_code ec;
    const fs::path path = place(host, area, name);
    fs::create_directories(path.parent_path(), ec);
    std::ofstream out(path, std::ios::binary);
    out.write(static_cast<const char*>(data), static_cast<std::streamsize>(length));
    return out.flush() ? PV_OK : failed(call, "cannot write " + path.string());
}

pv_status get(pv_host* host, pv_call* call, std::uint32_t area, const char* name, pv_sink* sink) noexcept {
    const Service service("state.get");
    if (!request(host, call, area, name, service)) return PV_ABI;
    if (service.fails()) return failed(call, "the kit made state.get fail: input/output error");
    std::ifstream in(place(host, area, name), std::ios::binary);
    if (!in) return PV_GONE;
    std::stringstream text;
    text << in.rdbuf();
    const LeafLock lock(g_mu);
    if (world().handles.valid(sink, service) == nullptr) return PV_ABI;
    return append(sink, text.str().data(), text.str().size()) ? PV_OK : PV_FAIL;
}

pv_status del(pv_host* host, pv_call* call, std::uint32_t area, const char* name) noexcept {
    const Service service("state.del");
    if (!request(host, call, area, name, service)) return PV_ABI;
    if (service.fails()) return failed(call, "the kit made state.del fail: input/output error");
    std::error_code ec;
    fs::remove(place(host, area, name), ec);
    return PV_OK;
}

pv_status each(pv_host* host, pv_call* call, std::uint32_t area, const char* folder,
               void (*fn)(void*, const char*, const void*, std::size_t) PV_NOEXCEPT, void* ctx) noexcept {
    const Service service("state.each");
    if (!request(host, call, area, folder, service, true) || fn == nullptr) return PV_ABI;
    if (service.fails()) return failed(call, "the kit made state.each fail: input/output error");
    std::map<std::string, std::string> found;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(place(host, area, folder), ec)) {
        if (!entry.is_regular_file() || entry.path().extension() == ".broken") continue;
        std::ifstream in(entry.path(), std::ios::binary);
        std::stringstream text;
        text << in.rdbuf();
        found[entry.path().filename().string()] = text.str();
    }
    for (const auto& [name, text] : found) {
        const PluginScope scope(t_state.kind, "the function of state.each");
        fn(ctx, name.c_str(), text.data(), text.size());
    }
    return PV_OK;
}

pv_status set_aside(pv_host* host, std::uint32_t area, const char* name, const char* why) noexcept {
    const Service service("state.set_aside");
    if (!request(host, nullptr, area, name, service)) return PV_ABI;
    log_text("set aside: {} ({})", name, why != nullptr ? why : "");
    std::error_code ec;
    const fs::path path = place(host, area, name);
    fs::rename(path, path.string() + ".broken", ec);
    return ec ? PV_GONE : PV_OK;
}

pv_sink* sink_new(pv_host* host, std::size_t max_length) noexcept {
    const Service service("state.sink_new");
    if (service.fails()) return nullptr;
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return nullptr;
    pv_sink* s = world().handles.add(std::make_unique<pv_sink>(), "sink");
    s->max = max_length;
    s->owned = true;
    return s;
}
const char* sink_data(pv_sink* sink, std::size_t* length) noexcept {
    const Service service("state.sink_data");
    const LeafLock lock(g_mu);
    if (world().handles.valid(sink, service) == nullptr || length == nullptr) return "";
    *length = sink->data.size();
    return sink->data.c_str();
}
void sink_free(pv_sink* sink) noexcept {
    const Service service("state.sink_free");
    const LeafLock lock(g_mu);
    if (world().handles.valid(sink, service) == nullptr) return;
    if (!sink->owned) {
        complain("handles.valid", "state.sink_free: that sink is the host's");
        return;
    }
    sink->gone = true;
    std::string().swap(sink->data); // who still reads it is found by a sanitizer
}

} // namespace

const pv_svc_state kState = {sizeof(pv_svc_state), 0, put, get, del, each, set_aside, sink_new, sink_data, sink_free};

} // namespace polyvirt::conform
