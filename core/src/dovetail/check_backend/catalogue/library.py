"""Codes about the file, about loading it, and about the process it is loaded into."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.check_backend.catalogue.code import Code

__all__ = ["CODES"]

CODES: Mapping[str, Code] = {
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
    "process/kit-fault": Code(
        "the check itself failed",
        "This part of the contract was not checked.",
        "Most likely the library overwrote memory of the process; if not, report it to Dovetail.",
    ),
}
