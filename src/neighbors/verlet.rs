//! A neighbour list with a skin, kept while atoms move and the cell breathes.

use super::NeighborList;
use crate::geometry::{Vector, combine, dot, norm, scale, sub};
use crate::{Error, Result, Structure};

/// A [`NeighborList`] of cutoff + skin that is rebuilt only when a pair could have come within the cutoff unseen.
///
/// Its rows hold pairs beyond the cutoff, too; whoever evaluates them skips those.
///
/// A list is kept while `(1 − ‖F − 1‖)(rc + skin) − 2 max_i |d_i − c| ≥ rc`, where `F` maps the cell of the list to the
/// present one, `H' = H F`, `‖·‖` is the Frobenius norm, `d_i = r'_i − r_i F` is what atom `i` has moved beyond the
/// strain, and `c` is any vector (the mean of `d`, so that drift costs nothing). Proof: a pair that is not in the list
/// had `v = r_j + S·H − r_i` with `|v| > rc + skin`. It now is `v' = r'_j + S·H' − r'_i = v F + (d_j − c) − (d_i − c)`.
/// Since `|v F| ≥ |v| − |v (F − 1)| ≥ (1 − ‖F − 1‖) |v|`, the criterion gives `|v'| > rc`.
///
/// It covers every change alike: an atom put back by a lattice vector has made a large move.
#[derive(Debug, Clone)]
pub struct VerletList {
    cutoff: f64,
    list: NeighborList,
    reference: Structure,
}

impl VerletList {
    /// Builds the list; `cutoff` and `skin` in Å.
    ///
    /// # Errors
    /// [`Error::Skin`] if the skin is negative or not finite, and those of [`NeighborList::new`] for cutoff + skin.
    pub fn new(structure: &Structure, cutoff: f64, skin: f64) -> Result<Self> {
        if !(skin.is_finite() && skin >= 0.0) {
            return Err(Error::Skin { skin });
        }
        if cutoff.is_nan() || cutoff <= 0.0 {
            let limit = super::MAX_CUTOFF;
            return Err(Error::Cutoff { cutoff, limit });
        }
        let list = NeighborList::new(structure, cutoff + skin)?;
        Ok(Self {
            cutoff,
            list,
            reference: structure.clone(),
        })
    }

    /// Brings the list up to date; true if it had to be rebuilt.
    ///
    /// # Errors
    /// Those of [`NeighborList::new`]; the list then is as before, and belongs to the earlier structure.
    pub fn update(&mut self, structure: &Structure) -> Result<bool> {
        if self.covers(structure) {
            return Ok(false);
        }
        self.list = NeighborList::new(structure, self.list.cutoff())?;
        self.reference.clone_from(structure);
        Ok(true)
    }

    /// The list, of cutoff + skin.
    #[must_use]
    pub fn list(&self) -> &NeighborList {
        &self.list
    }

    /// The cutoff without the skin, Å.
    #[must_use]
    pub fn cutoff(&self) -> f64 {
        self.cutoff
    }

    /// Whether all pairs of the structure within the cutoff are certain to be in the list.
    fn covers(&self, structure: &Structure) -> bool {
        let (old, new) = (&self.reference, structure);
        if old.numbers() != new.numbers() || old.cell().pbc() != new.cell().pbc() {
            return false;
        }
        // Rows of the binning frames: the lattice vectors where periodic, so that S·H' = S·H F for every image, and
        // some orthonormal complement elsewhere. F may rotate open directions needlessly, which costs a rebuild only.
        let (from, to) = (old.cell().frame(), new.cell().frame());
        let unit_rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let deformation: [Vector; 3] = if from == to {
            unit_rows
        } else {
            unit_rows.map(|e| combine(from.fractional(e), to.rows()))
        };
        let strain = norm(std::array::from_fn(|k| {
            norm(sub(deformation[k], unit_rows[k]))
        }));
        let slack = (1.0 - strain) * self.list.cutoff() - self.cutoff;
        if slack < 0.0 {
            return false;
        }
        let moved = |i: usize| -> Vector {
            sub(
                new.positions()[i],
                combine(old.positions()[i], &deformation),
            )
        };
        let mean = mean(new.n_atoms(), moved);
        let limit = 0.25 * slack * slack;
        (0..new.n_atoms()).all(|i| {
            let d = sub(moved(i), mean);
            dot(d, d) <= limit
        })
    }
}

fn mean(n: usize, vector: impl Fn(usize) -> Vector) -> Vector {
    let mut sum = [0.0; 3];
    for i in 0..n {
        let v = vector(i);
        for k in 0..3 {
            sum[k] += v[k];
        }
    }
    scale(sum, 1.0 / n.max(1) as f64)
}
