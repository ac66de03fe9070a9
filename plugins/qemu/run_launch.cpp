// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// From a description to a process: what happens on the worker that starts a guest.

#include "run.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <map>
#include <optional>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "command/command.h"
#include "console/ports.h"
#include "driver.h"
#include "hooks/hooks.h"
#include "hostdev/memory_lock.h"
#include "launch/listen.h"
#include "launch/remove.h"
#include "launch/vsock.h"
#include "net/port.h"
#include "net/script.h"
#include "tpm/tpm_device.h"
#include "tpm/tpm_process.h"
#include "virtiofs/program.h"
#include "virtiofs/servers.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kSocket = "monitor.sock";
constexpr int kMonitorNumber = 3; // of the listening socket, in the emulator
constexpr int kFirstTap = 300;    // of interfaces, behind those of character devices
// Connections of daemons that died while the emulator was too busy to take them.
constexpr int kBacklog = 64;
constexpr std::size_t kFolderNameMax = 20;
constexpr std::int64_t kTailMax = 4096;

Error failed(std::string_view what) { return make_system_error(errno, ErrorDomain::qemu, what); }

// A folder's name for a guest's: its first characters, without what no name of a file should have.
std::string folder_name(std::int32_t id, const std::string& name) {
    std::string safe;
    std::size_t characters = 0;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        const bool continued = (byte & 0xc0U) == 0x80U;
        if (!continued && characters++ == kFolderNameMax) break;
        safe += c == '/' || byte < 0x20 || byte == 0x7f ? '_' : c;
    }
    return fmt::format("domain-{}-{}", id, safe);
}

std::string now_text() {
    timespec ts{};
    ::clock_gettime(CLOCK_REALTIME, &ts);
    tm parts{};
    ::gmtime_r(&ts.tv_sec, &parts);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}+0000", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, ts.tv_nsec / 1'000'000);
}

// A socket's address holds 107 bytes, and --root may be deep: the folder is named by a descriptor.
struct Address {
    UniqueFd folder;
    sockaddr_un address{};
};
Result<Address> address_in(const std::string& folder) {
    Address a;
    a.folder = UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!a.folder) return failed("cannot open the folder '" + folder + "'");
    a.address.sun_family = AF_UNIX;
    const std::string path = fmt::format("/proc/self/fd/{}/{}", a.folder.get(), kSocket);
    std::memcpy(a.address.sun_path, path.c_str(), path.size() + 1);
    return a;
}
// The host has none when the disk is full or the path is taken.
Result<std::string> host_folder(const plugin::Services& s, std::uint32_t which) {
    const char* const folder = s.paths->dir(s.host, which);
    if (folder == nullptr)
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the host has no folder for the {} of guests",
                          which == PV_PATH_LOG ? "logs" : "files");
    return std::string(folder);
}

// Of all interfaces: the descriptors, and what numbers they have in the emulator, by aliases.
struct Taps {
    std::vector<UniqueFd> fds;
    std::map<std::string, std::vector<int>> numbers;
};

const sockaddr* generic(const sockaddr_un& a) { return reinterpret_cast<const sockaddr*>(&a); }

} // namespace

Result<std::string> guest_folder(const plugin::Services& s, std::int32_t id, const std::string& name) {
    PV_ASSIGN_OR_RETURN(const std::string run, host_folder(s, PV_PATH_RUN));
    return fmt::format("{}/{}", run, folder_name(id, name));
}

std::vector<std::string> emulator_environment(const std::string& folder) {
    return {"LC_ALL=C",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=" + folder,
            "XDG_DATA_HOME=" + folder + "/.local/share",
            "XDG_CACHE_HOME=" + folder + "/.cache",
            "XDG_CONFIG_HOME=" + folder + "/.config"};
}

Status Run::plan(const Domain& domain) {
    folder_ = folder_name(id_, guest_->name);
    PV_ASSIGN_OR_RETURN(folder_path_, guest_folder(s_, id_, guest_->name));
    group_ = driver_.confinement().group(domain, id_);
    if (domain.memory_backing && identity_.changes)
        for (const auto& pages : host_resources().huge_pages) folders_.push_back(fmt::format("{}/polyvirt-qemu/{}", pages.mount, folder_));
    return {};
}

Status Run::make_folder() {
    if (::mkdir(folder_path_.c_str(), 0700) != 0) {
        if (errno != EEXIST) return failed("cannot make the folder '" + folder_path_ + "'");
        remove_folder(); // of a guest whose daemon died before it could
        if (::mkdir(folder_path_.c_str(), 0700) != 0) return failed("cannot make the folder '" + folder_path_ + "'");
    }
    return give(folder_path_);
}

std::string Run::memory_folder() const {
    return fmt::format("{}/ram/{}-{}", s_.paths->dir(s_.host, PV_PATH_STATE), id_, guest_->name);
}

// For files that hold the guest's memory, which may be larger than what the other folder is on.
Status Run::make_memory_folder(const Domain& domain) const {
    if (!domain.memory_backing) return {};
    const std::string folder = memory_folder();
    const std::string all = folder.substr(0, folder.rfind('/'));
    if (::mkdir(all.c_str(), 0711) != 0 && errno != EEXIST) return failed("cannot make the folder '" + all + "'");
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed("cannot make the folder '" + folder + "'");
    return give(folder);
}

void Run::remove_folder() const {
    if (folder_path_.empty()) return;
    std::vector<std::string> all = folders_;
    all.insert(all.end(), {folder_path_, memory_folder()});
    for (const std::string& path : all)
        if (const int error = remove_tree(path); error != 0)
            log::warning("run", "{}: cannot remove the folder '{}': errno {}", who(), path, error);
}

Status Run::open_log() {
    PV_ASSIGN_OR_RETURN(const std::string folder, host_folder(s_, PV_PATH_LOG));
    log_path_ = fmt::format("{}/{}.log", folder, guest_->name);
    log_ = UniqueFd(::open(log_path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!log_) return failed("cannot open the log file '" + log_path_ + "'");
    return {};
}

void Run::write_log(const std::string& text) const {
    if (!log_) return;
    const std::string line = now_text() + ": " + text + "\n";
    // What cannot be logged (disk full) is no reason to fail the guest.
    if (::write(log_.get(), line.data(), line.size()) < 0)
        log::warning("run", "{}: cannot write to '{}': errno {}", who(), log_path_, errno);
}

std::string Run::log_tail() const {
    if (!log_) return {};
    const off_t end = ::lseek(log_.get(), 0, SEEK_END);
    const off_t begin = std::max<off_t>(log_start_, end - kTailMax);
    if (end <= begin) return {};
    std::string text(static_cast<std::size_t>(end - begin), '\0');
    const ssize_t n = ::pread(log_.get(), text.data(), text.size(), begin);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    // Lines that the emulator prints in any case say nothing about its end.
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t newline = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, newline - at);
        at = newline + 1;
        if (line.find("char device redirected to") == std::string::npos) out += line + "\n";
    }
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
}

Result<UniqueFd> Run::listen() const {
    PV_ASSIGN_OR_RETURN(const Address at, address_in(folder_path_));
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return failed("cannot make the monitor's socket");
    if (::bind(fd.get(), generic(at.address), sizeof at.address) != 0 || ::listen(fd.get(), kBacklog) != 0)
        return failed("cannot listen on the monitor's socket in '" + folder_path_ + "'");
    return fd;
}

Result<UniqueFd> Run::connect() const {
    PV_ASSIGN_OR_RETURN(const Address at, address_in(folder_path_));
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return failed("cannot make a socket");
    if (::connect(fd.get(), generic(at.address), sizeof at.address) != 0)
        return failed("failed to connect to the monitor socket in '" + folder_path_ + "'");
    return fd;
}

// Among the host's vsocks; in the live description from here on.
static Result<UniqueFd> take_address(const Driver& driver, Guest& guest) {
    std::optional<sdk::domain::Vsock> vsock;
    {
        const ObjectLock lock(guest.mu);
        if (guest.live) vsock = guest.live->devices.vsock;
    }
    if (!vsock) return UniqueFd();
    PV_ASSIGN_OR_RETURN(UniqueFd fd, take_cid(*vsock));
    const ObjectLock lock(guest.mu);
    driver.edit_live(guest, [&](Domain& live) { live.devices.vsock = vsock; });
    return fd;
}

Status Run::launch(const Domain& domain, pv_call* call) {
    // Everything that must go with it is written down before it is made.
    PV_TRY(plan(domain));
    {
        const ObjectLock lock(guest_->mu);
        driver_.edit_live(*guest_, &name_ports);
    }
    PV_TRY(driver_.save_status_now(guest_, call));
    PV_TRY(call_hook(driver_, domain, "prepare", "begin"));
    PV_TRY(make_folder());
    PV_TRY(make_memory_folder(domain));
    PV_TRY(open_log());
    PV_TRY(confine(domain, call));
    PV_ASSIGN_OR_RETURN(const UniqueFd listener, listen());
    // The connection waits in the socket until the emulator takes it.
    PV_ASSIGN_OR_RETURN(socket_, connect());
    PV_TRY(take_ports(driver_, *guest_));
    PV_ASSIGN_OR_RETURN(UniqueFd vsock, take_address(driver_, *guest_));
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest_->mu);
        driver_.edit_live(*guest_, [&](Domain& d) { name_own_sockets(d, folder_path_); });
        live = guest_->live;
    }
    PV_TRY(call_hook(driver_, live ? *live : domain, "start", "begin"));
    return spawn(live ? *live : domain, listener, std::move(vsock), call);
}

// Their names are the kernel's choice, what they are plugged into the network's; in the live description from here on.
static Result<Taps> plug_taps(Driver& driver, const GuestPtr& guest, const Domain& domain, pv_call* call) {
    Taps taps;
    for (sdk::domain::Interface i : domain.devices.interfaces) {
        if (!wants_tap(i)) continue;
        PV_ASSIGN_OR_RETURN(Tap tap, plug_interface(driver, guest, i, call));
        std::vector<int>& numbers = taps.numbers[i.info.alias.name];
        for (UniqueFd& fd : tap.fds) {
            numbers.push_back(kFirstTap + static_cast<int>(taps.fds.size()));
            taps.fds.push_back(std::move(fd));
        }
        {
            const ObjectLock lock(guest->mu);
            driver.edit_live(*guest, [&](Domain& live) {
                for (sdk::domain::Interface& there : live.devices.interfaces)
                    if (there.info.alias.name == i.info.alias.name) there = i;
            });
        }
        // Whoever ends the guest runs the other script, and looks there for the name.
        if (!i.script.empty()) PV_TRY(driver.save_status_now(guest, call));
        PV_TRY(bring_up(driver, call, i));
    }
    return taps;
}

Status Run::spawn(const Domain& domain, const UniqueFd& listener, UniqueFd vsock, pv_call* call) {
    CommandContext context;
    context.monitor_fd = kMonitorNumber;
    context.incoming = beginning_ && beginning_->incoming;
    context.folder = folder_path_;
    context.pidfile = folder_path_ + "/emulator.pid";
    context.kvm = domain.type == "kvm";
    context.id = id_;
    context.state = s_.paths->dir(s_.host, PV_PATH_STATE);
    HostResources host = host_resources();
    PV_TRY(make_huge_folders(host));
    context.host = &host;
    context.seccomp = driver_.settings().seccomp;
    context.protections = driver_.settings().protections;
    std::vector<UniqueFd> sockets;
    context.pass_socket = [&sockets](const std::string& path) -> Result<int> {
        PV_ASSIGN_OR_RETURN(UniqueFd socket, listen_at(path));
        sockets.push_back(std::move(socket));
        return kFirstPassed + static_cast<int>(sockets.size()) - 1;
    };
    context.open_device = [&sockets](const std::string& path, const std::string&) -> Result<std::string> {
        UniqueFd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (!device) return failed("cannot open '" + path + "'");
        sockets.push_back(std::move(device));
        return std::to_string(kFirstPassed + static_cast<int>(sockets.size()) - 1);
    };
    PV_ASSIGN_OR_RETURN(TpmDevice device, open_tpm_device(domain));
    PV_ASSIGN_OR_RETURN(UniqueFd tpm, tpm_->start(shared_from_this(), domain, log_path_, context.incoming, call));
    const auto pass = [&sockets](UniqueFd fd, int& number) {
        if (!fd) return;
        sockets.push_back(std::move(fd));
        number = kFirstPassed + static_cast<int>(sockets.size()) - 1;
    };
    pass(std::move(tpm), context.tpm_fd);
    pass(std::move(device.device), context.tpm_fd);
    pass(std::move(device.cancel), context.tpm_cancel_fd);
    pass(std::move(vsock), context.vsock_fd);
    for (const sdk::domain::Filesystem& f : domain.devices.filesystems) {
        if (!wants_server(f)) continue;
        PV_ASSIGN_OR_RETURN(UniqueFd connection, servers_->start(shared_from_this(), f, call));
        context.servers.emplace(f.info.alias.name, kFirstPassed + static_cast<int>(sockets.size()));
        sockets.push_back(std::move(connection));
    }
    PV_ASSIGN_OR_RETURN(const Taps taps, plug_taps(driver_, guest_, domain, call));
    context.taps = taps.numbers;
    PV_ASSIGN_OR_RETURN(CommandLine line, build_command(domain, context));
    PV_TRY(pass_groups(domain, sockets, line.args));
    const auto environment = emulator_environment(folder_path_);
    line.env.insert(line.env.begin(), environment.begin(), environment.end());
    write_log("starting up polyvirt version: " POLYVIRT_VERSION "\n" + line.to_string());
    log_start_ = ::lseek(log_.get(), 0, SEEK_END);

    plugin::Command command(std::move(line.args));
    for (std::string& e : line.env) command.env(std::move(e));
    if (const std::uint64_t locked = memory_to_lock(domain); locked != 0 && ::geteuid() == 0) command.limit(RLIMIT_MEMLOCK, locked, locked);
    command.pass(listener.get(), kMonitorNumber).output(log_.get(), log_.get()).no_capabilities();
    for (std::size_t i = 0; i < sockets.size(); ++i) command.pass(sockets[i].get(), kFirstPassed + static_cast<int>(i));
    if (identity_.changes) command.user(identity_.uid, identity_.gid).groups(identity_.groups);
    const std::vector<UniqueFd> entrances = group_.entrances();
    for (const UniqueFd& entrance : entrances) command.join(entrance.get());
    if (context.incoming) command.pass(beginning_->incoming.get(), Beginning::kNumber);
    for (std::size_t i = 0; i < taps.fds.size(); ++i) command.pass(taps.fds[i].get(), kFirstTap + static_cast<int>(i));
    const auto kept = std::make_shared<plugin::ChildProcess>(); // before there is something to lose
    *kept = plugin::ChildProcess::spawn(s_, call, command, loop_,
                                        [self = shared_from_this()](std::int32_t status) { self->on_exit(status); });
    if (!*kept)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "cannot start the emulator '{}' of {}",
                          domain.devices.emulator, who());
    pid_ = kept->pid();
    start_time_ = kept->start_time();
    try { // what cannot be kept would be an emulator that nobody knows
        post([self = shared_from_this(), kept] { self->process_ = std::move(*kept); });
    } catch (...) {
        kept->signal(SIGKILL);
        pid_ = 0;
        throw;
    }
    return {};
}

// The loop's from here on.
void Run::keep(plugin::ChildProcess process) {
    post([self = shared_from_this(), kept = std::make_shared<plugin::ChildProcess>(std::move(process))] {
        self->process_ = std::move(*kept);
    });
}

Status Run::adopt(const StatusRecord& record) {
    adopted_ = true;
    {
        const ObjectLock lock(guest_->mu);
        if (guest_->live) keep_ports(*guest_->live);
    }
    folder_ = record.folder;
    folders_ = record.folders;
    group_ = cgroup::Group::from_text(record.group, ErrorDomain::qemu);
    PV_ASSIGN_OR_RETURN(const std::string run, host_folder(s_, PV_PATH_RUN));
    folder_path_ = fmt::format("{}/{}", run, folder_);
    if (const Status log = open_log(); !log) log::warning("run", "{}: {}", who(), log.error().message);
    else log_start_ = ::lseek(log_.get(), 0, SEEK_END); // what it said before says nothing of its end
    auto process = plugin::ChildProcess::adopt(s_, record.pid, record.start_time, loop_,
                                               [self = shared_from_this()](std::int32_t status) { self->on_exit(status); });
    if (!process)
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the emulator of {} (pid {}) is gone", who(),
                          record.pid);
    pid_ = record.pid;
    start_time_ = record.start_time;
    servers_->adopt(shared_from_this(), record.servers);
    keep(std::move(process));
    return {};
}

} // namespace polyvirt::qemu
