// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/root.h"

namespace polyvirt::sdk::xml {

Status check_root(const Node& root, const RootName& name) {
    if (root.name != name.element || !root.uri.empty())
        return make_error(ErrorCode::xml_error, name.domain,
                          "line {}: the outermost element is <{}>, expected <{}>", root.line,
                          root.qualified_name(), name.element);
    return {};
}

} // namespace polyvirt::sdk::xml
