// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "driver.h"

#include "base/error_text.h"
#include "devices.h"
#include "domains.h"
#include "faults.h"
#include "filters.h"
#include "interfaces.h"
#include "networks.h"
#include "node_document.h"
#include "node_figures.h"
#include "pools.h"
#include "secrets.h"

namespace polyvirt::test {

namespace {

constexpr std::string_view kFile = "file:";
constexpr std::size_t kLongestPath = 4096; // as the kernel has it

} // namespace

// test:///default is one for all, and there for whoever asks: where nobody does, its guests count nowhere. Any other path
// is a file that describes a host for one connection.
plugin::Claim Driver::probe(std::string_view uri, bool /*privileged*/) {
    constexpr std::string_view kScheme = "test://";
    if (!uri.starts_with(kScheme)) return {};
    const std::string_view path = uri.substr(kScheme.size());
    if (path.size() < 2 || path.front() != '/' || path.size() > kLongestPath) return {};
    const bool shared = path == "/default";
    // The instance's key carries the path to the constructor.
    return {.score = 100,
            .canonical = std::string(uri),
            .instance = shared ? "default" : std::string(kFile).append(path),
            .lifetime = shared ? PV_LIFETIME_KEPT : PV_LIFETIME_PER_CONNECTION};
}

Driver::Driver(const plugin::Services& services, std::string_view instance)
    : DriverBase(services), instance_(instance), faults_(std::make_unique<Faults>(*this)),
      node_(std::make_unique<NodeFigures>()), domains_(std::make_unique<Domains>(*this)),
      networks_(std::make_unique<Networks>(*this)), pools_(std::make_unique<Pools>(*this)),
      devices_(std::make_unique<NodeDevices>(*this)), interfaces_(std::make_unique<Interfaces>(*this)),
      secrets_(std::make_unique<Secrets>(*this)), filters_(std::make_unique<Filters>(*this)) {
    parts_ = {node_.get(),       faults_.get(),  domains_.get(), networks_.get(), pools_.get(), devices_.get(),
              interfaces_.get(), secrets_.get(), filters_.get()};
}

Driver::~Driver() {
    filters_.reset();
    secrets_.reset();
    interfaces_.reset();
    devices_.reset();
    pools_.reset();
    networks_.reset();
    domains_.reset();
    faults_.reset();
    if (events_ != nullptr) s_.event->queue_free(events_);
}

Status Driver::start(pv_call*, std::uint32_t) {
    // Here and not before: create() may use no service but log and paths.
    loop_ = plugin::Loop(s_, PV_LOOP_SHARED, "test");
    events_ = s_.event->queue_new(s_.host, "test");
    if (!loop_ || events_ == nullptr)
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "the host has no loop or event queue for the driver");
    PV_TRY(load_node(instance_, parts_));
    for (Part* part : parts_) PV_TRY(part->ready());
    return {};
}

void Driver::stop(std::uint32_t) {
    for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) (*part)->stop();
}

void Driver::client_closed(std::uint64_t client, std::uint32_t, std::uint64_t object) { domains_->client_closed(client, object); }

void Driver::post(const pv_event& event) const { s_.event->post(events_, &event); }

} // namespace polyvirt::test
