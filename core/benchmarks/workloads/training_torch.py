"""The convolutional network and the transformer in torch: eager, with its fused Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from spine import problems
from torch.nn import functional

from workloads import networks
from workloads.networks import GPT, Transformer


def _tensors(tree: Any) -> Any:
    """Dense weights are (out, in) here, those of convolutions (out, in, height, width)."""
    if isinstance(tree, dict):
        return {key: _tensors(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_tensors(value) for value in tree]
    if isinstance(tree, tuple):
        w, b = tree
        return _tensor(w.transpose((3, 2, 0, 1) if w.ndim == 4 else None)), _tensor(b)
    return _tensor(tree)


def _tensor(value: np.ndarray) -> torch.Tensor:
    tensor = torch.tensor(np.ascontiguousarray(value))
    if tensor.ndim == 4:
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    return tensor.requires_grad_()


def _training(params: Any, loss_of: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    adam = torch.optim.Adam(
        list(networks.leaves(params)),
        problems.RATE,
        betas=(problems.BETA1, problems.BETA2),
        eps=problems.EPSILON,
        fused=True,
    )

    def step() -> torch.Tensor:
        adam.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        adam.step()
        return loss.detach()

    return step


def cnn(images: int = networks.IMAGES) -> Callable[[], torch.Tensor]:
    params = _tensors(networks.cnn_parameters())
    x, labels = map(torch.from_numpy, networks.cnn_batch(images))
    x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    first, second, third, fourth = params

    def loss_of() -> torch.Tensor:
        y = functional.relu(functional.conv2d(x, *first, padding=1))
        y = functional.relu(functional.conv2d(y, *second, padding=1))
        y = functional.max_pool2d(y, 2).permute(0, 2, 3, 1).flatten(1)
        y = functional.relu(functional.linear(y, *third))
        return functional.cross_entropy(functional.linear(y, *fourth), labels)

    return _training(params, loss_of)


def gpt(size: Transformer = GPT) -> Callable[[], torch.Tensor]:
    params = _tensors(networks.gpt_parameters(size))
    tokens, labels = map(torch.from_numpy, networks.gpt_batch(size))
    n, t, d = size.batch, size.length, size.width

    def normed(x: torch.Tensor, affine: Any) -> torch.Tensor:
        return functional.layer_norm(x, (d,), *affine, networks.EPSILON)

    def block(p: Any, x: torch.Tensor) -> torch.Tensor:
        three = functional.linear(normed(x, p["before"]), *p["qkv"]).split(d, -1)
        q, k, v = (z.view(n, t, size.heads, size.depth).transpose(1, 2) for z in three)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + functional.linear(y.transpose(1, 2).reshape(n, t, d), *p["out"])
        y = functional.linear(normed(x, p["between"]), *p["up"])
        return x + functional.linear(functional.gelu(y, approximate="tanh"), *p["down"])

    def loss_of() -> torch.Tensor:
        x = functional.embedding(tokens, params["tokens"]) + params["positions"]
        for p in params["blocks"]:
            x = block(p, x)
        logits = normed(x, params["norm"]) @ params["head"]
        return functional.cross_entropy(logits.flatten(0, 1), labels.flatten())

    return _training(params, loss_of)
