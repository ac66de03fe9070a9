// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A registry with one object of each kind, and verbs to bring a procedure's arguments through the glue and
// back.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/unit/glue/fill_out.h"
#include "host/dispatch/glue_table.h"
#include "host/dispatch/wire_call.h"
#include "host/plugin/service.h"
#include "host/protocol/gen/qemu.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::test {

namespace remote = protocol::remote;
namespace qemu = protocol::qemu;
using dispatch::Glue;
using dispatch::WireCall;
using protocol::to_str;

inline constexpr std::array<std::uint8_t, 16> kUuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
inline const Uuid kUuidValue = Uuid::from_bytes(kUuid.data());

inline const pv_svc_build& build_service() { return *static_cast<const pv_svc_build*>(plugin::kBuildService.table); }

inline const protocol::ProcInfo& proc_of(const Glue& glue) { return *protocol::find_proc(glue.program, glue.proc); }

class GlueTest : public ::testing::Test {
  protected:
    // Everything is called "x" and has one uuid: within its kind it is alone.
    GlueTest() {
        for (std::uint32_t kind = PV_KIND_DOMAIN; kind <= PV_KIND_CHECKPOINT; ++kind) publish(kind);
    }

    std::uint64_t parent_of(std::uint32_t kind) {
        switch (kind) {
        case PV_KIND_NETWORK_PORT: return handles[PV_KIND_NETWORK];
        case PV_KIND_VOLUME: return handles[PV_KIND_POOL];
        case PV_KIND_SNAPSHOT:
        case PV_KIND_CHECKPOINT: return handles[PV_KIND_DOMAIN];
        default: return 0;
        }
    }

    void publish(std::uint32_t kind) {
        static constexpr pv_key kKeys[] = {{"key", "the-key"}, {"mac", "00:11:22:33:44:55"}, {"filter", "clean"},
                                           {"usage-type", "2"}, {"usage-id", "ceph"}};
        pv_obj_desc desc{};
        desc.size = sizeof desc;
        desc.kind = kind;
        desc.name = "x";
        std::copy(kUuid.begin(), kUuid.end(), desc.uuid);
        desc.dom_id = kind == PV_KIND_DOMAIN ? 5 : -1;
        desc.attrs = PV_ATTR_ACTIVE; // volumes are there while their pool is
        desc.parent = parent_of(kind);
        desc.keys = kKeys;
        desc.nkeys = std::size(kKeys);
        auto made = driver.registry().publish(desc);
        ASSERT_TRUE(made) << made.error().message;
        handles[kind] = *made;
    }

    // A call with these arguments, prepared. `ok` says whether the glue took them.
    template <typename Args> std::unique_ptr<WireCall> prepare(std::uint32_t program, std::int32_t proc, const Args& args) {
        protocol::Encoder encoder;
        encode(encoder, args);
        glue = dispatch::find_glue(program, proc);
        EXPECT_NE(glue, nullptr);
        return prepare_bytes(encoder.take());
    }
    template <typename Args> std::unique_ptr<WireCall> prepare(remote::Proc proc, const Args& args) {
        return prepare(remote::kProgram, static_cast<std::int32_t>(proc), args);
    }
    std::unique_ptr<WireCall> prepare_bytes(std::vector<std::uint8_t> bytes) {
        payloads.push_back(std::make_unique<std::vector<std::uint8_t>>(std::move(bytes)));
        auto call = std::make_unique<WireCall>(driver, proc_of(*glue));
        call->readonly = readonly;
        if (proc_of(*glue).call_fds > 0) call->fds_in.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
        protocol::Decoder decoder(*payloads.back(), call->arena());
        ok = glue->prepare(*call, decoder);
        return call;
    }

    // What the client would read.
    template <typename Ret> Ret reply(WireCall& call) {
        protocol::Encoder encoder;
        glue->encode(call, encoder);
        EXPECT_FALSE(call.error) << call.error->message;
        EXPECT_FALSE(encoder.failed()) << encoder.failure();
        payloads.push_back(std::make_unique<std::vector<std::uint8_t>>(encoder.take()));
        protocol::Decoder decoder(*payloads.back(), call.arena());
        Ret ret{};
        EXPECT_TRUE(decode(decoder, ret));
        EXPECT_EQ(decoder.left(), 0u);
        return ret;
    }

    static protocol::domain the_domain() { return {to_str("x"), kUuid, -1}; }

    dispatch::FakeDriver driver;
    std::array<std::uint64_t, PV_KIND_CHECKPOINT + 1> handles{};
    const Glue* glue = nullptr;
    bool ok = false;
    bool readonly = false;
    std::vector<std::unique_ptr<std::vector<std::uint8_t>>> payloads;
};

} // namespace polyvirt::test
