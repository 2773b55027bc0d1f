"""Settings of a learning loop."""

from dataclasses import dataclass

from mlip_rs.errors import ConfigError
from mlip_rs.settings import check_least, check_types


@dataclass(frozen=True)
class LearnSettings:
    """When a loop ends, and how much it labels at a time.

    Parameters
    ----------
    energy
        Error of the energy aimed at, meV/atom.
    forces
        Error of a force component aimed at, eV/Å.
    batch
        Structures that are labelled at a time.
    max_labels
        Structures that are labelled in all, at most; None: as many as it takes.
    cost_power
        A label of a structure with N atoms costs N to this power in the choice: 0 for few structures; 1.5 to 3 prefers
        small cells, many of which are labelled in the time of a large one by plane waves.
    temperatures
        K; potentials of the loop drive molecular dynamics at these, and what it meets outside the data joins the
        pool. None by default.
    seed
        Of the dynamics.

    Raises
    ------
    ConfigError
        A setting out of range.

    Examples
    --------
    >>> LearnSettings(energy=1.0).forces
    0.05
    """

    energy: float = 2.0
    forces: float = 0.05
    batch: int = 20
    max_labels: int | None = None
    cost_power: float = 0.0
    temperatures: tuple[float, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("energy", "forces"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; the error aimed at must be positive")
        check_least("batch", self.batch, 1)
        check_least("seed", self.seed, 0)
        if self.max_labels is not None:
            check_least("max_labels", self.max_labels, 1)
        if not 0.0 <= self.cost_power <= 6.0:
            raise ConfigError(f"cost_power is {self.cost_power!r}; it must lie between 0 and 6")
        if any(not own > 0.0 for own in self.temperatures):
            raise ConfigError("temperatures must be positive, in K")
