// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// One emulator, started without a machine and asked over QMP. Blocks its worker, for a bounded time.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>

#include <polyvirt/loop.h>
#include <polyvirt/process.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "capabilities/emulators.h"

namespace polyvirt::qemu {
namespace {

using Json = nlohmann::json;
constexpr std::int64_t kPatience = 30'000'000'000;
constexpr std::size_t kMaxLine = std::size_t{16} << 20;

std::int64_t now_ns() {
    timespec ts{};
    ::clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1'000'000'000LL + ts.tv_nsec;
}

// A QMP connection for one thread that waits.
class Questions {
  public:
    Questions(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)), deadline_(now_ns() + kPatience) {}

    Status begin() {
        PV_ASSIGN_OR_RETURN(const Json greeting, receive());
        if (!greeting.contains("QMP")) return failed("greets with something else than QMP");
        PV_ASSIGN_OR_RETURN(const Json ready, ask("qmp_capabilities"));
        (void)ready;
        return {};
    }

    Result<Json> ask(const char* command, const Json& arguments = nullptr) {
        Json document = {{"execute", command}, {"id", ++id_}};
        if (!arguments.is_null()) document["arguments"] = arguments;
        const std::string line = document.dump() + "\n";
        // A command is far below what a socket takes at once.
        if (::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
            return failed("closed its monitor");
        while (true) {
            PV_ASSIGN_OR_RETURN(const Json reply, receive());
            const auto id = reply.find("id");
            if (id == reply.end() || *id != id_) continue; // an event
            if (const auto value = reply.find("return"); value != reply.end()) return Json(*value);
            return failed(fmt::format("answers '{}' with {}", command, reply.dump()));
        }
    }

  private:
    Error failed(std::string_view how) const {
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Failed to probe QEMU binary '{}': it {}", path_, how);
    }

    Result<Json> receive() {
        while (true) {
            if (const std::size_t end = in_.find('\n'); end != std::string::npos) {
                Json document = Json::parse(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
                in_.erase(0, end + 1);
                if (!document.is_object()) return failed("answers with something else than JSON");
                return document;
            }
            if (in_.size() > kMaxLine) return failed("answers without end");
            pollfd p{fd_.get(), POLLIN, 0};
            const std::int64_t left = deadline_ - now_ns();
            if (left <= 0) return failed("does not answer within 30 s");
            if (::poll(&p, 1, static_cast<int>(left / 1'000'000 + 1)) <= 0) continue;
            char buffer[65536];
            const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return failed("ended without an answer");
            in_.append(buffer, static_cast<std::size_t>(n));
        }
    }

    const UniqueFd fd_;
    const std::string path_;
    const std::int64_t deadline_;
    std::string in_;
    std::uint64_t id_ = 0;
};

std::string without(std::string text, std::string_view suffix) {
    if (text.ends_with(suffix)) text.resize(text.size() - suffix.size());
    return text;
}

void read_machines(const Json& list, Emulator& e, std::string_view cpu_suffix) {
    for (const Json& j : list) {
        Machine m;
        m.name = j.value("name", "");
        if (m.name.empty() || m.name == "none") continue;
        m.alias = j.value("alias", "");
        m.default_cpu = without(j.value("default-cpu-type", ""), cpu_suffix);
        m.max_cpus = j.value("cpu-max", 1U);
        m.is_default = j.value("is-default", false);
        m.deprecated = j.value("deprecated", false);
        e.machines.push_back(std::move(m));
    }
}

void read_cpus(const Json& list, Emulator& e) {
    for (const Json& j : list) {
        CpuModel c;
        c.name = j.value("name", "");
        if (c.name.empty() || c.name == "host" || c.name == "base" || c.name == "max") continue;
        c.deprecated = j.value("deprecated", false);
        if (const auto missing = j.find("unavailable-features"); missing != j.end()) {
            c.usable = missing->empty();
            for (const Json& f : *missing) {
                if (f.is_string()) c.missing.push_back(f);
            }
        }
        e.cpus.push_back(std::move(c));
    }
    std::sort(e.cpus.begin(), e.cpus.end(), [](const CpuModel& a, const CpuModel& b) { return a.name < b.name; });
}

Status interview(Questions& q, Emulator& e) {
    PV_TRY(q.begin());
    PV_ASSIGN_OR_RETURN(const Json version, q.ask("query-version"));
    const Json& v = version.at("qemu");
    e.version = v.at("major").get<std::uint64_t>() * 1'000'000 + v.at("minor").get<std::uint64_t>() * 1000 +
                v.at("micro").get<std::uint64_t>();
    PV_ASSIGN_OR_RETURN(const Json target, q.ask("query-target"));
    const std::string arch = target.value("arch", "");
    PV_ASSIGN_OR_RETURN(const Json kvm, q.ask("query-kvm"));
    e.kvm = kvm.value("enabled", false);
    PV_ASSIGN_OR_RETURN(const Json machines, q.ask("query-machines"));
    read_machines(machines, e, "-" + arch + "-cpu");
    PV_ASSIGN_OR_RETURN(const Json devices, q.ask("qom-list-types", {{"implements", "device"}}));
    for (const Json& d : devices) e.devices.push_back(d.value("name", ""));
    std::sort(e.devices.begin(), e.devices.end());
    // Not every target knows this one.
    if (const auto cpus = q.ask("query-cpu-definitions")) read_cpus(*cpus, e);
    return {};
}

} // namespace

Result<Emulator> probe_emulator(const plugin::Services& s, const std::string& path, std::string_view arch, bool try_kvm) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "cannot make a socket pair");
    UniqueFd ours(pair[0]), theirs(pair[1]);
    const std::string machine = try_kvm ? "none,accel=kvm:tcg" : "none,accel=tcg";
    plugin::Command command({path, "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", machine, "-chardev",
                             "socket,id=monitor,fd=3", "-mon", "chardev=monitor,mode=control"});
    command.pass(theirs.get(), 3);
    const plugin::Loop loop(s, PV_LOOP_SHARED, "qemu");
    plugin::ChildProcess process;
    if (loop) process = plugin::ChildProcess::spawn(s, nullptr, command, loop, [](std::int32_t) {});
    if (!process)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Failed to probe QEMU binary '{}': it cannot be started", path);
    theirs.reset();
    Emulator e;
    e.path = path;
    e.arch = arch;
    Questions questions(std::move(ours), path);
    Status asked;
    try {
        asked = interview(questions, e);
    } catch (const Json::exception& x) {
        asked = make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Failed to probe QEMU binary '{}': {}", path, x.what());
    }
    process.signal(SIGKILL); // it has no guest and no disk
    if (!asked) return asked.error();
    log::info("emulators", "{}: version {}, {} machines, {} CPU models{}", path, e.version, e.machines.size(), e.cpus.size(),
              e.kvm ? ", KVM" : "");
    return e;
}

} // namespace polyvirt::qemu
