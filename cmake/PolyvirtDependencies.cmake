# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# Every library from outside, each found here and nowhere else. README.md says why each is used.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_core libevent_pthreads)
pkg_check_modules(LIBLXC REQUIRED IMPORTED_TARGET lxc)
pkg_check_modules(LIBXML2 REQUIRED IMPORTED_TARGET libxml-2.0)
find_package(ZLIB REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(SASL REQUIRED IMPORTED_TARGET libsasl2)
pkg_check_modules(LIBNL REQUIRED IMPORTED_TARGET libnl-3.0)
find_package(OpenSSL 3.0 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS filesystem)
if(POLYVIRT_TESTS)
    find_package(GTest REQUIRED)
endif()

# The generators need PyYAML, which the distribution installs for its own interpreter; an
# interpreter of the user's that comes first in PATH often lacks it.
find_program(POLYVIRT_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
