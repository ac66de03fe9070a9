// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirtd: arguments in, exit code out.

#include <exception>

#include "base/log.h"
#include "host/daemon/daemon.h"
#include "host/daemon/logging.h"
#include "host/daemon/memory_trim.h"
#include "host/daemon/show_config.h"

int main(int argc, char** argv) {
    using namespace polyvirt;
    int exit_code = 0;
    daemon::limit_heaps();
    try {
        const auto options = daemon::parse_options(argc, argv, exit_code);
        if (!options) return exit_code;
        if (options->check_config || options->print_config) return daemon::show_config(*options);
        const daemon::LogSession log_session;
        auto daemon = daemon::Daemon::create(*options);
        if (!daemon) {
            log::error("daemon", "{}", daemon.error().message);
            return 1;
        }
        if (options->print_procedures) {
            (*daemon)->print_procedures();
            return 0;
        }
        return (*daemon)->run();
    } catch (const std::exception& e) { // no descriptors, no threads, no memory
        log::error("daemon", "cannot start: {}", e.what());
        return 1;
    }
}
