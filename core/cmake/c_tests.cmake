# One program per file of csrc/tests and instruction set, linked with the CPU device's own objects:
# a test reaches functions that the library does not export.
# A program ends with 0 when it passes, and with 77 when this machine lacks the instruction set.
file(GLOB c_tests CONFIGURE_DEPENDS csrc/tests/*.c)
foreach(variant IN LISTS cpu_variants)
    if(c_tests AND cpu_sources)
        add_library(cpu_objects_${variant} OBJECT ${cpu_sources})
        dovetail_cpu_settings(cpu_objects_${variant} ${variant})
    endif()
    foreach(source IN LISTS c_tests)
        get_filename_component(name "${source}" NAME_WE)
        add_executable(${name}_${variant} "${source}")
        dovetail_cpu_settings(${name}_${variant} ${variant})
        if(cpu_sources)
            target_link_libraries(${name}_${variant} PRIVATE cpu_objects_${variant})
        endif()
        set_target_properties(${name}_${variant} PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/c_tests")
    endforeach()
endforeach()
