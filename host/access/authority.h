// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Authority: asks polkit, over the system's message bus, whether a process may do something. All of the bus
// is on a thread of its own, "polkit", which starts with the first question; nobody waits but who wants to.
// Each question has a deadline, whether the bus hangs or polkit does; a bus that cannot be reached is tried
// again with the next question. Answers (not errors) are kept for a short time, for the same process, action
// and details.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sync.h"

namespace polyvirt::access {

struct Question {
    std::string action;           // "org.libvirt.unix.manage"
    std::int64_t uid = -1, pid = -1;
    std::uint64_t start_time = 0; // of the process, which tells it from a later one with its pid
    std::vector<std::pair<std::string, std::string>> details{};
    bool interactive = false; // polkit may ask the user, through the agent of a session

    auto operator<=>(const Question&) const = default;
};

enum class Answer : std::uint8_t {
    yes,
    no,
    no_agent,  // only if the user authenticates, and there is no agent to ask
    dismissed, // the user was asked, and did not want to
};

class Authority {
  public:
    struct Options {
        std::string bus;                           // address; empty: DBUS_SYSTEM_BUS_ADDRESS or the system's usual
        std::chrono::milliseconds keep{5000};      // how long an answer holds; 0: it does not
        std::size_t max_kept = 10'000;             // answers
        std::size_t max_open = 1000;               // questions without an answer; further ones fail
    };
    // On the thread "polkit", no lock held, or on the asking one if the answer is known or there is no room.
    using Done = std::function<void(Result<Answer>)>;

    explicit Authority(Options options);
    ~Authority();
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;

    // Any thread, no lock held.
    void ask(Question question, std::chrono::milliseconds deadline, Done done) PV_NO_LOCKS_HELD;
    // Ends the thread; open questions and all later ones fail. Not from `done`.
    void stop() PV_NO_LOCKS_HELD;
    // The kept answer, if there is one. Any thread; leaf.
    [[nodiscard]] std::optional<Answer> known(const Question& question) const;

  private:
    struct State;
    const std::unique_ptr<State> state_;
};

// What a refusal says; empty for yes.
std::string refusal_of(Answer answer, const std::string& action);

} // namespace polyvirt::access
