// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.iface: network interfaces of the host.

#include <polyvirt/abi/gen/iface.h>

#include "interfaces.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

class InterfaceOps : public Ops {
  public:
    using Ops::Ops;

    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_iface_xml_desc_in& in, pv_iface_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, PV_INTERFACE_XML_INACTIVE, "testInterfaceGetXMLDesc"); !flags)
            return answer(call, flags);
        std::string text;
        const pv_status status = with(call, obj, [&](HostInterface& i) PV_REQUIRES(i.mu) -> Status {
            text = with_faults(sdk::interface::format_interface(*i.document), i.faults_text);
            return {};
        });
        return status == PV_OK ? write_document(s_, call, out.xml, text) : status;
    }
    pv_status define_xml(pv_call* call, const pv_obj*, const pv_iface_define_xml_in& in, pv_iface_define_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_INTERFACE_DEFINE_VALIDATE, "testInterfaceDefineXML"); !flags)
            return answer(call, flags);
        auto described = validated(driver_.interfaces().parse(in.xml), (in.flags & PV_INTERFACE_DEFINE_VALIDATE) != 0);
        if (!described) return fail(call, described.error());
        auto handle = driver_.interfaces().put(call, *described);
        if (!handle) return fail(call, handle.error());
        out.obj = *handle;
        return PV_OK;
    }
    pv_status undefine(pv_call*, const pv_obj* obj, const pv_iface_undefine_in&, pv_iface_undefine_out&) {
        driver_.interfaces().remove(*Interfaces::of(obj));
        return PV_OK;
    }
    pv_status create(pv_call* call, const pv_obj* obj, const pv_iface_create_in& in, pv_iface_create_out&) {
        return set(call, obj, in.flags, true, "testInterfaceCreate");
    }
    pv_status destroy(pv_call* call, const pv_obj* obj, const pv_iface_destroy_in& in, pv_iface_destroy_out&) {
        return set(call, obj, in.flags, false, "testInterfaceDestroy");
    }
    pv_status change_begin(pv_call* call, const pv_obj*, const pv_iface_change_begin_in& in, pv_iface_change_begin_out&) {
        return transact(call, in.flags, "testInterfaceChangeBegin", &Interfaces::begin);
    }
    pv_status change_commit(pv_call* call, const pv_obj*, const pv_iface_change_commit_in& in, pv_iface_change_commit_out&) {
        return transact(call, in.flags, "testInterfaceChangeCommit", &Interfaces::commit);
    }
    pv_status change_rollback(pv_call* call, const pv_obj*, const pv_iface_change_rollback_in& in, pv_iface_change_rollback_out&) {
        return transact(call, in.flags, "testInterfaceChangeRollback", &Interfaces::roll_back);
    }

  private:
    pv_status with(pv_call* call, const pv_obj* obj, const Interfaces::Change& change) const {
        return answer(call, driver_.interfaces().change(Interfaces::of(obj), change));
    }
    pv_status set(pv_call* call, const pv_obj* obj, std::uint32_t given, bool active, const char* function) const {
        if (const Status flags = check_flags(given, 0, function); !flags) return answer(call, flags);
        return with(call, obj, [&](HostInterface& i) PV_REQUIRES(i.mu) -> Status {
            if (i.active == active)
                return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "interface '{}' is {} already", i.name,
                                  active ? "up" : "down");
            driver_.interfaces().set_active(i, active);
            return {};
        });
    }
    pv_status transact(pv_call* call, std::uint32_t given, const char* function, Status (Interfaces::*step)()) const {
        if (const Status flags = check_flags(given, 0, function); !flags) return answer(call, flags);
        return answer(call, (driver_.interfaces().*step)());
    }
};

} // namespace

const void* iface_table() {
    static const auto table = make_table<pv_iface>([](auto& t) {
        t.xml_desc = op<"interface.xml_desc", &InterfaceOps::xml_desc>;
        t.define_xml = op<"interface.define_xml", &InterfaceOps::define_xml>;
        t.undefine = op<"interface.undefine", &InterfaceOps::undefine>;
        t.create = op<"interface.create", &InterfaceOps::create>;
        t.destroy = op<"interface.destroy", &InterfaceOps::destroy>;
        t.change_begin = op<"interface.change_begin", &InterfaceOps::change_begin>;
        t.change_commit = op<"interface.change_commit", &InterfaceOps::change_commit>;
        t.change_rollback = op<"interface.change_rollback", &InterfaceOps::change_rollback>;
    });
    return &table;
}

} // namespace polyvirt::test
