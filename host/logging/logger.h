// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Logger: from the lines of base/log.h to the outputs, through one queue and one thread, "log". Who logs never waits
// for a disk, a terminal or the journal, and never takes a lock: what the queue has no room for is lost, counted, and
// told in the log.
//
//     logging::Logger::instance().start();
//     PV_TRY(logging::Logger::instance().set_filters("1:qemu 3:rpc"));
//
// All but start() and stop() from any thread, no leaf lock held.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "base/result.h"
#include "base/sync.h"
#include "host/logging/filters.h"
#include "host/logging/outputs.h"

namespace polyvirt::logging {

// In the syntax of filters.h and outputs.h.
struct LogSetup {
    log::Level level = log::Level::info; // where no filter says otherwise
    std::string filters{};
    std::string outputs = "1:stderr";
};

class Logger {
  public:
    // Never destroyed: threads may log until the very end.
    static Logger& instance();
    Logger();
    ~Logger();
    Logger(const Logger&) = delete;
    Logger& operator=(const Logger&) = delete;

    // Leader, before other threads: lines come here from now on, and go to stderr until configured otherwise.
    void start();
    // Leader, at the end. Writes what is queued, for as long as `deadline`; lines go to stderr directly then.
    void stop(std::chrono::milliseconds deadline);

    // What the configuration says: also what an empty text of outputs means from now on. A wrong text changes
    // nothing; a file that cannot be opened is tried again later, and the rest goes on.
    Status configure(const LogSetup& setup) PV_EXCLUDES(level_leaf);

    // What an administrator says while the daemon runs. A wrong text, or a file that cannot be opened, is an error
    // that says so, and changes nothing.
    Status set_filters(std::string_view text) PV_EXCLUDES(level_leaf); // empty: none
    Status set_outputs(std::string_view text) PV_EXCLUDES(level_leaf); // empty: as configured
    void set_level(log::Level level) PV_EXCLUDES(level_leaf);
    struct Shown {
        std::string text; // normalised
        std::size_t count = 0;
    };
    [[nodiscard]] Shown filters() const PV_EXCLUDES(level_leaf);
    [[nodiscard]] Shown outputs() const PV_EXCLUDES(level_leaf);
    [[nodiscard]] log::Level level() const PV_EXCLUDES(level_leaf);

    // Files are opened anew, after what has been logged so far: for who renames them.
    void reopen();
    // Waits until what was logged so far has been written; false at the deadline.
    bool flush(std::chrono::milliseconds deadline) PV_EXCLUDES(level_leaf);
    // Lines that found no room since the start.
    [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

    // For base/log.h; under locks of any rung.
    void write(log::Level level, std::string_view category, std::string_view text);
    [[nodiscard]] bool wants(log::Level level, std::string_view category) const {
        return live_.wants(level, category);
    }

  private:
    void use(Filters filters) PV_REQUIRES(mu_);
    void push(std::unique_ptr<Line> line);
    void run();
    void run_batch(Line* line, bool& stop);

    LineQueue queue_;
    LiveFilters live_;
    std::atomic<std::uint64_t> pushed_{0}, lost_{0};
    std::atomic<bool> started_{false};
    std::thread thread_;

    mutable Mutex mu_{Rank::leaf};
    CondVar changed_;
    Filters filters_ PV_GUARDED_BY(mu_);
    std::shared_ptr<Outputs> outputs_ PV_GUARDED_BY(mu_);
    std::string configured_outputs_ PV_GUARDED_BY(mu_);
    std::uint64_t written_ PV_GUARDED_BY(mu_) = 0;
    bool ended_ PV_GUARDED_BY(mu_) = false;
};

} // namespace polyvirt::logging
