//! Time to build a neighbour list against the number of atoms: rattled fcc Al, cutoff 6.5 Å, one thread and two.

use mlip_rs::{Cell, NeighborList, Structure, VerletList};

const LATTICE_CONSTANT: f64 = 4.05;
const CUTOFF: f64 = 6.5;
/// Conventional cells along an edge: about 1e3, 1e4, 1e5 and 1e6 atoms.
const REPEATS: [u32; 4] = [6, 14, 29, 63];

fn main() {
    divan::main();
}

/// Rattled fcc aluminium, deterministic.
fn aluminium(repeats: u32) -> Structure {
    let mut state = 1_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        0.2 * ((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5)
    };
    let basis = [
        [0.0, 0.0, 0.0],
        [0.0, 0.5, 0.5],
        [0.5, 0.0, 0.5],
        [0.5, 0.5, 0.0],
    ];
    let mut positions = Vec::new();
    for n in 0..repeats.pow(3) {
        let corner = [n % repeats, n / repeats % repeats, n / repeats.pow(2)].map(f64::from);
        for site in basis {
            positions.push(std::array::from_fn(|k| {
                LATTICE_CONSTANT * (corner[k] + site[k]) + noise()
            }));
        }
    }
    let edge = LATTICE_CONSTANT * f64::from(repeats);
    let cell = Cell::new(
        [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]],
        [true; 3],
    );
    let numbers = vec![13; positions.len()];
    Structure::new(cell.expect("a cube"), positions, numbers).expect("valid atoms")
}

fn pool(threads: usize) -> rayon::ThreadPool {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
    builder.build().expect("a thread pool")
}

fn build(bencher: divan::Bencher, repeats: u32, threads: usize) {
    let structure = aluminium(repeats);
    let pool = pool(threads);
    let list = NeighborList::new(&structure, CUTOFF).expect("a list");
    bencher
        .counter(divan::counter::ItemsCount::new(list.n_pairs()))
        .bench_local(|| pool.install(|| NeighborList::new(&structure, CUTOFF)));
}

#[divan::bench(args = REPEATS)]
fn one_thread(bencher: divan::Bencher, repeats: u32) {
    build(bencher, repeats, 1);
}

#[divan::bench(args = REPEATS)]
fn two_threads(bencher: divan::Bencher, repeats: u32) {
    build(bencher, repeats, 2);
}

/// A primitive cell smaller than the cutoff, as training data have them.
#[divan::bench]
fn one_atom(bencher: divan::Bencher) {
    let a = LATTICE_CONSTANT / 2.0;
    let cell = Cell::new([[0.0, a, a], [a, 0.0, a], [a, a, 0.0]], [true; 3]).expect("a cell");
    let structure = Structure::new(cell, vec![[0.0; 3]], vec![13]).expect("an atom");
    bencher.bench_local(|| NeighborList::new(&structure, CUTOFF));
}

/// The check that a list with a skin still holds, and the positions of the next evaluation.
#[divan::bench(args = REPEATS)]
fn reuse(bencher: divan::Bencher, repeats: u32) {
    let structure = aluminium(repeats);
    let mut verlet = VerletList::new(&structure, CUTOFF, 1.0).expect("a list");
    bencher.bench_local(|| {
        let rebuilt = verlet.update(&structure);
        (rebuilt, verlet.list().frame(&structure))
    });
}
