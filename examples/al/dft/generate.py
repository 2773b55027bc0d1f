"""Structures of the aluminium data set -> al_structures.extxyz  (no labels; fixed seeds; shuffled).

The recipe follows the published DFT data sets for pair-/many-body potentials of elemental metals (prototypes
that are expanded, compressed, strained and rattled) and adds vacancies, slabs, stacking faults and snapshots
of hot solid and liquid (ASE's EMT drives the molecular dynamics; EMT labels are thrown away).
"""
from pathlib import Path
import numpy as np
from ase import Atoms, units
from ase.build import bulk, fcc100, fcc110, fcc111, make_supercell
from ase.calculators.emt import EMT
from ase.io import write
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

SEED = 20261122
V0 = {'fcc': 16.5, 'bcc': 16.9, 'hcp': 16.6, 'dhcp': 16.55, 'sc': 20.0, 'dia': 27.0, 'a15': 17.6, 'bsn': 19.0,
      'omega': 18.3}
rng = np.random.default_rng(SEED)
out = []


def scaled(atoms, volume_per_atom):
    a = atoms.copy()
    a.set_cell(a.cell[:] * (volume_per_atom * len(a) / a.get_volume())**(1 / 3), scale_atoms=True)
    return a


def prototypes():
    p = {'fcc': bulk('Al', 'fcc', 4.05), 'bcc': bulk('Al', 'bcc', 3.24), 'sc': bulk('Al', 'sc', 2.72),
         'hcp': bulk('Al', 'hcp', 2.86, c=2.86 * 1.645), 'dia': bulk('Al', 'diamond', 6.0)}
    a = 2.86
    c = 2 * a * 1.64
    p['dhcp'] = Atoms('Al4', scaled_positions=[[0, 0, 0], [1 / 3, 2 / 3, .25], [0, 0, .5], [2 / 3, 1 / 3, .75]],
                      cell=[[a, 0, 0], [-a / 2, a * 3**.5 / 2, 0], [0, 0, c]], pbc=True)
    p['a15'] = Atoms('Al8', scaled_positions=[[0, 0, 0], [.5, .5, .5], [.25, .5, 0], [.75, .5, 0], [0, .25, .5],
                                              [0, .75, .5], [.5, 0, .25], [.5, 0, .75]], cell=[5.2] * 3, pbc=True)
    t, u = 5.0, 2.7
    p['bsn'] = Atoms('Al2', scaled_positions=[[0, 0, 0], [.75, .25, .5]],
                     cell=[[-t / 2, t / 2, u / 2], [t / 2, -t / 2, u / 2], [t / 2, t / 2, -u / 2]], pbc=True)
    a = 4.6
    p['omega'] = Atoms('Al3', scaled_positions=[[0, 0, 0], [1 / 3, 2 / 3, .5], [2 / 3, 1 / 3, .5]],
                       cell=[[a, 0, 0], [-a / 2, a * 3**.5 / 2, 0], [0, 0, .613 * a]], pbc=True)
    return {k: scaled(v, V0[k]) for k, v in p.items()}


def random_strain(atoms, size):
    e = rng.normal(0, size, (3, 3))
    a = atoms.copy()
    a.set_cell(a.cell[:] @ (np.eye(3) + (e + e.T) / 2), scale_atoms=True)
    return a


def rattled(atoms, size):
    a = atoms.copy()
    d = rng.normal(size=(len(a), 3))
    d *= size / np.linalg.norm(d, axis=1)[:, None]          # every atom is moved by exactly `size`
    a.positions += d
    return a


def shortest(atoms):
    i, = [np.inf]
    from ase.neighborlist import neighbor_list
    d = neighbor_list('d', atoms, 4.0)
    return d.min() if len(d) else i


def add(atoms, config_type, dmin=2.05, **info):
    atoms = atoms.copy()
    atoms.pbc = True
    atoms.wrap()
    if shortest(atoms) < dmin:
        return False
    atoms.calc = None
    atoms.info = dict(config_type=config_type, **info)
    for k in list(atoms.arrays):
        if k not in ('numbers', 'positions'):
            del atoms.arrays[k]
    out.append(atoms)
    return True


def many(n, make, config_type, **kw):
    k = 0
    for _ in range(200 * n):
        if k == n:
            return
        k += add(make(), config_type, **kw)
    raise RuntimeError(config_type)


P = prototypes()

# 1. Energy-volume curves of the undistorted prototypes
for name, scale in {'fcc': (.70, .76, .82, .88, .94, 1.0, 1.06, 1.12, 1.20, 1.30, 1.40),
                    'bcc': (.70, .80, .90, .97, 1.04, 1.15, 1.30), 'hcp': (.70, .80, .90, .97, 1.04, 1.15, 1.30),
                    'sc': (.70, .80, .90, 1.0, 1.12, 1.25), 'dia': (.75, .85, .95, 1.05), 'dhcp': (.8, .97, 1.1),
                    'a15': (.80, .97, 1.15), 'bsn': (.75, .90, 1.05), 'omega': (.80, .95, 1.1)}.items():
    for s in scale:
        add(scaled(P[name], s * V0[name]), 'eos_' + name, dmin=1.8)

# 2. Randomly strained prototypes (no displacements)
for name, n in {'fcc': 16, 'bcc': 8, 'hcp': 8, 'sc': 5, 'dia': 2, 'a15': 2, 'bsn': 3, 'omega': 3, 'dhcp': 3}.items():
    many(n, lambda: random_strain(scaled(P[name], V0[name] * rng.uniform(.75, 1.3)), rng.choice([.03, .07, .12])),
         'strain_' + name)

# 3. Strained and displaced cells of 2-8 atoms
cells = {'fcc': [np.diag([1, 1, 2]), np.diag([1, 2, 2]), np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]),
                 np.diag([2, 2, 2])],
         'bcc': [np.diag([1, 1, 2]), np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]), np.diag([1, 2, 2])],
         'hcp': [np.diag([1, 1, 1]), np.diag([1, 2, 1]), np.diag([2, 2, 1])],
         'sc': [np.diag([1, 1, 2]), np.diag([1, 2, 2])], 'dia': [np.diag([1, 1, 1]), np.diag([1, 1, 2])],
         'dhcp': [np.eye(3)], 'a15': [np.eye(3)], 'bsn': [np.diag([1, 1, 1]), np.diag([1, 1, 2])], 'omega': [np.eye(3)]}
for name, n in {'fcc': 70, 'bcc': 30, 'hcp': 30, 'sc': 14, 'dia': 8, 'dhcp': 6, 'a15': 6, 'bsn': 8, 'omega': 6}.items():
    def make():
        c = cells[name][rng.integers(len(cells[name]))]
        a = scaled(make_supercell(P[name], np.asarray(c, int)), V0[name] * rng.uniform(.75, 1.3))
        return rattled(random_strain(a, rng.choice([.01, .04, .08])), rng.choice([.05, .1, .2, .3, .45, .6]))
    many(n, make, 'rattle_' + name)

# 4. Vacancies (4-1, 8-1 and 16-1 atoms)
for c, n in ((np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]), 5), (np.diag([2, 2, 2]), 7), (np.diag([2, 2, 4]), 4)):
    def make():
        a = scaled(make_supercell(P['fcc'], c), V0['fcc'] * rng.uniform(.9, 1.08))
        del a[0]
        return rattled(random_strain(a, .01), rng.choice([.0, .05, .1, .2]))
    many(n, make, 'vacancy')

# 5. Slabs (1-6 layers, 10 Angstrom of vacuum)
for build, layers in ((fcc111, (1, 2, 3, 4, 6)), (fcc100, (1, 2, 3, 5)), (fcc110, (3, 4, 6))):
    for n in layers:
        for size in (0., .12):
            a = build('Al', (1, 1, n), a=4.045 * rng.uniform(.97, 1.03), vacuum=5.0, periodic=True)
            add(rattled(a, size), 'slab_' + build.__name__, vacuum=True)

# 6. Generalised stacking faults: 6 close-packed layers, the cell vector c is shifted along <112>
for frac in (0.25, 0.5, 0.75, 1.0, 1.5, 2.0):
    a = fcc111('Al', (1, 1, 6), a=4.045, vacuum=None, periodic=True)
    cell = a.cell[:].copy()
    cell[2] = [0, 0, 6 * 4.045 / 3**.5]
    a.set_cell(cell)
    burgers = (a.cell[0] + a.cell[1]) / 3
    cell[2] += frac * burgers
    a.set_cell(cell)
    a.positions += rng.normal(0, .02, (6, 3))
    add(a, 'stacking_fault')

# 7. Snapshots of molecular dynamics with EMT
def md(natoms, temperature, scale, melt, nsnap, gap=400):
    c = {8: np.diag([2, 2, 2]), 16: np.diag([2, 2, 4]), 18: np.diag([2, 3, 3]),
         32: 2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])}[natoms]
    a = scaled(make_supercell(P['fcc'], c), V0['fcc'] * scale)
    a.calc = EMT()
    MaxwellBoltzmannDistribution(a, temperature_K=2 * temperature, rng=rng)
    if melt:
        Langevin(a, 3 * units.fs, temperature_K=4000, friction=.02, rng=rng).run(600)
    dyn = Langevin(a, 3 * units.fs, temperature_K=temperature, friction=.02, rng=rng)
    dyn.run(600)
    k = 0
    while k < nsnap:
        dyn.run(gap)
        k += add(a, 'md_liquid' if melt else 'md_solid', dmin=1.9, temperature=temperature)


for n, cases in {8: [(300, 1.0, 0, 2), (600, 1.02, 0, 3), (900, 1.04, 0, 3), (1200, 1.06, 0, 2), (1500, 1.12, 1, 4),
                     (2500, 1.1, 1, 3), (1200, .9, 1, 3), (3000, .8, 1, 2)],
                 16: [(300, 1.01, 0, 2), (600, 1.03, 0, 2), (900, 1.04, 0, 3), (1000, 1.12, 1, 4), (1500, 1.18, 1, 3),
                      (2500, .95, 1, 2)],
                 18: [(700, 1.03, 0, 3), (1200, 1.12, 1, 4)],
                 32: [(300, 1.0, 0, 2), (800, 1.04, 0, 3), (1100, 1.12, 1, 4), (2000, 1.2, 1, 2)]}.items():
    for t, s, melt, k in cases:
        md(n, t, s, melt, k)

order = np.random.default_rng(SEED + 1).permutation(len(out))
out = [out[i] for i in order]
for i, a in enumerate(out):
    a.info['index'] = i
write(Path(__file__).with_name('al_structures.extxyz'), out)
if __name__ == '__main__':
    from collections import Counter
    print(len(out), 'structures', dict(Counter(a.info['config_type'] for a in out)))
    print('sizes', sorted(Counter(len(a) for a in out).items()))
