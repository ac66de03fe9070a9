// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Every op table of this plugin: a function in the source that has its ops. driver.h lists them for the glue.

namespace polyvirt::test {

const void* hv_caps_table();
const void* hv_node_table();
const void* dom_block_table();
const void* dom_checkpoint_table();
const void* dom_config_table();
const void* dom_console_table();
const void* dom_device_table();
const void* dom_guest_table();
const void* dom_job_table();
const void* dom_lifecycle_table();
const void* dom_migrate_table();
const void* dom_native_table();
const void* dom_save_table();
const void* dom_security_table();
const void* dom_snapshot_table();
const void* dom_stats_table();
const void* dom_tune_table();

const void* net_network_table();
const void* net_port_table();
const void* sto_pool_table();
const void* sto_vol_table();
const void* nodedev_table();
const void* iface_table();
const void* secret_table();
const void* nwfilter_table();
const void* nwfilter_binding_table();

} // namespace polyvirt::test
