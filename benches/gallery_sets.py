"""The potentials of the gallery: data, their source and licence, what is known of their labels, references."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ZUO = "Y. Zuo et al., J. Phys. Chem. A 124, 731 (2020)"
MAML = "https://github.com/materialsvirtuallab/maml"
SNAP = "https://github.com/materialsvirtuallab/snap"
BSD = "BSD-3-Clause, © 2019 Materials Virtual Lab"


@dataclass(frozen=True)
class Entry:
    """A potential of the gallery.

    Attributes
    ----------
    symbol, title
        Chemical symbol, and name of the element; of an alloy the symbols one after the other.
    crystal
        Prototype of the ground state, whose properties are computed; of an alloy that of each of its elements.
    compound
        Prototype of an ordered compound of an alloy, with least of the first element; its properties are computed, too.
    data
        Path of the data below the folder of all, without `_train.xyz`; that of shipped data, which have no test file.
    source, link, licence
        Of the data.
    options
        Options of the fit beside data and output.
    strains
        Config type of the strained perfect crystals of the data; empty if there are none.
    strained_shear
        Whether their shear stresses give C44: the ions of diamond are clamped there.
    published
        Published values by property and quantity, as `mlip-rs validate` names them.
    published_source
        Citation of these.
    reference
        File of reference properties computed with the settings of shipped data.
    teacher
        Potential that labelled the data; empty for first-principles data.
    notes
        What is known to be wrong with the labels, in sentences.
    """

    symbol: str
    title: str
    crystal: str
    data: str
    source: str
    link: str
    licence: str = BSD
    options: tuple[str, ...] = ()
    strains: str = "Elastic"
    strained_shear: bool = True
    published: Mapping[str, Mapping[str, float]] | None = None
    published_source: str = ""
    reference: str = ""
    teacher: str = ""
    notes: tuple[str, ...] = ()
    compound: str = ""

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols."""
        return tuple(re.findall("[A-Z][a-z]?", self.symbol))

    @property
    def name(self) -> str:
        """Name of the pages and files."""
        return f"{self.symbol}-distilled" if self.teacher else self.symbol

    @property
    def commands(self) -> tuple[str, ...]:
        """What makes the potential from the data."""
        if self.teacher:
            return (f"mlip-rs distil {self.symbol} -t {self.teacher} -o {self.name}",)
        data = (
            [self.data]
            if self.reference
            else [f"{self.symbol}_train.xyz", "--test", f"{self.symbol}_test.xyz"]
        )
        return (" ".join(["mlip-rs fit", *data, *self.options, "-o", self.name]),)


def _elastic(c11: float, c12: float, c44: float) -> dict[str, dict[str, float]]:
    return {"elastic": {"C11": c11, "C12": c12, "C44": c44}}


def _zuo(symbol: str, title: str, crystal: str, **more: Any) -> Entry:
    return Entry(
        symbol, title, crystal, f"mlearn/{symbol}", f"VASP PBE, {ZUO}", MAML, published_source=ZUO, **more
    )


ENTRIES: tuple[Entry, ...] = (
    _zuo(
        "Li",
        "lithium",
        "bcc",
        strained_shear=False,
        published=_elastic(15.0, 13.0, 11.0),
        notes=(
            "The shear stresses of the strained cells (`Elastic`) have the wrong sign at the source: "
            "C44 is learnt from energies and forces against them.",
        ),
    ),
    Entry(
        "Al",
        "aluminium",
        "fcc",
        "python/mlip_rs/demo/al_dft.extxyz",
        "Quantum ESPRESSO PBE, computed for this project",
        "../../examples/al/README.md",
        "BSD-3-Clause, that of this project",
        options=("--isolated-atoms", "Al=0"),
        strains="",
        reference="al_reference.json",
        notes=(
            "No cell of the data has more than eight atoms: surfaces, the relaxed vacancy and all larger defects "
            "are extrapolations.",
        ),
    ),
    _zuo("Si", "silicon", "diamond", strained_shear=False, published=_elastic(156.0, 65.0, 76.0)),
    Entry(
        "Cu",
        "copper",
        "fcc",
        "mlearn2/Cu",
        f"VASP PBE, {ZUO}",
        MAML,
        notes=(
            "The published stresses carry a constant times N/V on the diagonal, which was taken off before the fit "
            "(0.1860 eV, fitted to the energies of the strained cells).",
        ),
    ),
    _zuo(
        "Ge",
        "germanium",
        "diamond",
        strained_shear=False,
        notes=(
            "The energies of the `Surface` structures look about 0.15 eV/atom too low, whatever the size of the slab: "
            "do not trust its surface energies.",
        ),
    ),
    Entry(
        "Nb",
        "niobium",
        "bcc",
        "mlearn2/Nb",
        "VASP PBE, data of the SNAP of NbMoTaW",
        SNAP,
        notes=(
            "C44 of the labels is 1 to 4 GPa, by the largest strain that is fitted: a reference with little certainty.",
        ),
    ),
    _zuo("Mo", "molybdenum", "bcc", published=_elastic(472.0, 158.0, 106.0)),
    Entry("W", "tungsten", "bcc", "mlearn2/W", "VASP PBE, data of the SNAP of NbMoTaW", SNAP),
    Entry(
        "AgAu",
        "silver–gold",
        "fcc",
        "agau/AgAu",
        "VASP PBE, tests of pypolymlp (A. Seko)",
        "https://github.com/sekocha/pypolymlp",
        "BSD-3-Clause, © 2024 pypolymlp",
        options=("--isolated-atoms", "Ag=-0.19820116", "Au=-0.18494148"),
        strains="",
        compound="L1_2",
        notes=(
            "Three quarters of the alloys among the data have more gold than silver, none has less than a fifth of "
            "gold or more than 12 gold atoms in 13; there are no surfaces and no clusters.",
        ),
    ),
    Entry(
        "Mg",
        "magnesium, distilled",
        "hcp",
        "Mg-distilled",
        "labels of the universal potential 7net-0 (SevenNet, PBE of the Materials Project)",
        "../distillation.md",
        "labels made here with sevenn 0.13.0",
        strains="",
        teacher="7net-0",
        notes=(
            "All errors and error bars are those against the teacher; how far it is from first principles they do not "
            "contain. Universal potentials are often too soft far from equilibrium.",
            "Labels above 73 GPa were left out; the same command puts that limit at 76 GPa by now.",
        ),
    ),
)
