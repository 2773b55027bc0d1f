//! Three-vectors and the simulation cell.

use crate::{Error, Result};

/// A vector of Cartesian components, Å unless said otherwise.
pub type Vector = [f64; 3];

/// Smallest height of a cell along a periodic lattice vector, Å: no crystal comes close.
pub const MIN_HEIGHT: f64 = 0.1;

/// Largest magnitude of a Cartesian component of positions and lattice vectors, Å.
///
/// With [`MIN_HEIGHT`] it keeps image indices below 2^29, so that sums of them fit into `i32`.
pub const MAX_COORDINATE: f64 = 1e7;

/// Scalar product.
#[must_use]
pub fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Vector product `a × b`.
#[must_use]
pub fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// Euclidean length.
#[must_use]
pub fn norm(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

/// `a − b`.
#[must_use]
pub fn sub(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `factor · a`.
#[must_use]
pub fn scale(a: Vector, factor: f64) -> Vector {
    [a[0] * factor, a[1] * factor, a[2] * factor]
}

/// Row vector times matrix, `Σ_k coefficients[k] · rows[k]`.
#[must_use]
pub fn combine(coefficients: Vector, rows: &[Vector; 3]) -> Vector {
    let [a, b, c] = coefficients;
    std::array::from_fn(|x| a * rows[0][x] + b * rows[1][x] + c * rows[2][x])
}

/// A simulation cell: lattice vectors as rows, and the directions in which it repeats.
///
/// Any handedness, any skew, any mix of periodic directions. The vectors of non-periodic directions are kept as
/// given (they may be zero) and never used for images.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    vectors: [Vector; 3],
    pbc: [bool; 3],
    frame: BinningFrame,
}

impl Cell {
    /// Checks lattice vectors (rows, Å) and their periodicity.
    ///
    /// # Errors
    /// [`Error::NonFiniteCell`], [`Error::FarCell`] beyond [`MAX_COORDINATE`], and [`Error::FlatCell`] if the periodic
    /// vectors are not independent, or the height along one of them is below [`MIN_HEIGHT`].
    pub fn new(vectors: [Vector; 3], pbc: [bool; 3]) -> Result<Self> {
        for (axis, vector) in vectors.iter().enumerate() {
            if !vector.iter().all(|x| x.is_finite()) {
                return Err(Error::NonFiniteCell { axis });
            }
            if vector.iter().any(|x| x.abs() > MAX_COORDINATE) {
                let limit = MAX_COORDINATE;
                return Err(Error::FarCell { axis, limit });
            }
        }
        let frame = BinningFrame::new(&vectors, pbc)?;
        Ok(Self {
            vectors,
            pbc,
            frame,
        })
    }

    /// A cell without periodicity, for molecules and clusters.
    #[must_use]
    pub fn open() -> Self {
        let (vectors, pbc) = ([[0.0; 3]; 3], [false; 3]);
        let frame = BinningFrame::orthonormal();
        Self {
            vectors,
            pbc,
            frame,
        }
    }

    /// The lattice vectors as given, rows, Å.
    #[must_use]
    pub fn vectors(&self) -> &[Vector; 3] {
        &self.vectors
    }

    /// Which directions repeat.
    #[must_use]
    pub fn pbc(&self) -> [bool; 3] {
        self.pbc
    }

    /// Volume spanned by the vectors as given, Å³; zero if they do not span space.
    #[must_use]
    pub fn volume(&self) -> f64 {
        let [a, b, c] = self.vectors;
        dot(a, cross(b, c)).abs()
    }

    /// Translation by `image` lattice vectors, Å. Entries of non-periodic directions must be zero.
    #[must_use]
    pub fn translation(&self, image: [i32; 3]) -> Vector {
        debug_assert!((0..3).all(|k| self.pbc[k] || image[k] == 0));
        combine(image.map(f64::from), &self.vectors)
    }

    /// The frame in which atoms are sorted into bins.
    pub(crate) fn frame(&self) -> &BinningFrame {
        &self.frame
    }
}

/// The basis in which atoms are binned: periodic rows are lattice vectors, the others an orthonormal complement.
///
/// This one choice makes zero vectors, skew, left-handed cells and mixed periodicity all the same case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BinningFrame {
    rows: [Vector; 3],
    /// Columns of the inverse of `rows`: fractional coordinate `k` of `r` is `r · reciprocal[k]`, Å⁻¹.
    reciprocal: [Vector; 3],
    heights: Vector,
}

impl BinningFrame {
    fn orthonormal() -> Self {
        let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        Self {
            rows: identity,
            reciprocal: identity,
            heights: [1.0; 3],
        }
    }

    fn new(vectors: &[Vector; 3], pbc: [bool; 3]) -> Result<Self> {
        let rows = complete(vectors, pbc)?;
        let [a, b, c] = rows;
        let determinant = dot(a, cross(b, c));
        let mut reciprocal = [[0.0; 3]; 3];
        let mut heights = [0.0; 3];
        for axis in 0..3 {
            // `complete` has excluded parallel rows: the normal is not zero.
            let normal = cross(rows[(axis + 1) % 3], rows[(axis + 2) % 3]);
            heights[axis] = determinant.abs() / norm(normal);
            if pbc[axis] {
                check_height(axis, heights[axis])?;
            }
            reciprocal[axis] = normal.map(|x| x / determinant);
        }
        Ok(Self {
            rows,
            reciprocal,
            heights,
        })
    }

    /// Rows of the frame, Å (unit vectors, 1 Å, along non-periodic directions).
    pub(crate) fn rows(&self) -> &[Vector; 3] {
        &self.rows
    }

    /// Distance between the faces that row `k` connects, Å.
    pub(crate) fn heights(&self) -> Vector {
        self.heights
    }

    /// Fractional coordinates of a Cartesian point.
    pub(crate) fn fractional(&self, r: Vector) -> Vector {
        self.reciprocal.map(|column| dot(r, column))
    }
}

/// Replaces the rows of non-periodic directions by an orthonormal complement of the periodic ones.
fn complete(vectors: &[Vector; 3], pbc: [bool; 3]) -> Result<[Vector; 3]> {
    for axis in (0..3).filter(|&axis| pbc[axis]) {
        check_height(axis, norm(vectors[axis]))?;
        for other in (0..3).filter(|&other| pbc[other] && other != axis) {
            let area = norm(cross(vectors[axis], vectors[other]));
            check_height(axis, area / norm(vectors[other]))?;
        }
    }
    let mut rows = *vectors;
    match pbc {
        [true, true, true] => {}
        [false, false, false] => rows = BinningFrame::orthonormal().rows,
        _ if pbc.iter().filter(|&&periodic| periodic).count() == 2 => {
            let open = pbc.iter().position(|&periodic| !periodic).unwrap_or(0);
            rows[open] = unit(cross(rows[(open + 1) % 3], rows[(open + 2) % 3]));
        }
        _ => {
            let only = pbc.iter().position(|&periodic| periodic).unwrap_or(0);
            let along = unit(rows[only]);
            // The Cartesian axis most nearly perpendicular to the periodic vector is safely independent of it.
            let mut seed = [0.0; 3];
            let least = (0..3).min_by(|&p, &q| along[p].abs().total_cmp(&along[q].abs()));
            seed[least.unwrap_or(0)] = 1.0;
            rows[(only + 1) % 3] = unit(cross(along, seed));
            rows[(only + 2) % 3] = cross(along, rows[(only + 1) % 3]);
        }
    }
    Ok(rows)
}

fn unit(a: Vector) -> Vector {
    scale(a, norm(a).recip())
}

fn check_height(axis: usize, height: f64) -> Result<()> {
    if height >= MIN_HEIGHT {
        Ok(())
    } else {
        Err(Error::FlatCell { axis, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKEWED: [Vector; 3] = [[4.0, 0.3, -0.2], [9.0, 2.5, 0.1], [-3.0, 1.0, 3.0]];

    fn all_pbc() -> impl Iterator<Item = [bool; 3]> {
        (0..8).map(|bits| [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0])
    }

    #[test]
    fn fractional_coordinates_invert_the_frame_for_every_periodicity() {
        for pbc in all_pbc() {
            let cell = Cell::new(SKEWED, pbc).unwrap();
            let s = [0.3, -1.7, 12.4];
            let back = cell.frame().fractional(combine(s, cell.frame().rows()));
            for k in 0..3 {
                assert!((back[k] - s[k]).abs() < 1e-12, "{pbc:?}: {back:?}");
            }
        }
    }

    #[test]
    fn non_periodic_rows_are_orthonormal_to_everything_else() {
        for pbc in all_pbc() {
            let cell = Cell::new(SKEWED, pbc).unwrap();
            let rows = cell.frame().rows();
            for open in (0..3).filter(|&k| !pbc[k]) {
                assert!((cell.frame().heights()[open] - 1.0).abs() < 1e-12);
                for k in 0..3 {
                    let expected = if k == open { 1.0 } else { 0.0 };
                    assert!((dot(rows[open], rows[k]) - expected).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn volume_ignores_handedness_and_is_zero_without_a_full_cell() {
        let left = [[0.0, 2.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 4.0]];
        let volume = |vectors| Cell::new(vectors, [false; 3]).unwrap().volume();
        assert!((volume(left) - 24.0).abs() < 1e-12);
        assert!(volume([left[0], left[1], [0.0; 3]]).abs() < 1e-12);
        assert!(Cell::open().volume().abs() < 1e-12);
    }

    #[test]
    fn open_equals_a_zero_cell_without_periodicity() {
        assert_eq!(Cell::open(), Cell::new([[0.0; 3]; 3], [false; 3]).unwrap());
    }

    #[test]
    fn flat_periodic_cells_are_refused_and_name_a_culprit() {
        let x = [3.0, 0.0, 0.0];
        let flat = |vectors, pbc| {
            let result = Cell::new(vectors, pbc);
            assert!(matches!(result, Err(Error::FlatCell { .. })), "{result:?}");
        };
        flat([[0.0; 3]; 3], [true, false, false]);
        flat([x, scale(x, 1.0 / 3.0), [0.0; 3]], [true, true, false]);
        flat([x, x, x], [true; 3]);
        flat([x, [0.0, 3.0, 0.0], [1.0, 1.0, 0.09]], [true; 3]);
        let skewed = scale([0.1, 0.2, 0.3], 1.1);
        flat([skewed, scale(skewed, 7.3), scale(skewed, 0.9)], [true; 3]);
        assert!(Cell::new([x, x, x], [false, true, false]).is_ok());
    }

    #[test]
    fn non_finite_and_absurdly_long_vectors_are_refused() {
        let mut vectors = SKEWED;
        vectors[1][2] = f64::NAN;
        let result = Cell::new(vectors, [false; 3]);
        assert_eq!(result, Err(Error::NonFiniteCell { axis: 1 }));
        vectors[1][2] = 1e8;
        let result = Cell::new(vectors, [true; 3]);
        assert!(matches!(result, Err(Error::FarCell { axis: 1, .. })));
    }
}
