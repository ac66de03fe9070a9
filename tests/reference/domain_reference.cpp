// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How near the domain document comes to the peer's: every input of the recordings through parse,
// passes and print, compared as a tree with the recorded description.
//
//     POLYVIRT_REFERENCE=DIR reference_domain            figures, exit 1 below the floors
//     POLYVIRT_REFERENCE=DIR reference_domain -v         and what differs, per input
//     POLYVIRT_REFERENCE=DIR reference_domain domain/ID  both texts of one input
//
// DIR holds cases.jsonl, inputs/ and goldens/. Fails too when a second define of a dump changes it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <tuple>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "sdk/domain/passes.h"
#include "sdk/xml/writer.h"

namespace pv = polyvirt::sdk::domain;
namespace xml = polyvirt::sdk::xml;

namespace {

struct Answer {
    bool ok = false;
    std::string xml, message;
};
struct Figures {
    int inputs = 0, accepted = 0, should_accept = 0, rejected = 0, should_reject = 0, same = 0,
        compared = 0, unstable = 0;
};

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
}

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

// One line per element, attribute and text, with its path, so that two trees can be held side by
// side.
void facts(const xml::Node& n, const std::string& path, std::vector<std::string>& out) {
    std::map<std::string, std::string> attributes;
    for (const auto& a : n.attributes)
        attributes[a.name] = a.value;
    std::string line = path + "/" + n.name;
    for (const auto& [k, v] : attributes)
        if (k.rfind("xmlns", 0) != 0)
            line += " " + k + "=" + v;
    bool elements = false;
    for (const auto& c : n.children)
        elements |= c.is_element();
    if (!elements) {
        std::string text = n.text();
        const auto first = text.find_first_not_of(" \n\t\r");
        if (first != std::string::npos)
            line += " > " + text.substr(first, text.find_last_not_of(" \n\t\r") + 1 - first);
    }
    out.push_back(line);
    std::map<std::string, int>
        seen; // children of one name are in order, of different names are not
    std::map<std::string, std::vector<std::string>> by_name;
    for (const auto& c : n.children) {
        if (!c.is_element())
            continue;
        const int i = seen[c.name]++;
        std::vector<std::string> below;
        facts(c, fmt::format("{}/{}{}", path, n.name, i ? fmt::format("[{}]", i) : ""), below);
        auto& all = by_name[c.name];
        all.insert(all.end(), below.begin(), below.end());
    }
    for (const auto& [name, lines] : by_name)
        out.insert(out.end(), lines.begin(), lines.end());
}

std::vector<std::string> facts_of(const std::string& text) {
    std::vector<std::string> out;
    auto node = xml::read(text, "document");
    if (node)
        facts(*node, "", out);
    return out;
}

// Values that the input does not give differ from run to run.
std::string hide_random(std::string text, const std::string& given) {
    auto hide = [&](const std::string& open, char close, const char* with) {
        for (std::size_t at = 0; (at = text.find(open, at)) != std::string::npos;) {
            at += open.size();
            const std::size_t end = text.find(close, at);
            if (end == std::string::npos)
                break;
            std::string value = text.substr(at, end - at), lower = given;
            for (char& c : lower)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            for (char& c : value)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            if (lower.find(value) == std::string::npos)
                text.replace(at, end - at, with);
        }
    };
    hide("<uuid>", '<', "@UUID@");
    hide("<mac address='", '\'', "@MAC@");
    return text;
}

polyvirt::Result<std::string> define_and_dump(const std::string& text,
                                              const pv::FormatOptions& options = {true}) {
    PV_ASSIGN_OR_RETURN(pv::Parsed parsed, pv::parse_domain(text));
    PV_TRY(pv::complete(parsed.domain, recorded_host()));
    return pv::format_domain(parsed.domain, options);
}

// Controllers are grouped by type when they are read, and what a first define adds stands at the
// end, as it does at the peer; so their order, and theirs alone, may change with a second define.
std::string in_fixed_order(const std::string& text) {
    auto parsed = pv::parse_domain(text);
    if (!parsed)
        return parsed.error().message;
    auto& list = parsed->domain.devices.controllers;
    std::stable_sort(
        list.begin(), list.end(), [](const pv::Controller& a, const pv::Controller& b) {
            return std::tuple(a.type, a.index, a.model) < std::tuple(b.type, b.index, b.model);
        });
    return pv::format_domain(parsed->domain);
}

void print_difference(const std::string& id, const std::string& mine, const std::string& theirs) {
    const auto a = facts_of(mine), b = facts_of(theirs);
    fmt::print("{}\n", id);
    for (const auto& x : a)
        if (std::find(b.begin(), b.end(), x) == b.end())
            fmt::print("   + {}\n", x);
    for (const auto& x : b)
        if (std::find(a.begin(), a.end(), x) == a.end())
            fmt::print("   - {}\n", x);
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
    if (!again || in_fixed_order(*again) != in_fixed_order(*dump)) {
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
    const std::string root = env, argument = argc > 1 ? argv[1] : "";
    const bool verbose = argument == "-v";
    std::map<std::string, Answer> answers;
    std::map<std::string, Figures> figures;
    // Shares of the same tree that were reached; lower is a step back.
    const std::map<std::string, double> floors = {{"domain", 0.80},
                                                  {"domain-generic", 0.76},
                                                  {"domain-out", 0.94},
                                                  {"domain-virtinstall", 0.80}};
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
        if (f.inputs == 0)
            continue;
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
