// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which call the running thread works on, so that the lines it logs can say so. Costs a few words of thread-local
// memory and no lock.
//
//     const logging::CallScope scope({.server = 'c', .client = 12, .serial = 45, .procedure = proc.name});

#include <cstdint>

namespace polyvirt::logging {

// "[c12/45 domain_create]" in the log. `procedure` lives as long as the program.
struct CallTag {
    char server = 0; // 'c': the main server, 'a': the admin server; 0: no call
    std::uint64_t client = 0;
    std::uint32_t serial = 0;
    const char* procedure = "";
    explicit operator bool() const { return server != 0; }
};

[[nodiscard]] CallTag current_call();

// Nests; the call before it is back at the end.
class CallScope {
  public:
    explicit CallScope(const CallTag& tag);
    ~CallScope();
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;

  private:
    const CallTag before_;
};

} // namespace polyvirt::logging
