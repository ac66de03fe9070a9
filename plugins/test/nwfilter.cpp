// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.nwfilter and pv.nwfilter.binding.

#include <polyvirt/abi/gen/nwfilter.h>
#include <polyvirt/abi/gen/nwfilter_binding.h>

#include "filters.h"
#include "op.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

namespace nwfilter = sdk::nwfilter;

class FilterOps : public Ops {
  public:
    using Ops::Ops;

    pv_status define_xml(pv_call* call, const pv_obj*, const pv_nwfilter_define_xml_in& in, pv_nwfilter_define_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_NWFILTER_DEFINE_VALIDATE, "testNWFilterDefineXMLFlags"); !flags)
            return answer(call, flags);
        auto described = validated(driver_.filters().parse(in.xml), (in.flags & PV_NWFILTER_DEFINE_VALIDATE) != 0);
        if (!described) return fail(call, described.error());
        auto handle = driver_.filters().put(call, *described);
        if (!handle) return fail(call, handle.error());
        out.obj = *handle;
        return PV_OK;
    }
    pv_status undefine(pv_call* call, const pv_obj* obj, const pv_nwfilter_undefine_in&, pv_nwfilter_undefine_out&) {
        return answer(call, driver_.filters().undefine(Filters::Table::from(obj)));
    }
    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_nwfilter_xml_desc_in& in, pv_nwfilter_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testNWFilterGetXMLDesc"); !flags) return answer(call, flags);
        const FilterPtr filter = Filters::Table::from(obj);
        std::string text;
        {
            const ObjectLock lock(filter->mu);
            text = with_faults(nwfilter::format_filter(*filter->document), filter->faults_text);
        }
        return write_document(s_, call, out.xml, text);
    }
};

class BindingOps : public Ops {
  public:
    using Ops::Ops;

    pv_status create_xml(pv_call* call, const pv_obj*, const pv_nwfilter_binding_create_xml_in& in,
                         pv_nwfilter_binding_create_xml_out& out) {
        if (const Status flags = check_flags(in.flags, PV_NWFILTER_BINDING_CREATE_VALIDATE, "testNWFilterBindingCreateXML"); !flags)
            return answer(call, flags);
        auto parsed = validated(nwfilter::parse_binding(in.xml), (in.flags & PV_NWFILTER_BINDING_CREATE_VALIDATE) != 0);
        if (!parsed) return fail(call, parsed.error());
        auto handle = driver_.filters().bind(call, parsed->value);
        if (!handle) return fail(call, handle.error());
        out.obj = *handle;
        return PV_OK;
    }
    pv_status remove(pv_call* call, const pv_obj* obj, const pv_nwfilter_binding_remove_in&, pv_nwfilter_binding_remove_out&) {
        return answer(call, driver_.filters().unbind(Filters::BindingTable::from(obj)));
    }
    pv_status xml_desc(pv_call* call, const pv_obj* obj, const pv_nwfilter_binding_xml_desc_in& in,
                       pv_nwfilter_binding_xml_desc_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testNWFilterBindingGetXMLDesc"); !flags) return answer(call, flags);
        const BindingPtr binding = Filters::BindingTable::from(obj);
        std::string text;
        {
            const ObjectLock lock(binding->mu);
            text = nwfilter::format_binding(*binding->document);
        }
        return write_document(s_, call, out.xml, text);
    }
};

} // namespace

const void* nwfilter_table() {
    static const auto table = make_table<pv_nwfilter>([](auto& t) {
        t.define_xml = op<"nwfilter.define_xml", &FilterOps::define_xml>;
        t.undefine = op<"nwfilter.undefine", &FilterOps::undefine>;
        t.xml_desc = op<"nwfilter.xml_desc", &FilterOps::xml_desc>;
    });
    return &table;
}

const void* nwfilter_binding_table() {
    static const auto table = make_table<pv_nwfilter_binding>([](auto& t) {
        t.create_xml = op<"nwfilter_binding.create_xml", &BindingOps::create_xml>;
        t.remove = op<"nwfilter_binding.remove", &BindingOps::remove>;
        t.xml_desc = op<"nwfilter_binding.xml_desc", &BindingOps::xml_desc>;
    });
    return &table;
}

} // namespace polyvirt::test
