// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/metrics/exposition.h"

#include <cmath>
#include <cstring>

#include <fmt/core.h>

#include "base/assert.h"

namespace polyvirt::metrics {
namespace {

// Bytes of the UTF-8 character at `at`, 0 if there is none: no overlong forms, no surrogates.
std::size_t character(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const unsigned second = byte(1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
        (first == 0xf4 && second > 0x8f))
        return 0;
    return length;
}

void append_number(std::string& to, double value) {
    if (std::isnan(value))
        to += "NaN";
    else if (std::isinf(value))
        to += value > 0 ? "+Inf" : "-Inf";
    else
        to += fmt::format("{}", value);
}

} // namespace

void append_escaped(std::string& to, std::string_view value) {
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t length = character(value, at);
        if (length == 0) {
            to += '?';
            ++at;
            continue;
        }
        const char c = value[at];
        if (c == '\\')
            to += "\\\\";
        else if (c == '"')
            to += "\\\"";
        else if (c == '\n')
            to += "\\n";
        else
            to.append(value, at, length);
        at += length;
    }
}

void Exposition::family(std::string_view name, Type type, std::string_view help) {
    name_ = name;
    type_ = type;
    const bool total = type == Type::counter && format_ == Format::prometheus;
    const char* type_name = type == Type::gauge ? "gauge" : type == Type::counter ? "counter" : "histogram";
    text_ += fmt::format("# HELP {}{} {}\n# TYPE {}{} {}\n", name, total ? "_total" : "", help,
                   name, total ? "_total" : "", type_name);
}

void Exposition::begin_sample(std::string_view suffix, Labels labels, std::string_view le) {
    text_ += name_;
    text_ += suffix;
    const char* before = "{";
    const auto label = [&](std::string_view name, std::string_view value) {
        text_ += std::exchange(before, ",");
        text_ += name;
        text_ += "=\"";
        append_escaped(text_, value);
        text_ += '"';
    };
    for (const auto& [name, value] : labels) label(name, value);
    if (!le.empty()) label("le", le);
    text_ += *before == '{' ? " " : "} ";
}

void Exposition::sample(Labels labels, double value) {
    PV_ASSERT(type_ != Type::histogram);
    begin_sample(type_ == Type::counter ? "_total" : "", labels, {});
    append_number(text_, value);
    text_ += '\n';
}

void Exposition::sample(Labels labels, std::uint64_t value) {
    PV_ASSERT(type_ != Type::histogram);
    begin_sample(type_ == Type::counter ? "_total" : "", labels, {});
    text_ += fmt::format("{}\n", value);
}

void Exposition::histogram(Labels labels, std::span<const double> bounds, std::span<const std::uint64_t> counts,
                           double sum) {
    PV_ASSERT(type_ == Type::histogram && counts.size() == bounds.size() + 1);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        below += counts[i];
        begin_sample("_bucket", labels, i < bounds.size() ? fmt::format("{}", bounds[i]) : "+Inf");
        text_ += fmt::format("{}\n", below);
    }
    begin_sample("_sum", labels, {});
    append_number(text_, sum);
    text_ += '\n';
    begin_sample("_count", labels, {});
    text_ += fmt::format("{}\n", below);
}

std::string Exposition::take() {
    if (format_ == Format::openmetrics) text_ += "# EOF\n";
    return std::exchange(text_, {});
}

const char* Exposition::content_type(Format format) {
    return format == Format::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                         : "text/plain; version=0.0.4; charset=utf-8";
}

Exposition::Format Exposition::format_for(std::string_view accept) {
    return accept.find("application/openmetrics-text") != std::string_view::npos ? Format::openmetrics
                                                                                  : Format::prometheus;
}

} // namespace polyvirt::metrics
