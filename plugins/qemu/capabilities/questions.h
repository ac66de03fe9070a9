// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Questions: a QMP connection to an emulator without a guest, for one thread that waits for each answer.

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/unique_fd.h"

namespace polyvirt::qemu {

class Questions {
  public:
    // Everything that is asked together may take 30 s. `path` names the emulator in errors.
    Questions(UniqueFd fd, std::string path);

    // Errors of both: internal_error; the emulator said no, something else than an answer, or nothing in time.
    [[nodiscard]] Status begin();
    [[nodiscard]] Result<nlohmann::json> ask(const char* command, const nlohmann::json& arguments = nullptr);

  private:
    [[nodiscard]] Error failed(std::string_view how) const;
    [[nodiscard]] Result<nlohmann::json> receive();

    const UniqueFd fd_;
    const std::string path_;
    const std::int64_t deadline_;
    std::string in_;
    std::uint64_t id_ = 0;
};

} // namespace polyvirt::qemu
