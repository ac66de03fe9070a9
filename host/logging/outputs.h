// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Outputs: where lines go. In the peer's syntax, "1:stderr 2:file:/var/log/x.log": each takes lines of at least its
// level. stderr, file:PATH, journald and syslog:NAME.
//
// All writing happens on one thread. What cannot be written (a full disk, nobody who reads) is lost and counted; an
// output says so itself when it can be written to again.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "host/logging/line.h"

namespace polyvirt::logging {

class Output {
  public:
    virtual ~Output() = default;
    // `formatted` is format(line).
    virtual void write(const Line& line, std::string_view formatted) = 0;
    // The file was renamed by whoever keeps logs small: begins a new one.
    virtual void reopen() {}
};

struct OutputSpec {
    enum class Kind : std::uint8_t { standard_error, file, journald, syslog };
    log::Level level = log::Level::debug;
    Kind kind = Kind::standard_error;
    std::string argument; // path or name
};

// The error names the output and what was expected. Of two for one destination the later counts.
Result<std::vector<OutputSpec>> parse_outputs(std::string_view text);
std::string outputs_text(const std::vector<OutputSpec>& specs); // normalised

enum class IfClosed : std::uint8_t {
    refuse, // what cannot be opened is an error
    retry,  // it is tried again with later lines
};

class Outputs {
  public:
    static Result<std::shared_ptr<Outputs>> open(std::vector<OutputSpec> specs, IfClosed if_closed);

    void write(const Line& line);
    void reopen();
    [[nodiscard]] const std::vector<OutputSpec>& specs() const { return specs_; }

  private:
    std::vector<OutputSpec> specs_;
    std::vector<std::unique_ptr<Output>> outputs_;
};

// For Outputs and tests. The socket is that of the service; messages are sent without waiting.
Result<std::unique_ptr<Output>> open_file(const std::string& path, IfClosed if_closed);
std::unique_ptr<Output> open_standard_error();
std::unique_ptr<Output> open_journald(const std::string& socket = "/run/systemd/journal/socket");
std::unique_ptr<Output> open_syslog(const std::string& name, const std::string& socket = "/dev/log");

} // namespace polyvirt::logging
