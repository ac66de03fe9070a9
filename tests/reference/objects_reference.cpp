// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How near the documents of networks, pools, secrets and filters come to the peer's: every recorded input is read,
// completed and printed, and compared as a tree with the recorded description; network updates are applied too.
//
//     POLYVIRT_REFERENCE=DIR reference_objects            figures, exit 1 below the floors
//     POLYVIRT_REFERENCE=DIR reference_objects -v         and what differs, per input
//
// Fails too when a second reading of what was printed changes it. A MAC that the peer makes up is left out of account,
// as that is done when a network is made, not when its document is read.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "sdk/network/update.h"
#include "sdk/nwfilter/nwfilter.h"
#include "sdk/secret/secret.h"
#include "sdk/storage/pool.h"
#include "trees.h"

namespace {

using namespace polyvirt;
using namespace polyvirt::reference;
using Dump = Result<std::string>;

Dump network(const std::string& text) {
    PV_ASSIGN_OR_RETURN(const auto p, sdk::network::parse_network(text));
    return sdk::network::format_network(p.value, {.inactive = true});
}
Dump pool(const std::string& text) {
    PV_ASSIGN_OR_RETURN(const auto p, sdk::storage::parse_pool(text));
    return sdk::storage::format_pool(p.value);
}
Dump secret(const std::string& text) {
    PV_ASSIGN_OR_RETURN(const auto p, sdk::secret::parse_secret(text));
    return sdk::secret::format_secret(p.value);
}
Dump filter(const std::string& text) {
    PV_ASSIGN_OR_RETURN(const auto p, sdk::nwfilter::parse_filter(text));
    return sdk::nwfilter::format_filter(p.value);
}
Dump binding(const std::string& text) {
    PV_ASSIGN_OR_RETURN(const auto p, sdk::nwfilter::parse_binding(text));
    return sdk::nwfilter::format_binding(p.value);
}

struct Category {
    Dump (*dump)(const std::string& text);
    const char* op;  // whose answer says whether the input is accepted
    double floor;    // of what the peer describes, the share that is the same
};
const std::map<std::string, Category> kCategories = {
    {"network", {network, "define", 0.98}}, {"network-update", {network, "update", 0.8}}, {"pool", {pool, "define", 0.95}},
    {"secret", {secret, "define", 1}},      {"nwfilter", {filter, "define", 0.64}},       {"nwfilter-binding", {binding, "create", 1}},
};

struct Answer {
    bool ok = false, there = false;
    std::string xml, message;
};
struct Figures {
    int inputs = 0, accepted = 0, should_accept = 0, rejected = 0, should_reject = 0, same = 0, compared = 0, unstable = 0;
};

// The network of the case with the input applied.
Dump updated(const nlohmann::json& args, const std::string& text) {
    PV_ASSIGN_OR_RETURN(auto p, sdk::network::parse_network(args["network"].get<std::string>()));
    PV_TRY(sdk::network::update_network(p.value, {static_cast<sdk::network::UpdateCommand>(args["command"].get<int>()),
                                                  static_cast<sdk::network::UpdateSection>(args["section"].get<int>()),
                                                  args["index"].get<int>(), text}));
    return sdk::network::format_network(p.value, {.inactive = true});
}

std::vector<std::string> compared_facts(const std::string& text) {
    auto facts = facts_of(text);
    std::erase_if(facts, [](const std::string& f) { return f.find("@MAC@") != std::string::npos; });
    return facts;
}

void run_case(const std::string& root, const nlohmann::json& c, const Category& category, std::map<std::string, Answer>& answers,
              Figures& f, bool verbose) {
    const std::string id = c["id"];
    const std::string text = read_file(root + "/" + c["input"].get<std::string>());
    const Answer& asked = answers[id + " " + category.op];
    if (!asked.there) return;
    const bool is_update = c.contains("args") && c["args"].contains("section");
    const std::string given = is_update ? c["args"]["network"].get<std::string>() + text : text;
    const Dump dump = is_update ? updated(c["args"], text) : category.dump(text);
    f.inputs++;
    (asked.ok ? f.should_accept : f.should_reject)++;
    if (!dump) {
        if (!asked.ok) f.rejected++;
        else if (verbose) fmt::print("{}\n   refused: {}\n", id, dump.error().message);
        return;
    }
    if (asked.ok) f.accepted++;
    else if (verbose) fmt::print("{}\n   accepted; the peer: {}\n", id, asked.message);
    const Dump again = category.dump(*dump);
    if (!again || *again != *dump) {
        f.unstable++;
        print_difference(id + " (second reading)", again ? *again : again.error().message, *dump);
    }
    const std::string theirs = answers[id + " xml"].xml;
    if (theirs.empty() || !asked.ok) return;
    f.compared++;
    const std::string mine = hide_random(*dump, given);
    if (compared_facts(mine) == compared_facts(theirs)) f.same++;
    else if (verbose) print_difference(id, mine, theirs);
}

} // namespace

int main(int argc, char** argv) {
    const char* env = std::getenv("POLYVIRT_REFERENCE");
    if (!env || !*env) {
        fmt::print("POLYVIRT_REFERENCE is not set: skipped\n");
        return 77;
    }
    const std::string root = std::string(env) + "/corpus";
    const bool verbose = argc > 1 && std::string_view(argv[1]) == "-v";
    std::map<std::string, Answer> answers;
    std::map<std::string, Figures> figures;
    for (const auto& [name, category] : kCategories) {
        std::ifstream in(fmt::format("{}/goldens/{}.jsonl", root, name));
        for (std::string line; std::getline(in, line);) {
            const auto j = nlohmann::json::parse(line);
            answers[j["id"].get<std::string>() + " " + j["op"].get<std::string>()] = {j.value("ok", false), true, j.value("xml", ""),
                                                                                       j.value("msg", "")};
        }
    }
    std::ifstream cases(root + "/cases.jsonl");
    if (!cases) {
        fmt::print("POLYVIRT_REFERENCE is '{}', but {}/cases.jsonl cannot be read\n", env, root);
        return 1;
    }
    for (std::string line; std::getline(cases, line);) {
        const auto c = nlohmann::json::parse(line);
        const std::string name = c["cat"];
        if (const auto it = kCategories.find(name); it != kCategories.end())
            run_case(root, c, it->second, answers, figures[name], verbose);
    }
    bool good = figures.size() == kCategories.size(); // else some were not looked at
    for (const auto& [name, f] : figures) {
        fmt::print("{}: accepted {}/{}, rejected {}/{}, same tree {}/{}, changed by a second reading {}\n", name, f.accepted,
                   f.should_accept, f.rejected, f.should_reject, f.same, f.compared, f.unstable);
        good &= f.unstable == 0 && f.same >= kCategories.at(name).floor * f.compared;
    }
    return good ? 0 : 1;
}
