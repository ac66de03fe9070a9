// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/plan_of.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "container/plan_mounts.h"
#include "container/status.h"
#include "documents/settle.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;

Domain document(const std::string& inside, const std::string& os = "") {
    auto domain = parse_domain("<domain type='lxc'><name>c</name><memory unit='MiB'>64</memory><os><type>exe</type>" +
                               os + "</os>" + inside + "</domain>");
    EXPECT_TRUE(domain) << domain.error().message;
    EXPECT_TRUE(complete(domain->domain));
    return std::move(domain->domain);
}

std::vector<std::string> values(const Plan& plan, std::string_view key) {
    std::vector<std::string> all;
    for (const auto& [k, v] : plan.config)
        if (k == key) all.push_back(v);
    return all;
}
bool has(const std::vector<std::string>& list, std::string_view value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

PlanContext context() {
    PlanContext c;
    c.id = 3;
    c.folder = "/run/c";
    return c;
}

TEST(LxcPlan, words_of_init_stay_apart) {
    const auto plan = plan_of(
        document("", "<init>/bin/my init</init><initarg>a b</initarg><initenv name='X'>1 2</initenv>"), context());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->init, (std::vector<std::string>{"/bin/my init", "a b"}));
    EXPECT_TRUE(has(values(*plan, "lxc.environment"), "X=1 2"));
    EXPECT_TRUE(plan->name.starts_with("lxc-3-"));
}

TEST(LxcPlan, file_systems) {
    const auto plan =
        plan_of(document("<devices><filesystem type='mount'><source dir='/tmp'/><target dir='/'/></filesystem>"
                       "<filesystem type='mount'><source dir='/tmp'/><target dir='/a b'/><readonly/></filesystem>"
                       "<filesystem type='ram'><source usage='2' units='MiB'/><target dir='/ram'/></filesystem>"
                       "<filesystem type='bind'><source dir='/etc'/><target dir='/also'/></filesystem></devices>"),
                context());
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(values(*plan, "lxc.rootfs.path"), std::vector<std::string>{"dir:/tmp"});
    EXPECT_EQ(values(*plan, "lxc.mount.entry"),
              (std::vector<std::string>{"/tmp a\\040b none rbind,create=dir,ro 0 0",
                                        "tmpfs ram tmpfs size=2097152,mode=0755,create=dir 0 0",
                                        "etc also none bind,relative,create=dir 0 0"}));
}

TEST(LxcPlan, what_leads_out_of_the_container_is_refused) {
    for (const char* target : {"/../etc", "/a/../../b", "relative"}) {
        const auto plan =
            plan_of(document(std::string("<devices><filesystem type='ram'><source usage='1'/><target dir='") + target +
                           "'/></filesystem></devices>"),
                    context());
        EXPECT_FALSE(plan) << target;
    }
    EXPECT_FALSE(plan_of(
        document("<devices><filesystem type='template'><source name='x'/><target dir='/x'/></filesystem></devices>"),
        context()));
}

TEST(LxcPlan, networks) {
    EXPECT_EQ(values(*plan_of(document(""), context()), "lxc.net.0.type"), std::vector<std::string>{"none"});
    EXPECT_EQ(values(*plan_of(document("<features><privnet/></features>"), context()), "lxc.net.0.type"),
              std::vector<std::string>{"empty"});
    PlanContext c = context();
    c.links = {{Link::Kind::veth, "br0", "vnet0", ""}};
    const auto plan = plan_of(document("<devices><interface type='bridge'><source bridge='br0'/><ip address='192.0.2.2' "
                                     "prefix='24'/></interface></devices>"),
                              c);
    ASSERT_TRUE(plan);
    EXPECT_EQ(values(*plan, "lxc.net.0.link"), std::vector<std::string>{"br0"});
    EXPECT_EQ(values(*plan, "lxc.net.0.ipv4.address"), std::vector<std::string>{"192.0.2.2/24"});
    EXPECT_EQ(values(*plan, "lxc.net.0.name"), std::vector<std::string>{"eth0"});
}

TEST(LxcPlan, capabilities_by_policy) {
    EXPECT_EQ(values(*plan_of(document(""), context()), "lxc.cap.drop"),
              std::vector<std::string>{"audit_control mac_admin mknod sys_module sys_time"});
    const auto kept = plan_of(
        document("<features><capabilities policy='deny'><chown state='on'/></capabilities></features>"), context());
    EXPECT_EQ(values(*kept, "lxc.cap.keep"), std::vector<std::string>{"chown"});
    const auto some = plan_of(
        document("<features><capabilities policy='default'><mknod state='on'/></capabilities></features>"), context());
    EXPECT_EQ(values(*some, "lxc.cap.drop"), std::vector<std::string>{"audit_control mac_admin sys_module sys_time"});
}

TEST(LxcPlan, comes_back_from_its_file) {
    const auto plan = plan_of(document("<devices><console type='pty'/></devices>"), context());
    const Plan again = parse_plan(format_plan(*plan));
    EXPECT_EQ(again.config, plan->config);
    EXPECT_EQ(again.consoles, 1U);
    EXPECT_EQ(again.init, plan->init);
}

TEST(LxcStatus, comes_back_and_says_what_is_wrong) {
    StatusRecord r;
    r.name = "c";
    r.uuid = Uuid::random();
    r.id = 4;
    r.pid = 12;
    r.start_time = 34;
    r.init = 56;
    r.folder = "domain-4-c";
    const auto again = parse_status(format_status(r));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->init, 56);
    EXPECT_FALSE(parse_status("{}"));
    EXPECT_FALSE(parse_status("not json"));
    r.folder = "../x";
    EXPECT_FALSE(parse_status(format_status(r)));
}

} // namespace
} // namespace polyvirt::lxc
