//! Symmetric matrices in row-major slices of n × n numbers: products added to the lower triangle, one triangle copied
//! to the other. In place, parallel, and the same bits for any number of threads.

use crate::outer_product::add_outer;
use faer::MatRef;
use rayon::prelude::*;

/// Rows of the matrix that are filled together when a triangle is copied.
const MIRROR_BAND: usize = 512;
/// Edge of the tiles of such a copy: of both triangles a tile stays in the first-level cache.
const TILE: usize = 32;

/// Add `Xᵀ X` to the lower triangle of `matrix`; `x` is row-major, any number of rows × n.
pub fn add_gram(matrix: &mut [f64], n: usize, x: &[f64]) {
    let x = MatRef::from_row_major_slice(x, x.len() / n.max(1), n);
    add_outer(matrix, n, 0, 1.0, x.transpose());
}

/// As [`add_gram`], where only `columns` of `x` (ascending) hold numbers other than zero.
pub fn add_gram_of_columns(matrix: &mut [f64], n: usize, x: &[f64], columns: &[usize]) {
    let own = columns.len();
    let mut sums = vec![0.0; own * own];
    add_gram(&mut sums, own, &packed(x, n, columns));
    let rows = matrix.par_chunks_mut(n.max(1)).enumerate();
    rows.for_each(|(k, row)| {
        if let Ok(i) = columns.binary_search(&k) {
            for (&j, sum) in columns[..=i].iter().zip(&sums[i * own..]) {
                row[j] += sum;
            }
        }
    });
}

/// Some columns of row-major `x`, any number of rows × n.
pub(crate) fn packed(x: &[f64], n: usize, columns: &[usize]) -> Vec<f64> {
    let own = columns.len();
    let mut out = vec![0.0; x.len() / n.max(1) * own];
    let rows = out.par_chunks_mut(own.max(1)).zip(x.par_chunks(n.max(1)));
    rows.for_each(|(out, row)| {
        for (value, &k) in out.iter_mut().zip(columns) {
            *value = row[k];
        }
    });
    out
}

/// Copy the lower triangle of a matrix to the upper one.
pub fn mirror_lower(matrix: &mut [f64], n: usize) {
    for start in (0..n).step_by(MIRROR_BAND) {
        let end = n.min(start + MIRROR_BAND);
        let (above, below) = matrix.split_at_mut(end * n);
        let band = &mut above[start * n..];
        copy_transposed(band, n, end..n, below, end, start);
        mirror_small(band, n, start, |matrix, i, j| {
            matrix[j * n + i] = matrix[i * n + j];
        });
    }
}

/// Copy the upper triangle of a matrix to the lower one.
pub fn mirror_upper(matrix: &mut [f64], n: usize) {
    for start in (0..n).step_by(MIRROR_BAND) {
        let end = n.min(start + MIRROR_BAND);
        let (above, below) = matrix.split_at_mut(start * n);
        let band = &mut below[..(end - start) * n];
        copy_transposed(band, n, 0..start, above, 0, start);
        mirror_small(band, n, start, |matrix, i, j| {
            matrix[i * n + j] = matrix[j * n + i];
        });
    }
}

/// `band[i][j] = other[j − first][top + i]` for all rows i of the band and all j in `columns`.
fn copy_transposed(
    band: &mut [f64],
    n: usize,
    columns: std::ops::Range<usize>,
    other: &[f64],
    first: usize,
    top: usize,
) {
    band.par_chunks_mut(TILE * n)
        .enumerate()
        .for_each(|(k, rows)| {
            let top = top + k * TILE;
            for left in columns.clone().step_by(TILE) {
                let right = columns.end.min(left + TILE);
                for (i, row) in rows.chunks_exact_mut(n).enumerate() {
                    for (j, value) in (left..right).zip(&mut row[left..right]) {
                        *value = other[(j - first) * n + top + i];
                    }
                }
            }
        });
}

/// Call `copy(band, i, j)` for all i > j of the square diagonal block of a band whose first row is `start`; the band is
/// shifted so that rows and columns have the same indices.
fn mirror_small(band: &mut [f64], n: usize, start: usize, copy: impl Fn(&mut [f64], usize, usize)) {
    let height = band.len() / n.max(1);
    let shifted = &mut band[start..];
    for i in 0..height {
        for j in 0..i {
            copy(shifted, i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than one band of each kind, none of them full.
    const N: usize = 2 * MIRROR_BAND + 77;

    fn numbers(count: usize) -> Vec<f64> {
        (0..count)
            .map(|k| ((k * k + 7 * k) % 1013) as f64 - 500.0)
            .collect()
    }

    #[test]
    fn test_triangles_are_mirrored_and_the_source_is_left_alone() {
        let matrix = numbers(N * N);
        let (mut from_lower, mut from_upper) = (matrix.clone(), matrix.clone());
        mirror_lower(&mut from_lower, N);
        mirror_upper(&mut from_upper, N);
        for i in 0..N {
            for j in 0..=i {
                let (lower, upper) = (matrix[i * N + j], matrix[j * N + i]);
                for (mirrored, source) in [(&from_lower, lower), (&from_upper, upper)] {
                    let pair = [mirrored[i * N + j], mirrored[j * N + i]];
                    assert_eq!(pair.map(f64::to_bits), [source.to_bits(); 2]);
                }
            }
        }
    }

    #[test]
    fn test_columns_of_zeros_need_not_be_multiplied() {
        let (n, rows) = (301, 262);
        let columns: Vec<usize> = (0..n).filter(|k| k % 3 == 1).collect();
        let mut x = numbers(rows * n);
        for row in x.chunks_exact_mut(n) {
            for (k, value) in row.iter_mut().enumerate() {
                *value *= f64::from(u8::from(k % 3 == 1));
            }
        }
        let (mut all, mut some) = (numbers(n * n), numbers(n * n));
        add_gram(&mut all, n, &x);
        add_gram_of_columns(&mut some, n, &x, &columns);
        assert_eq!(all, some); // small integers: exact
    }

    #[test]
    fn test_products_are_added_to_the_lower_triangle_only() {
        let (n, rows) = (613, 262);
        let (x, before) = (numbers(rows * n), numbers(n * n));
        let mut matrix = before.clone();
        add_gram(&mut matrix, n, &x);
        for i in 0..n {
            for j in 0..n {
                // Small integers: exact.
                let sum: f64 = (0..rows).map(|r| x[r * n + i] * x[r * n + j]).sum();
                let added = if j <= i { sum } else { 0.0 };
                assert!(
                    (matrix[i * n + j] - before[i * n + j] - added).abs() < 0.5,
                    "{i} {j}"
                );
            }
        }
    }
}
