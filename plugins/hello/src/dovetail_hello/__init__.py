"""The smallest Dovetail backend. Dovetail finds it by its manifest and never imports this module."""
