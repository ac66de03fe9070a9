// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What happens on the worker that starts a container, and on the one that clears up after it.

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <polyvirt/programs.h>

#include "base/error_text.h"
#include "base/log.h"
#include "container/container.h"
#include "container/link.h"
#include "container/loop_device.h"
#include "container/plan_of.h"
#include "container/ports.h"
#include "driver.h"
#include "sdk/cgroup/end_process.h"
#include "sdk/cgroup/limits.h"
#include "sdk/domain/passes.h"
#include "sdk/guest_ports.h"
#include "sdk/host/remove_tree.h"

namespace polyvirt::lxc {
namespace {

constexpr int kListener = 3;
constexpr std::size_t kLogLines = 1000;
constexpr std::size_t kFolderNameMax = 20;
constexpr std::int64_t kQuick = 10'000'000'000;

Error broken(std::string_view what) { return make_system_error(errno, ErrorDomain::lxc, what); }

std::string folder_name(std::int32_t id, const std::string& name) {
    std::string safe;
    for (const char c : name.substr(0, kFolderNameMax)) {
        const auto byte = static_cast<unsigned char>(c);
        safe += c == '/' || byte <= 0x20 || byte >= 0x7f ? '_' : c; // liblxc puts it into names of its own
    }
    return fmt::format("domain-{}-{}", id, safe);
}

} // namespace

void Container::launch(const sdk::OperationPtr& op, Domain domain) {
    Status done;
    try {
        done = prepare(domain, op->call());
        if (done) done = spawn(op->call());
        // With its pid on disk it is found again, whatever happens to this daemon now.
        if (done) done = driver_.save_status(guest_, op->call());
    } catch (...) {
        done = plugin::detail::caught();
    }
    post([self = shared_from_this(), op, done] {
        self->start_op_ = op;
        if (self->detached_) return;
        if (!done) return self->failed(done.error());
        if (self->exited_) return self->end();
        if (self->destroyed_) return self->kill_harder();
        self->open_link();
    });
}

Status Container::make_folder() const {
    (void)sdk::remove_tree(folder_path_); // of a container whose daemon died before it could
    if (::mkdir(folder_path_.c_str(), 0700) != 0) return broken("cannot make the folder '" + folder_path_ + "'");
    return {};
}

Status Container::prepare(Domain& d, pv_call* call) {
    const char* const run = s_.paths->dir(s_.host, PV_PATH_RUN);
    const char* const logs = s_.paths->dir(s_.host, PV_PATH_LOG);
    if (run == nullptr || logs == nullptr)
        return make_error(ErrorCode::operation_failed, ErrorDomain::lxc,
                          "the host has no folder for the files of containers");
    folder_ = folder_name(id_, guest_->name);
    folder_path_ = fmt::format("{}/{}", run, folder_);
    group_ = driver_.group(d, id_);
    // Everything that must go with it is written down before it is made: its ports, too.
    for (sdk::domain::Interface& i : d.devices.interfaces) sdk::name_port(i);
    plugged_ = d.devices.interfaces;
    {
        const ObjectLock lock(guest_->mu);
        if (guest_->live) guest_->live = std::make_shared<const Domain>(d);
    }
    PV_TRY(driver_.save_status(guest_, call));
    PV_TRY(make_folder());
    log_ = UniqueFd(::open(fmt::format("{}/{}.log", logs, guest_->name).c_str(),
                           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!log_) return broken("cannot open the log file of " + who());
    group_.make();
    PV_TRY(limit(d));
    PlanContext context;
    context.id = id_;
    context.folder = folder_path_;
    context.devices_version = group_.version(sdk::cgroup::Controller::devices);
    context.fs_of = [&](const std::string& device) { return fs_of(device, call); };
    context.init_of = [this](const std::string& name) { return driver_.init_of(name); };
    for (const auto& f : d.devices.filesystems) {
        if (f.type != "file") continue;
        PV_ASSIGN_OR_RETURN(LoopDevice loop, attach_loop(f.source.file, f.readonly));
        context.loops.emplace_back(f.source.file, loop.path);
        loops_.push_back(std::move(loop.fd));
    }
    PV_ASSIGN_OR_RETURN(context.links, take_links(s_, call, d));
    PV_ASSIGN_OR_RETURN(const Plan plan, plan_of(d, context));
    std::ofstream file(folder_path_ + "/plan.json");
    file << format_plan(plan);
    file.close();
    if (!file)
        return make_error(ErrorCode::operation_failed, ErrorDomain::lxc, "cannot write the plan of {} into '{}'", who(),
                          folder_path_);
    const ObjectLock lock(guest_->mu);
    if (guest_->live) guest_->live = std::make_shared<const Domain>(d); // with the names of its interfaces
    return {};
}

// All that it may use, before its first process is there. What there is no controller for is not limited, and said so.
Status Container::limit(const Domain& d) const {
    using namespace sdk;
    const Limits limits(group_);
    const auto have = [this](cgroup::Controller c) { return group_.version(c) != 0; };
    if (!have(cgroup::Controller::memory) || !have(cgroup::Controller::cpu))
        log::warning("lxc", "{}: not all of its limits can be set: {}", who(),
                     group_.why().empty() ? "no such control groups" : group_.why());
    if (have(cgroup::Controller::memory)) {
        domain::Memtune tune = d.memtune.value_or(domain::Memtune{});
        if (!tune.hard_limit) tune.hard_limit = d.memory;
        PV_TRY(limits.set_memory(tune));
    }
    if (d.cputune && have(cgroup::Controller::cpu)) {
        if (d.cputune->shares) PV_TRY(limits.set_shares(*d.cputune->shares));
        if (d.cputune->period || d.cputune->quota)
            PV_TRY(limits.set_bandwidth({}, {d.cputune->period, d.cputune->quota}));
    }
    if (!d.vcpu.cpuset.ranges.empty() && have(cgroup::Controller::cpuset)) PV_TRY(limits.set_cpus({}, d.vcpu.cpuset));
    if (d.numatune && d.numatune->memory && !d.numatune->memory->nodeset.ranges.empty() &&
        have(cgroup::Controller::cpuset))
        PV_TRY(limits.set_nodes(d.numatune->memory->nodeset));
    if (d.blkiotune && have(cgroup::Controller::blkio)) {
        if (d.blkiotune->weight) PV_TRY(limits.set_weight(*d.blkiotune->weight));
        PV_TRY(limits.set_devices({}, d.blkiotune->devices));
    }
    return {};
}

Result<std::string> Container::fs_of(const std::string& device, pv_call* call) const {
    for (const char* blkid : {"/usr/sbin/blkid", "/sbin/blkid"}) {
        if (::access(blkid, X_OK) != 0) continue;
        PV_ASSIGN_OR_RETURN(
            const auto told,
            plugin::run_program(s_, call, plugin::Command({blkid, "-p", "-o", "value", "-s", "TYPE", device}), kQuick));
        const std::string kind = told.out.substr(0, told.out.find('\n'));
        if (!kind.empty()) return kind;
    }
    return make_error(ErrorCode::config_unsupported, ErrorDomain::lxc, "no file system is known on '{}'", device);
}

Status Container::spawn(pv_call* call) {
    const std::string program = plugin::own_program(s_, "polyvirt-lxc");
    if (program.empty() || ::access(program.c_str(), X_OK) != 0)
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc,
                          "the program '{}', which runs containers, is not there", program);
    PV_ASSIGN_OR_RETURN(const UniqueFd listener, SupervisorLink::listen(folder_path_));
    plugin::Command command({program, folder_path_});
    // Without /usr/bin, where newuidmap is: liblxc would ask that whether root may map what the document says.
    command.env("PATH=/usr/sbin:/sbin").env("LC_ALL=C");
    command.pass(listener.get(), kListener).output(log_.get(), log_.get());
    const std::vector<UniqueFd> entrances = group_.entrances();
    for (const UniqueFd& entrance : entrances) command.join(entrance.get());
    const auto kept = std::make_shared<plugin::ChildProcess>(); // before there is something to lose
    *kept = plugin::ChildProcess::spawn(s_, call, command, driver_.loop(),
                                        [self = shared_from_this()](std::int32_t status) { self->on_exit(status); });
    if (!*kept)
        return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "cannot start '{}' for {}", program, who());
    pid_ = kept->pid();
    start_time_ = kept->start_time();
    post([self = shared_from_this(), kept] { self->process_ = std::move(*kept); });
    return {};
}

// What liblxc had to say, where people look for it.
void Container::keep_log() const {
    std::ifstream from(folder_path_ + "/liblxc.log");
    if (!log_ || !from) return;
    std::string line;
    for (std::size_t lines = 0; lines < kLogLines && std::getline(from, line); ++lines) {
        line += '\n';
        if (::write(log_.get(), line.data(), line.size()) < 0) return;
    }
}

// liblxc's, which it makes by the container's name and leaves.
void Container::drop_lock() const {
    std::ifstream file(folder_path_ + "/plan.json");
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    try {
        (void)::unlink(("/run/lxc/lock/run/." + parse_plan(text).name).c_str());
    } catch (const Json::exception&) { // it came to no plan
    }
}

// Whatever is left of it: what runs in its groups, too.
void Container::clear() {
    group_.remove();
    keep_log();
    loops_.clear();
    for (const sdk::domain::Interface& i : plugged_)
        if (sdk::on_network(i)) sdk::free_port(s_, guest_->name, i);
    drop_lock();
    if (folder_path_.empty()) return;
    if (const int error = sdk::remove_tree(folder_path_); error != 0)
        log::warning("lxc", "{}: cannot remove the folder '{}': errno {}", who(), folder_path_, error);
}

} // namespace polyvirt::lxc
