"""teacher = most accurate member that passes. s4.py NAME:SIZE every variants n,w,F0,cap,seed"""
from study import *
name,size=sys.argv[1].split(':'); every=int(sys.argv[2]); s=Study(name,size)
masks,coefs=s.path(); order=[len(masks)-1]+list(range(len(masks)-1))
T=None
for k in order:
    p=s.guard.potential(coefs[k],s.problem.reference.values,{},1)
    if all(stress_test(p,seed=q,threads=1).passed for q in (0,11)): T=k; break
print(s.name,'teacher',None if T is None else (T,int(masks[T].sum())),flush=True)
if T is None: sys.exit()
spec=s.problem.basis.to_dict(); s.raw=m.Potential.from_coefficients(spec,coefs[T],s.problem.reference.values,{})
s.lowest=LowestCrystals.of(s.raw,s.spheres.closest,(),1)
def summary(label,masks,coefs):
    errs=s.errors(coefs); rows=[]; bad=tested=0; detail=[]
    for k,(mk,c) in enumerate(zip(masks,coefs)):
        e=errs[k]; rows.append(dict(cost=float(s.costs.cost(mk)),n=int(mk.sum()),e=e.energy.mae,f=e.forces.mae))
        if k%every==0 or k==len(masks)-1:
            r=stress_test(s.guard.potential(c,s.problem.reference.values,{},1),seed=0,threads=1); tested+=1
            if r.failures: bad+=1; detail.append(f"{int(mk.sum())}:{len(r.failures)}{'/'.join(sorted({f.kind[:4] for f in r.failures}))}")
    print(f"== {s.name} {label}: {bad} of {tested} fail {detail}",flush=True); return rows
base=summary('none',masks,coefs)
for arg in sys.argv[3:]:
    n,w,F0,cap,seed=map(float,arg.split(',')); fr=s.frames(out_of_domain(s.spheres,int(n),int(seed)),cap); g,b=s.anchors(fr,w,F0>0,F0 or 1)
    rows=summary(arg,*s.path(g,b)); print(f"   {len(fr)} frames {sum(len(f.numbers) for f in fr)} atoms share {np.trace(g)/np.trace(s.full.gram):.1e}",compare(base,rows),flush=True)
