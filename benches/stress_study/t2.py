from md import *
from mlip_rs.generate.prototypes import enlarged
import json
NAMES=('fcc','bcc','diamond','sc','hcp','beta-sn','a15')
def floorfun(p,el,i=0):
    o=p.spec['repulsion']['outer'][i][i]; vols=np.geomspace(o**3*.2,o**3*8,60)
    E=np.array([[q.energy/len(q.forces) for q in p.predict([prototype(n,el,v) for v in vols])] for n in NAMES]).min(0)
    run_=np.minimum.accumulate(E[::-1])[::-1]
    return lambda v: np.interp(v,vols,run_)
rundir=sys.argv[1]; d=json.load(open(rundir+'/run.json'))
members=[(k,d['points'][k]['potential'],d['points'][k]['us_per_atom'],d['points'][k]['n_nonzero']) for k in d['front']]
print(len(members)); names=dict(best=d.get('best'),knee=d.get('knee')); print(names)
T0=float(sys.argv[2])
for k,f,us,nn in members:
    p=m.Potential.load(rundir+'/'+f); el=p.elements[0]; Z=atomic_numbers[el]; o=p.spec['repulsion']['outer'][0][0]
    (V0,E0,lat),=crystals(p); fl=floorfun(p,el); out=[]
    for V,T,n in ((.6,T0,54),(.5,3*TM[el],54)):
        a=enlarged(prototype(lat,el,V0*V),n) if lat!='bcc' else prototype(lat,el,V0*V).repeat(4)
        rng=np.random.default_rng(0); low,s,h=run(p,np.full(len(a),Z),a.positions,a.cell.array,T,400,rng,E0,mass=MASS[el])
        out.append(f'{low:.2f}@{s}')
    t=time.perf_counter(); r=[]
    for V in (.6,.75,.9):
        x,cell,dm=hs(32,V*V0,1.05*o,np.random.default_rng(1)); F0=fl(V*V0)-E0
        low,s,h=run(p,np.full(32,Z),x,cell,3*TM[el],150,np.random.default_rng(2),E0,mass=MASS[el],stop=F0-.5,gamma=.02)
        r.append(f'V{V} dm{dm/o:.2f} floor {F0:.2f} low {low:.2f}@{s} end {h[-1][0]:.1f},{h[-1][1]:.0f}K')
    print(k,f[-18:],f'{us:.2f} us',nn,lat,'%.2f'%V0,'brute',out,'| random',r,f'{time.perf_counter()-t:.1f}s',flush=True)
