//! `A Aᵀ` added to the lower triangle of a matrix. Sums of small tiles stay in vector registers while panels of A, packed
//! so that they are read in order, pass through the caches: K. Goto and R. van de Geijn, ACM Trans. Math. Softw. 34, 12
//! (2008). The same bits for any number of threads.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use faer::MatRef;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Vectors side by side in a tile. With the rows of a tile these are the sums that the registers have room for.
const VECTORS: usize = 2;
/// Terms of the sums that a tile gets at a time: a panel stays in the first-level cache.
const DEPTH: usize = 256;
/// Wide panels that pass by one tall panel, one after the other: neighbouring tiles are in the same cache lines.
const GROUP: usize = 8;
/// Rows of the matrix that one task updates at least: their panels stay in the second-level cache.
const BAND: usize = 96;

/// Add `alpha A Aᵀ` to the lower triangle of the square block that starts at column `first` of `rows`.
///
/// `rows` holds `A.nrows()` rows of a matrix of `n` columns. Uses the threads of the current pool.
pub(crate) fn add_outer(rows: &mut [f64], n: usize, first: usize, alpha: f64, a: MatRef<f64>) {
    let size = a.nrows();
    if size == 0 || n == 0 {
        return;
    }
    let tile = pulp::Arch::new().dispatch(TileOf);
    let band_rows = BAND.next_multiple_of(tile.height);
    let mut packed = Packed::default();
    for start in (0..a.ncols()).step_by(DEPTH) {
        packed.fill(a.subcols(start, DEPTH.min(a.ncols() - start)), tile);
        // The long ones come first, so that the short ones fill the gaps.
        let bands = rows[..size * n].par_chunks_mut(band_rows * n);
        bands
            .enumerate()
            .rev()
            .with_max_len(1)
            .for_each(|(k, band)| {
                pulp::Arch::new().dispatch(Band {
                    packed: &packed,
                    rows: band,
                    start: k * band_rows,
                    n,
                    first,
                    alpha,
                });
            });
    }
}

/// Rows and columns of a tile.
#[derive(Debug, Clone, Copy, Default)]
struct Tile {
    height: usize,
    width: usize,
}

/// The tile of the instruction set that a dispatch chooses.
struct TileOf;

impl WithSimd for TileOf {
    type Output = Tile;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Tile {
        Tile {
            height: if S::F64_LANES == 4 { 6 } else { 12 },
            width: VECTORS * S::F64_LANES,
        }
    }
}

/// The rows of A in panels as high as a tile, and again in panels as high as a tile is wide, each panel column after
/// column; rows beyond the last are zero.
#[derive(Debug, Default)]
struct Packed {
    tile: Tile,
    depth: usize,
    tall: Vec<f64>,
    wide: Vec<f64>,
}

impl Packed {
    fn fill(&mut self, a: MatRef<f64>, tile: Tile) {
        (self.tile, self.depth) = (tile, a.ncols());
        pack(&mut self.tall, a, tile.height);
        pack(&mut self.wide, a, tile.width);
    }
}

fn pack(out: &mut Vec<f64>, a: MatRef<f64>, height: usize) {
    let pack = match height {
        2 => pack_panels::<2>,
        4 => pack_panels::<4>,
        6 => pack_panels::<6>,
        8 => pack_panels::<8>,
        12 => pack_panels::<12>,
        16 => pack_panels::<16>,
        _ => unreachable!("no instruction set has tiles of {height} rows or columns"),
    };
    pack(out, a);
}

/// Of a height that the compiler knows: copies of so few numbers are made without a call.
fn pack_panels<const HEIGHT: usize>(out: &mut Vec<f64>, a: MatRef<f64>) {
    let (size, depth) = a.shape();
    out.resize(size.next_multiple_of(HEIGHT) * depth, 0.0);
    let panels = out.par_chunks_mut(HEIGHT * depth).enumerate();
    panels.for_each(|(k, panel)| {
        let start = k * HEIGHT;
        let count = HEIGHT.min(size - start);
        let own = a.subrows(start, count);
        let (panel, _) = panel.as_chunks_mut::<HEIGHT>();
        match own.try_as_col_major() {
            Some(columns) if count == HEIGHT => {
                for (out, column) in panel.iter_mut().zip(columns.col_iter()) {
                    out.copy_from_slice(column.as_slice());
                }
            }
            _ => {
                for (j, out) in panel.iter_mut().enumerate() {
                    for (i, value) in out.iter_mut().enumerate() {
                        *value = if i < count { own[(i, j)] } else { 0.0 };
                    }
                }
            }
        }
    });
}

/// Some rows of the matrix, from `start` on.
struct Band<'a> {
    packed: &'a Packed,
    rows: &'a mut [f64],
    start: usize,
    n: usize,
    first: usize,
    alpha: f64,
}

impl WithSimd for Band<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::F64_LANES == 4 {
            self.add::<S, 6>(simd);
        } else {
            self.add::<S, 12>(simd);
        }
    }
}

impl Band<'_> {
    #[inline(always)]
    fn add<S: Simd, const HEIGHT: usize>(self, simd: S) {
        let Packed { tile, depth, .. } = *self.packed;
        let count = self.rows.len() / self.n;
        let group_panels = GROUP * DEPTH / depth; // as many numbers, however low they are
        let groups = (self.packed.wide).chunks(group_panels * tile.width * depth);
        for (g, group) in groups.enumerate() {
            let left = g * group_panels * tile.width;
            if left >= self.start + count {
                break;
            }
            let tall = self.packed.tall[self.start * depth..].chunks_exact(HEIGHT * depth);
            let rows = self.rows.chunks_mut(HEIGHT * self.n);
            for (q, (tall, rows)) in tall.zip(rows).enumerate() {
                let top = self.start + q * HEIGHT;
                for (p, wide) in group.chunks_exact(tile.width * depth).enumerate() {
                    let left = left + p * tile.width;
                    if left >= top + HEIGHT {
                        break; // above the diagonal
                    }
                    let sums = product::<S, HEIGHT>(simd, wide, tall);
                    for (i, (row, sums)) in rows.chunks_exact_mut(self.n).zip(&sums).enumerate() {
                        let width = tile.width.min((top + i + 1).saturating_sub(left));
                        add_scaled(
                            simd,
                            &mut row[self.first + left..][..width],
                            self.alpha,
                            sums,
                        );
                    }
                }
            }
        }
    }
}

/// Sums of products of a panel of each kind.
#[inline(always)]
fn product<S: Simd, const HEIGHT: usize>(
    simd: S,
    wide: &[f64],
    tall: &[f64],
) -> [[S::f64s; VECTORS]; HEIGHT] {
    let mut sums = [[simd.splat_f64s(0.0); VECTORS]; HEIGHT];
    let (wide, _) = S::as_simd_f64s(wide).0.as_chunks::<VECTORS>();
    let (tall, _) = tall.as_chunks::<HEIGHT>();
    for (wide, tall) in wide.iter().zip(tall) {
        for (sums, factor) in sums.iter_mut().zip(tall) {
            let factor = simd.splat_f64s(*factor);
            for (sum, values) in sums.iter_mut().zip(wide) {
                *sum = simd.mul_add_e_f64s(*values, factor, *sum);
            }
        }
    }
    sums
}

/// `out += alpha sums`, for as many as `out` has room for.
#[inline(always)]
fn add_scaled<S: Simd>(simd: S, out: &mut [f64], alpha: f64, sums: &[S::f64s; VECTORS]) {
    let alpha = simd.splat_f64s(alpha);
    let (whole, tail) = S::as_mut_simd_f64s(out);
    for (out, sum) in whole.iter_mut().zip(sums) {
        *out = simd.mul_add_e_f64s(alpha, *sum, *out);
    }
    if let Some(sum) = sums.get(whole.len()) {
        let before = simd.partial_load_f64s(tail);
        simd.partial_store_f64s(tail, simd.mul_add_e_f64s(alpha, *sum, before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    /// Small integers, so that all sums are exact.
    fn number(i: usize, j: usize) -> f64 {
        ((7 * i * i + 3 * i * j + 5 * j) % 23) as f64 - 11.0
    }

    fn check(size: usize, depth: usize, before: usize, after: usize, row_major: bool) {
        let n = before + size + after;
        let a = Mat::from_fn(size, depth, number);
        let transposed = Mat::from_fn(depth, size, |i, j| number(j, i));
        let start: Vec<f64> = (0..size * n).map(|k| (k % 101) as f64).collect();
        let mut matrix = start.clone();
        let own = if row_major {
            transposed.transpose()
        } else {
            a.as_ref()
        };
        add_outer(&mut matrix, n, before, -2.0, own);
        for i in 0..size {
            for j in 0..n {
                let k = j.wrapping_sub(before);
                let sum: f64 = if k <= i {
                    (0..depth).map(|d| a[(i, d)] * a[(k, d)]).sum()
                } else {
                    0.0
                };
                let found = matrix[i * n + j] - start[i * n + j];
                assert!((found + 2.0 * sum).abs() < 0.5, "{size} {depth}: {i} {j}");
            }
        }
    }

    #[test]
    fn products_of_all_shapes_are_added_to_the_lower_triangle_only() {
        for size in [
            0,
            1,
            5,
            6,
            7,
            8,
            9,
            12,
            13,
            BAND - 1,
            BAND + 1,
            2 * BAND + 17,
        ] {
            for depth in [0, 1, 2, 33] {
                check(size, depth, 0, 0, false);
                check(size, depth, 3, 2, true);
            }
        }
        check(BAND + 5, DEPTH - 1, 1, 0, true);
        check(BAND + 5, 2 * DEPTH + 3, 0, 1, false);
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let (n, depth) = (3 * BAND + 11, DEPTH + 9);
        let a = Mat::from_fn(n, depth, |i, j| number(i, j) / 7.0);
        let [one, three] = [1, 3].map(|threads| {
            let mut matrix = vec![0.1; n * n];
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("a pool of threads");
            pool.install(|| add_outer(&mut matrix, n, 0, 0.3, a.as_ref()));
            matrix
        });
        assert!(
            one.iter()
                .zip(&three)
                .all(|(x, y)| x.to_bits() == y.to_bits())
        );
    }
}
