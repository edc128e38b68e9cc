# Finds the C compiler and Python's headers; what is missing is said in a sentence that names the package.
include(CheckLanguage)
check_language(C)
if(NOT CMAKE_C_COMPILER)
    message(FATAL_ERROR
        "Dovetail is built with a C compiler and none was found. Install one and try again: "
        "'apt install build-essential' on Debian and Ubuntu, 'dnf install gcc' on Fedora, "
        "'xcode-select --install' on macOS; or name yours in the environment variable CC.")
endif()
enable_language(C)

find_package(Python COMPONENTS Interpreter Development.Module QUIET)
if(NOT Python_Development.Module_FOUND)
    message(FATAL_ERROR
        "The header Python.h of ${Python_EXECUTABLE} was not found. Install it and try again: "
        "'apt install python3-dev' on Debian and Ubuntu, 'dnf install python3-devel' on Fedora.")
endif()

# Release builds: each part chooses its own level of optimisation, after this.
set(CMAKE_C_FLAGS_RELEASE "-DNDEBUG")

# dovetail_optimise(<target> <level>): that level, or -O1 where a debug build wants readable traces.
function(dovetail_optimise target level)
    target_compile_options(${target} PRIVATE $<IF:$<CONFIG:Debug>,-O1,${level}>)
endfunction()
