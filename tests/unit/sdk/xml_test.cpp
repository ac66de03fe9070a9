// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <gtest/gtest.h>

#include "sdk/xml/reader.h"

namespace polyvirt::sdk::xml {
TEST(XmlReader, reads_elements) { EXPECT_TRUE(read("<a/>", "test")); }
} // namespace polyvirt::sdk::xml
