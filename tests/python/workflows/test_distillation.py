"""From an element and a teacher to a student: resumed where it stopped, and honest about what its labels are."""

import shutil
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from mlip_rs import Basis, FitSettings
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.report.distillation import Distilled
from mlip_rs.workflows import distillation
from mlip_rs.workflows.distillation import DistilJob
from mlip_rs.workflows.fit_job import Sources
from mlip_rs.workflows.inspection import describe
from mlip_rs.workflows.learning import TRAINING

SHIFT = 2.5
"""Energy of an atom in the other zero of the comparison data, eV."""


def other_data(path: Path) -> Path:
    """Crystals whose labels are the teacher's, but for the zero of the energies."""
    frames = []
    for k in range(4):
        atoms: Atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=k)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy() + SHIFT * len(atoms), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **results)
        frames.append(atoms)
    ase.io.write(path, frames)
    return path


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> DistilJob:
    folder = tmp_path_factory.mktemp("distil")
    return DistilJob(
        ["Cu"],
        "ase.calculators.emt:EMT",
        folder / "cu",
        n_structures=40,
        basis=Basis(cutoff=5.0, hierarchy="pair-poly", n_radial=5),
        fit=FitSettings(n_folds=3, n_path=3, prior="flat", calibrate=False),
        compared=Sources((str(other_data(folder / "other.extxyz")),)),
        properties="",
        options={"n_workers": 1},
    )


@pytest.fixture(scope="module")
def distilled(job: DistilJob) -> Distilled:
    return job.run()


def test_the_student_imitates_the_teacher_on_structures_it_has_not_seen(
    job: DistilJob, distilled: Distilled
) -> None:
    errors = distilled.run.points[distilled.run.best_index].test
    assert errors is not None
    assert errors.forces is not None
    assert distilled.n_test >= 5
    spread = np.std(
        np.concatenate([atoms.get_forces() for atoms in ase.io.read(job.directory / distillation.TEST, ":")])
    )
    assert 0.0 < errors.forces.rmse < 0.5 * spread


def test_dynamics_are_driven_by_a_first_student_and_labelled_too(
    job: DistilJob, distilled: Distilled
) -> None:
    hot = ase.io.read(job.directory / distillation.HOT, ":")
    labelled = ase.io.read(job.directory / "labels.extxyz", ":")
    assert {atoms.info["kind"] for atoms in hot} <= {"solid", "liquid"}
    assert len(hot) > 0
    assert sum(atoms.info["kind"] in ("solid", "liquid") for atoms in labelled) == len(hot)
    assert (job.directory / distillation.FIRST).exists()


def test_no_structure_is_in_both_training_and_test_data(job: DistilJob, distilled: Distilled) -> None:
    ids = [
        {atoms.info["label_id"] for atoms in ase.io.read(job.directory / name, ":")}
        for name in (TRAINING, distillation.TEST)
    ]
    assert not ids[0] & ids[1]
    assert len(ids[0] | ids[1]) == distilled.n_labels


def test_page_and_potential_say_that_a_teacher_made_the_labels(job: DistilJob, distilled: Distilled) -> None:
    sentence = "how far the teacher itself is from first principles is not known"
    for page in (job.directory / "distillation.html", job.directory / "fit" / "report.html"):
        assert sentence in " ".join(page.read_text(encoding="utf-8").split())
    lines = describe(job.directory / "fit" / "knee.mlip.json").lines()
    assert "labels made by      teacher ase.calculators.emt:EMT" in lines


def test_errors_on_other_data_do_not_see_the_zero_of_energies(distilled: Distilled) -> None:
    teacher = distilled.against_data["teacher"]
    assert teacher.energy is not None
    assert teacher.forces is not None
    assert teacher.energy.rmse < 1e-3  # meV/atom; the labels are its own
    assert teacher.forces.rmse < 1e-6  # eV/Å
    best = distilled.against_data["best"]
    assert best.energy is not None
    assert teacher.energy.rmse < best.energy.rmse < 1e3 * SHIFT / 10


def test_a_second_run_labels_nothing_and_gives_the_same(job: DistilJob, distilled: Distilled) -> None:
    before = (job.directory / "labels.extxyz").read_bytes()
    again = job.run()
    assert (job.directory / "labels.extxyz").read_bytes() == before
    assert again.to_dict() == distilled.to_dict()


def test_labels_that_a_kill_has_lost_are_made_again(job: DistilJob, distilled: Distilled) -> None:
    path = job.directory / "labels.extxyz"
    before = path.read_bytes()
    path.write_bytes(before[: -len(before) // 10])  # torn in the middle of a frame
    job.run()
    ids = [atoms.info["label_id"] for atoms in ase.io.read(path, ":")]
    assert len(ids) == len(set(ids)) == distilled.n_labels


def test_a_fit_with_other_settings_replaces_the_old_one_on_request(
    job: DistilJob, distilled: Distilled, tmp_path: Path
) -> None:
    shutil.copytree(job.directory, tmp_path / "cu")
    sparser = replace(job, directory=tmp_path / "cu", basis=replace(job.basis, n_radial=3))
    with pytest.raises(ConfigError, match=r"other basis; .*--overwrite"):
        sparser.run()
    replaced = replace(sparser, overwrite=True).run()
    assert replaced.run.best().n_features < distilled.run.best().n_features
    assert replaced.n_labels == distilled.n_labels


def test_another_distillation_in_the_same_directory_is_refused(job: DistilJob, distilled: Distilled) -> None:
    with pytest.raises(ConfigError, match=r"other settings \(elements\)"):
        replace(job, elements=["Ag"]).run()
    (job.directory / distillation.RECORD).write_text("{}")
    with pytest.raises(ConfigError, match="damaged"):
        job.run()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"elements": ["Xx"]}, "Xx"),
        ({"teacher": "nowhere:EMT"}, "there is no module 'nowhere'"),
        ({"elements": ["W"]}, r"ase.calculators.emt:EMT: cannot calculate W \(NotImplementedError"),
    ],
)
def test_what_cannot_be_distilled_is_refused_in_a_sentence(
    job: DistilJob, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    from mlip_rs.errors import MlipError

    with pytest.raises(MlipError, match=message):
        replace(job, directory=tmp_path / "d", **change).run()
    assert not (tmp_path / "d" / "fit").exists()


def test_data_of_other_elements_are_refused_before_anything_is_labelled(
    job: DistilJob, tmp_path: Path
) -> None:
    atoms = bulk("Ag")
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=[[0.0, 0.0, 0.0]])
    ase.io.write(tmp_path / "ag.extxyz", atoms)
    with pytest.raises(DataError, match=r"frame 0 of ag.extxyz: contains Ag, which is not distilled"):
        replace(job, directory=tmp_path / "d", compared=Sources((str(tmp_path / "ag.extxyz"),))).run()
    assert not (tmp_path / "d" / "labels.extxyz").exists()


def test_a_set_without_dynamics_is_fitted_too(job: DistilJob, tmp_path: Path) -> None:
    tiny = replace(job, directory=tmp_path / "d", n_structures=3)
    with pytest.raises(DataError):  # three structures are too few for a fit, and for a test
        tiny.run()
    assert len(ase.io.read(tmp_path / "d" / "labels.extxyz", ":")) == 3
