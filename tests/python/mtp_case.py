"""Small moment tensor potentials of random coefficients, with tables of our own: `make_mtp_cases.py` writes them."""

from collections import Counter
from itertools import product

import numpy as np

CONTRACTIONS = {
    # Moments (μ, ν) of a scalar, and how many indices each two of them share.
    "M0": ([(0, 0)], {}),
    "M1": ([(1, 0)], {}),
    "v·v": ([(0, 1), (0, 1)], {(0, 1): 1}),
    "v·w": ([(0, 1), (1, 1)], {(0, 1): 1}),
    "T:T": ([(0, 2), (0, 2)], {(0, 1): 2}),
    "T:U": ([(0, 2), (1, 2)], {(0, 1): 2}),
    "R⋮R": ([(0, 3), (0, 3)], {(0, 1): 3}),
    "vTv": ([(0, 1), (0, 2), (0, 1)], {(0, 1): 1, (1, 2): 1}),
    "vTw": ([(0, 1), (0, 2), (1, 1)], {(0, 1): 1, (1, 2): 1}),
    "TTT": ([(0, 2), (0, 2), (0, 2)], {(0, 1): 1, (1, 2): 1, (0, 2): 1}),
    "RTv": ([(0, 3), (0, 2), (0, 1)], {(0, 1): 2, (0, 2): 1}),
    "vTTw": ([(0, 1), (0, 2), (0, 2), (1, 1)], {(0, 1): 1, (1, 2): 1, (2, 3): 1}),
    "Rvvv": ([(0, 3), (0, 1), (0, 1), (0, 1)], {(0, 1): 1, (0, 2): 1, (0, 3): 1}),
    "TTTT": ([(0, 2)] * 4, {(0, 1): 1, (1, 2): 1, (2, 3): 1, (0, 3): 1}),
}

MODELS = {
    # Contractions, products of scalars, number of elements.
    "pairs": (["M0", "M1"], [("M0", "M0"), ("M0", "M1")], 1),
    "one": (
        ["M0", "M1", "v·v", "v·w", "T:T", "T:U", "R⋮R", "vTv", "vTw", "TTT", "RTv", "vTTw", "Rvvv", "TTTT"],
        [
            ("M0", "M0"),
            ("M0", "M1"),
            ("M0", "v·v"),
            ("v·v", "T:T"),
            ("M0", "M0", "v·v"),
            ("M0",) * 4,
            ("T:T", "T:T"),
        ],
        1,
    ),
    "two": (
        ["M0", "M1", "v·v", "v·w", "T:T", "T:U", "vTv", "vTw", "TTT", "vTTw"],
        [("M0", "M0"), ("M0", "v·v"), ("M0", "M0", "M0"), ("v·v", "v·w"), ("M1", "vTw")],
        2,
    ),
    "long": (["M0", "T:T"], [("M0",) * 5, ("T:T", "T:T", "T:T")], 1),
}


def tables(contractions, products):
    """The tables of a model: basic, times, number of moments, mapping."""
    needed = sorted({moment for name in contractions for moment in CONTRACTIONS[name][0]})
    basic = [
        (mu, a, b, nu - a - b) for mu, nu in needed for a in range(nu, -1, -1) for b in range(nu - a, -1, -1)
    ]
    place = {moment: k for k, moment in enumerate(basic)}
    times, nodes, scalars = [], {}, {}
    count = len(basic)

    def product_of(factors):
        """Number of a product of moments."""
        nonlocal count
        if len(factors) == 1:
            return factors[0]
        if factors not in nodes:
            times.append((product_of(factors[:-1]), factors[-1], 1, count))
            nodes[factors] = count
            count += 1
        return nodes[factors]

    for name in contractions:
        moments, bonds = CONTRACTIONS[name]
        terms = Counter()
        ends = [pair for pair, shared in bonds.items() for _ in range(shared)]
        for axes in product(range(3), repeat=len(ends)):
            powers = [[0, 0, 0] for _ in moments]
            for (i, j), axis in zip(ends, axes, strict=True):
                powers[i][axis] += 1
                powers[j][axis] += 1
            chosen = [place[(mu, *own)] for (mu, _), own in zip(moments, powers, strict=True)]
            terms[tuple(sorted(chosen))] += 1
        if len(moments) == 1:
            (scalars[name],) = next(iter(terms))
            continue
        prepared = [(product_of(factors[:-1]), factors[-1], times_of) for factors, times_of in terms.items()]
        times.extend((first, second, times_of, count) for first, second, times_of in prepared)
        scalars[name] = count
        count += 1
    mapping = [*scalars.values(), *(product_of(tuple(scalars[name] for name in names)) for names in products)]
    return basic, times, count, mapping


def text(name, seed=3, size=6, min_dist=1.8, max_dist=4.6, types=None, model=None):
    """The file of a model."""
    contractions, products, n_elements = model or MODELS[name]
    rng = np.random.default_rng(seed)
    basic, times, count, mapping = tables(contractions, products)
    n_radial = max(mu for mu, *_ in basic) + 1
    types = types or list(range(n_elements))
    lines = ["MTP", "version = 1.1.0", "potential_name = own", "scaling = 5e-02"]
    lines += [f"species_count = {n_elements}", "potential_tag = ", "radial_basis_type = RBChebyshev"]
    lines += [
        f"\tmin_dist = {min_dist:.15e}",
        f"\tmax_dist = {max_dist:.15e}",
        f"\tradial_basis_size = {size}",
    ]
    lines += [f"\tradial_funcs_count = {n_radial}", "\tradial_coeffs"]
    for center, neighbor in product(types, repeat=2):
        lines.append(f"\t\t{center}-{neighbor}")
        lines += [f"\t\t\t{row(rng.normal(0, 1, size) / np.arange(1, size + 1))}" for _ in range(n_radial)]
    lines += [f"alpha_moments_count = {count}", f"alpha_index_basic_count = {len(basic)}"]
    lines += [f"alpha_index_basic = {rows(basic)}", f"alpha_index_times_count = {len(times)}"]
    lines += [f"alpha_index_times = {rows(times)}", f"alpha_scalar_moments = {len(mapping)}"]
    lines += [
        f"alpha_moment_mapping = {row(mapping)}",
        f"species_coeffs = {row(rng.normal(-2, 1, n_elements))}",
    ]
    return "\n".join([*lines, f"moment_coeffs = {row(rng.normal(0, 0.3, len(mapping)))}"])


def row(values):
    return (
        "{" + ", ".join(f"{value:.15e}" if isinstance(value, float) else f"{value}" for value in values) + "}"
    )


def rows(entries):
    return "{" + ", ".join(map(row, entries)) + "}"
