// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "virtiofs/servers.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "launch/listen.h"
#include "run.h"
#include "sdk/cgroup/end_process.h"
#include "virtiofs/program.h"

namespace polyvirt::qemu {
namespace {

constexpr int kFsSocket = 3;                     // number of the listening socket, in the server
constexpr int kEndPatience = 2'000;              // ms, between SIGTERM and SIGKILL
constexpr std::int64_t kMoment = 1'000'000'000;  // ns, in which an emulator that took it along is seen to have ended
constexpr off_t kQuoted = 4096;                  // bytes of its log

struct Ends {
    UniqueFd listener, client;
};

// The connection waits in the socket until the server takes it. The name is needed for that long.
Result<Ends> connected_pair(const std::string& folder, const std::string& alias) {
    Ends ends;
    const std::string path = fmt::format("{}/{}-fs.sock", folder, alias);
    PV_ASSIGN_OR_RETURN(ends.listener, listen_at(path));
    auto client = connect_to(path);
    ::unlink(path.c_str());
    if (!client) return client.error();
    ends.client = *std::move(client);
    return ends;
}

// A log that is begun or gone on with.
struct FsLog {
    UniqueFd fd;
    off_t begin = 0;

    [[nodiscard]] std::string tail() const {
        const off_t end = ::lseek(fd.get(), 0, SEEK_END), from = std::max(begin, end - kQuoted);
        std::string text(static_cast<std::size_t>(std::max<off_t>(end - from, 0)), '\0');
        const ssize_t n = ::pread(fd.get(), text.data(), text.size(), from);
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        while (!text.empty() && text.back() == '\n') text.pop_back();
        return text;
    }
};

Result<FsLog> open_fs_log(const std::string& path) {
    FsLog log;
    log.fd = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!log.fd) return make_system_error(errno, ErrorDomain::qemu, "cannot open the log file '" + path + "'");
    log.begin = ::lseek(log.fd.get(), 0, SEEK_END);
    return log;
}

// The first question of the vhost-user protocol, which may be asked again: which features it has. The errno of why there is
// no answer; 0: there is.
int ask_features(int fd, std::int64_t patience_ns) {
    struct Header {
        std::uint32_t request, flags, size;
    };
    constexpr std::uint32_t kGetFeatures = 1, kVersion = 1;
    const Header question{kGetFeatures, kVersion, 0};
    struct {
        Header header;
        std::uint32_t features[2];
    } reply{};
    if (::send(fd, &question, sizeof question, MSG_NOSIGNAL) != sizeof question) return errno;
    for (std::size_t got = 0; got < sizeof reply;) {
        pollfd readable{fd, POLLIN, 0};
        const int ready = ::poll(&readable, 1, static_cast<int>(patience_ns / 1'000'000));
        if (ready <= 0) return ready == 0 ? ETIMEDOUT : errno;
        const ssize_t n = ::recv(fd, reinterpret_cast<char*>(&reply) + got, sizeof reply - got, MSG_DONTWAIT);
        if (n <= 0) return n == 0 ? ECONNRESET : errno;
        got += static_cast<std::size_t>(n);
    }
    return reply.header.request == kGetFeatures && reply.header.size == sizeof reply.features ? 0 : EPROTO;
}

Status check_serves(int fd, std::int64_t patience_ns, const std::string& who, const FsLog& log, const std::string& path) {
    const int why = ask_features(fd, patience_ns);
    if (why == 0) return {};
    if (why == ETIMEDOUT)
        return make_error(ErrorCode::operation_timeout, ErrorDomain::qemu, "{} does not answer within {} s", who, patience_ns / 1'000'000'000);
    const std::string said = log.tail();
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "{} does not serve: {} (its log is '{}')", who,
                      said.empty() ? ::strerrordesc_np(why) : said.c_str(), path);
}

// One that ends with the emulator is no news; which of the two was first is known a moment later.
sdk::Task<Status> tell_end(std::shared_ptr<Run> run, std::shared_ptr<const FsServer> which) {
    const std::string& alias = which->alias;
    for (;;) {
        PV_CO_TRY(co_await run->delay(kMoment));
        const Status running = run->check_running();
        if (running) break;
        if (running.error().code == ErrorCode::operation_invalid) co_return running;
    }
    {
        const ObjectLock lock(run->guest()->mu);
        const bool ours = std::erase_if(run->guest()->servers, [&](const FsServer& s) { return s.pid == which->pid && s.start_time == which->start_time; }) > 0;
        if (!ours) co_return Status{}; // it was told to
    }
    log::error("virtiofs", "domain '{}': the server of its file system '{}' has ended; the guest cannot use that any more", run->guest()->name, alias);
    PV_CO_TRY(co_await sdk::on_worker(run->services(), run->guest()->strand));
    run->note(fmt::format("the server of the file system '{}' has ended", alias));
    co_return run->driver().save_status_now(run->guest(), nullptr);
}

} // namespace

void end_server(const FsServer& server) {
    if (sdk::process_start_time(server.pid) == server.start_time) sdk::end_process(server.pid, kEndPatience);
}

void drop_server(Guest& guest, const std::string& alias) {
    std::vector<FsServer> dropped;
    {
        const ObjectLock lock(guest.mu);
        const auto others = std::stable_partition(guest.servers.begin(), guest.servers.end(), [&](const FsServer& s) { return s.alias != alias; });
        dropped.assign(others, guest.servers.end());
        guest.servers.erase(others, guest.servers.end());
    }
    for (const FsServer& server : dropped) end_server(server);
}

// `which` is filled in under the guest's lock.
plugin::ChildProcess::ExitFn FsServers::on_exit(const std::shared_ptr<Run>& run, const std::shared_ptr<const FsServer>& which) {
    return [weak = std::weak_ptr(run), which](std::int32_t) {
        const auto alive = weak.lock();
        if (alive) sdk::start(tell_end(alive, which), [](const Status&) {});
    };
}

void FsServers::keep(const std::shared_ptr<Run>& run, const std::string& alias, plugin::ChildProcess process) {
    run->loop().post([this, run, alias, kept = std::make_shared<plugin::ChildProcess>(std::move(process))] {
        processes_[alias] = std::move(*kept);
    });
}

Result<UniqueFd> FsServers::start(const std::shared_ptr<Run>& run, const sdk::domain::Filesystem& f, pv_call* call) {
    Guest& guest = *run->guest();
    const auto server = std::make_shared<FsServer>(FsServer{.alias = f.info.alias.name});
    const std::string path = fmt::format("{}-{}-virtiofsd.log", run->log_path().substr(0, run->log_path().rfind('.')), server->alias);
    PV_ASSIGN_OR_RETURN(const FsProgram program, find_fs_program(f.binary.path));
    PV_ASSIGN_OR_RETURN(std::vector<std::string> words, fs_server_command(program, f, kFsSocket));
    PV_ASSIGN_OR_RETURN(Ends ends, connected_pair(run->folder_path(), server->alias));
    PV_ASSIGN_OR_RETURN(const FsLog log, open_fs_log(path));
    // As root, with what that may: it serves files of any owner. It shuts itself in.
    plugin::Command command(std::move(words));
    command.pass(ends.listener.get(), kFsSocket).output(log.fd.get(), log.fd.get());
    const std::vector<UniqueFd> entrances = run->group().entrances();
    for (const UniqueFd& entrance : entrances) command.join(entrance.get());
    auto process = plugin::ChildProcess::spawn(run->services(), call, command, run->loop(), on_exit(run, server));
    const std::string who = fmt::format("the server '{}' of the file system '{}' of domain '{}'", program.path, f.target, guest.name);
    if (!process) return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "cannot start {}", who);
    ends.listener.reset(); // so that a server that ends hangs up
    {
        const ObjectLock lock(guest.mu);
        server->pid = process.pid();
        server->start_time = process.start_time();
        guest.servers.push_back(*server);
    }
    keep(run, server->alias, std::move(process));
    Status served = run->driver().save_status_now(run->guest(), call);
    if (served) served = check_serves(ends.client.get(), run->driver().settings().monitor_timeout_ns, who, log, path);
    if (served) return std::move(ends.client);
    drop_server(guest, server->alias);
    return served.error();
}

void FsServers::adopt(const std::shared_ptr<Run>& run, const std::vector<FsServer>& servers) {
    for (const FsServer& s : servers) {
        const auto exited = on_exit(run, std::make_shared<const FsServer>(s));
        auto process = plugin::ChildProcess::adopt(run->services(), s.pid, s.start_time, run->loop(), exited);
        if (process) keep(run, s.alias, std::move(process));
        else run->loop().post([exited] { exited(0); });
    }
}

} // namespace polyvirt::qemu
