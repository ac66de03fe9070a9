# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# How a plugin is built: in this tree and, installed with the development package, in an author's.
# There polyvirt::abi, polyvirt::plugin and polyvirt::sdk come from find_package(polyvirt-plugin), here
# from plugin-api/CMakeLists.txt; what follows is one and the same.

include(GNUInstallDirs)

# polyvirt_plugin_flags(TARGET MAP): gives the INTERFACE target what each plugin is compiled and linked
# with: one exported symbol, nothing left to be found in the host, nothing that pins it in memory.
function(polyvirt_plugin_flags target map)
    target_compile_options(${target} INTERFACE -fvisibility=hidden
        $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>
        $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
    target_link_options(${target} INTERFACE -Wl,--version-script=${map} -Wl,-Bsymbolic -Wl,--as-needed)
    # Clang's sanitizers keep their runtime in the executable, where -z defs cannot see it.
    if(NOT (POLYVIRT_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang"))
        # A test of what the host makes of a plugin that lacks something sets the property.
        target_link_options(${target} INTERFACE
            $<$<NOT:$<BOOL:$<TARGET_PROPERTY:POLYVIRT_LACKS_SYMBOLS>>>:-Wl,-z,defs>)
    endif()
    set_property(TARGET ${target} PROPERTY INTERFACE_LINK_DEPENDS ${map})
endfunction()

# polyvirt_add_plugin(NAME SOURCES ... [DEPS ...] [NO_INSTALL]): the plugin as an OBJECT library
# (plugin_NAME_obj, for tests) and as the module plugins/NAME.so, from one list of sources; installed
# into the folder where the daemon looks, as component plugin-NAME.
function(polyvirt_add_plugin name)
    cmake_parse_arguments(ARG "NO_INSTALL" "" "SOURCES;DEPS" ${ARGN})
    set(language C)
    foreach(source ${ARG_SOURCES})
        if(NOT source MATCHES "\\.[ch]$")
            set(language CXX)
        endif()
    endforeach()
    add_library(plugin_${name}_obj OBJECT ${ARG_SOURCES})
    target_include_directories(plugin_${name}_obj PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR})
    target_link_libraries(plugin_${name}_obj PUBLIC ${ARG_DEPS} polyvirt::abi)
    add_library(plugin_${name} MODULE)
    target_link_libraries(plugin_${name} PRIVATE plugin_${name}_obj polyvirt::plugin)
    if(TARGET polyvirt_instrument) # this project's own
        target_link_libraries(plugin_${name}_obj PUBLIC polyvirt_instrument PRIVATE polyvirt_warnings)
        polyvirt_unite(plugin_${name}_obj)
    endif()
    # The flags of compiling; whoever links the objects (a test) need not link like a plugin.
    target_compile_options(plugin_${name}_obj PRIVATE
        $<TARGET_PROPERTY:polyvirt::plugin,INTERFACE_COMPILE_OPTIONS>)
    set_target_properties(plugin_${name}_obj PROPERTIES POSITION_INDEPENDENT_CODE ON)
    set_target_properties(plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name} LINKER_LANGUAGE ${language}
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
    if(NOT ARG_NO_INSTALL)
        install(TARGETS plugin_${name} COMPONENT plugin-${name}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/polyvirt/plugins-0)
    endif()
endfunction()
