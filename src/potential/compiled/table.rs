//! Radial functions of one pair of species as one interleaved table of quintic splines.
//!
//! Every interval holds the coefficients of `Σ_k c_k t^k`, `k ≤ 5`, `t ∈ [0, 1)`, of all columns side by side: value,
//! slope and curvature agree with the exact function at both ends (Hermite interpolation), so that tables are C² wherever
//! the functions are, whatever stands behind a column.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::column::Column;
use super::harmonics::BLOCK;
use super::hermite::{DIFFERENCE, Side, hermite, jet, on_cutoff};
use pulp::Simd;

/// Columns of a table are padded to a multiple of this.
pub(super) const WIDTH: usize = super::LANES;
/// Coefficients of an interval and column.
pub(super) const N_COEFFICIENTS: usize = 6;
/// Numbers of an interval of a table of a single column: padded.
pub(super) const SINGLE: usize = 8;

/// How fine a table is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Resolution {
    /// Length of an interval aimed at, Å.
    step: f64,
    /// Error of value and slope (1/Å), relative to the largest of the column, at which intervals are short enough.
    tolerance: f64,
}

impl Resolution {
    /// For energies and forces.
    pub const FINE: Self = Self {
        step: 0.05,
        tolerance: 1e-10,
    };
    /// For what needs no derivatives and shall stay in the fastest cache.
    pub const COARSE: Self = Self {
        step: 0.1,
        tolerance: 1e-6,
    };
}

/// Part of a table that is innermost.
const INNERMOST: f64 = 0.25;
/// Most intervals: 16 columns then take 6 MB.
const MAX_INTERVALS: usize = 8192;
/// Distances below this are not tabulated if nothing else tells where to begin, Å.
const START: f64 = 0.8;
/// 1.5 · 2⁵²: numbers around it have no fraction.
const WHOLE: f64 = 6_755_399_441_055_744.0;
/// Shortest piece, Å: differences at its ends stay within it.
const SHORTEST: f64 = 8.0 * DIFFERENCE;

/// The distance that radial functions see of a neighbour, and its derivative.
pub(super) type Seen<'a> = &'a dyn Fn(f64) -> (f64, f64);

/// Intervals of the same length.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Piece {
    pub start: f64,
    pub end: f64,
    pub inverse_step: f64,
    pub n_intervals: usize,
    /// Number of its first interval among those of the table.
    pub first: usize,
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
    /// Where nearly all distances are: from near where the repulsion begins, or near the start, to the largest cutoff,
    /// or the longest piece between two knots of functions that have knots.
    outer: Piece,
    /// The rest, ascending. What is closer than the table begins is computed exactly without repulsion, and constant
    /// with it.
    others: Vec<Piece>,
    /// Largest cutoff, Å.
    end: f64,
    /// Whether there is a repulsion.
    is_constant_inside: bool,
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
        resolution: Resolution,
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
        let units = columns.iter().map(|c| c.largest(strict, end)).collect();
        let mut table = Self {
            // A single column is evaluated number by number.
            stride: if columns.len() == 1 && !padded {
                1
            } else {
                columns.len().next_multiple_of(WIDTH)
            },
            columns,
            outer: Piece::default(),
            others: Vec::new(),
            end,
            is_constant_inside: changed.is_some(),
            coefficients: Vec::new(),
        };
        let goal = Goal {
            seen,
            strict,
            units,
            resolution,
        };
        let (bounds, longest) = bounds(&table.columns, &cutoffs, joint, end);
        let on_cutoffs = |step| Piece::on_cutoffs(longest.0, longest.1, &cutoffs, step);
        table.outer = table.append(on_cutoffs, &cutoffs, &goal);
        if table.outer.end < end {
            // No distance before its end is rounded into the interval that is zero.
            table.outer.inverse_step *= 1.0 - 4.0 * f64::EPSILON;
        }
        let len = table.coefficients.len() + table.interval_len();
        table.coefficients.resize(len, 0.0);
        let mut others = bounds;
        if changed.is_some() {
            others.extend([(start, joint), (joint, table.outer.start)]);
        }
        for (start, end) in others.into_iter().filter(|(start, end)| end > start) {
            let piece = |step| Piece::between(start, end, step);
            let piece = table.append(piece, &cutoffs, &goal);
            table.others.push(piece);
        }
        table
            .others
            .sort_unstable_by(|a, b| a.start.total_cmp(&b.start));
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
        // Within the interval that is zero, whichever way its middle is rounded.
        let last = simd.splat_f64s(outer.n_intervals as f64 + 0.25);
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
        let mut elsewhere = false;
        for j in 0..BLOCK {
            let number = out.whole[j].to_bits() & 0xffff_ffff;
            out.intervals[j] = outer.first + (number as usize).min(outer.n_intervals);
            elsewhere |= distances[j] < outer.start;
        }
        if outer.end < self.end {
            let beyond = outer.end..self.end;
            elsewhere |= distances.iter().any(|r| beyond.contains(r));
        }
        !elsewhere || self.places_elsewhere(distances, out)
    }

    /// The rare case of [`Self::places`].
    #[cold]
    #[inline(never)]
    fn places_elsewhere(&self, distances: &[f64; BLOCK], out: &mut Places) -> bool {
        for (j, &r) in distances.iter().enumerate() {
            if r >= self.end || (r >= self.outer.start && r < self.outer.end) || r.is_nan() {
                continue;
            }
            let before = self.others.partition_point(|piece| piece.start <= r);
            let piece = match before.checked_sub(1) {
                Some(at) => &self.others[at],
                None if self.is_constant_inside => &self.others[0],
                None => return false,
            };
            if r >= piece.end + 1e-9 {
                return false; // Between the start and the first node: the functions have no knots.
            }
            let x = (r - piece.start).max(0.0) * piece.inverse_step;
            let interval = (x as usize).min(piece.n_intervals - 1);
            out.intervals[j] = piece.first + interval;
            out.t[j] = x - interval as f64;
            out.inverse_steps[j] = piece.inverse_step;
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
        let mut step = goal.resolution.step;
        loop {
            let piece = Piece {
                first: before / len,
                ..of_step(step)
            };
            self.coefficients.truncate(before);
            self.coefficients
                .resize(before + piece.n_intervals * len, 0.0);
            self.fill(&piece, cutoffs, goal.seen);
            let excess = self.error(&piece, goal) / goal.resolution.tolerance;
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
    resolution: Resolution,
}

/// The pieces between `joint` and `end` whose ends are knots, without the longest, and that one.
///
/// Cutoffs between them are knots as well, so that the longest has none inside and begins where the one before ends.
fn bounds(
    columns: &[Column],
    cutoffs: &[f64],
    joint: f64,
    end: f64,
) -> (Vec<(f64, f64)>, (f64, f64)) {
    let functions = columns.iter().flat_map(|column| &column.0);
    let mut knots: Vec<f64> = { functions.flat_map(|(f, _)| f.knots()) }
        .copied()
        .collect();
    if knots.is_empty() {
        return (Vec::new(), (joint, end));
    }
    knots.extend(cutoffs);
    knots.retain(|knot| *knot > joint + SHORTEST && *knot < end);
    knots.extend([joint, end]);
    knots.sort_unstable_by(f64::total_cmp);
    knots.dedup_by(|a, b| *a - *b < 1e-9);
    let mut pieces: Vec<(f64, f64)> = knots.windows(2).map(|w| (w[0], w[1])).collect();
    let length = |k: &usize| pieces[*k].1 - pieces[*k].0;
    let longest = (0..pieces.len()).max_by(|a, b| length(a).total_cmp(&length(b)));
    let longest = pieces.remove(longest.unwrap_or(0));
    (pieces, longest)
}

#[cfg(test)]
mod tests;
