// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// pv.sto.pool. Entered by the host's workers, in parallel; without state of its own.

#include <polyvirt/gen/sto_pool.h>
#include <polyvirt/implements.h>

#include "driver.h"

namespace polyvirt::storage {

class PoolOps {
  public:
    using Implements =
        plugin::implements<ops::sto_pool::capabilities, ops::sto_pool::find_sources, ops::sto_pool::create_xml, ops::sto_pool::define_xml,
                           ops::sto_pool::undefine, ops::sto_pool::create, ops::sto_pool::build, ops::sto_pool::destroy, ops::sto_pool::remove,
                           ops::sto_pool::refresh, ops::sto_pool::info, ops::sto_pool::xml_desc, ops::sto_pool::set_autostart>;
    explicit PoolOps(Driver& driver) : driver_(driver), s_(driver.services()) {}

    pv_status capabilities(pv_call*, const pv_obj*, const pv_pool_capabilities_in&, pv_pool_capabilities_out&);
    pv_status find_sources(pv_call*, const pv_obj*, const pv_pool_find_sources_in&, pv_pool_find_sources_out&);
    pv_status create_xml(pv_call*, const pv_obj*, const pv_pool_create_xml_in&, pv_pool_create_xml_out&);
    pv_status define_xml(pv_call*, const pv_obj*, const pv_pool_define_xml_in&, pv_pool_define_xml_out&);
    pv_status undefine(pv_call*, const pv_obj*, const pv_pool_undefine_in&, pv_pool_undefine_out&);
    pv_status create(pv_call*, const pv_obj*, const pv_pool_create_in&, pv_pool_create_out&);
    pv_status build(pv_call*, const pv_obj*, const pv_pool_build_in&, pv_pool_build_out&);
    pv_status destroy(pv_call*, const pv_obj*, const pv_pool_destroy_in&, pv_pool_destroy_out&);
    pv_status remove(pv_call*, const pv_obj*, const pv_pool_remove_in&, pv_pool_remove_out&);
    pv_status refresh(pv_call*, const pv_obj*, const pv_pool_refresh_in&, pv_pool_refresh_out&);
    Status info(pv_call*, const pv_obj*, const pv_pool_info_in&, pv_pool_info_out&);
    pv_status xml_desc(pv_call*, const pv_obj*, const pv_pool_xml_desc_in&, pv_pool_xml_desc_out&);
    pv_status set_autostart(pv_call*, const pv_obj*, const pv_pool_set_autostart_in&, pv_pool_set_autostart_out&);

  private:
    Driver& driver_;
    const plugin::Services& s_;
};

} // namespace polyvirt::storage
