// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities/emulators.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <functional>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::qemu {
namespace {

using Json = nlohmann::json;
constexpr int kCacheVersion = 2;

constexpr std::array<std::string_view, 12> kArchitectures{"x86_64", "i686",  "aarch64", "arm",     "ppc64",  "ppc64le",
                                                          "s390x",  "riscv64", "riscv32", "mips64el", "sparc64", "loongarch64"};

std::string binary_suffix(std::string_view arch) {
    if (arch == "i686") return "i386";
    if (arch == "ppc64le") return "ppc64";
    return std::string(arch);
}

std::string host_arch() {
    utsname name{};
    if (::uname(&name) != 0) return "x86_64";
    return name.machine;
}

bool executable(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

std::string record_name(const std::string& path) {
    std::string name = path;
    std::replace(name.begin(), name.end(), '/', '_');
    if (name.size() > 150) name = fmt::format("{:016x}", std::hash<std::string>{}(path));
    return "emulators/" + name + ".json";
}

std::int64_t changed_ns(const struct stat& st) { return st.st_ctim.tv_sec * 1'000'000'000LL + st.st_ctim.tv_nsec; }

// Devices and displays come in files of their own, which packages add and remove beside the emulator.
std::int64_t modules_changed_ns() {
    std::int64_t newest = 0;
    for (const char* folder : {"/usr/lib/qemu", "/usr/lib64/qemu", "/usr/lib64/qemu-kvm", "/usr/lib/x86_64-linux-gnu/qemu",
                               "/usr/lib/aarch64-linux-gnu/qemu"}) {
        struct stat st {};
        if (::stat(folder, &st) == 0) newest = std::max(newest, changed_ns(st));
    }
    return newest;
}

// With KVM the kernel and the processor decide what a guest can have, microcode included.
std::string kvm_host() {
    utsname name{};
    if (::uname(&name) != 0) return {};
    std::ifstream file("/proc/cpuinfo");
    std::string processor;
    for (std::string line; std::getline(file, line) && !line.empty();) {
        if (line.starts_with("flags") || line.starts_with("microcode") || line.starts_with("model name")) processor += line;
    }
    return fmt::format("{} {:016x}", name.release, std::hash<std::string>{}(processor));
}

} // namespace

const Machine* Emulator::machine(std::string_view name) const {
    for (const Machine& m : machines) {
        if (m.name == name) return &m;
    }
    for (const Machine& m : machines) {
        if (!m.alias.empty() && m.alias == name) return &m;
    }
    return nullptr;
}

const Machine* Emulator::default_machine() const {
    for (const Machine& m : machines) {
        if (m.is_default) return &m;
    }
    return machines.empty() ? nullptr : &machines.front();
}

namespace {
bool has(const std::vector<std::string>& sorted, std::string_view name) {
    return std::binary_search(sorted.begin(), sorted.end(), name);
}
} // namespace

bool Emulator::has_device(std::string_view name) const { return has(devices, name); }
bool Emulator::has_object(std::string_view name) const { return has(objects, name); }
bool Emulator::has_display(std::string_view name) const { return has(displays, name); }
bool Emulator::has_chardev(std::string_view name) const { return has(chardevs, name); }
bool Emulator::has_tpm(std::string_view name) const { return has(tpms, name); }
bool Emulator::has_command(std::string_view name) const { return has(commands, name); }

const CpuModel* CpuOffer::find(std::string_view name) const {
    const auto it = std::find_if(models.begin(), models.end(), [&](const CpuModel& m) { return m.name == name; });
    return it != models.end() ? &*it : nullptr;
}

Emulators::Emulators(const plugin::Services& s)
    : Emulators(s, [&s](const std::string& path, std::string_view arch, bool try_kvm) {
          return probe_emulator(s, path, arch, try_kvm);
      }) {}

Emulators::Emulators(const plugin::Services& s, Probe probe)
    : cache_(s, PV_STATE_CACHE, ErrorDomain::qemu), probe_(std::move(probe)) {}

std::string Emulators::path_of(std::string_view arch) {
    const std::string path = "/usr/bin/qemu-system-" + binary_suffix(arch);
    if (executable(path)) return path;
    // A 64-bit PC runs what a 32-bit one does.
    if (arch == "i686" && executable("/usr/bin/qemu-system-x86_64")) return "/usr/bin/qemu-system-x86_64";
    return {};
}

std::vector<std::string> Emulators::architectures() {
    std::vector<std::string> list;
    const std::string own = host_arch();
    if (!path_of(own).empty()) list.push_back(own);
    for (const std::string_view arch : kArchitectures) {
        if (arch != own && !path_of(arch).empty()) list.emplace_back(arch);
    }
    return list;
}

Result<Emulators::Identity> Emulators::identify(const std::string& path) const {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "Cannot check QEMU binary {}: {}", path,
                          make_system_error(errno, ErrorDomain::qemu, "stat").message);
    if (!S_ISREG(st.st_mode) || !executable(path))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "QEMU binary {} is not executable", path);
    const bool kvm = ::access("/dev/kvm", R_OK | W_OK) == 0;
    return Identity{static_cast<std::uint64_t>(st.st_size), changed_ns(st), modules_changed_ns(), kvm,
                    kvm ? kvm_host() : std::string()};
}

EmulatorPtr Emulators::cached(const std::string& path, const Identity& identity) const {
    const auto text = cache_.get(record_name(path), std::size_t{4} << 20);
    if (!text || !*text) return nullptr;
    try {
        const Json j = Json::parse(**text);
        const Identity stored{j.at("size"), j.at("changed_ns"), j.at("modules_ns"), j.at("kvm_there"), j.at("host")};
        if (j.at("version") != kCacheVersion || !(stored == identity)) return nullptr;
        return std::make_shared<const Emulator>(emulator_from_json(j.at("emulator")));
    } catch (const Json::exception& e) {
        log::info("emulators", "the cache of '{}' is not usable: {}", path, e.what());
        return nullptr;
    }
}

void Emulators::store(const Emulator& emulator, const Identity& identity) const {
    const Json j = {{"version", kCacheVersion},
                    {"size", identity.size},
                    {"changed_ns", identity.changed_ns},
                    {"modules_ns", identity.modules_ns},
                    {"kvm_there", identity.kvm},
                    {"host", identity.host},
                    {"emulator", emulator_to_json(emulator)}};
    const Status put = cache_.put(record_name(emulator.path), j.dump(1, ' ', false, Json::error_handler_t::replace));
    if (!put) log::warning("emulators", "{}", put.error().message);
}

Emulators::InterviewPtr Emulators::join(const std::string& path, const Identity& identity, bool& mine) {
    InterviewPtr& current = under_way_[path];
    mine = !current || !(current->identity == identity); // the file has been replaced meanwhile: another emulator
    if (mine) current = std::make_shared<Interview>(Interview{.identity = identity});
    return current;
}

Result<EmulatorPtr> Emulators::conduct(const std::string& path, const Identity& identity) const {
    try {
        if (EmulatorPtr known = cached(path, identity)) return known;
        std::string arch = path.substr(std::min(path.size(), path.rfind("qemu-system-") + 12));
        if (arch == "i386") arch = "i686";
        PV_ASSIGN_OR_RETURN(Emulator probed, probe_(path, arch, identity.kvm));
        store(probed, identity);
        return std::make_shared<const Emulator>(std::move(probed));
    } catch (const std::exception& e) { // whoever waits must hear of it
        return Error{.code = ErrorCode::internal_error, .domain = ErrorDomain::qemu, .message = e.what()};
    }
}

Result<EmulatorPtr> Emulators::get(const std::string& path) {
    PV_ASSIGN_OR_RETURN(const Identity identity, identify(path));
    InterviewPtr interview;
    {
        LeafLock lock(mu_);
        const auto it = entries_.find(path);
        if (it != entries_.end() && it->second.identity == identity) return it->second.emulator;
        bool mine = false;
        interview = join(path, identity, mine);
        if (!mine) {
            while (!interview->over) answered_.wait(lock);
            return interview->answer;
        }
    }
    Result<EmulatorPtr> answer = conduct(path, identity);
    const LeafLock lock(mu_);
    // First what cannot fail for want of memory: nobody waits for ever. They see it once the lock is free.
    interview->over = true;
    answered_.notify_all();
    if (const auto it = under_way_.find(path); it != under_way_.end() && it->second == interview) under_way_.erase(it);
    interview->answer = answer;
    // A failure is told to those who waited, and not kept: the next one asks again.
    if (answer) entries_[path] = {identity, *answer};
    return answer;
}

} // namespace polyvirt::qemu
