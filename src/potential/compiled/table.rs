//! Radial functions of one pair of species as one interleaved table of quintic splines.
//!
//! Every interval holds the coefficients of `Σ_k c_k t^k`, `k ≤ 5`, `t ∈ [0, 1)`, of all columns side by side: value,
//! slope and curvature agree with the exact function at both ends (Hermite interpolation), so that tables are C² wherever
//! the functions are, whatever stands behind a column.

use crate::basis::radial::RadialFunction;

/// Columns of a table are padded to a multiple of this.
pub(super) const WIDTH: usize = 8;
/// Coefficients of an interval and column.
pub(super) const N_COEFFICIENTS: usize = 6;

/// Length of an interval aimed at, Å.
const STEP: f64 = 0.05;
/// Error of value and slope (1/Å), relative to the largest of the column, at which intervals are short enough.
const TOLERANCE: f64 = 1e-10;
/// Part of a table that is innermost.
const INNERMOST: f64 = 0.25;
/// Most intervals: 16 columns then take 6 MB.
const MAX_INTERVALS: usize = 8192;
/// Distances below this are not tabulated if nothing else tells where to begin, Å.
const START: f64 = 0.8;
/// Step of the differences that give curvatures, Å.
const DIFFERENCE: f64 = 1e-3;

/// A linear combination of radial functions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column(pub Vec<(RadialFunction, f64)>);

impl Column {
    /// Value and derivative.
    fn evaluate(&self, r: f64) -> (f64, f64) {
        let mut sum = (0.0, 0.0);
        for (function, weight) in &self.0 {
            let (f, df) = function.value_and_derivative(r);
            sum.0 += weight * f;
            sum.1 += weight * df;
        }
        sum
    }
}

/// The distance that radial functions see of a neighbour, and its derivative.
pub(super) type Seen<'a> = &'a dyn Fn(f64) -> (f64, f64);

/// The table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: Vec<Column>,
    start: f64,
    inverse_step: f64,
    n_intervals: usize,
    /// Number of columns, padded unless there is but one.
    stride: usize,
    /// `[n_intervals + 1][N_COEFFICIENTS][stride]`; the last interval is zero, it stands for all beyond the end.
    coefficients: Vec<f64>,
    /// Below the start: constant, because the repulsion has taken over, or to be computed exactly.
    constant_below: bool,
}

/// Where to look up a distance.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Interval and position in it.
    Interval(usize, f64),
    /// Closer than the table reaches.
    Exact,
}

impl Table {
    /// Tabulate columns up to the largest cutoff among them. `saturated` is the distance below which `seen` does not
    /// change any more; none if it is the distance itself. Several columns are padded, a single one if asked for.
    pub fn new(columns: Vec<Column>, seen: Seen, saturated: Option<f64>, padded: bool) -> Self {
        let functions = columns.iter().flat_map(|c| c.0.iter());
        let mut cutoffs: Vec<f64> = functions.map(|(f, _)| f.cutoff).collect();
        cutoffs.sort_unstable_by(f64::total_cmp);
        cutoffs.dedup();
        let end = cutoffs.last().copied().unwrap_or(1.0);
        let start = saturated.unwrap_or(START.min(0.5 * end)).min(0.999 * end);
        let mut table = Self {
            // A single column is evaluated number by number.
            stride: if columns.len() == 1 && !padded {
                1
            } else {
                columns.len().next_multiple_of(WIDTH)
            },
            columns,
            start,
            inverse_step: 0.0,
            n_intervals: 0,
            coefficients: Vec::new(),
            constant_below: saturated.is_some(),
        };
        let mut n = (((end - start) / STEP).ceil() as usize).max(4);
        loop {
            n = aligned(n, start, end, &cutoffs);
            table.fill(n, start, end, &cutoffs, seen);
            if 2 * n > MAX_INTERVALS || table.error(seen) < TOLERANCE {
                return table;
            }
            n *= 2;
        }
    }

    /// Number of columns, padded unless there is but one.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Bytes of the coefficients.
    pub fn bytes(&self) -> usize {
        8 * self.coefficients.len()
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Intervals per Å.
    pub fn inverse_step(&self) -> f64 {
        self.inverse_step
    }

    /// Where a distance is found.
    #[inline]
    pub fn place(&self, r: f64) -> Place {
        let x = (r - self.start) * self.inverse_step;
        if x < 0.0 {
            return if self.constant_below {
                Place::Interval(0, 0.0)
            } else {
                Place::Exact
            };
        }
        // A cast saturates: whatever is beyond the end, a NaN as well, falls into an interval that exists.
        let interval = (x as usize).min(self.n_intervals);
        Place::Interval(interval, x - interval as f64)
    }

    /// The coefficients of an interval, `[N_COEFFICIENTS][stride]`.
    #[inline]
    pub fn interval(&self, interval: usize) -> &[f64] {
        let len = N_COEFFICIENTS * self.stride;
        &self.coefficients[interval * len..][..len]
    }

    /// Values and derivatives of all columns from the functions themselves.
    pub fn exact(&self, r: f64, values: &mut [f64], slopes: &mut [f64]) {
        for ((column, f), df) in self.columns.iter().zip(values).zip(slopes) {
            (*f, *df) = column.evaluate(r);
        }
    }

    fn fill(&mut self, n: usize, start: f64, end: f64, cutoffs: &[f64], seen: Seen) {
        let step = (end - start) / n as f64;
        (self.n_intervals, self.inverse_step) = (n, 1.0 / step);
        self.coefficients.clear();
        self.coefficients
            .resize((n + 1) * N_COEFFICIENTS * self.stride, 0.0);
        // Nodes are put on the cutoffs they are meant to hit.
        let node = |k: usize| {
            let r = start + step * k as f64;
            let near = cutoffs.iter().find(|c| (**c - r).abs() < 1e-6 * step);
            near.copied().unwrap_or(r)
        };
        for (c, column) in self.columns.iter().enumerate() {
            let mut left = jet(column, node(0), seen, Side::Above);
            for k in 0..n {
                let right = jet(column, node(k + 1), seen, Side::Below);
                let values = hermite(left, right, step);
                for (m, value) in values.into_iter().enumerate() {
                    self.coefficients[(k * N_COEFFICIENTS + m) * self.stride + c] = value;
                }
                left = if on_cutoff(column, node(k + 1)) {
                    jet(column, node(k + 1), seen, Side::Above)
                } else {
                    right
                };
            }
        }
    }

    /// Largest error of value and slope between the nodes. Its unit is the largest value or slope of the column beyond
    /// the innermost part of the table, where functions may diverge; there, the value or slope itself if larger.
    fn error(&self, seen: Seen) -> f64 {
        let mut worst: f64 = 0.0;
        let inner = (INNERMOST * self.n_intervals as f64) as usize;
        for (c, column) in self.columns.iter().enumerate() {
            let (mut unit, mut outer): (f64, f64) = (1e-300, 0.0);
            for k in (0..self.n_intervals).rev() {
                let t = 0.37 + 0.3 * (k % 2) as f64;
                let r = self.start + (k as f64 + t) / self.inverse_step;
                let (u, du) = seen(r);
                let (f, df) = column.evaluate(u);
                let (g, dg) = self.value_and_derivative(c, r);
                let size = f.abs().max((df * du).abs());
                let error = (f - g).abs().max((df * du - dg).abs());
                if k >= inner {
                    unit = unit.max(size);
                    outer = outer.max(error);
                } else {
                    worst = worst.max(error / unit.max(size));
                }
            }
            worst = worst.max(outer / unit);
        }
        worst
    }

    fn value_and_derivative(&self, column: usize, r: f64) -> (f64, f64) {
        let Place::Interval(interval, t) = self.place(r) else {
            return self.columns[column].evaluate(r);
        };
        let rows = self.interval(interval).chunks(self.stride);
        let (mut f, mut df) = (0.0, 0.0);
        for row in rows.rev() {
            df = df * t + f;
            f = f * t + row[column];
        }
        (f, df * self.inverse_step)
    }
}

/// The number of intervals from `n` to `2n` whose nodes come closest to the cutoffs inside: there, curvatures may jump.
fn aligned(n: usize, start: f64, end: f64, cutoffs: &[f64]) -> usize {
    let inside: Vec<f64> = cutoffs
        .iter()
        .map(|c| (c - start) / (end - start))
        .filter(|x| *x > 0.0 && *x < 1.0)
        .collect();
    let miss = |n: usize| -> f64 {
        let distances = inside.iter().map(|x| {
            let x = x * n as f64;
            (x - x.round()).abs()
        });
        distances.fold(0.0, f64::max)
    };
    (n..=2 * n)
        .min_by(|a, b| miss(*a).total_cmp(&miss(*b)))
        .unwrap_or(n)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Below,
    Above,
}

fn on_cutoff(column: &Column, r: f64) -> bool {
    column.0.iter().any(|(f, _)| (f.cutoff - r).abs() < 1e-9)
}

/// Value, slope and curvature at a node, the curvature from one side where it may jump.
fn jet(column: &Column, r: f64, seen: Seen, side: Side) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let (u, du) = seen(r);
    for (function, weight) in &column.0 {
        // A node on the cutoff belongs to the inside when seen from below.
        let outside =
            r > function.cutoff - 1e-9 && (side == Side::Above || r > function.cutoff + 1e-9);
        if outside {
            continue;
        }
        let slope = |r: f64| {
            let (u, du) = seen(r);
            function.value_and_derivative(u).1 * du
        };
        let h = DIFFERENCE;
        let curvature = if r + 2.0 * h >= function.cutoff {
            (25.0 * slope((r).min(function.cutoff * (1.0 - 1e-15))) - 48.0 * slope(r - h)
                + 36.0 * slope(r - 2.0 * h)
                - 16.0 * slope(r - 3.0 * h)
                + 3.0 * slope(r - 4.0 * h))
                / (12.0 * h)
        } else {
            (8.0 * (slope(r + h) - slope(r - h)) - (slope(r + 2.0 * h) - slope(r - 2.0 * h)))
                / (12.0 * h)
        };
        let (f, df) = function.value_and_derivative(u);
        sum[0] += weight * f;
        sum[1] += weight * df * du;
        sum[2] += weight * curvature;
    }
    sum
}

/// Coefficients in t of the quintic that has these values, slopes and curvatures at 0 and `step`.
fn hermite(left: [f64; 3], right: [f64; 3], step: f64) -> [f64; N_COEFFICIENTS] {
    let [a, b, c] = [left[0], left[1] * step, 0.5 * left[2] * step * step];
    let [d, e, f] = [
        right[0] - a - b - c,
        right[1] * step - b - 2.0 * c,
        right[2] * step * step - 2.0 * c,
    ];
    [
        a,
        b,
        c,
        10.0 * d - 4.0 * e + 0.5 * f,
        -15.0 * d + 7.0 * e - f,
        6.0 * d - 3.0 * e + 0.5 * f,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basis::cutoff::CutoffFunction;
    use crate::basis::radial::Primitive;

    fn function(primitive: Primitive, cutoff: f64) -> RadialFunction {
        RadialFunction {
            primitive,
            cutoff,
            cutoff_function: CutoffFunction::Cosine,
        }
    }

    #[test]
    fn tables_equal_their_functions_between_the_nodes_and_across_shorter_cutoffs() {
        let gaussian = Primitive::Gaussian { beta: 4.0, mu: 2.1 };
        let columns = vec![
            Column(vec![(function(gaussian, 6.0), 1.0)]),
            Column(vec![
                (function(gaussian, 4.2), -0.3),
                (function(Primitive::Polynomial { p: -3 }, 6.0), 2.0),
            ]),
            Column(vec![(function(Primitive::Cosine { p: 2.0 }, 4.2), 1.0)]),
        ];
        let table = Table::new(columns.clone(), &|r| (r, 1.0), None, false);
        for k in 0..5000 {
            let r = 0.81 + 5.3 * f64::from(k) / 5000.0;
            for (c, column) in columns.iter().enumerate() {
                let (f, df) = column.evaluate(r);
                let (g, dg) = table.value_and_derivative(c, r);
                assert!(
                    (f - g).abs() < 2.0 * TOLERANCE,
                    "value of {c} at {r}: {f} {g}"
                );
                assert!(
                    (df - dg).abs() < 10.0 * TOLERANCE,
                    "slope of {c} at {r}: {df} {dg}"
                );
            }
        }
    }

    #[test]
    fn beyond_the_end_is_nothing_and_a_nan_is_looked_up_within_bounds() {
        let columns = vec![Column(vec![(
            function(Primitive::Exponential { p: 1.0 }, 5.0),
            1.0,
        )])];
        let table = Table::new(columns, &|r| (r, 1.0), None, false);
        assert_eq!(table.value_and_derivative(0, 5.3), (0.0, 0.0));
        let Place::Interval(k, _) = table.place(f64::NAN) else {
            panic!("a NaN is not close")
        };
        assert!(k <= table.n_intervals);
        assert!(matches!(table.place(0.3), Place::Exact));
    }

    #[test]
    fn what_saturates_is_constant_below_the_table() {
        let columns = vec![Column(vec![(
            function(Primitive::Exponential { p: 1.0 }, 5.0),
            1.0,
        )])];
        let seen = |r: f64| if r < 1.5 { (1.5, 0.0) } else { (r, 1.0) };
        let table = Table::new(columns.clone(), &seen, Some(1.5), true);
        let (f, df) = table.value_and_derivative(0, 0.2);
        assert!((f - columns[0].evaluate(1.5).0).abs() < 1e-12);
        assert!(df.is_finite());
    }
}
