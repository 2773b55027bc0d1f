"""Make python/mlip_rs/importers/polymlp_couplings.npz: the invariants of pypolymlp 0.22 in chains of real couplings.

    python tests/python/importers/make_couplings.py FOLDER    # with its polymlp_gtinv_data_v*_order*.bin

pypolymlp (A. Seko, BSD 3-Clause) ships numerical eigenvectors: an invariant is `Σ_m C_m Π a_{l m}` over complex order
parameters. Each is turned into real ones and projected on our chains, which are orthogonal and span it; the table holds
the coefficients of the chains, for all degrees that our basis knows. Arrays `v2_4_degrees` (invariants, order) and
`v2_4_chains` (all coefficients, one invariant after the other) for version 2 and order 4, and so on.
"""

import struct
import sys
from pathlib import Path

import numpy as np

from mlip_rs.importers.couplings import chain_tensor, chains, real_harmonics
from mlip_rs.importers.polymlp_invariants import MAX_DEGREES, TABLE


def read(path: Path):
    """Degrees, coefficients and projections m of the invariants of one file."""
    content, at = path.read_bytes(), 4

    def integers(n):
        nonlocal at
        at += 4 * n
        return struct.unpack_from(f"<{n}i", content, at - 4 * n)

    integers(2)
    degrees = [integers(*integers(1)) for _ in range(*integers(1))]
    integers(1)
    coefficients = []
    for _ in range(*integers(1)):
        (n,) = integers(1)
        coefficients.append(np.frombuffer(content, "<f8", n, at))
        at += 8 * n
    integers(1)
    projections = [
        np.array([integers(*integers(1)) for _ in range(*integers(1))]) for _ in range(*integers(1))
    ]
    assert at == len(content)
    return list(zip(degrees, coefficients, projections, strict=True))


def in_chains(degrees, coefficients, projections):
    """Coefficients of all chains in one invariant."""
    tensor = np.zeros([2 * degree + 1 for degree in degrees], dtype=complex)
    np.add.at(tensor, tuple((projections + np.array(degrees)).T), coefficients)
    for degree in degrees:  # the axis in front is turned and put last
        tensor = np.tensordot(tensor, real_harmonics(degree).conj().T, axes=(0, 0))
    assert np.abs(tensor.imag).max() < 1e-12
    rest, found = tensor.real.copy(), []
    for chain in chains(degrees):
        basis = chain_tensor(degrees, chain)
        found.append(np.vdot(basis, tensor.real) / (2 * degrees[-1] + 1))
        rest -= found[-1] * basis
    assert np.abs(rest).max() < 1e-12, (degrees, np.abs(rest).max())
    return np.array(found)


def main(folder: Path):
    table = {}
    for version in (1, 2):
        for order in range(1, 7):
            invariants = read(folder / f"polymlp_gtinv_data_v{version}_order{order}.bin")
            assert all(list(degrees) == sorted(degrees) for degrees, _, _ in invariants)
            invariants = [entry for entry in invariants if max(entry[0]) <= MAX_DEGREES[order]]
            if order == 1:
                assert [(d, *c) for d, c, _ in invariants] == [((0,), 1.0)]
                continue
            key = f"v{version}_{order}"
            table[f"{key}_degrees"] = np.array([entry[0] for entry in invariants], dtype=np.uint8)
            values = np.concatenate([in_chains(*entry) for entry in invariants])
            table[f"{key}_chains"] = np.where(np.abs(values) < 1e-15, 0.0, values)
    np.savez_compressed(TABLE, **table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
