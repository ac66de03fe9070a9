// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The generated tables against the YAML that they come from, read here by another reader.

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <functional>
#include <map>

#include "host/protocol/gen/admin.h"
#include "host/protocol/gen/constants.h"
#include "host/protocol/gen/keepalive.h"
#include "host/protocol/gen/remote.h"
#include "host/protocol/layout.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::protocol {
namespace {

YAML::Node load(const std::string& name) {
    return YAML::LoadFile(std::string(PV_WIRE_TABLES "/") + name + ".yaml");
}

constexpr const char* kPrograms[] = {"remote", "qemu", "lxc",
                                     "admin",  "keepalive", "polyvirt"};

std::string text(const YAML::Node& entry, const char* key) {
    return entry[key] ? entry[key].as<std::string>() : std::string();
}

// Each procedure of the YAML with its number's row.
using OneProc =
    std::function<void(const YAML::Node& entry, const ProcInfo&, const YAML::Node& table)>;

void for_each_proc(const OneProc& act) {
    for (const char* name : kPrograms) {
        const YAML::Node table = load(name);
        for (const char* part : {"procedures", "newer"}) {
            if (!table[part]) continue;
            for (const YAML::Node& entry : table[part]) {
                SCOPED_TRACE(std::string(name) + "." + text(entry, "name"));
                const ProcInfo* proc =
                    find_proc(table["program"].as<std::uint32_t>(), entry["id"].as<std::int32_t>());
                ASSERT_NE(proc, nullptr);
                act(entry, *proc, table);
            }
        }
    }
}

TEST(ProcTables, have_as_many_procedures_as_the_yaml) {
    std::size_t all = 0;
    for (const char* name : kPrograms) {
        const YAML::Node table = load(name);
        const auto number = table["program"].as<std::uint32_t>();
        const std::size_t expected =
            table["procedures"].size() + (table["newer"] ? table["newer"].size() : 0);
        EXPECT_EQ(procs(number).size(), expected) << name;
        EXPECT_EQ(message_layouts(number).size(), expected) << name;
        EXPECT_STREQ(program_name(number), name);
        all += expected;
    }
    EXPECT_EQ(all, 456u + 7u + 1u + 19u + 2u + 1u);
    EXPECT_EQ(programs().size(), std::size(kPrograms));
}

TEST(ProcTables, know_no_other_numbers) {
    for (const std::uint32_t program : programs()) {
        const auto last = static_cast<std::int32_t>(procs(program).size());
        for (const std::int32_t id : {-1, 0, last + 1, INT32_MAX, INT32_MIN})
            EXPECT_EQ(find_proc(program, id), nullptr) << program << " " << id;
    }
    EXPECT_EQ(find_proc(0x20008088, 1), nullptr);
    EXPECT_STREQ(program_name(1), "");
}

TEST(ProcTables, say_what_the_yaml_says) {
    for_each_proc([](const YAML::Node& entry, const ProcInfo& proc, const YAML::Node&) {
        EXPECT_EQ(proc.id, entry["id"].as<std::int32_t>());
        EXPECT_EQ(proc.name, text(entry, "name"));
        EXPECT_EQ(proc.api, text(entry, "api") == "unknown" ? "" : text(entry, "api"));
        EXPECT_EQ(proc.kind, text(entry, "kind"));
        EXPECT_EQ(proc.since, text(entry, "since"));
        EXPECT_EQ(proc.role == Role::event, text(entry, "role") == "event");
        EXPECT_EQ(proc.priority == Priority::high, text(entry, "priority") == "high");
        EXPECT_EQ(proc.stream == StreamKind::read, text(entry, "stream") == "read");
        EXPECT_EQ(proc.stream == StreamKind::write, text(entry, "stream") == "write");
        EXPECT_EQ(proc.duplex, entry["duplex"].IsDefined());
        EXPECT_EQ(proc.sparse_flag != 0, entry["stream_sparse_flag"].IsDefined());
        EXPECT_EQ(proc.before_auth, entry["before_auth"].IsDefined());
        const std::string call_fds = text(entry, "call_fds"), reply_fds = text(entry, "reply_fds");
        EXPECT_EQ(proc.call_fds, call_fds == "one" ? 1 : call_fds == "many" ? 32 : 0);
        EXPECT_EQ(proc.reply_fds, reply_fds == "one" ? 1 : reply_fds == "many" ? 32 : 0);
    });
}

TEST(ProcTables, deny_what_the_yaml_does_not_allow) {
    for_each_proc([](const YAML::Node& entry, const ProcInfo& proc, const YAML::Node&) {
        const YAML::Node readonly = entry["readonly"];
        const bool conditional = readonly.IsDefined() && readonly.IsMap();
        const std::string rule =
            readonly.IsDefined() && !conditional ? readonly.as<std::string>() : "allow";
        EXPECT_EQ(proc.readonly_denied, rule != "allow");
        EXPECT_EQ(proc.readonly_when.test != protocol::Test::none, conditional);
        const YAML::Node acl = entry["acl"], filter = entry["acl_filter"];
        const bool unknown = acl.IsDefined() && acl.IsScalar();
        EXPECT_EQ(proc.unknown, unknown);
        const std::size_t rules = (acl.IsDefined() && !unknown ? acl.size() : 0) +
                                  (filter.IsDefined() ? filter.size() : 0);
        ASSERT_EQ(proc.acl.size(), rules);
        for (std::size_t i = 0; i < rules; ++i) {
            const std::size_t checks = unknown ? 0 : acl.size();
            const YAML::Node one = i < checks ? acl[i] : filter[i - checks];
            EXPECT_EQ(proc.acl[i].permission,
                      one.IsMap() ? text(one, "perm") : one.as<std::string>());
            EXPECT_EQ(proc.acl[i].when.test != protocol::Test::none, one.IsMap());
            EXPECT_EQ(proc.acl[i].filter, i >= checks);
        }
    });
}

// Types and limits as the YAML has them, those of one program in front of the shared ones.
class Schema {
  public:
    explicit Schema(const YAML::Node& program) : program_(program) {}

    void expect_fields(const YAML::Node& fields, const Layout* layout) const {
        ASSERT_NE(layout, nullptr);
        ASSERT_EQ(layout->fields.size(), fields.size()) << layout->name;
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const auto pair = *fields[i].begin();
            SCOPED_TRACE(pair.first.as<std::string>());
            EXPECT_EQ(layout->fields[i].name, pair.first.as<std::string>());
            expect_type(pair.second.as<std::string>(), layout->fields[i]);
        }
    }

  private:
    void expect_type(const std::string& type, const FieldLayout& f) const {
        const std::size_t open = type.find('('), comma = type.rfind(',');
        const std::string kind = type.substr(0, open);
        const bool holds = kind == "opt" || kind == "list" || kind == "vec";
        EXPECT_EQ(f.holder, kind == "opt"    ? Holder::optional
                            : kind == "list" ? Holder::list
                            : kind == "vec"  ? Holder::vec
                                             : Holder::one);
        if (!holds) return expect_item(type, f);
        const std::size_t end = kind == "opt" ? type.size() - 1 : comma;
        const std::string bound =
            kind == "opt" ? "0" : type.substr(comma + 2, type.size() - comma - 3);
        EXPECT_EQ(f.limit, kind == "list" ? number(bound) : 0u);
        EXPECT_EQ(f.count, kind == "vec" ? number(bound) : 0u);
        expect_item(type.substr(open + 1, end - open - 1), f);
    }

    void expect_item(const std::string& type, const FieldLayout& f) const {
        static const std::map<std::string, Shape> kNumbers = {
            {"i8", Shape::i8},   {"u8", Shape::u8},   {"i16", Shape::i16},
            {"u16", Shape::u16}, {"i32", Shape::i32}, {"u32", Shape::u32},
            {"i64", Shape::i64}, {"u64", Shape::u64}, {"f64", Shape::f64}};
        if (const auto found = kNumbers.find(type); found != kNumbers.end()) {
            EXPECT_EQ(f.shape, found->second);
            return;
        }
        const std::size_t open = type.find('(');
        const std::string kind = type.substr(0, open);
        const YAML::Node named = find("types", type);
        if (kind == "str" || kind == "blob" || kind == "raw") {
            const std::string bound = open == std::string::npos
                                          ? "string"
                                          : type.substr(open + 1, type.size() - open - 2);
            EXPECT_EQ(f.bytes, number(bound));
            EXPECT_EQ(f.shape, kind == "str"    ? Shape::str
                               : kind == "blob" ? Shape::blob
                                                : Shape::raw);
        } else if (!named.IsDefined()) {
            ADD_FAILURE() << "no such type: " << type;
        } else if (named["is"]) {
            expect_item(text(named, "is"), f);
        } else if (named["enum"]) {
            EXPECT_EQ(f.shape, Shape::i32);
        } else {
            ASSERT_EQ(f.shape, Shape::object);
            EXPECT_TRUE(("::" + std::string(f.object->name)).ends_with("::" + type))
                << f.object->name;
        }
    }

    [[nodiscard]] std::uint32_t number(const std::string& bound) const {
        if (std::isdigit(static_cast<unsigned char>(bound[0])) != 0)
            return static_cast<std::uint32_t>(std::stoul(bound));
        return find("limits", bound).as<std::uint32_t>();
    }

    [[nodiscard]] YAML::Node find(const char* part, const std::string& name) const {
        if (program_[part] && program_[part][name]) return program_[part][name];
        return shared_[part][name];
    }

    const YAML::Node program_;
    const YAML::Node shared_ = load("types");
};

const Layout* layout_by_name(const std::string& name) {
    for (const Layout* layout : layouts())
        if (layout->name == name) return layout;
    return nullptr;
}

TEST(Types, have_their_fields_in_order) {
    std::size_t seen = 0;
    for (const char* file : {"types", "admin"}) {
        const YAML::Node table = load(file);
        const Schema schema(table);
        const std::string space = std::string(file) == "types" ? "" : std::string(file) + "::";
        for (const auto& entry : table["types"]) {
            const auto name = entry.first.as<std::string>();
            if (!entry.second["struct"] || name == "header") continue; // Header is written by hand
            SCOPED_TRACE(name);
            schema.expect_fields(entry.second["struct"], layout_by_name(space + name));
            ++seen;
        }
    }
    EXPECT_EQ(seen, 47u);
}

TEST(Types, select_the_arm_of_a_union_by_its_tag) {
    const YAML::Node arms = load("types")["types"]["typed_value"]["union"]["arms"];
    const Layout* layout = layout_by_name("typed_value");
    ASSERT_NE(layout, nullptr);
    ASSERT_EQ(layout->arms.size(), arms.size());
    std::size_t i = 0;
    for (const auto& arm : arms) {
        EXPECT_EQ(layout->arms[i], arm.first.as<std::int32_t>());
        EXPECT_EQ(layout->fields[++i].name, arm.second.begin()->first.as<std::string>());
    }
}

TEST(ProcTables, give_each_message_its_fields_in_order) {
    std::map<std::uint32_t, Schema> schemas;
    for_each_proc([&](const YAML::Node& entry, const ProcInfo& proc, const YAML::Node& table) {
        const Schema& schema = schemas.try_emplace(proc.program, table).first->second;
        const MessageLayouts& found =
            message_layouts(proc.program)[static_cast<std::size_t>(proc.id) - 1];
        if (proc.role == Role::call) {
            schema.expect_fields(entry["args"], found.args);
            schema.expect_fields(entry["ret"], found.ret);
        } else if (entry["event"].IsScalar()) {
            ASSERT_NE(found.event, nullptr);
            EXPECT_EQ(found.event->name, text(entry, "event"));
        } else {
            schema.expect_fields(entry["event"], found.event);
        }
    });
}

TEST(ProcTables, have_five_procedures_before_authentication) {
    int before = 0;
    for (const ProcInfo& proc : procs(remote::kProgram)) before += proc.before_auth;
    EXPECT_EQ(before, 5);
}

TEST(Conditions, look_at_the_decoded_arguments) {
    const ProcInfo* proc =
        find_proc(remote::kProgram, static_cast<std::int32_t>(remote::Proc::domain_get_xml_desc));
    remote::domain_get_xml_desc_args args;
    args.flags = static_cast<std::uint32_t>(VIR_DOMAIN_XML_INACTIVE);
    EXPECT_FALSE(proc->readonly_when.holds_in(&args));
    args.flags |= static_cast<std::uint32_t>(VIR_DOMAIN_XML_SECURE);
    EXPECT_TRUE(proc->readonly_when.holds_in(&args));
    ASSERT_EQ(proc->acl.size(), 3u);
    EXPECT_TRUE(proc->acl[1].when.holds_in(&args));
    EXPECT_FALSE(proc->acl[2].when.holds_in(&args));
}

TEST(Conditions, can_ask_for_a_value) {
    const ProcInfo* addresses = find_proc(
        remote::kProgram, static_cast<std::int32_t>(remote::Proc::domain_interface_addresses));
    remote::domain_interface_addresses_args args;
    args.source = static_cast<std::uint32_t>(VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE);
    EXPECT_FALSE(addresses->readonly_when.holds_in(&args));
    args.source = static_cast<std::uint32_t>(VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT);
    EXPECT_TRUE(addresses->readonly_when.holds_in(&args));
    EXPECT_FALSE(addresses->before_open_when.holds_in(nullptr));

    const ProcInfo* feature = find_proc(
        remote::kProgram, static_cast<std::int32_t>(remote::Proc::connect_supports_feature));
    remote::connect_supports_feature_args asked;
    asked.feature = VIR_DRV_FEATURE_PROGRAM_KEEPALIVE;
    EXPECT_TRUE(feature->before_open_when.holds_in(&asked));
    asked.feature = VIR_DRV_FEATURE_FD_PASSING;
    EXPECT_FALSE(feature->before_open_when.holds_in(&asked));
}

TEST(Conditions, hold_for_flags_as_named) {
    EXPECT_TRUE((Condition{protocol::Test::flags_all, 6, "", 0}).holds(7));
    EXPECT_FALSE((Condition{protocol::Test::flags_all, 6, "", 0}).holds(4));
    EXPECT_TRUE((Condition{protocol::Test::flags_any, 6, "", 0}).holds(4));
    EXPECT_FALSE((Condition{protocol::Test::flags_any, 6, "", 0}).holds(1));
    EXPECT_TRUE((Condition{protocol::Test::flags_none, 6, "", 0}).holds(1));
    EXPECT_FALSE((Condition{protocol::Test::flags_none, 6, "", 0}).holds(4));
}

TEST(EventTable, leads_from_each_event_number_to_its_messages) {
    const YAML::Node kinds = load("remote")["event_ids"];
    std::size_t rows = 0;
    for (const auto& kind : kinds) {
        for (const auto& id : kind.second["ids"]) {
            ++rows;
            const auto number = id.first.as<std::int32_t>();
            const EventInfo* found = nullptr;
            for (const EventInfo& e : event_table())
                if (e.kind == kind.first.as<std::string>() && e.event_id == number) found = &e;
            ASSERT_NE(found, nullptr) << kind.first << " " << number;
            EXPECT_EQ(find_proc(remote::kProgram, found->new_proc)->name, text(id.second, "new"));
            if (!id.second["old"]) {
                EXPECT_EQ(found->old_proc, 0);
            } else {
                EXPECT_EQ(find_proc(remote::kProgram, found->old_proc)->name,
                          text(id.second, "old"));
            }
        }
    }
    EXPECT_EQ(event_table().size(), rows);
}

TEST(Features, are_those_of_the_yaml) {
    const YAML::Node features = load("remote")["features"];
    for (const auto& entry : features) {
        const FeatureInfo* found = find_feature(entry.first.as<std::int32_t>());
        ASSERT_NE(found, nullptr) << entry.first;
        EXPECT_EQ(found->name, text(entry.second, "name"));
        EXPECT_EQ(found->host, entry.second["daemon"].IsDefined());
        EXPECT_EQ(found->starts_pings, entry.second["starts_daemon_pings"].IsDefined());
    }
    EXPECT_EQ(find_feature(0), nullptr);
    EXPECT_EQ(find_feature(static_cast<std::int32_t>(features.size()) + 1), nullptr);
}

TEST(Constants, keep_sign_and_size) {
    static_assert(VIR_CPU_COMPARE_ERROR == -1);
    static_assert(VIR_DOMAIN_MEMORY_PARAM_UNLIMITED == 9007199254740991);
    static_assert(VIR_CONNECT_BASELINE_CPU_IGNORE_HOST == 4); // newer than 9.0.0
    EXPECT_STREQ(VIR_CLIENT_INFO_SOCKET_ADDR, "sock_addr");
}

} // namespace
} // namespace polyvirt::protocol
