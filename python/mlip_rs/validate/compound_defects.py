"""Point defects of any crystal of one or two elements, and the chemical potentials that their energies refer to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import spglib
from ase import Atoms
from ase.neighborlist import neighbor_list

from mlip_rs.calculators.calculations import Calculator, potential_energy, relaxed
from mlip_rs.errors import MlipError
from mlip_rs.generate.interstitial_sites import holes
from mlip_rs.validate.prototype_energies import ELEMENTAL, prototype_energies


@dataclass(frozen=True)
class CompoundDefect:
    """One defect of a crystal.

    Attributes
    ----------
    name
        Such as "vacancy of Al" or "Ni on Al".
    change
        Atoms added (negative: removed) by element.
    excess
        Energy of the relaxed supercell with the defect less that of the perfect one, eV.
    """

    name: str
    change: Mapping[str, int]
    excess: float

    def formation(self, potentials: Mapping[str, float]) -> float:
        """Formation energy in eV for chemical potentials in eV by element."""
        return self.excess - sum(n * potentials[symbol] for symbol, n in self.change.items())


@dataclass(frozen=True)
class ChemicalPotentials:
    """Chemical potentials in eV/atom by condition, such as "Al-rich", and by element.

    Attributes
    ----------
    conditions
        Empty if they are not determined.
    reason
        Why they are not.
    """

    conditions: Mapping[str, Mapping[str, float]]
    reason: str = ""


def chemical_potentials(calculator: Calculator, crystal: Atoms) -> ChemicalPotentials:
    """Chemical potentials at which a crystal is in equilibrium with itself and with one of its elements.

    μ of the element in excess is that of its crystal of lowest energy; that of the other one follows from the
    energy of the crystal. Energies of isolated atoms do not enter. S. B. Zhang and J. E. Northrup, PRL 67, 2339 (1991).

    Parameters
    ----------
    calculator, crystal
        Any ASE calculator, and any cell of the crystal at equilibrium.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> list(chemical_potentials(EMT(), bulk("CuAu", "cesiumchloride", a=3.026)).conditions)
    ['Au-rich', 'Cu-rich']
    """
    counts = Counter(crystal.get_chemical_symbols())
    energy = potential_energy(calculator, crystal)
    if len(counts) == 1:
        return ChemicalPotentials({"": {symbol: energy / n for symbol, n in counts.items()}})
    elemental: dict[str, float] = {}
    for symbol in sorted(counts):
        curves = prototype_energies(calculator, symbol, names=ELEMENTAL).curves
        if not curves:
            return ChemicalPotentials(
                {}, f"{symbol} has no crystal whose energy could be its chemical potential"
            )
        elemental[symbol] = min(curve.equilibrium_energy for curve in curves)
    formation = energy - sum(n * elemental[symbol] for symbol, n in counts.items())
    if formation > 0:
        return ChemicalPotentials(
            {},
            f"the crystal is not stable against its elements ({formation / len(crystal):+.3f} eV/atom), so that no "
            "chemical potentials hold it in equilibrium",
        )
    conditions = {}
    for rich in sorted(counts):
        (other,) = set(counts) - {rich}
        rest = (energy - counts[rich] * elemental[rich]) / counts[other]
        conditions[f"{rich}-rich"] = {rich: elemental[rich], other: rest}
    return ChemicalPotentials(conditions)


@dataclass(frozen=True)
class CrystalDefects:
    """Point defects of a supercell.

    Attributes
    ----------
    defects, failures
        Defects that relax, and (name, reason) of the others.
    unit, unit_energy
        Atoms of a formula unit by element, and its energy in the perfect crystal, eV.
    """

    defects: tuple[CompoundDefect, ...]
    failures: tuple[tuple[str, str], ...]
    unit: Mapping[str, int]
    unit_energy: float

    def balanced(self) -> dict[str, float]:
        """Energies in eV of groups of distant defects that keep the composition; no chemical potential enters.

        Schottky: vacancies of one formula unit; exchange: an antisite of each kind; Frenkel: a vacancy and an
        interstitial of the same element. Of several sites the one of lowest energy counts.
        """
        lowest: dict[tuple[tuple[str, int], ...], float] = {}
        for defect in self.defects:
            key = tuple(sorted(defect.change.items()))
            lowest[key] = min(defect.excess, lowest.get(key, np.inf))
        symbols, result = sorted(self.unit), {}
        vacancies = {symbol: lowest[key] for symbol in symbols if (key := ((symbol, -1),)) in lowest}
        if len(vacancies) == len(symbols) > 1:
            name = " + ".join(f"{self.unit[symbol]} {symbol}" for symbol in symbols).replace("1 ", "")
            empty = sum(self.unit[symbol] * energy for symbol, energy in vacancies.items())
            result[f"Schottky, vacancies of {name}"] = empty + self.unit_energy
        if len(symbols) == 2:
            keys = [tuple(sorted({x: -1, y: 1}.items())) for x, y in (symbols, symbols[::-1])]
            if all(key in lowest for key in keys):
                result[f"exchange of {symbols[0]} and {symbols[1]}"] = sum(lowest[key] for key in keys)
        for symbol, empty in vacancies.items():
            if ((symbol, 1),) in lowest:
                result[f"Frenkel, {symbol}"] = empty + lowest[((symbol, 1),)]
        return result


def crystal_defects(calculator: Calculator, supercell: Atoms, *, fmax: float = 0.02) -> CrystalDefects:
    """Vacancies and antisites of each inequivalent site, interstitials of each element in the largest holes, dumbbells.

    Parameters
    ----------
    calculator, supercell
        Any ASE calculator, and a supercell of the crystal at equilibrium; its volume is kept.
    fmax
        Largest remaining force in eV/Å.

    Raises
    ------
    PropertyError
        The energy of the perfect crystal is not finite.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = crystal_defects(EMT(), bulk("Cu", a=3.59, cubic=True), fmax=0.2)
    >>> [defect.name for defect in found.defects][:2]
    ['vacancy', 'interstitial, octahedral (6 Cu)']
    """
    perfect = potential_energy(calculator, supercell)
    counts = Counter(supercell.get_chemical_symbols())
    n_units = int(np.gcd.reduce(list(counts.values())))
    found, failures = [], []
    for name, change, defective in candidates(supercell):
        try:
            energy = potential_energy(calculator, relaxed(calculator, defective, fmax=fmax))
        except MlipError as error:
            failures.append((name, str(error)))
            continue
        found.append(CompoundDefect(name, change, energy - perfect))
    unit = {symbol: n // n_units for symbol, n in counts.items()}
    return CrystalDefects(tuple(found), tuple(failures), unit, perfect / n_units)


def candidates(supercell: Atoms) -> list[tuple[str, dict[str, int], Atoms]]:
    """Name, atoms added by element, and structure of every defect before relaxation.

    Examples
    --------
    >>> from ase.build import bulk
    >>> supercell = bulk("CuAu", "cesiumchloride", a=3.1).repeat(2)
    >>> [name for name, _, _ in candidates(supercell)][:4]
    ['vacancy of Cu', 'Au on Cu', 'vacancy of Au', 'Cu on Au']
    """
    symbols = supercell.get_chemical_symbols()
    elements, sites = sorted(set(symbols)), _inequivalent_sites(supercell)
    shared = Counter(symbols[site] for site in sites)
    result: list[tuple[str, dict[str, int], Atoms]] = []
    for site in sites:
        own = symbols[site]
        of = "" if len(elements) == 1 else f" of {own}"
        place = "" if shared[own] == 1 else f" (site {site})"
        empty = supercell.copy()
        del empty[site]
        result.append((f"vacancy{of}{place}", {own: -1}, empty))
        for other in (symbol for symbol in elements if symbol != own):
            exchanged = supercell.copy()
            exchanged.symbols[site] = other
            result.append((f"{other} on {own}{place}", {own: -1, other: 1}, exchanged))
    prefix = {symbol: "" if len(elements) == 1 else f"{symbol} " for symbol in elements}
    for hole in holes(supercell):
        for symbol in elements:
            added = supercell + Atoms(symbol, positions=[hole.position])
            result.append((f"{prefix[symbol]}interstitial, {hole.name}", {symbol: 1}, added))
    for site in sites:
        place = "" if shared[symbols[site]] == 1 else f" (site {site})"
        for symbol in elements:
            dumbbell = _dumbbell(supercell, site, symbol)
            if dumbbell is not None:
                along, atoms = dumbbell
                name = f"{prefix[symbol]}interstitial, {along} dumbbell with {symbols[site]}{place}"
                result.append((name, {symbol: 1}, atoms))
    return result


def _dumbbell(supercell: Atoms, site: int, symbol: str) -> tuple[str, Atoms] | None:
    """Two atoms in place of one: along c in close-packed lattices, along ⟨110⟩ in body-centred ones, nowhere else."""
    spacing = (float(supercell.get_volume()) / len(supercell)) ** (1 / 3)
    first, distances = neighbor_list("id", supercell, 1.6 * spacing)
    own = distances[first == site]
    nearest = float(own.min())
    axes = supercell.cell.array / supercell.cell.lengths()[:, None]
    count = int((own < 1.1 * nearest).sum())
    if count == 12:
        along, half = "c", 0.42 * nearest * axes[2]
    elif count == 8:
        along, half = "⟨110⟩", 0.36 * nearest * (axes[0] + axes[1]) / np.linalg.norm(axes[0] + axes[1])
    else:
        return None
    split = supercell + Atoms(symbol, positions=[supercell.positions[site] + half])
    split.positions[site] -= half
    return along, split


def _inequivalent_sites(supercell: Atoms) -> list[int]:
    """Index of one atom of each kind of site."""
    cell = (supercell.cell.array, supercell.get_scaled_positions(), supercell.numbers)
    dataset: Any = spglib.get_symmetry_dataset(cell, symprec=1e-3)
    if dataset is None:
        symbols = supercell.get_chemical_symbols()
        return sorted(symbols.index(symbol) for symbol in set(symbols))
    return [int(k) for k in np.unique(np.asarray(dataset.equivalent_atoms))]
