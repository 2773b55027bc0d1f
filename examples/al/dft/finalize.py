"""al_dft_raw.extxyz (raw labels) -> al_dft.extxyz in the package: what a fit should use.

* energy: relative to the isolated (spin-polarised) atom, so that it tends to minus the cohesive energy
* stress: with the Pulay stress of the finite plane-wave basis removed (isotropic; measured against the energy-volume
  curves: pressure_stress_minus_energy_GPa in al_reference.json), so that it is the derivative of the energies in the same file
"""
import json
import re
import numpy as np
from collections import Counter
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.units import GPa
from dft import HERE, SHIPPED
atom = json.load(open(SHIPPED + 'al_reference.json'))['atom_energy']


def pulay(volume_per_atom):      # GPa; the pressure of the stress tensor minus that of the energies
    return -0.25 * (16.5 / volume_per_atom)**0.5      # measured -0.16 .. -0.35 between 15 and 21 A^3


# ASE reads 13_13_13_1_1_1 as an integer: take the grids from the text of the file
grids = {int(re.search(r'index=(\d+)', line).group(1)): re.search(r'kpts=(\S+)', line).group(1).split('_')
         for line in open(HERE + 'al_dft_raw.extxyz') if line.startswith('Lattice')}
out, seen = [], set()
for a in read(HERE + 'al_dft_raw.extxyz', ':'):
    if a.info['index'] in seen:
        continue
    seen.add(a.info['index'])
    n, v = len(a), a.get_volume()
    e, f, s = a.get_potential_energy(), a.get_forces(), a.get_stress()
    p = 0.0 if a.info['config_type'].startswith('slab') else pulay(v / n)
    s = s + np.array([1, 1, 1, 0, 0, 0]) * p * GPa
    a.info['energy_raw'] = e
    g = grids[int(a.info['index'])]
    a.info['kpts'] = 'x'.join(g[:3]) + '_shift_' + ''.join(g[3:])
    a.info['energy_sigma0'] -= n * atom
    a.info['pulay_GPa'] = round(p, 3)
    a.calc = SinglePointCalculator(a, energy=e - n * atom, free_energy=e - n * atom, forces=f, stress=s)
    out.append(a)
write(SHIPPED + 'al_dft.extxyz', out)
if __name__ == '__main__':
    e = np.array([a.get_potential_energy() / len(a) for a in out])
    fmax = np.array([np.abs(a.get_forces()).max() for a in out])
    p = np.array([-a.get_stress()[:3].mean() / GPa for a in out])
    print(len(out), 'structures', sum(len(a) for a in out), 'atoms')
    print(sorted(Counter(a.info['config_type'] for a in out).items()))
    print('sizes', sorted(Counter(len(a) for a in out).items()))
    print('energy per atom %.3f .. %.3f eV, largest force component %.2f eV/A, pressure %.1f .. %.1f GPa'
          % (e.min(), e.max(), fmax.max(), p.min(), p.max()))
    for t in sorted({a.info['config_type'] for a in out if a.info['config_type'].startswith('eos_')}):
        rows = sorted((a.get_volume() / len(a), a.get_potential_energy() / len(a), -a.get_stress()[:3].mean() / GPa)
                      for a in out if a.info['config_type'] == t)
        print(t, ' '.join('%.2f:%.4f(%.1f)' % r for r in rows))
    order = np.argsort(-e)[:8]
    print('highest energies', [(out[i].info['index'], out[i].info['config_type'], len(out[i]), round(e[i], 3)) for i in order])
    cpu = [float(str(a.info['cpu']).split('m')[-1].rstrip('s')) + 60 * float(str(a.info['cpu']).split('m')[0] if 'm' in str(a.info['cpu']) else 0) for a in out]
    for lo, hi in ((1, 1), (2, 2), (3, 4), (5, 8), (9, 40)):
        c = [x for x, a in zip(cpu, out) if lo <= len(a) <= hi]
        if c:
            print(f'cpu {lo}-{hi} atoms: n={len(c)} median {np.median(c):.1f} s, max {max(c):.1f} s')
