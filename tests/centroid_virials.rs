//! Centroid virials and the order of centres in space.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/host.rs"]
mod host;

use common::{HIERARCHIES, alloy, random_potential, spec};
use host::Host;
use mlip_rs::Structure;
use mlip_rs::potential::Potential;
use mlip_rs::potential::assembly::rows::{Surroundings, order_in_space};
use mlip_rs::potential::assembly::{Output, Scratch};

const TOLERANCE: f64 = 1e-10;

/// The centroid virials of all positions, and what they are by definition: each centre alone, whose forces on the others
/// are `−∂E_i/∂r_ij`.
fn centroid_virials(potential: &Potential, host: &Host) -> (Vec<[f64; 9]>, Vec<[f64; 9]>) {
    let n = host.positions.len();
    let (mut found, mut expected) = (vec![[0.0; 9]; n], vec![[0.0; 9]; n]);
    let list = potential.row_list(&host.rows()).unwrap();
    let output = Output {
        centroid_virials: Some(&mut found),
        ..Output::default()
    };
    potential
        .evaluate_rows(&list, &host.positions, output, &mut Scratch::default())
        .unwrap();
    for (k, &center) in host.centers.iter().enumerate() {
        let row = host.starts[k]..host.starts[k + 1];
        let alone = Host {
            centers: vec![center],
            starts: vec![0, row.len()],
            neighbors: host.neighbors[row].to_vec(),
            ..host.clone()
        };
        let forces = alone.evaluate(potential).forces;
        let at = host.positions[center as usize];
        for (j, force) in forces.iter().enumerate() {
            for a in 0..3 {
                for b in 0..3 {
                    expected[j][3 * a + b] += (host.positions[j][a] - at[a]) * force[b];
                }
            }
        }
    }
    (found, expected)
}

#[test]
fn centroid_virials_are_displacements_times_forces_of_each_centre() {
    for hierarchy in HIERARCHIES {
        let (potential, _) = random_potential(spec(&["Al", "Ni"], "gaussian", hierarchy), 7);
        let structure = alloy(2);
        let host = Host::new(&structure, &potential, 0.5);
        let (found, expected) = centroid_virials(&potential, &host);
        for (x, y) in found.as_flattened().iter().zip(expected.as_flattened()) {
            assert!(
                (x - y).abs() < TOLERANCE * y.abs().max(1.0),
                "{hierarchy}: {x} {y}"
            );
        }
        let total = |k: usize| found.iter().map(|v| v[k]).sum::<f64>();
        let virials = host.evaluate(&potential).virials;
        for (voigt, full) in [0, 4, 8, 5, 2, 1].into_iter().enumerate() {
            let sum: f64 = virials.iter().map(|v| v[voigt]).sum();
            assert!(
                (sum - total(full)).abs() < TOLERANCE * sum.abs().max(1.0),
                "{hierarchy}"
            );
        }
    }
}

#[test]
fn centres_in_the_order_of_space_give_the_same_results() {
    let (potential, _) = random_potential(spec(&["Al", "Ni"], "gaussian", "angular"), 7);
    let structure: Structure = alloy(2);
    let host = Host::new(&structure, &potential, 0.5);
    let order = order_in_space(&host.centers, &host.positions, 2.0);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..order.len() as u32).collect::<Vec<_>>());
    let places: Vec<i64> = { order.iter() }
        .map(|k| (host.positions[host.centers[*k as usize] as usize][0] / 2.0).floor() as i64)
        .collect();
    assert!(places.is_sorted());
    let centers: Vec<u32> = { order.iter() }
        .map(|k| host.centers[*k as usize])
        .collect();
    let list = potential
        .row_list_from(&Surroundings {
            species: &host.species,
            centers: &centers,
            row: |k| {
                let row = order[k] as usize;
                host.neighbors[host.starts[row]..host.starts[row + 1]]
                    .iter()
                    .copied()
            },
        })
        .unwrap();
    let mut energies = vec![0.0; host.positions.len()];
    let output = Output {
        energies: Some(&mut energies),
        ..Output::default()
    };
    potential
        .evaluate_rows(&list, &host.positions, output, &mut Scratch::default())
        .unwrap();
    let expected = host.folded(&host.evaluate(&potential), structure.n_atoms());
    for (x, y) in energies.iter().zip(expected.energies) {
        assert!((x - y).abs() < TOLERANCE);
    }
}
