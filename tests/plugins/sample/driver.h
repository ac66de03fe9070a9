// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The sample driver (sample:///default): no hypervisor, but every kind of object, event and stream, made as tests ask
// for it. A test drives it with commands in JSON, a list of them in each connect_domain_xml_from_native("sample", ...);
// the answer is the list of their results. README.md beside this file says what they are.
//
// Ops run on the host's workers, in parallel; streams on the driver's one loop.

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>

#include <nlohmann/json.hpp>
#include <polyvirt/gen/dom_stats.h>
#include <polyvirt/gen/hv_caps.h>
#include <polyvirt/gen/sto_vol.h>
#include <polyvirt/loop.h>
#include <polyvirt/plugin.h>

#include "base/sync.h"
#include "volume.h"

namespace polyvirt::sample {

using Json = nlohmann::json;

class Driver final : public plugin::DriverBase {
  public:
    static constexpr plugin::About kAbout{
        .id = "sample",
        .version = "0",
        .uri = "sample",
        .kinds = "domain, network, network_port, interface, pool, volume, nodedev, nwfilter, nwfilter_binding, secret, "
                 "snapshot, checkpoint",
        .type = "Sample",
        .error_domain = 12,
        .concurrency = plugin::Concurrency::parallel};
    using Implements = plugin::implements<ops::hv_caps::domain_xml_from_native, ops::sto_vol::upload, ops::sto_vol::download,
                                          ops::dom_stats::all_stats>;
    static plugin::Claim probe(std::string_view uri, bool privileged);

    explicit Driver(const plugin::Services& services);
    ~Driver();

    // [init]
    pv_status start(pv_call* call, std::uint32_t how);
    // The commands.
    pv_status domain_xml_from_native(pv_call* call, const pv_obj*, const pv_hv_domain_xml_from_native_in& in,
                                     pv_hv_domain_xml_from_native_out& out);
    pv_status upload(pv_call* call, const pv_obj* obj, const pv_vol_upload_in& in, pv_vol_upload_out&);
    pv_status download(pv_call* call, const pv_obj* obj, const pv_vol_download_in& in, pv_vol_download_out&);

    pv_status all_stats(pv_call* call, const pv_obj*, const pv_dom_all_stats_in&, pv_dom_all_stats_out& out);

  private:
    // Throws std::exception for commands that make no sense; the text goes to the client.
    Json run(pv_call* call, const Json& command);
    Json publish(const Json& command);
    Json many(const Json& command);
    Json update(const Json& command);
    Json event(const Json& command);
    Json burst(const Json& command);
    Json identity(pv_call* call) const;
    Json stats(const Json& command);
    void end_hanging(pv_status status);
    std::shared_ptr<Volume> volume(const std::string& name);

    plugin::Loop loop_;
    pv_queue* events_ = nullptr;
    std::atomic<std::uint64_t> entered_{0};
    Mutex mu_{Rank::driver};
    std::unordered_map<std::string, std::shared_ptr<Volume>> volumes_ PV_GUARDED_BY(mu_);
    using Figures = std::vector<std::pair<std::string, std::uint64_t>>;
    std::unordered_map<std::uint64_t, Figures> figures_ PV_GUARDED_BY(mu_); // by handle
    bool stats_hang_ PV_GUARDED_BY(mu_) = false;
    pv_call* hanging_ PV_GUARDED_BY(mu_) = nullptr;
    std::uint64_t stats_asked_ PV_GUARDED_BY(mu_) = 0;
};

} // namespace polyvirt::sample
