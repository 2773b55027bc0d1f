//! The invariants as physics has them: how many there are, what they cannot tell apart, and what they can.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::Random;
use mlip_rs::basis::Basis;
use mlip_rs::basis::environment_features::LocalInvariants;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::environment::Environment;
use serde_json::{Value, json};
use std::f64::consts::PI;

/// Part of a column outside the span of the others, relative to its length, below which it is dependent.
const DEPENDENT: f64 = 1e-9;
/// Relative difference of what is equal.
const EQUAL: f64 = 1e-10;
/// Relative difference of what is told apart.
const DIFFERENT: f64 = 1e-3;

/// Pairwise invariants, and those of one order.
fn basis(n_species: usize, n_radial: usize, higher: &[Value]) -> Basis {
    let centers: Vec<f64> = (0..n_radial).map(|k| 1.5 + 0.8 * k as f64).collect();
    let elements = &["Al", "Ni"][..n_species];
    let document = json!({
        "elements": elements, "cutoff": 5.0, "cutoff_function": "polynomial",
        "radial": [{"function": {"family": "gaussian", "beta": [0.9], "mu": centers}}],
        "pair": {"degree": 1, "cross_degree": 1},
        "angular": {"max_l": 8, "radial": "free", "degree": 1, "cross_degree": 1},
        "higher": higher,
    });
    Basis::new(BasisSpec::from_json(&document.to_string()).unwrap()).unwrap()
}

/// Values of the invariants of some orders.
fn values(
    basis: &Basis,
    neighbors: &[u16],
    displacements: &[[f64; 3]],
    orders: &[usize],
) -> Vec<f64> {
    let environment = Environment {
        center: 0,
        neighbors,
        displacements,
    };
    let mut local = LocalInvariants::default();
    local.evaluate(basis, &environment);
    let all = basis.invariants().iter().zip(&local.values);
    all.filter(|(invariant, _)| orders.contains(&invariant.order()))
        .map(|(_, value)| *value)
        .collect()
}

fn random_environment(
    random: &mut Random,
    n_species: usize,
    n: usize,
) -> (Vec<u16>, Vec<[f64; 3]>) {
    let species = (0..n).map(|k| (k % n_species) as u16).collect();
    let mut point = || {
        loop {
            let r = [0; 3].map(|_| 4.5 * random.next());
            let squared: f64 = r.iter().map(|x| x * x).sum();
            if (1.0..20.0).contains(&squared) {
                return r;
            }
        }
    };
    (species, (0..n).map(|_| point()).collect())
}

/// Largest difference relative to the largest value.
fn difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    assert!(!a.is_empty());
    let scale = a.iter().chain(b).fold(0.0, |m: f64, x| m.max(x.abs()));
    let largest = a.iter().zip(b).map(|(x, y)| (x - y).abs());
    largest.fold(0.0, f64::max) / scale
}

/// Rank of a matrix of columns, by Gram–Schmidt with pivoting, twice for good measure.
fn rank(mut columns: Vec<Vec<f64>>) -> usize {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    for column in &mut columns {
        let length = dot(column, column).sqrt();
        assert!(length > 0.0, "an invariant vanishes everywhere");
        for x in column {
            *x /= length;
        }
    }
    let mut found: Vec<Vec<f64>> = Vec::new();
    while let Some(longest) = (0..columns.len()).max_by(|a, b| {
        f64::total_cmp(
            &dot(&columns[*a], &columns[*a]),
            &dot(&columns[*b], &columns[*b]),
        )
    }) {
        let mut pivot = columns.swap_remove(longest);
        for earlier in &found {
            let part = dot(&pivot, earlier);
            pivot
                .iter_mut()
                .zip(earlier)
                .for_each(|(x, y)| *x -= part * y);
        }
        let length = dot(&pivot, &pivot).sqrt();
        if length < DEPENDENT {
            break;
        }
        for x in &mut pivot {
            *x /= length;
        }
        for column in &mut columns {
            let part = dot(column, &pivot);
            column
                .iter_mut()
                .zip(&pivot)
                .for_each(|(x, y)| *x -= part * y);
        }
        found.push(pivot);
    }
    found.len()
}

/// Character of the representation of degree l.
fn character(l: usize, angle: f64) -> f64 {
    1.0 + 2.0 * (1..=l).map(|m| (m as f64 * angle).cos()).sum::<f64>()
}

/// Character of its k-th symmetric power: `h_k = 1/k Σ_i p_i h_{k−i}` with `p_i(θ) = χ(iθ)`.
fn symmetric_character(l: usize, k: usize, angle: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    let term = |i: usize| character(l, i as f64 * angle) * symmetric_character(l, k - i, angle);
    (1..=k).map(term).sum::<f64>() / k as f64
}

/// Number of scalars in a product of symmetric powers: the integral of the characters over all rotations.
fn n_scalars(powers: &[(usize, usize)]) -> usize {
    let degree: usize = powers.iter().map(|(l, k)| l * k).sum();
    if degree % 2 == 1 {
        return 0; // odd under inversion
    }
    let n = degree + 2; // exact for a trigonometric polynomial of this degree
    let integrand = |t: usize| {
        let angle = 2.0 * PI * t as f64 / n as f64;
        let product = powers
            .iter()
            .map(|(l, k)| symmetric_character(*l, *k, angle));
        (1.0 - angle.cos()) * product.product::<f64>()
    };
    ((0..n).map(integrand).sum::<f64>() / n as f64).round() as usize
}

/// Number of invariants of products of `order` factors out of a list of degrees, by plain enumeration.
fn n_expected(degrees: &[usize], order: usize) -> usize {
    fn extend(degrees: &[usize], left: usize, powers: &mut Vec<(usize, usize)>) -> usize {
        let Some((&l, rest)) = degrees.split_first() else {
            return if left == 0 { n_scalars(powers) } else { 0 };
        };
        let mut total = 0;
        for k in 0..=left {
            powers.push((l, k));
            total += extend(rest, left - k, powers);
            powers.pop();
        }
        total
    }
    extend(degrees, order, &mut Vec::new())
}

#[test]
fn the_number_of_invariants_is_that_of_theory_and_none_depends_on_the_others() {
    // Species, order, coupling, radial functions, largest l.
    let cases = [
        (1, 3, "free", 3, 3),
        (1, 3, "diagonal", 2, 5),
        (1, 4, "free", 2, 2),
        (1, 4, "diagonal", 2, 3),
        (1, 5, "free", 2, 1),
        (1, 5, "diagonal", 1, 2),
        (1, 6, "diagonal", 1, 2),
        (2, 3, "free", 2, 2),
        (2, 3, "diagonal", 2, 2),
        (2, 4, "diagonal", 1, 2),
        (2, 5, "diagonal", 2, 1),
    ];
    for (n_species, order, coupling, n_radial, max_l) in cases {
        let higher = json!({"order": order, "max_l": max_l, "radial": coupling});
        let basis = basis(n_species, n_radial, &[higher]);
        let n_found = basis.invariants().iter().filter(|i| i.order() == order);
        let n_found = n_found.count();
        let (pools, size) = if coupling == "free" {
            (1, n_radial * n_species)
        } else {
            (n_radial, n_species)
        };
        let degrees: Vec<usize> = (0..=max_l).flat_map(|l| vec![l; size]).collect();
        let case = format!("{n_species} species, order {order}, {coupling}");
        assert_eq!(n_found, pools * n_expected(&degrees, order), "{case}");

        let mut random = Random::new(7);
        let n_rows = n_found + n_found / 2 + 5;
        let rows: Vec<Vec<f64>> = (0..n_rows)
            .map(|_| {
                let (species, points) = random_environment(&mut random, n_species, 24);
                values(&basis, &species, &points, &[order])
            })
            .collect();
        let columns = (0..n_found).map(|k| rows.iter().map(|row| row[k]).collect());
        assert_eq!(rank(columns.collect()), n_found, "{case}");
    }
}

#[test]
fn couplings_of_equal_factors_are_fewer_than_those_of_different_ones() {
    // Degrees with multiplicities. Factors that all differ: one for each chain of couplings; equal ones: fewer.
    for (powers, expected) in [
        (vec![(1, 1); 4], 3),
        (vec![(1, 4)], 1),
        (vec![(1, 2), (1, 2)], 2),
        (vec![(2, 3)], 1),
        (vec![(2, 1); 4], 5),
        (vec![(2, 4)], 1),
        (vec![(3, 1); 4], 7),
        (vec![(3, 4)], 2),
        (vec![(1, 3)], 0),
        (vec![(2, 5)], 1),
        (vec![(2, 6)], 2),
    ] {
        assert_eq!(n_scalars(&powers), expected, "{powers:?}");
        let degrees: Vec<usize> = powers.iter().flat_map(|(l, k)| vec![*l; *k]).collect();
        let runs: Vec<usize> = powers.iter().map(|(_, k)| *k).collect();
        let found = mlip_rs::basis::coupling::polynomials(&degrees, &runs).len();
        assert_eq!(found, expected, "{powers:?}");
    }
}

/// All orders, two radial functions.
fn all_orders() -> Basis {
    let higher = [
        (3, 5, "free"),
        (4, 3, "free"),
        (5, 2, "diagonal"),
        (6, 1, "diagonal"),
    ]
    .map(|(order, max_l, radial)| json!({"order": order, "max_l": max_l, "radial": radial}));
    basis(1, 2, &higher)
}

#[test]
fn mirror_images_and_rotated_environments_agree_in_all_invariants() {
    let basis = all_orders();
    let orders = [1, 2, 3, 4, 5, 6];
    let mut random = Random::new(3);
    let (species, points) = random_environment(&mut random, 1, 9);
    let original = values(&basis, &species, &points, &orders);
    let mirror: Vec<[f64; 3]> = points.iter().map(|r| [r[0], -r[1], r[2]]).collect();
    assert!(difference(&original, &values(&basis, &species, &mirror, &orders)) < EQUAL);
    let inverted: Vec<[f64; 3]> = points.iter().map(|r| r.map(|x| -x)).collect();
    assert!(difference(&original, &values(&basis, &species, &inverted, &orders)) < EQUAL);
    let (s, c) = 0.7_f64.sin_cos();
    let turned = points
        .iter()
        .map(|r| [c * r[0] - s * r[1], s * r[0] + c * r[1], r[2]]);
    let turned: Vec<[f64; 3]> = turned
        .map(|r| [r[0], c * r[1] - s * r[2], s * r[1] + c * r[2]])
        .collect();
    assert!(difference(&original, &values(&basis, &species, &turned, &orders)) < EQUAL);
}

/// Neighbours on a tilted circle around the centre, at multiples of 2π/n.
fn on_a_circle(n: usize, positions: &[usize]) -> Vec<[f64; 3]> {
    let (radius, (tilt_s, tilt_c)) = (2.6, 0.4_f64.sin_cos());
    let place = |k: &usize| {
        let (s, c) = (2.0 * PI * *k as f64 / n as f64).sin_cos();
        [radius * c, radius * s * tilt_c, radius * s * tilt_s]
    };
    positions.iter().map(place).collect()
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt()
}

/// Sorted shapes of all groups of `size` neighbours, each the sorted distances within the group.
///
/// All neighbours are equally far from the centre; for two or three of them in one plane the distances fix the shape.
fn shapes(points: &[[f64; 3]], size: usize) -> Vec<Vec<f64>> {
    fn groups(n: usize, size: usize) -> Vec<Vec<usize>> {
        if size == 0 {
            return vec![Vec::new()];
        }
        let smaller = groups(n, size - 1);
        let longer = smaller.iter().flat_map(|group| {
            let first = group.last().map_or(0, |k| k + 1);
            (first..n).map(move |k| [group.as_slice(), &[k]].concat())
        });
        longer.collect()
    }
    let shape = |group: &Vec<usize>| {
        let pairs = group.iter().enumerate();
        let sides = pairs.flat_map(|(k, &a)| group[k + 1..].iter().map(move |&b| (a, b)));
        let mut sides: Vec<f64> = sides.map(|(a, b)| distance(points[a], points[b])).collect();
        sides.sort_by(f64::total_cmp);
        sides
    };
    let mut list: Vec<Vec<f64>> = groups(points.len(), size).iter().map(shape).collect();
    // Rounded for sorting only, so that the order is that of the shapes and not of rounding errors.
    let key = |s: &Vec<f64>| {
        s.iter()
            .map(|x| (x * 1e8).round() as i64)
            .collect::<Vec<_>>()
    };
    list.sort_by_key(key);
    list
}

fn same_shapes(a: &[[f64; 3]], b: &[[f64; 3]], size: usize) -> bool {
    let (a, b) = (shapes(a, size).concat(), shapes(b, size).concat());
    a.iter().zip(&b).all(|(x, y)| (x - y).abs() < EQUAL)
}

/// Two environments that agree up to `order` and are told apart by the next one.
fn check_degenerate(n: usize, a: &[usize], b: &[usize], order: usize) {
    let (a, b) = (on_a_circle(n, a), on_a_circle(n, b));
    for size in 2..=order {
        assert!(same_shapes(&a, &b, size), "groups of {size}");
    }
    assert!(!same_shapes(&a, &b, order + 1));
    let basis = all_orders();
    let species = vec![0; a.len()];
    let of = |points: &[[f64; 3]], orders: &[usize]| values(&basis, &species, points, orders);
    let lower: Vec<usize> = (1..=order).collect();
    let equal = difference(&of(&a, &lower), &of(&b, &lower));
    assert!(equal < EQUAL, "{equal:e}");
    let apart = difference(&of(&a, &[order + 1]), &of(&b, &[order + 1]));
    assert!(apart > DIFFERENT, "{apart:e}");
}

#[test]
fn environments_with_equal_distances_and_angles_are_told_apart_by_order_three() {
    // Homometric sets: the same pairs, as in S. N. Pozdnyakov et al., PRL 125, 166001 (2020).
    check_degenerate(8, &[0, 1, 3, 4], &[0, 1, 2, 5], 2);
}

#[test]
fn environments_with_equal_triangles_are_told_apart_by_order_four() {
    // The smallest such sets on a circle: all triangles agree, not all quadrangles (found by enumeration).
    check_degenerate(
        18,
        &[0, 1, 2, 3, 4, 6, 8, 14, 15],
        &[0, 1, 2, 3, 5, 6, 7, 9, 13],
        3,
    );
}
