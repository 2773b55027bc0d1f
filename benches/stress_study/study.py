"""study.py NAME-SIZE: elimination on all data with anchors of several kinds and weights; stability and test errors of the members."""
import sys, time, json, pickle
from pathlib import Path
from dataclasses import replace
import numpy as np
import mlip_rs as m
from ase.data import atomic_numbers
from fits import FILES, D
from mlip_rs.data.convert import as_dataset
from mlip_rs.data.frames import Frame
from mlip_rs.fitting.pipeline import prepare
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.selection import _Selection, _distinct
from mlip_rs.fitting.normal_equations import NormalEquations, accumulate, symmetrize
from mlip_rs.fitting.smoothness_prior import Prior
from mlip_rs.fitting.elimination import eliminate, groups_of
from mlip_rs.fitting.repulsion import Guard
from mlip_rs.fitting.residuals import residuals
from mlip_rs.cost.model import CostModel, timed_structure
from mlip_rs.cost.units import UnitCosts
from mlip_rs.progress import Silent
from mlip_rs.generate.out_of_domain import Spheres, cluster, displaced, mixture, random_cell
from mlip_rs.generate.prototypes import prototype, PROTOTYPES
from mlip_rs.potential.lowest_crystals import LowestCrystals
from mlip_rs.potential.stress_test import stress_test
from mlip_rs.generate.out_of_domain import out_of_domain, supercell as _supercell
from mlip_rs.potential.short_range import shortest_distances

class Study:
    def __init__(self, name, size):
        self.name = f"{name}-{size}"; self.dir = Path("runs") / self.name
        self.settings = m.FitSettings(threads=1)
        train, test = FILES[name]
        basis = m.Basis(size=size) if size != "default" else m.Basis()
        self.problem = prepare(str(D / train), basis, self.settings, self.dir, Silent(), kept=True)
        self.test = as_dataset(str(D / test)) if test else None
        self.eq = assemble(self.problem, self.dir / "equations", threads=1)
        p = self.problem
        rec = json.load(open(self.dir / "run.json"))
        prior = Prior.of(p.basis)
        th = np.array([rec["prior"][n] if n.startswith("exponent") else np.log(rec["prior"][n]) for n in prior.names])
        self.penalty = prior.penalties(th)
        with self.eq.totalled():
            self.sel = _Selection(p, self.eq, self.settings, Silent())
            self.full, _ = self.sel._load(None)
        self.full = replace(self.full, gram=self.full.gram.copy())
        self.scale = self.sel.scale
        self.dense = self.full.ridge(self.penalty[None])[0]
        self.guard = Guard(p.basis, p.domain)
        self.teacher = self.guard.potential(self.dense, p.reference.values, {}, 1)
        self.raw = m.Potential.from_coefficients(p.basis.to_dict(), self.dense, p.reference.values, {})
        units = UnitCosts()
        self.costs = CostModel.of(p.basis, timed_structure(p.dataset), units)
        self.groups = groups_of(p.basis, self.costs)
        smallest = np.sqrt(self.costs.base / self.costs.cost(np.ones(p.basis.n_features, dtype=bool)) / p.basis.n_features)
        self.targets = np.geomspace(1.0, smallest, self.settings.n_path + 2)[1:-1]
        closest = np.array(shortest_distances(self.raw))
        self.lowest = LowestCrystals.of(self.raw, closest, (), 1)
        self.spheres = Spheres(p.basis.elements, closest, self.lowest.volumes)

    def frames(self, structures, cap=60.0):
        """labelled by the dense potential in the basis of the fit"""
        out = []
        for a, q in zip(structures, self.raw.predict(structures, 1)):
            if not np.isfinite(q.energy) or abs(q.forces).max() > cap: continue
            out.append(Frame(a.numbers.astype(np.int64), a.positions.copy(), a.cell.array.copy(), a.pbc.copy(), q.energy, q.forces.copy(), None if q.stress is None or not a.pbc.all() else q.stress.copy(), "anchor"))
        return out

    def anchors(self, frames, weight, relative=None, F0=5.0):
        p = self.problem
        eq = NormalEquations.zeros(p.basis.n_features, 1)
        w = np.tile(p.property_weights, (len(frames), 1)) * weight
        for k, f in enumerate(frames):
            if f.stress is None: w[k, 2] = 0
            if relative: w[k] *= 1.0 / (1.0 + (np.sqrt((f.forces**2).mean()) / F0) ** 2)
        accumulate(eq, p.basis, frames, p.reference, w, 1)
        symmetrize(eq, 1)
        return eq.gram[0] / np.multiply.outer(self.scale, self.scale), eq.moment[0] / self.scale

    def path(self, gram=None, moment=None, refit=True):
        full = self.full
        if gram is not None: full = replace(full, gram=full.gram + gram, moment=full.moment + moment)
        masks = eliminate(full.gram, full.moment, self.penalty, self.costs, self.groups, self.targets, 1.0, lambda: None)
        masks = masks[_distinct(masks)]
        base = full if refit else self.full
        coefs = np.array([base.ridge(self.penalty[None], mk)[0] for mk in masks] + [base.ridge(self.penalty[None])[0]])
        masks = np.vstack([masks, np.ones((1, masks.shape[1]), bool)])
        return masks, coefs

    def errors(self, coefs):
        data = self.test or self.problem.dataset
        r = residuals(self.problem.basis, data.frames, self.problem.reference, coefs, threads=1)
        return [r.errors(k) for k in range(len(coefs))]

    def potentials(self, coefs):
        return [self.guard.potential(c, self.problem.reference.values, {}, 1) for c in coefs]

def generated(study, n, seed=100, ratios=(0.5, 1.0), kinds=("random", "cluster", "displaced", "open"), size=(6, 14)):
    rng = np.random.default_rng(seed); out = []; sp = study.spheres; systems = sp.systems
    for k in range(n):
        system = systems[k % len(systems)]; kind = kinds[(k // len(systems)) % len(kinds)]
        N = int(rng.integers(size[0], size[1])); sy = mixture(system, N, rng)
        if kind == "random": out.append(random_cell(sp, sy, rng.uniform(*ratios), rng, rng.uniform(.9, 1.1)))
        elif kind == "open": out.append(random_cell(sp, sy, rng.uniform(1.0, 2.5), rng, rng.uniform(.9, 1.3)))
        elif kind == "cluster": out.append(cluster(sp, mixture(system, int(rng.integers(2, 14)), rng), rng, rng.uniform(.9, 1.3)))
        else:
            names = PROTOTYPES; u = prototype(str(rng.choice(names)), system[0], rng.uniform(*ratios) * sp.volume(sy))
            a = _supercell(u, N); a.set_chemical_symbols(mixture(system, len(a), rng)); out.append(displaced(a, sp, rng.choice([.05, .12, .2]), rng))
    return out

def report(study, label, masks, coefs, seeds=(0,), every=1):
    errs = study.errors(coefs); rows = []
    t = time.process_time()
    for k, (mk, c) in enumerate(zip(masks, coefs)):
        p = study.guard.potential(c, study.problem.reference.values, {}, 1)
        res = [stress_test(p, seed=s, threads=1) for s in seeds]
        fails = sum(len(r.failures) for r in res)
        from collections import Counter
        kinds = Counter(f.kind for r in res for f in r.failures)
        e = errs[k]
        rows.append(dict(cost=float(study.costs.cost(mk)), n=int(mk.sum()), e=e.energy.mae , f=e.forces.mae, fr=e.forces.rmse, fails=fails, kinds=dict(kinds), sr=p.info.get("short_range", {}).get("monotonic")))
    print(f"== {study.name} {label}: {sum(r['fails'] > 0 for r in rows)} of {len(rows)} fail; stress cpu {time.process_time()-t:.0f} s", flush=True)
    for r in rows[::every]: print("   %.2f us n %4d E %.2f meV F %.4f rmse %.4f fails %d %s %s" % (r["cost"], r["n"], r["e"], r["f"], r["fr"], r["fails"], r["kinds"], "" if r["sr"] else "notmono"), flush=True)
    return rows

def compare(base, rows):
    """force and energy error at equal cost, ratio, over the costs of base"""
    def curve(rs, key):
        o = np.argsort([r["cost"] for r in rs]); c = np.log(np.array([r["cost"] for r in rs])[o]); v = np.array([r[key] for r in rs])[o]
        return c, v
    out = {}
    for key in ("f", "e"):
        cb, b = curve(base, key); c, q = curve(rows, key)
        for lo, hi, name in ((1.3, 2.5, "cheap"), (2.5, 99, "rich")):
            s = (cb >= np.log(lo)) & (cb < np.log(hi))
            if s.any(): out[f"{key} {name}"] = float(np.median(np.interp(cb, c, q)[s] / b[s]))
    # cost at equal force error
    fb = np.array([r["f"] for r in base]); cbase = np.array([r["cost"] for r in base])
    o = np.argsort([r["cost"] for r in rows]); f = np.minimum.accumulate(np.array([r["f"] for r in rows])[o]); c = np.array([r["cost"] for r in rows])[o]
    ratio = [np.interp(-x, -f[::1], c) / cc for x, cc in zip(fb, cbase) if 1.3 < cc < cbase.max() * .9]
    out["cost at equal F median"] = float(np.median(ratio)) if ratio else np.nan
    out["best F"] = rows[-1]["f"] / base[-1]["f"]; out["best E"] = rows[-1]["e"] / base[-1]["e"]
    return " ".join(f"{k} {v:.3f};" for k, v in out.items())
