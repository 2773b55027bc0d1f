//! Lists with a skin against fresh ones.

#[path = "common/lists.rs"]
mod lists;

use lists::{CUBE, cell, cubic, listed, noise, structure};
use mlip_rs::geometry::{Vector, combine};
use mlip_rs::{Cell, NeighborList, Structure, VerletList};

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
