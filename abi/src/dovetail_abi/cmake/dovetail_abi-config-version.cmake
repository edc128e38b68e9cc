# The version is the header's: a request for 1.x is met by every 1.y with y >= x.
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../include/dovetail.h" _dovetail_abi_lines
    REGEX "^#[ \t]*define[ \t]+DVT_ABI_(MAJOR|MINOR)[ \t]")
foreach(_part MAJOR MINOR)
    string(REGEX MATCH "DVT_ABI_${_part}[ \t]+\\(?([0-9]+)" _match "${_dovetail_abi_lines}")
    set(_dovetail_abi_${_part} "${CMAKE_MATCH_1}")
endforeach()
set(PACKAGE_VERSION "${_dovetail_abi_MAJOR}.${_dovetail_abi_MINOR}")

if(PACKAGE_FIND_VERSION_MAJOR STREQUAL "" OR NOT DEFINED PACKAGE_FIND_VERSION_MAJOR)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
elseif(PACKAGE_FIND_VERSION_MAJOR EQUAL _dovetail_abi_MAJOR
        AND PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
else()
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
endif()
if(PACKAGE_FIND_VERSION STREQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
endif()
