"""Codes about the answers of the library: versions, structs, errors, refusals, memory that ends."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.check_backend.catalogue.code import Code

__all__ = ["CODES"]

CODES: Mapping[str, Code] = {
    # ---- versions ------------------------------------------------------------------------------
    "versions/refuses-valid-host": Code(
        "it refuses a host that serves it",
        "Users of other releases of Dovetail cannot use it although nothing is in the way.",
        "Let DVT_PLUGIN_CHECK be the first line of dvt_plugin_query and compare nothing else.",
    ),
    "versions/accepts-older-host": Code(
        "it answers a host that is older than it needs",
        "It will call or read what that host does not have.",
        "Let DVT_PLUGIN_CHECK(host_min, host_max, abi_required, error) decide.",
    ),
    "versions/accepts-other-major": Code(
        "it answers a host of another ABI major",
        "The host reads a table that is laid out otherwise: it crashes, or worse.",
        "Let DVT_PLUGIN_CHECK(host_min, host_max, abi_required, error) decide.",
    ),
    "versions/wrong-built": Code(
        "abi_version is of another major",
        "The host cannot tell how to read the table.",
        "Set abi_version to DVT_ABI_VERSION.",
    ),
    "versions/wrong-required": Code(
        "abi_required makes no sense",
        "Hosts that could serve it refuse it, or hosts that cannot accept it.",
        "Set it to the first version that has all it uses: 65536 for 1.0.",
    ),
    "query/twice-differs": Code(
        "a second dvt_plugin_query changes something",
        "A second host in the process, such as an embedding program, breaks the first.",
        "Return the address of one static const dvt_plugin, and keep no global copy of the host.",
    ),
    # ---- errors --------------------------------------------------------------------------------
    "error/empty": Code(
        "it fails without a sentence",
        "The user sees a number and has nothing to go on.",
        "dvt_set_error(error, code, text): what went wrong, with which values, what to do next.",
    ),
    "error/overrun": Code(
        "it writes outside the caller's dvt_error",
        "It destroys the caller's stack: hosts on small machines pass short errors.",
        "Use dvt_set_error, or cut at error->struct_size; never memset sizeof(dvt_error).",
    ),
    "error/size-changed": Code(
        "it changes error->struct_size",
        "The caller reads past its own buffer.",
        "struct_size is the caller's; set code and message alone.",
    ),
    "error/no-end": Code(
        "an error message has no end",
        "The host reads on into other memory.",
        "End it with NUL within struct_size; dvt_set_error does.",
    ),
    "error/not-utf8": Code(
        "an error message is not UTF-8",
        "The host cannot show it, or shows it damaged.",
        "Cut at a character, as dvt_set_error does; convert texts of the driver.",
    ),
    "error/wrong-code": Code(
        "an error has the wrong code",
        "The host takes the wrong way: it retries, or looks elsewhere, or gives up.",
        "The status list in dovetail.h says which code means what; return and error->code agree.",
        "warning",
    ),
    # ---- structs -------------------------------------------------------------------------------
    "structs/size": Code(
        "a struct_size is wrong",
        "The host reads too little, or memory that is not the struct's.",
        "Set it to sizeof(the struct), never to a number.",
    ),
    "structs/reserved": Code(
        "a reserved field or an undefined flag is not zero",
        "A later minor version gives it a meaning.",
        "Zero it: with a designated initialiser in C, {} in C++, Default in Rust.",
    ),
    "structs/null-slot": Code(
        "a slot that must be filled is null",
        "The host has nothing to call where the contract promises something.",
        "Fill it, or leave the whole table out.",
    ),
    "structs/half-pair": Code(
        "one of two slots that belong together is null",
        "What the one creates, nothing ends.",
        "Fill both, or neither.",
    ),
    "structs/bad-array": Code(
        "a count and its pointer disagree",
        "The host reads nothing, or through null.",
        "Set both together.",
    ),
    "structs/bad-name": Code(
        "a name or text is missing, not UTF-8 or not of the form it should have",
        "Users cannot address the device, or see damaged text.",
        "A device word has 1 to 32 of a-z, 0-9 and _, and begins with a letter; texts are UTF-8.",
    ),
    "structs/bad-types": Code(
        "the types of a kernel row cannot be read",
        "The host refuses the whole plugin.",
        "Write them as 'T=f32|bf16;I=i64', or null for any.",
    ),
    "structs/unknown-type": Code(
        "the types of a kernel row name what no op has",
        "The row never matches, or matches more than was meant.",
        "Use the variables of the op's signature and the type words of dovetail.h.",
        "warning",
    ),
    "structs/bad-row": Code(
        "a kernel row makes no sense",
        "The host refuses the plugin, or never asks the row.",
        "Mend the field that is named.",
    ),
    "structs/any-type": Code(
        "a kernel row takes any type without looking",
        "With a dtype of a new Dovetail, or one it never thought of, it computes nonsense.",
        'Name the types: .types = "T=f32".',
    ),
    "structs/shadowed-row": Code(
        "a kernel row is never asked",
        "Its kernel is dead code; the maker may think that it runs.",
        "Give it other types, versions or a higher priority, or take it out.",
        "warning",
    ),
    "structs/extension-for-unknown": Code(
        "get_extension answers names that do not exist",
        "The host uses a table as something that it is not.",
        "Compare the whole name and return null for all others.",
    ),
    "structs/overrun": Code(
        "it writes past the end of the host's struct, or changes its struct_size",
        "It destroys the host's memory: hosts older than the plugin have shorter structs.",
        "Write no field beyond the struct_size that the caller set.",
    ),
    "structs/refused-by-loader": Code(
        "Dovetail's own loader refuses it",
        "No user of this Dovetail can use it.",
        "The loader's sentence says why.",
    ),
    # ---- answers of prepare --------------------------------------------------------------------
    "answers/crash": Code(
        "prepare crashes on operands that it does not know",
        "A program with an unusual dtype or shape ends, although the CPU could have run it.",
        "Answer DVT_UNSUPPORTED with a reason for everything that is not expressly taken.",
    ),
    "answers/accepts-unknown-dtype": Code(
        "a kernel takes a dtype that does not exist",
        "With the next dtype of a new Dovetail it computes nonsense.",
        "Name the types in the row, or compare code, bits and lanes in prepare.",
    ),
    "answers/unknown-is-error": Code(
        "something unknown is answered with an error",
        "The host reports a fault instead of looking elsewhere.",
        "DVT_UNSUPPORTED with a static reason is the answer to what is not offered.",
    ),
    "answers/low-flag-refused": Code(
        "an unknown flag of the low 16 bits is not ignored",
        "With the next harmless flag of a new Dovetail the kernel is lost.",
        "Test only the bits that are known.",
    ),
    "answers/refuses-longer-struct": Code(
        "a longer dvt_op or dvt_kernel_info changes the answer",
        "Every younger host has longer structs: the plugin would not outlive a minor version.",
        "Compare struct_size with >=, never with ==.",
    ),
    "answers/determinism-not-confirmed": Code(
        "DVT_MATH_DETERMINISTIC is accepted without DVT_INFO_DETERMINISTIC",
        "The user asked for the same bits each time and does not know whether he gets them.",
        "Set the flag in the answer where it holds, else answer DVT_UNSUPPORTED with a reason.",
    ),
    "answers/unasked-precision": Code(
        "a kernel uses a lower precision that nobody allowed",
        "Results are worse than the user asked for.",
        "Look at dvt_op.flags before using tf32 or 16-bit accumulation.",
    ),
    "answers/kernel-with-refusal": Code(
        "a refusal comes with a kernel",
        "Nobody frees it: refused operands leak.",
        "Free what was made before answering other than DVT_OK, and leave info->kernel null.",
    ),
    "answers/nothing-to-run": Code(
        "prepare accepts and gives nothing to run",
        "The host has no function to call.",
        "Set info->run, or the row's run.",
    ),
    "answers/bad-workspace": Code(
        "workspace_alignment is no power of two",
        "The host cannot place the workspace.",
        "Use a power of two, or 0 for 64.",
    ),
    "answers/no-reason": Code(
        "a refusal gives no reason",
        "explain() cannot tell the user why the op runs elsewhere.",
        "Set info->reason to a static text.",
        "note",
    ),
    "answers/bad-reason": Code(
        "the reason of a refusal is not UTF-8",
        "explain() cannot show it.",
        "Use plain static text.",
    ),
    # ---- memory that ends ----------------------------------------------------------------------
    "alloc/crash-when-out-of-memory": Code(
        "it crashes when host_alloc has no memory",
        "A program that could have freed its caches and gone on ends.",
        "Compare each result of host_alloc with null; answer DVT_OUT_OF_MEMORY.",
    ),
    "alloc/wrong-code": Code(
        "it answers another error than DVT_OUT_OF_MEMORY when memory ends",
        "The host frees its caches and tries again only for that code.",
        "Return DVT_OUT_OF_MEMORY.",
    ),
    "alloc/ignores-null": Code(
        "it reports success although the memory it asked for was refused, and its result is wrong",
        "Wrong numbers without a word.",
        "Return DVT_OUT_OF_MEMORY where the work was not done.",
    ),
    "alloc/leak": Code(
        "it keeps memory of the host after the object is gone",
        "Programs that run for days grow.",
        "Free everything of an object where it is destroyed, and on every path out of an error.",
    ),
    "alloc/in-hot-path": Code(
        "run asks for host memory",
        "run is on the path of every op and may not allocate: it becomes slow, and cannot be "
        "captured or used where memory is fixed.",
        "Ask for it in prepare: dvt_kernel_info.workspace_size.",
        "warning",
    ),
    "host/free-of-unknown": Code(
        "it frees what host_alloc never gave, or twice",
        "The heap of the host is destroyed.",
        "Give back each block once, with the pointer that host_alloc gave.",
    ),
    "host/free-of-other-size": Code(
        "it gives memory back with another size",
        "A host that sorts blocks by size hands out too much of one later.",
        "Pass host_free the size that host_alloc was given.",
    ),
    "host/memory-overrun": Code(
        "it writes outside memory that host_alloc gave it",
        "The heap of the host is destroyed.",
        "-fsanitize=address names the line.",
    ),
    "host/bad-alignment": Code(
        "it asks host_alloc for an alignment that is no power of two",
        "The host refuses.",
        "Use a power of two.",
    ),
    "host/null-text": Code(
        "it passes a null text to the host",
        "Hosts crash, or drop what was to be said.",
        "Pass a text.",
    ),
    "host/not-utf8": Code(
        "it logs what is not UTF-8",
        "The host cannot show it.",
        "Convert texts of the driver.",
        "warning",
    ),
    # ---- devices -------------------------------------------------------------------------------
    "device/count-fails": Code(
        "device_count fails",
        "The device is listed as broken.",
        "No device is DVT_OK with count 0 and a sentence in error: none, because ...",
    ),
    "device/does-not-open": Code(
        "a device that was counted does not open",
        "The user sees a device that is not usable.",
        "Count only what opens.",
    ),
    "device/wrong-ordinal": Code(
        "a device that does not exist is opened",
        "Work goes to another device than the user named.",
        "Compare ordinal with the count; DVT_INVALID_ARGUMENT.",
    ),
    "device/unknown-option": Code(
        "an unknown option is accepted",
        "A misspelt option of the user has no effect, and he never learns it.",
        "Answer DVT_INVALID_ARGUMENT, with the option and the known ones in the text.",
    ),
    "device/handle-on-failure": Code(
        "a failed call leaves a handle behind",
        "Nobody closes it.",
        "Write the result last, when all has worked.",
        "warning",
    ),
    "device/not-again": Code(
        "a device that was closed does not open again",
        "Programs that close and open devices, as tests do, fail.",
        "Undo in device_close what device_open did.",
    ),
    "device/bad-info": Code(
        "device_info makes no sense",
        "The host and people are told what is not so.",
        "Mend the field that is named.",
    ),
    "device/bad-memory": Code(
        "device_memory makes no sense",
        "Programs that size their work by it fail.",
        "Answer free <= total for spaces that exist, DVT_INVALID_ARGUMENT for others.",
    ),
}
