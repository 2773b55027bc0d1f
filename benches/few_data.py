"""How many candidate features few data carry: scores of dense fits by labels for each feature.

    python benches/few_data.py FILE... [--every N ...] [--labels 8 6 4] [--angular-cutoff 4.5]

Each file is a training set; every N-th structure is taken. Prints a Markdown row for each: number of features and score
(five-fold cross-validation, without anchors) of `medium` and of the largest basis with one feature for so many labels.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from mlip_rs import Basis, FitSettings
from mlip_rs.data import read_dataset
from mlip_rs.fitting import fit

SETTINGS = FitSettings(method="ridge", anchor_weight=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--every", type=int, nargs="+", default=[1], metavar="N")
    parser.add_argument("--labels", type=float, nargs="+", default=[8, 6, 4], metavar="N")
    parser.add_argument("--angular-cutoff", type=float, metavar="Å", help="Chosen by each fit by default.")
    arguments = parser.parse_args()
    print("| set | structures, labels | `medium` |" + "".join(f" {n:g} |" for n in arguments.labels))
    print("|---|---|---|" + "---|" * len(arguments.labels))
    for path in arguments.files:
        for every in arguments.every:
            data = read_dataset(path, index=f"::{every}")
            basis = replace(Basis().resolved(data), angular_cutoff=arguments.angular_cutoff)
            sizes = ["medium", *(int(data.n_labels() / n) for n in arguments.labels)]
            cells = []
            for size in sizes:
                point = fit(data, replace(basis, size=size), SETTINGS).points[-1]
                cells.append(f"{point.potential.n_features}: {point.score:.3f}")
            print(f"| {path.stem} | {len(data)}, {data.n_labels()} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
