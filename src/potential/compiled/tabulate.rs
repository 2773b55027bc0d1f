//! Radial functions of blocks of neighbours, looked up in the tables.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::harmonics::BLOCK;
use super::plan::SpeciesPlan;
use super::table::{N_COEFFICIENTS, Place, Table};
use super::turn::columns_of_rows;
use pulp::Simd;

/// Values of all columns at some distances in rows; slopes by column where there are harmonics, else in rows.
#[inline(always)]
pub(super) fn tabulate<S: Simd>(
    simd: S,
    plan: &SpeciesPlan,
    distances: &[f64],
    rows: &mut [f64],
    slopes: &mut [f64],
) {
    let table = &plan.table;
    let stride = table.stride();
    if stride == 1 {
        tabulate_one(table, distances, rows, slopes);
        return;
    }
    let len = BLOCK * stride;
    let mut at = 0;
    while at < distances.len() {
        let distances = &distances[at..at + BLOCK];
        let block = at * stride..at * stride + len;
        let rows = &mut rows[block.clone()];
        let slopes = &mut slopes[block];
        if plan.is_angular() {
            by_column(simd, table, distances, rows, slopes);
        } else {
            by_row(simd, table, distances, rows, slopes);
        }
        at += BLOCK;
    }
}

/// Values and slopes of one vector of columns; `c` are their coefficients, `step` vectors apart.
#[inline(always)]
fn spline<S: Simd>(simd: S, c: &[S::f64s], step: usize, t: f64) -> (S::f64s, S::f64s) {
    let t = simd.splat_f64s(t);
    let c = &c[..(N_COEFFICIENTS - 1) * step + 1];
    let mut df = c[5 * step];
    let mut f = simd.mul_add_e_f64s(df, t, c[4 * step]);
    df = simd.mul_add_e_f64s(df, t, f);
    f = simd.mul_add_e_f64s(f, t, c[3 * step]);
    df = simd.mul_add_e_f64s(df, t, f);
    f = simd.mul_add_e_f64s(f, t, c[2 * step]);
    df = simd.mul_add_e_f64s(df, t, f);
    f = simd.mul_add_e_f64s(f, t, c[step]);
    df = simd.mul_add_e_f64s(df, t, f);
    f = simd.mul_add_e_f64s(f, t, c[0]);
    (f, df)
}

/// Values and slopes of a block of neighbours in rows.
#[inline(always)]
fn by_row<S: Simd>(
    simd: S,
    table: &Table,
    distances: &[f64],
    values: &mut [f64],
    slopes: &mut [f64],
) {
    let stride = table.stride();
    let per_row = stride / S::F64_LANES;
    for j in 0..BLOCK {
        let row = j * stride..(j + 1) * stride;
        let (value, slope) = (&mut values[row.clone()], &mut slopes[row]);
        match table.place(distances[j]) {
            Place::Interval(interval, t, inverse_step) => {
                let (c, _) = S::as_simd_f64s(table.interval(interval));
                let (value, _) = S::as_mut_simd_f64s(value);
                let (slope, _) = S::as_mut_simd_f64s(slope);
                for v in 0..per_row {
                    let (f, df) = spline(simd, &c[v..], per_row, t);
                    value[v] = f;
                    slope[v] = simd.mul_f64s(df, simd.splat_f64s(inverse_step));
                }
            }
            Place::Exact => exact(table, distances[j], value, slope),
        }
    }
}

#[cold]
#[inline(never)]
fn exact(table: &Table, r: f64, values: &mut [f64], slopes: &mut [f64]) {
    values.fill(0.0);
    slopes.fill(0.0);
    table.exact(r, values, slopes);
}

/// Values of a block of neighbours in rows, slopes by column.
#[inline(always)]
fn by_column<S: Simd>(
    simd: S,
    table: &Table,
    distances: &[f64],
    rows: &mut [f64],
    slopes: &mut [f64],
) {
    let stride = table.stride();
    let per_row = stride / S::F64_LANES;
    let (mut first, mut t, mut inverse_step) = ([0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
    for j in 0..BLOCK {
        let Place::Interval(interval, own, inverse) = table.place(distances[j]) else {
            let mut made = vec![0.0; slopes.len()];
            by_row(simd, table, distances, rows, &mut made);
            turn(simd, &made, stride, table.n_columns(), slopes);
            return;
        };
        (first[j], t[j], inverse_step[j]) = (interval * N_COEFFICIENTS * per_row, own, inverse);
    }
    let (rows, _) = S::as_mut_simd_f64s(rows);
    let (slopes, _) = S::as_mut_simd_f64s(slopes);
    let (coefficients, _) = S::as_simd_f64s(table.coefficients());
    for v in 0..table.n_columns().div_ceil(S::F64_LANES) {
        let mut df = [simd.splat_f64s(0.0); BLOCK];
        for j in 0..BLOCK {
            let (f, own) = spline(simd, &coefficients[first[j] + v..], per_row, t[j]);
            rows[j * per_row + v] = f;
            df[j] = simd.mul_f64s(own, simd.splat_f64s(inverse_step[j]));
        }
        slopes[v * BLOCK..(v + 1) * BLOCK].copy_from_slice(&columns_of_rows(simd, df));
    }
}

/// `[neighbour][column]` to `[column][neighbour]` for the first columns.
#[inline(always)]
pub(super) fn turn<S: Simd>(
    simd: S,
    from: &[f64],
    stride: usize,
    n_columns: usize,
    to: &mut [f64],
) {
    let per_row = stride / S::F64_LANES;
    let (from, _) = S::as_simd_f64s(from);
    let (to, _) = S::as_mut_simd_f64s(to);
    for v in 0..n_columns.div_ceil(S::F64_LANES) {
        let mut rows = [simd.splat_f64s(0.0); BLOCK];
        for j in 0..BLOCK {
            rows[j] = from[j * per_row + v];
        }
        to[v * BLOCK..(v + 1) * BLOCK].copy_from_slice(&columns_of_rows(simd, rows));
    }
}

/// [`tabulate`] for a single column.
#[inline(always)]
fn tabulate_one(table: &Table, distances: &[f64], values: &mut [f64], slopes: &mut [f64]) {
    for ((r, value), slope) in distances.iter().zip(values).zip(slopes) {
        let Place::Interval(interval, t, inverse_step) = table.place(*r) else {
            table.exact(*r, std::slice::from_mut(value), std::slice::from_mut(slope));
            continue;
        };
        let c = table.interval(interval);
        let (mut f, mut df) = (c[N_COEFFICIENTS - 1], 0.0);
        for c in c[..N_COEFFICIENTS - 1].iter().rev() {
            df = df * t + f;
            f = f * t + c;
        }
        (*value, *slope) = (f, df * inverse_step);
    }
}
