// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// From the YAML of a policy file to its rules. Nothing is guessed: what is not understood is an error
// with its place, and all of them are told at once.

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <set>

#include <yaml-cpp/yaml.h>

#include "base/error_text.h"
#include "host/access/policy.h"

namespace polyvirt::access {
namespace {

constexpr std::size_t kMaxMessages = 50;

class Reader {
  public:
    Reader(std::string file, const Directory& directory) : file_(std::move(file)), directory_(directory) {}
    Loaded read(const std::string& text);

  private:
    template <typename... A> void complain(std::vector<std::string>& to, const YAML::Mark& at,
                                           fmt::format_string<A...> f, A&&... a) {
        if (to.size() < kMaxMessages)
            to.push_back(fmt::format("{}:{}:{}: {}", file_, std::max(at.line, 0) + 1, std::max(at.column, 0) + 1,
                                     fmt::format(f, std::forward<A>(a)...)));
    }
    template <typename... A> void error(const YAML::Mark& at, fmt::format_string<A...> f, A&&... a) {
        complain(loaded_.errors, at, f, std::forward<A>(a)...);
    }
    template <typename... A> void warning(const YAML::Mark& at, fmt::format_string<A...> f, A&&... a) {
        complain(loaded_.warnings, at, f, std::forward<A>(a)...);
    }

    void document(const YAML::Node& node);
    void rules(const YAML::Node& node);
    void rule(const YAML::Node& node);
    void effect(const YAML::Node& node, Rule& rule);
    void who(const YAML::Node& node, Rule& rule);
    Who one_who(const YAML::Node& node);
    void objects(const YAML::Node& node, Rule& rule);
    template <std::size_t N>
    bool known_keys(const YAML::Node& node, const char* what, const std::array<std::string_view, N>& known);
    std::vector<YAML::Node> list(const YAML::Node& node, const char* what);
    std::vector<Glob> globs(const YAML::Node& node, const char* what);
    std::vector<std::uint32_t> ids(const YAML::Node& node, const char* what);
    std::vector<std::uint32_t> names(const YAML::Node& node, const char* what,
                                     std::optional<std::uint32_t> (*find)(const std::string&));

    const std::string file_;
    const Directory& directory_;
    Loaded loaded_;
    std::vector<Rule> rules_;
    std::set<std::string> seen_;
    std::optional<bool> default_;
    unsigned default_line_ = 0;
};

Loaded Reader::read(const std::string& text) {
    try {
        document(YAML::Load(text));
    } catch (const YAML::Exception& e) {
        error(e.mark, "{}", e.msg);
    }
    if (loaded_.errors.empty())
        loaded_.policy =
            std::make_shared<const Policy>(file_, default_.value_or(false), default_line_, std::move(rules_));
    return std::move(loaded_);
}

void Reader::document(const YAML::Node& node) {
    if (!node.IsMap()) return error(node.Mark(), "a policy is a map with 'default' and 'rules'");
    if (!known_keys(node, "a policy", std::array<std::string_view, 2>{"default", "rules"})) return;
    const YAML::Node value = node["default"];
    const std::string word = value.IsDefined() && value.IsScalar() ? value.Scalar() : "";
    if (!value.IsDefined())
        error(node.Mark(), "'default' is missing: 'allow' or 'deny' for what no rule matches");
    else if (word != "allow" && word != "deny")
        error(value.Mark(), "'default' is '{}', expected 'allow' or 'deny'", word);
    default_ = word == "allow";
    if (value.IsDefined()) default_line_ = static_cast<unsigned>(value.Mark().line + 1);
    if (node["rules"].IsDefined()) rules(node["rules"]);
}

void Reader::rules(const YAML::Node& node) {
    if (node.IsNull()) return;
    if (!node.IsSequence()) return error(node.Mark(), "'rules' is a list of rules");
    if (node.size() > kMaxRules)
        return error(node.Mark(), "{} rules, at most {} are taken", node.size(), kMaxRules);
    for (const auto& one : node) rule(one);
}

void Reader::rule(const YAML::Node& node) {
    if (!node.IsMap()) return error(node.Mark(), "a rule is a map with 'name', 'allow' or 'deny', 'who' and 'on'");
    if (!known_keys(node, "a rule", std::array<std::string_view, 5>{"name", "allow", "deny", "who", "on"})) return;
    Rule rule;
    rule.line = static_cast<unsigned>(node.Mark().line + 1);
    const YAML::Node name = node["name"];
    if (!name.IsDefined() || !name.IsScalar() || name.Scalar().empty())
        return error(node.Mark(), "the rule has no name; refusals and logs tell rules by it");
    rule.name = name.Scalar();
    if (!seen_.insert(rule.name).second)
        return error(name.Mark(), "the name '{}' is taken by an earlier rule", rule.name);
    effect(node, rule);
    if (node["who"].IsDefined()) who(node["who"], rule);
    if (node["on"].IsDefined()) objects(node["on"], rule);
    rules_.push_back(std::move(rule));
}

void Reader::effect(const YAML::Node& node, Rule& rule) {
    const bool allow = node["allow"].IsDefined(), deny = node["deny"].IsDefined();
    if (allow == deny)
        return error(node.Mark(), "rule '{}' has {} 'allow' {} 'deny': exactly one is needed", rule.name,
                     allow ? "both" : "neither", allow ? "and" : "nor");
    rule.allow = allow;
    for (const YAML::Node& one : list(node[allow ? "allow" : "deny"], "a permission")) {
        std::string hint;
        if (add_permissions(one.Scalar(), rule.permissions, hint)) continue;
        if (hint.empty())
            error(one.Mark(), "unknown permission '{}'", one.Scalar());
        else
            error(one.Mark(), "unknown permission '{}', did you mean '{}'?", one.Scalar(), hint);
    }
}

void Reader::who(const YAML::Node& node, Rule& rule) {
    if (node.IsMap()) {
        rule.who.push_back(one_who(node));
    } else if (node.IsSequence() && node.size() > 0) {
        for (const auto& one : node) rule.who.push_back(one_who(one));
    } else {
        error(node.Mark(), "'who' is a map, or a list of maps of which one must fit; leave it out for everybody");
    }
}

Who Reader::one_who(const YAML::Node& node) {
    Who who;
    if (!node.IsMap()) {
        error(node.Mark(), "'who' is a map of user, uid, group, gid, sasl, x509, mode and transport");
        return who;
    }
    constexpr std::array<std::string_view, 8> kKeys{"user", "uid",  "group", "gid",
                                                    "sasl", "x509", "mode",  "transport"};
    if (!known_keys(node, "'who'", kKeys)) return who;
    if (node.size() == 0) error(node.Mark(), "'who' is empty; leave it out for everybody");
    who.users = node["user"].IsDefined() || node["uid"].IsDefined();
    who.groups = node["group"].IsDefined() || node["gid"].IsDefined();
    const auto add = [](std::vector<std::uint32_t>& to, const std::vector<std::uint32_t>& more) {
        to.insert(to.end(), more.begin(), more.end());
    };
    if (node["uid"].IsDefined()) add(who.uids, ids(node["uid"], "a uid"));
    if (node["gid"].IsDefined()) add(who.gids, ids(node["gid"], "a gid"));
    if (node["user"].IsDefined()) add(who.uids, names(node["user"], "user", directory_.user));
    if (node["group"].IsDefined()) add(who.gids, names(node["group"], "group", directory_.group));
    if (node["sasl"].IsDefined()) who.sasl = globs(node["sasl"], "a pattern of SASL names");
    if (node["x509"].IsDefined()) who.x509 = globs(node["x509"], "a pattern of certificates' names");
    if (const YAML::Node mode = node["mode"]; mode.IsDefined()) {
        const std::string word = mode.IsScalar() ? mode.Scalar() : "";
        if (word != "readonly" && word != "readwrite")
            error(mode.Mark(), "'mode' is '{}', expected 'readonly' or 'readwrite'", word);
        who.readonly = word == "readonly";
    }
    if (const YAML::Node transport = node["transport"]; transport.IsDefined()) {
        constexpr std::array<std::string_view, 3> kTransports{"unix", "tcp", "tls"};
        for (const YAML::Node& one : list(transport, "a transport")) {
            const auto found = std::find(kTransports.begin(), kTransports.end(), one.Scalar());
            if (found == kTransports.end())
                error(one.Mark(), "'transport' is '{}', expected unix, tcp or tls", one.Scalar());
            else
                who.transports |= static_cast<std::uint8_t>(1U << (found - kTransports.begin()));
        }
    }
    return who;
}

void Reader::objects(const YAML::Node& node, Rule& rule) {
    if (!node.IsMap()) return error(node.Mark(), "'on' is a map of kind, name, uuid and parent");
    if (!known_keys(node, "'on'", std::array<std::string_view, 4>{"kind", "name", "uuid", "parent"})) return;
    if (const YAML::Node kinds = node["kind"]; kinds.IsDefined()) {
        PermissionSet wanted;
        for (const YAML::Node& one : list(kinds, "a kind")) {
            std::string hint;
            if (!add_permissions(one.Scalar() + ".*", wanted, hint))
                error(one.Mark(), "unknown kind '{}'{}", one.Scalar(),
                      hint.empty() ? "" : fmt::format(", did you mean '{}'?", hint.substr(0, hint.size() - 2)));
        }
        const bool had = rule.permissions.any();
        rule.permissions &= wanted;
        if (had && wanted.any() && rule.permissions.none())
            error(kinds.Mark(), "rule '{}' never matches: none of its permissions is about that kind", rule.name);
    }
    if (node["name"].IsDefined()) rule.names = globs(node["name"], "a pattern of names");
    if (node["parent"].IsDefined()) rule.parents = globs(node["parent"], "a pattern of names");
    if (node["uuid"].IsDefined())
        for (const YAML::Node& one : list(node["uuid"], "a uuid")) {
            if (const auto uuid = Uuid::parse(one.Scalar()))
                rule.uuids.push_back(*uuid);
            else
                error(one.Mark(), "'{}' is no uuid", one.Scalar());
        }
    if (rule.names_objects() && (rule.permissions & ~permissions_of(Kind::connect)).none() && rule.permissions.any())
        error(node.Mark(), "rule '{}' never matches: permissions of the connection have no object", rule.name);
}

template <std::size_t N>
bool Reader::known_keys(const YAML::Node& node, const char* what, const std::array<std::string_view, N>& known) {
    bool good = true;
    std::set<std::string> seen;
    for (const auto& entry : node) {
        const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
        if (!seen.insert(key).second) {
            error(entry.first.Mark(), "'{}' stands twice in {}", key, what);
            good = false;
        }
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        const std::string hint = nearest(key, known);
        error(entry.first.Mark(), "{} has no '{}'{}", what, key,
              hint.empty() ? "" : fmt::format(", did you mean '{}'?", hint));
        good = false;
    }
    return good;
}

// One scalar, or a list of them that is not empty.
std::vector<YAML::Node> Reader::list(const YAML::Node& node, const char* what) {
    std::vector<YAML::Node> all;
    if (node.IsScalar()) all.push_back(node);
    if (node.IsSequence())
        for (const auto& one : node) all.push_back(one);
    const bool scalars = std::all_of(all.begin(), all.end(), [](const YAML::Node& n) { return n.IsScalar(); });
    if (!all.empty() && scalars) return all;
    error(node.Mark(), "expected {}, or a list of them", what);
    return {};
}

std::vector<Glob> Reader::globs(const YAML::Node& node, const char* what) {
    std::vector<Glob> all;
    for (const YAML::Node& one : list(node, what)) {
        auto glob = Glob::create(one.Scalar());
        if (glob)
            all.push_back(*std::move(glob));
        else
            error(one.Mark(), "{}", glob.error().str2.empty() ? glob.error().message : glob.error().str2);
    }
    return all;
}

std::vector<std::uint32_t> Reader::ids(const YAML::Node& node, const char* what) {
    std::vector<std::uint32_t> all;
    for (const YAML::Node& one : list(node, what)) {
        std::uint32_t id = 0;
        const std::string& text = one.Scalar();
        if (text.find_first_not_of("0123456789") == std::string::npos && YAML::convert<std::uint32_t>::decode(one, id))
            all.push_back(id);
        else
            error(one.Mark(), "'{}' is not {}, a number from 0", text, what);
    }
    return all;
}

std::vector<std::uint32_t> Reader::names(const YAML::Node& node, const char* what,
                                         std::optional<std::uint32_t> (*find)(const std::string&)) {
    std::vector<std::uint32_t> all;
    for (const YAML::Node& one : list(node, what)) {
        if (const auto id = find(one.Scalar()))
            all.push_back(*id);
        else
            warning(one.Mark(), "there is no {} '{}'; the rule does not mean anybody by that name", what,
                    one.Scalar());
    }
    return all;
}

} // namespace

Loaded parse_policy(const std::string& text, const std::string& file, const Directory& directory) {
    if (text.size() > kMaxPolicyBytes) {
        Loaded loaded;
        loaded.errors.push_back(
            fmt::format("{}: {} bytes, at most {} are taken", file, text.size(), kMaxPolicyBytes));
        return loaded;
    }
    return Reader(file, directory).read(text);
}

Loaded load_policy(const std::string& path, const Directory& directory) {
    std::ifstream stream(path, std::ios::binary);
    std::string text(kMaxPolicyBytes + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad() || !stream.is_open() || (stream.fail() && !stream.eof())) {
        Loaded loaded;
        loaded.errors.push_back(make_system_error(errno, ErrorDomain::access, path).message);
        return loaded;
    }
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return parse_policy(text, path, directory);
}

} // namespace polyvirt::access
