"""The spine's costs beside its peers: calls, gradients, compiling, a training step, importing."""
