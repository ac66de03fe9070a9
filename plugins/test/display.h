// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Display: the guest's end of a connection of a VNC client. It says what the protocol (RFB 3.3 to 3.8, RFC 6143) wants said
// until the client shows a picture: one of 640 by 480 that nothing is ever drawn into. A plain value; any thread, one at a time.

#include <cstdint>
#include <string>
#include <string_view>

namespace polyvirt::test {

class Display {
  public:
    // `name`: what the client shows above the picture.
    explicit Display(std::string name) : name_(std::move(name)) {}

    // What is to be sent first.
    static constexpr std::string_view kGreeting = "RFB 003.008\n";
    // Takes what the client sends; what is to be sent back is appended to `answer`. False: it speaks something else, and
    // the connection ends after the answer.
    [[nodiscard]] bool take(std::string_view bytes, std::string& answer);

  private:
    enum class Expects : std::uint8_t { version, security, init, nothing };

    [[nodiscard]] bool version(std::string_view text, std::string& answer);
    [[nodiscard]] std::size_t wanted() const;

    const std::string name_;
    Expects expects_ = Expects::version;
    bool says_result_ = false; // 3.8: the security handshake ends with a result, whatever it was
    std::string pending_;
};

} // namespace polyvirt::test
