// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Facts: names with values, in the form in which the driver and its helper tell each other, and in which records stand. A
// line each, NAME=VALUE; in a value \\, \n and \0 stand for what would end it too early. Values are any bytes, names are
// of this program's own making and stand once. What belongs to a part has its name before it: "backing.path". An empty
// line ends them.
//
//     Facts request = {{"path", path}, {"capacity", capacity}};
//     request.number("capacity")
//
// All of it is one string: to be rid of it takes no memory, as destructors of JSON libraries do.

#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace polyvirt::storage {

class Facts {
  public:
    struct Value {
        Value(std::string_view v) : text(v) {}
        Value(const std::string& v) : text(v) {}
        Value(const char* v) : text(v) {}
        Value(bool v) : text(v ? "1" : "0") {}
        template <std::integral T> Value(T v) : text(std::to_string(v)) {}
        std::string text;
    };

    Facts() = default;
    Facts(std::initializer_list<std::pair<std::string_view, Value>> all) {
        for (const auto& [name, value] : all) set(name, value);
    }

    // Of a name that is not there yet.
    void set(std::string_view name, const Value& value) {
        packed_.append(name).push_back('=');
        for (const char c : value.text) {
            if (c == '\\') packed_ += "\\\\";
            else if (c == '\n') packed_ += "\\n";
            else if (c == '\0') packed_ += "\\0";
            else packed_.push_back(c);
        }
        packed_.push_back('\n');
    }
    // All of another one's as those of a part.
    void set_part(std::string_view part, const Facts& other) {
        each_line(other.packed_, [&](std::string_view line) {
            packed_.append(part).append(".").append(line).push_back('\n');
            return true;
        });
    }

    [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
    // That of a part, under their own names.
    [[nodiscard]] Facts part(std::string_view part) const {
        Facts own;
        each_line(packed_, [&](std::string_view line) {
            if (line.size() > part.size() && line.starts_with(part) && line[part.size()] == '.')
                own.packed_.append(line.substr(part.size() + 1)).push_back('\n');
            return true;
        });
        return own;
    }
    // Empty where there is none.
    [[nodiscard]] std::string text(std::string_view name) const {
        std::string value;
        const auto packed = find(name);
        for (std::size_t i = 0; packed && i < packed->size(); ++i) {
            char c = (*packed)[i];
            if (c == '\\' && i + 1 < packed->size()) {
                c = (*packed)[++i];
                c = c == 'n' ? '\n' : c == '0' ? '\0' : c;
            }
            value.push_back(c);
        }
        return value;
    }
    // `other` where there is none, or it is not one.
    template <std::integral T = std::uint64_t> [[nodiscard]] T number(std::string_view name, T other = 0) const {
        const auto digits = find(name);
        if (!digits) return other;
        T value{};
        const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
        return error == std::errc() && end == digits->data() + digits->size() ? value : other;
    }
    [[nodiscard]] bool flag(std::string_view name) const { return find(name) == "1"; }

    // As they are told and stand in records.
    [[nodiscard]] std::string packed() const { return packed_ + "\n"; }
    // Those at the beginning of `text`, which then begins after them. Nothing: there are none, or not their end.
    [[nodiscard]] static std::optional<Facts> take(std::string_view& text) {
        Facts facts;
        std::size_t at = 0;
        while (at < text.size() && text[at] != '\n') {
            const std::size_t end = text.find('\n', at);
            if (end == std::string_view::npos || text.substr(at, end - at).find('=') == std::string_view::npos) return std::nullopt;
            at = end + 1;
        }
        if (at == text.size()) return std::nullopt;
        facts.packed_ = text.substr(0, at);
        text.remove_prefix(at + 1);
        return facts;
    }

  private:
    // Until `use` says false.
    template <typename Use> static void each_line(std::string_view packed, Use use) {
        for (std::size_t at = 0; at < packed.size();) {
            const std::size_t end = packed.find('\n', at);
            if (!use(packed.substr(at, end - at))) return;
            at = end + 1;
        }
    }
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const {
        std::optional<std::string_view> value;
        each_line(packed_, [&](std::string_view line) {
            if (line.size() <= name.size() || !line.starts_with(name) || line[name.size()] != '=') return true;
            value = line.substr(name.size() + 1);
            return false;
        });
        return value;
    }

    std::string packed_;
};

// What the helper answers: facts of its own, and those of each volume it was asked for.
struct Answer {
    Facts facts;
    std::vector<Facts> volumes;

    Answer() = default;
    Answer(Facts own) : facts(std::move(own)) {}
    [[nodiscard]] std::string packed() const {
        std::string text = facts.packed();
        for (const Facts& volume : volumes) text += volume.packed();
        return text;
    }
    // Nothing: that is none.
    [[nodiscard]] static std::optional<Answer> parse(std::string_view text) {
        Answer answer;
        auto own = Facts::take(text);
        if (!own) return std::nullopt;
        answer.facts = *std::move(own);
        while (!text.empty()) {
            auto volume = Facts::take(text);
            if (!volume) return std::nullopt;
            answer.volumes.push_back(*std::move(volume));
        }
        return answer;
    }
};

} // namespace polyvirt::storage
