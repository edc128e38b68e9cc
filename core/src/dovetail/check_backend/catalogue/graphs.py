"""Codes about whole graphs."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.check_backend.catalogue.code import Code

__all__ = ["CODES"]

CODES: Mapping[str, Code] = {
    "graphs/claims-outside": Code(
        "partition writes outside its claims",
        "It destroys memory of the host.",
        "Write group and reason of n_nodes claims, and nothing else.",
    ),
    "graphs/no-reason": Code(
        "partition does not want a node and gives no reason",
        "explain() cannot tell the user why the node runs elsewhere.",
        "Set reason to a static sentence.",
        "note",
    ),
    "graphs/not-convex": Code(
        "a claimed group depends on itself through nodes outside",
        "The host cuts it, so fewer nodes run together.",
        "Number groups so that no path leaves one and comes back.",
        "note",
    ),
    "graphs/claim-not-kept": Code(
        "compile refuses what partition wants",
        "The nodes run one by one, and the device was chosen for nothing.",
        "Ask in partition what compile asks.",
    ),
    "graphs/wrong-result": Code(
        "an executable gives another result than its nodes mean",
        "Users compute with wrong numbers.",
        "Compare node by node; the graph's text is in the finding's graph number.",
    ),
    "graphs/constants": Code(
        "an executable reads constants although DVT_EXECUTABLE_CONSTANTS_COPIED is set",
        "The host has given their memory back: wrong numbers.",
        "Copy the constants in compile, or leave the flag out.",
    ),
    "graphs/writes-outside": Code(
        "an executable writes outside its results",
        "It destroys what lies beside.",
        "-fsanitize=address names the line.",
    ),
    "graphs/fails": Code("a call about a graph fails", "The user's program ends.", "See the text."),
    "graphs/fails-silently": Code(
        "a call about a graph fails without a text",
        "The user sees a number and has nothing to go on.",
        "Fill dvt_error with a sentence: what went wrong, with which values, what to do next.",
    ),
    "graphs/not-loaded": Code(
        "load refuses what save wrote",
        "Every start of the program compiles again.",
        "Leave save and load null, or let them agree.",
    ),
    "graphs/save-differs": Code(
        "a loaded executable gives another result than the saved one",
        "Users compute with wrong numbers from the second start on.",
        "Save everything that execute needs, constants included.",
    ),
    "graphs/damaged-accepted": Code(
        "load takes damaged bytes",
        "A file that was cut or changed gives wrong numbers.",
        "Save lengths and a checksum, and answer DVT_INCOMPATIBLE when they do not fit.",
    ),
    "graphs/foreign-accepted": Code(
        "load takes what was saved for another driver or chip",
        "Wrong numbers or a crash after an update of the driver.",
        "Save the compatibility key, and answer DVT_INCOMPATIBLE when it is another.",
    ),
    "graphs/blob-crash": Code(
        "load of damaged bytes ends the process",
        "A damaged file of the cache takes the user's program down.",
        "Check every length and index before it is used.",
    ),
    "graphs/race": Code(
        "executables on several threads get other results than on one",
        "Programs with threads compute with wrong numbers, now and then.",
        "Keep nothing that a run changes in static variables, nor, with "
        "DVT_EXECUTABLE_CONCURRENT, in the executable.",
    ),
    "graphs/leak": Code(
        "executables leave memory behind",
        "Programs that see many shapes run out of memory.",
        "Give back in destroy what compile took.",
    ),
}
