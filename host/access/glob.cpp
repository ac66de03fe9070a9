// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/glob.h"

#include "base/error_text.h"

namespace polyvirt::access {
namespace {

Error bad(std::string_view pattern, std::size_t at, std::string_view why) {
    return make_error(ErrorCode::conf_syntax, ErrorDomain::access, "bad pattern '{}': {} at byte {}", pattern, why,
                      at + 1);
}

constexpr std::size_t byte_of(char c) { return static_cast<unsigned char>(c); }

} // namespace

Result<Glob> Glob::create(std::string_view pattern) {
    if (pattern.empty()) return bad(pattern, 0, "it is empty");
    if (pattern.size() > kMaxLength) return bad(pattern.substr(0, 32), kMaxLength, "it is too long");
    Glob glob;
    for (std::size_t i = 0; i < pattern.size();) {
        const char c = pattern[i];
        if (c == '[') {
            PV_ASSIGN_OR_RETURN(i, glob.add_set(pattern, i));
            continue;
        }
        if (c == '*') {
            if (glob.steps_.empty() || glob.steps_.back().what != Step::What::any_text)
                glob.steps_.push_back({Step::What::any_text});
        } else if (c == '?') {
            glob.steps_.push_back({Step::What::any_byte});
        } else {
            if (c == '\\' && ++i == pattern.size()) return bad(pattern, i - 1, "nothing follows the '\\'");
            glob.steps_.push_back({Step::What::byte, pattern[i]});
        }
        ++i;
    }
    for (const Step& step : glob.steps_) {
        glob.literal_ = glob.literal_ && step.what == Step::What::byte;
        if (!glob.literal_) break;
        glob.prefix_ += step.byte;
    }
    return glob;
}

// From the '[' at `at` to behind its ']'.
Result<std::size_t> Glob::add_set(std::string_view pattern, std::size_t at) {
    std::bitset<256> set;
    std::size_t i = at + 1;
    const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
    if (negated) ++i;
    for (bool first = true;; first = false) {
        if (i >= pattern.size()) return bad(pattern, at, "the '[' is not closed");
        if (pattern[i] == ']' && !first) break;
        const std::size_t low = byte_of(pattern[i]);
        std::size_t high = low;
        if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
            high = byte_of(pattern[i + 2]);
            if (high < low) return bad(pattern, i, "the range runs backwards");
            i += 2;
        }
        for (std::size_t b = low; b <= high; ++b) set.set(b);
        ++i;
    }
    steps_.push_back({Step::What::set, 0, static_cast<std::uint16_t>(sets_.size())});
    sets_.push_back(negated ? ~set : set);
    return i + 1;
}

bool Glob::fits(const Step& step, char c) const {
    switch (step.what) {
    case Step::What::byte: return step.byte == c;
    case Step::What::set: return sets_[step.set][byte_of(c)];
    default: return true;
    }
}

bool Glob::matches(std::string_view text) const {
    if (literal_) return text == prefix_;
    if (!text.starts_with(prefix_)) return false;
    constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    std::size_t s = prefix_.size(), t = s, star = kNone, resume = 0; // a step for each byte of the prefix
    while (t < text.size()) {
        if (s < steps_.size() && steps_[s].what == Step::What::any_text) {
            star = s++;
            resume = t;
        } else if (s < steps_.size() && fits(steps_[s], text[t])) {
            ++s;
            ++t;
        } else if (star != kNone) { // the last '*' takes one byte more; earlier ones never need to
            s = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (s < steps_.size() && steps_[s].what == Step::What::any_text) ++s;
    return s == steps_.size();
}

} // namespace polyvirt::access
