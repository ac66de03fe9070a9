// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Permissions of calls: for every procedure and every permission that the tables say it needs, a policy
// that denies this one refuses the call, and one that allows these alone lets it through.

#include "host/dispatch/call_access.h"

#include <algorithm>
#include <optional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_text.h"
#include "host/dispatch/denial_log.h"
#include "host/protocol/layout.h"

namespace polyvirt::dispatch {
namespace {

using ::testing::HasSubstr;
using plugin::ObjectPtr;
using plugin::ObjectRef;
using protocol::AclRule;
using protocol::ProcInfo;

std::shared_ptr<const access::Viewer> viewer(const std::string& policy) {
    const access::Loaded loaded = access::parse_policy(policy, "test");
    EXPECT_THAT(loaded.errors, ::testing::IsEmpty());
    static access::Control control;
    control.enforce(loaded.policy);
    access::Subject subject;
    subject.uid = 7;
    return std::make_shared<const access::Viewer>(control.current(), subject);
}

std::shared_ptr<const access::Viewer> denying(const std::string& permission) {
    return viewer("{default: allow, rules: [{name: not-" + permission + ", deny: " + permission + "}]}");
}

// An object of the kind that a permission is about.
ObjectPtr object_of(access::Kind kind, std::string name = "thing") {
    for (std::uint32_t k = PV_KIND_NONE + 1; k <= PV_KIND_CHECKPOINT; ++k) {
        if (access_kind(k) != kind) continue;
        auto object = std::make_shared<ObjectRef>();
        object->kind = k;
        object->name = std::move(name);
        return object;
    }
    return nullptr;
}

// A procedure's decoded arguments: zeros, but for what makes `when` hold, or not hold.
std::vector<std::byte> arguments(const protocol::Condition& when, bool hold) {
    std::vector<std::byte> args(when.offset + sizeof(std::uint32_t));
    std::uint32_t value = 0;
    if (when.test == protocol::Test::flags_none)
        value = hold ? 0 : when.value;
    else
        value = hold ? when.value : ~when.value;
    std::memcpy(args.data() + when.offset, &value, sizeof value);
    return args;
}

// All that a call goes through, with one object of every kind. Where conditions look at several places,
// they look at the same argument.
Status run(CallAccess& call, const ProcInfo& proc, const void* args) {
    PV_TRY(call.check_early());
    if (args != nullptr) PV_TRY(call.take_arguments(args));
    for (const AclRule& rule : proc.acl)
        if (const auto object = object_of(access::permission_kind(rule.number))) PV_TRY(call.check(object));
    return call.check_rest(nullptr);
}

template <typename F> void for_each_rule(F f) {
    for (const std::uint32_t program : protocol::programs())
        for (const ProcInfo& proc : protocol::procs(program))
            for (const AclRule& rule : proc.acl) {
                SCOPED_TRACE(std::string(proc.name) + " needs " + rule.permission);
                f(proc, rule);
            }
}

std::vector<std::byte> arguments_of(const ProcInfo& proc, const AclRule& rule, bool hold) {
    if (rule.when.test != protocol::Test::none) return arguments(rule.when, hold);
    for (const AclRule& other : proc.acl)
        if (other.when.test != protocol::Test::none) return arguments(other.when, false);
    return {};
}

TEST(CallAccess, every_procedure_is_refused_without_each_of_its_permissions) {
    DenialLog denials;
    std::size_t checked = 0;
    for_each_rule([&](const ProcInfo& proc, const AclRule& rule) {
        if (rule.filter) return;
        CallAccess call(denying(rule.permission), denials, 1, proc);
        const auto args = arguments_of(proc, rule, true);
        const Status result = run(call, proc, args.empty() ? nullptr : args.data());
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().code, ErrorCode::access_denied);
        EXPECT_THAT(result.error().message, HasSubstr("rule 'not-" + std::string(rule.permission) + "' denies"));
        ++checked;
    });
    EXPECT_GT(checked, 400U);
}

TEST(CallAccess, permission_whose_condition_does_not_hold_is_not_needed) {
    DenialLog denials;
    std::size_t checked = 0;
    for_each_rule([&](const ProcInfo& proc, const AclRule& rule) {
        if (rule.when.test == protocol::Test::none) return;
        // Another rule may need the same permission under another condition, or always.
        const auto args = arguments(rule.when, false);
        const bool needed = std::any_of(proc.acl.begin(), proc.acl.end(), [&](const AclRule& other) {
            return other.number == rule.number &&
                   (other.when.test == protocol::Test::none || other.when.holds_in(args.data()));
        });
        if (needed) return;
        CallAccess call(denying(rule.permission), denials, 1, proc);
        EXPECT_TRUE(run(call, proc, args.data()).has_value());
        ++checked;
    });
    EXPECT_GT(checked, 5U);
}

TEST(CallAccess, every_procedure_passes_with_its_permissions_alone) {
    DenialLog denials;
    for (const std::uint32_t program : protocol::programs())
        for (const ProcInfo& proc : protocol::procs(program)) {
            if (proc.unknown || proc.role != protocol::Role::call) continue;
            SCOPED_TRACE(proc.name);
            std::string list;
            std::vector<std::byte> args;
            for (const AclRule& rule : proc.acl) {
                list += (list.empty() ? "" : ", ") + std::string(rule.permission);
                if (rule.when.test != protocol::Test::none) args = arguments(rule.when, true);
            }
            CallAccess call(viewer("{default: deny, rules: [" +
                                   (list.empty() ? "" : "{name: r, allow: [" + list + "]}") + "]}"),
                            denials, 1, proc);
            const Status result = run(call, proc, args.empty() ? nullptr : args.data());
            EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
        }
}

TEST(CallAccess, procedure_of_unknown_permission_is_refused_by_any_policy) {
    DenialLog denials;
    std::size_t checked = 0;
    for (const std::uint32_t program : protocol::programs())
        for (const ProcInfo& proc : protocol::procs(program)) {
            if (!proc.unknown) continue;
            CallAccess call(viewer("default: allow"), denials, 1, proc);
            EXPECT_FALSE(call.check_early().has_value()) << proc.name;
            CallAccess free(nullptr, denials, 1, proc);
            EXPECT_TRUE(free.check_early().has_value()) << proc.name;
            ++checked;
        }
    EXPECT_GT(checked, 0U);
}

TEST(CallAccess, every_filter_hides_what_may_not_be_seen) {
    DenialLog denials;
    std::size_t checked = 0;
    for_each_rule([&](const ProcInfo& proc, const AclRule& rule) {
        if (!rule.filter) return;
        CallAccess call(viewer("{default: allow, rules: [{name: r, deny: " + std::string(rule.permission) +
                               ", on: {name: hidden}}]}"),
                        denials, 1, proc);
        const access::Kind kind = access::permission_kind(rule.number);
        EXPECT_TRUE(call.must_filter());
        EXPECT_EQ(call.check_filtered().has_value(), std::string_view(proc.kind) == "event");
        std::vector<ObjectPtr> list{object_of(kind, "hidden"), object_of(kind, "seen")};
        call.filter(list);
        ASSERT_EQ(list.size(), 1U);
        EXPECT_EQ(list[0]->name, "seen");
        EXPECT_TRUE(call.check_filtered().has_value());
        ++checked;
    });
    EXPECT_GT(checked, 30U);
}

const ProcInfo& proc_named(std::string_view name) {
    for (const std::uint32_t program : protocol::programs())
        for (const ProcInfo& proc : protocol::procs(program))
            if (proc.name == name) return proc;
    ADD_FAILURE() << name;
    return protocol::procs(protocol::programs()[0])[0];
}

TEST(CallAccess, second_object_is_checked_like_the_first) {
    DenialLog denials;
    CallAccess call(viewer("{default: allow, rules: [{name: r, deny: domain.start, on: {name: b}}]}"), denials, 1,
                    proc_named("domain_create"));
    EXPECT_TRUE(call.check_early().has_value());
    EXPECT_TRUE(call.check(object_of(access::Kind::domain, "a")).has_value());
    EXPECT_FALSE(call.check(object_of(access::Kind::domain, "b")).has_value());
}

TEST(CallAccess, snapshot_is_judged_as_its_domain) {
    DenialLog denials;
    auto snapshot = std::make_shared<ObjectRef>();
    snapshot->kind = PV_KIND_SNAPSHOT;
    snapshot->name = "before";
    snapshot->parent = object_of(access::Kind::domain, "db");
    CallAccess call(viewer("{default: allow, rules: [{name: r, deny: domain.read, on: {name: db}}]}"), denials, 1,
                    proc_named("domain_snapshot_get_xml_desc"));
    EXPECT_FALSE(call.check(snapshot).has_value());
}

class Documents : public ::testing::Test {
  protected:
    // What a call of `proc` is answered whose document is `xml`, for someone who may do all to web-* alone.
    bool allowed(const char* proc, std::string_view xml, const ObjectPtr& inside = nullptr) {
        CallAccess call(viewer("{default: deny, rules: [{name: r, allow: '*', on: {name: 'web-*'}},"
                               "{name: pool, allow: 'storage_pool.*', on: {name: pool}}]}"),
                        denials_, 1, proc_named(proc));
        EXPECT_TRUE(call.check_early().has_value());
        if (inside != nullptr) {
            EXPECT_TRUE(call.check(inside).has_value());
        }
        call.take_document(protocol::to_str(xml));
        return call.check_rest(nullptr).has_value();
    }
    DenialLog denials_;
};

TEST_F(Documents, name_the_object_that_is_about_to_be) {
    EXPECT_TRUE(allowed("domain_define_xml", "<domain><name>web-1</name></domain>"));
    EXPECT_FALSE(allowed("domain_define_xml", "<domain><name>db-1</name></domain>"));
    EXPECT_TRUE(allowed("storage_vol_create_xml", "<volume><name>web-disk</name></volume>",
                        object_of(access::Kind::storage_pool, "pool")));
}

TEST_F(Documents, that_are_unclear_allow_nothing) {
    EXPECT_FALSE(allowed("domain_define_xml", "<domain><name>web-1</name><name>db-1</name></domain>"));
    EXPECT_FALSE(allowed("domain_define_xml", "<domain>"));
}

TEST_F(Documents, clone_is_judged_by_its_own_name) {
    const ObjectPtr other = object_of(access::Kind::storage_vol, "secret-disk");
    EXPECT_TRUE(allowed("storage_vol_create_xml_from", "<volume><name>web-disk</name></volume>", other));
}

TEST_F(Documents, that_name_a_known_object_stand_for_it) {
    plugin::Registry registry;
    pv_obj_desc desc{};
    desc.size = sizeof desc;
    desc.kind = PV_KIND_DOMAIN;
    desc.name = "db-1";
    desc.dom_id = -1;
    const Uuid uuid = *Uuid::parse("c7a5fdbd-cdaf-9455-926a-d65c16db1809");
    std::copy(uuid.bytes.begin(), uuid.bytes.end(), desc.uuid);
    ASSERT_TRUE(registry.publish(desc).has_value());
    CallAccess call(viewer("{default: allow, rules: [{name: r, deny: domain.write, on: {uuid: " + uuid.to_string() + "}}]}"),
                    denials_, 1, proc_named("domain_define_xml"));
    call.take_document(protocol::to_str("<domain><name>db-1</name></domain>"));
    EXPECT_FALSE(call.check_rest(&registry).has_value());
}

TEST_F(Documents, that_mean_an_object_by_uuid_alone_need_permission_on_that_too) {
    plugin::Registry registry;
    pv_obj_desc desc{};
    desc.size = sizeof desc;
    desc.kind = PV_KIND_DOMAIN;
    desc.name = "db-1";
    desc.dom_id = -1;
    const Uuid uuid = *Uuid::parse("c7a5fdbd-cdaf-9455-926a-d65c16db1809");
    std::copy(uuid.bytes.begin(), uuid.bytes.end(), desc.uuid);
    ASSERT_TRUE(registry.publish(desc).has_value());
    const auto allowed = [&](const std::string& name) {
        CallAccess call(viewer("{default: deny, rules: [{name: r, allow: '*', on: {name: 'web-*'}}]}"), denials_, 1,
                        proc_named("domain_define_xml"));
        const std::string xml = "<domain><name>" + name + "</name><uuid>" + uuid.to_string() + "</uuid></domain>";
        call.take_document(protocol::to_str(xml));
        return call.check_rest(&registry).has_value();
    };
    EXPECT_FALSE(allowed("web-1"));
    ASSERT_TRUE(registry.retire(registry.find_name(PV_KIND_DOMAIN, 0, "db-1")->handle));
    EXPECT_TRUE(allowed("web-1"));
}

// What a driver may publish in a call of `proc` whose document is `xml`.
class Publishing : public ::testing::Test {
  protected:
    static constexpr const char* kPolicy =
        "{default: deny, rules: [{name: not-blue, deny: '*', on: {uuid: c7a5fdbd-cdaf-9455-926a-d65c16db1809}},"
        "{name: web, allow: '*', on: {name: ['web-*', pool, 'scsi_host*']}}]}";

    void begin(const char* proc, std::string_view xml, std::vector<ObjectPtr> found = {}, const char* policy = kPolicy) {
        call_.emplace(policy != nullptr ? viewer(policy) : nullptr, denials_, 1, proc_named(proc));
        EXPECT_TRUE(call_->check_early().has_value());
        for (const ObjectPtr& object : found) {
            const Status allowed = call_->check(object);
            EXPECT_TRUE(allowed.has_value()) << (allowed ? "" : allowed.error().message);
        }
        if (!xml.empty()) call_->take_document(protocol::to_str(xml));
        const Status rest = call_->check_rest(nullptr);
        EXPECT_TRUE(rest.has_value()) << (rest ? "" : rest.error().message);
    }
    // "": it may.
    std::string refusal(std::uint32_t kind, const std::string& name, const char* uuid = "", ObjectPtr parent = nullptr) {
        ObjectRef made;
        made.kind = kind;
        made.name = name;
        made.uuid = Uuid::parse(uuid).value_or(Uuid{});
        made.parent = std::move(parent);
        const Status allowed = call_->check_publish(made, "vmm");
        if (allowed) return "";
        EXPECT_EQ(allowed.error().code, ErrorCode::access_denied);
        return allowed.error().message;
    }
    static ObjectPtr object(access::Kind kind, const std::string& name, std::uint64_t handle) {
        auto made = std::make_shared<ObjectRef>(*object_of(kind, name));
        made->handle = handle;
        return made;
    }

    DenialLog denials_;
    std::optional<CallAccess> call_;
};

constexpr const char* kGreen = "11111111-2222-3333-4444-555555555555";
constexpr const char* kBlue = "c7a5fdbd-cdaf-9455-926a-d65c16db1809";

TEST_F(Publishing, the_object_of_the_document_and_no_other) {
    begin("domain_define_xml", "<domain><name>web-1</name></domain>");
    EXPECT_EQ(refusal(PV_KIND_DOMAIN, "web-1", kGreen), "");
    EXPECT_THAT(refusal(PV_KIND_DOMAIN, "web-2", kGreen),
                HasSubstr("driver 'vmm' may not publish domain 'web-2' (11111111-2222-3333-4444-555555555555) in this call: "
                          "domain.write was authorised for domain 'web-1' (rule R24 of the plugin ABI)"));
    EXPECT_THAT(refusal(PV_KIND_DOMAIN, "db-1"), HasSubstr("; the default denies domain.write on domain 'db-1'"));
    EXPECT_EQ(refusal(PV_KIND_VOLUME, "anything"), "") << "other kinds are the driver's own affair";
}

TEST_F(Publishing, what_the_document_left_open_is_judged_then) {
    begin("domain_define_xml", "<domain><name>web-1</name></domain>");
    EXPECT_THAT(refusal(PV_KIND_DOMAIN, "web-1", kBlue), HasSubstr("rule 'not-blue' denies domain.write on domain 'web-1'"));
}

TEST_F(Publishing, the_uuid_of_the_document_counts) {
    begin("domain_define_xml", "<domain><name>web-1</name><uuid>11111111-2222-3333-4444-555555555555</uuid></domain>");
    EXPECT_EQ(refusal(PV_KIND_DOMAIN, "web-1", kGreen), "");
    EXPECT_THAT(refusal(PV_KIND_DOMAIN, "web-1", "11111111-2222-3333-4444-555555555556"), HasSubstr("rule R24"));
    EXPECT_THAT(refusal(PV_KIND_DOMAIN, "web-1"), HasSubstr("rule R24"));
}

TEST_F(Publishing, volumes_are_in_the_pool_that_was_found) {
    const ObjectPtr pool = object(access::Kind::storage_pool, "pool", 7);
    begin("storage_vol_create_xml", "<volume><name>web-disk</name></volume>", {pool});
    EXPECT_EQ(refusal(PV_KIND_VOLUME, "web-disk", "", pool), "");
    EXPECT_THAT(refusal(PV_KIND_VOLUME, "web-disk", "", object(access::Kind::storage_pool, "other", 8)), HasSubstr("rule R24"));
    EXPECT_THAT(refusal(PV_KIND_VOLUME, "web-disk2", "", pool), HasSubstr("rule R24"));
}

TEST_F(Publishing, a_clone_is_in_its_pool_and_not_in_what_it_is_a_clone_of) {
    const ObjectPtr pool = object(access::Kind::storage_pool, "pool", 7);
    begin("storage_vol_create_xml_from", "<volume><name>web-disk</name></volume>",
          {pool, object(access::Kind::storage_vol, "web-base", 9)});
    EXPECT_EQ(refusal(PV_KIND_VOLUME, "web-disk", "", pool), "");
}

TEST_F(Publishing, snapshots_are_of_the_domain_that_was_found) {
    const ObjectPtr web = object(access::Kind::domain, "web-1", 7), db = object(access::Kind::domain, "web-2", 8);
    begin("domain_snapshot_create_xml", "<domainsnapshot/>", {web});
    EXPECT_EQ(refusal(PV_KIND_SNAPSHOT, "s1", "", web), "");
    EXPECT_THAT(refusal(PV_KIND_SNAPSHOT, "s1", "", db), HasSubstr("which is about another domain (rule R24"));
}

TEST_F(Publishing, node_devices_are_named_by_their_driver_and_judged_by_that) {
    begin("node_device_create_xml", "<device><name>scsi_host3</name><parent>pci</parent></device>");
    EXPECT_EQ(refusal(PV_KIND_NODEDEV, "scsi_host9"), "");
    EXPECT_THAT(refusal(PV_KIND_NODEDEV, "eth0"), HasSubstr("the default denies node_device."));
}

TEST_F(Publishing, of_an_unknown_object_is_what_rules_without_objects_allowed) {
    begin("domain_define_xml", "<domain>", {}, "{default: deny, rules: [{name: all, allow: '*'}]}");
    EXPECT_EQ(refusal(PV_KIND_DOMAIN, "anything", kBlue), "");
}

TEST_F(Publishing, without_a_policy_nothing_was_authorised) {
    begin("domain_define_xml", "<domain><name>web-1</name></domain>", {}, nullptr);
    EXPECT_EQ(refusal(PV_KIND_DOMAIN, "db-1"), "");
}

TEST(CallAccess, new_name_goes_before_that_of_the_document) {
    DenialLog denials;
    CallAccess call(viewer("{default: allow, rules: [{name: r, deny: domain.migrate, on: {name: new}}]}"), denials, 1,
                    proc_named("domain_migrate_prepare2"));
    call.take_document(protocol::to_str("<domain><name>old</name></domain>"));
    call.take_name(protocol::to_str("new"));
    EXPECT_FALSE(call.check_rest(nullptr).has_value());
}

TEST(CallAccess, without_policy_everything_is_allowed) {
    DenialLog denials;
    CallAccess call(nullptr, denials, 1, proc_named("connect_list_all_domains"));
    EXPECT_TRUE(call.check_early().has_value());
    EXPECT_FALSE(call.must_filter());
    EXPECT_TRUE(call.check_filtered().has_value());
}

// Arguments that look at no field of the procedure would make a condition look elsewhere.
TEST(CallAccess, conditions_look_inside_the_arguments) {
    for_each_rule([](const ProcInfo& proc, const AclRule& rule) {
        if (rule.when.test == protocol::Test::none) return;
        EXPECT_STRNE(rule.when.arg, "");
        EXPECT_LT(rule.when.offset, 4096U) << proc.name;
    });
}

} // namespace
} // namespace polyvirt::dispatch
