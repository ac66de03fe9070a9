// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/daemon.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "host/daemon/limit_settings.h"
#include "host/daemon/policy.h"
#include "host/daemon/setting_checks.h"
#include "host/daemon/show_config.h"
#include "host/daemon/signals.h"
#include "host/daemon/sockets.h"
#include "host/dispatch/dispatcher.h"
#include "host/loop/event_loop.h"
#include "host/plugin/manager.h"
#include "host/plugin/op_catalog.h"
#include "host/protocol/proc_info.h"
#include "host/rpc/server.h"
#include "host/work/worker_pool.h"

namespace polyvirt::daemon {
namespace {

using namespace std::chrono_literals;

// Two descriptors per client and several per guest: take what the system gives.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log::warning("daemon", "the limit of open files stays at {}", limit.rlim_cur);
}

std::string env(const char* name) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): no thread yet
    return value != nullptr ? value : "";
}

} // namespace

// Members are destroyed in reverse: clients before drivers before the threads that both use.
struct Daemon::Parts {
    Parts(Options o, Paths p, Config c)
        : options(std::move(o)), paths(std::move(p)), config(std::move(c)), privileged(geteuid() == 0),
          dispatcher(dispatcher_options()), loop("rpc-loop"), pool(pool_limits(config)), plugins(manager_options()),
          main_server("polyvirtd", loop, pool, dispatcher, server_limits(config, false)),
          admin_server("admin", loop, pool, dispatcher, server_limits(config, true)) {
        dispatcher.set_plugins(plugins);
        dispatcher.add_server(main_server);
        dispatcher.add_server(admin_server);
    }

    [[nodiscard]] dispatch::DispatcherOptions dispatcher_options() const {
        return {.reported_version = version_number(config.text("reported_version")).value_or(0),
                .call_log = env("POLYVIRT_CALL_LOG"),
                .version = POLYVIRT_VERSION};
    }

    plugin::ManagerOptions manager_options() {
        plugin::ManagerOptions o;
        o.paths = paths.host;
        o.config = [this](std::string_view key) { return config.plugin_value(key); };
        o.privileged = privileged;
        o.version = POLYVIRT_VERSION;
        o.build_id = POLYVIRT_VERSION;
        o.pool = &pool;
        o.sink = &dispatcher.events();
        o.catalog = &plugin::default_catalog();
        return o;
    }

    const Options options;
    const Paths paths;
    const Config config;
    const bool privileged;
    UniqueFd pid_file;
    dispatch::Dispatcher dispatcher;
    loop::EventLoop loop;
    work::WorkerPool pool;
    plugin::PluginManager plugins;
    rpc::Server main_server, admin_server;
    std::unique_ptr<loop::LoopThread> loop_thread;
};

Result<std::unique_ptr<Daemon>> Daemon::create(const Options& options) {
    PV_ASSIGN_OR_RETURN(Paths paths, find_paths(options.root, geteuid() == 0));
    const std::string file = config_file(options, paths);
    PV_ASSIGN_OR_RETURN(Config config, Config::load_or_error(file, !options.config.empty()));
    paths.listen = config.text("listen.unix.folder");
    PV_TRY(make_folders(paths));
    raise_descriptor_limit();
    auto parts = std::make_unique<Parts>(options, std::move(paths), std::move(config));
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

int Daemon::run() {
    const StopSignals signals; // blocked here, so in every thread
    Status ready = take_pid_file();
    set_up_polkit(parts_->dispatcher, parts_->config);
    if (ready) ready = load_policy(parts_->dispatcher, parts_->config, parts_->paths.host.etc);
    if (ready) ready = open_sockets(parts_->config, parts_->paths, {parts_->main_server, parts_->admin_server});
    if (!ready) {
        log::error("daemon", "{}", ready.error().message);
        return 1;
    }
    parts_->loop_thread = std::make_unique<loop::LoopThread>(parts_->loop);
    start_plugins();
    parts_->main_server.start_serving();
    parts_->admin_server.start_serving();
    log::info("daemon", "ready on {}", parts_->paths.socket());
    sd_notify(0, "READY=1");
    const int signal = signals.wait();
    log::info("daemon", "signal {}: stopping, guests go on", signal);
    sd_notify(0, "STOPPING=1");
    stop();
    return 0;
}

void Daemon::print_procedures() {
    Parts& p = *parts_;
    p.loop_thread = std::make_unique<loop::LoopThread>(p.loop);
    start_plugins();
    std::vector<std::shared_ptr<plugin::Instance>> instances;
    for (const plugin::PluginInfo& info : p.plugins.list())
        for (const auto& inst : info.instances)
            if (auto opened = p.plugins.open(inst.uri, 0)) instances.push_back(*std::move(opened));
    for (const std::uint32_t program : protocol::programs())
        for (const protocol::ProcInfo& proc : protocol::procs(program))
            if (proc.role == protocol::Role::call)
                fmt::print("{} {} {}\n", protocol::program_name(program), proc.name,
                           dispatch::is_implemented(proc, instances) ? "implemented" : "missing");
    instances.clear();
    p.plugins.stop(std::chrono::steady_clock::now() + p.config.duration("drain_time"));
    p.loop_thread->stop_and_join();
}

void Daemon::start_plugins() {
    const auto& folders = parts_->options.plugins;
    parts_->plugins.load(folders.empty() ? std::vector{default_plugin_dir()} : folders);
    parts_->plugins.start();
}

void Daemon::stop() {
    Parts& p = *parts_;
    const auto drain_time = p.config.duration("drain_time");
    const auto deadline = std::chrono::steady_clock::now() + drain_time;
    p.main_server.stop_accepting();
    p.admin_server.stop_accepting();
    p.plugins.refuse_calls();
    if (!p.main_server.drain(drain_time) || !p.admin_server.drain(1s))
        log::warning("daemon", "calls are still running after {} ms; they are abandoned", drain_time.count());
    p.main_server.close_clients("the daemon stops", 5s);
    p.admin_server.close_clients("the daemon stops", 1s);
    p.dispatcher.polkit()->stop(); // its answers lead to the events thread, which goes with the plugins
    p.plugins.stop(deadline + 5s);
    p.loop_thread->stop_and_join();
}

} // namespace polyvirt::daemon
