# dovetail/_abi: the compiler checks every declaration of the cdef against dovetail.h itself.
set(abi_header "${dovetail_abi_INCLUDE_DIR}/dovetail.h")
set(abi_source "${CMAKE_CURRENT_BINARY_DIR}/_abi.c")
add_custom_command(
    OUTPUT "${abi_source}"
    COMMAND "${Python_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/cmake/make_abi_module.py"
            "${abi_header}" "${abi_source}"
    DEPENDS "${abi_header}" cmake/make_abi_module.py
    VERBATIM)
# Generated code: built without our warnings.
python_add_library(_abi MODULE WITH_SOABI "${abi_source}")
target_link_libraries(_abi PRIVATE dovetail::abi)
set_target_properties(_abi PROPERTIES C_VISIBILITY_PRESET hidden)
dovetail_optimise(_abi -O2)
install(TARGETS _abi LIBRARY DESTINATION dovetail)
