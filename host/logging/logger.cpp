// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/logging/logger.h"

#include <csignal>
#include <utility>

#include <pthread.h>

namespace polyvirt::logging {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{8} << 20;

void write_line(void* logger, log::Level level, std::string_view category, std::string_view text) {
    static_cast<Logger*>(logger)->write(level, category, text);
}

bool wants_line(void* logger, log::Level level, std::string_view category) {
    return static_cast<Logger*>(logger)->wants(level, category);
}

std::shared_ptr<Outputs> just_stderr() {
    // Opening stderr cannot fail.
    return *Outputs::open({OutputSpec{}}, IfClosed::retry);
}

} // namespace

Logger& Logger::instance() {
    static auto* logger = new Logger;
    return *logger;
}

Logger::Logger() : queue_(kMaxBytes), outputs_(just_stderr()), configured_outputs_(LogSetup{}.outputs) {}

Logger::~Logger() { stop(std::chrono::seconds(10)); }

void Logger::start() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    started_.store(true);
    log::set_sink(&write_line, this, &wants_line);
}

void Logger::stop(std::chrono::milliseconds deadline) {
    if (!started_.exchange(false)) return;
    push(std::make_unique<Line>(Line::Kind::stop));
    const auto until = std::chrono::steady_clock::now() + deadline;
    bool ended = false;
    {
        LeafLock lock(mu_);
        while (!ended_ && changed_.wait_until(lock, until)) {
        }
        ended = ended_;
    }
    // One that hangs in a write is left to itself: the process ends.
    if (ended)
        thread_.join();
    else
        thread_.detach();
}

void Logger::write(log::Level level, std::string_view category, std::string_view text) {
    auto line = std::make_unique<Line>(level, category, text);
    if (started_.load(std::memory_order_relaxed)) return push(std::move(line));
    open_standard_error()->write(*line, format(*line));
}

void Logger::push(std::unique_ptr<Line> line) {
    if (queue_.push(std::move(line)))
        pushed_.fetch_add(1);
    else
        lost_.fetch_add(1, std::memory_order_relaxed);
}

void Logger::run() {
    pthread_setname_np(pthread_self(), "log");
    for (bool stop = false; !stop;) run_batch(queue_.take_all(), stop);
    LeafLock lock(mu_);
    ended_ = true;
    changed_.notify_all();
}

void Logger::run_batch(Line* line, bool& stop) {
    std::shared_ptr<Outputs> outputs;
    {
        LeafLock lock(mu_);
        outputs = outputs_;
    }
    std::uint64_t written = 0;
    while (line != nullptr) {
        const std::unique_ptr<Line> owned(std::exchange(line, line->next));
        if (owned->kind == Line::Kind::text) outputs->write(*owned);
        if (owned->kind == Line::Kind::reopen) outputs->reopen();
        if (owned->kind == Line::Kind::stop) stop = true;
        queue_.done(owned->size());
        ++written;
    }
    if (const std::uint64_t lost = queue_.take_lost(); lost != 0)
        outputs->write(Line(log::Level::warning, "log",
                            fmt::format("{} lines were lost here: more than {} bytes waited to be written", lost,
                                        kMaxBytes)));
    LeafLock lock(mu_);
    written_ += written;
    changed_.notify_all();
}

void Logger::reopen() { push(std::make_unique<Line>(Line::Kind::reopen)); }

bool Logger::flush(std::chrono::milliseconds deadline) {
    const auto until = std::chrono::steady_clock::now() + deadline;
    const std::uint64_t wanted = pushed_.load();
    LeafLock lock(mu_);
    while (written_ < wanted && !ended_)
        if (!changed_.wait_until(lock, until)) return written_ >= wanted;
    return true;
}

void Logger::use(Filters filters) {
    filters_ = std::move(filters);
    live_.replace(std::make_unique<const Filters>(filters_));
    log::set_level(filters_.lowest());
}

Status Logger::configure(const LogSetup& setup) {
    PV_ASSIGN_OR_RETURN(Filters filters, Filters::parse(setup.filters, setup.level));
    PV_ASSIGN_OR_RETURN(std::vector<OutputSpec> specs, parse_outputs(setup.outputs));
    PV_ASSIGN_OR_RETURN(std::shared_ptr<Outputs> outputs, Outputs::open(std::move(specs), IfClosed::retry));
    LeafLock lock(mu_);
    use(std::move(filters));
    std::swap(outputs_, outputs); // the old ones are closed without the lock
    configured_outputs_ = setup.outputs;
    return {};
}

Status Logger::set_filters(std::string_view text) {
    PV_ASSIGN_OR_RETURN(Filters filters, Filters::parse(text, log::Level::info));
    LeafLock lock(mu_);
    use(filters.with_fallback(filters_.fallback()));
    return {};
}

Status Logger::set_outputs(std::string_view text) {
    PV_ASSIGN_OR_RETURN(std::vector<OutputSpec> specs, parse_outputs(text));
    if (specs.empty()) {
        std::string configured;
        {
            LeafLock lock(mu_);
            configured = configured_outputs_;
        }
        PV_ASSIGN_OR_RETURN(specs, parse_outputs(configured));
    }
    PV_ASSIGN_OR_RETURN(std::shared_ptr<Outputs> outputs, Outputs::open(std::move(specs), IfClosed::refuse));
    LeafLock lock(mu_);
    std::swap(outputs_, outputs);
    return {};
}

void Logger::set_level(log::Level level) {
    LeafLock lock(mu_);
    use(filters_.with_fallback(level));
}

Logger::Shown Logger::filters() const {
    LeafLock lock(mu_);
    return {filters_.text(), filters_.count()};
}

Logger::Shown Logger::outputs() const {
    LeafLock lock(mu_);
    return {outputs_text(outputs_->specs()), outputs_->specs().size()};
}

log::Level Logger::level() const {
    LeafLock lock(mu_);
    return filters_.fallback();
}

} // namespace polyvirt::logging
