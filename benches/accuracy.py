"""Test errors of the four hierarchies on public DFT data, with default settings, beside published potentials.

    python benches/accuracy.py DATA [--sets Li Mo Si AgAu] [--hierarchies ...] [-o benches/out]

DATA is the folder that holds `mlearn/{Li,Mo,Si}_{train,test}.xyz` (Zuo et al., J. Phys. Chem. A 124, 731 (2020)) and
`agau/AgAu_{train,test}.xyz` (pypolymlp's tests). The potentials are kept in the output folder for `speed.py`.
Prints one Markdown row per fit: MAE (RMSE) on the test file as it is.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import mlip_rs as mlip
from mlip_rs.data import read_dataset

# Isolated-atom energies (PBE, eV) that come with the data. Li without: see benches/README.md.
SETS = {
    "Li": dict(path="mlearn/Li", elements=["Li"], cutoff=7.0, stress=None),
    "Mo": dict(path="mlearn/Mo", elements=["Mo"], cutoff=6.0, reference={"Mo": -4.588}),
    "Si": dict(path="mlearn/Si", elements=["Si"], cutoff=6.0, reference={"Si": -0.872}),
    "AgAu": dict(path="agau/AgAu", elements=["Ag", "Au"], cutoff=6.0, reference={"Ag": -0.198, "Au": -0.185}),
}
# MAE (RMSE): energy meV/atom, force eV/Å; run with the released coefficients.
PEERS = {
    "Li": {"SNAP": "1.03 (1.31), .028 (.038)", "qSNAP": ".73 (.85), .033 (.044)"},
    "Mo": {"SNAP": "5.48 (9.25), .207 (.376)", "qSNAP": "2.77 (4.04), .184 (.333)"},
    "Si": {"SNAP": "6.44 (8.06), .133 (.205)", "qSNAP": "3.81 (5.51), .116 (.177)"},
    "AgAu": {"pypolymlp g2": "9.2 (20.1), .032 (.050)"},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--hierarchies", nargs="+", default=["pair", "pair-poly", "angular", "angular-poly"])
    parser.add_argument("-o", "--output", type=Path, default=Path("benches/out"))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    print("| set | hierarchy | candidates | kept | energy meV/atom | force eV/Å | stress GPa | fit s | GB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in args.sets:
        for peer, figures in PEERS[name].items():
            print(f"| {name} | *{peer}* | | | {figures.replace(', ', ' | ')} | | | |")
        for hierarchy in args.hierarchies:
            row(name, hierarchy, args)


def row(name: str, hierarchy: str, args: argparse.Namespace) -> None:
    case = SETS[name]
    training, test = (read_dataset(args.data / f"{case['path']}_{part}.xyz") for part in ("train", "test"))
    settings = mlip.FitSettings(
        weights=mlip.Weights(stress=case.get("stress", 1.0)), reference_energies=case.get("reference")
    )
    basis = mlip.Basis(case["elements"], cutoff=case["cutoff"], hierarchy=hierarchy)
    begin = time.perf_counter()
    run = mlip.fit(training, basis, settings, test=test)
    seconds = time.perf_counter() - begin
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    for kind, index in (("best", run.best_index), ("knee", run.knee_index), ("dense", len(run.points) - 1)):
        point = run.points[index]
        point.potential.save(args.output / f"{name}-{hierarchy}-{kind}.mlip.json")
        errors = point.test.to_dict()
        texts = [
            "–" if errors[key] is None else f"{errors[key]['mae']:.{d}f} ({errors[key]['rmse']:.{d}f})"
            for key, d in (("energy_mev_per_atom", 2), ("force_ev_per_angstrom", 4), ("stress_gpa", 2))
        ]
        kept = point.potential.n_nonzero
        print(
            f"| {name} | {hierarchy}, {kind} | {basis.n_features} | {kept} | {' | '.join(texts)} "
            f"| {seconds:.0f} | {gigabytes:.1f} |",
            flush=True,
        )
    record = run.record | {"points": [p.to_dict("") for p in run.points]}
    (args.output / f"{name}-{hierarchy}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
