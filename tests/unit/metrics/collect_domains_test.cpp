// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Guests' figures come from what is published: here there is no driver at all that could be asked.
#include <cstring>

#include <gtest/gtest.h>

#include "host/metrics/collect.h"
#include "host/plugin/registry.h"

namespace polyvirt::metrics {
namespace {

class CollectDomains : public testing::Test {
  protected:
    void publish(const std::string& name, std::int32_t id, std::int32_t state) {
        pv_obj_desc desc{};
        desc.size = sizeof desc;
        desc.kind = PV_KIND_DOMAIN;
        desc.name = name.c_str();
        const auto number = static_cast<std::uint32_t>(++published_);
        std::memcpy(desc.uuid, &number, sizeof number);
        desc.dom_id = id;
        desc.state = state;
        desc.attrs = id > 0 ? PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT : PV_ATTR_PERSISTENT;
        ASSERT_TRUE(registry_.publish(desc));
    }
    std::string text(std::size_t most = 1'000'000) {
        Exposition out(Exposition::Format::prometheus);
        const DomainSource sources[] = {{"fake", &registry_}};
        collect_domains(out, sources, most);
        return out.take();
    }
    static std::size_t count(const std::string& text, const std::string& of) {
        std::size_t n = 0;
        for (std::size_t at = text.find(of); at != std::string::npos; at = text.find(of, at + 1)) ++n;
        return n;
    }

    plugin::Registry registry_;
    int published_ = 0;
};

TEST_F(CollectDomains, tells_what_is_published) {
    publish("one", 7, 1);
    const std::string all = text();
    const std::string labels = "{uuid=\"01000000-0000-0000-0000-000000000000\",name=\"one\"";
    for (const std::string& line : {"polyvirt_domain_info" + labels + ",id=\"7\",driver=\"fake\"} 1\n",
                                    "polyvirt_domain_state_code" + labels + "} 1\n",
                                    "polyvirt_domain_active" + labels + "} 1\n",
                                    "polyvirt_domain_persistent" + labels + "} 1\n",
                                    "polyvirt_domain_autostart" + labels + "} 0\n",
                                    std::string("polyvirt_domains{driver=\"fake\",state=\"running\"} 1\n"),
                                    std::string("polyvirt_domains{driver=\"fake\",state=\"shutoff\"} 0\n")})
        EXPECT_NE(all.find(line), std::string::npos) << line << all;
}

TEST_F(CollectDomains, tells_of_a_thousand) {
    for (int i = 0; i < 1000; ++i) publish("guest-" + std::to_string(i), i % 2 == 0 ? i + 1 : -1, i % 2 == 0 ? 1 : 5);
    const std::string all = text();
    EXPECT_EQ(count(all, "polyvirt_domain_info{"), 1000u);
    EXPECT_EQ(count(all, "polyvirt_domain_active{"), 1000u);
    EXPECT_NE(all.find("state=\"running\"} 500\n"), std::string::npos);
    EXPECT_NE(all.find("state=\"shutoff\"} 500\n"), std::string::npos);
    EXPECT_NE(all.find("polyvirt_domains_omitted 0\n"), std::string::npos);
}

TEST_F(CollectDomains, only_counts_those_beyond_the_limit) {
    for (int i = 0; i < 10; ++i) publish("guest-" + std::to_string(i), -1, 5);
    const std::string all = text(4);
    EXPECT_EQ(count(all, "polyvirt_domain_info{"), 4u);
    EXPECT_NE(all.find("polyvirt_domains_omitted 6\n"), std::string::npos);
    EXPECT_NE(all.find("state=\"shutoff\"} 10\n"), std::string::npos);
}

TEST_F(CollectDomains, tells_figures_as_far_as_there_are_some) {
    publish("one", 7, 1);
    publish("two", 8, 1);
    auto sample = std::make_shared<GuestFigures::Sample>();
    sample->taken = GuestFigures::Clock::now();
    const auto one = registry_.list({.kind = PV_KIND_DOMAIN}).front();
    sample->by_handle[one->handle] = {.vcpus = 4, .memory_kib = 2048, .cpu_ns = 1'500'000'000};
    sample->by_handle[12345] = {.vcpus = 9}; // gone meanwhile
    Exposition out(Exposition::Format::prometheus);
    const DomainSource sources[] = {{"fake", &registry_, sample}};
    collect_domains(out, sources, 100);
    const std::string all = out.take();
    const std::string labels = "{uuid=\"" + one->uuid.to_string() + "\",name=\"one\"} ";
    EXPECT_NE(all.find("polyvirt_domain_vcpus" + labels + "4\n"), std::string::npos) << all;
    EXPECT_NE(all.find("polyvirt_domain_memory_bytes" + labels + "2097152\n"), std::string::npos) << all;
    EXPECT_NE(all.find("polyvirt_domain_cpu_seconds_total" + labels + "1.5\n"), std::string::npos) << all;
    EXPECT_EQ(count(all, "polyvirt_domain_vcpus{"), 1u);
    EXPECT_EQ(count(all, "polyvirt_domain_vcpus_max{"), 0u);
    EXPECT_EQ(count(all, "polyvirt_domain_figures_age_seconds{driver=\"fake\"}"), 1u);
}

TEST_F(CollectDomains, escapes_names) {
    publish("a\"b\\c\nd", -1, 5);
    EXPECT_NE(text().find("name=\"a\\\"b\\\\c\\nd\""), std::string::npos);
}

} // namespace
} // namespace polyvirt::metrics
