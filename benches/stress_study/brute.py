"""independent check: real masses, 1 fs, larger cells"""
from md import *
from mlip_rs.generate.out_of_domain import Spheres, random_cell, cluster, mixture, supercell
from mlip_rs.potential.lowest_crystals import LowestCrystals
from mlip_rs.potential.short_range import shortest_distances
def brute(p, seed=77, scale=1.0):
    """list of failures: falls below the lowest crystal of all volumes"""
    els = p.elements; closest = np.array(shortest_distances(p)); low = LowestCrystals.of(p, closest, (), 1); sp = Spheres(els, closest, low.volumes)
    rng = np.random.default_rng(seed); bad = []
    for system in sp.systems:
        Tm = max(TM[e] for e in system); mass = np.mean([MASS[e] for e in system]); allow = .1 + KB * Tm
        runs = [("crystal", .6, 64, 3, 300), ("crystal", .75, 64, 3, 300), ("random", .7, 48, 3, 200), ("random", .55, 48, 3, 150), ("random", 2.0, 32, 3, 150), ("cluster", None, 13, 1, 200), ("cluster", None, 8, 1, 200)]
        for kind, V, n, T, steps in runs:
            sy = mixture(system, n, rng)
            if kind == "crystal":
                c = low.crystals[system[0]]; a = supercell(prototype(c.name, system[0], V * sp.volume(sy)), n); a.set_chemical_symbols(mixture(system, len(a), rng))
            elif kind == "random": a = random_cell(sp, sy, V, rng, 1.05)
            else: a = cluster(sp, sy, rng, 1.15); a.pbc = True
            e0 = low.floor(a.get_chemical_symbols(), np.inf)
            try: l, s, h = run(p, a.numbers, a.positions, a.cell.array, T * Tm, int(steps * scale), rng, e0, mass=mass, stop=-allow)
            except Exception as x: bad.append(f"{kind} {V} {x}"); continue
            if s >= 0: bad.append(f"{'-'.join(system)} {kind} {V} {l:.1f}@{s}")
            elif np.mean([q[1] for q in h[-3:]]) > 3 * T * Tm: bad.append(f"{'-'.join(system)} {kind} {V} hot {h[-1][1]:.0f}")
    return bad
