# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# What tools/generate/dispatch.py makes of plugin-api/spec for one folder of host/.

# polyvirt_generated_sources(VAR FOLDER FILE... [TABLES SPEC...]): sets VAR to the sources in FOLDER/gen of
# the build tree: the files named, and glue_TABLE.cpp for each spec.
function(polyvirt_generated_sources var folder)
    cmake_parse_arguments(ARG "" "" "TABLES" ${ARGN})
    set(gen ${CMAKE_BINARY_DIR}/generated/host/${folder}/gen)
    set(outputs)
    foreach(name ${ARG_UNPARSED_ARGUMENTS})
        list(APPEND outputs ${gen}/${name})
    endforeach()
    foreach(spec ${ARG_TABLES})
        get_filename_component(table ${spec} NAME_WE)
        if(NOT table MATCHES "^(host|params)$")
            list(APPEND outputs ${gen}/glue_${table}.cpp)
        endif()
    endforeach()
    set(generate ${CMAKE_SOURCE_DIR}/tools/generate)
    file(GLOB inputs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugin-api/spec/*.yaml
        ${CMAKE_SOURCE_DIR}/host/protocol/tables/*.yaml ${generate}/*.py)
    add_custom_command(OUTPUT ${outputs}
        COMMAND ${POLYVIRT_PYTHON} ${generate}/dispatch.py ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated ${folder}
        COMMAND ${CMAKE_COMMAND} -E touch_nocreate ${outputs}
        DEPENDS ${inputs} COMMENT "Generating from the spec for host/${folder}" VERBATIM)
    set(${var} ${outputs} PARENT_SCOPE)
endfunction()
