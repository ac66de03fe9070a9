// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/status.h"

#include <nlohmann/json.hpp>

#include "base/error_text.h"

namespace polyvirt::lxc {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;

Error bad(std::string_view what) {
    return make_error(ErrorCode::internal_error, ErrorDomain::lxc, "status record: {}", what);
}

} // namespace

std::string format_status(const StatusRecord& r) {
    const Json j = {{"version", kVersion}, {"name", r.name},   {"uuid", r.uuid.to_string()},
                    {"id", r.id},          {"pid", r.pid},     {"start_time", r.start_time},
                    {"init", r.init},      {"state", r.state}, {"reason", r.reason},
                    {"folder", r.folder},  {"group", r.group}, {"xml", r.xml}};
    return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<StatusRecord> parse_status(std::string_view document) {
    const Json j = Json::parse(document, nullptr, false);
    if (!j.is_object()) return bad("no JSON object");
    StatusRecord r;
    try {
        if (const int version = j.at("version"); version != kVersion)
            return bad(fmt::format("version {} found, {} expected", version, kVersion));
        j.at("name").get_to(r.name);
        const auto uuid = Uuid::parse(j.at("uuid").get<std::string>());
        if (!uuid) return bad("'uuid' is none");
        r.uuid = *uuid;
        j.at("id").get_to(r.id);
        j.at("pid").get_to(r.pid);
        j.at("start_time").get_to(r.start_time);
        j.at("init").get_to(r.init);
        j.at("state").get_to(r.state);
        j.at("reason").get_to(r.reason);
        j.at("folder").get_to(r.folder);
        j.at("group").get_to(r.group);
        j.at("xml").get_to(r.xml);
    } catch (const Json::exception& e) {
        return bad(e.what());
    }
    if (r.id <= 0 || r.pid < 0 || r.init < 0) return bad("id must be above 0, pid and init not below it");
    if (r.folder.empty() || r.folder.front() == '.' || r.folder.find('/') != std::string::npos)
        return bad(fmt::format("'{}' is no folder's name", r.folder));
    return r;
}

} // namespace polyvirt::lxc
