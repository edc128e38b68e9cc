# The programs of csrc/tests. A program ends with 0 when it passes, and with 77 when this machine lacks
# its instruction set.
#   cpu_<name>.c   once per instruction set, linked with the CPU device's own objects: such a test
#                  reaches functions that the library does not export
#   <name>.c       once, by itself; it includes the source that it tests
file(GLOB c_tests CONFIGURE_DEPENDS csrc/tests/*.c)
list(FILTER c_tests EXCLUDE REGEX "/cpu_[^/]*$")
file(GLOB cpu_tests CONFIGURE_DEPENDS csrc/tests/cpu_*.c)

function(dovetail_c_test name source)
    add_executable(${name} "${source}")
    set_target_properties(${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/c_tests")
    target_link_libraries(${name} PRIVATE Threads::Threads ${CMAKE_DL_LIBS} m)
endfunction()

foreach(source IN LISTS c_tests)
    get_filename_component(name "${source}" NAME_WE)
    dovetail_c_test(${name} "${source}")
    dovetail_compile_settings(${name})
    dovetail_optimise(${name} -O2)
endforeach()

if(cpu_tests)
    foreach(variant IN LISTS cpu_variants)
        add_library(cpu_objects_${variant} OBJECT ${cpu_sources})
        dovetail_cpu_settings(cpu_objects_${variant} ${variant})
        foreach(source IN LISTS cpu_tests)
            get_filename_component(name "${source}" NAME_WE)
            dovetail_c_test(${name}_${variant} "${source}")
            dovetail_cpu_settings(${name}_${variant} ${variant})
            target_link_libraries(${name}_${variant} PRIVATE cpu_objects_${variant})
        endforeach()
    endforeach()
endif()
