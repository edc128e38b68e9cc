"""Workloads of the field beside the peers: chains, reductions, products, convolutions, training."""
