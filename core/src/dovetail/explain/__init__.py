"""What a compiled function does, for a person: graph, steps, memory and cost, as text and pictures.

Nothing here is loaded before somebody asks.
"""

from dovetail.explain.explanation import Explanation
from dovetail.explain.part import Block, Part, Placement, Step, part_of

__all__ = ["Block", "Explanation", "Part", "Placement", "Step", "part_of"]
