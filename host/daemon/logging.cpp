// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/logging.h"

#include <array>
#include <chrono>

#include "base/log.h"
#include "host/logging/logger.h"

namespace polyvirt::daemon {
namespace {

using logging::Logger;

std::string join(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

log::Level level_of(std::string_view name) {
    for (const log::Level level : {log::Level::debug, log::Level::info, log::Level::warning})
        if (name == logging::level_name(level)) return level;
    return log::Level::error;
}

} // namespace

LogSession::LogSession() { Logger::instance().start(); }
LogSession::~LogSession() { Logger::instance().stop(std::chrono::seconds(5)); }

Status configure_logging(const Config& config, bool verbose) {
    return Logger::instance().configure({.level = verbose ? log::Level::debug : level_of(config.text("log.level")),
                                         .filters = join(config.list("log.filters")),
                                         .outputs = join(config.list("log.outputs"))});
}

std::string check_log_filter(std::string_view text) {
    const auto parsed = logging::Filters::parse(text, log::Level::info);
    return parsed ? "" : "LEVEL:NAME, levels 1 to 4 (" + parsed.error().message + ")";
}

std::string check_log_output(std::string_view text) {
    const auto parsed = logging::parse_outputs(text);
    return parsed ? "" : "LEVEL:DESTINATION (" + parsed.error().message + ")";
}

} // namespace polyvirt::daemon
