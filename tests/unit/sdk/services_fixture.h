// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The SDK's wrappers on a real host's services.
#include <polyvirt/services.h>

#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::sdk {

class ServicesTest : public plugin::DriverTest {
  protected:
    void SetUp() override {
        started();
        services = *plugin::Services::fetch(instance->host(), &root);
    }
    plugin::Services services;
};

} // namespace polyvirt::sdk
