"""`label`: structures to labels, one calculation after another or many at a time, to be interrupted at any moment."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlip_rs.dask_client import Scheduler
from mlip_rs.errors import ConfigError
from mlip_rs.label.child_process import Limits
from mlip_rs.label.labelled_frames import LabelledFrames
from mlip_rs.label.labels import MAX_FORCE
from mlip_rs.label.session import LabelSession
from mlip_rs.label.source import source_of
from mlip_rs.label.summary import LabelSummary
from mlip_rs.label.tasks import Job
from mlip_rs.label.unlabelled import Structures, unlabelled
from mlip_rs.label.workers import workers_for
from mlip_rs.locks import lock_file
from mlip_rs.progress import Progress, Silent
from mlip_rs.settings import check_integer, check_number


def label(
    structures: Structures,
    calculator: Any,  # noqa: ANN401 (text, a factory, a calculator)
    out: str | os.PathLike[str],
    *,
    arguments: Mapping[str, Any] | None = None,
    scheduler: Scheduler | None = None,
    n_workers: int | None = None,
    threads: int = 1,
    retries: int = 0,
    retry_failed: bool = False,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    max_force: float = MAX_FORCE,
    check: bool = True,
    teacher: bool = False,
    work: str | os.PathLike[str] | None = None,
    index: str = ":",
    format: str | None = None,
    types: Sequence[str] = (),
    progress: Progress | None = None,
) -> LabelSummary:
    """Label structures with energy, forces and stress by a calculator, and append them to a file as they are finished.

    Every calculation runs in a process that may crash, hang or run out of memory: the structure is noted as failed,
    with the reason, and the next goes on. The same call again resumes: what is in the file is not calculated again.

    Parameters
    ----------
    structures
        Files that ASE reads, ASE's `Atoms`, or a list of either; labels that they have are ignored.
    calculator
        "module:factory" or "path/to/file.py:factory", a function or class that returns a calculator of ASE, called
        once in each process, or with every structure if it has one parameter without default; the file of a
        potential; "chgnet", "7net-0"; a function or class itself, or a calculator that can be pickled.
    out
        Extended XYZ (.extxyz). Each frame keeps what it carried, such as `config_type`, and gets `energy` (eV; that
        whose derivative the forces are), `forces`, `stress` (eV/Å³, positive under tension), `label_id` and
        `label_source`, what made them. Beside it
        are OUT.label.json, what made the labels, and OUT.failures.jsonl, structures that failed, with reasons.
    arguments
        Keyword arguments of the factory.
    scheduler
        Address of a scheduler of Dask, the file that it writes, or a client; None: this machine.
    n_workers
        Calculations at a time on this machine; None: as many as there are cores for.
    threads
        Threads of each calculation.
    retries
        How often a structure that fails is tried again.
    retry_failed
        Try structures again that failed in a run before.
    time_limit
        Seconds after which a calculation is stopped and has failed.
    memory_limit
        GB of memory above which a calculation is stopped and has failed.
    max_force
        Forces above this (eV/Å) count as a failure.
    check
        Compare forces and stress of a small structure with differences of the energy, in three more calculations,
        before anything is written.
    teacher
        The calculator is a potential itself: the labels say so, and so do reports of fits to them. Known without it of
        potential files and of chgnet, 7net-0.
    work
        Folder in which each structure is calculated in a folder of its own, kept if that fails; OUT.work by default.
    index, format, types
        As for `mlip_rs.read_dataset`.
    progress
        Receiver of progress reports.

    Returns
    -------
    LabelSummary
        Numbers of labels and failures, and the time.

    Raises
    ------
    ConfigError
        The calculator cannot be made, is not the one of the labels that are in the file, or another process writes it.
    LabelError
        Forces or stress are not derivatives of the energy, all structures fail, or the scheduler is gone.
    DataError
        Structures cannot be read, or the file holds something else than labels.
    OSError
        The file cannot be written; what it holds is whole.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ase.build import bulk
    >>> with TemporaryDirectory() as folder:
    ...     cells = [bulk("Al", a=a) for a in (3.9, 4.0, 4.1)]
    ...     summary = label(cells, "ase.calculators.emt:EMT", f"{folder}/al.extxyz", n_workers=1)
    >>> summary.n_labelled, summary.n_failed
    (3, 0)
    """
    _check_settings(
        retries, threads, n_workers, time_limit=time_limit, memory_limit=memory_limit, max_force=max_force
    )
    path, receiver = Path(out), progress or Silent()
    source = replace(source_of(calculator, arguments), is_teacher=teacher)
    frames = LabelledFrames(path)
    _check_inputs(path, structures)
    given = unlabelled(structures, index=index, format=format, types=types, note=receiver.note)
    limits = Limits(time_limit, memory_limit, float(max_force), threads)
    job = Job.of(source, limits, Path(work) if work else path.with_suffix(".work"), scheduler is not None)
    busy = f"{path}: {{}} is writing labels there; wait until it ends, or choose another output (-o)"
    with lock_file(path.with_name(f".{path.name}.lock"), busy):
        session = LabelSession(source, job, frames, given, receiver, retries)
        todo = session.resume(retry_failed)
        if todo:
            workers = workers_for(scheduler, n_workers, threads, receiver.note)
            try:
                session.label(todo, workers, check)
            finally:
                workers.close(job.run)
                _tidy(Path(job.work), scheduler is None or session.done)
        return session.finished()


def _check_settings(retries: int, threads: int, n_workers: int | None, **limits: float | None) -> None:
    """Refuse settings that make no sense."""
    check_integer("retries", retries, 0)
    check_integer("threads", threads, 1)
    if n_workers is not None:
        check_integer("n_workers", n_workers, 1)
    for name, value in limits.items():
        if value is None:
            continue
        check_number(name, value)
        if value <= 0.0:
            raise ConfigError(f"{name} is {value!r}; it must be positive")
    if limits.get("memory_limit") is not None:
        from importlib.util import find_spec

        if find_spec("psutil") is None:
            raise ConfigError("a limit of memory needs psutil: pip install psutil, or leave out memory_limit")


def _check_inputs(out: Path, structures: Structures) -> None:
    """Refuse an output that is read from as well."""
    named = [structures] if isinstance(structures, str | os.PathLike) else structures
    for one in named if isinstance(named, list | tuple) else []:
        if isinstance(one, str | os.PathLike) and out.exists() and Path(one).exists() and out.samefile(one):
            raise ConfigError(f"{out}: is read from as well; choose another output (-o)")


def _tidy(folder: Path, alone: bool) -> None:
    """Leave only what belongs to failures; what attempts of killed workers left, only if no other can be going on."""
    with suppress(OSError):
        for place in folder.iterdir():
            if "-check-" in place.name or (alone and "." in place.name):
                if place.is_dir():
                    shutil.rmtree(place, ignore_errors=True)
                else:
                    place.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
