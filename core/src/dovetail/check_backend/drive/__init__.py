"""Driving a library by its raw tables, as a host would, but with a host of the kit's own.

problem.py     one call of an op: operands, attributes, what should come out
layout.py      an operand's values under other strides
attributes.py  attributes in the ABI's form
view.py        a dvt_tensor
device.py      the device: opening, memory, copies
driver.py      its kernels and calls
queue.py       streams and events of the device
process.py     what of the process a call may not change
"""
