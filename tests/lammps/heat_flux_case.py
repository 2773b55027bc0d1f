"""The flux of heat of a free cluster in LAMMPS, and the time derivative of Σ r_i e_i that it has to be."""

import numpy as np
from lammps_input import HEAD

TIMESTEP = 2e-5
"""ps."""

FLUX = """boundary f f f
read_data atoms
{pair}
velocity all create 900 4711 mom yes rot yes
compute k all ke/atom
compute e all pe/atom
compute s all {stress} NULL virial
compute j all heat/flux k e s
variable rx atom x*(c_k+c_e)
variable ry atom y*(c_k+c_e)
variable rz atom z*(c_k+c_e)
compute r all reduce sum v_rx v_ry v_rz
thermo_style custom step c_r[*] c_j[*]
thermo_modify format float %.17g
thermo 1
timestep {timestep}
fix 1 all nve
run 2
"""


def flux_input(pair: str, stress: str) -> str:
    """An input of three steps with the lines of a pair style and the compute of stresses."""
    return HEAD + FLUX.format(pair=pair, stress=stress, timestep=TIMESTEP)


def flux_and_derivative(printed: str) -> tuple[np.ndarray, np.ndarray]:
    """Flux of the middle step, and the central difference around it, eV Å/ps."""
    lines = printed.split("c_j[6]")[1].splitlines()[1:4]
    rows = np.array([[float(x) for x in line.split()] for line in lines])
    return rows[1, 4:7], (rows[2, 1:4] - rows[0, 1:4]) / (2 * TIMESTEP)
