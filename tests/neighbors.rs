//! The neighbour list against its brute-force oracle, for every kind of cell.

#[path = "common/lists.rs"]
mod lists;

use lists::{CUBE, Key, cell, cubic, listed, structure};
use mlip_rs::geometry::{Vector, combine, norm};
use mlip_rs::neighbors::brute_force;
use mlip_rs::{Cell, Error, NeighborList, Structure, VerletList};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Pairs this close to the cutoff, Å, may fall on either side of it by rounding.
const ROUNDING: f64 = 1e-9;

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_140_711),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Pairs of the oracle, and whether none of them is so close to the cutoff that rounding decides.
fn expected(structure: &Structure, cutoff: f64) -> (Vec<Key>, bool) {
    let pairs = brute_force(structure, cutoff + ROUNDING).expect("a valid cutoff");
    let clear = pairs
        .iter()
        .all(|p| norm(p.displacement) < cutoff - ROUNDING);
    let mut keys: Vec<Key> = pairs
        .iter()
        .map(|p| (p.center, p.neighbor, p.image))
        .collect();
    keys.sort_unstable();
    (keys, clear)
}

fn assert_matches_oracle(structure: &Structure, cutoff: f64) {
    let list = NeighborList::new(structure, cutoff).expect("a list");
    let got = listed(&list, structure, f64::INFINITY);
    let (all, clear) = expected(structure, cutoff);
    if clear {
        assert_eq!(got, all);
    } else {
        let (sure, _) = expected(structure, cutoff - 2.0 * ROUNDING);
        assert!(sure.iter().all(|key| got.binary_search(key).is_ok()));
        assert!(got.iter().all(|key| all.binary_search(key).is_ok()));
        assert!(got.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

fn vector(range: std::ops::Range<f64>) -> impl Strategy<Value = Vector> + Clone {
    [range.clone(), range.clone(), range]
}

/// Cells of any skew and handedness, about `size` Å along each vector, with any periodicity.
fn cells(size: std::ops::Range<f64>) -> impl Strategy<Value = Cell> {
    let rows = [vector(-1.0..1.0), vector(-1.0..1.0), vector(-1.0..1.0)];
    (rows, size, any::<[bool; 3]>()).prop_filter_map("flat cell", |(rows, size, pbc)| {
        let vectors = rows.map(|row| row.map(|x| x * size));
        let cell = Cell::new(vectors, pbc).ok()?;
        // Thin cells are valid, but the oracle takes too long over them.
        let all = Cell::new(vectors, [true; 3]).ok()?;
        (all.volume() > 0.15 * size.powi(3)).then_some(cell)
    })
}

proptest! {
    #![proptest_config(settings(300))]

    #[test]
    fn any_cell_with_atoms_anywhere_matches_the_oracle(
        cell in cells(2.0..16.0),
        positions in prop::collection::vec(vector(-20.0..20.0), 0..14),
        cutoff in 0.5..7.0,
    ) {
        assert_matches_oracle(&structure(cell, positions), cutoff);
    }

    #[test]
    fn many_bins_match_the_oracle(
        cell in cells(14.0..24.0),
        positions in prop::collection::vec(vector(-12.0..12.0), 40..90),
        cutoff in 1.0..4.0,
    ) {
        assert_matches_oracle(&structure(cell, positions), cutoff);
    }

    #[test]
    fn cells_much_smaller_than_the_cutoff_match_the_oracle(
        cell in cells(1.8..2.5),
        positions in prop::collection::vec(vector(-5.0..5.0), 1..3),
    ) {
        assert_matches_oracle(&structure(cell, positions), 9.0);
    }

    #[test]
    fn all_negative_coordinates_on_open_axes_match_the_oracle(
        pbc in any::<[bool; 3]>(),
        positions in prop::collection::vec(vector(-60.0..-40.0), 2..60),
    ) {
        let vectors = [[7.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 9.0]];
        assert_matches_oracle(&structure(cell(vectors, pbc), positions), 3.5);
    }

    #[test]
    fn zero_vectors_on_open_axes_match_the_oracle(
        periodic in prop::option::of((0_usize..3, vector(1.0..4.0))),
        positions in prop::collection::vec(vector(-6.0..6.0), 0..40),
    ) {
        let (mut vectors, mut pbc) = ([[0.0; 3]; 3], [false; 3]);
        if let Some((axis, vector)) = periodic {
            vectors[axis] = vector;
            pbc[axis] = true;
        }
        assert_matches_oracle(&structure(cell(vectors, pbc), positions), 3.0);
    }

    #[test]
    fn rotating_a_structure_of_mixed_periodicity_keeps_its_pairs(
        angles in vector(0.0..6.3),
        pbc in any::<[bool; 3]>(),
        positions in prop::collection::vec(vector(-9.0..9.0), 2..40),
    ) {
        let vectors = [[6.0, 0.0, 0.0], [2.0, 7.0, 0.0], [1.0, -1.0, 5.0]];
        let straight = structure(cell(vectors, pbc), positions.clone());
        let rotate = |r: Vector| combine(r, &rotation(angles));
        let turned = structure(
            cell(vectors.map(rotate), pbc),
            positions.into_iter().map(rotate).collect(),
        );
        assert_matches_oracle(&turned, 3.3);
        let (keys, clear) = expected(&straight, 3.3);
        if clear {
            let list = NeighborList::new(&turned, 3.3).expect("a list");
            assert_eq!(listed(&list, &turned, f64::INFINITY), keys);
        }
    }

    #[test]
    fn every_pair_is_seen_from_both_ends(
        cell in cells(3.0..12.0),
        positions in prop::collection::vec(vector(-20.0..20.0), 0..30),
    ) {
        let structure = structure(cell, positions);
        let list = NeighborList::new(&structure, 4.0).expect("a list");
        let keys = listed(&list, &structure, 4.0 - ROUNDING);
        for &(i, j, image) in &keys {
            assert!(keys.binary_search(&(j, i, image.map(|n| -n))).is_ok());
        }
    }
}

fn rotation([a, b, c]: Vector) -> [Vector; 3] {
    let about = |axis: usize, angle: f64| {
        let (p, q) = ((axis + 1) % 3, (axis + 2) % 3);
        let mut rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        rows[p][p] = angle.cos();
        rows[p][q] = angle.sin();
        rows[q][p] = -angle.sin();
        rows[q][q] = angle.cos();
        rows
    };
    let (first, second) = (about(1, b), about(2, c));
    about(0, a).map(|row| combine(combine(row, &first), &second))
}

#[test]
fn a_pair_across_the_boundary_has_the_image_by_hand() {
    let structure = structure(
        cell(CUBE, [true; 3]),
        vec![[0.5, 0.0, 0.0], [7.5, 0.0, 0.0]],
    );
    let list = NeighborList::new(&structure, 1.5).expect("a list");
    assert_eq!(list.n_pairs(), 2);
    // r_01 = 7.5 − 2·4 − 0.5 = −1
    assert_eq!((list.row(0)[0].neighbor, list.shift(0, 0)), (1, [-2, 0, 0]));
    assert_eq!((list.row(1)[0].neighbor, list.shift(1, 0)), (0, [2, 0, 0]));
    let r = list.frame(&structure).displacement(0, list.row(0)[0]);
    assert!(norm([r[0] + 1.0, r[1], r[2]]) < 1e-12);
}

#[test]
fn an_atom_is_a_neighbour_of_its_images_but_not_of_itself() {
    let structure = structure(cell(CUBE, [true; 3]), vec![[1.0, 2.0, 3.0]]);
    let list = NeighborList::new(&structure, 4.5).expect("a list");
    let keys = listed(&list, &structure, f64::INFINITY);
    assert_eq!(keys.len(), 6);
    assert!(keys.iter().all(|(_, _, image)| *image != [0; 3]));
}

#[test]
fn no_atoms_and_one_isolated_atom_have_no_pairs() {
    for pbc in [[false; 3], [true; 3]] {
        for positions in [vec![], vec![[9.0, -9.0, 1.0]]] {
            let structure = structure(cell(CUBE, pbc), positions);
            let list = NeighborList::new(&structure, 3.9).expect("a list");
            assert_eq!((list.n_atoms(), list.n_pairs()), (structure.n_atoms(), 0));
            assert_matches_oracle(&structure, 3.9);
        }
    }
}

#[test]
fn atoms_exactly_on_the_boundary_match_the_oracle() {
    let faces = [-4.0, -0.0, 0.0, 4.0, 2.0, 4.0 - 1e-16, -1e-17];
    let sites = faces
        .iter()
        .flat_map(|&x| faces.iter().map(move |&y| [x, y, 0.5 * x + y]));
    for bits in 0..8 {
        let pbc = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
        assert_matches_oracle(&structure(cell(CUBE, pbc), sites.clone().collect()), 2.9);
    }
}

#[test]
fn atoms_on_one_spot_are_listed_at_zero_distance() {
    let structure = structure(
        cell(CUBE, [true; 3]),
        vec![[1.0; 3], [1.0; 3], [5.0, 1.0, 1.0]],
    );
    let list = NeighborList::new(&structure, 1.0).expect("a list");
    assert_eq!(list.n_pairs(), 6);
}

#[test]
fn a_stray_atom_far_away_changes_nothing() {
    let crystal = cubic(9, 0.2);
    for pbc in [[false; 3], [true, false, false], [true, true, false]] {
        let cell = cell(*crystal.cell().vectors(), pbc);
        let mut positions = crystal.positions().to_vec();
        positions.push([1e6, -1e6, 1e6]);
        assert_matches_oracle(&structure(cell, positions), 4.0);
    }
}

#[test]
fn the_list_is_the_same_for_any_number_of_threads() {
    let crystal = cubic(20, 0.3);
    let list = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool");
        pool.install(|| NeighborList::new(&crystal, 5.0))
            .expect("a list")
    };
    let serial = list(1);
    assert_eq!(serial, list(2));
    assert_eq!(serial, list(3));
}

#[test]
fn rows_in_storage_order_visit_every_atom_once() {
    let list = NeighborList::new(&cubic(9, 0.1), 5.0).expect("a list");
    let mut order = list.order().to_vec();
    order.sort_unstable();
    assert!(order.iter().zip(0_u32..).all(|(&atom, i)| atom == i));
}

#[test]
fn cutoffs_and_skins_out_of_range_are_refused() {
    let crystal = cubic(2, 0.0);
    for cutoff in [0.0, -1.0, f64::NAN, f64::INFINITY, 51.0] {
        let result = NeighborList::new(&crystal, cutoff);
        assert!(matches!(result, Err(Error::Cutoff { .. })), "{cutoff}");
        assert!(VerletList::new(&crystal, cutoff, 1.0).is_err(), "{cutoff}");
    }
    for skin in [-0.1, f64::NAN, f64::INFINITY] {
        let result = VerletList::new(&crystal, 3.0, skin);
        assert!(matches!(result, Err(Error::Skin { .. })), "{skin}");
    }
}

#[test]
fn an_absurd_cell_for_the_cutoff_is_refused_before_memory_runs_out() {
    let tiny = structure(
        cell(CUBE.map(|row| row.map(|x| x * 0.04)), [true; 3]),
        vec![[0.0; 3]],
    );
    let result = NeighborList::new(&tiny, 50.0);
    assert!(matches!(result, Err(Error::FlatCell { .. })));
}

#[test]
fn a_cell_so_dense_that_its_pairs_do_not_fit_into_memory_is_refused() {
    let positions = (0..8000).map(|k| {
        [
            f64::from(k % 20),
            f64::from(k / 20 % 20),
            f64::from(k / 400),
        ]
    });
    let cell = Cell::new(
        [[2.6, 0.0, 0.0], [0.0, 2.6, 0.0], [0.0, 0.0, 2.6]],
        [true; 3],
    )
    .unwrap();
    let structure = Structure::new(
        cell,
        positions.map(|r| r.map(|x| 0.13 * x)).collect(),
        vec![13; 8000],
    )
    .unwrap();
    assert!(matches!(
        NeighborList::new(&structure, 6.5),
        Err(mlip_rs::Error::TooDense { .. })
    ));
}

#[test]
fn a_cluster_crammed_into_one_place_is_refused() {
    let positions = (0..60_000).map(|k| {
        [
            1e-4 * f64::from(k % 40),
            1e-4 * f64::from(k / 40 % 40),
            1e-4 * f64::from(k / 1600),
        ]
    });
    let cell = Cell::new([[0.0; 3]; 3], [false; 3]).unwrap();
    let structure = Structure::new(cell, positions.collect(), vec![13; 60_000]).unwrap();
    assert!(matches!(
        NeighborList::new(&structure, 6.5),
        Err(mlip_rs::Error::TooDense { .. })
    ));
}

#[test]
fn atoms_crammed_into_a_part_of_the_space_are_refused() {
    // The mean density tells nothing of them: slabs, a cluster in a large cell, one beside a far atom.
    let crammed = |k: u32| {
        [
            1e-4 * f64::from(k % 40),
            1e-4 * f64::from(k / 40 % 40),
            1e-4 * f64::from(k / 1600),
        ]
    };
    let positions: Vec<_> = (0..60_000).map(crammed).collect();
    let far: Vec<_> = positions.iter().copied().chain([[500.0; 3]]).collect();
    let diagonal = |x: f64, z: f64| [[x, 0.0, 0.0], [0.0, x, 0.0], [0.0, 0.0, z]];
    for (cell, pbc, positions) in [
        (diagonal(0.5, 30.0), [true, true, false], &positions),
        (diagonal(0.5, 1e5), [true, true, true], &positions),
        (diagonal(200.0, 200.0), [true, true, true], &positions),
        ([[0.0; 3]; 3], [false; 3], &far),
    ] {
        let cell = Cell::new(cell, pbc).unwrap();
        let numbers = vec![13; positions.len()];
        let structure = Structure::new(cell, positions.clone(), numbers).unwrap();
        let found = NeighborList::new(&structure, 6.5);
        assert!(matches!(found, Err(mlip_rs::Error::TooDense { .. })));
    }
}

#[test]
fn a_condensed_phase_in_a_huge_cell_is_not_refused() {
    // Bins are few, and large: that many atoms share one is no sign of crowding.
    let positions = (0..8000).map(|k| {
        [
            2.5 * f64::from(k % 20),
            2.5 * f64::from(k / 20 % 20),
            2.5 * f64::from(k / 400),
        ]
    });
    let cell = Cell::new(
        [[1e5, 0.0, 0.0], [0.0, 1e5, 0.0], [0.0, 0.0, 1e5]],
        [true; 3],
    )
    .unwrap();
    let structure = Structure::new(cell, positions.collect(), vec![13; 8000]).unwrap();
    assert!(NeighborList::new(&structure, 6.5).unwrap().n_pairs() > 8000 * 40);
}
