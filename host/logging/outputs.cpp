// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/logging/outputs.h"

#include <algorithm>
#include <array>

#include "base/error_text.h"
#include "host/logging/filters.h"

namespace polyvirt::logging {
namespace {

using Kind = OutputSpec::Kind;

struct Destination {
    std::string_view name;
    Kind kind;
    bool has_argument;
};
constexpr std::array kDestinations = {
    Destination{"stderr", Kind::standard_error, false},
    Destination{"file", Kind::file, true},
    Destination{"journald", Kind::journald, false},
    Destination{"syslog", Kind::syslog, true},
};

Error wrong_output(std::string_view what) { return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "{}", what); }

Result<OutputSpec> parse_output(std::string_view word) {
    const std::string what = fmt::format("log output '{}'", word.substr(0, 200));
    const std::size_t colon = word.find(':');
    if (colon == std::string_view::npos)
        return wrong_output(fmt::format("Malformed format for {}, expected LEVEL:DESTINATION", what));
    OutputSpec spec;
    PV_ASSIGN_OR_RETURN(spec.level, parse_level(word.substr(0, colon), what));
    const std::string_view rest = word.substr(colon + 1);
    const std::size_t second = rest.find(':');
    const std::string_view name = rest.substr(0, second);
    const auto* found = std::find_if(kDestinations.begin(), kDestinations.end(),
                                     [&](const Destination& d) { return d.name == name; });
    if (found == kDestinations.end())
        return wrong_output(fmt::format("Invalid log destination '{}' for {}, expected stderr, file:PATH, journald or "
                                 "syslog:NAME",
                                 name.substr(0, 80), what));
    spec.kind = found->kind;
    if (second != std::string_view::npos) spec.argument = rest.substr(second + 1);
    if ((second != std::string_view::npos) != found->has_argument || (found->has_argument && spec.argument.empty()))
        return wrong_output(fmt::format("{} does not meet the format of destination '{}', expected LEVEL:{}{}", what,
                                 found->name, found->name, found->has_argument ? ":..." : ""));
    if (spec.kind == Kind::file && spec.argument.front() != '/')
        return wrong_output(fmt::format("{}: expected an absolute path", what));
    return spec;
}

std::string_view name_of(Kind kind) {
    for (const Destination& d : kDestinations)
        if (d.kind == kind) return d.name;
    return "";
}

} // namespace

Result<std::vector<OutputSpec>> parse_outputs(std::string_view text) {
    std::vector<OutputSpec> specs;
    PV_ASSIGN_OR_RETURN(const std::vector<std::string_view> words, split_words(text, "log outputs"));
    for (const std::string_view word : words) {
        PV_ASSIGN_OR_RETURN(OutputSpec spec, parse_output(word));
        std::erase_if(specs, [&](const OutputSpec& s) { return s.kind == spec.kind && s.argument == spec.argument; });
        specs.push_back(std::move(spec));
    }
    return specs;
}

std::string outputs_text(const std::vector<OutputSpec>& specs) {
    std::string out;
    for (const OutputSpec& spec : specs)
        out += fmt::format("{}{}:{}{}{}", out.empty() ? "" : " ", static_cast<int>(spec.level), name_of(spec.kind),
                           spec.argument.empty() ? "" : ":", spec.argument);
    return out;
}

Result<std::shared_ptr<Outputs>> Outputs::open(std::vector<OutputSpec> specs, IfClosed if_closed) {
    auto outputs = std::make_shared<Outputs>();
    for (const OutputSpec& spec : specs) {
        switch (spec.kind) {
        case Kind::standard_error: outputs->outputs_.push_back(open_standard_error()); break;
        case Kind::journald: outputs->outputs_.push_back(open_journald()); break;
        case Kind::syslog: outputs->outputs_.push_back(open_syslog(spec.argument)); break;
        case Kind::file: {
            PV_ASSIGN_OR_RETURN(auto file, open_file(spec.argument, if_closed));
            outputs->outputs_.push_back(std::move(file));
        }
        }
    }
    outputs->specs_ = std::move(specs);
    return outputs;
}

void Outputs::write(const Line& line) {
    std::string formatted;
    for (std::size_t i = 0; i < specs_.size(); ++i) {
        if (line.level < specs_[i].level) continue;
        if (formatted.empty()) formatted = format(line);
        outputs_[i]->write(line, formatted);
    }
}

void Outputs::reopen() {
    for (const auto& output : outputs_) output->reopen();
}

} // namespace polyvirt::logging
