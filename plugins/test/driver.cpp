// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "driver.h"

#include "base/error_text.h"
#include "domains.h"
#include "faults.h"
#include "node_document.h"
#include "node_figures.h"

namespace polyvirt::test {

Driver::Driver(const plugin::Services& services, std::string instance)
    : s_(services), instance_(std::move(instance)), loop_(s_, PV_LOOP_SHARED, "test"),
      events_(s_.event->queue_new(s_.host, "test")), faults_(std::make_unique<Faults>(*this)),
      node_(std::make_unique<NodeFigures>()), domains_(std::make_unique<Domains>(*this)) {
    parts_ = {node_.get(), faults_.get(), domains_.get()};
}

Driver::~Driver() {
    domains_.reset();
    faults_.reset();
    if (events_ != nullptr) s_.event->queue_free(events_);
}

Status Driver::start() {
    if (!loop_ || events_ == nullptr)
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "the host has no loop or event queue for the driver");
    PV_TRY(load_node(instance_, parts_));
    for (Part* part : parts_) PV_TRY(part->ready());
    return {};
}

void Driver::stop() {
    for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) (*part)->stop();
}

void Driver::post(const pv_event& event) const { s_.event->post(events_, &event); }

} // namespace polyvirt::test
