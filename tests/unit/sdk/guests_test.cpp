// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/guests/guest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/guests/definitions.h"
#include "sdk/guests/figures.h"
#include "sdk/tune_params.h"

namespace polyvirt::sdk {
namespace {

constexpr const char* kDocument = "<domain type='lxc'><name>web</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"
                              "<memory unit='KiB'>65536</memory><os><type>exe</type></os>"
                              "<devices><interface type='ethernet'><mac address='02:00:00:00:00:01'/><target dev='vnet7'/></interface>"
                              "</devices></domain>";

struct OneGuest : Guest {
    using Guest::Guest;
    [[nodiscard]] Error gone() const override { return Error{.code = ErrorCode::no_domain, .message = "gone: " + name}; }
};

domain::Domain document() { return domain::parse_domain(kDocument)->domain; }

class Guests : public testing::Test {
  protected:
    void define() {
        const ObjectLock lock(guest.mu);
        guest.config = Definition::of(document())->packed;
    }
    void run() {
        const ObjectLock lock(guest.mu);
        guest.live = std::make_shared<const domain::Domain>(domain::parse_domain(kDocument, {.inactive = false})->domain);
        guest.state = PV_DOMAIN_RUNNING;
    }
    OneGuest guest{*Uuid::parse("11111111-2222-3333-4444-555555555555"), "web"};
};

TEST_F(Guests, a_call_without_flags_is_on_what_the_guest_is_in) {
    define();
    auto affected = affected_by(guest, 0);
    ASSERT_TRUE(affected);
    EXPECT_TRUE(affected->config && !affected->live);
    EXPECT_EQ(affected_by(guest, PV_DOMAIN_AFFECT_LIVE).error().code, ErrorCode::operation_invalid);
    run();
    affected = affected_by(guest, 0);
    ASSERT_TRUE(affected);
    EXPECT_TRUE(affected->live && !affected->config);
    EXPECT_TRUE(affected_by(guest, kAffect)->config);
}

TEST_F(Guests, a_transient_one_has_no_persistent_description) {
    run();
    EXPECT_EQ(affected_by(guest, PV_DOMAIN_AFFECT_CONFIG).error().code, ErrorCode::operation_invalid);
    EXPECT_EQ(one_of(guest, kAffect).error().code, ErrorCode::invalid_arg);
    bool live = false;
    ASSERT_TRUE(one_of(guest, 0, &live));
    EXPECT_TRUE(live);
}

TEST_F(Guests, one_that_has_gone_is_spoken_of_in_its_drivers_words) {
    EXPECT_EQ(summary_of(guest).error().message, "gone: web");
    EXPECT_EQ(document_of(guest, 0, &domain::format_domain).error().message, "gone: web");
}

TEST_F(Guests, a_document_is_the_live_one_unless_the_other_is_asked_for) {
    define();
    run();
    EXPECT_THAT(*document_of(guest, 0, &domain::format_domain), testing::HasSubstr("vnet7"));
    EXPECT_THAT(*document_of(guest, PV_DOMAIN_XML_INACTIVE, &domain::format_domain), testing::Not(testing::HasSubstr("vnet7")));
}

TEST_F(Guests, groups_of_flags_choose_one_after_another) {
    define();
    EXPECT_TRUE(chosen(guest, 0));
    EXPECT_TRUE(chosen(guest, PV_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE | PV_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE));
    EXPECT_FALSE(chosen(guest, PV_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE | PV_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT));
    EXPECT_TRUE(chosen(guest, PV_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF | PV_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED));
    run();
    EXPECT_FALSE(chosen(guest, PV_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF));
}

TEST(Definitions, records_are_named_by_their_guest) {
    EXPECT_EQ(record_stem("web.xml", ".xml"), "web");
    EXPECT_EQ(record_stem("autostart/web.xml", ".xml"), "web");
    EXPECT_EQ(record_stem("web.json", ".xml"), "");
    EXPECT_EQ(record_stem(".xml", ".xml"), "");
}

TEST(Definitions, a_live_description_must_be_that_of_its_record) {
    const domain::Domain d = document();
    EXPECT_TRUE(live_of_record(kDocument, "web", *d.uuid));
    EXPECT_FALSE(live_of_record(kDocument, "other", *d.uuid));
    EXPECT_FALSE(live_of_record(kDocument, "web", Uuid()));
    EXPECT_FALSE(live_of_record("no document", "web", *d.uuid));
}

TEST(PortBandwidth, a_direction_without_limits_goes) {
    network::Port port;
    pv_param average{};
    average.field = PV_NETWORK_PORT_BANDWIDTH_IN_AVERAGE;
    average.type = PV_PARAM_UINT;
    average.v.ui = 100;
    ASSERT_TRUE(take_port_bandwidth({&average, 1}, port));
    ASSERT_TRUE(port.bandwidth && port.bandwidth->inbound);
    EXPECT_EQ(port.bandwidth->inbound->average, 100U);
    average.v.ui = 0;
    ASSERT_TRUE(take_port_bandwidth({&average, 1}, port));
    EXPECT_FALSE(port.bandwidth);
}

} // namespace
} // namespace polyvirt::sdk
