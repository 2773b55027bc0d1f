"""Fits with and without anchor rows, and what every potential of their fronts does where no data are.

    python benches/robust_selection.py SHARED_DATA [SET:SIZE[:HIERARCHY[:SEED]] ...]

Each front is followed by dynamics that the fit has not seen: 54 atoms of the lowest crystal at 0.5, 0.6 and 0.75 V0 and
at 2 V0, heated to three melting points for 1,600 steps (about 2 ps) and cooled to 300 K, 48 random hard spheres at 0.6
to 0.9 V0, clusters of 13 and 30 atoms. A potential fails if the energy per atom falls below that of the lowest crystal
by more than the stress test allows, or the temperature runs away. Errors are of the test data, compared at equal cost.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from ase import units

import mlip_rs
from mlip_rs.arrays import Array
from mlip_rs.fitting import Run
from mlip_rs.generate.melting_points import melting_point
from mlip_rs.generate.out_of_domain import Spheres, cluster, displaced, mixture, random_cell, supercell
from mlip_rs.generate.prototypes import prototype
from mlip_rs.potential import Potential
from mlip_rs.potential.hot_dynamics import hot_dynamics, thermostat_noise
from mlip_rs.potential.lowest_crystals import LowestCrystals
from mlip_rs.potential.short_range import shortest_distances
from mlip_rs.potential.stress_test import ALLOWANCE, HOT, RUN_AWAY

FILES: dict[str, tuple[str, str | None]] = {
    **{name: (f"mlearn/{name}_train.xyz", f"mlearn/{name}_test.xyz") for name in ("Ge", "Li", "Mo", "Si")},
    **{name: (f"mlearn2/{name}_train.xyz", f"mlearn2/{name}_test.xyz") for name in ("Cu", "Nb", "TaW", "W")},
    "AgAu": ("agau/AgAu_train.xyz", "agau/AgAu_test.xyz"),
    "Al": ("al_dft/al_dft.extxyz", None),
}
"""Training and test data of each set."""

CRYSTAL_RATIOS: tuple[float, ...] = (0.5, 0.6, 0.75, 2.0)
RANDOM_RATIOS: tuple[float, ...] = (0.6, 0.7, 0.8, 0.9)
CLUSTER_SIZES: tuple[int, ...] = (13, 30)
N_STEPS: int = 1600
N_COOLING: int = 400
SEED: int = 77


def failures(potential: Potential) -> list[str]:
    """What goes wrong with a potential in dynamics outside the data."""
    closest = np.array(shortest_distances(potential))
    lowest = LowestCrystals.of(potential, closest)
    spheres = Spheres(potential.elements, closest, lowest.volumes)
    found = []
    for number, system in enumerate(spheres.systems):
        rng = np.random.default_rng([SEED, number])
        structures, names = [], []
        for ratio in CRYSTAL_RATIOS:
            own = lowest.crystals[system[0]]
            symbols = mixture(system, 54, rng)
            atoms = supercell(prototype(own.name, system[0], ratio * spheres.volume(symbols)), 54)
            atoms.set_chemical_symbols(mixture(system, len(atoms), rng))
            structures.append(displaced(atoms, spheres, 0.03, rng))
            names.append(f"crystal {ratio:g} V0")
        for ratio in RANDOM_RATIOS:
            structures.append(random_cell(spheres, mixture(system, 48, rng), ratio, rng))
            names.append(f"random {ratio:g} V0")
        for size in CLUSTER_SIZES:
            structures.append(cluster(spheres, mixture(system, size, rng), rng))
            names.append(f"cluster {size}")
        melting = melting_point(system)
        allowance = ALLOWANCE + float(units.kB) * melting
        floors = [lowest.floor(atoms.get_chemical_symbols(), 1.0) - allowance for atoms in structures]
        noises = thermostat_noise(structures, N_STEPS, rng)
        hot = hot_dynamics(potential, structures, HOT * melting, floors, noises)
        noises = thermostat_noise(structures, N_COOLING, rng)
        cold = hot_dynamics(potential, [c.atoms for c in hot], 300.0, floors, noises)
        for name, floor, first, second in zip(names, floors, hot, cold, strict=True):
            energies = np.concatenate([first.energies, second.energies])
            if not np.nanmin(energies) >= floor or np.isnan(energies).any():
                found.append(f"{'-'.join(system)} {name}: {np.nanmin(energies) - floor:.2f} eV/atom")
            elif first.temperatures[-N_STEPS // 3 :].mean() > RUN_AWAY * HOT * melting:
                found.append(f"{'-'.join(system)} {name}: runs away")
    return found


def tested(run: Run) -> list[int]:
    """Points of a run that matter."""
    return sorted({*run.front, run.best_index, run.knee_index, run.one_standard_error_index})


def at_equal_cost(plain: Run, robust: Run) -> str:
    """Ratios of test errors at equal predicted cost, and of costs at equal force error, between 1.5 µs and the best."""

    def curve(run: Run) -> Array:
        rows = []
        for point in run.points:
            errors = point.test or point.validation
            energy = np.nan if errors.energy is None else errors.energy.mae
            force = np.nan if errors.forces is None else errors.forces.mae
            rows.append((point.predicted_us_per_atom or point.us_per_atom, energy, force))
        return np.array(sorted(rows))

    a, b = curve(plain), curve(robust)
    inside = (a[:, 0] >= 1.5) & (a[:, 0] <= b[-1, 0])
    if not inside.any():
        return "no potential between 1.5 µs and the best"
    texts = []
    for column, name in ((1, "energy"), (2, "force")):
        ratio = np.exp(np.interp(a[inside, 0], b[:, 0], np.log(b[:, column]))) / a[inside, column]
        texts.append(f"{name} x {np.median(ratio):.3f} ({ratio.min():.3f}-{ratio.max():.3f})")
    falling = np.minimum.accumulate(b[:, 2])
    costs = np.interp(-a[inside, 2], -falling, b[:, 0]) / a[inside, 0]
    return ", ".join([*texts, f"cost at equal force error x {np.median(costs):.3f}"])


def report(name: str, run: Run) -> None:
    """Print what a run gives."""
    points = tested(run)
    bad = {k: found for k in points if (found := failures(run.points[k].potential))}
    lost = sum(point.failed_stress_test for point in run.points)
    mended = sum("anchor_weight" in point.potential.info for point in run.points)
    print(
        f"{name}: anchors {run.record['anchors']}\n  {len(bad)} of {len(points)} fail in dynamics; {lost} failed the "
        f"stress test and left the front, {mended} mended; costs "
        f"{run.points[points[0]].predicted_us_per_atom} to {run.points[run.best_index].predicted_us_per_atom}"
    )
    for label, k in (("best", run.best_index), ("knee", run.knee_index)):
        point = run.points[k]
        errors = point.test or point.validation
        energy = "-" if errors.energy is None else f"{errors.energy.mae:.2f} meV/atom"
        force = "-" if errors.forces is None else f"{errors.forces.mae:.4f} eV/A"
        print(f"  {label}: {point.potential.n_nonzero} coefficients, {energy}, {force}")
    for k, found in bad.items():
        print(f"  {run.points[k].potential.n_nonzero} coefficients: {'; '.join(found[:3])}")
    sys.stdout.flush()


def main() -> None:
    """Run the fits that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("cases", nargs="*", default=["Si:medium", "Mo:medium"])
    parser.add_argument("--runs", type=Path, help="keep the equations here")
    parser.add_argument("--only-robust", action="store_true", help="no fit without anchor rows")
    arguments = parser.parse_args()
    for case in arguments.cases:
        name, size, hierarchy, seed = [*case.split(":"), *["", "", ""]][:4]
        train, test = FILES[name]
        options = {"size": size or "default"} | ({"hierarchy": hierarchy} if hierarchy else {})
        basis = mlip_rs.Basis(**{k: v for k, v in options.items() if v != "default"})
        runs = {}
        for weight in (mlip_rs.FitSettings().anchor_weight, 0.0):
            if weight == 0.0 and arguments.only_robust:
                continue
            settings = mlip_rs.FitSettings(anchor_weight=weight, seed=int(seed or 0))
            directory = None if arguments.runs is None else arguments.runs / case.replace(":", "-")
            runs[weight] = mlip_rs.fit(
                arguments.data / train,
                basis,
                settings,
                test=None if test is None else arguments.data / test,
                directory=directory,
            )
            report(f"{case} anchor_weight {weight:g}", runs[weight])
        if len(runs) == 2:
            robust, plain = runs.values()
            print(f"  with anchors, in that without: {at_equal_cost(plain, robust)}", flush=True)


if __name__ == "__main__":
    main()
