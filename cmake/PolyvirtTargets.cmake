# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# How a folder becomes a target. One target per folder; its DEPS are the layer rule of
# docs/architecture.md, which tests/lint/layers checks for headers too.

# polyvirt_unite(TARGET): with POLYVIRT_UNITY, the sources of a folder are compiled a few at a time, which costs a
# quarter of the time: what they include is read once for all of them. So a name in an anonymous namespace is given
# once in a folder. Presets without it see to it that each source still includes what it uses.
function(polyvirt_unite target)
    if(NOT POLYVIRT_UNITY)
        return()
    endif()
    set(at_once 10)
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources INCLUDE REGEX "\\.cpp$")
    list(SORT sources)
    set(last none)
    foreach(source ${sources})
        get_filename_component(folder ${source} DIRECTORY)
        if(NOT folder STREQUAL last)
            set(last ${folder})
            set(count 0)
        endif()
        math(EXPR part "${count} / ${at_once}")
        math(EXPR count "${count} + 1")
        get_filename_component(name "${folder}" NAME)
        set_source_files_properties(${source} PROPERTIES UNITY_GROUP "${name}_${part}")
    endforeach()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    # Files of one library see each other's anonymous types; no other library does.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
endfunction()

# polyvirt_library(NAME [DEPS ...]): a static library of every .cpp in the current folder.
# Headers are included from the root of the tree ("host/loop/event_loop.h").
function(polyvirt_library name)
    cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE_DEPS;SOURCES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    add_library(${name} STATIC ${sources} ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_DEPS}
        PRIVATE ${ARG_PRIVATE_DEPS} polyvirt_warnings PUBLIC polyvirt_instrument)
    polyvirt_unite(${name})
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
    polyvirt_unite(${ARG_LABEL}_${folder})
    include(GoogleTest)
    gtest_discover_tests(${ARG_LABEL}_${folder} TEST_PREFIX "${folder}." DISCOVERY_MODE PRE_TEST
        PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 120 ${ARG_PROPERTIES})
endfunction()
