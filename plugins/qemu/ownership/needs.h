// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which files of the host a domain's emulator opens itself.

#include <vector>

#include "base/result.h"
#include "ownership/claims.h"
#include "sdk/domain/domain.h"

namespace polyvirt::qemu {

std::vector<Need> needs_of(const sdk::domain::Domain& domain);
// Of one disk, with its backing chain as far as the document has it.
std::vector<Need> needs_of(const sdk::domain::Disk& disk);
// Of a character device alone. A file that it writes is made if it is not there. Errors: system_error.
Result<std::vector<Need>> needs_of(const sdk::domain::Chardev& chardev);

// The label of the model dac that the document sets for the whole domain: as whom it runs; null: none.
const sdk::domain::Seclabel* dac_label(const sdk::domain::Domain& domain);

} // namespace polyvirt::qemu
