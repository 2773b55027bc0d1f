//! Radial functions of blocks of neighbours, looked up in the tables.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::harmonics::BLOCK;
use super::plan::SpeciesPlan;
use super::table::{N_COEFFICIENTS, Place, Table};
use pulp::Simd;

/// Values of all columns at some distances in rows, values and slopes by column.
#[inline(always)]
pub(super) fn tabulate<S: Simd>(
    simd: S,
    plan: &SpeciesPlan,
    distances: &[f64],
    rows: &mut [f64],
    values: &mut [f64],
    slopes: &mut [f64],
) {
    let table = &plan.table;
    let stride = table.stride();
    if stride == 1 {
        tabulate_one(table, distances, rows, slopes);
        return;
    }
    let per_row = stride / S::F64_LANES;
    let inverse_step = simd.splat_f64s(table.inverse_step());
    let len = BLOCK * stride;
    let blocks = distances
        .chunks_exact(BLOCK)
        .zip(rows.chunks_exact_mut(len))
        .zip(
            values
                .chunks_exact_mut(len)
                .zip(slopes.chunks_exact_mut(len)),
        );
    for ((distances, rows), (values, slopes)) in blocks {
        // Slopes that are to be turned over are made where the values by column will be.
        let made = if plan.is_angular() {
            &mut *values
        } else {
            &mut *slopes
        };
        let of_neighbors = rows
            .chunks_exact_mut(stride)
            .zip(made.chunks_exact_mut(stride));
        for (r, (value, slope)) in distances.iter().zip(of_neighbors) {
            match table.place(*r) {
                Place::Interval(interval, t) => {
                    let (c, _) = S::as_simd_f64s(table.interval(interval));
                    let (value, _) = S::as_mut_simd_f64s(value);
                    let (slope, _) = S::as_mut_simd_f64s(slope);
                    let c = &c[..N_COEFFICIENTS * per_row];
                    let t = simd.splat_f64s(t);
                    for (v, (value, slope)) in value.iter_mut().zip(slope).enumerate() {
                        let mut f = c[5 * per_row + v];
                        let mut df = f;
                        f = simd.mul_add_e_f64s(f, t, c[4 * per_row + v]);
                        for k in (0..4).rev() {
                            df = simd.mul_add_e_f64s(df, t, f);
                            f = simd.mul_add_e_f64s(f, t, c[k * per_row + v]);
                        }
                        *value = f;
                        *slope = simd.mul_f64s(df, inverse_step);
                    }
                }
                Place::Exact => {
                    value.fill(0.0);
                    slope.fill(0.0);
                    table.exact(*r, value, slope);
                }
            }
        }
        if plan.is_angular() {
            turn(values, stride, plan.table.n_columns(), slopes);
            turn(rows, stride, plan.n_turned, values);
        }
    }
}

/// [`tabulate`] for a single column.
#[inline(always)]
fn tabulate_one(table: &Table, distances: &[f64], values: &mut [f64], slopes: &mut [f64]) {
    for ((r, value), slope) in distances.iter().zip(values).zip(slopes) {
        let Place::Interval(interval, t) = table.place(*r) else {
            table.exact(*r, std::slice::from_mut(value), std::slice::from_mut(slope));
            continue;
        };
        let c = table.interval(interval);
        let (mut f, mut df) = (c[N_COEFFICIENTS - 1], 0.0);
        for c in c[..N_COEFFICIENTS - 1].iter().rev() {
            df = df * t + f;
            f = f * t + c;
        }
        (*value, *slope) = (f, df * table.inverse_step());
    }
}

/// `[neighbour][column]` to `[column][neighbour]` for the first columns.
#[inline(always)]
fn turn(from: &[f64], stride: usize, n_columns: usize, to: &mut [f64]) {
    let (to, _) = to.as_chunks_mut::<BLOCK>();
    let (groups, _) = to.as_chunks_mut::<BLOCK>();
    for (g, group) in groups
        .iter_mut()
        .enumerate()
        .take(n_columns.div_ceil(BLOCK))
    {
        let mut block = [[0.0; BLOCK]; BLOCK];
        for (j, row) in block.iter_mut().enumerate() {
            row.copy_from_slice(&from[j * stride + g * BLOCK..][..BLOCK]);
        }
        for (c, column) in group.iter_mut().enumerate() {
            for (j, value) in column.iter_mut().enumerate() {
                *value = block[j][c];
            }
        }
    }
}
