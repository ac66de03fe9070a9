// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "plugins/lxc/supervisor/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugins/lxc/supervisor/mounts.h"
#include "plugins/lxc/supervisor/power.h"

namespace polyvirt::lxc {
namespace {

constexpr std::size_t kClients = 4; // a daemon, and those before it whose end is not noticed yet
constexpr std::size_t kMessage = 65'536;
constexpr std::size_t kErrorLines = 3;

// In a word of the shell's, which runs liblxc's hooks.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    return set;
}
const sigset_t kWatched = watched_signals();

} // namespace

Supervisor::Supervisor(Plan plan, int listener) : plan_(std::move(plan)), listener_(listener) {}

Supervisor::~Supervisor() {
    if (c_ != nullptr) lxc_container_put(c_);
    for (const int fd : clients_) ::close(fd);
    if (init_fd_ >= 0) ::close(init_fd_);
    if (signals_ >= 0) ::close(signals_);
}

int Supervisor::run() {
    // liblxc's monitor, a grandchild, becomes this process's own: its end is seen here.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (unsigned i = 0; i < plan_.consoles; ++i) consoles_.push_back(std::make_unique<Console>());
    signals_ = ::signalfd(-1, &kWatched, SFD_CLOEXEC | SFD_NONBLOCK);
    while (true) {
        error_ = start();
        if (!error_.empty()) {
            state_ = "failed";
            accept_client();
            tell(state());
            return 1;
        }
        const bool again = state_ == "running";
        state_ = "running";
        monitored_ = true;
        watch_init();
        join_consoles();
        if (again)
            tell({{"event", "rebooted"}, {"init", init_}});
        else
            tell(state());
        serve();
        if (!reboot_wanted()) return 0;
    }
}

bool Supervisor::reboot_wanted() const { return ::unlink((plan_.folder + kRebootMark).c_str()) == 0 && plan_.restarts; }

std::string Supervisor::configure() {
    if (c_ != nullptr) lxc_container_put(c_);
    // A folder that a container's root may enter, whoever that is; liblxc makes names of it, and nothing in it.
    c_ = lxc_container_new(plan_.name.c_str(), "/run");
    if (c_ == nullptr) return "liblxc knows no container of that name";
    // What the installation has as defaults is for containers of its own.
    c_->clear_config(c_);
    for (const auto& [key, value] : plan_.config)
        if (!c_->set_config_item(c_, key.c_str(), value.c_str())) return "liblxc refuses " + key + " = " + value;
    const std::string console = consoles_.empty() ? "none" : consoles_.front()->make_inner();
    if (!c_->set_config_item(c_, "lxc.console.path", console.c_str())) return "liblxc refuses the console's terminal";
    const std::string hook =
        quoted(std::filesystem::read_symlink("/proc/self/exe")) + " post-stop " + quoted(plan_.folder);
    if (!c_->set_config_item(c_, "lxc.hook.post-stop", hook.c_str())) return "liblxc refuses lxc.hook.post-stop";
    if (!c_->want_daemonize(c_, true)) return "liblxc does not start containers in the background";
    return {};
}

std::string Supervisor::start() {
    if (const std::string error = configure(); !error.empty()) return error;
    std::vector<char*> argv;
    std::vector<std::string> words = plan_.init;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    // Only while it is not started: what is started has the mask that it was started with, and so has the container's
    // init.
    ::sigprocmask(SIG_UNBLOCK, &kWatched, nullptr);
    const bool started = c_->start(c_, 0, argv.data());
    ::sigprocmask(SIG_BLOCK, &kWatched, nullptr);
    if (started) return {};
    std::string error = last_errors();
    return error.empty() ? "the container could not be started" : error;
}

// The last lines of its log that say ERROR, without liblxc's times and places.
std::string Supervisor::last_errors() const {
    std::ifstream log(plan_.folder + "/liblxc.log");
    std::vector<std::string> found;
    for (std::string line; std::getline(log, line);) {
        const std::size_t at = line.find(" ERROR ");
        if (at == std::string::npos) continue;
        std::string text = line.substr(at + 7);
        if (const std::size_t dash = text.find(" - "); dash != std::string::npos) {
            text.erase(0, dash + 3);
            if (const std::size_t colon = text.find(" - "); colon != std::string::npos) text.erase(0, colon + 3);
        }
        found.push_back(std::move(text));
    }
    std::string all;
    for (std::size_t i = 0; i < std::min(found.size(), kErrorLines); ++i) all += (all.empty() ? "" : "; ") + found[i];
    return all;
}

void Supervisor::watch_init() {
    if (init_fd_ >= 0) ::close(init_fd_);
    init_ = c_->init_pid(c_);
    init_fd_ = init_ > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, init_, 0)) : -1;
}

void Supervisor::join_consoles() {
    if (!consoles_.empty()) consoles_.front()->settle_inner();
    for (std::size_t i = 1; i < consoles_.size(); ++i) { // the first has its terminal
        int number = static_cast<int>(i), inner = -1;
        const int lease = c_->console_getfd(c_, &number, &inner);
        if (lease >= 0 || inner >= 0) consoles_[i]->join(inner, lease);
    }
}

void Supervisor::serve() {
    reap(); // it may have ended before anybody looked
    while (monitored_) step();
    for (const auto& console : consoles_) console->join(-1, -1);
}

void Supervisor::step() {
    std::vector<pollfd> list = {{signals_, POLLIN, 0}, {listener_, POLLIN, 0}};
    const std::size_t first_client = list.size();
    for (const int fd : clients_) list.push_back({fd, POLLIN, 0});
    const std::size_t first_console = list.size();
    for (const auto& console : consoles_) console->ask(list);
    if (::poll(list.data(), list.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < consoles_.size(); ++i) consoles_[i]->answer(&list[first_console + 2 * i]);
    for (std::size_t i = 0; first_client + i < first_console; ++i)
        if (list[first_client + i].revents != 0) read_client(clients_[i]);
    std::erase(clients_, -1);
    if ((list[0].revents & POLLIN) != 0) reap();
    if (!monitored_) return;
    if ((list[1].revents & POLLIN) != 0) accept_client();
}

void Supervisor::reap() {
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
        if (info.ssi_signo == SIGTERM) c_->stop(c_);
    int status = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) continue;
    if (pid < 0 && errno == ECHILD) monitored_ = false;
}

void Supervisor::accept_client() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (clients_.size() == kClients) {
        ::close(clients_.front());
        clients_.erase(clients_.begin());
    }
    clients_.push_back(fd);
    if (state_ != "failed") tell(state());
}

void Supervisor::read_client(int& fd) {
    std::string text(kMessage, '\0');
    const ssize_t n = ::recv(fd, text.data(), text.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const Json request = n > 0 ? Json::parse(text.begin(), text.begin() + n, nullptr, false) : Json();
    if (!request.is_object()) {
        ::close(fd);
        fd = -1;
        return;
    }
    handle(fd, request);
}

void Supervisor::handle(int fd, const Json& request) {
    std::string error;
    try {
        error = perform(request);
    } catch (const Json::exception& e) {
        error = e.what();
    }
    Json reply = {{"reply", request.value("id", 0)}};
    if (!error.empty()) reply["error"] = error;
    const std::string text = reply.dump(-1, ' ', false, Json::error_handler_t::replace);
    ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::string Supervisor::perform(const Json& request) {
    const std::string what = request.at("do");
    const auto done = [](bool well, const char* why) { return well ? std::string() : std::string(why); };
    if (what == "freeze") return done(c_->freeze(c_), "the container could not be frozen");
    if (what == "thaw") return done(c_->unfreeze(c_), "the container could not be thawed");
    if (what == "stop") return done(c_->stop(c_), "the container could not be stopped");
    if (what == "shutdown") return power(request, '0', SIGTERM);
    if (what == "reboot") return power(request, '6', SIGHUP);
    if (what == "node") return node(request);
    if (what == "mount") return mount(request);
    if (what == "unmount") return unmount_inside(init_, request.at("target"), false);
    return "unknown request '" + what + "'";
}

// The host's own node, mounted as at a start: one that is made inside is of no use to a container with users of its own.
std::string Supervisor::node(const Json& request) const {
    const std::string path = request.at("path"), inner = request.at("inner");
    const bool add = request.at("add");
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return path + ": " + std::strerror(errno);
    if (!S_ISBLK(info.st_mode) && !S_ISCHR(info.st_mode)) return "'" + path + "' is no device";
    const std::string rule = std::string(S_ISBLK(info.st_mode) ? "b " : "c ") + std::to_string(::major(info.st_rdev)) + ":" +
                             std::to_string(::minor(info.st_rdev)) + " rwm";
    if (request.at("controlled").get<bool>() &&
        !c_->set_cgroup_item(c_, add ? "devices.allow" : "devices.deny", rule.c_str()))
        return "the device could not be allowed or forbidden";
    if (!add) return unmount_inside(init_, inner, true);
    return mount_inside(init_, {.type = "mount", .source = path, .target = inner});
}

std::string Supervisor::mount(const Json& request) const {
    return mount_inside(init_, {.type = request.at("type"),
                                .source = request.at("source"),
                                .kind = request.at("kind"),
                                .target = request.at("target"),
                                .size = request.at("size"),
                                .readonly = request.at("readonly")});
}

std::string Supervisor::power(const Json& request, char runlevel, int signal) {
    const pid_t init = c_->init_pid(c_);
    if (init <= 0) return "the container has no init";
    if (request.value("initctl", true)) {
        const int error = ask_initctl(init, runlevel);
        if (error == 0) return {};
        if (!request.value("signal", true)) return std::string("init control: ") + std::strerror(error);
    }
    if (::syscall(SYS_pidfd_send_signal, init_fd_, signal, nullptr, 0) == 0) return {};
    return std::string("signal to init: ") + std::strerror(errno);
}

Supervisor::Json Supervisor::state() const {
    Json ttys = Json::array();
    for (const auto& console : consoles_) ttys.push_back(console->path());
    Json all = {{"state", state_}, {"init", init_}, {"ttys", ttys}};
    if (!error_.empty()) all["error"] = error_;
    return all;
}

void Supervisor::tell(const Json& message) {
    const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
    for (const int fd : clients_) ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

} // namespace polyvirt::lxc
