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
    "ops/known-failure": Code(
        "a failure that unsupported.toml lists",
        "Users meet it; the maker knows.",
        "Mend it, and take the entry out.",
        "note",
    ),
    "ops/unexpected-pass": Code(
        "unsupported.toml lists what passes",
        "The list would hide the next failure of that op.",
        "Take the entry out.",
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
    "ops/wrong-result": Code(
        "a kernel gives another result than its op means",
        "Users compute with wrong numbers.",
        "The element, the values and the allowed error are named; look at the op's page.",
    ),
    "ops/wrong-strided": Code(
        "a kernel is wrong on strided operands only",
        "Users of slices and transposes compute with wrong numbers.",
        "Use the strides of each view, or leave DVT_KERNEL_STRIDED out: the host then copies.",
    ),
    "ops/wrong-unaligned": Code(
        "a kernel is wrong on unaligned operands only",
        "Users of packed data compute with wrong numbers.",
        "Load with memcpy, or leave DVT_KERNEL_UNALIGNED out: the host then copies.",
    ),
    "ops/wrong-in-place": Code(
        "a kernel is wrong when its output lies in the memory of an operand",
        "The host does so where may_alias allows it: users compute with wrong numbers.",
        "Read each element before it is written, or leave the bit of may_alias out.",
    ),
    "ops/wrong-large": Code(
        "a kernel is wrong on a million elements only",
        "Small tests pass and real data is wrong.",
        "Look at offsets of 32 bits, at the split into pieces, and at long sums.",
    ),
    "ops/zero-sign": Code(
        "a kernel gives zero the wrong sign",
        "A quotient by it is infinite on the wrong side; few will notice.",
        "Compare with the op's numpy meaning on the operands that are named.",
        "note",
    ),
    "ops/special-values": Code(
        "a kernel is wrong on NaN or infinities",
        "What should be seen as NaN or infinite becomes a plausible number.",
        "Compare with the op's numpy meaning on the operands that are named.",
    ),
    "ops/denormals": Code(
        "a kernel loses denormal numbers",
        "Small results become zero, and quotients of them infinite.",
        "Compile without flush-to-zero.",
    ),
    "ops/validation": Code(
        "the validation layer objects",
        "The contract is broken in a way that may go unseen for long.",
        "Run with DOVETAIL_VALIDATE=1; the sentence names call and operand.",
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
    # ---- again, on threads, for long -----------------------------------------------------------
    "repeat/not-deterministic": Code(
        "the same call gives other bits, although DVT_INFO_DETERMINISTIC is set",
        "Users who ask for determinism cannot reproduce their results.",
        "Leave the flag out, or make the order of sums fixed.",
    ),
    "repeat/depends-on-threads": Code(
        "the bits depend on pieces or threads, although DVT_INFO_DETERMINISTIC is set",
        "Results differ from machine to machine.",
        "Cut sums at places that depend on the shape alone, not on begin, end or worker.",
    ),
    "repeat/varies": Code(
        "the same call may give other bits; nothing else is claimed",
        "Users who ask for determinism get another device.",
        "Nothing to do, unless determinism is wanted.",
        "note",
    ),
    "threads/race": Code(
        "several threads at once get other results than one",
        "Programs with threads compute with wrong numbers, now and then.",
        "Keep nothing in static variables; -fsanitize=thread names them.",
    ),
    "threads/crash": Code(
        "calls from several threads end the process",
        "Programs with threads crash, now and then.",
        "Keep nothing in static variables; -fsanitize=thread names them.",
    ),
    "threads/hang": Code(
        "calls from several threads do not return",
        "Programs with threads stand still, now and then.",
        "Take locks in one order, and hold none while calling the host.",
    ),
    "growth/kernels": Code(
        "kernels leave memory of the host behind",
        "Programs that see many shapes run out of memory.",
        "Give back in destroy what prepare took, and set destroy in every row that needs it.",
    ),
    "growth/runs": Code(
        "runs leave memory of the host behind",
        "Every program runs out of memory in the end.",
        "Give back what a run took, also when it fails.",
    ),
    "growth/handles": Code(
        "memory, streams or events leave something behind",
        "Long programs end with no memory or no handles.",
        "Give back in the paired slot what the first one took.",
    ),
    "growth/memory": Code(
        "the process grows with every call",
        "Every program runs out of memory in the end.",
        "Look for malloc without free; valgrind or -fsanitize=leak name the line.",
    ),
    "growth/files": Code(
        "calls leave files open",
        "The process reaches its limit of open files, and every open fails.",
        "Close what is opened.",
    ),
    "growth/threads": Code(
        "calls leave threads running",
        "The process reaches its limit of threads.",
        "Join threads, or use dvt_host.parallel_for.",
    ),
}
