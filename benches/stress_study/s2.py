"""s2.py NAME:SIZE variants: label=n,weight,F0(or 0),cap,seed"""
from study import *
name, size = sys.argv[1].split(':'); every = int(sys.argv[2]); s = Study(name, size); print('loaded', s.name, len(s.dense), flush=True)
def summary(label, masks, coefs, seeds=(0,)):
    errs = s.errors(coefs); rows = []; bad = 0; tested = 0; detail = []
    for k, (mk, c) in enumerate(zip(masks, coefs)):
        e = errs[k]; rows.append(dict(cost=float(s.costs.cost(mk)), n=int(mk.sum()), e=e.energy.mae, f=e.forces.mae))
        if k % every == 0 or k == len(masks) - 1:
            p = s.guard.potential(c, s.problem.reference.values, {}, 1); r = [stress_test(p, seed=q, threads=1) for q in seeds]; tested += 1
            n = sum(len(x.failures) for x in r)
            if n: bad += 1; detail.append(f"{int(mk.sum())}:{n}:{sorted({f.kind for x in r for f in x.failures})}")
    print(f"== {s.name} {label}: {bad} of {tested} fail {detail}", flush=True)
    return rows
base = summary('none', *s.path())
for arg in sys.argv[3:]:
    n, w, F0, cap, seed = map(float, arg.split(','))
    c = time.process_time(); st = out_of_domain(s.spheres, int(n), int(seed)); fr = s.frames(st, cap); g, b = s.anchors(fr, w, F0 > 0, F0 or 1); 
    acc = time.process_time() - c
    rows = summary(arg, *s.path(g, b)); print(f"   {len(fr)} frames {sum(len(f.numbers) for f in fr)} atoms, trace share {np.trace(g)/np.trace(s.full.gram):.1e}, cpu {acc:.1f}", compare(base, rows), flush=True)
    print('   n/cost/E/F:', ' '.join(f"{r['n']}/{r['cost']:.2f}/{r['e']:.2f}/{r['f']:.4f}" for r in rows[::4]), flush=True)
print('   base      :', ' '.join(f"{r['n']}/{r['cost']:.2f}/{r['e']:.2f}/{r['f']:.4f}" for r in base[::4]), flush=True)
