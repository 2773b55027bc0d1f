from md import *
from mlip_rs.generate.prototypes import enlarged
NAMES=('fcc','bcc','diamond','sc','hcp','beta-sn','a15')
def floorfun(p,el,i=0):
    o=p.spec['repulsion']['outer'][i][i]; vols=np.geomspace(o**3*.2,o**3*8,60)
    E=np.array([[q.energy/len(q.forces) for q in p.predict([prototype(n,el,v) for v in vols])] for n in NAMES]).min(0)
    k=np.flatnonzero(vols>o**3*.7); k=k[E[k].argmin()]
    E=E.copy(); E[k:]=E[k]
    return lambda v: np.interp(v,vols,E)
if __name__=='__main__':
    p=m.Potential.load(sys.argv[1]); el=p.elements[0]; (V0,E0,lat),=crystals(p); fl=floorfun(p,el); o=p.spec['repulsion']['outer'][0][0]; Z=atomic_numbers[el]
    print([(V,round(float(fl(V*V0)-E0),2)) for V in (.5,.6,.7,.8,.9,1)])
    for n in (16,32):
      for V in (.55,.65,.75,.85):
       for f in (1.0,1.1):
        for T in (1.5,4):
          col=[];ends=[];t=time.perf_counter()
          for seed in range(64//n*2):
            rng=np.random.default_rng(seed); x,cell,dm=hs(n,V*V0,f*o,rng); F0=fl(V*V0)-E0
            low,s,h=run(p,np.full(n,Z),x,cell,T*TM[el],150,rng,E0,mass=MASS[el],stop=F0-.2,gamma=.02); col.append(s); ends.append(round(low-F0,1))
          print(n,V,f,T,'hit',sum(c>=0 for c in col),'/',len(col),sorted(c for c in col if c>=0),'low-floor',ends,f'{time.perf_counter()-t:.1f}s',flush=True)
