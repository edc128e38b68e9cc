"""The convolutional network and the transformer in dovetail: the whole step jitted and donated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spine.dovetail_peer import steps_of

import dovetail as dt
from workloads import networks
from workloads.networks import GPT, Transformer


def cnn(images: int = networks.IMAGES) -> Callable[[], Any]:
    def loss_of(params: Any, x: Any, labels: Any) -> Any:
        for w, b in params[:2]:
            x = dt.nn.relu(dt.nn.conv2d(x, w, b, padding="same"))
        x = dt.nn.max_pool2d(x, 2).reshape((images, networks.FLAT))
        x = dt.nn.relu(dt.nn.linear(x, *params[2]))
        return dt.nn.cross_entropy(dt.nn.linear(x, *params[3]), labels)

    return steps_of(loss_of, networks.cnn_parameters(), networks.cnn_batch(images))


def gpt(size: Transformer = GPT) -> Callable[[], Any]:
    n, t, d = size.batch, size.length, size.width

    def normed(x: Any, affine: Any) -> Any:
        return dt.nn.layer_norm(x, *affine, epsilon=networks.EPSILON)

    def heads(x: Any) -> Any:
        return dt.permute_dims(x.reshape((n, t, size.heads, size.depth)), (0, 2, 1, 3))

    def block(p: Any, x: Any) -> Any:
        three = dt.split(dt.nn.linear(normed(x, p["before"]), *p["qkv"]), 3, axis=-1)
        y = dt.nn.attention(*map(heads, three), causal=True)
        y = dt.permute_dims(y, (0, 2, 1, 3)).reshape((n, t, d))
        x = x + dt.nn.linear(y, *p["out"])
        y = dt.nn.linear(normed(x, p["between"]), *p["up"])
        return x + dt.nn.linear(dt.nn.gelu(y, approximate="tanh"), *p["down"])

    def loss_of(params: Any, tokens: Any, labels: Any) -> Any:
        x = dt.nn.embedding(params["tokens"], tokens) + params["positions"]
        for p in params["blocks"]:
            x = block(p, x)
        logits = dt.matmul(normed(x, params["norm"]), params["head"])
        return dt.nn.cross_entropy(logits, labels)

    return steps_of(loss_of, networks.gpt_parameters(size), networks.gpt_batch(size))
