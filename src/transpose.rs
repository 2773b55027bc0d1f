//! Transpositions of blocks of eight by eight numbers in vector registers.
//!
//! A block of rows is eight vectors, one per row, with as many of its columns as a vector has lanes. A block of columns
//! is as many columns as a vector has lanes, eight numbers each: again eight vectors. Left to itself, the compiler
//! moves number by number.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use pulp::Simd;

/// Rows of a block.
pub(crate) const ROWS: usize = 8;

/// Columns from rows: column `c` is the vectors from `c · 8 / lanes` on.
#[inline(always)]
pub(crate) fn columns_of_rows<S: Simd>(simd: S, rows: [S::f64s; ROWS]) -> [S::f64s; ROWS] {
    let [a, b, c, d, e, f, g, h] = rows;
    match S::F64_LANES {
        8 => eight_by_eight(simd, rows),
        4 => {
            let [a, b, c, d] = simd.deinterleave_shfl_f64s([a, b, c, d]);
            let [e, f, g, h] = simd.deinterleave_shfl_f64s([e, f, g, h]);
            [a, e, b, f, c, g, d, h]
        }
        2 => {
            let [a, b] = simd.deinterleave_shfl_f64s([a, b]);
            let [c, d] = simd.deinterleave_shfl_f64s([c, d]);
            let [e, f] = simd.deinterleave_shfl_f64s([e, f]);
            let [g, h] = simd.deinterleave_shfl_f64s([g, h]);
            [a, c, e, g, b, d, f, h]
        }
        _ => rows,
    }
}

/// The way back of [`columns_of_rows`].
#[inline(always)]
pub(crate) fn rows_of_columns<S: Simd>(simd: S, columns: [S::f64s; ROWS]) -> [S::f64s; ROWS] {
    let [a, b, c, d, e, f, g, h] = columns;
    match S::F64_LANES {
        8 => eight_by_eight(simd, columns),
        4 => {
            let [a, c, e, g] = simd.deinterleave_shfl_f64s([a, c, e, g]);
            let [b, d, f, h] = simd.deinterleave_shfl_f64s([b, d, f, h]);
            [a, c, e, g, b, d, f, h]
        }
        2 => {
            let [a, e] = simd.deinterleave_shfl_f64s([a, e]);
            let [b, f] = simd.deinterleave_shfl_f64s([b, f]);
            let [c, g] = simd.deinterleave_shfl_f64s([c, g]);
            let [d, h] = simd.deinterleave_shfl_f64s([d, h]);
            [a, e, b, f, c, g, d, h]
        }
        _ => columns,
    }
}

/// With eight lanes, what `pulp` calls deinterleaving four vectors are two steps: pairs of lanes of neighbouring
/// vectors, then quarters of vectors. The first alone is deinterleaving two; it undoes itself.
#[inline(always)]
fn eight_by_eight<S: Simd>(simd: S, rows: [S::f64s; ROWS]) -> [S::f64s; ROWS] {
    let [a, b, c, d, e, f, g, h] = rows;
    let [a, b, c, d] = simd.deinterleave_shfl_f64s([a, b, c, d]);
    let [e, f, g, h] = simd.deinterleave_shfl_f64s([e, f, g, h]);
    let [a, b, e, f] = quarters(simd, [a, b, e, f]);
    let [c, d, g, h] = quarters(simd, [c, d, g, h]);
    [a, b, c, d, e, f, g, h]
}

#[inline(always)]
fn quarters<S: Simd>(simd: S, [a, b, c, d]: [S::f64s; 4]) -> [S::f64s; 4] {
    let [a, b] = simd.deinterleave_shfl_f64s([a, b]);
    let [c, d] = simd.deinterleave_shfl_f64s([c, d]);
    simd.deinterleave_shfl_f64s([a, b, c, d])
}

/// `[neighbour][column]` to `[column][neighbour]` for the first columns.
#[inline(always)]
pub(crate) fn transpose<S: Simd>(
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
        let mut rows = [simd.splat_f64s(0.0); ROWS];
        for j in 0..ROWS {
            rows[j] = from[j * per_row + v];
        }
        to[v * ROWS..(v + 1) * ROWS].copy_from_slice(&columns_of_rows(simd, rows));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case;

    impl pulp::WithSimd for Case {
        type Output = ();
        fn with_simd<S: Simd>(self, simd: S) {
            let lanes = S::F64_LANES;
            let rows: Vec<f64> = (0..ROWS * lanes).map(|k| k as f64).collect();
            let vectors = |numbers: &[f64]| -> [S::f64s; ROWS] {
                S::as_simd_f64s(numbers).0.try_into().unwrap()
            };
            let columns = columns_of_rows(simd, vectors(&rows));
            let mut out = vec![0.0; ROWS * lanes];
            S::as_mut_simd_f64s(&mut out).0.copy_from_slice(&columns);
            for row in 0..ROWS {
                for c in 0..lanes {
                    let (to, from) = (c * ROWS + row, row * lanes + c);
                    assert_eq!(out[to..=to], rows[from..=from], "{lanes} lanes");
                }
            }
            let back = rows_of_columns(simd, columns);
            S::as_mut_simd_f64s(&mut out).0.copy_from_slice(&back);
            assert_eq!(out, rows);
        }
    }

    #[test]
    fn columns_are_those_of_the_rows_with_every_instruction_set() {
        pulp::Arch::new().dispatch(Case);
        pulp::WithSimd::with_simd(Case, pulp::Scalar::new());
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            Simd::vectorize(simd, Case);
        }
    }
}
