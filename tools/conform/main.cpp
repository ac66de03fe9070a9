// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polyvirt-conform PLUGIN.so: does a plugin keep the contract of docs/plugin-abi.md? See docs/conform.md.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fnmatch.h>
#include <fstream>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>

#include "tools/conform/cases/cases.h"
#include "tools/conform/process.h"

namespace {

using namespace polyvirt::conform;

struct Options {
    std::string junit;
    std::vector<std::string> only, except, documents, settings;
    double timeout = 120;
    bool list = false, verbose = false;
};

bool fits(const std::vector<std::string>& patterns, const char* name) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
        return ::fnmatch(p.c_str(), name, 0) == 0 || std::string_view(name).find(p) != std::string_view::npos;
    });
}

// "kind=FILE" or "key=VALUE".
std::pair<std::string, std::string> split(const std::string& text, const char* option) {
    const std::size_t at = text.find('=');
    if (at == 0 || at == std::string::npos) throw CLI::ValidationError(option, "NAME=VALUE is expected, found '" + text + "'");
    return {text.substr(0, at), text.substr(at + 1)};
}

void read_documents(const Options& options, Subject& subject) {
    for (const std::string& d : options.documents) {
        auto [kind, file] = split(d, "--document");
        std::ifstream in(file);
        std::stringstream text;
        text << in.rdbuf();
        if (!in) throw CLI::ValidationError("--document", "cannot read '" + file + "'");
        subject.documents.emplace_back(kind, text.str());
    }
    for (const std::string& s : options.settings) subject.settings.push_back(split(s, "--set"));
}

void list_cases() {
    for (const Case& c : all_cases()) fmt::print("{:28} {:14} {}\n", c.name, c.rules, c.about);
}

// Which cases run: `only`, without `except`; what they need to have passed runs too.
std::vector<const Case*> chosen(const Options& options) {
    std::vector<const Case*> list;
    for (const Case& c : all_cases())
        if ((options.only.empty() || fits(options.only, c.name)) && !fits(options.except, c.name)) list.push_back(&c);
    return list;
}

class Run {
  public:
    Run(const Options& options, const Subject& subject) : options_(options), subject_(subject) { report_.plugin = subject.path; }

    Report all() {
        const std::vector<const Case*> cases = chosen(options_);
        for (const Case* c : cases) report_.outcomes.push_back({.test = c});
        for (Outcome& o : report_.outcomes) one(o);
        const bool events = report_.profile.count("events") != 0;
        for (Outcome& o : report_.outcomes)
            if (!events && std::string_view(o.test->name).starts_with("events.") && o.skipped.empty()) o.skipped = "it posted no event";
        return std::move(report_);
    }

  private:
    Outcome* find(std::string_view name) {
        for (Outcome& o : report_.outcomes)
            if (o.test->name == name) return &o;
        return nullptr;
    }
    void one(Outcome& o) {
        // With --only, what a case stands on is not run: the author has chosen.
        for (const Case* c = find_case(o.test->after); c != nullptr; c = find_case(c->after))
            if (const Outcome* base = find(c->name); base != nullptr && base->failed()) {
                o.skipped = fmt::format("{} failed", c->name);
                return;
            }
        // Judges have nothing of their own to do once every op has been called by another.
        if (o.test->run == &walk && walked_) return;
        walked_ |= o.test->run == &walk || o.test->run == &ops_ordinary;
        if (options_.verbose) fmt::print(stderr, "{} ...\n", o.test->name);
        Said said = run_in_process(*o.test, subject_, options_.timeout);
        o.seconds = said.seconds;
        o.log = std::move(said.log);
        o.skipped = std::move(said.skipped);
        for (auto& [key, values] : said.profile) report_.profile[key].merge(values);
        for (Said::Complaint& c : said.complaints) {
            if (fits(options_.except, c.judge.c_str())) continue;
            Outcome* judge = find(c.judge);
            if (judge == nullptr) judge = &o;
            std::string text = std::move(c.text);
            if (judge != &o) text += fmt::format(" (seen in {})", o.test->name);
            add(*judge, std::move(text));
        }
    }
    // The same fault shows in many cases: told once.
    static void add(Outcome& to, std::string text) {
        constexpr std::size_t kMost = 40;
        const auto bare = [](const std::string& t) { return t.substr(0, t.rfind(" (seen in ")); };
        for (const std::string& f : to.failures)
            if (bare(f) == bare(text)) return;
        if (to.failures.size() < kMost) to.failures.push_back(std::move(text));
    }

    const Options& options_;
    const Subject& subject_;
    Report report_;
    bool walked_ = false;
};

int run(const Options& options, Subject& subject) {
    auto elf = polyvirt::conform::read_elf(subject.path);
    if (!elf) {
        fmt::print(stderr, "polyvirt-conform: {}\n", elf.error().message);
        return 2;
    }
    subject.elf = *std::move(elf);
    subject.manifest = read_manifest(subject.elf.manifest);
    subject.path = std::filesystem::absolute(subject.path).string();
    const Report report = Run(options, subject).all();
    if (report.outcomes.empty()) {
        fmt::print(stderr, "polyvirt-conform: no case is chosen; --list shows them\n");
        return 2;
    }
    fmt::print("{}", to_tap(report, options.verbose));
    if (!options.junit.empty()) {
        std::ofstream out(options.junit);
        out << to_junit(report);
        if (!out.flush()) {
            fmt::print(stderr, "polyvirt-conform: cannot write '{}'\n", options.junit);
            return 2;
        }
    }
    return report.failed() == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    Subject subject;
    CLI::App app{"Checks whether a plugin of polyvirt keeps the contract of the plugin ABI.\nPrints TAP; status 0: all cases "
                 "that apply have passed; 1: some failed; 2: nothing could be checked.",
                 "polyvirt-conform"};
    app.add_option("plugin", subject.path, "the plugin's file");
    app.add_flag("--list", options.list, "show the cases and end");
    app.add_option("--only", options.only, "cases whose name fits the pattern or holds the text");
    app.add_option("--except", options.except, "all cases but these");
    app.add_option("--uri", subject.uri, "the URI whose instance is checked");
    app.add_option("--document", options.documents, "KIND=FILE: the document that objects of the kind are made of");
    app.add_option("--set", options.settings, "KEY=VALUE: a setting of the plugin (host.config)");
    app.add_option("--junit", options.junit, "write a report in JUnit's form too");
    app.add_option("--seed", subject.seed, "for what is made up");
    app.add_flag("!--own-allocations", subject.starve_libraries, "faults.memory: leave alone what the plugin's libraries allocate");
    app.add_option("--timeout", options.timeout, "seconds for one case")->check(CLI::PositiveNumber);
    app.add_flag("--verbose", options.verbose, "show the log of cases that failed");
    app.set_version_flag("--version", POLYVIRT_VERSION);
    try {
        app.parse(argc, argv);
        if (options.list) {
            list_cases();
            return 0;
        }
        if (subject.path.empty()) throw CLI::RequiredError("plugin");
        read_documents(options, subject);
        subject.patience = std::min(subject.patience, options.timeout / 3);
        return run(options, subject);
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e);
        return code == 0 ? 0 : 2;
    }
}
