"""``dovetail info``: versions, processor, threads and devices on one screen."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import warnings
from typing import Any

import numpy as np

from dovetail import _abi, _fast, plugins, settings
from dovetail._abi import ffi
from dovetail.devices import devices

__all__ = ["add"]


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "info", help="versions, processor features, threads, devices and their memory"
    )
    verb.set_defaults(run=_run)


def _run(_chosen: argparse.Namespace) -> int:
    abi = int(_abi.lib.DVT_ABI_VERSION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # `dovetail plugins` is where they belong
        opened = devices()
    variant = next((r.variant for r in plugins.records() if r.name == "cpu"), None)
    facts = [
        ("dovetail", importlib.metadata.version("dovetail")),
        ("device ABI", f"{abi >> 16}.{abi & 0xFFFF}"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("numpy", np.__version__),
        ("system", platform.platform()),
        ("processor", " ".join(_fast.cpu_features()) or "no features known"),
        ("cpu variant", variant or "none"),
        ("threads", str(settings.thread_count())),
    ]
    for title, value in facts:
        print(f"{title + ':':<13}{value}")
    for one in opened:
        print(f"{one.name + ':':<13}{_describe(one)}")
    return 0


def _describe(device: Any) -> str:
    """The chip's name and the memory of the device's first space."""
    table = ffi.cast("dvt_plugin *", device.plugin_address).device
    if table == ffi.NULL:
        return "host memory"
    handle = ffi.cast("dvt_device *", device.handle)
    error = ffi.new("dvt_error *", {"struct_size": ffi.sizeof("dvt_error")})
    info = ffi.new("dvt_device_info *", {"struct_size": ffi.sizeof("dvt_device_info")})
    if table.device_info(handle, info, error) < 0:
        return f"does not describe itself: {_text(error.message)}"
    parts = [_text(info.name), _text(info.vendor), _text(info.architecture)]
    if info.driver != ffi.NULL:
        parts.append(f"driver {_text(info.driver)}")
    free, total = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    if table.device_memory != ffi.NULL and table.device_memory(handle, 0, free, total, error) == 0:
        parts.append(f"{free[0] / 2**30:.1f} of {total[0] / 2**30:.1f} GiB free")
    return ", ".join(part for part in parts if part)


def _text(pointer: Any) -> str:
    return "" if pointer == ffi.NULL else str(ffi.string(pointer).decode("utf-8", "replace"))
