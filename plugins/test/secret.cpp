// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.secret: secrets.

#include <polyvirt/abi/gen/secret.h>

#include "op.h"
#include "secrets.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

namespace secret = sdk::secret;

constexpr std::size_t kLongestValue = 65'536;

class SecretOps : public Ops {
  public:
    using Ops::Ops;

    pv_status define_xml(pv_call* call, const pv_obj*, const pv_secret_define_xml_in& in, pv_secret_define_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_SECRET_DEFINE_VALIDATE, "testSecretDefineXML"); !flags)
            return answer(call, flags);
        auto described = validated(driver_.secrets().parse(in.xml), (in.flags & PV_SECRET_DEFINE_VALIDATE) != 0);
        if (!described) return fail(call, described.error());
        auto handle = driver_.secrets().put(call, *described);
        if (!handle) return fail(call, handle.error());
        out.obj = *handle;
        return PV_OK;
    }

    pv_status undefine(pv_call* call, const pv_obj* obj, const pv_secret_undefine_in&, pv_secret_undefine_out&) {
        return answer(call, driver_.secrets().undefine(Secrets::of(obj)));
    }

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_secret_xml_desc_in& in, pv_secret_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testSecretGetXMLDesc"); !flags) return answer(call, flags);
        std::string text;
        const pv_status status = with(call, obj, [&](SecretObject& s) PV_REQUIRES(s.mu) -> Status {
            text = with_faults(secret::format_secret(*s.document), s.faults_text);
            return {};
        });
        return status == PV_OK ? write_document(s_, call, out.xml, text) : status;
    }

    pv_status set_value(pv_call* call, const pv_obj* obj, const pv_secret_set_value_in& in, pv_secret_set_value_out&) {
        if (const Status flags = check_flags(in.flags, 0, "testSecretSetValue"); !flags) return answer(call, flags);
        if (in.nvalue > kLongestValue)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "the value has {} bytes, expected at most {}", in.nvalue,
                                         kLongestValue));
        return with(call, obj, [&](SecretObject& s) PV_REQUIRES(s.mu) -> Status {
            s.value.emplace(in.value, in.value + in.nvalue);
            driver_.secrets().post_value_changed(s);
            return {};
        });
    }

    pv_status get_value(pv_call* call, const pv_obj* obj, const pv_secret_get_value_in& in, pv_secret_get_value_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testSecretGetValue"); !flags) return answer(call, flags);
        const bool for_driver = s_.call->client(call) == 0;
        return with(call, obj, [&](SecretObject& s) PV_REQUIRES(s.mu) -> Status {
            if (s.document->private_ == sdk::xml::YesNo::yes && !for_driver)
                return make_error(ErrorCode::invalid_secret, ErrorDomain::test, "secret is private");
            if (!s.value)
                return make_error(ErrorCode::no_secret, ErrorDomain::test, "secret '{}' does not have a value", s.uuid.to_string());
            s_.build->write(out.value, s.value->data(), s.value->size());
            return {};
        });
    }

  private:
    pv_status with(pv_call* call, const pv_obj* obj, const Secrets::Change& change) const {
        return answer(call, driver_.secrets().change(Secrets::of(obj), change));
    }
};

} // namespace

const void* secret_table() {
    static const auto table = make_table<pv_secret>([](auto& t) {
        t.define_xml = op<"secret.define_xml", &SecretOps::define_xml>;
        t.undefine = op<"secret.undefine", &SecretOps::undefine>;
        t.xml_desc = op<"secret.xml_desc", &SecretOps::xml_desc>;
        t.set_value = op<"secret.set_value", &SecretOps::set_value>;
        t.get_value = op<"secret.get_value", &SecretOps::get_value>;
    });
    return &table;
}

} // namespace polyvirt::test
