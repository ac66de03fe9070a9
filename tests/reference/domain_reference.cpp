// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How near the domain document comes to the peer's: every input of the recordings through parse,
// passes and print, compared as a tree with the recorded description.
//
//     POLYVIRT_REFERENCE=DIR reference_domain            figures, exit 1 below the floors
//     POLYVIRT_REFERENCE=DIR reference_domain -v         and what differs, per input
//     POLYVIRT_REFERENCE=DIR reference_domain domain/ID  both texts of one input
//
// DIR/corpus holds cases.jsonl, inputs/ and goldens/. Fails too when a second define of a dump changes it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "sdk/domain/passes.h"
#include "sdk/xml/writer.h"
#include "trees.h"

namespace pv = polyvirt::sdk::domain;
using namespace polyvirt::reference;

namespace {

struct Answer {
    bool ok = false;
    std::string xml, message;
};
struct Figures {
    int inputs = 0, accepted = 0, should_accept = 0, rejected = 0, should_reject = 0, same = 0,
        compared = 0, unstable = 0;
};

// What the recordings were made with: Debian 12's emulator without KVM.
pv::HostContext recorded_host() {
    pv::HostContext c;
    c.default_machine = "pc";
    c.emulator = [](std::string_view arch) {
        if (arch == "x86_64")
            return std::string("/usr/bin/qemu-system-x86_64");
        return arch == "i686" ? std::string("/usr/bin/qemu-system-i386") : std::string();
    };
    c.canonical_machine = [](std::string_view, std::string_view machine) {
        if (machine == "pc")
            return std::string("pc-i440fx-7.2");
        if (machine == "q35")
            return std::string("pc-q35-7.2");
        return std::string(machine);
    };
    c.default_cpu = [](std::string_view arch, std::string_view) {
        return std::string(arch == "i686" ? "qemu32" : "qemu64");
    };
    return c;
}

polyvirt::Result<std::string> define_and_dump(const std::string& text,
                                              const pv::FormatOptions& options = {true}) {
    PV_ASSIGN_OR_RETURN(pv::Parsed parsed, pv::parse_domain(text));
    PV_TRY(pv::complete(parsed.domain, recorded_host()));
    return pv::format_domain(parsed.domain, options);
}

void run_case(const std::string& root, const nlohmann::json& c,
              std::map<std::string, Answer>& answers, Figures& f, const std::string& wanted,
              bool verbose) {
    const std::string id = c["id"];
    if (!wanted.empty() && id != wanted)
        return;
    const std::string text = read_file(root + "/" + c["input"].get<std::string>());
    const Answer& define = answers[id + " define"];
    auto dump = define_and_dump(text);
    f.inputs++;
    (define.ok ? f.should_accept : f.should_reject)++;
    if (!dump) {
        if (!define.ok)
            f.rejected++;
        if ((verbose && define.ok) || !wanted.empty())
            fmt::print("{}\n   refused: {}\n", id, dump.error().message);
        return;
    }
    if (define.ok)
        f.accepted++;
    else if (verbose)
        fmt::print("{}\n   accepted; the peer: {}\n", id, define.message);
    auto again = define_and_dump(*dump);
    if (!again || *again != *dump) {
        f.unstable++;
        if (again)
            print_difference(id + " (second define)", *again, *dump);
        else
            fmt::print("{}: second define refused: {}\n", id, again.error().message);
    }
    const std::string theirs = answers[id + " xml"].xml;
    if (theirs.empty())
        return;
    f.compared++;
    const std::string mine = hide_random(*dump, text);
    if (facts_of(mine) == facts_of(theirs))
        f.same++;
    else if (verbose)
        print_difference(id, mine, theirs);
    if (!wanted.empty())
        fmt::print("--- mine\n{}\n--- theirs\n{}\n", mine, theirs);
}

} // namespace

int main(int argc, char** argv) {
    const char* env = std::getenv("POLYVIRT_REFERENCE");
    if (!env || !*env) {
        fmt::print("POLYVIRT_REFERENCE is not set: skipped\n");
        return 77;
    }
    const std::string root = std::string(env) + "/corpus", argument = argc > 1 ? argv[1] : "";
    const bool verbose = argument == "-v";
    std::map<std::string, Answer> answers;
    std::map<std::string, Figures> figures;
    // Shares of the same tree that were reached; lower is a step back.
    const std::map<std::string, double> floors = {{"domain", 0.97},
                                                  {"domain-generic", 0.95},
                                                  {"domain-out", 0.95},
                                                  {"domain-virtinstall", 0.95}};
    for (const char* category : {"domain", "domain-generic", "domain-out", "domain-virtinstall"}) {
        std::ifstream in(fmt::format("{}/goldens/{}.jsonl", root, category));
        for (std::string line; std::getline(in, line);) {
            const auto j = nlohmann::json::parse(line);
            Answer a{j.value("ok", false), j.value("xml", ""), j.value("msg", "")};
            answers[j["id"].get<std::string>() + " " + j["op"].get<std::string>()] = std::move(a);
        }
        figures[category];
    }
    std::ifstream cases(root + "/cases.jsonl");
    if (!cases) {
        fmt::print("POLYVIRT_REFERENCE is '{}', but {}/cases.jsonl cannot be read\n", env, root);
        return 1;
    }
    const auto start = std::chrono::steady_clock::now();
    for (std::string line; std::getline(cases, line);) {
        const auto c = nlohmann::json::parse(line);
        const auto it = figures.find(c["cat"].get<std::string>());
        if (it != figures.end())
            run_case(root, c, answers, it->second, verbose ? "" : argument, verbose);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const bool wanted_all = argument.empty() || verbose;
    bool good = true;
    for (const auto& [category, f] : figures) {
        if (f.inputs == 0) {
            good &= !wanted_all; // nothing was looked at
            continue;
        }
        fmt::print(
            "{}: accepted {}/{}, rejected {}/{}, same tree {}/{}, changed by a second define {}\n",
            category, f.accepted, f.should_accept, f.rejected, f.should_reject, f.same, f.compared,
            f.unstable);
        good &= f.unstable == 0;
        if (floors.contains(category) && wanted_all)
            good &= f.same >= floors.at(category) * f.compared;
    }
    fmt::print("{:.3f} s\n", took.count());
    return good ? 0 : 1;
}
