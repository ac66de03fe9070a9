// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Monitor: the QMP connection to one emulator. JSON, one document a line: commands with ids and
// deadlines, their replies, and events. Lives on its guest's loop: every method and callback runs
// there. Nothing that the emulator sends can cost more than the limits below.
//
//     monitor.execute("stop", {}, [](Result<Json> reply) { ... });

#include <cstddef>
#include <cstdint>
#include <functional>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <polyvirt/loop.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::qemu {

using Json = nlohmann::json;

struct QmpEvent {
    std::string name;
    Json data;
    std::int64_t seconds = 0;
    std::uint32_t micros = 0;
};

class Monitor : public std::enable_shared_from_this<Monitor> {
  public:
    // The reply's `return` value, or why there is none: internal_error with the emulator's own words,
    // operation_timeout, or the error that closed the connection.
    using Reply = std::function<void(Result<Json>)>;
    struct Handlers {
        std::function<void(const QmpEvent&)> event;
        std::function<void(const Error&)> closed; // once, unless close() was called; after all replies
    };

    static constexpr std::size_t kMaxLine = std::size_t{16} << 20;
    static constexpr std::size_t kMaxUnsent = std::size_t{16} << 20;
    static constexpr std::int64_t kSecond = 1'000'000'000;
    static constexpr std::int64_t kTimeout = 60 * kSecond;
    static constexpr std::int64_t kUsual = 0; // what set_timeout() has set, or else kTimeout

    // `fd`: connected, non-blocking. `who`: for messages ("domain 'x'"). Null: the loop took no watch.
    static std::shared_ptr<Monitor> open(const plugin::Loop& loop, const plugin::Services& s, UniqueFd fd,
                                         std::string who, Handlers handlers);
    Monitor(const plugin::Services& s, UniqueFd fd, std::string who, Handlers handlers);

    // Waits for the greeting and leaves negotiation mode. Before any execute().
    void negotiate(std::int64_t timeout_ns, Reply done);
    void execute(std::string_view command, Json arguments, Reply done, std::int64_t timeout_ns = kUsual) {
        execute(command, std::move(arguments), {}, std::move(done), timeout_ns);
    }
    // With descriptors that the emulator gets together with the command ("getfd", "add-fd").
    void execute(std::string_view command, Json arguments, std::vector<UniqueFd> fds, Reply done, std::int64_t timeout_ns = kUsual);
    // A whole command of somebody else's. The reply is a text: the emulator's whole answer as it stands, also where that is
    // an error; but for blanks, and for the id.
    void execute_whole(Json document, std::vector<UniqueFd> fds, Reply done, std::int64_t timeout_ns = kUsual);
    void set_timeout(std::int64_t ns) { timeout_ = ns; }

    // Reads and handles what the emulator had written before it went. May end in `closed`.
    void drain();
    // Every waiting command fails with `why`; no callback runs afterwards.
    void close(const Error& why);

    [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }
    // How many commands wait for their reply.
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  private:
    struct Command {
        std::string name;
        Reply done;
        std::int64_t deadline;
        bool whole = false; // wants the answer as it stands
    };

    void send(Json document, std::vector<UniqueFd> fds, Command command);
    [[nodiscard]] ssize_t send_some();

    void on_ready(std::uint32_t events);
    void read_some(std::size_t budget);
    void handle_lines();
    void handle_line(std::string_view line);
    void handle_greeting(const Json& document);
    void handle_reply(const Json& document, std::string_view line);
    void handle_event(const Json& document);
    void write_some();
    [[nodiscard]] std::int64_t deadline(std::int64_t timeout_ns) const; // kUsual: the usual one
    void check_deadlines();
    void arm_deadline();
    void broken(Error why);
    void fail_all(const Error& why);

    const plugin::Services& s_;
    const std::string who_;
    UniqueFd fd_;
    Handlers handlers_;
    plugin::Watch watch_, timer_;
    std::string in_, out_;
    // What goes along with the byte of out_ at that place.
    std::deque<std::pair<std::size_t, std::vector<UniqueFd>>> out_fds_;
    std::size_t scanned_ = 0; // of in_, without newline
    std::map<std::uint64_t, Command> waiting_;
    std::uint64_t next_id_ = 1;
    std::int64_t timeout_ = kTimeout;
    std::uint64_t negotiation_ = 0; // the id under which negotiate() waits for the greeting
};

} // namespace polyvirt::qemu
