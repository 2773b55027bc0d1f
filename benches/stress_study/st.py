import sys,time,json, mlip_rs as m, numpy as np
from mlip_rs.potential.stress_test import stress_test
from collections import Counter
for f in sys.argv[1:]:
    p=m.Potential.load(f); 
    for seed in (0,1):
        t=time.perf_counter(); c=time.process_time(); r=stress_test(p,seed=seed,threads=1)
        print(f[-30:],p.n_nonzero,r.passed,r.n_structures,len(r.failures),Counter(x.kind for x in r.failures),f'wall {time.perf_counter()-t:.1f} cpu {time.process_time()-c:.2f}',flush=True)
    for x in r.failures[:6]: print('    ',x.sentence)
