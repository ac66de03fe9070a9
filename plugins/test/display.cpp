// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "display.h"

namespace polyvirt::test {
namespace {

constexpr std::uint32_t kScreenWidth = 640, kScreenHeight = 480;
constexpr char kNone = 1; // the security type that asks for nothing

void put(std::string& to, std::uint32_t value, int bytes) {
    while (bytes-- > 0) to += static_cast<char>(value >> (8 * bytes) & 0xff);
}

// ServerInit: size, 32 bits a pixel with 8 for each colour, name.
std::string server_init(const std::string& name) {
    std::string text;
    put(text, kScreenWidth, 2);
    put(text, kScreenHeight, 2);
    for (const std::uint32_t byte : {32U, 24U, 0U, 1U}) put(text, byte, 1);
    for (int colour = 0; colour < 3; ++colour) put(text, 255, 2);
    for (const std::uint32_t shift : {16U, 8U, 0U}) put(text, shift, 1);
    put(text, 0, 3);
    put(text, static_cast<std::uint32_t>(name.size()), 4);
    return text + name;
}

} // namespace

std::size_t Display::wanted() const {
    switch (expects_) {
    case Expects::version: return kGreeting.size();
    case Expects::security:
    case Expects::init: return 1;
    default: return 0;
    }
}

bool Display::version(std::string_view text, std::string& answer) {
    if (!text.starts_with("RFB 003.00") || text.back() != '\n') return false;
    const char minor = text[10];
    if (minor == '3') { // the server chooses
        put(answer, kNone, 4);
        expects_ = Expects::init;
        return true;
    }
    if (minor != '7' && minor != '8') return false;
    says_result_ = minor == '8';
    answer += std::string{1, kNone}; // one type
    expects_ = Expects::security;
    return true;
}

bool Display::take(std::string_view bytes, std::string& answer) {
    // Once it shows the picture it asks for updates, and there are none.
    if (expects_ != Expects::nothing) pending_ += bytes;
    while (expects_ != Expects::nothing && pending_.size() >= wanted()) {
        const std::string text = pending_.substr(0, wanted());
        pending_.erase(0, text.size());
        switch (expects_) {
        case Expects::version:
            if (!version(text, answer)) return false;
            break;
        case Expects::security:
            if (text.front() != kNone) return false;
            if (says_result_) put(answer, 0, 4);
            expects_ = Expects::init;
            break;
        default:
            answer += server_init(name_);
            expects_ = Expects::nothing;
            pending_.clear();
        }
    }
    return true;
}

} // namespace polyvirt::test
