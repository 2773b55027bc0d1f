"""Test errors on public DFT data beside published potentials: nothing chosen, other sizes, the other hierarchies.

    python benches/accuracy.py DATA [--sets Li Mo Si Ge AgAu] [--bases standard large angular-poly ...] [-o benches/out]

DATA is the folder that holds `mlearn/{Li,Mo,Si,Ge}_{train,test}.xyz` (Zuo et al., J. Phys. Chem. A 124, 731 (2020)) and
`agau/AgAu_{train,test}.xyz` (pypolymlp's tests). "default" is `mlip-rs fit` with nothing chosen; a size or a hierarchy
also gets the isolated-atom energies published with the data. `--method ridge` leaves out the sparse path. The
potentials are kept in the output folder for `peers.py`. Prints one Markdown row per fit: MAE (RMSE) on the test file
as it is.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import mlip_rs as mlip
from mlip_rs.basis.sizes import SIZES
from mlip_rs.data import read_dataset

# Isolated-atom energies (PBE, eV) that come with the data. Li, Ge without: see benches/README.md.
SETS: dict[str, dict[str, Any]] = {
    "Li": dict(path="mlearn/Li", elements=["Li"], stress=None),
    "Mo": dict(path="mlearn/Mo", elements=["Mo"], reference={"Mo": -4.588}),
    "Si": dict(path="mlearn/Si", elements=["Si"], reference={"Si": -0.872}),
    "Ge": dict(path="mlearn/Ge", elements=["Ge"], stress=None),
    "AgAu": dict(path="agau/AgAu", elements=["Ag", "Au"], reference={"Ag": -0.198, "Au": -0.185}),
}
# MAE (RMSE): energy meV/atom, force eV/Å; SNAP, qSNAP, MTP: released coefficients, run; GAP: published.
PEERS = {
    "Li": {
        "SNAP": "1.03 (1.31), .028 (.038)",
        "qSNAP": ".73 (.85), .033 (.044)",
        "MTP": ".49 (.66), .010 (.013)",
        "GAP": ".49, .01",
        "pypolymlp, best": ".44 (.56), .0078 (.0108)",
    },
    "Mo": {
        "SNAP": "5.48 (9.25), .207 (.376)",
        "qSNAP": "2.77 (4.04), .184 (.333)",
        "MTP": "2.94 (3.98), .090 (.151)",
        "GAP": "2.24, .09",
        "pypolymlp, best": "2.40 (3.27), .090 (.159)",
    },
    "Si": {
        "SNAP": "6.44 (8.06), .133 (.205)",
        "qSNAP": "3.81 (5.51), .116 (.177)",
        "MTP": "2.31 (3.03), .056 (.088)",
        "GAP": "2.91, .07",
        "pypolymlp, best": "1.82 (2.87), .062 (.101)",
    },
    "Ge": {"MTP": "1.79, .046", "GAP": "2.06, .05"},
    "AgAu": {"pypolymlp g2": "9.2 (20.1), .032 (.050)"},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--bases", nargs="+", default=["default", "standard"])
    parser.add_argument("--method", default="cost-aware")
    parser.add_argument("-o", "--output", type=Path, default=Path("benches/out"))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    print(
        "| set | potential | candidates | kept | µs/atom | energy meV/atom | force eV/Å | stress GPa | fit s | GB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in args.sets:
        for peer, figures in PEERS[name].items():
            print(f"| {name} | *{peer}* | | | | {figures.replace(', ', ' | ')} | | | |")
        for kind in args.bases:
            row(name, kind, args)


def row(name: str, kind: str, args: argparse.Namespace) -> None:
    case = SETS[name]
    training, test = (read_dataset(args.data / f"{case['path']}_{part}.xyz") for part in ("train", "test"))
    settings = mlip.FitSettings(method=args.method)
    if kind != "default":
        settings = mlip.FitSettings(
            method=args.method,
            weights=mlip.Weights(stress=case.get("stress", 1.0)),
            reference_energies=case.get("reference"),
        )
    choice = {} if kind == "default" else {"size": kind} if kind in SIZES else {"hierarchy": kind}
    begin = time.perf_counter()
    run = mlip.fit(training, mlip.Basis(case["elements"], **choice), settings, test=test)
    seconds = time.perf_counter() - begin
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    shown = {"best": run.best_index, "knee": run.knee_index, "dense": len(run.points) - 1}
    for label, index in shown.items():
        if index in list(shown.values())[: list(shown).index(label)]:
            continue
        point = run.points[index]
        assert point.test is not None
        point.potential.save(args.output / f"{name}-{kind}-{label}.mlip.json")
        errors = point.test.to_dict()
        texts = [
            "–" if errors[key] is None else f"{errors[key]['mae']:.{d}f} ({errors[key]['rmse']:.{d}f})"
            for key, d in (("energy_mev_per_atom", 2), ("force_ev_per_angstrom", 4), ("stress_gpa", 2))
        ]
        print(
            f"| {name} | {kind}, {label} | {run.record['n_features']} | {point.potential.n_nonzero} "
            f"| {point.us_per_atom:.1f} | {' | '.join(texts)} | {seconds:.0f} | {gigabytes:.1f} |",
            flush=True,
        )
    record = run.record | {"points": [p.to_dict("") for p in run.points]}
    (args.output / f"{name}-{kind}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
