// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which firmware a guest gets. Pure but for prepare_nvram(), which copies a file.

#include "firmware/descriptors.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

// For a guest about to start, or to be shown as if: what <os firmware=''> asks for becomes a loader, an NVRAM
// with its template, and the features that the firmware needs; a loader that the document names gets the
// template that goes with it. Does nothing to a document that asks for neither.
// Error: operation_failed where no firmware of this host will do.
Status choose_firmware(sdk::domain::Domain& domain, const std::vector<Descriptor>& all, const std::string& nvram_folder);

// The guest's own variables: copied from the template where there are none yet, or when `fresh` ones are wanted.
// Worker: reads and writes files. Errors: operation_failed where a template is needed and not known,
// system_error.
Status prepare_nvram(const sdk::domain::Domain& domain, bool fresh);

// The file that holds a guest's variables; empty: none, or not a file of this host.
std::string nvram_file(const sdk::domain::Domain& domain);

} // namespace polyvirt::qemu
