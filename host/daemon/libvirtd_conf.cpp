// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The file's grammar: text to assignments.
#include "host/daemon/libvirtd_conf.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

namespace polyvirt::daemon {
namespace {

constexpr std::size_t kMaxListed = 10'000, kMaxProblems = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool goes_on_in_name(char c) { return begins_name(c) || is_digit(c) || c == '-' || c == '.'; }

class ConfParser {
  public:
    explicit ConfParser(std::string_view text) : text_(text) {}

    ConfFile run() {
        while (skip_to_line(), !at_end() && out_.problems.size() < kMaxProblems)
            if (!assignment()) skip_line();
        return std::move(out_);
    }

  private:
    [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
    [[nodiscard]] char now() const { return at_end() ? '\0' : text_[at_]; }
    [[nodiscard]] bool sees(std::string_view what) const { return text_.substr(at_).starts_with(what); }
    [[nodiscard]] ConfPlace place() const { return {line_, static_cast<int>(at_ - line_begin_) + 1}; }
    void step() {
        if (text_[at_++] != '\n') return;
        ++line_;
        line_begin_ = at_;
    }
    void skip_blanks() {
        while (now() == ' ' || now() == '\t' || now() == '\r') step();
    }
    void skip_line() {
        while (!at_end() && now() != '\n') step();
    }
    // Past blanks, comments and ends of lines.
    void skip_to_line() {
        while (!at_end()) {
            skip_blanks();
            if (now() == '#') skip_line();
            if (now() != '\n') return;
            step();
        }
    }
    bool wrong(ConfPlace at, std::string what) {
        out_.problems.push_back({at, std::move(what)});
        return false;
    }
    [[nodiscard]] std::string found() const {
        if (at_end()) return "the end of the file";
        if (now() == '\n') return "the end of the line";
        const auto byte = static_cast<unsigned char>(now());
        return byte >= 0x20 && byte < 0x7f ? fmt::format("'{}'", now()) : fmt::format("byte {:#04x}", byte);
    }

    bool assignment();
    bool list(ConfItem& item);
    bool scalar(ConfItem& item);
    bool quoted(ConfItem& item);
    bool add(ConfItem& item, ConfScalar value);

    const std::string_view text_;
    std::size_t at_ = 0, line_begin_ = 0, values_ = 0;
    int line_ = 1;
    ConfFile out_;
};

bool ConfParser::assignment() {
    ConfItem item{.name = {}, .at = place(), .values = {}};
    if (!begins_name(now())) return wrong(place(), fmt::format("found {}, expected KEY = VALUE", found()));
    while (goes_on_in_name(now())) {
        item.name += now();
        step();
    }
    skip_blanks();
    if (now() != '=') return wrong(place(), fmt::format("{}: found {}, expected '='", item.name, found()));
    step();
    skip_blanks();
    item.is_list = now() == '[';
    if (!(item.is_list ? list(item) : scalar(item))) return false;
    skip_blanks();
    if (!at_end() && now() != '\n' && now() != '#')
        return wrong(place(), fmt::format("{}: found {} after the value, expected the end of the line", item.name, found()));
    out_.items.push_back(std::move(item));
    return true;
}

bool ConfParser::list(ConfItem& item) {
    const ConfPlace begin = place();
    step();
    while (skip_to_line(), now() != ']') {
        if (at_end()) return wrong(begin, fmt::format("{}: the list has no end, expected ']'", item.name));
        if (!scalar(item)) return false;
        skip_to_line();
        if (now() == ',') step();
        else if (now() != ']')
            return wrong(place(), fmt::format("{}: found {} in the list, expected ',' or ']'", item.name, found()));
    }
    step();
    return true;
}

bool ConfParser::add(ConfItem& item, ConfScalar value) {
    if (++values_ > kMaxListed) {
        const ConfPlace at = value.at;
        at_ = text_.size();
        return wrong(at, fmt::format("more than {} values", kMaxListed));
    }
    item.values.push_back(std::move(value));
    return true;
}

bool ConfParser::scalar(ConfItem& item) {
    ConfScalar value{.text = {}, .is_number = true, .at = place()};
    if (now() == '"' || now() == '\'') return quoted(item);
    if (now() == '-') {
        value.text = '-';
        step();
    }
    while (is_digit(now()) && value.text.size() < 32) {
        value.text += now();
        step();
    }
    if (value.text.empty() || value.text == "-")
        return wrong(place(), fmt::format("{}: found {}, expected an integer, a text in quotes or a list in [ ]", item.name,
                                          found()));
    return add(item, std::move(value));
}

bool ConfParser::quoted(ConfItem& item) {
    ConfScalar value{.text = {}, .is_number = false, .at = place()};
    const std::string_view quote = sees("\"\"\"") ? text_.substr(at_, 3) : text_.substr(at_, 1);
    const bool many_lines = quote.size() == 3;
    for (std::size_t i = 0; i < quote.size(); ++i) step();
    while (!sees(quote)) {
        if (at_end() || (now() == '\n' && !many_lines))
            return wrong(value.at, fmt::format("{}: the text has no end, expected {}", item.name, quote));
        value.text += now();
        step();
    }
    for (std::size_t i = 0; i < quote.size(); ++i) step();
    return add(item, std::move(value));
}

} // namespace

ConfFile parse_conf(std::string_view text) { return ConfParser(text).run(); }

} // namespace polyvirt::daemon
