"""What the keys of a file mean: the label, whose it is, and whether it is an energy per atom."""

import re
from functools import lru_cache
from typing import NamedTuple

BASES: dict[str, str] = {
    "energyperatom": "energy per atom",
    "eperatom": "energy per atom",
    "energypa": "energy per atom",
    "freeenergy": "free energy",
    "toten": "free energy",
    "potentialenergy": "energy",  # before the total one, which has the kinetic energy in it if both are there
    "potenergy": "energy",
    "epot": "energy",
    "totalenergy": "energy",
    "totenergy": "energy",
    "energytotal": "energy",
    "energy": "energy",
    "etot": "energy",
    "etotal": "energy",
    "atomicforces": "forces",
    "forces": "forces",
    "force": "forces",
    "stresses": "stress",
    "stresstensor": "stress",
    "stress": "stress",
    "virials": "virial",
    "virialtensor": "virial",
    "virial": "virial",
}
"""Label by name in lower case without separators; the longer names first where one ends with another."""

COLUMNS: dict[str, str] = {"f": "forces"}
"""Labels by names that mean this only as columns of the atoms: `F` of a comment line may be an energy."""

LABELS: tuple[str, ...] = ("energy", "energy per atom", "free energy", "forces", "stress", "virial")

REFERENCES: frozenset[str] = frozenset(
    {"ref", "reference", "dft", "qm", "target", "label", "labels", "true", "truth", "abinitio"}
)
"""Prefixes and suffixes of labels that are the reference, whatever stands beside them."""

METHODS: frozenset[str] = frozenset(
    (  # noqa: SIM905
        "pbe pbesol revpbe rpbe pbe0 scan rscan r2scan lda pw91 blyp b3lyp tpss hse hse06 hf mp2 ccsd ccsdt gga mgga "
        "vasp qe espresso castep aims cp2k abinit gpaw siesta"
    ).split()
)
"""Functionals and programs: labels with such a name are a reference as well, but which one is for the user to say."""

QUALIFIERS: frozenset[str] = frozenset(
    [
        "kinetic",
        "kin",
        "formation",
        "binding",
        "cohesive",
        "atomization",
        "interaction",
        "solvation",
        "vdw",
        "dispersion",
        "zero",
        "fermi",
        "hull",
        "above",
        "sigma",
        "weight",
        "weights",
        "mask",
        "cutoff",
        "max",
        "min",
        "norm",
        "rms",
        "mae",
        "rmse",
        "mean",
        "std",
        "var",
        "error",
        "uncertainty",
        "variance",
        "unit",
        "units",
        "gap",
        "band",
        "corrected",
        "shifted",
        "change",
        "drift",
        "local",
        "atomic",
        "node",
        "smearing",
        "entropy",
        "tolerance",
        "threshold",
        "shift",
        "key",
        "per",
        "atom",
        "peratom",
        "energies",
        "ewald",
        "coulomb",
        "coul",
        "pair",
        "bond",
        "rot",
        "trans",
        "convergence",
        "converged",
        "constant",
    ]
)
"""Words that make something else of an energy, force or stress."""


class LabelName(NamedTuple):
    """Meaning of a key.

    Parameters
    ----------
    label
        One of `LABELS`.
    origin
        Whose label it is, in lower case: empty for a bare name, "ref", "pbe", "mace".
    rank
        0 for the name that ASE uses; the others are asked later.
    """

    label: str
    origin: str
    rank: int

    @property
    def is_taken(self) -> bool:
        """Whether the label is taken without being named by the user."""
        return self.origin == "" or self.origin in REFERENCES


@lru_cache(maxsize=4096)
def label_name(key: str) -> LabelName | None:
    """Return what a key means; None if it is no label.

    Examples
    --------
    >>> label_name("REF_forces")[:2], label_name("Virial")[:2], label_name("pbe_energy")[:2]
    (('forces', 'ref'), ('virial', ''), ('energy', 'pbe'))
    >>> label_name("kinetic_energy"), label_name("energy_per_atom")[:2]
    (None, ('energy per atom', ''))
    """
    squeezed = re.sub(r"[^a-z0-9]", "", key.lower())
    if squeezed in COLUMNS:
        return LabelName(COLUMNS[squeezed], "", 2 + len(BASES))
    if squeezed in BASES:
        return LabelName(BASES[squeezed], "", 0 if key in _OF_ASE else _rank(squeezed))
    for base, label in BASES.items():
        for origin in (squeezed.removesuffix(base), squeezed.removeprefix(base)):
            if origin == squeezed:
                continue
            if origin in REFERENCES or (_is_separated(key, base) and not QUALIFIERS & set(_words(key))):
                return LabelName(label, origin, _rank(base))
    return None


_OF_ASE: frozenset[str] = frozenset({"energy", "free_energy", "forces", "stress", "virial"})


def _rank(base: str) -> int:
    """Place of a name among those of the same label: first the spellings of ASE's own."""
    return 1 if base in {key.replace("_", "") for key in _OF_ASE} else 2 + list(BASES).index(base)


def _words(key: str) -> list[str]:
    """Words of a key, in lower case."""
    return re.findall(r"[a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", key).lower())


def _is_separated(key: str, base: str) -> bool:
    """Tell whether a separator or a change of case stands between the name of the label and the rest."""
    words = _words(key)
    return any(base in ("".join(words[:k]), "".join(words[k:])) for k in range(1, len(words)))
