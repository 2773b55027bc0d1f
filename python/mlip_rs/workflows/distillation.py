"""From the name of an element to a validated potential with a teacher: generate, label, fit, validate."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from mlip_rs.arrays import Mask
from mlip_rs.basis import Basis
from mlip_rs.calculators.calculations import Calculator
from mlip_rs.data import Dataset, dataset_from_atoms, holdout, read_dataset
from mlip_rs.errors import ConfigError, DataError, MlipError
from mlip_rs.evaluate.errors import Errors
from mlip_rs.evaluate.evaluation import labels_in
from mlip_rs.evaluate.labelled_file import LabelledFile
from mlip_rs.evaluate.shifted import shifted_errors
from mlip_rs.files import check_folder, write_atomically
from mlip_rs.fitting import FitSettings, Run
from mlip_rs.generate.ground_states import GroundState
from mlip_rs.generate.plan import DYNAMICS, Plan
from mlip_rs.generate.prototypes import prototype
from mlip_rs.generate.sound_range import SoundRange
from mlip_rs.learn.growing_fit import GrowingFit
from mlip_rs.learn.loop import closed_basis
from mlip_rs.locks import locked
from mlip_rs.progress import Progress, Silent
from mlip_rs.report.distillation import Distilled, write_distillation_report
from mlip_rs.text import counted
from mlip_rs.validate.result import Validation
from mlip_rs.workflows.calculators import calculator_of
from mlip_rs.workflows.fit_job import Job, Sources
from mlip_rs.workflows.generation import GeneratedSet, catalogue_of, generated
from mlip_rs.workflows.learning import FIT, LABELS, TRAINING, FileLabeller, agreeing_labels
from mlip_rs.workflows.validation import validate

COLD, HOT = "structures.extxyz", "hot.extxyz"
"""Files with the structures: crystals with defects and distortions; snapshots of dynamics by the first potential."""

TEST: str = "test.extxyz"
"""File with the labels that only the errors see; `TRAINING` holds those that are fitted to."""

FIRST: str = "first.mlip.json"
"""File of the potential that drives the dynamics."""

VALIDATION: str = "validation"
"""Folder of the validation against the teacher."""

COMMON: tuple[str, ...] = ("fcc", "hcp", "bcc")
"""Crystals of every element that are compressed to see where the teacher softens, beside the ground states."""

RECORD: str = "distil.json"
"""File with the settings, the range of labels that are taken, and notices."""

STRUCTURES: int = 600
"""Number of structures."""

HELD_OUT: float = 1.0 / 6.0
"""Part of the atoms whose labels are the test."""

FIRST_SIZE: str = "small"
"""Size of the basis of the first potential."""

QUICK: tuple[str, ...] = (
    "prototypes",
    "pressure",
    "compounds",
    "bain",
    "elastic",
    "phonons",
    "zone-boundary",
    "vacancy",
    "surfaces",
    "stacking-fault",
    "short-range",
    "stress-test",
)
"""Properties that are validated in small cells: those that take a teacher minutes at most."""


@dataclass(frozen=True)
class DistilJob:
    """A distillation.

    Parameters
    ----------
    elements
        Chemical symbols.
    teacher
        Name of a calculator, as for `mlip_rs.workflows.calculators.calculator_of`.
    directory
        Of everything; the same job resumes there.
    own
        Files of crystals beside the prototypes, or in their place if no element is given.
    n_structures
        Number of structures in all; labels of a teacher cost little, so that there are more than for first principles.
    basis, fit
        Of the fit of the student.
    compared
        First-principles data on which teacher and student are compared; None for none.
    properties
        Physical properties that are validated against the teacher: "quick" for those of `QUICK` in small cells, "all",
        "" for none.
    options
        Other keyword arguments of `mlip_rs.label.label`.
    seed
        The same seed gives the same structures.
    overwrite
        Replace the fit in the directory by one with another basis or other settings; the labels stay.
    """

    elements: Sequence[str]
    teacher: str
    directory: Path
    own: Sources | None = None
    n_structures: int = STRUCTURES
    basis: Basis = field(default_factory=Basis)
    fit: FitSettings = field(default_factory=FitSettings)
    compared: Sources | None = None
    properties: str = "quick"
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    overwrite: bool = False

    def run(self, progress: Progress | None = None) -> Distilled:
        """Do what is not done yet, and write `distillation.html`.

        Raises
        ------
        ConfigError, DataError, FitError, LabelError
            As `mlip_rs.label.label` and `Job.run`; or a directory with another distillation.
        OSError
            The directory cannot be written to.
        """
        receiver = progress or Silent()
        check_folder(self.directory)
        compared = None if self.compared is None else self.compared.evaluation()
        with locked(self.directory):
            self._claim()
            cold = self._structures(COLD, self._cold, receiver)
            self._check_elements(cold, compared)
            self._label(cold, receiver)
            hot = self._structures(HOT, self._hot, receiver)
            self._label(hot, receiver)
            n_kept, n_test = self._split(receiver)
        result = Job(
            Sources((str(self.directory / TRAINING),), (str(self.directory / TEST),)),
            self.basis,
            self.fit,
            self.directory / FIT,
            self.overwrite,
        ).run(receiver, again=False)
        against = {} if compared is None else self._against(compared, result.run, receiver)
        everything = [atoms for name in (COLD, HOT) for atoms in _read(self.directory / name)]
        labels = read_dataset(self.directory / LABELS)
        n_left_out = len(labels) - n_kept
        left_out = [f"{counted(n_left_out, 'labelled structure')} left out in all"] if n_left_out else []
        distilled = Distilled(
            self.directory,
            result.run,
            GeneratedSet(tuple(everything)).table(),
            (*self._record()["notices"], *left_out),
            len(labels),
            n_test,
            labels.label_sources,
            against,
            self._validation(receiver),
        )
        write_distillation_report(distilled)
        return distilled

    def _settings(self) -> dict[str, Any]:
        own = [] if self.own is None else list(self.own.train)
        return {
            "elements": list(self.elements),
            "teacher": self.teacher,
            "own": own,
            "n_structures": self.n_structures,
            "seed": self.seed,
        }

    def _record(self) -> dict[str, Any]:
        path = self.directory / RECORD
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return {
                "settings": dict(document["settings"]),
                "sound_range": document["sound_range"] and SoundRange(**document["sound_range"]).to_dict(),
                "notices": [str(one) for one in document["notices"]],
            }
        except FileNotFoundError:
            return {"settings": self._settings(), "sound_range": None, "notices": []}
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ConfigError(f"{path}: damaged ({error}); choose another directory (-o)") from None

    def _write(self, record: Mapping[str, Any]) -> None:
        text = json.dumps(record, indent=1, ensure_ascii=False)
        write_atomically(self.directory / RECORD, text + "\n")

    def _claim(self) -> None:
        """Refuse a directory of another distillation."""
        stored, mine = self._record()["settings"], self._settings()
        changed = sorted(key for key in mine if stored.get(key) != mine[key])
        if changed:
            raise ConfigError(
                f"{self.directory / RECORD}: belongs to a distillation with other settings ({', '.join(changed)}); "
                "choose another directory (-o)"
            )

    def _check_elements(self, structures: Sequence[Atoms], compared: Dataset | None) -> None:
        """Refuse data to compare with that the student will not know."""
        known = {symbol for atoms in structures for symbol in set(atoms.get_chemical_symbols())}
        for frame in () if compared is None else compared:
            if unknown := sorted(set(frame.symbols) - known):
                raise DataError(
                    f"{frame.location}: contains {', '.join(unknown)}, which is not distilled; compare with data of "
                    f"{', '.join(sorted(known))}"
                )

    def _structures(
        self, name: str, make: Callable[[Progress], GeneratedSet], receiver: Progress
    ) -> list[Atoms]:
        """The structures of a file, which is made if it is not there."""
        path = self.directory / name
        if not path.exists():
            made = make(receiver)
            for notice in made.notices:
                receiver.note(notice)
            record = self._record()
            self._write({**record, "notices": list(dict.fromkeys([*record["notices"], *made.notices]))})
            LabelledFile(path).write(made.structures)
        return _read(path)

    def _cold(self, receiver: Progress) -> GeneratedSet:
        receiver.note(f"structures, at the volumes of {self.teacher}")
        teacher = calculator_of(self.teacher)
        for symbol in self.elements:
            self._check_teacher(teacher, GroundState.of(symbol).crystal)
        catalogue = catalogue_of(self.elements, self.own, calculator=teacher)
        states = catalogue.states.values()
        common = [prototype(name, own.element, own.volume) for own in states for name in COMMON]
        sound = SoundRange.of([*(state.crystal for state in states), *common], teacher)
        self._write({**self._record(), "sound_range": sound.to_dict()})
        made = generated(catalogue, self._plan(hot=False), seed=self.seed, progress=receiver)
        return replace(made, notices=(*made.notices, sound.sentence()))

    def _check_teacher(self, teacher: Calculator, crystal: Atoms) -> None:
        """Refuse a teacher that does not know an element."""
        crystal.calc = teacher
        try:
            energy = float(crystal.get_potential_energy())
        except Exception as error:  # the calculator is the user's
            text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise ConfigError(
                f"{self.teacher}: cannot calculate {crystal.get_chemical_formula()} ({text}); choose another teacher"
            ) from error
        if not np.isfinite(energy):
            raise ConfigError(
                f"{self.teacher}: the energy of {crystal.get_chemical_formula()} is {energy}; choose another teacher"
            )

    def _hot(self, receiver: Progress) -> GeneratedSet:
        if not any(self._plan(hot=True).counts.values()):
            return GeneratedSet(())
        receiver.note("a first potential, which drives the dynamics of hot crystals and melts")
        labels = dataset_from_atoms(self._sound())
        basis = closed_basis(Basis(labels.elements, size=FIRST_SIZE), labels)
        first = GrowingFit(labels, basis, FitSettings(threads=self.fit.threads)).fit().point.potential
        first.save(self.directory / FIRST)
        driver = first.calculator(index=False)
        catalogue = catalogue_of(self.elements, self.own, calculator=driver)
        return generated(
            catalogue, self._plan(hot=True), seed=self.seed, calculator=driver, progress=receiver
        )

    def _sound(self) -> list[Atoms]:
        """Labelled structures in the range in which the crystals of the teacher stiffen under compression."""
        stored = self._record()["sound_range"]
        frames = list(ase.io.iread(self.directory / LABELS, ":"))
        sound = [atoms for atoms in frames if stored is None or SoundRange(**stored).holds(atoms)]
        if len(sound) < len(frames) / 2:
            raise DataError(
                f"{self.directory / LABELS}: only {len(sound)} of {len(frames)} labels lie in the range of pressures "
                "and forces in which crystals of the teacher stiffen under compression; choose another teacher"
            )
        return sound

    def _plan(self, hot: bool) -> Plan:
        plan = Plan.of_size("small", with_dynamics=True).scaled(self.n_structures)
        return Plan({kind: n for kind, n in plan.counts.items() if (kind in DYNAMICS) == hot})

    def _label(self, structures: Sequence[Atoms], receiver: Progress) -> None:
        if structures:
            self._labeller(LABELS, receiver)(structures)

    def _labeller(self, name: str, receiver: Progress) -> FileLabeller:
        options = {**self.options, "teacher": True}
        return FileLabeller(self.directory / name, self.teacher, {}, options, receiver)

    def _split(self, receiver: Progress) -> tuple[int, int]:
        """Write training and test data, and return the numbers of both together and of the latter."""
        frames = self._sound()
        labels = dataset_from_atoms(frames)
        held = holdout(labels, HELD_OUT, self.seed)
        keep = self._agreeing(labels, held, receiver)
        for name, chosen in ((TRAINING, keep & ~held), (TEST, keep & held)):
            LabelledFile(self.directory / name).write([frames[k] for k in np.flatnonzero(chosen)])
        n, n_test = int(keep.sum()), int((keep & held).sum())
        receiver.note(f"{counted(n_test, 'structure')} of {n} held out as test data")
        return n, n_test

    def _agreeing(self, labels: Dataset, held: Mask, receiver: Progress) -> Mask:
        """Which labels do not contradict the others, in the two files that the fit will read."""
        files = [TEST if out else TRAINING for out in held]
        frames = [replace(frame, file=file) for frame, file in zip(labels, files, strict=True)]
        keep, left_out = agreeing_labels(self.directory / LABELS, frames, self.fit.seed)
        if left_out:
            notice = f"{left_out}: the teacher is not smooth there, or its atoms no longer see each other"
            receiver.note(notice)
            record = self._record()
            self._write({**record, "notices": list(dict.fromkeys([*record["notices"], notice]))})
        return keep

    def _against(self, data: Dataset, run: Run, receiver: Progress) -> dict[str, Errors]:
        """Errors of the teacher and of the students on first-principles data."""
        receiver.note(f"{counted(len(data), 'structure')} of first-principles data by the teacher")
        structures = [Atoms(f.numbers, f.positions, cell=f.cell, pbc=f.pbc) for f in data]
        for place, atoms in enumerate(structures):
            atoms.info["place"] = place
        taught = self._labeller("teacher_on_data.extxyz", receiver)(structures)
        if not taught:
            raise DataError(f"{', '.join(data.files)}: the teacher has no labels for any structure")
        data = data.subset([int(atoms.info["place"]) for atoms in taught])
        predictions = {"teacher": labels_in(dataset_from_atoms(taught))}
        for name, place in (("knee", run.knee_index), ("best", run.best_index)):
            potential = run.points[place].potential
            predictions[name] = labels_in(potential.predict([frame.to_atoms() for frame in data]))
        without_stress = any(stress is None for stress in predictions["teacher"].stresses)
        reference = labels_in([replace(frame, stress=None) for frame in data] if without_stress else data)
        kinds = [frame.config_type for frame in data]
        return {
            name: shifted_errors(reference, own, data.compositions(), kinds)
            for name, own in predictions.items()
        }

    def _crystal(self) -> str | None:
        """The crystal whose properties are compared: that of nature, whichever the teacher has lowest."""
        if len(self.elements) != 1:
            return None
        return f"{GroundState.of(self.elements[0]).name}:{self.elements[0]}"

    def _validation(self, receiver: Progress) -> Validation | None:
        if not self.properties:
            return None
        try:
            found = validate(
                str(self.directory / FIT / "knee.mlip.json"),
                self.directory / VALIDATION,
                reference=self.teacher,
                crystal=self._crystal(),
                only=QUICK if self.properties == "quick" else (),
                quick=self.properties == "quick",
                progress=receiver,
            )
        except MlipError as error:
            receiver.note(f"notice: properties were not computed: {error}")
            return None
        return found if isinstance(found, Validation) else None


def _read(path: Path) -> list[Atoms]:
    return list(ase.io.iread(path, ":")) if path.stat().st_size else []
