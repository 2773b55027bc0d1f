"""Settings of a run of molecular dynamics in LAMMPS, checked."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from mlip_rs.errors import ConfigError

Ensemble = Literal["nve", "nvt", "npt", "minimize"]

ENSEMBLES: tuple[str, ...] = get_args(Ensemble)

Coupling = Literal["isotropic", "anisotropic", "triclinic"]

TEMPERATURE_DAMPING: int = 100
"""Relaxation time of the thermostat in timesteps, as the manual of LAMMPS recommends."""

PRESSURE_DAMPING: int = 1000
"""Relaxation time of the barostat in timesteps."""

BAR_PER_GPA: float = 1e4

MOST_ROWS: int = 500
"""Rows of thermodynamic output in a run, about."""


@dataclass(frozen=True)
class RunSettings:
    """What is simulated, and for how long.

    Parameters
    ----------
    ensemble
        "nve", "nvt", "npt", or "minimize", which relaxes the positions, and with a pressure the cell, too.
    temperature
        K.
    final_temperature
        K at the end of the run, to heat or cool; None: the same.
    pressure
        GPa; None: 0 for npt, and a fixed cell for the others.
    steps
        Number of steps; of `minimize`, the most.
    timestep
        fs.
    coupling
        Which lengths of the cell change: all by one factor, each by its own, or the angles, too.
    repeat
        Cells in each direction; None: as many as make it twice as wide as the cutoff, one for `minimize`.
    seed
        Of the velocities.
    dump_every
        Steps between frames of the trajectory; None: about 100 frames.
    skin
        Extra radius of the neighbour list, Å.
    stop_at_index
        Index of anomaly of any atom above which dynamics end; None: they go on.

    Raises
    ------
    ConfigError
        A setting that makes no sense; names it.

    Examples
    --------
    >>> RunSettings("npt", temperature=300.0).damping
    (0.1, 1.0)
    """

    ensemble: str = "nvt"
    temperature: float = 300.0
    final_temperature: float | None = None
    pressure: float | None = None
    steps: int = 10_000
    timestep: float = 1.0
    coupling: str = "isotropic"
    repeat: tuple[int, int, int] | None = None
    seed: int = 1
    dump_every: int | None = None
    skin: float = 1.0
    stop_at_index: float | None = None

    def __post_init__(self) -> None:
        if self.ensemble not in ENSEMBLES:
            raise ConfigError(f"ensemble: {self.ensemble!r} is none of {', '.join(ENSEMBLES)}")
        if self.coupling not in get_args(Coupling):
            raise ConfigError(f"coupling: {self.coupling!r} is none of {', '.join(get_args(Coupling))}")
        for name in ("temperature", "final_temperature", "timestep", "stop_at_index"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{name.replace('_', ' ')}: {value:g} must be positive")
        if self.pressure is not None and not math.isfinite(self.pressure):
            raise ConfigError(f"pressure: {self.pressure} is not a pressure in GPa")
        if not (math.isfinite(self.skin) and self.skin >= 0):
            raise ConfigError(f"skin: {self.skin} is not a length in Å")
        for name in ("steps", "dump_every", "seed"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ConfigError(f"{name.replace('_', ' ')}: {value} must be at least 1")
        if self.seed > 2**31 - 1:
            raise ConfigError(f"seed: {self.seed} must be below 2147483648")
        if self.repeat is not None and min(self.repeat) < 1:
            raise ConfigError(f"repeat: {self.repeat} must be three numbers of at least 1")
        self._check_combination()

    def _check_combination(self) -> None:
        if self.pressure is not None and self.ensemble in ("nve", "nvt"):
            raise ConfigError(f"pressure: the cell is fixed with {self.ensemble}; take the ensemble npt")
        if self.coupling != "isotropic" and not self.moves_cell:
            raise ConfigError(
                f"{self.coupling}: the cell is fixed with {self.ensemble}; take the ensemble npt"
            )
        if self.stop_at_index is not None and self.ensemble == "minimize":
            raise ConfigError(
                "stop at index: a relaxation goes on to its minimum; take it with dynamics only"
            )
        if self.final_temperature is not None and self.ensemble not in ("nvt", "npt"):
            raise ConfigError(f"final temperature: {self.ensemble} has no thermostat; take nvt or npt")

    @property
    def moves_cell(self) -> bool:
        """Whether the cell changes."""
        return self.ensemble == "npt" or (self.ensemble == "minimize" and self.pressure is not None)

    @property
    def damping(self) -> tuple[float, float]:
        """Relaxation times of thermostat and barostat, ps."""
        ps = self.timestep / 1000
        return round(TEMPERATURE_DAMPING * ps, 9), round(PRESSURE_DAMPING * ps, 9)

    @property
    def thermo_every(self) -> int:
        """Steps between rows of thermodynamic output."""
        return max(1, self.steps // MOST_ROWS)

    @property
    def frames_every(self) -> int:
        """Steps between frames of the trajectory."""
        return self.dump_every or max(1, self.steps // 100)

    @property
    def restart_every(self) -> int:
        """Steps between restart files."""
        return max(100, self.steps // 20)

    @property
    def hottest(self) -> float:
        """The highest temperature that is asked for, K."""
        return max(self.temperature, self.final_temperature or 0.0)

    @property
    def conserves(self) -> bool:
        """Whether the dynamics conserve an energy: a thermostat whose temperature changes does not."""
        return self.ensemble != "minimize" and self.final_temperature in (None, self.temperature)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON holds them."""
        return asdict(self) | {"repeat": None if self.repeat is None else list(self.repeat)}
