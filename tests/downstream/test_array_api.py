"""Libraries written against the Python array API standard take arrays of Dovetail as they are.

Results are compared with those for numpy arrays, and must be arrays of Dovetail. scipy looks at the
environment variable SCIPY_ARRAY_API once, which the tox env sets.
"""

from collections.abc import Callable, Iterator
from typing import Any

import array_api_compat
import numpy as np
import pytest
import scipy.cluster.hierarchy
import scipy.cluster.vq
import scipy.differentiate
import scipy.fft
import scipy.integrate
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.spatial.transform
import scipy.special
import scipy.stats
import sklearn
from sklearn import metrics
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import (
    LabelEncoder,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    StandardScaler,
)

import dovetail as dt

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4)) + np.arange(60)[:, None] % 3
Y = np.arange(60) % 3
A, B = X[:, 0], X[:, 1]


@pytest.fixture(autouse=True)
def _dispatch() -> Iterator[None]:
    with sklearn.config_context(array_api_dispatch=True):
        yield


def parts(found: Any) -> list[Any]:
    return list(found) if isinstance(found, tuple) else [found]


def agree(call: Callable[..., Any], *data: np.ndarray) -> None:
    """The same numbers as for numpy arrays, in arrays of Dovetail."""
    found, wanted = parts(call(*map(dt.asarray, data))), parts(call(*data))
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        assert isinstance(ours, dt.Array), type(ours)
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-6, atol=1e-8)


# ---- array-api-compat ----------------------------------------------------------------------------


def test_the_namespace_of_an_array_is_dovetail() -> None:
    x = dt.asarray(X)
    assert array_api_compat.array_namespace(x, dt.asarray(Y)) is dt
    assert array_api_compat.is_array_api_obj(x)
    assert not array_api_compat.is_lazy_array(x)
    assert array_api_compat.device(x) is x.device
    assert array_api_compat.size(x) == X.size
    moved = array_api_compat.to_device(x, "cpu:0")
    assert moved.device.name == "cpu:0"
    with pytest.raises(TypeError, match="Multiple namespaces"):
        array_api_compat.array_namespace(x, X)


# ---- scikit-learn --------------------------------------------------------------------------------

TRANSFORMERS = {
    "pca": lambda: PCA(2),
    "pca by all singular values": lambda: PCA(2, svd_solver="full", whiten=True),
    "pca by some": lambda: PCA(
        2, svd_solver="randomized", power_iteration_normalizer="QR", random_state=0
    ),
    "max abs": MaxAbsScaler,
    "min max": MinMaxScaler,
    "norms": Normalizer,
    "polynomials": PolynomialFeatures,
    "standard": StandardScaler,
}


@pytest.mark.parametrize("make", TRANSFORMERS.values(), ids=TRANSFORMERS)
def test_features_are_transformed(make: Callable[[], Any]) -> None:
    agree(lambda x: make().fit(x).transform(x), X)


def test_principal_components_come_back() -> None:
    agree(lambda x: PCA(4).fit(x).inverse_transform(PCA(4).fit_transform(x)), X)
    agree(lambda x: (PCA(2).fit(x).components_, PCA(2).fit(x).explained_variance_), X)


@pytest.mark.parametrize(
    "make",
    [
        LinearDiscriminantAnalysis,
        GaussianNB,
        lambda: RidgeClassifier(solver="svd"),
        LogisticRegression,
    ],
    ids=["lda", "naive bayes", "ridge", "logistic"],
)
def test_classes_are_predicted(make: Callable[[], Any]) -> None:
    agree(lambda x, y: make().fit(x, y).predict(x), X, Y)
    scores = "decision_function" if hasattr(make(), "decision_function") else "predict_proba"
    agree(lambda x, y: getattr(make().fit(x, y), scores)(x), X, Y)


def test_lda_projects_and_tells_probabilities() -> None:
    agree(lambda x, y: LinearDiscriminantAnalysis().fit(x, y).transform(x), X, Y)
    agree(lambda x, y: LinearDiscriminantAnalysis().fit(x, y).predict_proba(x), X, Y)


def test_lines_and_mixtures_are_fitted() -> None:
    agree(lambda x, a: Ridge(solver="svd").fit(x, a).predict(x), X, A)
    starts = {"weights_init": [0.5, 0.5], "means_init": X[:2], "precisions_init": [np.eye(4)] * 2}

    def mixture(x: Any) -> Any:
        given = {k: array_api_compat.array_namespace(x).asarray(v) for k, v in starts.items()}
        return GaussianMixture(2, init_params="random", random_state=0, **given).fit(x).predict(x)

    agree(mixture, X)


def test_labels_are_encoded_and_examples_split() -> None:
    agree(lambda y: LabelEncoder().fit_transform(y), Y + 7)
    agree(lambda x, y: tuple(train_test_split(x, y, random_state=0)), X, Y)


PAIRWISE = ["cosine_similarity", "euclidean_distances", "rbf_kernel", "linear_kernel"]
SCORES = ["r2_score", "mean_squared_error", "mean_absolute_error", "max_error"]


@pytest.mark.parametrize("name", PAIRWISE)
def test_pairs_are_compared(name: str) -> None:
    agree(lambda x: getattr(metrics.pairwise, name)(x), X)


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_numbers(name: str) -> None:
    score = getattr(metrics, name)
    assert score(dt.asarray(A), dt.asarray(B)) == pytest.approx(score(A, B))
    assert metrics.accuracy_score(dt.asarray(Y), dt.asarray(Y)) == 1


# ---- scipy ---------------------------------------------------------------------------------------

stats, special, vq = scipy.stats, scipy.special, scipy.cluster.vq
hierarchy = scipy.cluster.hierarchy

SCIPY: dict[str, Callable[[Any, Any, Any], Any]] = {
    "skew": lambda x, a, b: stats.skew(x),
    "kurtosis": lambda x, a, b: stats.kurtosis(x, axis=1),
    "zscore": lambda x, a, b: stats.zscore(x),
    "moment": lambda x, a, b: stats.moment(x, 3),
    "ttest_ind": lambda x, a, b: tuple(stats.ttest_ind(x, 1.1 * x + 0.1)),
    "pearsonr": lambda x, a, b: tuple(stats.pearsonr(a, b)),
    "normaltest": lambda x, a, b: tuple(stats.normaltest(x)),
    "f_oneway": lambda x, a, b: tuple(stats.f_oneway(x[:20], x[20:40], x[40:])),
    "entropy": lambda x, a, b: stats.entropy(abs(x)),
    "quantile": lambda x, a, b: stats.quantile(x, 0.3),
    "rankdata": lambda x, a, b: stats.rankdata(x),
    "mannwhitneyu": lambda x, a, b: tuple(stats.mannwhitneyu(a, b)),
    "wilcoxon": lambda x, a, b: tuple(stats.wilcoxon(a)),
    "circmean": lambda x, a, b: stats.circmean(x),
    "logsumexp": lambda x, a, b: special.logsumexp(x, axis=1),
    "softmax": lambda x, a, b: special.softmax(x, axis=1),
    "gammaln": lambda x, a, b: special.gammaln(abs(x) + 0.1),
    "ndtri": lambda x, a, b: special.ndtri(special.expit(x)),
    "xlogy": lambda x, a, b: special.xlogy(x, abs(x) + 1),
    "whiten": lambda x, a, b: vq.whiten(x),
    "vq": lambda x, a, b: vq.vq(x, x[:5]),
    "kmeans": lambda x, a, b: vq.kmeans(x, x[:5])[0],
    "linkage": lambda x, a, b: hierarchy.linkage(x),
    "fcluster": lambda x, a, b: hierarchy.fcluster(hierarchy.linkage(x), 2.0),
    "rfft": lambda x, a, b: scipy.fft.rfft(x),
    "ifftn": lambda x, a, b: scipy.fft.ifftn(x),
    "trapezoid": lambda x, a, b: scipy.integrate.trapezoid(a),
    "tanhsinh": lambda x, a, b: scipy.integrate.tanhsinh(lambda t: t**2, a, a + 1).integral,
    "derivative": lambda x, a, b: scipy.differentiate.derivative(lambda t: t**3, a).df,
    "rosen": lambda x, a, b: scipy.optimize.rosen(x),
    "detrend": lambda x, a, b: scipy.signal.detrend(a),
    "gaussian_filter": lambda x, a, b: scipy.ndimage.gaussian_filter(x, 1.0),
    "rotation": lambda x, a, b: scipy.spatial.transform.Rotation.from_quat(x).as_matrix(),
}


@pytest.mark.parametrize("name", SCIPY)
def test_scipy_takes_arrays_and_gives_arrays(name: str) -> None:
    agree(SCIPY[name], X, A, B)
