import time, numpy as np, mlip_rs as m
from mlip_rs import _core
from mlip_rs.data.core_structures import structure_from_atoms
from ase.build import bulk
p=m.Potential.load('SHARED/cases/sparse-collapse/si_knee.mlip.json')
for V in (1,.6):
  for n in (1,2):
    b=bulk('Si','diamond',a=5.4648*V**(1/3),cubic=True).repeat(n); b.rattle(.1)
    k=64//n**3
    t=time.perf_counter(); ss=[structure_from_atoms(b) for _ in range(k)]; t1=time.perf_counter(); r=p.core.evaluate_many(ss,1); t2=time.perf_counter()
    print(V,len(b),'convert us/struct',(t1-t)/k*1e6,'eval us/atom',(t2-t1)/k/len(b)*1e6)
    ev=_core.Evaluator(p.core,0.5,1)
    num=b.numbers.astype(np.uint8); pos=b.positions.copy(); cell=np.ascontiguousarray(b.cell.array)
    ev.compute(num,pos,cell,[True]*3)
    t=time.perf_counter()
    for _ in range(50): ev.compute(num,pos,cell,[True]*3)
    t1=time.perf_counter(); print('   evaluator us/atom',(t1-t)/50/len(b)*1e6)
