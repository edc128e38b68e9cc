# dovetail/_fast: no instruction-set flags here, so that importing it is safe on every machine.
file(GLOB fast_sources CONFIGURE_DEPENDS csrc/fast/*.c)
if(fast_sources)
    python_add_library(_fast MODULE WITH_SOABI ${fast_sources})
    dovetail_compile_settings(_fast)
    # CPython's slots hold functions in void pointers, which ISO C (not POSIX) forbids.
    target_compile_options(_fast PRIVATE -Wno-pedantic)
    dovetail_optimise(_fast -O2)
    target_compile_definitions(_fast PRIVATE "DVF_VERSION=\"${dovetail_version}\"")
    target_link_libraries(_fast PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
    install(TARGETS _fast LIBRARY DESTINATION dovetail)
endif()
