"""Of GPAW: FFTW in place of SciPy's Fourier transforms, one process."""

mpi = False
compiler = "g++"
fftw = True
libraries = ["xc", "openblas", "fftw3"]
