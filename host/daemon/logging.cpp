// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/log.h"

namespace polyvirt::daemon {
namespace {

void write_line(void* context, log::Level level, std::string_view category, std::string_view text) {
    static constexpr spdlog::level::level_enum kLevels[] = {
        spdlog::level::trace, spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
        spdlog::level::err};
    static_cast<spdlog::logger*>(context)->log(kLevels[static_cast<int>(level)], "{}: {}", category, text);
}

} // namespace

void start_logging(bool verbose) {
    // Never destroyed: threads may log until the very end.
    static auto* logger =
        new spdlog::logger("polyvirtd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %t %l %v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
    log::set_sink(&write_line, logger);
    log::set_level(verbose ? log::Level::debug : log::Level::info);
}

} // namespace polyvirt::daemon
