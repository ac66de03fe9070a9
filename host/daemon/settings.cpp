// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/error_text.h"

namespace polyvirt::daemon {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t factor;
};
// The first of equal factors is how it is written.
constexpr std::array kSizes = std::to_array<Unit>({{"TiB", std::int64_t{1} << 40},
                                                   {"T", std::int64_t{1} << 40},
                                                   {"GiB", std::int64_t{1} << 30},
                                                   {"G", std::int64_t{1} << 30},
                                                   {"MiB", std::int64_t{1} << 20},
                                                   {"M", std::int64_t{1} << 20},
                                                   {"KiB", std::int64_t{1} << 10},
                                                   {"K", std::int64_t{1} << 10},
                                                   {"k", std::int64_t{1} << 10},
                                                   {"", 1},
                                                   {"B", 1},
                                                   {"kB", 1000},
                                                   {"KB", 1000},
                                                   {"MB", 1'000'000},
                                                   {"GB", 1'000'000'000},
                                                   {"TB", 1'000'000'000'000}});
constexpr std::array kDurations = std::to_array<Unit>({{"d", 86'400'000},
                                                       {"h", 3'600'000},
                                                       {"min", 60'000},
                                                       {"m", 60'000},
                                                       {"s", 1000},
                                                       {"", 1000},
                                                       {"ms", 1}});

std::optional<std::int64_t> read_number(std::string_view text, int base = 10) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc() || stop != end) return std::nullopt;
    return number;
}

template <std::size_t N>
std::optional<std::int64_t> read_with_unit(std::string_view text, const std::array<Unit, N>& units) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = read_number(text.substr(0, digits));
    std::string_view name = text.substr(digits);
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    const auto* unit =
        std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
    std::int64_t result = 0;
    if (!number || unit == units.end() || __builtin_mul_overflow(*number, unit->factor, &result))
        return std::nullopt;
    return result;
}

template <std::size_t N>
std::string write_with_unit(std::int64_t number, const std::array<Unit, N>& units, std::string_view zero) {
    if (number == 0) return std::string(zero);
    for (const Unit& unit : units)
        if (number % unit.factor == 0) return fmt::format("{}{}", number / unit.factor, unit.name);
    return fmt::format("{}", number);
}

std::optional<std::int64_t> read_boolean(std::string_view text) {
    for (const std::string_view yes : {"true", "yes", "on"})
        if (text == yes) return 1;
    for (const std::string_view no : {"false", "no", "off"})
        if (text == no) return 0;
    return std::nullopt;
}

std::optional<std::int64_t> read_mode(std::string_view text) {
    if (text.starts_with("0o")) text.remove_prefix(2);
    const auto mode = text.size() <= 5 ? read_number(text, 8) : std::nullopt;
    return mode && *mode >= 0 && *mode <= 0777 ? mode : std::nullopt;
}

bool has_range(const Setting& s) { return s.min != 0 || s.max != 0; }

std::optional<std::int64_t> read_by_kind(const Setting& setting, std::string_view text) {
    switch (setting.kind) {
    case Kind::boolean: return read_boolean(text);
    case Kind::mode: return read_mode(text);
    case Kind::integer: return read_number(text);
    case Kind::size: return read_with_unit(text, kSizes);
    case Kind::duration: return read_with_unit(text, kDurations);
    default: return std::nullopt;
    }
}

std::string write_number(Kind kind, std::int64_t number) {
    switch (kind) {
    case Kind::boolean: return number != 0 ? "true" : "false";
    case Kind::mode: return fmt::format("{:04o}", number);
    case Kind::size: return write_with_unit(number, kSizes, "0");
    case Kind::duration: return write_with_unit(number, kDurations, "0s");
    default: return fmt::format("{}", number);
    }
}

bool is_number(Kind kind) { return kind != Kind::text && kind != Kind::choice && kind != Kind::list; }

Error wrong(const Setting& setting, std::string_view found, std::string_view wanted) {
    constexpr std::size_t kShown = 80;
    return make_error(ErrorCode::conf_syntax, ErrorDomain::conf, "{}: found '{}'{}, expected {}",
                      setting.path, found.substr(0, kShown), found.size() > kShown ? "..." : "", wanted);
}

std::string listed(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
    return out;
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('.') + 1); }

} // namespace

// Levenshtein's, of two short texts.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
        }
    }
    return row.back();
}

const Setting* find_setting(std::string_view path) {
    static const auto index = [] {
        std::map<std::string_view, const Setting*, std::less<>> by_path;
        for (const Setting& setting : settings()) by_path[setting.path] = &setting;
        return by_path;
    }();
    const auto found = index.find(path);
    return found == index.end() ? nullptr : found->second;
}

std::string expected(const Setting& s) {
    const auto range = [&](std::string_view what, std::string_view example) {
        if (!has_range(s)) return fmt::format("{}{}", what, example);
        return fmt::format("{} from {} to {}{}", what, write_number(s.kind, s.min),
                           write_number(s.kind, s.max), example);
    };
    switch (s.kind) {
    case Kind::boolean: return "true or false";
    case Kind::integer: return range("an integer", "");
    case Kind::size: return range("a size", ", such as 65536 or 64KiB");
    case Kind::duration: return range("a duration", ", such as 500ms, 30s or 5min");
    case Kind::mode: return "permissions in octal, such as 0770";
    case Kind::list: return "a list of text";
    case Kind::text: return "text";
    case Kind::choice: break;
    }
    std::string all = "one of ";
    for (const std::string_view choice : s.choices) all.append(all.size() > 7 ? ", " : "").append(choice);
    return all;
}

Status read_value(const Setting& s, std::string_view text, Value& value) {
    if (is_number(s.kind)) {
        const auto number = read_by_kind(s, text);
        if (!number || *number < 0 || (has_range(s) && (*number < s.min || *number > s.max)))
            return wrong(s, text, expected(s));
        value.number = *number;
        return {};
    }
    if (s.kind == Kind::choice && std::find(s.choices.begin(), s.choices.end(), text) == s.choices.end())
        return wrong(s, text, expected(s));
    if (s.check != nullptr)
        if (const std::string wanted = s.check(text); !wanted.empty()) return wrong(s, text, wanted);
    if (s.kind == Kind::list)
        value.list.emplace_back(text);
    else
        value.text = text;
    return {};
}

std::string written(const Setting& setting, const Value& value) {
    if (setting.kind == Kind::list) return listed(value.list);
    return is_number(setting.kind) ? write_number(setting.kind, value.number) : value.text;
}

std::vector<std::string> similar_settings(std::string_view path) {
    constexpr std::size_t kLongest = 64; // the work grows with the square
    if (path.size() > kLongest) return {};
    std::vector<std::pair<std::size_t, std::string>> near;
    const auto consider = [&](std::size_t changes, std::string_view name) {
        const std::pair<std::size_t, std::string> one{changes, name};
        if (std::find(near.begin(), near.end(), one) == near.end()) near.push_back(one);
    };
    for (const Setting& s : settings()) {
        // The path itself, a section that begins it, and a name that stands in another section.
        for (std::size_t end = s.path.find('.'); end != std::string::npos; end = s.path.find('.', end + 1)) {
            const std::string_view section = std::string_view(s.path).substr(0, end);
            if (const std::size_t d = edit_distance(path, section); d <= 1 + section.size() / 6)
                consider(d, section);
        }
        if (const std::size_t d = edit_distance(path, s.path); d <= 2 + last_part(s.path).size() / 6)
            consider(d, s.path);
        else if (last_part(path) == last_part(s.path))
            consider(10, s.path);
    }
    std::stable_sort(near.begin(), near.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> out;
    for (auto& [changes, name] : near)
        if (out.size() < 3 && changes <= near.front().first + 1) out.push_back(std::move(name));
    return out;
}

std::string settings_markdown() {
    static constexpr std::string_view kKinds[] = {"boolean", "integer", "size", "duration",
                                                  "text",    "choice",  "list", "mode"};
    std::string out = "| setting | kind | default | effect | meaning |\n|---|---|---|---|---|\n";
    for (const Setting& s : settings()) {
        std::string kind(kKinds[static_cast<std::size_t>(s.kind)]);
        if (s.kind == Kind::choice) kind = expected(s);
        if (has_range(s))
            kind += fmt::format(", {} to {}", write_number(s.kind, s.min), write_number(s.kind, s.max));
        std::string fallback = s.fallback.empty() ? "(empty)" : "`" + s.fallback + "`";
        for (std::size_t at = 0; (at = fallback.find(',', at)) != std::string::npos; at += 2)
            fallback.insert(at + 1, " ");
        out += fmt::format("| `{}` | {} | {} | {} | {} |\n", s.path, kind, fallback,
                           s.effect == Effect::live ? "reload" : "start", s.doc);
    }
    return out;
}

} // namespace polyvirt::daemon
