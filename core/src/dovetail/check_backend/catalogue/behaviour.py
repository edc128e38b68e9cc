"""Codes about what kernels do when they are used as they should be, and to the process."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.check_backend.catalogue.code import Code

__all__ = ["CODES"]

CODES: Mapping[str, Code] = {
    # ---- what is claimed -----------------------------------------------------------------------
    "ops/unknown": Code(
        "rows for ops that this Dovetail does not know",
        "Nobody asks them here; a younger Dovetail may.",
        "Nothing to do, unless the name is misspelt.",
        "note",
    ),
    "ops/other-version": Code(
        "a row for other versions of an op's meaning",
        "The row is never asked by this Dovetail.",
        "Look at the op's page for what changed, and widen min_version..max_version if it fits.",
        "note",
    ),
    "ops/refuses-always": Code(
        "a claimed op is refused in every sample",
        "The row promises what it does not keep; users see the op among those it runs.",
        "Take the row out, or narrow its types, until there is a kernel.",
        "note",
    ),
    # ---- results and memory --------------------------------------------------------------------
    "ops/fails": Code(
        "a kernel fails on a sample of its op",
        "The user's program ends where the row promised a result.",
        "Answer DVT_UNSUPPORTED in prepare for what is not taken, with a reason.",
    ),
    "ops/fails-silently": Code(
        "a kernel fails without a text",
        "The user sees a number and has nothing to go on.",
        "Fill dvt_error with a sentence: what went wrong, with which values, what to do next.",
    ),
    "ops/writes-outside": Code(
        "a kernel writes outside its operands and results",
        "It destroys what lies beside: other arrays, or the heap.",
        "Check the tail of vector loops; -fsanitize=address names the line.",
    ),
    "ops/workspace-overrun": Code(
        "a kernel uses more workspace than it asked for",
        "It destroys what lies behind the workspace.",
        "Ask for what is used: dvt_kernel_info.workspace_size.",
    ),
    "ops/changes-input": Code(
        "a kernel changes an operand",
        "Arrays are immutable: other users of the operand compute with wrong values.",
        "Work in the output or in a workspace.",
    ),
    "ops/leaves-output": Code(
        "a kernel leaves elements of its output as they were",
        "The memory is not cleared: the user gets what lay there before.",
        "Write every element, the tail of vector loops included.",
    ),
    # ---- the process ---------------------------------------------------------------------------
    "state/rounding": Code(
        "a call changes the rounding mode",
        "Everything that runs later on this thread is rounded otherwise.",
        "Restore the mode (fesetround) before returning.",
    ),
    "state/denormals": Code(
        "a call changes what happens to denormal numbers",
        "Everything that runs later on this thread loses them, or computes them against its will.",
        "Restore MXCSR or FPCR before returning; do not link with -ffast-math.",
    ),
    "state/signals": Code(
        "a call changes a signal handler",
        "The handlers of the program, such as that for Ctrl-C, no longer run.",
        "Leave signals to the program.",
    ),
    "state/locale": Code(
        "a call changes the locale",
        "Numbers are read and written otherwise in the whole process.",
        "Use newlocale and the functions with _l.",
    ),
    "state/folder": Code(
        "a call changes the current folder",
        "Relative paths of the program lead elsewhere.",
        "Use absolute paths.",
    ),
    "state/mask": Code(
        "a call changes the mask of new files",
        "Files of the program get other permissions.",
        "Leave umask alone.",
    ),
    "state/prints": Code(
        "a call prints",
        "Programs that write data to standard output break, and logs fill.",
        "Use dvt_host.log.",
        "warning",
    ),
}
