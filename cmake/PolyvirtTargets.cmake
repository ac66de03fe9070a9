# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# How a folder becomes a target. One target per folder; its DEPS are the layer rule of
# docs/architecture.md, which tests/lint/layers checks for headers too.

# polyvirt_library(NAME [DEPS ...]): a static library of every .cpp in the current folder.
# Headers are included from the root of the tree ("host/loop/event_loop.h").
function(polyvirt_library name)
    cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE_DEPS;SOURCES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    add_library(${name} STATIC ${sources} ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_DEPS}
        PRIVATE ${ARG_PRIVATE_DEPS} polyvirt_warnings PUBLIC polyvirt_instrument)
endfunction()

# polyvirt_test(FOLDER [DEPS ...] [LABEL unit]): the GoogleTest program of every *_test.cpp in the
# current folder, named LABEL_FOLDER; each TEST becomes a test of ctest.
function(polyvirt_test folder)
    cmake_parse_arguments(ARG "" "LABEL" "DEPS;PROPERTIES" ${ARGN})
    if(NOT ARG_LABEL)
        set(ARG_LABEL unit)
    endif()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    add_executable(${ARG_LABEL}_${folder} ${sources})
    target_include_directories(${ARG_LABEL}_${folder} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${ARG_LABEL}_${folder} PRIVATE ${ARG_DEPS} polyvirt_warnings
        polyvirt_instrument GTest::gtest GTest::gmock GTest::gtest_main)
    include(GoogleTest)
    gtest_discover_tests(${ARG_LABEL}_${folder} TEST_PREFIX "${folder}." DISCOVERY_MODE PRE_TEST
        PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 120 ${ARG_PROPERTIES})
endfunction()
