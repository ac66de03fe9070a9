// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Exposition: metrics as text, in Prometheus' format 0.0.4 or in OpenMetrics 1.0. One thread.
//
//     Exposition out(Exposition::Format::prometheus);
//     out.family("polyvirt_calls", Exposition::Type::counter, "Calls that were answered");
//     out.sample({{"program", "remote"}, {"procedure", name}}, 17);
//     std::string text = out.take();
//
// A counter's name is given without "_total": every sample gets it, and the family where the format
// wants it.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace polyvirt::metrics {

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

class Exposition {
  public:
    enum class Format : std::uint8_t { prometheus, openmetrics };
    enum class Type : std::uint8_t { gauge, counter, histogram };

    explicit Exposition(Format format) : format_(format) {}

    // Once per name; all of its samples follow before the next family.
    void family(std::string_view name, Type type, std::string_view help);
    void sample(Labels labels, double value);
    void sample(Labels labels, std::uint64_t value);
    // `counts`: of each bucket alone; the last one has no bound. As many bounds less one, rising.
    void histogram(Labels labels, std::span<const double> bounds, std::span<const std::uint64_t> counts, double sum);

    // What was written; nothing may follow.
    [[nodiscard]] std::string take();
    [[nodiscard]] static const char* content_type(Format format);
    // What a scraper that sends this Accept header gets.
    [[nodiscard]] static Format format_for(std::string_view accept);

  private:
    void begin_sample(std::string_view suffix, Labels labels, std::string_view le);

    const Format format_;
    std::string name_;
    Type type_ = Type::gauge;
    std::string text_;
};

// A label's value: backslash, quote and line feed escaped; what is no UTF-8 becomes '?'.
void append_escaped(std::string& to, std::string_view value);

} // namespace polyvirt::metrics
