"""The device contract of Dovetail, for programs that compile against it."""

from pathlib import Path

__all__ = ["cmake_dir", "include_dir"]


def include_dir() -> Path:
    """Return the folder that holds `dovetail.h`, for a compiler's `-I`.

    >>> (include_dir() / "dovetail.h").is_file()
    True
    """
    return Path(__file__).parent / "include"


def cmake_dir() -> Path:
    """Return the folder for `-Ddovetail_abi_DIR=`, where scikit-build-core does not supply it.

    >>> (cmake_dir() / "dovetail_abi-config.cmake").is_file()
    True
    """
    return Path(__file__).parent / "cmake"
