// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Supervisor: one container, from before its start until after its end. It is a process of its own that calls liblxc,
// so that a call of liblxc which hangs, forks or dies is nobody's but this container's trouble; and it outlives the
// daemon. Single thread: liblxc clones, which a second thread's locks would not survive.
//
// Talks with the daemon over a SOCK_SEQPACKET socket, one JSON object a message:
//   to it    {"id": 7, "do": "freeze" | "thaw" | "stop" | "shutdown" | "reboot" | "node" |
//                       "mount" | "unmount" ...}
//   from it  {"reply": 7} or {"reply": 7, "error": "..."}
//            {"state": "starting" | "running" | "failed", "init": PID, "ttys": ["/dev/pts/3"], "error": "..."}
//            {"event": "rebooted", "init": PID}         its init has ended to begin anew, and has
// The state is told to whoever connects, and again when it changes. The process ends with its container: status 0 for
// an end from inside, 1 for one that failed.

#include <memory>
#include <string>
#include <vector>

#include <lxc/lxccontainer.h>
#include <nlohmann/json.hpp>

#include "plugins/lxc/supervisor/console.h"
#include "plugins/lxc/supervisor/plan.h"

namespace polyvirt::lxc {

// In the container's folder: its init has asked for a reboot.
inline constexpr const char* kRebootMark = "/reboot";

class Supervisor {
  public:
    Supervisor(Plan plan, int listener);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;
    // Until the end; the process's exit status.
    int run();

  private:
    using Json = nlohmann::json;

    [[nodiscard]] std::string start(); // what went wrong, or nothing
    [[nodiscard]] std::string configure();
    [[nodiscard]] std::string last_errors() const;
    void serve();
    void step();
    void accept_client();
    void read_client(int& fd);
    void handle(int fd, const Json& request);
    [[nodiscard]] std::string perform(const Json& request);
    [[nodiscard]] std::string node(const Json& request) const;
    [[nodiscard]] std::string mount(const Json& request) const;
    [[nodiscard]] std::string power(const Json& request, char runlevel, int signal);
    void watch_init();
    void reap();
    [[nodiscard]] bool reboot_wanted() const;
    void join_consoles();
    void tell(const Json& message);
    [[nodiscard]] Json state() const;
    const Plan plan_;
    const int listener_;
    int signals_ = -1; // a signalfd
    lxc_container* c_ = nullptr;
    std::vector<std::unique_ptr<Console>> consoles_;
    std::vector<int> clients_;
    std::string state_ = "starting", error_;
    pid_t init_ = 0;
    int init_fd_ = -1;       // a pidfd
    bool monitored_ = false; // liblxc's own monitor process is there
};

} // namespace polyvirt::lxc
