"""Fit the peer NEP by torchnep, test and time it by calorine, in the interpreter that has them; `peers.py` calls this.

    python benches/nep_runs.py fit TRAIN TEST --elements Si --model usual -o Si-nep.txt     # also writes Si-nep.json
    python benches/nep_runs.py time Si-nep.txt CRYSTAL... --elements Si                   # prints JSON

Training ends after `EPOCHS`, which take some minutes of one core: far from what a graphics card reaches in the hundreds
of epochs that its authors use. A tenth of the training structures is held out, and the epoch that does best on it is
kept. What is timed is the ASE calculator on NEP_CPU as it comes with calorine: energies, forces and virials, a new
neighbour list each time.
"""

import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from calorine.calculators import CPUNEP
from peer_runs import main
from torchnep import train_nep

MODELS = {  # cutoffs, radial and angular, Å; functions; l of three, four and five bodies; neurons
    "usual": "cutoff 6 5\nn_max 6 6\nbasis_size 8 8\nl_max 4 2 0\nneuron 30",
}
EPOCHS = 100
SETTINGS = """version 4
type {n} {elements}
{model}
epoch {epochs}
batch 8
lr 0.01
scheduler_patience 5
stage2 1
stage2_lr 0.003
stage2_scheduler_patience 5
"""


def fit(args) -> dict:
    settings = SETTINGS.format(
        n=len(args.elements),
        elements=" ".join(args.elements),
        model=MODELS[args.model],
        epochs=EPOCHS,
    )
    with TemporaryDirectory() as place:
        (Path(place) / "nep.in").write_text(settings)
        begin = time.process_time()
        train_nep(
            f"{place}/nep.in",
            str(args.train),
            output_dir=place,
            device="cpu",
            valid_ratio=0.1,
            run_seed=0,
            prediction_interval=0,
        )
        seconds = time.process_time() - begin
        args.output.write_text((Path(place) / "nep_best.txt").read_text())
        n_parameters = re.search(r"(\d+) parameters", (Path(place) / "output.log").read_text())[1]
    return {"n_features": int(n_parameters), "fit_core_s": seconds, "epochs": EPOCHS}


def load(path: Path, elements: list[str]):
    def prepare(atoms):
        calculator = CPUNEP(str(path))
        copy = atoms.copy()

        def evaluate():
            calculator.calculate(copy, ["energy", "forces"], ["positions"])
            return calculator.results["energy"], calculator.results["forces"]

        return evaluate

    return prepare


if __name__ == "__main__":
    main(__doc__, MODELS, fit, load)
