"""Codes about the file, about loading it, and about the process it is loaded into."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.check_backend.catalogue.code import Code

__all__ = ["CODES"]

CODES: Mapping[str, Code] = {
    # ---- the file ------------------------------------------------------------------------------
    "file/not-a-library": Code(
        "the file is no shared library",
        "Nothing can load it.",
        "Link with -shared (cc), crate-type cdylib (Rust), -dynamic (Zig).",
    ),
    "file/other-machine": Code(
        "the file is for another processor",
        "The system refuses to load it here.",
        "Check on a machine of its kind; the manifest's platform and requires keep it from others.",
    ),
    "file/executable-stack": Code(
        "it asks for an executable stack",
        "Loading it makes the stack of the whole program executable; hardened systems and new C "
        "libraries refuse.",
        "Add .note.GNU-stack to assembly files, or link with -Wl,-z,noexecstack.",
    ),
    "file/text-relocations": Code(
        "its code is changed when it is loaded",
        "Its pages cannot be shared, and hardened systems refuse to load it.",
        "Compile every object with -fPIC.",
        "warning",
    ),
    "file/static-tls": Code(
        "it needs thread-local memory that is set aside at the program's start",
        "Opened late, as plugins are, it fails with 'cannot allocate memory in static TLS block'.",
        "Compile without -ftls-model=initial-exec.",
        "warning",
    ),
    "file/absolute-rpath": Code(
        "it looks for libraries in a folder of the machine it was built on",
        "Users lack that folder; somebody else may have it, with other libraries in it.",
        "Link with -Wl,-rpath,'$ORIGIN' or without an rpath.",
        "warning",
    ),
    # ---- its symbols ---------------------------------------------------------------------------
    "symbols/no-entry": Code(
        "it exports no dvt_plugin_query",
        "It is no plugin: the host finds nothing to call.",
        "Define dvt_plugin_query as dovetail.h declares it, with C linkage and DVT_EXPORT.",
    ),
    "symbols/extra-export": Code(
        "it exports more than its entry point",
        "Two plugins with a symbol of one name disturb each other where symbols are shared.",
        "Compile with -fvisibility=hidden; for static libraries within, -Wl,--exclude-libs,ALL; "
        "a version script of { global: dvt_plugin_query; local: *; }; also hides templates of the "
        "C++ library.",
    ),
    "symbols/foreign-import": Code(
        "it takes symbols from the process that loads it",
        "When the host drops or renames one, no user can load the plugin any more; and a host "
        "without Python has none of Python's.",
        "Take services from dvt_host only; link what else is needed, with -Wl,-z,defs to see it.",
    ),
    "symbols/links-host": Code(
        "it links a library of the host or of Python",
        "It breaks with the next version of either, and cannot run in a host without Python.",
        "Leave it out of the link; a plugin needs dovetail.h alone.",
    ),
    "symbols/missing-library": Code(
        "a library it needs is not here",
        "It cannot be loaded on this machine.",
        "Install it, ship it beside the plugin with an rpath of $ORIGIN, or open it with dlopen "
        "in device_count, which can then say in words what is missing.",
    ),
    "symbols/needs-library": Code(
        "it needs libraries that not every system has",
        "Where one is missing the plugin cannot be loaded, and its users see the system's words.",
        "Say so in its README; or open the library with dlopen in device_count, which can then "
        "answer 0 devices with a sentence.",
        "note",
    ),
    # ---- loading -------------------------------------------------------------------------------
    "load/refused": Code(
        "the system does not load it",
        "No user can use it on such a machine.",
        "The system's words name the library or symbol that is missing.",
    ),
    "load/crash": Code(
        "loading or asking it crashes the process",
        "Dovetail tries unknown libraries in a child process and refuses this one.",
        "Look at constructors and at dvt_plugin_query; instructions that the processor lacks also "
        "end this way: name them in the manifest's requires.",
    ),
    "load/hang": Code(
        "loading or asking it does not return",
        "Dovetail tries unknown libraries in a child process and refuses this one.",
        "Do nothing that waits in constructors or in dvt_plugin_query: no device, no network.",
    ),
    "load/crash-at-exit": Code(
        "the process crashes when it ends",
        "Programs that did their work end with a crash report and the wrong status.",
        "Look at atexit functions, destructors of static objects and threads that still run.",
    ),
    "load/prints": Code(
        "it prints while it is loaded",
        "The output of programs that others read is spoilt.",
        "Use dvt_host.log, which the user can switch.",
        "warning",
    ),
    "load/slow": Code(
        "loading it takes long",
        "Every program that lists devices waits for it.",
        "Move work to device_open or to the first prepare.",
        "warning",
    ),
    "load/memory": Code(
        "loading it takes much memory",
        "Every program that lists devices pays for it.",
        "Allocate in device_open.",
        "warning",
    ),
    "load/starts-threads": Code(
        "it starts threads before a device is opened",
        "After a fork they are gone and what they held stays locked; embedding programs may have "
        "forbidden threads at that point.",
        "Start threads in device_open, or use dvt_host.parallel_for.",
    ),
    "state/environment": Code(
        "a call changes the environment",
        "Other libraries read other settings, and a thread that reads them meanwhile may crash.",
        "Take options in dvt_device_desc.options.",
    ),
    "state/limits": Code(
        "a call changes a limit of the process",
        "The program fails later, for want of files, memory or stack.",
        "Leave limits to the program; fail with a sentence where one is too low.",
    ),
    "state/descriptors": Code(
        "a call opens or closes file descriptors before a device is opened",
        "Programs that count on low numbers, or close them all before exec, break.",
        "Open files in device_open, with O_CLOEXEC.",
        "warning",
    ),
    # ---- the child process, whatever the stage -------------------------------------------------
    "process/crash": Code(
        "the process crashed",
        "The user's program ends, with everything in it.",
        "Run the call that is named under a debugger or with -fsanitize=address.",
    ),
    "process/hang": Code(
        "a call does not return",
        "The user's program stands still and can only be killed.",
        "Look for a lock that is held, a thread that is waited for, or a loop without an end; a "
        "call that truly needs longer passes with --patience.",
    ),
    "process/exit": Code(
        "the library ended the process",
        "A library that calls exit or abort takes the user's work with it.",
        "Return a negative dvt_status with a sentence instead.",
    ),
    "process/exception": Code(
        "an exception or a panic crossed the border",
        "C callers cannot catch it: the process is terminated.",
        "Catch everything in each function that the host calls and return DVT_INTERNAL with the "
        "text; for Rust, catch_unwind; link C++ and Rust with their runtime, not without.",
    ),
    "process/sanitizer": Code(
        "a sanitizer that the library was built with found a fault",
        "Wrong memory accesses, races and undefined results, which may show much later.",
        "The certificate has what the sanitizer printed, with the line; see also UBSAN_OPTIONS and "
        "ASAN_OPTIONS=log_path=FILE for all of it.",
    ),
    "process/kit-fault": Code(
        "the check itself failed",
        "This part of the contract was not checked.",
        "Most likely the library overwrote memory of the process; if not, report it to Dovetail.",
    ),
}
