// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// remove_tree(): a folder with all that is in it. A guest may have owned it, so no link in it is followed.

#include <string>

namespace polyvirt::sdk {

// 0, or why it is still there (errno). Absent is success.
int remove_tree(const std::string& path);

} // namespace polyvirt::sdk
