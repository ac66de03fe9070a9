// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// AgentLink: the connection to the agent in one guest: JSON, one document a line, one command at a time. The other end is
// the guest's, so anything may come from it, or nothing, or without end: what it can cost is stated here, and it is read
// from only while it is asked something. Lives on its guest's loop: every method and callback runs there.
//
// Before a command, after a connection or an answer that did not come, the link is made to be in step again: the agent
// is sent a number that it says back after a byte that is in no document (guest-sync-delimited), and all that it had to
// say before goes.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <polyvirt/loop.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::qemu {

class AgentLink : public std::enable_shared_from_this<AgentLink> {
  public:
    using Json = nlohmann::json;
    // The whole answer, an object with "return" or "error". Errors: agent_unresponsive, resource_busy, operation_timeout.
    using Reply = std::function<void(Result<Json>)>;

    static constexpr std::size_t kMaxLine = std::size_t{10} << 20;  // of an answer
    static constexpr std::size_t kMaxNoise = std::size_t{1} << 20;  // of what is no answer, before one
    static constexpr std::size_t kMaxDepth = 32;
    static constexpr std::size_t kMaxValues = 200'000;              // in one answer
    static constexpr std::size_t kMaxQueue = 32;
    static constexpr std::int64_t kSecond = 1'000'000'000;
    static constexpr std::int64_t kSyncTimeout = 5 * kSecond;
    static constexpr std::int64_t kQueuePatience = 30 * kSecond;    // behind other commands
    static constexpr std::int64_t kNoTimeout = -1;

    struct Request {
        std::string line;          // the document; without newline
        std::string name;          // for messages
        std::int64_t timeout_ns = kNoTimeout;
        bool ends = false;         // that the guest goes is its success (shutdown, suspend)
        std::uint64_t owner = 0; // for give_up(); 0: nobody
        Reply done;
    };

    // `who`: for messages ("domain 'x'").
    AgentLink(const plugin::Services& s, std::string who);

    // A connected, non-blocking socket. False: the loop took no watch.
    bool open(const plugin::Loop& loop, UniqueFd fd);
    void execute(Request request);
    // Every command fails with `why`, or has done what it should.
    void close(const Error& why);
    // The guest went to sleep, off, or began anew.
    void guest_gone();
    // Nobody waits for these any more. An answer that is under way is dropped when it comes.
    void give_up(std::uint64_t owner);

    [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }
    // Of the step before a command, at most kSyncTimeout.
    void set_sync_timeout(std::int64_t ns) { sync_timeout_ = ns; }

  private:
    enum class Phase : std::uint8_t { idle, syncing, waiting };
    struct Queued {
        Request request;
        std::int64_t deadline; // of its turn; then of its answer
    };

    void begin();
    void send_command();
    void send(std::string text);
    void on_ready(std::uint32_t events);
    void read_some();
    void take(std::string_view bytes);
    void take_line(std::string_view line);
    void take_sync(std::string_view line);
    void write_some();
    void watch_events();
    void check_deadlines();
    void arm_deadline();
    void finish(Result<Json> outcome);
    void out_of_step(const Error& why);
    void broken(std::string_view how);
    [[nodiscard]] Error unresponsive(std::string_view text) const;

    const plugin::Services& s_;
    const std::string who_;
    UniqueFd fd_;
    plugin::Watch watch_, timer_;
    Phase phase_ = Phase::idle;
    bool in_step_ = false;
    std::uint64_t sync_id_ = 0;
    bool delimiter_seen_ = false;
    std::int64_t sync_timeout_ = kSyncTimeout;
    std::string in_, out_;
    std::size_t noise_ = 0;
    std::deque<Queued> queue_; // the first one is under way
};

// Whether a text of JSON can be read at little cost: no deeper than this, no more values. Says nothing of its being right.
bool within_bounds(std::string_view text, std::size_t max_depth, std::size_t max_values);

} // namespace polyvirt::qemu
