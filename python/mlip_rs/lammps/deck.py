"""The input of LAMMPS for a run, as a physicist would write it."""

from dataclasses import dataclass

from mlip_rs.lammps.settings import BAR_PER_GPA, RunSettings
from mlip_rs.lammps.structure import Prepared

DATA_FILE: str = "structure.data"
LOG_FILE: str = "log.lammps"
DUMP_FILE: str = "trajectory.lammpstrj"
DECK_FILE: str = "in.lammps"
RESUME_FILE: str = "in.resume.lammps"
RESTART_FILES: tuple[str, str] = ("restart.1", "restart.2")
END_FILE: str = "restart.end"
FINAL_FILE: str = "final.data"

COLUMNS: tuple[str, ...] = (
    "step", "time", "temp", "pe", "ke", "etotal", "econserve", "press", "vol", "lx", "ly", "lz", "xy", "xz", "yz",
)  # fmt: skip
"""Columns of the thermodynamic output of dynamics; `econserve` is what the equations of motion conserve."""

RELAXATION_COLUMNS: tuple[str, ...] = (
    "step",
    "pe",
    "fmax",
    "press",
    "vol",
    "lx",
    "ly",
    "lz",
    "xy",
    "xz",
    "yz",
)
"""The same of a relaxation."""

FORCE_TOLERANCE: float = 1e-6
"""eV/Å, of the length of the vector of all forces, at which a relaxation ends."""


@dataclass(frozen=True)
class Deck:
    """The input of a run.

    Parameters
    ----------
    settings, prepared
        What is simulated.
    potential_file
        Name of the potential, beside the input.
    threads
        Threads of each rank; None: one.
    has_index
        Whether the potential has an index of anomaly, whose largest is then a column of the thermodynamic output.
    """

    settings: RunSettings
    prepared: Prepared
    potential_file: str
    threads: int | None = None
    has_index: bool = False

    def text(self, resumed_from: str | None = None) -> str:
        """Return the input; with the name of a restart file, the one that continues from it.

        >>> from ase.build import bulk
        >>> prepared = Prepared(bulk("Al", cubic=True), ("Al",), (1, 1, 1), ())
        >>> deck = Deck(RunSettings("npt", pressure=1.0), prepared, "al.mlip.json").text()
        >>> [line for line in deck.splitlines() if line.startswith(("pair", "fix"))]
        ['pair_style      mlip/rs', 'pair_coeff      * * al.mlip.json Al', \
'fix             integrate all npt temp 300 300 0.1 iso 10000 10000 1']
        """
        parts = [
            [
                "# Written by `mlip-rs lammps run`. Run it with: lmp -in "
                + (RESUME_FILE if resumed_from else DECK_FILE)
            ],
            self._beginning(resumed_from),
            self._potential(),
            *([] if resumed_from or self.settings.ensemble == "minimize" else [self._velocities()]),
            self._integration(),
            self._output(),
            self._action(resumed_from is not None),
        ]
        return "\n".join("\n".join(part) + "\n" for part in parts)

    def _beginning(self, resumed_from: str | None) -> list[str]:
        if resumed_from:
            return [line("read_restart", resumed_from)]
        return [
            line("units", "metal"),
            line("atom_style", "atomic"),
            line("boundary", self.prepared.boundary),
            line("read_data", DATA_FILE),
        ]

    def _potential(self) -> list[str]:
        settings = self.settings
        return [
            line("pair_style", "mlip/rs" + (f" threads {self.threads}" if self.threads else "")),
            line("pair_coeff", f"* * {self.potential_file} {' '.join(self.prepared.elements)}"),
            line("neighbor", f"{settings.skin:g} bin"),
            line("neigh_modify", "every 1 delay 0 check yes"),
            line("timestep", f"{settings.timestep / 1000:g}"),
        ]

    def _velocities(self) -> list[str]:
        settings = self.settings
        return [
            line(
                "velocity",
                f"all create {settings.temperature:g} {settings.seed} mom yes dist gaussian loop all",
            ),
        ]

    def _integration(self) -> list[str]:
        settings = self.settings
        thermostat, barostat = settings.damping
        end = settings.final_temperature or settings.temperature
        temperatures = f"temp {settings.temperature:g} {end:g} {thermostat:g}"
        keyword = {"isotropic": "iso", "anisotropic": "aniso", "triclinic": "tri"}[settings.coupling]
        bar = (settings.pressure or 0.0) * BAR_PER_GPA
        if settings.ensemble == "minimize":
            if not settings.moves_cell:
                return ["# The cell stays as it is."]
            return [
                line("fix", f"cell all box/relax {keyword} {bar:g} vmax 0.001"),
                line("min_modify", "line quadratic"),
            ]
        return [
            line(
                "fix",
                {
                    "nve": "integrate all nve",
                    "nvt": f"integrate all nvt {temperatures}",
                    "npt": f"integrate all npt {temperatures} {keyword} {bar:g} {bar:g} {barostat:g}",
                }[settings.ensemble],
            )
        ]

    def _output(self) -> list[str]:
        settings, relaxing = self.settings, self.settings.ensemble == "minimize"
        every = 1 if relaxing else settings.thermo_every
        frames = 10 if relaxing and settings.dump_every is None else settings.frames_every
        names = " ".join(self.prepared.elements)
        columns = RELAXATION_COLUMNS if relaxing else COLUMNS
        lines = [
            *([line("compute", "index all pair mlip/rs")] if self.has_index else []),
            line("thermo", str(every)),
            line("thermo_style", " ".join(["custom", *columns, *(["c_index[1]"] if self.has_index else [])])),
            line("thermo_modify", "flush yes lost error format float %.10g"),
            line("dump", f"trajectory all custom {frames} {DUMP_FILE} id type element x y z"),
            line("dump_modify", f"trajectory sort id append yes element {names} format float %.10g"),
        ]
        if not relaxing:
            lines.append(line("restart", f"{settings.restart_every} {' '.join(RESTART_FILES)}"))
        if settings.stop_at_index is not None:
            condition = f"v_index > {settings.stop_at_index:g} error continue message yes"
            lines.append(line("variable", "index equal c_index[1]"))
            lines.append(line("fix", f"stop all halt {every} {condition}"))
        return lines

    def _action(self, resumed: bool) -> list[str]:
        settings = self.settings
        if settings.ensemble == "minimize":
            minimize = line("minimize", f"0 {FORCE_TOLERANCE:g} {settings.steps} {10 * settings.steps}")
            again = (
                [minimize] if settings.moves_cell else []
            )  # the reference of the strains is then the new cell
            return [line("min_style", "cg"), minimize, *again, line("write_data", f"{FINAL_FILE} nocoeff")]
        run = f"{settings.steps} upto" if resumed else str(settings.steps)
        return [
            line("run", run),
            line("write_restart", END_FILE),
            line("write_data", f"{FINAL_FILE} nocoeff"),
        ]


def line(command: str, arguments: str) -> str:
    """A line of the input, with its arguments aligned.

    >>> line("units", "metal")
    'units           metal'
    """
    return f"{command:<16}{arguments}"
