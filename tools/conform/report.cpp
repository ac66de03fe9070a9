// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/report.h"

#include <algorithm>

namespace polyvirt::conform {
namespace {

// One line of a comment, whatever the text holds.
std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        if (c == '\n') line += "\\n";
        else line += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
    return line;
}

// Bytes of the UTF-8 character that `text` begins with; 0: it begins with none.
std::size_t character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    const std::size_t n = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
    if (n > text.size()) return 0;
    for (std::size_t i = 1; i < n; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const unsigned second = n > 1 ? byte(1) : 0;
    // Overlong forms, surrogates, and what lies beyond the last.
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
    // U+FFFE and U+FFFF are no characters of XML.
    return first == 0xef && second == 0xbf && byte(2) >= 0xbe ? 0 : n;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (; !text.empty();) {
        const std::size_t n = character(text);
        const char c = text.front();
        if (n != 1) {
            out += n == 0 ? std::string_view("?") : text.substr(0, n);
            text.remove_prefix(n == 0 ? 1 : n);
            continue;
        }
        text.remove_prefix(1);
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\n': out += '\n'; break;
        default: out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
        }
    }
    return out;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& l : lines) all += (all.empty() ? "" : "\n") + l;
    return all;
}

} // namespace

std::size_t Report::failed() const {
    return static_cast<std::size_t>(std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.failed(); }));
}
std::size_t Report::skipped() const {
    return static_cast<std::size_t>(
        std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return !o.failed() && !o.skipped.empty(); }));
}

std::string to_tap(const Report& report, bool verbose) {
    std::string out = fmt::format("TAP version 13\n1..{}\n", report.outcomes.size());
    std::size_t number = 0;
    for (const Outcome& o : report.outcomes) {
        ++number;
        out += fmt::format("{} {} - {}", o.failed() ? "not ok" : "ok", number, o.test->name);
        if (!o.failed() && !o.skipped.empty()) out += " # SKIP " + one_line(o.skipped);
        out += '\n';
        if (!o.failed()) continue;
        out += fmt::format("# {} ({})\n", o.test->about, o.test->rules);
        for (const std::string& f : o.failures) out += "#   " + one_line(f) + "\n";
        if (verbose)
            for (const std::string& l : o.log) out += "#     | " + one_line(l) + "\n";
    }
    for (const auto& [key, values] : report.profile) {
        out += "# profile: " + key + ":";
        for (const std::string& v : values) out += " " + one_line(v);
        out += '\n';
    }
    out += fmt::format("# {}: {} passed, {} failed, {} skipped\n", report.plugin,
                       report.outcomes.size() - report.failed() - report.skipped(), report.failed(), report.skipped());
    return out;
}

std::string to_junit(const Report& report) {
    double seconds = 0;
    for (const Outcome& o : report.outcomes) seconds += o.seconds;
    std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    out += fmt::format("<testsuite name=\"polyvirt-conform: {}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n",
                       escaped(report.plugin), report.outcomes.size(), report.failed(), report.skipped(), seconds);
    out += "  <properties>\n";
    for (const auto& [key, values] : report.profile)
        for (const std::string& v : values)
            out += fmt::format("    <property name=\"{}\" value=\"{}\"/>\n", escaped(key), escaped(v));
    out += "  </properties>\n";
    for (const Outcome& o : report.outcomes) {
        const std::string name(o.test->name);
        out += fmt::format("  <testcase classname=\"conform.{}\" name=\"{}\" time=\"{:.3f}\">\n", name.substr(0, name.find('.')),
                           name, o.seconds);
        if (o.failed())
            out += fmt::format("    <failure message=\"{}\">{}</failure>\n    <system-out>{}</system-out>\n", escaped(o.failures.front()),
                               escaped(joined(o.failures)), escaped(joined(o.log)));
        else if (!o.skipped.empty()) out += fmt::format("    <skipped message=\"{}\"/>\n", escaped(o.skipped));
        out += "  </testcase>\n";
    }
    return out + "</testsuite>\n";
}

} // namespace polyvirt::conform
