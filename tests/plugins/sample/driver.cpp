// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "driver.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/events.h>
#include <polyvirt/call.h>

#include "base/error_text.h"
#include "base/uuid.h"
#include "payload.h"

namespace polyvirt::sample {
namespace {

std::vector<std::pair<std::string, std::string>> read_keys(const Json& command) {
    return command.value("keys", std::vector<std::pair<std::string, std::string>>{});
}

std::vector<pv_key> abi_keys(const std::vector<std::pair<std::string, std::string>>& keys) {
    std::vector<pv_key> list;
    for (const auto& [name, value] : keys) list.push_back({name.c_str(), value.c_str()});
    return list;
}

void set_uuid(const Json& command, std::uint8_t (&to)[16]) {
    const auto text = command.value("uuid", std::string());
    if (text.empty()) return;
    const auto uuid = Uuid::parse(text);
    if (!uuid) throw std::invalid_argument("no uuid: " + text);
    std::copy(uuid->bytes.begin(), uuid->bytes.end(), to);
}

pv_obj_desc describe(const Json& command) {
    pv_obj_desc d{};
    d.size = sizeof d;
    d.kind = command.at("kind").get<std::uint32_t>();
    set_uuid(command, d.uuid);
    d.dom_id = command.value("id", -1);
    d.state = command.value("state", 0);
    d.reason = command.value("reason", 0);
    d.attrs = command.value("attrs", std::uint64_t{0});
    d.parent = command.value("parent", std::uint64_t{0});
    return d;
}

} // namespace

Driver::Driver(const plugin::Services& services) : DriverBase(services) {}

Driver::~Driver() {
    if (events_ != nullptr) s_.event->queue_free(events_);
}

pv_status Driver::start(pv_call* call, std::uint32_t) {
    loop_ = plugin::Loop(s_, PV_LOOP_SHARED, "sample");
    events_ = s_.event->queue_new(s_.host, "sample");
    if (loop_ && events_ != nullptr) return PV_OK;
    return plugin::fail(s_, call, make_error(ErrorCode::internal_error, ErrorDomain::none, "no loop or no queue"));
}

std::shared_ptr<Volume> Driver::volume(const std::string& name) {
    const DriverLock lock(mu_);
    std::shared_ptr<Volume>& found = volumes_[name];
    if (found == nullptr) found = std::make_shared<Volume>();
    return found;
}

pv_status Driver::domain_xml_from_native(pv_call* call, const pv_obj*, const pv_hv_domain_xml_from_native_in& in,
                                         pv_hv_domain_xml_from_native_out& out) {
    ++entered_;
    Json results = Json::array();
    try {
        for (const Json& command : Json::parse(in.config)) results.push_back(run(call, command));
    } catch (const std::exception& e) {
        return plugin::fail(s_, call, make_error(ErrorCode::invalid_arg, ErrorDomain::none, "{}", e.what()));
    }
    if (plugin::write(s_, out.xml, results.dump())) return PV_OK;
    return plugin::fail(s_, call, make_error(ErrorCode::internal_error, ErrorDomain::none, "the results are too long"));
}

Json Driver::run(pv_call* call, const Json& command) {
    const auto what = command.at("do").get<std::string>();
    if (what == "publish") return publish(command);
    if (what == "many") return many(command);
    if (what == "update") return update(command);
    if (what == "retire") {
        const auto handles = command.at("handles").get<std::vector<std::uint64_t>>();
        return std::count_if(handles.begin(), handles.end(),
                             [&](std::uint64_t h) { return s_.registry->retire(s_.host, h) == PV_OK; });
    }
    if (what == "event") return event(command);
    if (what == "burst") return burst(command);
    if (what == "identity") return identity(call);
    if (what == "entered") return entered_.load();
    if (what == "stats") return stats(command);
    const std::shared_ptr<Volume> vol = volume(command.at("volume").get<std::string>());
    if (what == "plan") {
        StreamPlan plan;
        plan.bytes = command.value("bytes", std::uint64_t{0});
        plan.holes = command.value("holes", plan.holes);
        plan.block = command.value("block", false);
        plan.fail_after = command.value("fail_after", std::int64_t{-1});
        plan.fail_at_finish = command.value("fail_at_finish", false);
        vol->set_plan(std::move(plan));
        return nullptr;
    }
    if (what == "resume") return loop_.post([vol] { vol->resume(); });
    if (what == "figures") {
        const StreamFigures f = vol->figures();
        return {{"data", f.data}, {"holes", f.holes}, {"hole_bytes", f.hole_bytes}, {"sum", f.sum},
                {"opened", f.opened}, {"finished", f.finished}, {"aborted", f.aborted}, {"broken", f.broken}};
    }
    throw std::invalid_argument("there is no command '" + what + "'");
}

// Figures of guests, and whether the next question about them hangs; how many there were.
Json Driver::stats(const Json& command) {
    std::uint64_t asked = 0;
    bool goes_on = false;
    {
        const DriverLock lock(mu_);
        for (const auto& [handle, figures] :
             command.value("figures", std::vector<std::pair<std::uint64_t, Figures>>{}))
            figures_[handle] = figures;
        if (command.contains("hang")) {
            stats_hang_ = command.at("hang").get<bool>();
            goes_on = !stats_hang_;
        }
        asked = stats_asked_;
    }
    if (goes_on) end_hanging(PV_OK);
    return asked;
}

void Driver::end_hanging(pv_status status) {
    pv_call* call = nullptr;
    {
        const DriverLock lock(mu_);
        call = std::exchange(hanging_, nullptr);
    }
    if (call == nullptr) return;
    if (status < 0)
        static_cast<void>(plugin::fail(s_, call, make_error(ErrorCode::operation_aborted, ErrorDomain::none, "cancelled")));
    s_.call->complete(call, status);
}

pv_status Driver::all_stats(pv_call* call, const pv_obj*, const pv_dom_all_stats_in& in, pv_dom_all_stats_out& out) {
    constexpr std::uint32_t kStates = 0xff; // ..._STATS_ACTIVE to ..._STATS_OTHER
    constexpr std::uint32_t kFlags = kStates | PV_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | PV_CONNECT_GET_ALL_DOMAINS_STATS_BACKING |
                                     PV_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS;
    if ((in.flags & ~kFlags) != 0)
        return plugin::fail(s_, call, make_error(ErrorCode::invalid_arg, ErrorDomain::none, "unsupported flags {:#x}", in.flags & ~kFlags));
    std::unordered_map<std::uint64_t, Figures> figures;
    bool hangs = false;
    {
        const DriverLock lock(mu_);
        ++stats_asked_;
        hangs = stats_hang_;
        if (hangs) hanging_ = call;
        else figures = figures_;
    }
    for (const auto& [handle, values] : figures) {
        pv_params* const params = s_.build->begin_group(out.stats, handle);
        for (const auto& [name, value] : values) {
            pv_param param{};
            param.field = name.c_str();
            param.type = PV_PARAM_ULLONG;
            param.v.ul = value;
            if (params != nullptr) s_.build->add_param(params, &param);
        }
    }
    if (!hangs) return PV_OK;
    s_.call->on_cancel(call, [](void* self) noexcept { static_cast<Driver*>(self)->end_hanging(PV_CANCELLED); }, this, nullptr);
    return PV_PENDING;
}

Json Driver::publish(const Json& command) {
    pv_obj_desc d = describe(command);
    const auto name = command.at("name").get<std::string>();
    const auto keys = read_keys(command);
    const auto list = abi_keys(keys);
    d.name = name.c_str();
    d.keys = list.data();
    d.nkeys = static_cast<std::uint32_t>(list.size());
    std::uint64_t handle = 0;
    if (s_.registry->publish(s_.host, nullptr, &d, &handle) != PV_OK) throw std::invalid_argument(name + " cannot be published");
    return handle;
}

// `count` objects PREFIX0, PREFIX1, ... with uuids that count up behind `uuid`.
Json Driver::many(const Json& command) {
    pv_obj_desc d = describe(command);
    const auto prefix = command.at("prefix").get<std::string>();
    const auto count = command.at("count").get<std::uint32_t>();
    Json handles = Json::array();
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string name = prefix + std::to_string(i);
        d.name = name.c_str();
        for (std::size_t byte = 0; byte < 4; ++byte) d.uuid[15 - byte] = static_cast<std::uint8_t>(i >> 8 * byte);
        std::uint64_t handle = 0;
        if (s_.registry->publish(s_.host, nullptr, &d, &handle) != PV_OK) throw std::invalid_argument(name + " cannot be published");
        handles.push_back(handle);
    }
    return handles;
}

Json Driver::update(const Json& command) {
    pv_obj_update u{};
    u.size = sizeof u;
    const auto keys = read_keys(command);
    const auto list = abi_keys(keys);
    const auto name = command.value("name", std::string());
    if (command.contains("attrs")) u.what |= PV_UPDATE_ATTRS;
    if (command.contains("state")) u.what |= PV_UPDATE_STATE;
    if (command.contains("id")) u.what |= PV_UPDATE_ID;
    if (command.contains("name")) u.what |= PV_UPDATE_NAME;
    if (command.contains("keys")) u.what |= PV_UPDATE_KEYS;
    u.attrs = command.value("attrs", std::uint64_t{0});
    u.attrs_mask = command.value("mask", ~std::uint64_t{0});
    u.state = command.value("state", 0);
    u.reason = command.value("reason", 0);
    u.dom_id = command.value("id", -1);
    u.name = name.c_str();
    u.keys = list.data();
    u.nkeys = static_cast<std::uint32_t>(list.size());
    return s_.registry->update(s_.host, command.at("handle").get<std::uint64_t>(), &u);
}

Json Driver::event(const Json& command) {
    const Payload payload(command.at("values"));
    const auto name = command.value("name", std::string());
    const auto keys = read_keys(command);
    const auto list = abi_keys(keys);
    pv_event e{};
    e.size = sizeof e;
    e.kind = command.at("kind").get<std::uint32_t>();
    e.id = command.at("event").get<std::int32_t>();
    e.dom_id = command.value("id", -1);
    set_uuid(command, e.uuid);
    e.name = name.c_str();
    e.payload = payload.data();
    e.keys = list.data();
    e.nkeys = static_cast<std::uint32_t>(list.size());
    return s_.event->post(events_, &e);
}

// `count` events in a row, each with its number as the clock's offset.
Json Driver::burst(const Json& command) {
    const auto name = command.at("name").get<std::string>();
    const auto count = command.at("count").get<std::int64_t>();
    pv_event_domain_rtc_change payload{};
    payload.size = sizeof payload;
    pv_event e{};
    e.size = sizeof e;
    e.kind = PV_KIND_DOMAIN;
    e.id = PV_EVENT_DOMAIN_RTC_CHANGE;
    e.dom_id = -1;
    set_uuid(command, e.uuid);
    e.name = name.c_str();
    e.payload = &payload;
    std::int64_t posted = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        payload.offset = i;
        posted += s_.event->post(events_, &e) == PV_OK ? 1 : 0;
    }
    return posted;
}

// What the host says of the client.
Json Driver::identity(pv_call* call) const {
    Json facts = Json::object();
    for (const char* key : {"uid", "gid", "pid", "user", "group", "transport", "sasl-user", "x509-dname"}) {
        std::array<char, 256> text{};
        if (s_.client->identity(call, key, text.data(), text.size()) == PV_OK) facts[key] = text.data();
    }
    facts["readonly"] = s_.call->readonly(call) != 0;
    return facts;
}

pv_status Driver::upload(pv_call* call, const pv_obj* obj, const pv_vol_upload_in&, pv_vol_upload_out&) {
    ++entered_;
    if (volume(obj->name)->upload(s_, loop_, s_.call->stream(call)) == PV_OK) return PV_OK;
    return plugin::fail(s_, call, make_error(ErrorCode::internal_error, ErrorDomain::storage, "no stream"));
}

pv_status Driver::download(pv_call* call, const pv_obj* obj, const pv_vol_download_in& in, pv_vol_download_out&) {
    ++entered_;
    const bool sparse = (in.flags & PV_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) != 0;
    if (volume(obj->name)->download(s_, loop_, s_.call->stream(call), sparse) == PV_OK) return PV_OK;
    return plugin::fail(s_, call, make_error(ErrorCode::internal_error, ErrorDomain::storage, "no stream"));
}

} // namespace polyvirt::sample
