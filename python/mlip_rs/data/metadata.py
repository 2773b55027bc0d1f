"""What a frame carries beside its labels: kind, group, charge and weights."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlip_rs.data.labels import RawFrame
from mlip_rs.errors import DataError
from mlip_rs.text import counted

CONFIG_TYPE_NAMES: tuple[str, ...] = ("configtype", "configurationtype")
GROUP_NAMES: tuple[str, ...] = ("group", "trajectory", "groupid")
LABEL_SOURCE_NAMES: tuple[str, ...] = ("labelsource",)
CONVERGED_NAMES: tuple[str, ...] = ("converged",)
CHARGE_NAMES: tuple[str, ...] = ("totalcharge", "charge", "netcharge", "systemcharge", "cellcharge")

WEIGHT_NAMES: dict[str, tuple[int, ...]] = {
    "weight": (0, 1, 2),
    "configweight": (0, 1, 2),
    "energyweight": (0,),
    "configenergyweight": (0,),
    "forceweight": (1,),
    "forcesweight": (1,),
    "configforcesweight": (1,),
    "configforceweight": (1,),
    "stressweight": (2,),
    "configstressweight": (2,),
    "virialweight": (2,),
    "virialsweight": (2,),
    "configvirialweight": (2,),
    "configvirialsweight": (2,),
}
"""Labels (energy, forces, stress) that a weight counts for, by its name in lower case without separators."""

_UNUSED_WEIGHT = re.compile(r"weight|sigma|mask")

Weights3 = tuple[float, float, float]


def scalar(raw: RawFrame, names: Sequence[str]) -> Any:  # noqa: ANN401 (a value of a file)
    """Return the value of the first of some names, in any spelling, that is not an array over the atoms; else None."""
    for name in names:
        for key, value in raw.values.items():
            if _squeezed(key) == name and value is not None and np.ndim(value) == 0:
                return value
    return None


def text_of(raw: RawFrame, names: Sequence[str]) -> str:
    """Return `scalar` as text; empty without any."""
    value = scalar(raw, names)
    return "" if value is None else str(value)


def converged_of(raw: RawFrame) -> bool:
    """Tell whether the electronic loop converged, as far as the file says."""
    value = scalar(raw, CONVERGED_NAMES)
    return not (isinstance(value, bool | np.bool_) and not value)


def charge_of(raw: RawFrame) -> float | None:
    """Return the total charge in units of e; None if nothing is said.

    Raises
    ------
    DataError
        A charge that is no finite number.
    """
    value = scalar(raw, CHARGE_NAMES)
    return None if value is None else _number(raw, "charge", value)


def weights_of(raw: RawFrame) -> Weights3:
    """Return the factors on energy, forces and stress that the file gives, 1 where it gives none.

    Raises
    ------
    DataError
        A weight that is negative or no finite number.
    """
    factors = [1.0, 1.0, 1.0]
    for key, value in raw.values.items():
        labels = WEIGHT_NAMES.get(_squeezed(key))
        if labels is None or np.size(value) != 1 or value is None:
            continue
        factor = _number(raw, key, value)
        if factor < 0.0:
            raise DataError(f"{raw.location}: {key!r} is {factor:g}; a weight cannot be negative, correct it")
        for label in labels:
            factors[label] *= factor
    return factors[0], factors[1], factors[2]


def weight_notices(frames: Sequence[RawFrame], file: str, taken: bool) -> list[str]:
    """Say which weights of a file count and which do not."""
    used, ignored = Counter[str](), Counter[str]()
    for raw in frames:
        for key, value in raw.values.items():
            if not _UNUSED_WEIGHT.search(_squeezed(key)) or key == "move_mask":
                continue
            counts = taken and _squeezed(key) in WEIGHT_NAMES and np.size(value) == 1
            (used if counts else ignored)[key] += 1
    notices = []
    if used:
        listed = ", ".join(f"{key!r} in {counted(count, 'frame')}" for key, count in used.items())
        notices.append(
            f"{file}: weights of the file count ({listed}): they multiply the squared residuals; "
            "--set data.file_weights=false ignores them"
        )
    if ignored:
        listed = ", ".join(f"{key!r} in {counted(count, 'frame')}" for key, count in ignored.items())
        notices.append(f"{file}: weights of the file do not count: {listed}")
    return notices


def charge_notices(charges: Sequence[float | None]) -> list[str]:
    """Say that structures of different charges are mixed, which one potential cannot fit."""
    found = Counter(round(charge, 3) + 0.0 for charge in charges if charge is not None)
    silent = sum(charge is None for charge in charges)
    if len(found) < 2 and not (found and silent and 0.0 not in found):
        return []
    listed = ", ".join(f"{charge:+g} e in {count}" for charge, count in sorted(found.items()))
    rest = f", not given in {silent}" if silent else ""
    return [
        f"structures of different total charge are mixed ({listed} structures{rest}): their energies differ by the "
        "ionisation, which positions do not tell; fit those of one charge"
    ]


def _squeezed(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", str(key).lower())


def _number(raw: RawFrame, key: str, value: Any) -> float:  # noqa: ANN401 (a value of a file)
    try:
        number = float(np.asarray(value, dtype=float).reshape(()))
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise DataError(f"{raw.location}: {key!r} is {str(value)[:40]!r}, not a number; correct it")
    return number
