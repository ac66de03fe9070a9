// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Policy: the rules of one policy file, compiled. Immutable; any thread, no lock.
//
//     const access::Loaded loaded = access::load_policy("/etc/polyvirt/policy.yaml");
//     if (loaded.policy == nullptr) for (const std::string& e : loaded.errors) ... // "file:line:column: text"
//     const access::SubjectRules mine(loaded.policy, subject);  // once per connection
//     const access::Decision d = mine.decide(*find_permission("domain.start"), object);
//
// The first rule that matches decides; if none does, the file's default. docs/access-control.md has the
// form of the file.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/access/glob.h"
#include "host/access/permission.h"
#include "host/access/subject.h"

namespace polyvirt::access {

// One way to be meant by a rule: all that is given must fit, of a list one is enough.
struct Who {
    bool users = false, groups = false; // given, though perhaps with names that nobody has
    std::vector<std::uint32_t> uids, gids;
    std::vector<Glob> sasl, x509;
    std::optional<bool> readonly;
    std::uint8_t transports = 0; // bit per Transport; 0: any

    [[nodiscard]] bool matches(const Subject& subject) const;
};

struct Rule {
    std::string name;
    unsigned line = 0;
    bool allow = false;
    std::vector<Who> who; // empty: everybody
    PermissionSet permissions;
    std::vector<Glob> names, parents;
    std::vector<Uuid> uuids;

    // The rule names objects: it is not about permissions of the connection.
    [[nodiscard]] bool names_objects() const { return !names.empty() || !parents.empty() || !uuids.empty(); }
    [[nodiscard]] bool matches(const Object& object) const;
};

// What was decided, and why. The rule lives as long as the policy.
struct Decision {
    bool allowed = false;
    const Rule* rule = nullptr; // null: the default
};

class Policy {
  public:
    Policy(std::string file, bool default_allow, unsigned default_line, std::vector<Rule> rules)
        : file_(std::move(file)), default_allow_(default_allow), default_line_(default_line),
          rules_(std::move(rules)) {}

    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] bool default_allow() const { return default_allow_; }
    [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }
    // "rule 'no-start' (policy.yaml:12)", "the default (policy.yaml:1)"
    [[nodiscard]] std::string explain(const Decision& decision) const;
    // The same without the place: what clients may see.
    [[nodiscard]] std::string reason(const Decision& decision) const;

  private:
    const std::string file_;
    const bool default_allow_;
    const unsigned default_line_;
    const std::vector<Rule> rules_;
};

// The rules of a policy that can concern one subject.
class SubjectRules {
  public:
    SubjectRules(std::shared_ptr<const Policy> policy, const Subject& subject);

    [[nodiscard]] Decision decide(Permission permission, const Object& object) const;
    // The decision that holds whatever the object; null where it depends on that.
    [[nodiscard]] std::optional<bool> settled(Permission permission) const;
    [[nodiscard]] const Policy& policy() const { return *policy_; }

  private:
    std::shared_ptr<const Policy> policy_;
    std::vector<const Rule*> rules_;
};

// Names of users and groups to numbers; null = no such name. Replaced in tests.
struct Directory {
    std::optional<std::uint32_t> (*user)(const std::string& name);
    std::optional<std::uint32_t> (*group)(const std::string& name);
};
// The system's. Reads files, perhaps asks servers: not on an event loop.
const Directory& system_directory();

struct Loaded {
    std::shared_ptr<const Policy> policy; // null: there are errors
    std::vector<std::string> errors, warnings;
};
inline constexpr std::size_t kMaxPolicyBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxRules = 10'000;
Loaded load_policy(const std::string& path, const Directory& directory = system_directory());
Loaded parse_policy(const std::string& text, const std::string& file,
                    const Directory& directory = system_directory());

} // namespace polyvirt::access
