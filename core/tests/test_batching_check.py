"""The judge of batching rules, and which records have none."""

from dataclasses import replace

import pytest

import dovetail as dt
from dovetail.op import REGISTRY
from dovetail.testing import check_batching


@pytest.mark.parametrize("name", ["add", "matmul", "softmax", "concat", "take", "where", "pad"])
def test_right_rules_pass(name: str) -> None:
    assert check_batching(REGISTRY[name])


def wrong_axis(op, size, batched, /, x, **words):
    return op(x, **words)  # the axis still counts from the examples


def wrong_operand(op, size, batched, /, x, y):
    return op(x, y) if batched[0] else op(y, x)


@pytest.mark.parametrize(("name", "rule"), [("softmax", wrong_axis), ("subtract", wrong_operand)])
def test_wrong_rules_are_refused(name: str, rule) -> None:
    op = replace(REGISTRY[name], batching=rule)
    with pytest.raises(AssertionError, match="batched operands"):
        check_batching(op)


def test_only_ops_without_operands_have_no_rule() -> None:
    lacking = {op.name for op in REGISTRY.values() if op.batching is None and not op.broadcast}
    assert not {name for name in lacking if REGISTRY[name].operands}, "they run in a loop"
    assert check_batching(REGISTRY["full"]) == 0


def test_a_rule_is_what_vmap_does() -> None:
    x = dt.ones((2, 3))
    assert dt.vmap(lambda row: dt.nn.softmax(row))(x).shape == (2, 3)
