"""The convolutional network and the transformer in jax: the whole step jitted and donated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from spine.jax_peer import steps_of

from workloads import networks
from workloads.networks import GPT, Transformer


def _cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1).mean()


def _dense(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
    return x @ w + b


def cnn(images: int = networks.IMAGES) -> Callable[[], jax.Array]:
    def loss_of(params: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
        for w, b in params[:2]:
            x = jax.lax.conv_general_dilated(
                x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + b)
        window = (1, 2, 2, 1)
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        x = jax.nn.relu(_dense(x.reshape(len(x), -1), *params[2]))
        return _cross_entropy(_dense(x, *params[3]), labels)

    return steps_of(loss_of, networks.cnn_parameters(), networks.cnn_batch(images))


def gpt(size: Transformer = GPT) -> Callable[[], jax.Array]:
    n, t, d = size.batch, size.length, size.width
    seen = jnp.tril(jnp.ones((t, t), bool))

    def normed(x: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
        root = jax.lax.rsqrt(x.var(-1, keepdims=True) + networks.EPSILON)
        return (x - x.mean(-1, keepdims=True)) * root * scale + bias

    def block(p: Any, x: jax.Array) -> jax.Array:
        three = jnp.split(_dense(normed(x, *p["before"]), *p["qkv"]), 3, -1)
        q, k, v = (z.reshape(n, t, size.heads, size.depth) for z in three)
        scores = jnp.einsum("bthd,bshd->bhts", q, k) * size.depth**-0.5
        share = jax.nn.softmax(jnp.where(seen, scores, -1e30), -1)
        x = x + _dense(jnp.einsum("bhts,bshd->bthd", share, v).reshape(n, t, d), *p["out"])
        return x + _dense(
            jax.nn.gelu(_dense(normed(x, *p["between"]), *p["up"]), approximate=True), *p["down"]
        )

    def loss_of(params: Any, tokens: jax.Array, labels: jax.Array) -> jax.Array:
        x = params["tokens"][tokens] + params["positions"]
        for p in params["blocks"]:
            x = block(p, x)
        return _cross_entropy(normed(x, *params["norm"]) @ params["head"], labels)

    return steps_of(loss_of, networks.gpt_parameters(size), networks.gpt_batch(size))
