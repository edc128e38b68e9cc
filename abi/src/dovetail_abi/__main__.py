"""``python -m dovetail_abi``: the folder of dovetail.h, for a compiler's ``-I``."""

from dovetail_abi import include_dir

if __name__ == "__main__":
    print(include_dir())
