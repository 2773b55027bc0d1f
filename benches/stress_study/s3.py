from study import *
from mlip_rs.potential.hot_dynamics import hot_dynamics
s=Study('Si','medium'); p=s.teacher
print({k:(c.name,round(c.volume,2),round(c.energy,3)) for k,c in s.lowest.crystals.items()}, 'floor', [round(s.lowest.floor(['Si'],v)-s.lowest.crystals['Si'].energy,2) for v in (.5,.6,.7,.8,.9,1)], p.spec['repulsion']['crowding'], s.spheres.closest)
for seed in (0,1,2):
    r=stress_test(p,seed=seed,threads=1)
    for f in r.failures:
        print(seed,f.sentence)
        e=p.predict(f.atoms); d=f.atoms.get_all_distances(mic=True); np.fill_diagonal(d,9); print('   E/atom-E0 %.2f'%(e.energy/len(f.atoms)-s.lowest.crystals['Si'].energy),'dmin %.2f'%d.min(),'atoms',np.sort(e.energies-s.lowest.crystals['Si'].energy).round(1)[:6])
        c=hot_dynamics(p,f.atoms,1687.,150,-1e9,np.random.default_rng(0)); print('   later E-E0 min %.2f end %.2f'%(c.energies.min()-s.lowest.crystals['Si'].energy,c.energies[-1]-s.lowest.crystals['Si'].energy))
from brute import brute
print('brute dense',brute(p))
