//! Structures and lists shared by the tests of the neighbour search.

use mlip_rs::geometry::{Vector, combine, norm};
use mlip_rs::{Cell, NeighborList, Structure};

/// A pair that can be compared: centre, neighbour, image with respect to the positions as given.
pub type Key = (usize, usize, [i32; 3]);

pub fn structure(cell: Cell, positions: Vec<Vector>) -> Structure {
    let numbers = vec![13; positions.len()];
    Structure::new(cell, positions, numbers).expect("valid atoms")
}

pub fn cell(vectors: [Vector; 3], pbc: [bool; 3]) -> Cell {
    Cell::new(vectors, pbc).expect("a valid cell")
}

/// Pairs of a list not longer than `limit` (Å); checks on the way that images and frame tell the same displacement.
pub fn listed(list: &NeighborList, structure: &Structure, limit: f64) -> Vec<Key> {
    let (frame, positions) = (list.frame(structure), structure.positions());
    let mut keys = Vec::new();
    let mut n_pairs = 0;
    for i in 0..list.n_atoms() {
        for (entry, &pair) in list.row(i).iter().enumerate() {
            n_pairs += 1;
            let (j, image) = (pair.neighbor as usize, list.shift(i, entry));
            let r = frame.displacement(i, pair);
            let translation = combine(image.map(f64::from), structure.cell().vectors());
            for k in 0..3 {
                let expected = positions[j][k] + translation[k] - positions[i][k];
                let scale = 1.0 + positions[i][k].abs() + positions[j][k].abs();
                assert!((r[k] - expected).abs() < 1e-11 * scale, "{i} {j} {image:?}");
            }
            if norm(r) <= limit {
                keys.push((i, j, image));
            }
        }
    }
    assert_eq!(n_pairs, list.n_pairs());
    keys.sort_unstable();
    keys
}

pub const CUBE: [Vector; 3] = [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]];

/// Simple cubic atoms, `n` along an edge, 3 Å apart, shaken by up to `shake` Å.
pub fn cubic(n: u32, shake: f64) -> Structure {
    let edge = 3.0 * f64::from(n);
    let mut noise = noise(7);
    let positions = (0..n.pow(3))
        .map(|i| [i % n, i / n % n, i / n.pow(2)].map(|k| 3.0 * f64::from(k) + shake * noise()));
    let vectors = CUBE.map(|row| row.map(|x| x * edge / 4.0));
    structure(cell(vectors, [true; 3]), positions.collect())
}

/// Uniform numbers between −1 and 1, the same every time.
pub fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        2.0 * ((state >> 11) as f64 / (1_u64 << 53) as f64) - 1.0
    }
}
