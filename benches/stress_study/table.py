"""table.py RUNDIR: member, brute verdict, stress verdict"""
from brute import *; import json
from mlip_rs.potential.stress_test import stress_test
from collections import Counter
tot = Counter()
for rundir in sys.argv[1:]:
    d = json.load(open(rundir + '/run.json')); front = d['front']
    for k in front:
        pt = d['points'][k]; p = m.Potential.load(rundir + '/' + pt['potential']); t = time.process_time(); r = stress_test(p, threads=1); t1 = time.process_time(); b = brute(p); t2 = time.process_time()
        tot[(bool(b), not r.passed)] += 1
        print(rundir[5:], pt['n_nonzero'], f"{pt['us_per_atom']:.1f}us", 'brute', 'FAIL' if b else 'ok', 'stress', 'ok' if r.passed else 'FAIL', dict(Counter(f.kind for f in r.failures)), b[:2], f'cpu {t1-t:.2f} {t2-t1:.2f}', flush=True)
    print(rundir, {f'brute {"fail" if a else "ok"}, stress {"fail" if b else "ok"}': n for (a, b), n in tot.items()}, flush=True)
