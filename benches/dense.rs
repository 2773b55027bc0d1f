//! Sum of a Gram matrix and its factorisation against plain products of matrices: `cargo bench --bench dense`.
//!
//! Divan's items are floating-point operations; all on two threads.

// A benchmark has nobody to hand an error to.
#![allow(clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::ItemsCount;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use mlip_rs::parallel;
use mlip_rs::regression::solve_positive_in_place;
use mlip_rs::symmetric::{add_gram, mirror_lower, mirror_upper};
use rayon::prelude::*;

const FEATURES: [usize; 3] = [1500, 3000, 6000];
const ROWS: [usize; 3] = [256, 1024, 4096];
const THREADS: usize = 2;

fn main() {
    divan::main();
}

fn numbers(count: usize) -> Vec<f64> {
    (0..count)
        .map(|k| ((k * 7919) % 1013) as f64 / 1013.0)
        .collect()
}

/// `A Aᵀ` of n × k numbers, half of it on each thread: what the machine can do.
fn product(bencher: Bencher, n: usize, a: &[f64], k: usize) {
    let (pool, mut out) = (parallel::pool(THREADS).unwrap(), vec![0.0; n * n]);
    let a = MatRef::from_row_major_slice(a, n, k);
    let half = n.div_ceil(THREADS);
    bencher
        .counter(ItemsCount::new(2 * n * n * k))
        .bench_local(|| {
            pool.install(|| {
                out.par_chunks_mut(half * n)
                    .enumerate()
                    .for_each(|(i, out)| {
                        let height = out.len() / n;
                        matmul(
                            MatMut::from_row_major_slice_mut(out, height, n),
                            Accum::Add,
                            a.subrows(i * half, height),
                            a.transpose(),
                            1.0,
                            Par::Seq,
                        );
                    });
            });
        });
}

#[divan::bench(args = FEATURES, consts = ROWS, sample_count = 5)]
fn plain_product<const K: usize>(bencher: Bencher, n: usize) {
    product(bencher, n, &numbers(n * K), K);
}

#[divan::bench(args = FEATURES, consts = ROWS, sample_count = 5)]
fn gram<const K: usize>(bencher: Bencher, n: usize) {
    let (pool, x, mut out) = (
        parallel::pool(THREADS).unwrap(),
        numbers(n * K),
        vec![0.0; n * n],
    );
    bencher
        .counter(ItemsCount::new(n * n * K))
        .bench_local(|| pool.install(|| add_gram(&mut out, n, &x)));
}

#[divan::bench(args = FEATURES, sample_count = 3)]
fn ridge_in_place(bencher: Bencher, n: usize) {
    let (pool, mut matrix) = (parallel::pool(THREADS).unwrap(), numbers(n * n));
    mirror_lower(&mut matrix, n);
    let (penalty, rhs) = (vec![n as f64; n], vec![1.0; n]);
    bencher
        .counter(ItemsCount::new(n * n * n / 3))
        .bench_local(|| {
            pool.install(|| solve_positive_in_place(&mut matrix, &penalty, &rhs))
                .unwrap()
        });
}

#[divan::bench(args = FEATURES, sample_count = 5)]
fn mirror(bencher: Bencher, n: usize) {
    let (pool, mut matrix) = (parallel::pool(THREADS).unwrap(), numbers(n * n));
    bencher.bench_local(|| pool.install(|| mirror_upper(&mut matrix, n)));
}
