"""What lived in tf.contrib: where it is now, shims of some of it, and `dovetail migrate`."""

__all__: list[str] = []
