"""The loop: fit, look at the pool, choose what to label, label, add the equations; again until enough is known."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from mlip_rs.basis import Basis
from mlip_rs.data import Dataset, Frame, folds
from mlip_rs.data.convert import as_dataset
from mlip_rs.data.suggest import suggest_cutoff, suggest_r_min
from mlip_rs.design.information import Information
from mlip_rs.errors import ConfigError, DataError, LabelError
from mlip_rs.evaluate.errors import Errors
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.evaluate.labelled_file import LabelledFile
from mlip_rs.files import check_folder
from mlip_rs.fitting.data_domain import domain
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.label.unlabelled import Structures, Unlabelled, label_id, stored_id, unlabelled
from mlip_rs.learn.assessment import Assessment
from mlip_rs.learn.exploration import explored
from mlip_rs.learn.growing_fit import Fitted, GrowingFit, weighted_rows
from mlip_rs.learn.pool import Pool
from mlip_rs.learn.record import Chosen, Cycle, LoopRecord
from mlip_rs.learn.settings import LearnSettings
from mlip_rs.learn.wanted import Wanted
from mlip_rs.locks import locked
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.text import counted

Labeller = Callable[[Sequence[Atoms]], Sequence[Atoms]]
"""Labels structures: returns them with results, at their positions. Those that failed are missing in what it returns,
those labelled before come at once."""

ANGULAR_CUTOFF: float = 0.85
"""Angular cutoff of the fits in the loop, in the cutoff; the final fit chooses its own."""

MET: str = "dynamics.extxyz"
"""File with the structures that dynamics have met outside the data."""

TURN: str = "turn"
"""Key of the turn in which dynamics have met a structure."""

MAY_CHANGE: tuple[str, ...] = ("energy", "forces", "batch", "max_labels")
"""Settings that a loop may go on with when they have been changed."""

POTENTIAL: str = "loop.mlip.json"
"""File with the potential of the last cycle."""


@dataclass(frozen=True)
class Learned:
    """What a loop has given.

    Parameters
    ----------
    potential
        Of all features, with error bars, from the last cycle.
    labelled
        All labelled structures: those at the start, then those chosen, in order.
    cycles
        All turns.
    outcome
        How it ended, a sentence.
    """

    potential: Potential
    labelled: Dataset
    cycles: tuple[Cycle, ...]
    outcome: str


def learn(
    pool: Structures,
    labeller: Labeller,
    directory: Path,
    *,
    start: Dataset | None = None,
    basis: Basis | None = None,
    fit: FitSettings | None = None,
    settings: LearnSettings | None = None,
    progress: Progress | None = None,
) -> Learned:
    """Label what a potential does not know, until its errors and error bars are as small as asked for.

    Stopped at any moment and called again with the same arguments, it goes on; labels that exist are not made again.

    Parameters
    ----------
    pool
        Structures that may be labelled: files, `Atoms`, or a list of either.
    labeller
        Labels structures.
    directory
        Of the record; `labeller` may keep its labels there.
    start
        Labelled structures that there are already.
    basis
        Candidate features of the fits in the loop; `medium` by default.
    fit
        Settings of these fits.
    settings
        When to stop, and how much to label at a time.
    progress
        Receives the advance.

    Raises
    ------
    ConfigError
        The directory belongs to a loop with other settings, or another process works there.
    DataError
        Nothing to start from; structures that cannot be used.
    FitError, LabelError
        As `mlip_rs.fit` and the labeller.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ase.build import bulk
    >>> from mlip_rs.workflows.learning import FileLabeller
    >>> cells = [bulk("Al", cubic=True) for _ in range(12)]
    >>> for seed, cell in enumerate(cells):
    ...     cell.rattle(0.05, seed=seed)
    >>> basis = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=4)
    >>> with TemporaryDirectory() as folder:
    ...     labeller = FileLabeller(Path(folder) / "labels.extxyz", "ase.calculators.emt:EMT", options={"n_workers": 1})
    ...     aims = LearnSettings(batch=4, max_labels=8)
    ...     learned = learn(cells, labeller, Path(folder), basis=basis, settings=aims)
    >>> len(learned.labelled) <= 8, learned.potential.elements
    (True, ('Al',))
    """
    settings, receiver = settings or LearnSettings(), progress or Silent()
    check_folder(directory)
    with locked(directory):
        loop = _Loop(
            unlabelled(pool), labeller, directory, start, basis, fit or FitSettings(), settings, receiver
        )
        return loop.run()


class _Loop:
    """One loop in one directory."""

    def __init__(
        self,
        structures: Sequence[Unlabelled],
        labeller: Labeller,
        directory: Path,
        start: Dataset | None,
        basis: Basis | None,
        fit: FitSettings,
        settings: LearnSettings,
        progress: Progress,
    ) -> None:
        self.pool = Pool.of(structures)
        self.wanted = Wanted(self.pool, settings)
        self.labeller, self.directory = labeller, directory
        self.settings, self.fit_settings, self.progress = settings, fit, progress
        self.open_basis = basis or Basis(size="medium")
        self.start = start
        self.parts: list[Dataset] = [] if start is None else [start]
        self.batches: dict[str, Dataset] = {}
        document = {name: own for name, own in asdict(settings).items() if name not in MAY_CHANGE} | {
            "basis": self._basis().to_dict(),
            "pool": self.pool.dataset().fingerprint(),
            "start": None if start is None else start.fingerprint(),
        }
        self.record = LoopRecord.resumed(directory, document)
        everything = self.pool.dataset() if start is None else start + self.pool.dataset()
        self.elements = {*everything.elements, *self.open_basis.elements}
        n_folds = min(fit.n_folds, len(everything))
        assigned = folds(everything, n_folds, fit.seed).tolist() if n_folds > 1 else [0] * n_folds
        self.folds = {_key(frame): fold for frame, fold in zip(everything, assigned, strict=True)}
        path = directory / MET
        if path.exists():
            self.pool.add(unlabelled(path))

    def run(self) -> Learned:
        """Go on from where the record ends."""
        for cycle in self.record.cycles:
            self._labelled([one.label_id for one in cycle.chosen])
        while missing := self._without_labels():
            self._first_batch(missing)
        growing = self._growing()
        while True:
            fitted, outcome = self._turn(growing)
            if outcome:
                self.record.outcome = outcome
                self.record.save()
                return Learned(
                    fitted.point.potential, growing.problem.dataset, tuple(self.record.cycles), outcome
                )
            before = len(self.parts)
            self._labelled([one.label_id for one in self.record.cycles[-1].chosen])
            if self.settings.temperatures and self._basis() != growing.basis:
                growing = self._growing()  # dynamics have met shorter distances than there were
                continue
            for part in self.parts[before:]:
                growing.add(part, self._folds(part))

    def _basis(self) -> Basis:
        """The basis with what is left open taken from all structures, those that were labelled as well."""
        everything = Dataset(
            tuple(self.pool.everything)
        )  # always without labels: a loop that resumes has more
        if self.start is not None:
            everything = self.start + everything
        return closed_basis(self.open_basis, everything)

    def _growing(self) -> GrowingFit:
        """A fit to the first structures, which contain all elements, to which the others are added."""
        first, *others = self.parts
        while not self.elements <= set(first.elements):
            first += others.pop(0)
        growing = GrowingFit(first, self._basis(), self.fit_settings, self.progress, self._folds(first))
        for part in others:
            growing.add(part, self._folds(part))
        return growing

    def _folds(self, part: Dataset) -> list[int]:
        """Folds of labelled structures, settled before anything is chosen; those that dynamics have met by turns."""
        return [self.folds.get(_key(frame), k) for k, frame in enumerate(part)]

    def _without_labels(self) -> set[str]:
        """Elements that no labelled structure contains, so that there can be no fit."""
        return self.elements - {symbol for part in self.parts for symbol in part.elements}

    def _first_batch(self, missing: set[str]) -> None:
        """Choose without a fit, by design rows alone, among structures with elements that have no labels."""
        candidates = [own for own in self.pool.ids if missing & set(self.pool[own].symbols)]
        if not candidates:
            raise DataError(
                f"there is nothing to start from: the pool has no structures with {', '.join(sorted(missing))}, or "
                "none of them could be labelled; add others, or take out those that cannot be labelled"
            )
        if not self._allowed():
            raise DataError(
                f"{counted(self.settings.max_labels or 0, 'structure')} were to be labelled, as many as are allowed, "
                f"and there is none with {', '.join(sorted(missing))} among those that could be; allow more "
                "(--max-labels)"
            )
        basis, weights = self._basis(), self.fit_settings.weights
        rows = {own: weighted_rows(basis, self.pool[own], weights) for own in self.pool.ids}
        known = [weighted_rows(basis, frame, weights) for part in self.parts for frame in part]
        nothing = Information.before_labels(rows.values(), known)
        wanted = self.wanted.gram(basis)
        gains = nothing.most_informative(
            candidates, rows.__getitem__, wanted, self._allowed(), costs=self._costs()
        )
        self.record.cycles.append(Cycle(0, self._chosen(gains, None, ()), n_pool=len(self.pool)))
        self.record.save()
        self._labelled(list(gains))

    def _turn(self, growing: GrowingFit) -> tuple[Fitted, str]:
        """Fit and choose; a sentence if that was the last turn."""
        begin, n_labels = time.monotonic(), len(growing.problem.dataset)
        fitted = growing.fit()
        potential = fitted.point.potential
        if self.settings.temperatures:
            self._explore(potential, growing.problem.dataset)
        ids = self.pool.ids
        known = Assessment.of(potential, self.pool.atoms(ids))
        uncertain = known.uncertain(self.settings)
        outcome = self._outcome(fitted.point.validation, int(uncertain.sum()))
        gains: Mapping[str, float] = {}
        if not outcome:
            candidates = [own for own, doubtful in zip(ids, uncertain, strict=True) if doubtful]
            self.progress.start("choice: structures", len(candidates))
            gains = fitted.information.most_informative(
                candidates,
                lambda own: growing.rows(self.pool[own]),
                self.wanted.gram(growing.problem.basis),
                self._allowed(),
                costs=self._costs(),
                advance=self.progress.advance,
            )
        cycle = Cycle(
            n_labels,
            self._chosen(gains, known, ids),
            fitted.point.validation,
            self._fresh(n_labels),
            len(ids),
            int(uncertain.sum()),
            known.to_dict(),
            time.monotonic() - begin,
        )
        self.record.cycles.append(cycle)
        potential.save(self._next(len(self.record.cycles)))
        self.record.save()
        self._next(len(self.record.cycles)).replace(self.directory / POTENTIAL)
        self.progress.note(_sentence(cycle))
        return fitted, outcome

    def _next(self, n_cycles: int) -> Path:
        """File with the potential of a cycle until the cycle is in the record."""
        return self.directory / f".cycle-{n_cycles}.mlip.json"

    def _fresh(self, n_labels: int) -> Errors | None:
        """Errors of the potential of the cycle before on the batch that it chose."""
        ended = self.record.ended
        if ended is not None and ended.n_labels == n_labels:
            return ended.fresh  # its own potential is in the place of that of the cycle before
        last = self.record.cycles[-1] if self.record.cycles else None
        path = self.directory / POTENTIAL
        if last is None or last.validation is None or not last.chosen or not path.exists():
            return None
        batch = self.batches.get(last.chosen[0].label_id)
        return None if batch is None else evaluate(Potential.load(path), batch).errors

    def _labelled(self, ids: Sequence[str]) -> None:
        """Have structures of the pool labelled; those that fail are not asked for again."""
        known = [own for own in ids if own in set(self.pool.ids)]
        if not known:
            return
        found = self.labeller(self.pool.atoms(known))
        place = {own: k for k, own in enumerate(known)}
        found = sorted(found, key=lambda atoms: place[_identity(atoms, place)])
        self.pool.remove(known)
        if found:
            self.parts.append(as_dataset(found))
            self.batches[known[0]] = self.parts[-1]

    def _explore(self, potential: Potential, labelled: Dataset) -> None:
        """Add to the pool what dynamics meet outside the data."""
        seed = self.settings.seed + len(self.record.cycles)
        found = explored(potential, labelled, self.settings.temperatures, seed, self.progress)
        path = self.directory / MET
        if found:
            turn = len(self.record.cycles)  # of a turn that was killed here, it is made anew
            before = ase.io.read(path, ":") if path.exists() else []
            before = [atoms for atoms in before if atoms.info[TURN] < turn]
            for atoms in found:
                atoms.info[TURN] = turn
            LabelledFile(path).write([*before, *found])
        n_new = self.pool.add(unlabelled(path)) if found else 0
        self.progress.note(f"dynamics: {counted(n_new, 'structure')} outside the data")

    def _allowed(self) -> int:
        """Structures that may be labelled next."""
        most = self.settings.max_labels
        done = sum(len(one.chosen) for one in self.record.cycles)
        return self.settings.batch if most is None else max(0, min(self.settings.batch, most - done))

    def _costs(self) -> dict[str, float]:
        return {own: float(self.pool[own].n_atoms) ** self.settings.cost_power for own in self.pool.ids}

    def _outcome(self, errors: Errors, n_uncertain: int) -> str:
        """Why the loop ends; empty if it goes on."""
        aims = self.settings
        small = (errors.energy is None or errors.energy.rmse <= aims.energy) and (
            errors.forces is None or errors.forces.rmse <= aims.forces
        )
        if not n_uncertain and small:
            return "errors and error bars are below what was asked for"
        if not len(self.pool):
            return "all structures of the pool are labelled"
        if not n_uncertain:
            return (
                "nothing in the pool is uncertain, yet errors are above what was asked for: more structures of this "
                "kind do not help, a larger basis or others may"
            )
        if not self._allowed():
            return (
                f"{counted(self.settings.max_labels or 0, 'structure')} are labelled, as many as were allowed"
            )
        return ""

    def _chosen(
        self, gains: Mapping[str, float], known: Assessment | None, ids: Sequence[str]
    ) -> tuple[Chosen, ...]:
        found = []
        places = {own: k for k, own in enumerate(ids)}
        for own, gain in gains.items():
            frame = self.pool[own]
            one = Chosen(own, frame.config_type, frame.n_atoms, gain)
            if known is not None:
                k = places[own]
                one = replace(
                    one,
                    reasons=tuple(known.reasons(k, self.settings)),
                    energy=float(known.energies[k]),
                    forces=float(known.forces[k]),
                    index=float(known.indices[k]),
                )
            found.append(one)
        return tuple(found)


def _key(frame: Frame) -> bytes:
    """What a frame with labels has in common with itself without."""
    return (
        frame.numbers.tobytes() + np.round(frame.positions, 5).tobytes() + np.round(frame.cell, 5).tobytes()
    )


def closed_basis(basis: Basis, structures: Dataset) -> Basis:
    """The basis with what is left open taken from all structures, labelled or not, so that it stays."""
    basis = basis if basis.elements else replace(basis, elements=structures.elements)
    if basis.cutoff is None:
        basis = replace(basis, cutoff=suggest_cutoff(structures))
    if basis.r_min is None and isinstance(basis.radial, str):
        basis = replace(basis, r_min=suggest_r_min(structures))
    if basis.angular_cutoff_is_open:
        basis = replace(basis, angular_cutoff=round(ANGULAR_CUTOFF * float(basis.cutoff or 0.0), 1))
    missing = set(structures.elements) - set(basis.elements)
    if missing:
        raise ConfigError(
            f"the basis lacks {', '.join(sorted(missing))}, which structures of the pool contain"
        )
    if (
        basis.repulsion == "zbl"
    ):  # beyond all of them: else it would act on structures that are labelled later
        measured = domain(structures, basis.elements, basis.core.cutoff)
        basis = replace(basis, repulsion=measured.repulsion())
    return basis


def _identity(atoms: Atoms, given: Collection[str]) -> str:
    """Which of the structures given to a labeller this is; a labeller of the user may have dropped the name."""
    own = stored_id(atoms) or label_id(atoms)
    if own not in given:
        raise LabelError(
            f"the labeller returned a structure ({atoms.get_chemical_formula()}) that it was not given; return copies "
            "of what it receives, with results, and do not move or wrap atoms"
        )
    return own


def _sentence(cycle: Cycle) -> str:
    """A turn in one line."""
    errors = cycle.validation
    parts = [f"{counted(cycle.n_labels, 'structure')} labelled"]
    if errors is not None and errors.energy is not None:
        parts.append(f"{errors.energy.rmse:.2f} meV/atom")
    if errors is not None and errors.forces is not None:
        parts.append(f"{errors.forces.rmse:.4f} eV/Å in the cross-validation")
    parts.append(f"{cycle.n_uncertain} of {cycle.n_pool} in the pool uncertain")
    return ", ".join(parts)
