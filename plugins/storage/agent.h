// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Agent: everything that touches what a pool stands on goes through here, into processes that have a deadline: the helper
// for files (helper/helper.h), and the programs of LVM, mount and qemu-img. A pool that has left processes behind which
// cannot be killed is asked no more until they are gone. Any thread; what waits goes on on a worker.

#include <cstdint>
#include <string>
#include <vector>

#include "facts.h"
#include "sdk/program.h"
#include "sdk/task.h"
#include "settings.h"

namespace polyvirt::storage {

template <typename T> using Task = sdk::Task<T>;

// For whom, and how long.
struct Patience {
    std::string pool; // its name, for errors
    std::int64_t deadline_ns = 30'000'000'000;
    sdk::Lingering lingering = {};
    // For what takes the longer the more bytes there are: 4 MiB a second is called slow.
    [[nodiscard]] Patience for_bytes(std::uint64_t bytes) const;
};

class Agent {
  public:
    Agent(const plugin::Services& s, const plugin::Loop& loop) : s_(s), programs_(s, loop) {}
    void configure(const Settings& settings) { helper_ = settings.helper; } // [init]
    void stop() { programs_.stop(); }                                      // [init]

    // One request to the helper; its answer. Errors: the helper's own, operation_timeout.
    [[nodiscard]] Task<Result<Answer>> ask(std::string verb, Facts request, Patience patience);
    // The same with a socket as the helper's descriptor 4, borrowed until it is waited for. `stop` ends it early; no deadline.
    [[nodiscard]] Task<Result<Answer>> ask_with(int fd, std::string verb, Facts request, Patience patience, sdk::Programs::Stop* stop);
    // A program by its name; what it says. Errors: it is not there, internal_error with what it complains of.
    [[nodiscard]] Task<Result<std::string>> run(std::vector<std::string> argv, Patience patience);

  private:
    const plugin::Services& s_;
    sdk::Programs programs_;
    std::string helper_;
};

// The whole path of a program; empty: there is none.
[[nodiscard]] std::string find_program(const std::string& name);
// "A B C": as it is shown in errors.
[[nodiscard]] std::string joined(const std::vector<std::string>& argv);

} // namespace polyvirt::storage
