"""Every op against numpy's meaning of it: see run.py."""
