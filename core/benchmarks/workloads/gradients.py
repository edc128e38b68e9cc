"""The first losses of a training in double precision, with gradients written out in numpy.

Each operation returns its result and a function from the gradient of the result to those of its
operands.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from spine.problems import BETA1, BETA2, EPSILON, RATE

from workloads import networks
from workloads.networks import Transformer, leaves, mapped

Back = Callable[[np.ndarray], Any]
ROOT, CUBE = math.sqrt(2 / math.pi), 0.044715
"""The constants of the GELU with a hyperbolic tangent."""


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Back]:
    def back(slope: np.ndarray) -> Any:
        rows = slope.reshape(-1, slope.shape[-1])
        return slope @ w.T, (x.reshape(-1, x.shape[-1]).T @ rows, rows.sum(0))

    return x @ w + b, back


def convolution(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Back]:
    """3 x 3, as large as the image."""
    n, m = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    places = [(i, k) for i in range(3) for k in range(3)]
    y = sum(padded[:, i : i + n, k : k + m] @ w[i, k] for i, k in places) + b

    def back(slope: np.ndarray) -> Any:
        rows = slope.reshape(-1, slope.shape[-1])
        of_x, of_w = np.zeros_like(padded), np.zeros_like(w)
        for i, k in places:
            part = padded[:, i : i + n, k : k + m].reshape(-1, x.shape[-1])
            of_w[i, k] = part.T @ rows
            of_x[:, i : i + n, k : k + m] += slope @ w[i, k].T
        return of_x[:, 1:-1, 1:-1], (of_w, rows.sum(0))

    return y, back


def relu(x: np.ndarray) -> tuple[np.ndarray, Back]:
    return np.maximum(x, 0), lambda slope: slope * (x > 0)


def pool(x: np.ndarray) -> tuple[np.ndarray, Back]:
    """The largest of each 2 x 2 places; equals share the gradient, which is 0 behind a relu."""
    n, h, w, c = x.shape
    tiles = x.reshape(n, h // 2, 2, w // 2, 2, c)
    y = tiles.max((2, 4), keepdims=True)
    share = (tiles == y) / (tiles == y).sum((2, 4), keepdims=True)

    def back(slope: np.ndarray) -> np.ndarray:
        return (share * slope.reshape(y.shape)).reshape(x.shape)

    return y.reshape(n, h // 2, w // 2, c), back


def gelu(x: np.ndarray) -> tuple[np.ndarray, Back]:
    bent = np.tanh(ROOT * (x + CUBE * x**3))
    rise = 0.5 * (1 + bent) + 0.5 * x * (1 - bent**2) * ROOT * (1 + 3 * CUBE * x**2)
    return 0.5 * x * (1 + bent), lambda slope: slope * rise


def layer_norm(x: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, Back]:
    root = 1 / np.sqrt(x.var(-1, keepdims=True) + networks.EPSILON)
    y = (x - x.mean(-1, keepdims=True)) * root

    def back(slope: np.ndarray) -> Any:
        axes = tuple(range(x.ndim - 1))
        inner = slope * scale
        mean, along = inner.mean(-1, keepdims=True), (inner * y).mean(-1, keepdims=True)
        return root * (inner - mean - y * along), ((slope * y).sum(axes), slope.sum(axes))

    return y * scale + bias, back


def attention(qkv: np.ndarray, size: Transformer) -> tuple[np.ndarray, Back]:
    """Causal, of (batch, length, 3 x heads x depth)."""
    n, t, h, d = *qkv.shape[:2], size.heads, size.depth
    q, k, v = qkv.reshape(n, t, 3, h, d).transpose(2, 0, 3, 1, 4)
    scores = np.where(np.tri(t, dtype=bool), q @ k.swapaxes(-1, -2) * d**-0.5, -np.inf)
    seen = np.exp(scores - scores.max(-1, keepdims=True))
    seen /= seen.sum(-1, keepdims=True)

    def back(slope: np.ndarray) -> np.ndarray:
        of_y = slope.reshape(n, t, h, d).swapaxes(1, 2)
        of_seen = of_y @ v.swapaxes(-1, -2)
        of_scores = seen * (of_seen - (of_seen * seen).sum(-1, keepdims=True)) * d**-0.5
        three = (of_scores @ k, of_scores.swapaxes(-1, -2) @ q, seen.swapaxes(-1, -2) @ of_y)
        return np.stack(three).transpose(1, 3, 0, 2, 4).reshape(qkv.shape)

    return (seen @ v).swapaxes(1, 2).reshape(n, t, h * d), back


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean, and its gradient."""
    rows, at = logits.reshape(-1, logits.shape[-1]), np.arange(labels.size)
    rows = rows - rows.max(-1, keepdims=True)
    total = np.log(np.exp(rows).sum(-1, keepdims=True))
    slope = np.exp(rows - total)
    slope[at, labels.ravel()] -= 1
    loss = float((total[:, 0] - rows[at, labels.ravel()]).mean())
    return loss, (slope / labels.size).reshape(logits.shape)


def cnn(params: Any, x: np.ndarray, labels: np.ndarray) -> tuple[float, Any]:
    """The loss and the gradients of the parameters."""
    one, two, three, four = params
    y, first = convolution(x, *one)
    y, first_bend = relu(y)
    y, second = convolution(y, *two)
    y, second_bend = relu(y)
    y, pooled = pool(y)
    shape = y.shape
    y, third = dense(y.reshape(len(x), -1), *three)
    y, third_bend = relu(y)
    y, fourth = dense(y, *four)
    loss, slope = cross_entropy(y, labels)
    slope, of_four = fourth(slope)
    slope, of_three = third(third_bend(slope))
    slope, of_two = second(second_bend(pooled(slope.reshape(shape))))
    return loss, [first(first_bend(slope))[1], of_two, of_three, of_four]


def _block(p: Any, x: np.ndarray, size: Transformer) -> tuple[np.ndarray, Back]:
    y, before = layer_norm(x, *p["before"])
    y, qkv = dense(y, *p["qkv"])
    y, attended = attention(y, size)
    y, out = dense(y, *p["out"])
    x = x + y
    y, between = layer_norm(x, *p["between"])
    y, up = dense(y, *p["up"])
    y, bent = gelu(y)
    y, down = dense(y, *p["down"])

    def back(slope: np.ndarray) -> Any:
        found = {}
        inner, found["down"] = down(slope)
        inner, found["up"] = up(bent(inner))
        inner, found["between"] = between(inner)
        slope = slope + inner
        inner, found["out"] = out(slope)
        inner, found["qkv"] = qkv(attended(inner))
        inner, found["before"] = before(inner)
        return slope + inner, found

    return x + y, back


def gpt(
    params: Any, tokens: np.ndarray, labels: np.ndarray, size: Transformer
) -> tuple[float, Any]:
    """The loss and the gradients of the parameters."""
    x = params["tokens"][tokens] + params["positions"]
    backs = []
    for p in params["blocks"]:
        x, back = _block(p, x, size)
        backs.append(back)
    y, normed = layer_norm(x, *params["norm"])
    y, head = dense(y, params["head"], np.zeros(size.vocabulary))
    loss, slope = cross_entropy(y, labels)
    slope, (of_head, _) = head(slope)
    slope, of_norm = normed(slope)
    blocks = []
    for back in reversed(backs):
        slope, found = back(slope)
        blocks.insert(0, found)
    of_tokens = np.zeros_like(params["tokens"])
    np.add.at(of_tokens, tokens, slope)
    return loss, {
        "tokens": of_tokens,
        "positions": slope.sum(0),
        "norm": of_norm,
        "head": of_head,
        "blocks": blocks,
    }


def _trained(loss_of: Callable[[Any], tuple[float, Any]], params: Any, steps: int) -> list[float]:
    """The losses before each of the steps of Adam."""
    params = mapped(lambda p: p.astype(np.float64), params)
    weights = list(leaves(params))
    mean, square = ([np.zeros_like(w) for w in weights] for _ in range(2))
    losses = []
    for n in range(1, steps + 1):
        loss, found = loss_of(params)
        losses.append(loss)
        # Dictionaries are compared by key, since the two trees may list them in another order.
        for k, g in enumerate(leaves(_ordered(found, params))):
            mean[k] += (1 - BETA1) * (g - mean[k])
            square[k] += (1 - BETA2) * (g * g - square[k])
            root = np.sqrt(square[k] / (1 - BETA2**n)) + EPSILON
            weights[k] -= RATE * (mean[k] / (1 - BETA1**n)) / root
    return losses


def _ordered(tree: Any, like: Any) -> Any:
    if isinstance(like, dict):
        return {key: _ordered(tree[key], value) for key, value in like.items()}
    if isinstance(like, (list, tuple)):
        return [_ordered(a, b) for a, b in zip(tree, like, strict=True)]
    return tree


@functools.cache
def cnn_losses(steps: int, images: int = networks.IMAGES) -> tuple[float, ...]:
    x, labels = networks.cnn_batch(images)
    wide = x.astype(np.float64)
    return tuple(_trained(lambda p: cnn(p, wide, labels), networks.cnn_parameters(), steps))


@functools.cache
def gpt_losses(steps: int, size: Transformer = networks.GPT) -> tuple[float, ...]:
    tokens, labels = networks.gpt_batch(size)
    params = networks.gpt_parameters(size)
    return tuple(_trained(lambda p: gpt(p, tokens, labels, size), params, steps))
