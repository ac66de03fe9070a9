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

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
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
