# find_package(dovetail_abi) gives
#   dovetail::abi                        the header's folder, as an interface target
#   dovetail_device_library(<target> SOURCES a.c b.c ...)
#                                        a shared library that exports dvt_plugin_query and nothing else
#   dovetail_compile_settings(<target>)  the warnings and sanitizers chosen by the two options below
#   DOVETAIL_WERROR                      warnings are errors (our own builds; off for compilers we do not know)
#   DOVETAIL_SANITIZE                    AddressSanitizer and UndefinedBehaviorSanitizer
# The project has enabled the C language before it calls these.

include_guard(GLOBAL)

option(DOVETAIL_WERROR "Treat compiler warnings as errors" OFF)
option(DOVETAIL_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)

if(NOT TARGET dovetail::abi)
    get_filename_component(_dovetail_abi_root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
    add_library(dovetail::abi INTERFACE IMPORTED)
    set_target_properties(dovetail::abi PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${_dovetail_abi_root}/include")
    set(dovetail_abi_INCLUDE_DIR "${_dovetail_abi_root}/include")
    unset(_dovetail_abi_root)
endif()

function(dovetail_compile_settings target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11
        C_STANDARD_REQUIRED ON
        C_EXTENSIONS OFF
        C_VISIBILITY_PRESET hidden
        POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(${target} PRIVATE dovetail::abi)
    if(MSVC)
        return()
    endif()
    # CMake's default is gnu11 without this; POSIX and dlfcn declarations are asked for by name.
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion)
    if(DOVETAIL_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(DOVETAIL_SANITIZE)
        target_compile_options(${target} PRIVATE
            -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
        target_link_options(${target} PRIVATE -fsanitize=address,undefined)
    endif()
endfunction()

function(dovetail_device_library target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
    add_library(${target} SHARED ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES NO_SONAME ON)
    dovetail_compile_settings(${target})
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
        target_link_options(${target} PRIVATE -Wl,-Bsymbolic)
        # clang keeps the sanitizer's symbols in the executable, so they stay undefined here.
        if(NOT (DOVETAIL_SANITIZE AND CMAKE_C_COMPILER_ID MATCHES "Clang"))
            target_link_options(${target} PRIVATE -Wl,--no-undefined)
        endif()
    endif()
endfunction()
