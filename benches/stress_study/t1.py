from md import *
p=m.Potential.load(sys.argv[1]); el=p.elements[0]; (V0,E0,lat),=crystals(p); print('V0',V0,E0,lat)
o=p.spec['repulsion']['outer'][0][0]; Z=atomic_numbers[el]
for kind in ('crystal','random'):
  for n in (16,64):
    for V in (.5,.6,.75):
      for T in (1.8,3,5):
        col=[];t=time.perf_counter();tot=0; lows=[]
        for seed in range(64//n*2):
            rng=np.random.default_rng(seed)
            if kind=='crystal':
                a=prototype(lat,el,V0*V); 
                from ase.build import make_supercell
                from mlip_rs.generate.prototypes import enlarged
                a=enlarged(a,n); x,cell=a.positions,a.cell.array
            else: x,cell,_=hs(n,V*V0,1.1*o,rng)
            low,s,h=run(p,np.full(len(x),Z),x,cell,T*TM[el],200,rng,E0,mass=MASS[el])
            col.append(s); tot+=(s if s>=0 else 200)*len(x); lows.append(round(low,1))
        dt=time.perf_counter()-t
        print(kind,n,V,T,'collapsed',sum(c>=0 for c in col),'of',len(col),sorted(c for c in col if c>=0)[:8],'us/atomstep %.1f'%(dt/tot*1e6),'meanE %.2f'%h[-1][0], lows[:6],flush=True)
