"""Clusters of structures that differ: what is left out in turn to see what the rest of the data knows of it."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array
from mlip_rs.data import Frame
from mlip_rs.data.core_structures import core_structure
from mlip_rs.fitting.problem import Problem
from mlip_rs.threads import in_order, number_of_threads

N_CLUSTERS: int = 8
"""Clusters of a data set that has enough structures."""

LEAST_STRUCTURES: int = 3
"""Structures per cluster, on average, at least; below, there are fewer clusters."""

MOST_FOR_WARD: int = 3000
"""More structures are clustered by k-means: Ward's method needs all their distances."""

SEED: int = 0
"""Of k-means."""

ROWS_PER_FEATURE: int = 10
"""Where there are several times as many, fits without a cluster are to some of the structures only."""


def mean_features(problem: Problem, threads: int | None = None) -> Array:
    """(S, E f) features per atom of each structure, those of each centre element apart.

    Parameters
    ----------
    threads
        As for `Potential.predict`.
    """
    basis = problem.basis

    def mean(frame: Frame) -> Array:
        features = basis.core.features(core_structure(frame))
        symbols = np.array(frame.symbols)
        own = [features[symbols == element].sum(axis=0) / frame.n_atoms for element in basis.elements]
        return np.concatenate(own)

    return np.array(list(in_order(mean, problem.dataset, number_of_threads(threads))))


def clusters(features: Array) -> NDArray[np.int64]:
    """(S,) cluster of each structure, 0 … C − 1, by Ward's method on standardised features (S, f).

    J. H. Ward, J. Am. Stat. Assoc. 58, 236 (1963). There is one cluster only where there are too few structures.

    Examples
    --------
    >>> clusters(np.array([[0.0], [0.1], [5.0], [5.1], [0.05], [5.05]])).tolist()
    [0, 0, 1, 1, 0, 1]
    """
    n_clusters = min(N_CLUSTERS, len(features) // LEAST_STRUCTURES)
    scale = features.std(axis=0)
    varying = scale > 1e-9 * np.abs(features).max(axis=0, initial=0.0)
    z = (features[:, varying] - features[:, varying].mean(axis=0)) / scale[varying]
    if n_clusters < 2 or not varying.any() or len(np.unique(z, axis=0)) < n_clusters:
        return np.zeros(len(features), dtype=np.int64)
    if len(features) <= MOST_FOR_WARD:
        with threadpool_limits(1):  # the same bits whatever the number of threads
            distances = pairwise_distances(z)
        labels = cut_tree(linkage(squareform(distances, checks=False), "ward"), n_clusters)[:, 0]
    else:
        labels = KMeans(n_clusters, random_state=SEED, n_init=1).fit_predict(z)
    order = {label: k for k, label in enumerate(dict.fromkeys(labels.tolist()))}
    return np.array([order[label] for label in labels.tolist()])


def thinned(n_rows: int, n_features: int) -> int:
    """Number n such that every n-th structure leaves at least `ROWS_PER_FEATURE` rows for each feature.

    >>> thinned(338_000, 5904), thinned(41_000, 2971)
    (5, 1)
    """
    return max(1, n_rows // (ROWS_PER_FEATURE * n_features))
