//! The neighbour list against its brute-force oracle, for every kind of cell; and lists with a skin against fresh ones.

use mlip_rs::geometry::{Vector, combine, norm};
use mlip_rs::neighbors::brute_force;
use mlip_rs::{Cell, Error, NeighborList, Structure, VerletList};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Pairs this close to the cutoff, Å, may fall on either side of it by rounding.
const ROUNDING: f64 = 1e-9;

/// A pair that can be compared: centre, neighbour, image with respect to the positions as given.
type Key = (usize, usize, [i32; 3]);

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_140_711),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn structure(cell: Cell, positions: Vec<Vector>) -> Structure {
    let numbers = vec![13; positions.len()];
    Structure::new(cell, positions, numbers).expect("valid atoms")
}

fn cell(vectors: [Vector; 3], pbc: [bool; 3]) -> Cell {
    Cell::new(vectors, pbc).expect("a valid cell")
}

/// Pairs of a list not longer than `limit` (Å); checks on the way that images and frame tell the same displacement.
fn listed(list: &NeighborList, structure: &Structure, limit: f64) -> Vec<Key> {
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

const CUBE: [Vector; 3] = [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]];

/// Simple cubic atoms, `n` along an edge, 3 Å apart, shaken by up to `shake` Å.
fn cubic(n: u32, shake: f64) -> Structure {
    let edge = 3.0 * f64::from(n);
    let mut noise = noise(7);
    let positions = (0..n.pow(3))
        .map(|i| [i % n, i / n % n, i / n.pow(2)].map(|k| 3.0 * f64::from(k) + shake * noise()));
    let vectors = CUBE.map(|row| row.map(|x| x * edge / 4.0));
    structure(cell(vectors, [true; 3]), positions.collect())
}

/// Uniform numbers between −1 and 1, the same every time.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        2.0 * ((state >> 11) as f64 / (1_u64 << 53) as f64) - 1.0
    }
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

/// Follows a structure with a list of 3.7 + `skin` Å, compares with fresh lists, and counts the times it was rebuilt.
fn follow(skin: f64, path: impl Iterator<Item = Structure>) -> (usize, usize) {
    const CUTOFF: f64 = 3.7;
    let mut path = path.peekable();
    let mut verlet = VerletList::new(path.peek().expect("a start"), CUTOFF, skin).expect("a list");
    let (mut rebuilt, mut steps) = (0, 0);
    for structure in path {
        rebuilt += usize::from(verlet.update(&structure).expect("a list"));
        steps += 1;
        let fresh = NeighborList::new(&structure, CUTOFF).expect("a list");
        assert_eq!(
            listed(verlet.list(), &structure, CUTOFF),
            listed(&fresh, &structure, CUTOFF)
        );
    }
    (rebuilt, steps)
}

fn map(structure: &Structure, cell: Cell, map: impl FnMut(&Vector) -> Vector) -> Structure {
    let positions = structure.positions().iter().map(map).collect();
    Structure::new(cell, positions, structure.numbers().to_vec()).expect("valid atoms")
}

#[test]
fn a_list_with_a_skin_follows_a_random_walk() {
    for bits in 0..8 {
        let pbc = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
        let start = cubic(5, 0.3);
        let cell = cell(*start.cell().vectors(), pbc);
        let mut noise = noise(3);
        let walk = std::iter::successors(Some(start), |now| {
            Some(map(now, cell.clone(), |r| r.map(|x| x + 0.08 * noise())))
        });
        let (rebuilt, steps) = follow(0.8, walk.skip(1).take(60));
        assert!((1..steps / 2).contains(&rebuilt), "{rebuilt} of {steps}");
    }
}

#[test]
fn a_list_with_a_skin_follows_strain_and_motion_together() {
    for pbc in [
        [true; 3],
        [true, false, true],
        [false, true, false],
        [false; 3],
    ] {
        let start = cubic(5, 0.3);
        let start = map(&start, cell(*start.cell().vectors(), pbc), |&r| r);
        let mut noise = noise(5);
        let walk = std::iter::successors(Some(start), |now| {
            let rows = CUBE.map(|row| row.map(|x| x / 4.0 + 0.004 * noise()));
            let strain = |r: &Vector| combine(*r, &rows);
            let cell = cell(now.cell().vectors().map(|row| strain(&row)), pbc);
            Some(map(now, cell, |r| strain(r).map(|x| x + 0.05 * noise())))
        });
        let (rebuilt, steps) = follow(1.0, walk.take(60));
        assert!((1..steps / 2).contains(&rebuilt), "{rebuilt} of {steps}");
    }
}

#[test]
fn a_list_with_a_skin_ignores_drift_but_notices_an_atom_wrapped_back() {
    let crystal = cubic(4, 0.2);
    let cell = crystal.cell();
    let mut verlet = VerletList::new(&crystal, 3.7, 0.5).expect("a list");
    let drifted = map(&crystal, cell.clone(), |r| r.map(|x| x + 17.3));
    assert_eq!(verlet.update(&drifted), Ok(false));
    let mut first = true;
    let wrapped = map(&crystal, cell.clone(), |&[x, y, z]| {
        let edge = if std::mem::take(&mut first) {
            12.0
        } else {
            0.0
        };
        [x - edge, y, z]
    });
    assert_eq!(verlet.update(&wrapped), Ok(true));
    assert_eq!(
        follow(0.5, [crystal.clone(), drifted, wrapped].into_iter()),
        (1, 3)
    );
}

#[test]
fn a_list_with_a_skin_is_rebuilt_for_other_atoms_or_another_periodicity() {
    let crystal = cubic(3, 0.1);
    let mut verlet = VerletList::new(&crystal, 3.7, 0.5).expect("a list");
    assert_eq!(verlet.update(&crystal), Ok(false));
    let open = map(
        &crystal,
        cell(*crystal.cell().vectors(), [true, true, false]),
        |&r| r,
    );
    assert_eq!(verlet.update(&open), Ok(true));
    let mut numbers = open.numbers().to_vec();
    numbers[4] = 14;
    let other = Structure::new(open.cell().clone(), open.positions().to_vec(), numbers);
    assert_eq!(verlet.update(&other.expect("valid atoms")), Ok(true));
    let fewer = structure(open.cell().clone(), open.positions()[1..].to_vec());
    assert_eq!(verlet.update(&fewer), Ok(true));
    assert_eq!(verlet.list().n_atoms(), 26);
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
