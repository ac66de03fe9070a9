// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors

#include <cstring>

#include <polyvirt/abi/gen/events.h>

#include "host/dispatch/event_codec.h"
#include "tests/support/any_struct.h"
#include "tests/unit/glue/glue_fixture.h"

namespace polyvirt::test {
namespace {

using dispatch::encode_event;
using dispatch::EventMessage;
using dispatch::find_event_message;

class EventCodec : public ::testing::Test {
  protected:
    EventCodec() {
        event.size = sizeof event;
        event.kind = PV_KIND_DOMAIN;
        event.dom_id = 3;
        event.name = "x";
        std::copy(kUuid.begin(), kUuid.end(), event.uuid);
    }

    template <typename Payload> void post(std::uint32_t kind, std::int32_t id, const Payload& payload) {
        event.kind = kind;
        event.id = id;
        event.payload = &payload;
        protocol::Encoder encoder;
        ASSERT_TRUE(encode_event(event, encoder));
        ASSERT_FALSE(encoder.failed()) << encoder.failure();
        body = encoder.take();
    }

    // The message as a client that registered the new way decodes it.
    template <typename Message> Message received() {
        std::vector<std::uint8_t>& bytes = packet;
        bytes = {0, 0, 0, 9};
        bytes.insert(bytes.end(), body.begin(), body.end());
        protocol::Decoder decoder(bytes, arena);
        Message message{};
        EXPECT_TRUE(decode(decoder, message));
        EXPECT_EQ(decoder.left(), 0u);
        return message;
    }

    pv_event event{};
    std::vector<std::uint8_t> body, packet;
    Arena arena;
};

TEST_F(EventCodec, makes_the_lifecycle_message) {
    pv_event_domain_lifecycle payload{};
    payload.size = sizeof payload;
    payload.event = 2;
    payload.detail = 1;
    post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE, payload);
    const auto message = received<remote::domain_event_callback_lifecycle_event>();
    EXPECT_EQ(message.callbackID, 9);
    EXPECT_EQ(message.msg.dom.name.view(), "x");
    EXPECT_EQ(message.msg.dom.id, 3);
    EXPECT_EQ(message.msg.dom.uuid, kUuid);
    EXPECT_EQ(message.msg.event, 2);
    EXPECT_EQ(message.msg.detail, 1);
    const EventMessage* info = find_event_message(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE);
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->old_proc, 107);
    EXPECT_EQ(info->new_proc, 318);
    EXPECT_EQ(info->old_skip, 0u);
}

TEST_F(EventCodec, old_form_of_a_wakeup_lacks_the_reason_in_front) {
    pv_event_domain_pmwakeup payload{};
    payload.size = sizeof payload;
    payload.reason = 7;
    post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_PMWAKEUP, payload);
    EXPECT_EQ(received<remote::domain_event_callback_pmwakeup_event>().reason, 7);
    const EventMessage* info = find_event_message(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_PMWAKEUP);
    ASSERT_EQ(info->old_skip, 4u);
    std::vector<std::uint8_t> old(body.begin() + 4, body.end());
    protocol::Decoder decoder(old, arena);
    protocol::ev_pmwakeup message{};
    ASSERT_TRUE(decode(decoder, message));
    EXPECT_EQ(message.dom.name.view(), "x");
    EXPECT_EQ(decoder.left(), 0u);
}

TEST_F(EventCodec, carries_lists_of_structs) {
    pv_event_graphics_identity who[2] = {};
    for (auto& w : who) {
        w.size = sizeof w;
        w.type = "saslUsername";
        w.name = "joe";
    }
    pv_event_domain_graphics payload{};
    payload.size = sizeof payload;
    payload.local_node = payload.local_service = payload.remote_node = payload.remote_service = "n";
    payload.auth_scheme = "vnc";
    payload.subject = who;
    payload.nsubject = 2;
    post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_GRAPHICS, payload);
    const auto message = received<remote::domain_event_callback_graphics_event>();
    ASSERT_EQ(message.msg.subject.size(), 2u);
    EXPECT_EQ(message.msg.subject[1].name.view(), "joe");
    EXPECT_EQ(message.msg.authScheme.view(), "vnc");
}

TEST_F(EventCodec, carries_typed_parameters) {
    pv_param params[2] = {};
    params[0].field = "cpu_shares";
    params[0].type = PV_PARAM_ULLONG;
    params[0].v.ul = 1024;
    params[1].field = "why";
    params[1].type = PV_PARAM_STRING;
    params[1].v.s = "asked";
    pv_event_domain_tunable payload{};
    payload.size = sizeof payload;
    payload.params = params;
    payload.nparams = 2;
    post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_TUNABLE, payload);
    const auto message = received<remote::domain_event_callback_tunable_event>();
    ASSERT_EQ(message.params.size(), 2u);
    EXPECT_EQ(message.params[0].value.ul, 1024u);
    EXPECT_EQ(message.params[1].value.s.view(), "asked");
}

TEST_F(EventCodec, shows_the_use_of_a_secret) {
    const pv_key keys[] = {{"usage-type", "2"}, {"usage-id", "ceph"}};
    event.keys = keys;
    event.nkeys = 2;
    pv_event_secret_value_changed payload{};
    payload.size = sizeof payload;
    post(PV_KIND_SECRET, PV_EVENT_SECRET_VALUE_CHANGED, payload);
    const auto message = received<remote::secret_event_value_changed_event>();
    EXPECT_EQ(message.secret.usageType, 2);
    EXPECT_EQ(message.secret.usageID.view(), "ceph");
}

TEST_F(EventCodec, absent_and_empty_texts_differ) {
    pv_event_domain_metadata_change payload{};
    payload.size = sizeof payload;
    post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_METADATA_CHANGE, payload);
    EXPECT_FALSE(received<remote::domain_event_callback_metadata_change_event>().nsuri.present());
    payload.nsuri = "";
    post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_METADATA_CHANGE, payload);
    EXPECT_TRUE(received<remote::domain_event_callback_metadata_change_event>().nsuri.present());
}

TEST_F(EventCodec, refuses_what_it_cannot_send) {
    protocol::Encoder encoder;
    event.id = 9999;
    EXPECT_FALSE(encode_event(event, encoder)) << "unknown number";
    event.id = PV_EVENT_DOMAIN_LIFECYCLE;
    event.payload = nullptr;
    EXPECT_FALSE(encode_event(event, encoder)) << "payload missing";
    const std::uint32_t garbage = 3;
    event.payload = &garbage;
    EXPECT_FALSE(encode_event(event, encoder)) << "payload too short";
    pv_event_domain_device_added payload{};
    payload.size = sizeof payload;
    event.id = PV_EVENT_DOMAIN_DEVICE_ADDED;
    event.payload = &payload;
    EXPECT_FALSE(encode_event(event, encoder)) << "text missing";
    event.id = PV_EVENT_DOMAIN_REBOOT;
    event.payload = nullptr;
    EXPECT_TRUE(encode_event(event, encoder)) << "nothing to say beyond the object";
}

// A payload that reaches over all that a driver of an earlier minor version knew.
TEST_F(EventCodec, a_shorter_payload_is_zero_behind_its_end) {
    struct {
        std::uint32_t size;
        std::int32_t event;
    } old{8, 5};
    event.id = PV_EVENT_DOMAIN_LIFECYCLE;
    event.payload = &old;
    protocol::Encoder encoder;
    ASSERT_TRUE(encode_event(event, encoder));
    body = encoder.take();
    const auto message = received<remote::domain_event_callback_lifecycle_event>();
    EXPECT_EQ(message.msg.event, 5);
    EXPECT_EQ(message.msg.detail, 0);
}

TEST_F(EventCodec, agrees_with_the_wires_own_table) {
    for (const protocol::EventInfo& info : protocol::event_table()) {
        bool found = false;
        for (const EventMessage& m : dispatch::event_messages())
            found |= m.program == remote::kProgram && m.new_proc == info.new_proc && m.old_proc == info.old_proc &&
                     m.event_id == info.event_id;
        EXPECT_TRUE(found) << info.kind << " " << info.event_id;
    }
    const EventMessage* monitor = find_event_message(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_QEMU_MONITOR);
    ASSERT_NE(monitor, nullptr);
    EXPECT_EQ(monitor->program, qemu::kProgram);
}

} // namespace
} // namespace polyvirt::test
