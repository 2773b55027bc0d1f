//! Radial functions of one pair of species as one interleaved table of quintic splines.
//!
//! Every interval holds the coefficients of `Σ_k c_k t^k`, `k ≤ 5`, `t ∈ [0, 1)`, of all columns side by side: value,
//! slope and curvature agree with the exact function at both ends (Hermite interpolation), so that tables are C² wherever
//! the functions are, whatever stands behind a column.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::harmonics::BLOCK;
use crate::basis::radial::RadialFunction;
use pulp::Simd;

/// Columns of a table are padded to a multiple of this.
pub(super) const WIDTH: usize = 8;
/// Coefficients of an interval and column.
pub(super) const N_COEFFICIENTS: usize = 6;
/// Numbers of an interval of a table of a single column: padded.
pub(super) const SINGLE: usize = 8;

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
/// Distances at which the size of a column is taken.
const SAMPLES: usize = 400;
/// 1.5 · 2⁵²: numbers around it have no fraction.
const WHOLE: f64 = 6_755_399_441_055_744.0;
/// Step of the differences that give curvatures, Å.
const DIFFERENCE: f64 = 1e-3;
/// Shortest piece, Å: differences at its ends stay within it.
const SHORTEST: f64 = 8.0 * DIFFERENCE;

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

/// Intervals of the same length.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    start: f64,
    end: f64,
    inverse_step: f64,
    n_intervals: usize,
    /// Number of its first interval among those of the table.
    first: usize,
}

impl Piece {
    /// Intervals no longer than `step`.
    fn between(start: f64, end: f64, step: f64) -> Self {
        let n_intervals = (((end - start) / step).ceil() as usize).max(4);
        Self {
            start,
            end,
            inverse_step: n_intervals as f64 / (end - start),
            n_intervals,
            first: 0,
        }
    }

    /// Intervals no longer than `step` with nodes on the cutoffs, where curvatures may jump: it begins at the first
    /// node beyond `start`. The first cutoff and the end are hit exactly, others as closely as they divide what lies
    /// between those.
    fn on_cutoffs(start: f64, end: f64, cutoffs: &[f64], step: f64) -> Self {
        let inside = |c: &&f64| **c > start + SHORTEST && **c < end - SHORTEST;
        let Some(&anchor) = cutoffs.iter().find(inside) else {
            return Self::between(start, end, step);
        };
        let miss = |n: usize| -> f64 {
            let distances = cutoffs.iter().filter(inside).map(|c| {
                let x = (c - anchor) / (end - anchor) * n as f64;
                (x - x.round()).abs()
            });
            distances.fold(0.0, f64::max)
        };
        let least = ((end - anchor) / step).ceil() as usize;
        let beyond = (least..=2 * least)
            .min_by(|a, b| miss(*a).total_cmp(&miss(*b)))
            .unwrap_or(least);
        let step = (end - anchor) / beyond as f64;
        let before = ((anchor - start - SHORTEST) / step) as usize;
        Self {
            start: anchor - before as f64 * step,
            end,
            inverse_step: step.recip(),
            n_intervals: before + beyond,
            first: 0,
        }
    }
}

/// The table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: Vec<Column>,
    /// From near where the repulsion begins, or near the start, to the largest cutoff.
    outer: Piece,
    /// The rest inwards, from where functions are constant. None without repulsion: what is closer than the table
    /// begins is computed exactly.
    inner: Vec<Piece>,
    /// Number of columns, padded unless there is but one.
    stride: usize,
    /// `[n_intervals][N_COEFFICIENTS][stride]`, or `[n_intervals][SINGLE]`; after those of the outer piece there is an
    /// interval that is zero: it stands for all beyond the end.
    coefficients: Vec<f64>,
}

/// Where to look up the distances of a block.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub intervals: [usize; BLOCK],
    /// Position in the interval.
    pub t: [f64; BLOCK],
    /// Intervals per Å.
    pub inverse_steps: [f64; BLOCK],
    /// Number of the interval plus [`WHOLE`].
    whole: [f64; BLOCK],
}

impl Table {
    /// Tabulate columns up to the largest cutoff among them. `changed` is the range of distances in which `seen` changes
    /// its form: below, it is constant, above, it is the distance itself; none if it is so everywhere. Several columns
    /// are padded, a single one if asked for.
    pub fn new(
        columns: Vec<Column>,
        seen: Seen,
        changed: Option<(f64, f64)>,
        padded: bool,
    ) -> Self {
        let functions = columns.iter().flat_map(|c| c.0.iter());
        let mut cutoffs: Vec<f64> = functions.map(|(f, _)| f.cutoff).collect();
        cutoffs.sort_unstable_by(f64::total_cmp);
        cutoffs.dedup();
        let end = cutoffs.last().copied().unwrap_or(1.0);
        let latest = (end - 2.0 * SHORTEST).max(0.5 * end);
        let start = changed.map_or(START.min(0.5 * end), |(inner, _)| inner.min(latest));
        let joint = changed.map_or(start, |(_, outer)| outer.clamp(start, latest));
        let near = |c: &&f64| (**c - joint).abs() < SHORTEST && **c < end;
        let joint = cutoffs.iter().find(near).copied().unwrap_or(joint);
        let strict = start + INNERMOST * (end - start);
        let units = columns.iter().map(|c| largest(c, strict, end)).collect();
        let mut table = Self {
            // A single column is evaluated number by number.
            stride: if columns.len() == 1 && !padded {
                1
            } else {
                columns.len().next_multiple_of(WIDTH)
            },
            columns,
            outer: Piece::default(),
            inner: Vec::new(),
            coefficients: Vec::new(),
        };
        let goal = Goal {
            seen,
            strict,
            units,
        };
        let on_cutoffs = |step| Piece::on_cutoffs(joint, end, &cutoffs, step);
        table.outer = table.append(on_cutoffs, &cutoffs, &goal);
        let len = table.coefficients.len() + table.interval_len();
        table.coefficients.resize(len, 0.0);
        if changed.is_some() {
            for (start, end) in [(start, joint), (joint, table.outer.start)] {
                if end > start {
                    let piece = |step| Piece::between(start, end, step);
                    let piece = table.append(piece, &cutoffs, &goal);
                    table.inner.push(piece);
                }
            }
        }
        table
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

    /// Numbers of an interval.
    #[inline(always)]
    pub fn interval_len(&self) -> usize {
        if self.stride == 1 {
            SINGLE
        } else {
            N_COEFFICIENTS * self.stride
        }
    }

    /// Intervals, positions in them, and intervals per Å, of a block of distances; false if one is closer than the
    /// table reaches, and has to be computed exactly.
    ///
    /// Whatever is beyond the end, a NaN as well, falls into the last interval.
    #[inline(always)]
    pub fn places<S: Simd>(&self, simd: S, distances: &[f64; BLOCK], out: &mut Places) -> bool {
        let outer = &self.outer;
        let start = simd.splat_f64s(outer.start);
        let inverse_step = simd.splat_f64s(outer.inverse_step);
        let last = simd.splat_f64s(outer.n_intervals as f64);
        let half = simd.splat_f64s(0.5);
        let whole = simd.splat_f64s(WHOLE);
        let (r, _) = S::as_simd_f64s(distances);
        let (whole_parts, _) = S::as_mut_simd_f64s(&mut out.whole);
        let (t, _) = S::as_mut_simd_f64s(&mut out.t);
        let (inverses, _) = S::as_mut_simd_f64s(&mut out.inverse_steps);
        for k in 0..r.len() {
            let x = simd.mul_f64s(simd.sub_f64s(r[k], start), inverse_step);
            // The second is what a NaN gives.
            let x = simd.min_f64s(x, last);
            // Rounded to a whole number by the addition, which is then found in the last bits.
            whole_parts[k] = simd.add_f64s(simd.sub_f64s(x, half), whole);
            t[k] = simd.sub_f64s(x, simd.sub_f64s(whole_parts[k], whole));
            inverses[k] = inverse_step;
        }
        let mut inside = false;
        for j in 0..BLOCK {
            let number = out.whole[j].to_bits() & 0xffff_ffff;
            out.intervals[j] = outer.first + (number as usize).min(outer.n_intervals);
            inside |= distances[j] < outer.start;
        }
        !inside || self.places_inside(distances, out)
    }

    /// The rare case of [`Self::places`].
    #[cold]
    #[inline(never)]
    fn places_inside(&self, distances: &[f64; BLOCK], out: &mut Places) -> bool {
        let Some(innermost) = self.inner.first() else {
            return false;
        };
        for j in (0..BLOCK).filter(|j| distances[*j] < self.outer.start) {
            let pieces = self.inner.iter().rev();
            let inner = { pieces }
                .find(|piece| distances[j] >= piece.start)
                .unwrap_or(innermost);
            let x = (distances[j] - inner.start).max(0.0) * inner.inverse_step;
            let interval = (x as usize).min(inner.n_intervals - 1);
            out.intervals[j] = inner.first + interval;
            out.t[j] = x - interval as f64;
            out.inverse_steps[j] = inner.inverse_step;
        }
        true
    }

    /// The coefficients of all intervals.
    #[inline(always)]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Values and derivatives of all columns from the functions themselves.
    pub fn exact(&self, r: f64, values: &mut [f64], slopes: &mut [f64]) {
        for ((column, f), df) in self.columns.iter().zip(values).zip(slopes) {
            (*f, *df) = column.evaluate(r);
        }
    }

    /// Append a piece whose intervals are short enough.
    fn append(&mut self, of_step: impl Fn(f64) -> Piece, cutoffs: &[f64], goal: &Goal) -> Piece {
        let len = self.interval_len();
        let before = self.coefficients.len();
        let mut step = STEP;
        loop {
            let piece = Piece {
                first: before / len,
                ..of_step(step)
            };
            self.coefficients.truncate(before);
            self.coefficients
                .resize(before + piece.n_intervals * len, 0.0);
            self.fill(&piece, cutoffs, goal.seen);
            let excess = self.error(&piece, goal) / TOLERANCE;
            if 2 * piece.n_intervals > MAX_INTERVALS || excess < 1.0 {
                return piece;
            }
            // The slope of a quintic is wrong by the fifth power of the step.
            step = piece.inverse_step.recip() / excess.powf(0.2).clamp(1.1, 2.0);
        }
    }

    fn fill(&mut self, piece: &Piece, cutoffs: &[f64], seen: Seen) {
        let step = (piece.end - piece.start) / piece.n_intervals as f64;
        // Nodes are put on the cutoffs they are meant to hit.
        let node = |k: usize| {
            let r = piece.start + step * k as f64;
            let near = cutoffs.iter().find(|c| (**c - r).abs() < 1e-6 * step);
            near.copied().unwrap_or(r)
        };
        for (c, column) in self.columns.iter().enumerate() {
            let mut left = jet(column, node(0), seen, piece, Side::Above);
            for k in 0..piece.n_intervals {
                let right = jet(column, node(k + 1), seen, piece, Side::Below);
                let values = hermite(left, right, step);
                for (m, value) in values.into_iter().enumerate() {
                    let interval = (piece.first + k) * self.interval_len();
                    self.coefficients[interval + m * self.stride + c] = value;
                }
                left = if on_cutoff(column, node(k + 1)) {
                    jet(column, node(k + 1), seen, piece, Side::Above)
                } else {
                    right
                };
            }
        }
    }

    /// Largest error of value and slope between the nodes, in units of the column. In the innermost part, where
    /// functions may diverge, the unit is the value or slope itself if larger.
    fn error(&self, piece: &Piece, goal: &Goal) -> f64 {
        let mut worst: f64 = 0.0;
        for (c, (column, unit)) in self.columns.iter().zip(&goal.units).enumerate() {
            for k in 0..piece.n_intervals {
                let t = 0.37 + 0.3 * (k % 2) as f64;
                let r = piece.start + (k as f64 + t) / piece.inverse_step;
                let (u, du) = (goal.seen)(r);
                let (f, df) = column.evaluate(u);
                let (g, dg) = self.spline(piece.first + k, c, t, piece.inverse_step);
                let size = f.abs().max((df * du).abs());
                let unit = if r < goal.strict {
                    unit.max(size)
                } else {
                    *unit
                };
                worst = worst.max((f - g).abs().max((df * du - dg).abs()) / unit);
            }
        }
        worst
    }

    /// Value and slope of a column.
    fn spline(&self, interval: usize, column: usize, t: f64, inverse_step: f64) -> (f64, f64) {
        let c = &self.coefficients[interval * self.interval_len()..];
        let (mut f, mut df) = (0.0, 0.0);
        for m in (0..N_COEFFICIENTS).rev() {
            df = df * t + f;
            f = f * t + c[m * self.stride + column];
        }
        (f, df * inverse_step)
    }
}

/// When intervals are short enough.
struct Goal<'a> {
    seen: Seen<'a>,
    /// Where the innermost part ends, Å.
    strict: f64,
    /// Largest value or slope of each column beyond it.
    units: Vec<f64>,
}

/// Largest value or slope (1/Å) of a column in a range.
fn largest(column: &Column, start: f64, end: f64) -> f64 {
    let samples = (0..SAMPLES).map(|k| {
        let (f, df) = column.evaluate(start + (end - start) * (k as f64 + 0.5) / SAMPLES as f64);
        f.abs().max(df.abs())
    });
    samples.fold(1e-300, f64::max)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Below,
    Above,
}

fn on_cutoff(column: &Column, r: f64) -> bool {
    column.0.iter().any(|(f, _)| (f.cutoff - r).abs() < 1e-9)
}

/// Value, slope and curvature at a node of a piece, the curvature from what lies in the piece and inside the cutoff:
/// it, or derivatives that the differences rely on, may jump at the ends.
fn jet(column: &Column, r: f64, seen: Seen, piece: &Piece, side: Side) -> [f64; 3] {
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
        let end = function.cutoff.min(piece.end);
        let curvature = if r + 2.0 * h >= end {
            (25.0 * slope(r.min(function.cutoff * (1.0 - 1e-15))) - 48.0 * slope(r - h)
                + 36.0 * slope(r - 2.0 * h)
                - 16.0 * slope(r - 3.0 * h)
                + 3.0 * slope(r - 4.0 * h))
                / (12.0 * h)
        } else if r - 2.0 * h <= piece.start {
            (-25.0 * slope(r) + 48.0 * slope(r + h) - 36.0 * slope(r + 2.0 * h)
                + 16.0 * slope(r + 3.0 * h)
                - 3.0 * slope(r + 4.0 * h))
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
        RadialFunction {
            primitive,
            cutoff,
            cutoff_function: CutoffFunction::Cosine,
        }
    }

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
                Column(vec![(function(gaussian, 6.0), 1.0)]),
                Column(vec![
                    (function(gaussian, shorter), -0.3),
                    (function(Primitive::Polynomial { p: -3 }, 6.0), 2.0),
                ]),
                Column(vec![(function(Primitive::Cosine { p: 2.0 }, second), 1.0)]),
            ];
            let free: Seen = &|r| (r, 1.0);
            for (seen, changed) in [(free, None), (&seen as Seen, Some((1.5, 2.5)))] {
                let table = Table::new(columns.clone(), seen, changed, false);
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
        let table = Table::new(columns, &|r| (r, 1.0), None, false);
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
        let table = Table::new(columns.clone(), &seen, Some((1.5, 2.5)), true);
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
        let table = Table::new(columns.to_vec(), &seen, Some((1.5, 2.5)), true);
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
}
