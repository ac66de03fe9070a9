// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What belongs to the process and no plugin may change, and what it may not leave behind.

#include <map>
#include <string>
#include <vector>

namespace polyvirt::conform {

class ProcessState {
  public:
    static ProcessState take();
    // Complains of every difference. `during`: what was done meanwhile.
    void compare(const ProcessState& before, const char* during, const char* judge = "process.untouched") const;

  private:
    std::map<std::string, std::string> values_; // name -> value
};

// Descriptors (with what they lead to) and threads (by name).
class Census {
  public:
    static Census take();
    // Complains of what is there now and was not before.
    void compare(const Census& before, const char* during, const char* judge = "life.census") const;
    [[nodiscard]] bool within(const Census& before) const; // not more threads

  private:
    std::map<int, std::string> fds_;
    std::map<std::string, int> threads_;
    std::vector<int> inheritable_;
    friend void check_cloexec(const Census& before);
};
// Complains of descriptors that are there now, were not before, and are not CLOEXEC.
void check_cloexec(const Census& before);

} // namespace polyvirt::conform
