// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The seam between generated glue (gen/glue_*.cpp) and WireCall: for each procedure that leads to an
// op, how its arguments become the op's structs and the results the reply.

#include <cstdint>

#include "base/result.h"
#include "host/protocol/xdr.h"

namespace polyvirt::dispatch {

class WireCall;

enum class ClientGone : std::uint8_t { finish, cancel };
// Which limit of time a call has: none, that of a query, that of a change.
enum class Deadline : std::uint8_t { none, query, modify };

struct Glue {
    std::uint32_t program;
    std::int32_t proc;
    std::uint32_t op;   // PV_OP_*
    const char* name;   // "dom_lifecycle.create"
    std::uint32_t kind; // PV_KIND_* of the objects that the op's table is about: whose provider is entered
    ClientGone client_gone;
    Deadline deadline;
    // Decodes, checks what depends on the arguments, finds the target, fills in and out. False: an error
    // is recorded in the call or, without one, the payload could not be decoded.
    bool (*prepare)(WireCall& call, protocol::Decoder& decoder);
    // The reply's payload from the op's out. May record an error in the call instead.
    void (*encode)(WireCall& call, protocol::Encoder& encoder);
    // Usually null. For the procedures that never fail on the wire: the payload that stands for any error
    // but an undecodable message.
    void (*encode_error)(WireCall& call, protocol::Encoder& encoder);
};

// Null: the procedure leads to no op.
const Glue* find_glue(std::uint32_t program, std::int32_t proc);

// What the host does for drivers that lack an op: from the call's in to its out.
using DefaultFn = Status (*)(WireCall& call);

// What the host answers itself: decodes, acts, and encodes the reply's payload.
using HostFn = Status (*)(WireCall& call, protocol::Decoder& decoder, protocol::Encoder& encoder);

} // namespace polyvirt::dispatch
