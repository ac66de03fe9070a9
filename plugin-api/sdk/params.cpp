// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/params.h"

namespace polyvirt::sdk {

void ParamWriter::put(std::string_view field, pv_param& param) const {
    if (to_ == nullptr) return;
    const std::string name(field);
    param.field = name.c_str();
    s_.build->add_param(to_, &param);
}
void ParamWriter::put(std::string_view field, std::int32_t v) const {
    pv_param p{.field = nullptr, .type = PV_PARAM_INT, ._r = 0, .v = {.i = v}};
    put(field, p);
}
void ParamWriter::put(std::string_view field, std::uint32_t v) const {
    pv_param p{.field = nullptr, .type = PV_PARAM_UINT, ._r = 0, .v = {.ui = v}};
    put(field, p);
}
void ParamWriter::put(std::string_view field, std::int64_t v) const {
    pv_param p{.field = nullptr, .type = PV_PARAM_LLONG, ._r = 0, .v = {.l = v}};
    put(field, p);
}
void ParamWriter::put(std::string_view field, std::uint64_t v) const {
    pv_param p{.field = nullptr, .type = PV_PARAM_ULLONG, ._r = 0, .v = {.ul = v}};
    put(field, p);
}
void ParamWriter::put(std::string_view field, bool v) const {
    pv_param p{.field = nullptr, .type = PV_PARAM_BOOLEAN, ._r = 0, .v = {.b = v ? 1 : 0}};
    put(field, p);
}
void ParamWriter::put(std::string_view field, std::string_view v) const {
    const std::string text(v);
    pv_param p{.field = nullptr, .type = PV_PARAM_STRING, ._r = 0, .v = {.s = text.c_str()}};
    put(field, p);
}

std::string_view param_type_name(std::int32_t type) {
    constexpr std::string_view kNames[] = {"unknown", "int", "uint", "llong", "ullong", "double", "boolean", "string"};
    return type > 0 && type < static_cast<std::int32_t>(std::size(kNames)) ? kNames[type] : kNames[0];
}

Error unknown_param(const char* field) {
    return make_error(ErrorCode::argument_unsupported, ErrorDomain::none, "parameter '{}' not supported", field);
}
Error wrong_param_type(const pv_param& param, std::int32_t expected) {
    return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                      "invalid type '{}' requested for parameter '{}', supported type is '{}'", param_type_name(param.type), param.field,
                      param_type_name(expected));
}

} // namespace polyvirt::sdk
