//! Radial functions of blocks of neighbours, looked up in the tables.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::harmonics::BLOCK;
use super::table::{N_COEFFICIENTS, Places, SINGLE, Table};
use crate::transpose::columns_of_rows;
use pulp::Simd;

/// Values of all columns at some distances in rows; slopes by column or in rows.
#[inline(always)]
pub(super) fn tabulate<S: Simd>(
    simd: S,
    table: &Table,
    slopes_by_column: bool,
    distances: &[f64],
    rows: &mut [f64],
    slopes: &mut [f64],
) {
    let stride = table.stride();
    let mut places = Places::default();
    for (b, distances) in distances.as_chunks::<BLOCK>().0.iter().enumerate() {
        let block = b * BLOCK * stride..(b + 1) * BLOCK * stride;
        let (rows, slopes) = (&mut rows[block.clone()], &mut slopes[block]);
        if !table.places(simd, distances, &mut places) {
            exact(table, distances, slopes_by_column, rows, slopes);
        } else if stride == 1 {
            single(simd, table, &places, rows, slopes);
        } else if slopes_by_column {
            by_column(simd, table, &places, rows, slopes);
        } else {
            by_row(simd, table, &places, rows, slopes);
        }
    }
}

/// Values and slopes of one vector of columns; `c` are their coefficients, `step` vectors apart.
#[inline(always)]
fn spline<S: Simd>(simd: S, c: &[S::f64s], step: usize, t: S::f64s) -> (S::f64s, S::f64s) {
    let end = (N_COEFFICIENTS - 1) * step + 1;
    let c = &c[..end];
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
    places: &Places,
    values: &mut [f64],
    slopes: &mut [f64],
) {
    let per_row = table.stride() / S::F64_LANES;
    let (values, _) = S::as_mut_simd_f64s(values);
    let (slopes, _) = S::as_mut_simd_f64s(slopes);
    let (coefficients, _) = S::as_simd_f64s(table.coefficients());
    for j in 0..BLOCK {
        let c = &coefficients[places.intervals[j] * N_COEFFICIENTS * per_row..];
        let inverse_step = simd.splat_f64s(places.inverse_steps[j]);
        for v in 0..per_row {
            let (f, df) = spline(simd, &c[v..], per_row, simd.splat_f64s(places.t[j]));
            values[j * per_row + v] = f;
            slopes[j * per_row + v] = simd.mul_f64s(df, inverse_step);
        }
    }
}

/// Values of a block of neighbours in rows, slopes by column.
#[inline(always)]
fn by_column<S: Simd>(
    simd: S,
    table: &Table,
    places: &Places,
    rows: &mut [f64],
    slopes: &mut [f64],
) {
    let per_row = table.stride() / S::F64_LANES;
    let (rows, _) = S::as_mut_simd_f64s(rows);
    let (slopes, _) = S::as_mut_simd_f64s(slopes);
    let (coefficients, _) = S::as_simd_f64s(table.coefficients());
    for v in 0..table.n_columns().div_ceil(S::F64_LANES) {
        let mut df = [simd.splat_f64s(0.0); BLOCK];
        for j in 0..BLOCK {
            let first = places.intervals[j] * N_COEFFICIENTS * per_row + v;
            let (f, own) = spline(
                simd,
                &coefficients[first..],
                per_row,
                simd.splat_f64s(places.t[j]),
            );
            rows[j * per_row + v] = f;
            df[j] = simd.mul_f64s(own, simd.splat_f64s(places.inverse_steps[j]));
        }
        slopes[v * BLOCK..(v + 1) * BLOCK].copy_from_slice(&columns_of_rows(simd, df));
    }
}

/// Values and slopes of the only column: coefficients are transposed, so that lanes are neighbours.
#[inline(always)]
fn single<S: Simd>(
    simd: S,
    table: &Table,
    places: &Places,
    values: &mut [f64],
    slopes: &mut [f64],
) {
    let per_block = BLOCK / S::F64_LANES;
    let (intervals, _) = table.coefficients().as_chunks::<SINGLE>();
    let mut c = [[0.0; BLOCK]; SINGLE];
    for v in 0..SINGLE / S::F64_LANES {
        let mut rows = [simd.splat_f64s(0.0); BLOCK];
        for j in 0..BLOCK {
            rows[j] = S::as_simd_f64s(&intervals[places.intervals[j]]).0[v];
        }
        let columns = columns_of_rows(simd, rows);
        let (to, _) = S::as_mut_simd_f64s(c[v * S::F64_LANES..].as_flattened_mut());
        to[..BLOCK].copy_from_slice(&columns);
    }
    let (c, _) = S::as_simd_f64s(c.as_flattened());
    let (values, _) = S::as_mut_simd_f64s(values);
    let (slopes, _) = S::as_mut_simd_f64s(slopes);
    let (t, _) = S::as_simd_f64s(&places.t);
    let (inverse_steps, _) = S::as_simd_f64s(&places.inverse_steps);
    for k in 0..per_block {
        let (f, df) = spline(simd, &c[k..], per_block, t[k]);
        values[k] = f;
        slopes[k] = simd.mul_f64s(df, inverse_steps[k]);
    }
}

/// The rare block in which a neighbour is closer than the table reaches.
#[cold]
#[inline(never)]
fn exact(
    table: &Table,
    distances: &[f64; BLOCK],
    by_column: bool,
    rows: &mut [f64],
    slopes: &mut [f64],
) {
    let stride = table.stride();
    let mut made = vec![0.0; slopes.len()];
    rows.fill(0.0);
    for j in 0..BLOCK {
        let row = j * stride..(j + 1) * stride;
        table.exact(distances[j], &mut rows[row.clone()], &mut made[row]);
    }
    for j in 0..BLOCK {
        for c in 0..stride {
            let to = if by_column {
                c * BLOCK + j
            } else {
                j * stride + c
            };
            slopes[to] = made[j * stride + c];
        }
    }
}
