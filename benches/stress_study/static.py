import time, numpy as np, mlip_rs as m, sys
from mlip_rs.generate import prototype
from ase import Atoms
p=m.Potential.load(sys.argv[1]); el=p.elements[0]
out=p.spec['repulsion']['outer'][0][0]; print('outer',out, p.spec['repulsion'])
vols=np.geomspace(out**3*.25,out**3*3,40)
E=np.array([[q.energy/len(q.forces) for q in p.predict([prototype(n,el,v) for v in vols])] for n in ('fcc','bcc','diamond','sc','hcp','beta-sn','a15')])
low=E.min(0); k=np.unravel_index(E.argmin(),E.shape); V0=vols[k[1]]; E0=E.min(); print('V0',V0,E0)
print(np.c_[vols/V0, low-E0].round(2)[::2])
# floor: lower convex hull for V
from numpy import interp
def floor(v): return interp(v,vols,np.minimum.accumulate(low[::-1])[::-1]) # crude
rng=np.random.default_rng(0)
def hs(n,v,dmin,iters=200):
    L=(n*v)**(1/3); x=rng.uniform(0,L,(n,3))
    for _ in range(iters):
        d=x[:,None]-x[None]; d-=L*np.round(d/L); r=np.linalg.norm(d,axis=-1)+np.eye(n)*99
        ov=np.maximum(dmin-r,0)
        if ov.max()<1e-3: break
        x+= (d/r[...,None]*ov[...,None]*.5).sum(1)
    return Atoms([el]*n,x,cell=[L]*3,pbc=True), r.min()
for V in (.5,.6,.7,.8,1,1.3):
  for f in (.85,1.,1.15):
    S=[hs(24,V*V0,f*out) for _ in range(40)]
    e=np.array([q.energy/24 for q in p.predict([s[0] for s in S])]); F=[abs(q.forces).max() for q in p.predict([s[0] for s in S])]
    print(V,f,'dmin %.2f'%np.mean([s[1] for s in S]),'E-E0 min %.2f med %.2f max %.2f'%((e-E0).min(),np.median(e-E0),(e-E0).max()),'floor %.2f'%(floor(V*V0)-E0),'F %.0f'%np.median(F))
