# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# Options, and the two INTERFACE targets that every target of this tree links: warnings and
# instrumentation. Nothing is set globally, so that what we bring in is built as it wants to be.

option(POLYVIRT_TESTS "Build the tests" ON)
option(POLYVIRT_WERROR "Warnings are errors" OFF)
option(POLYVIRT_UNITY "Compile sources of a folder together: polyvirt_unite()" OFF)
option(POLYVIRT_LOCK_CHECKS "Check the rank of every lock at run time" ON)
set(POLYVIRT_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")
option(POLYVIRT_FUZZ "Build the fuzzers with libFuzzer; needs clang" OFF)
set(POLYVIRT_FUZZ_SECONDS 15 CACHE STRING "How long each fuzzer runs under ctest in the preset fuzz")

# Paths relative to the tree, so that one cache serves every checkout of it.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    foreach(language C CXX)
        set(CMAKE_${language}_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
            CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
    endforeach()
endif()

add_library(polyvirt_warnings INTERFACE)
target_compile_options(polyvirt_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
    $<$<BOOL:${POLYVIRT_WERROR}>:-Werror>
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wthread-safety-beta>
    $<$<AND:$<CXX_COMPILER_ID:Clang>,$<BOOL:${POLYVIRT_WERROR}>>:-Werror=thread-safety>)

# Neither messages nor debug information name the folder in which this was built.
add_library(polyvirt_instrument INTERFACE)
target_compile_options(polyvirt_instrument INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(POLYVIRT_SANITIZE)
    target_compile_options(polyvirt_instrument INTERFACE
        -fsanitize=${POLYVIRT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(polyvirt_instrument INTERFACE -fsanitize=${POLYVIRT_SANITIZE})
endif()
if(POLYVIRT_FUZZ)
    target_compile_options(polyvirt_instrument INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(POLYVIRT_LOCK_CHECKS)
    target_compile_definitions(polyvirt_instrument INTERFACE PV_LOCK_CHECKS=1)
endif()
