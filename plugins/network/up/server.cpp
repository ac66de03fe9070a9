// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "up/server.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <polyvirt/process.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "sdk/cgroup/end_process.h"

namespace polyvirt::network {
namespace {

constexpr const char* kServers[] = {"/usr/sbin/dnsmasq", "/usr/bin/dnsmasq", "/usr/local/sbin/dnsmasq"};
constexpr std::int64_t kReadyWithin = 20'000'000'000; // ns, to be ready
constexpr int kEndPatience = 3000;                 // ms, to end by itself

std::string server_program() {
    for (const char* path : kServers)
        if (::access(path, X_OK) == 0) return path;
    return {};
}

std::string argument(const ServerFiles& files) { return "--conf-file=" + files.config; }

Status write_file(const std::string& path, const std::string& text) {
    const auto failed = [&path] {
        return make_system_error(errno, ErrorDomain::network, fmt::format("cannot write '{}'", path));
    };
    const std::string fresh = path + ".new";
    {
        const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
        if (!fd) return failed();
        for (std::size_t at = 0; at < text.size();) {
            const ssize_t n = ::write(fd.get(), text.data() + at, text.size() - at);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return failed();
            at += static_cast<std::size_t>(n);
        }
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) return failed();
    return {};
}

std::string last_line(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    const std::size_t at = text.rfind('\n');
    return at == std::string::npos ? text : text.substr(at + 1);
}

} // namespace

ServerFiles server_files(const plugin::Services& s, const sdk::network::Network& network) {
    const char* const run = s.paths->dir(s.host, PV_PATH_RUN);
    const std::string base = fmt::format("{}/{}", run != nullptr ? run : "", network.bridge->name);
    return {base + ".conf", base + ".pid", lease_file(s, *network.uuid)};
}

std::string lease_file(const plugin::Services& s, const Uuid& network) {
    const char* const state = s.paths->dir(s.host, PV_PATH_STATE);
    return fmt::format("{}/{}.leases", state != nullptr ? state : "", network.to_string());
}

std::int64_t server_pid(const ServerFiles& files) {
    std::ifstream file(files.pid);
    std::int64_t pid = 0;
    if (!(file >> pid) || pid <= 0) return 0;
    std::ifstream words(fmt::format("/proc/{}/cmdline", pid));
    std::stringstream all;
    all << words.rdbuf();
    // Another process may have that number by now.
    return all.str().find(argument(files) + '\0') == std::string::npos ? 0 : pid;
}

Status start_server(const plugin::Services& s, pv_call* call, const sdk::network::Network& network) {
    const ServerFiles files = server_files(s, network);
    PV_ASSIGN_OR_RETURN(const std::string text, server_config(network, files));
    const std::string path = server_program();
    if (path.empty())
        return make_error(ErrorCode::operation_unsupported, ErrorDomain::network,
                          "network '{}' has addresses, but there is no program 'dnsmasq' that could answer for them",
                          network.name);
    PV_TRY(write_file(files.config, text));
    const plugin::Command command({path, argument(files)});
    const auto ran = plugin::run_program(s, call, command, kReadyWithin);
    if (!ran) return ran.error();
    if (ran->wait_status == 0) return {};
    ::unlink(files.config.c_str());
    return make_error(ErrorCode::internal_error, ErrorDomain::network, "network '{}': dnsmasq does not start: {}",
                      network.name, last_line(ran->err.empty() ? ran->out : ran->err));
}

void stop_server(const ServerFiles& files) {
    if (const std::int64_t pid = server_pid(files); pid > 0) sdk::end_process(pid, kEndPatience);
    for (const std::string* path : {&files.pid, &files.config}) ::unlink(path->c_str());
}

} // namespace polyvirt::network
