# The CPU device: the same sources, once per instruction set. The loader picks one by CPUID before it
# opens any, so each may use its instructions freely.
#
# csrc/cpu/sources.cmake is optional: there the CPU device sets properties of single files, such as
#   set_source_files_properties(csrc/cpu/gemm.c PROPERTIES COMPILE_OPTIONS -ffp-contract=fast)
file(GLOB_RECURSE cpu_sources CONFIGURE_DEPENDS csrc/cpu/*.c)

string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
if(processor MATCHES "^(x86_64|amd64)$")
    set(cpu_variants baseline avx2 avx512)
    set(cpu_flags_baseline)
    set(cpu_flags_avx2 -mavx2 -mfma -mf16c -mbmi2)
    set(cpu_flags_avx512 ${cpu_flags_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni)
elseif(processor MATCHES "^(aarch64|arm64)$")
    set(cpu_variants neon)
    set(cpu_flags_neon)
else()
    set(cpu_variants baseline)
    set(cpu_flags_baseline)
endif()
list(GET cpu_variants 0 cpu_first_variant)

# Everything that the sources of one variant are compiled with; the test programs use it too.
function(dovetail_cpu_settings target variant)
    dovetail_compile_settings(${target})
    dovetail_optimise(${target} -O3)
    target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/csrc/cpu")
    target_compile_definitions(${target} PRIVATE 
        "DVT_CPU_VARIANT=\"${variant}\"" "DVT_CPU_VERSION=\"${dovetail_version}\"")
    # Never -ffast-math: it changes how the whole process treats denormals.
    target_compile_options(${target} PRIVATE
        -ffp-contract=off -fno-math-errno -fno-trapping-math ${cpu_flags_${variant}})
    target_link_libraries(${target} PRIVATE Threads::Threads m)
endfunction()

if(cpu_sources)
    include(csrc/cpu/sources.cmake OPTIONAL)
    foreach(variant IN LISTS cpu_variants)
        dovetail_device_library(dovetail_cpu_${variant} SOURCES ${cpu_sources})
        dovetail_cpu_settings(dovetail_cpu_${variant} ${variant})
        install(TARGETS dovetail_cpu_${variant} LIBRARY DESTINATION dovetail/lib)
    endforeach()
endif()
