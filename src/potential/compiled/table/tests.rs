//! Tables against the functions they stand for.

use super::*;
use crate::basis::cutoff::CutoffFunction;
use crate::basis::piecewise::Piecewise;
use crate::basis::radial::{Primitive, RadialFunction};
use std::sync::Arc;

impl Table {
    fn value_and_derivative(&self, column: usize, r: f64) -> (f64, f64) {
        let mut places = Places::default();
        if !self.places(pulp::Scalar::new(), &[r; BLOCK], &mut places) {
            return self.columns[column].evaluate(r);
        }
        let (t, inverse_step) = (places.t[1], places.inverse_steps[1]);
        self.spline(places.intervals[1], column, t, inverse_step)
    }
}

fn function(primitive: Primitive, cutoff: f64) -> RadialFunction {
    RadialFunction::new(primitive, cutoff, CutoffFunction::Cosine)
}

/// What errors are held to.
const TOLERANCE: f64 = Resolution::FINE.tolerance;

#[test]
fn tables_equal_their_functions_between_the_nodes_and_across_shorter_cutoffs() {
    let gaussian = Primitive::Gaussian { beta: 4.0, mu: 2.1 };
    // Inside, near either end of what is seen as it is, and two in one table.
    for [shorter, second] in [
        [4.2, 4.2],
        [4.1873, 4.1873],
        [5.9537, 5.9537],
        [2.5041, 2.5041],
        [2.4983, 2.4983],
        [2.91, 4.83],
        [3.6, 4.8],
    ] {
        let columns = vec![
            Column(vec![(function(gaussian.clone(), 6.0), 1.0)]),
            Column(vec![
                (function(gaussian.clone(), shorter), -0.3),
                (function(Primitive::Polynomial { p: -3 }, 6.0), 2.0),
            ]),
            Column(vec![(function(Primitive::Cosine { p: 2.0 }, second), 1.0)]),
        ];
        let free: Seen = &|r| (r, 1.0);
        for (seen, changed) in [(free, None), (&seen as Seen, Some((1.5, 2.5)))] {
            let table = Table::new(columns.clone(), seen, changed, false, Resolution::FINE);
            for k in 0..5000 {
                let r = 0.81 + 5.3 * f64::from(k) / 5000.0;
                for (c, column) in columns.iter().enumerate() {
                    let (u, du) = seen(r);
                    let (f, df) = column.evaluate(u);
                    let (g, dg) = table.value_and_derivative(c, r);
                    assert!(
                        (f - g).abs() < 2.0 * TOLERANCE,
                        "value of {c} at {r}: {f} {g}"
                    );
                    // The innermost part diverges.
                    let bound = 10.0 * TOLERANCE * df.abs().max(1.0);
                    assert!(
                        (df * du - dg).abs() < bound,
                        "slope of {c} at {r}, {shorter}: {df} {dg}"
                    );
                }
            }
        }
    }
}

#[test]
fn beyond_the_end_is_nothing_and_a_nan_is_looked_up_within_bounds() {
    let columns = vec![Column(vec![(
        function(Primitive::Exponential { p: 1.0 }, 5.0),
        1.0,
    )])];
    let table = Table::new(columns, &|r| (r, 1.0), None, false, Resolution::FINE);
    assert_eq!(table.value_and_derivative(0, 5.3), (0.0, 0.0));
    let mut places = Places::default();
    assert!(table.places(pulp::Scalar::new(), &[f64::NAN; BLOCK], &mut places));
    assert_eq!(table.coefficients().len() / SINGLE, places.intervals[0] + 1);
    assert!(!table.places(pulp::Scalar::new(), &[0.3; BLOCK], &mut places));
}

/// A distance that does not fall below 1.5, with three continuous derivatives.
fn seen(r: f64) -> (f64, f64) {
    let x = (r - 1.5).clamp(0.0, 1.0);
    let u = 2.0 + x * x * x * x * (x * x - 3.0 * x + 2.5);
    let slope = x * x * x * (10.0 - 15.0 * x + 6.0 * x * x);
    (if r < 2.5 { u } else { r }, slope)
}

#[test]
fn what_saturates_is_constant_below_the_table() {
    let columns = vec![Column(vec![(
        function(Primitive::Exponential { p: 1.0 }, 5.0),
        1.0,
    )])];
    let table = Table::new(
        columns.clone(),
        &seen,
        Some((1.5, 2.5)),
        true,
        Resolution::FINE,
    );
    let (f, df) = table.value_and_derivative(0, 0.2);
    assert!((f - columns[0].evaluate(2.0).0).abs() < 1e-12);
    assert!(df.abs() < 1e-12);
}

#[test]
fn intervals_are_few_although_the_distance_seen_is_not_smooth() {
    let primitives = [
        Primitive::Gaussian { beta: 4.0, mu: 2.1 },
        Primitive::Polynomial { p: -3 },
    ];
    let columns = primitives.map(|p| Column(vec![(function(p, 5.0), 1.0)]));
    let table = Table::new(
        columns.to_vec(),
        &seen,
        Some((1.5, 2.5)),
        true,
        Resolution::FINE,
    );
    for k in 0..5000 {
        let r = 1.4 + 3.7 * f64::from(k) / 5000.0;
        for (c, column) in columns.iter().enumerate() {
            let (u, du) = seen(r);
            let (f, df) = column.evaluate(u);
            let (g, dg) = table.value_and_derivative(c, r);
            assert!((f - g).abs() < 2.0 * TOLERANCE, "value at {r}: {f} {g}");
            let error = (df * du - dg).abs();
            assert!(error < 10.0 * TOLERANCE, "slope at {r}: {df} {dg}");
        }
    }
    let n_intervals = table.bytes() / (8 * N_COEFFICIENTS * table.stride());
    assert!(n_intervals < 1000, "{n_intervals}");
}

/// A function with knots: smooth up to 5.97, where a switch of 0.03 Å begins whose curvature jumps at both ends.
fn switched() -> RadialFunction {
    let series = |start: f64, end: f64, f: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let n = 32;
        let angle = |j: usize| std::f64::consts::PI * (j as f64 + 0.5) / n as f64;
        let at = |j: usize| f(0.5 * (start + end) + 0.5 * (end - start) * angle(j).cos());
        let coefficient = |k: usize| {
            let sum: f64 = (0..n).map(|j| at(j) * (k as f64 * angle(j)).cos()).sum();
            sum * if k == 0 { 1.0 } else { 2.0 } / n as f64
        };
        (0..n).map(coefficient).collect()
    };
    let tail = |r: f64| (6.0 - r) * (6.0 - r) * (0.3 * r).cos();
    let fall = |r: f64| 0.5 + 0.5 * (std::f64::consts::PI * (r - 5.97) / 0.03).cos();
    let pieces = [
        series(0.5, 5.97, &tail),
        series(5.97, 6.0, &|r| tail(r) * fall(r)),
    ];
    let made = Piecewise::new(&[0.5, 5.97, 6.0], &pieces).unwrap();
    function(Primitive::Piecewise(Arc::new(made)), 7.0)
}

#[test]
fn tables_of_functions_with_knots_equal_them_in_every_piece_with_few_intervals() {
    let columns = vec![
        Column(vec![(switched(), 1.0)]),
        Column(vec![
            (switched(), 0.5),
            (function(Primitive::Cosine { p: 2.0 }, 4.0), 1.0),
        ]),
    ];
    let free: Seen = &|r| (r, 1.0);
    for (seen, changed) in [(free, None), (&seen as Seen, Some((1.5, 2.5)))] {
        let table = Table::new(columns.clone(), seen, changed, true, Resolution::FINE);
        let n_intervals = table.bytes() / (8 * N_COEFFICIENTS * table.stride());
        assert!(n_intervals < 700, "{n_intervals}");
        for r in [6.0, 6.1, 1e9, f64::INFINITY] {
            assert_eq!(table.value_and_derivative(0, r), (0.0, 0.0));
        }
        let below = 5.97_f64.next_down();
        let near = [below, 5.97]
            .into_iter()
            .chain((0..300).map(|k| 5.96 + 0.045 * f64::from(k) / 300.0));
        for r in (0..3000)
            .map(|k| 0.7 + 5.4 * f64::from(k) / 3000.0)
            .chain(near)
        {
            for (c, column) in columns.iter().enumerate() {
                let (u, du) = seen(r);
                let (f, df) = column.evaluate(u);
                let (g, dg) = table.value_and_derivative(c, r);
                assert!((f - g).abs() < 1e-8, "value of {c} at {r}: {f} {g}");
                assert!(
                    (df * du - dg).abs() < 2e-8,
                    "slope of {c} at {r}: {df} {dg}"
                );
            }
        }
    }
}
