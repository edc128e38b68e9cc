"""The smallest Dovetail backend; Dovetail finds its manifest and never imports this module."""
