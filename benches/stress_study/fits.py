import sys, time
from pathlib import Path
import mlip_rs as m
D = Path("DATA")
FILES = {"Mo": ("mlearn/Mo_train.xyz", "mlearn/Mo_test.xyz"), "Si": ("mlearn/Si_train.xyz", "mlearn/Si_test.xyz"),
 "Ge": ("mlearn/Ge_train.xyz", "mlearn/Ge_test.xyz"), "Li": ("mlearn/Li_train.xyz", "mlearn/Li_test.xyz"),
 "Cu": ("mlearn2/Cu_train.xyz", "mlearn2/Cu_test.xyz"), "W": ("mlearn2/W_train.xyz", "mlearn2/W_test.xyz"),
 "AgAu": ("agau/AgAu_train.xyz", "agau/AgAu_test.xyz"), "Al": ("al_dft/al_dft.extxyz", None), "TaW": ("mlearn2/TaW_train.xyz", "mlearn2/TaW_test.xyz")}
if __name__ == "__main__":
    for arg in sys.argv[1:]:
        name, size = arg.split(":")
        out = Path("runs") / f"{name}-{size}"
        if (out / "run.json").exists(): continue
        train, test = FILES[name]
        t = time.time()
        basis = m.Basis(size=size) if size != "default" else m.Basis()
        run = m.fit(str(D / train), basis, m.FitSettings(threads=1), test=None if test is None else str(D / test), directory=out, overwrite=True)
        print(arg, f"{time.time()-t:.0f} s", run.points[0].potential.n_features, len(run.points), flush=True)
