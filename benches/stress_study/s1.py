from study import *
name,size=sys.argv[1].split(':'); t=time.time(); c=time.process_time()
s=Study(name,size); print('loaded',f'{time.time()-t:.0f} s wall, cpu {time.process_time()-c:.0f}',len(s.dense),flush=True)
c=time.process_time(); base=s.path(); print('elimination cpu %.0f'%(time.process_time()-c),flush=True)
rows=report(s,'no anchors',*base)
out={'base':rows}
for n,w in ((60,5e-4),(60,5e-3)):
    c=time.process_time(); fr=s.frames(generated(s,n)); g,b=s.anchors(fr,w); print(len(fr),'frames',sum(len(f.numbers) for f in fr),'atoms; gram trace share %.2e'%(np.trace(g)/np.trace(s.full.gram)),'accumulate cpu %.1f'%(time.process_time()-c))
    r=report(s,f'anchors {n} weight {w}',*s.path(g,b)); print('   ',compare(rows,r),flush=True); out[f'{n},{w}']=r
pickle.dump(out,open(f'out-{s.name}.pkl','wb'))
