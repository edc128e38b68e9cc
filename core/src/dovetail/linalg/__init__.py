"""Linear algebra: the extension of the Array API standard, and what scientists miss in it.

Arrays hold matrices in their last two axes, and any number of batch axes before them. Everything
differentiates where a derivative exists, to any order, and runs under `jit` and `vmap`. Singular,
indefinite or non-finite matrices raise an OpError that names the matrix, eagerly and when a
compiled function runs.
"""

from dovetail.linalg.factors import (
    EighResult,
    EigResult,
    QRResult,
    SVDResult,
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    qr,
    svd,
    svdvals,
)
from dovetail.linalg.norms import cond, matrix_norm, matrix_rank, norm, vector_norm
from dovetail.linalg.solutions import (
    LstsqResult,
    SlogdetResult,
    det,
    expm,
    inv,
    lstsq,
    matrix_power,
    pinv,
    slogdet,
    solve,
    solve_triangular,
)
from dovetail.linalg.traces import cross, diagonal, multi_dot, trace
from dovetail.manipulation import matrix_transpose
from dovetail.ops import matmul
from dovetail.products import outer, tensordot, vecdot

__all__ = [
    "EigResult",
    "EighResult",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]
