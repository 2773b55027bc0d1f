//! The slow and obvious neighbour list, oracle of the fast one.

use super::MAX_CUTOFF;
use crate::geometry::{Vector, norm};
use crate::{Error, Result, Structure};

/// A pair with its image relative to the positions as given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImagePair {
    /// Index of the centre.
    pub center: usize,
    /// Index of the neighbour.
    pub neighbor: usize,
    /// Image `S` of the neighbour: `r_ij = r_j + S·H − r_i`.
    pub image: [i32; 3],
    /// `r_ij`, Å.
    pub displacement: Vector,
}

/// All pairs within `cutoff` (Å), by trying every image that could matter for every two atoms; O(N²).
///
/// # Errors
/// [`Error::Cutoff`] as for [`super::NeighborList::new`].
pub fn brute_force(structure: &Structure, cutoff: f64) -> Result<Vec<ImagePair>> {
    if !(cutoff > 0.0 && cutoff <= MAX_CUTOFF) {
        let limit = MAX_CUTOFF;
        return Err(Error::Cutoff { cutoff, limit });
    }
    let mut pairs = Vec::new();
    for (center, &from) in structure.positions().iter().enumerate() {
        for (neighbor, &to) in structure.positions().iter().enumerate() {
            let apart = std::array::from_fn(|k| to[k] - from[k]);
            for image in images_near(structure, apart, cutoff) {
                let translation = structure.cell().translation(image);
                let displacement: Vector = std::array::from_fn(|k| apart[k] + translation[k]);
                let itself = center == neighbor && image == [0; 3];
                if norm(displacement) <= cutoff && !itself {
                    pairs.push(ImagePair {
                        center,
                        neighbor,
                        image,
                        displacement,
                    });
                }
            }
        }
    }
    Ok(pairs)
}

/// Every image `S` for which `apart + S·H` can be as short as the cutoff.
///
/// Fractional coordinates of a vector of length rc are at most rc / height: `|s_k + S_k| ≤ rc / h_k` is necessary.
fn images_near(structure: &Structure, apart: Vector, cutoff: f64) -> Vec<[i32; 3]> {
    let cell = structure.cell();
    let (fractional, heights) = (cell.frame().fractional(apart), cell.frame().heights());
    let [x, y, z] = std::array::from_fn(|k| {
        if !cell.pbc()[k] {
            return 0..=0;
        }
        let range = cutoff / heights[k];
        let low = (-fractional[k] - range).floor() as i32;
        let high = (-fractional[k] + range).ceil() as i32;
        low..=high
    });
    let mut images = Vec::new();
    for a in x {
        for b in y.clone() {
            images.extend(z.clone().map(|c| [a, b, c]));
        }
    }
    images
}
