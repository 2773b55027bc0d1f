"""How many structures of each kind a set shall have."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlip_rs.errors import ConfigError
from mlip_rs.generate.parents import shared_out

COUNTS: dict[str, int] = {
    "eos": 48, "elastic": 18, "strain": 22, "phonon": 16, "rattle": 76, "supercell": 10, "vacancy": 10,
    "interstitial": 6, "slab": 14, "stacking-fault": 6, "grain-boundary": 3, "cluster": 9, "random": 12,
    "solid": 12, "liquid": 12, "isolated-atom": 0, "ordering": 1,
}  # fmt: skip
"""Structures of a small set of one element; about 200 to 250 small cells are what the linear models were fitted to
(A. Seko, A. Takahashi, I. Tanaka, Phys. Rev. B 92, 054113 (2015))."""

DYNAMICS: tuple[str, ...] = ("solid", "liquid")
"""Kinds that need a calculator."""

SIZES: dict[str, int] = {"small": 1, "medium": 4, "large": 12}
"""Sizes of sets, in that of the small one."""


@dataclass(frozen=True)
class Plan:
    """Numbers of structures by kind.

    Attributes
    ----------
    counts
        For one element, or for each compound system; each element of a compound has half. Of `ordering`, any number
        above 0 means all there are.

    Examples
    --------
    >>> Plan.of_size("medium").counts["slab"]
    56
    >>> Plan({"eos": 30, "rattle": 60}).scaled(30).counts
    {'eos': 10, 'rattle': 20}
    """

    counts: Mapping[str, int]

    def __post_init__(self) -> None:
        for kind, count in self.counts.items():
            if kind not in COUNTS:
                raise ConfigError(f"unknown kind of structures {kind!r}; known are {', '.join(COUNTS)}")
            if count < 0:
                raise ConfigError(f"{kind}: {count} structures are not possible; give 0 or more")

    @classmethod
    def of_size(cls, size: str, with_dynamics: bool = False) -> "Plan":
        """The plan of a size of `SIZES`; snapshots of dynamics need a calculator.

        Raises
        ------
        ConfigError
            There is no such size.
        """
        if size not in SIZES:
            raise ConfigError(f"unknown size {size!r} of a set; known are {', '.join(SIZES)}")
        chosen = {
            kind: SIZES[size] * n for kind, n in COUNTS.items() if with_dynamics or kind not in DYNAMICS
        }
        return cls(chosen)

    def restricted(self, kinds: Sequence[str]) -> "Plan":
        """Only some kinds, with their numbers, or with others: `eos`, `rattle=100`.

        Raises
        ------
        ConfigError
            An entry that names no kind or no number.

        Examples
        --------
        >>> Plan.of_size("small").restricted(["eos", "rattle=100"]).counts
        {'eos': 48, 'rattle': 100}
        """
        chosen = {}
        for entry in kinds:
            found = re.fullmatch(r"([\w-]+)(?:=(\d+))?", entry)
            if found is None:
                raise ConfigError(f"{entry!r} is not KIND or KIND=NUMBER, such as rattle=100")
            kind = found[1]
            chosen[kind] = int(found[2]) if found[2] else self.counts.get(kind, COUNTS.get(kind, 0)) or 1
        return Plan(chosen)

    def scaled(self, n_structures: int) -> "Plan":
        """The same kinds in the same proportions, so many structures in all.

        Raises
        ------
        ConfigError
            The number is not positive.
        """
        if n_structures < 1:
            raise ConfigError(f"{n_structures} structures are asked for; give a number above 0")
        shares = [float(n) for n in self.counts.values()]
        return Plan(dict(zip(self.counts, shared_out(n_structures, shares), strict=True)))
