// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/driver_call.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "host/plugin/instance.h"

namespace polyvirt::plugin {
namespace {

std::uint32_t size_of(const void* data) {
    std::uint32_t size = 0;
    std::memcpy(&size, data, sizeof size);
    return size;
}

// As long as this host knows the struct; beyond what the caller knows, zero.
std::vector<std::byte> whole(const void* theirs, std::uint32_t size) {
    std::vector<std::byte> ours(size);
    std::memcpy(ours.data(), theirs, std::min(size, size_of(theirs)));
    std::memcpy(ours.data(), &size, sizeof size);
    return ours;
}

std::shared_ptr<const Caller> caller_of(const std::shared_ptr<Call>& outer) {
    static const auto kHost = std::make_shared<const Caller>();
    return outer != nullptr ? outer->shared_caller() : kHost;
}

} // namespace

DriverCall::DriverCall(Setup setup, std::function<void(pv_status)> done)
    : Call(caller_of(setup.outer)), setup_(std::move(setup)), done_(std::move(done)), target_(setup_.object),
      in_(whole(setup_.in, setup_.info->in_size)), out_(whole(setup_.out, setup_.info->out_size)) {
    op = setup_.op;
    if (setup_.outer == nullptr) {
        depth = 1;
        return;
    }
    depth = setup_.outer->depth + 1;
    if (setup_.info->cancels) deadline_ns = setup_.outer->deadline_ns;
}

void DriverCall::enter() {
    const auto self = shared_from_this();
    if (setup_.outer != nullptr) {
        if (setup_.info->cancels) setup_.outer->add_nested(self); // what changes something finishes
        if (Status allowed = setup_.outer->allow_op(setup_.op, setup_.object, *setup_.driver); !allowed) {
            set_error(std::move(allowed).error());
            return returned(PV_FAIL);
        }
    }
    setup_.driver->enter(self, setup_.op, target_.get(), in_.data(), out_.data());
}

Status DriverCall::allow_op(std::uint32_t op_number, const ObjectPtr& object, Instance& driver) {
    return setup_.outer != nullptr ? setup_.outer->allow_op(op_number, object, driver) : Status{};
}

void DriverCall::leave_visible(std::vector<ObjectPtr>& objects, Instance& driver) {
    if (setup_.outer != nullptr) setup_.outer->leave_visible(objects, driver);
}

void DriverCall::finished(pv_status status) {
    if (status >= 0) {
        const std::uint32_t theirs = size_of(setup_.out);
        std::memcpy(setup_.out, out_.data(), std::min<std::size_t>(theirs, out_.size()));
        std::memcpy(setup_.out, &theirs, sizeof theirs);
    } else if (setup_.outer != nullptr) {
        setup_.outer->set_error(take_error(status));
    } else {
        // Nobody else could say why a start without a client failed, say.
        log::info("plugin", "driver '{}' refused another driver's {}: {}", setup_.driver->plugin_id(), setup_.info->name,
                  take_error(status).message);
    }
    done_(status);
}

} // namespace polyvirt::plugin
