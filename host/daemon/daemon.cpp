// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/daemon.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "host/daemon/care.h"
#include "host/daemon/control.h"
#include "host/daemon/daemon_hooks.h"
#include "host/daemon/descriptors.h"
#include "host/daemon/limit_settings.h"
#include "host/daemon/load_settings.h"
#include "host/daemon/logging.h"
#include "host/daemon/metrics_settings.h"
#include "host/daemon/policy.h"
#include "host/daemon/reload.h"
#include "host/daemon/reload_actions.h"
#include "host/daemon/remote_access.h"
#include "host/daemon/setting_checks.h"
#include "host/daemon/show_config.h"
#include "host/daemon/signals.h"
#include "host/daemon/sockets.h"
#include "host/dispatch/dispatcher.h"
#include "host/loop/event_loop.h"
#include "host/loop/watchdog.h"
#include "host/plugin/loops.h"
#include "host/plugin/manager.h"
#include "host/plugin/op_catalog.h"
#include "host/protocol/proc_info.h"
#include "host/rpc/server.h"
#include "host/work/worker_pool.h"

namespace polyvirt::daemon {
namespace {

using namespace std::chrono_literals;

std::string env(const char* name) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): no thread yet
    return value != nullptr ? value : "";
}

std::shared_ptr<loop::Watchdog> make_watchdog(const Config& config) {
    const auto limit = config.duration("watchdog.limit");
    if (limit.count() == 0) return nullptr;
    return std::make_shared<loop::Watchdog>(limit, [](const loop::Watchdog::Report& report) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(report.held).count();
        if (report.over)
            log::warning("watchdog", "{}: goes on; a callback held it for at least {} ms", report.loop, ms);
        else if (report.what.code == nullptr)
            log::warning("watchdog", "{}: a callback has held it for {} ms; nothing else runs there", report.loop, ms);
        else
            log::warning("watchdog", "{}: callback {} of plugin {} has held it for {} ms; nothing else runs there",
                         report.loop, plugin::symbol_of(report.what.code), report.what.owner, ms);
    });
}

void set_deadlines(dispatch::Deadlines& deadlines, const Config& config) {
    deadlines.set(dispatch::Deadline::query, config.duration("calls.query_deadline"));
    deadlines.set(dispatch::Deadline::modify, config.duration("calls.modify_deadline"));
}

void set_event_budget(plugin::EventDispatcher& events, const Config& config) {
    events.set_budget(static_cast<std::size_t>(config.number("events.max_queued_bytes")));
}

} // namespace

// Members are destroyed in reverse: clients before drivers before the threads that both use.
struct Daemon::Parts {
    Parts(Options o, Paths p, const Config& config, ConfigFiles files)
        : options(std::move(o)), paths(std::move(p)), privileged(geteuid() == 0),
          reloader(std::move(files), config), watchdog(make_watchdog(config)),
          dispatcher(dispatcher_options(config)), loop("rpc-loop"), pool(pool_limits(config)),
          plugins(manager_options()),
          main_server("polyvirtd", loop, pool, dispatcher, server_limits(config, false)),
          admin_server("admin", loop, pool, dispatcher, server_limits(config, true)),
          hooks(loop, [this] { return in_use(); }, care) {
        dispatcher.set_plugins(plugins);
        dispatcher.add_server(main_server);
        dispatcher.add_server(admin_server);
        dispatcher.set_admin_hooks(hooks);
        dispatcher.deadlines().set_loop(loop);
        set_deadlines(dispatcher.deadlines(), config);
        set_event_budget(plugins.events(), config);
    }

    [[nodiscard]] bool in_use() {
        if (main_server.stats().clients + admin_server.stats().clients != 0) return true;
        for (const auto& instance : plugins.instances())
            if (instance->registry().count({.kind = PV_KIND_DOMAIN, .all_set = PV_ATTR_ACTIVE}) != 0) return true;
        return false;
    }

    static dispatch::DispatcherOptions dispatcher_options(const Config& config) {
        return {.reported_version = version_number(config.text("reported_version")).value_or(0),
                .call_log = env("POLYVIRT_CALL_LOG"),
                .version = POLYVIRT_VERSION,
                .machine_root = env("POLYVIRT_MACHINE_ROOT")};
    }

    plugin::ManagerOptions manager_options() {
        plugin::ManagerOptions o;
        o.paths = paths.host;
        o.config = [this](std::string_view key) { return reloader.config()->plugin_value(key); };
        o.privileged = privileged;
        o.version = POLYVIRT_VERSION;
        o.build_id = POLYVIRT_VERSION;
        o.pool = &pool;
        o.sink = &dispatcher.events();
        o.catalog = &plugin::default_catalog();
        o.watchdog = watchdog;
        return o;
    }

    Servers servers() { return {main_server, admin_server}; }

    const Options options;
    const Paths paths;
    const bool privileged;
    Reloader reloader;
    const std::shared_ptr<loop::Watchdog> watchdog; // null: not wanted
    UniqueFd pid_file;
    RemoteAccess remote;
    dispatch::Dispatcher dispatcher;
    loop::EventLoop loop;
    work::WorkerPool pool;
    plugin::PluginManager plugins;
    rpc::Server main_server, admin_server;
    Care care;
    DaemonHooks hooks;
    std::unique_ptr<Control> control; // gone after rpc-loop's thread, which posts to it
    std::unique_ptr<loop::LoopThread> loop_thread;
    std::unique_ptr<metrics::MetricsService> metrics_service;
};

Result<std::unique_ptr<Daemon>> Daemon::create(const Options& options) {
    Control::block_signals();
    PV_ASSIGN_OR_RETURN(Paths paths, find_paths(options.root, geteuid() == 0));
    ConfigFiles files = config_files(options, paths);
    PV_ASSIGN_OR_RETURN(const Config config, Config::load_or_error(files));
    PV_TRY(configure_logging(config, options.verbose));
    for (const std::string& note : config.notes()) log::warning("daemon", "{}", note);
    paths.listen = config.text("listen.unix.folder");
    PV_TRY(make_folders(paths));
    raise_descriptor_limit();
    if (const std::string problem = too_few_descriptors(config, descriptor_limit()); !problem.empty())
        log::warning("daemon", "{}", problem);
    auto parts = std::make_unique<Parts>(options, std::move(paths), config, std::move(files));
    return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Daemon::~Daemon() = default;

Status Daemon::take_pid_file() {
    const std::string path = parts_->paths.pid_file();
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!fd) return make_system_error(errno, ErrorDomain::none, "cannot open '" + path + "'");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        return make_error(ErrorCode::operation_failed, ErrorDomain::none,
                          "another polyvirtd uses '{}' (its lock on '{}' is held)", parts_->paths.host.run,
                          path);
    const std::string pid = std::to_string(getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) != 0 ||
        ::write(fd.get(), pid.data(), pid.size()) != static_cast<ssize_t>(pid.size()))
        return make_system_error(errno, ErrorDomain::none, "cannot write '" + path + "'");
    parts_->pid_file = std::move(fd);
    return {};
}

Status Daemon::open_remote_access(const Config& config) {
    Parts& p = *parts_;
    PV_ASSIGN_OR_RETURN(p.remote, RemoteAccess::create(config, p.paths));
    p.dispatcher.set_sasl(p.remote.sasl());
    p.reloader.add("remote access", [&p](const Config&, const Config& now) { return p.remote.prepare(now, p.paths); });
    return p.remote.open(config, p.main_server);
}

int Daemon::run() {
    const StopSignals signals; // blocked here, so in every thread
    // First of all: the servers end on it, also when they could not begin.
    parts_->loop_thread = std::make_unique<loop::LoopThread>(parts_->loop);
    Status ready = take_pid_file();
    const auto config = parts_->reloader.config();
    set_up_polkit(parts_->dispatcher, *config);
    if (ready) ready = load_policy(parts_->dispatcher, *config, parts_->paths.host.etc);
    if (ready) ready = open_remote_access(*config);
    if (ready) ready = open_sockets(*config, parts_->paths, parts_->servers());
    if (!ready) {
        log::error("daemon", "{}", ready.error().message);
        return 1;
    }
    if (parts_->watchdog) parts_->watchdog->add(parts_->loop);
    start_plugins();
    if (const Status there = parts_->plugins.check_required(); !there) {
        log::error("daemon", "{}", there.error().message);
        stop();
        return 1;
    }
    start_control(); // all is there before the first client is served
    parts_->main_server.start_serving();
    parts_->admin_server.start_serving();
    parts_->metrics_service = start_metrics(*parts_->reloader.config(), parts_->dispatcher);
    log::info("daemon", "ready on {}", parts_->paths.socket());
    notify_ready();
    const int signal = signals.wait();
    log::info("daemon", "signal {}: stopping, guests go on", signal);
    notify_stopping();
    stop();
    return 0;
}

void Daemon::print_procedures() {
    Parts& p = *parts_;
    p.loop_thread = std::make_unique<loop::LoopThread>(p.loop);
    start_plugins();
    std::vector<std::shared_ptr<plugin::Instance>> instances;
    const auto open = [&](const std::string& uri) {
        if (auto opened = p.plugins.open(uri, 0)) instances.push_back(*std::move(opened));
    };
    for (const plugin::PluginInfo& info : p.plugins.list()) {
        for (const auto& inst : info.instances) open(inst.uri);
        // Instances that are made for their first client.
        if (info.instances.empty())
            for (const std::string& scheme : info.schemes) open(scheme + ":///default");
    }
    for (const std::uint32_t program : protocol::programs())
        for (const protocol::ProcInfo& proc : protocol::procs(program))
            if (proc.role == protocol::Role::call)
                fmt::print("{} {} {}\n", protocol::program_name(program), proc.name,
                           dispatch::is_implemented(proc, instances) ? "implemented" : "missing");
    instances.clear();
    p.plugins.stop(std::chrono::steady_clock::now() + p.reloader.config()->duration("drain_time"));
    p.loop_thread->stop_and_join();
}

void Daemon::start_plugins() {
    const Parts& p = *parts_;
    parts_->plugins.load(load_policy(*p.reloader.config(), p.options, p.paths, p.privileged));
    parts_->plugins.start();
}

void Daemon::start_control() {
    Parts& p = *parts_;
    add_reload_actions(p.reloader, p.servers(), p.pool, p.options.verbose);
    p.reloader.add("calls", [&p](const Config&, const Config& now) -> Result<Reloader::Apply> {
        return Reloader::Apply([&] { set_deadlines(p.dispatcher.deadlines(), now); });
    });
    p.reloader.add("events", [&p](const Config&, const Config& now) -> Result<Reloader::Apply> {
        return Reloader::Apply([&] { set_event_budget(p.plugins.events(), now); });
    });
    p.reloader.add("policy", [&p](const Config&, const Config& now) {
        return prepare_policy(p.dispatcher, now, p.paths.host.etc);
    });
    p.control = std::make_unique<Control>(p.loop, [&p] {
        notify_reloading();
        if (p.reloader.reload()) p.plugins.configuration_changed();
        notify_ready();
    });
    if (p.watchdog) p.watchdog->add(p.control->loop());
}

void Daemon::stop() {
    Parts& p = *parts_;
    p.metrics_service.reset();
    if (p.watchdog && p.control) p.watchdog->remove(p.control->loop());
    if (p.control) p.control->stop();
    const auto drain_time = p.reloader.config()->duration("drain_time");
    const auto deadline = std::chrono::steady_clock::now() + drain_time;
    p.main_server.stop_accepting();
    p.admin_server.stop_accepting();
    p.plugins.refuse_calls();
    if (!p.main_server.drain(drain_time) || !p.admin_server.drain(1s))
        log::warning("daemon", "calls are still running after {} ms; they are abandoned", drain_time.count());
    p.main_server.close_clients("the daemon stops", 5s);
    p.admin_server.close_clients("the daemon stops", 1s);
    const bool care_ended = p.care.stop(deadline + 2s);
    p.dispatcher.polkit()->stop(); // its answers lead to the events thread, which goes with the plugins
    p.plugins.stop(deadline + 5s);
    if (p.watchdog) p.watchdog->remove(p.loop);
    p.loop_thread->stop_and_join();
    if (p.pool.drain(0) && care_ended) return;
    // A thread inside a driver cannot be ended, and joining it might take for ever.
    log::warning("daemon", "drivers hold on to threads of the daemon, which ends without them");
    std::fflush(nullptr);
    std::_Exit(0);
}

} // namespace polyvirt::daemon
