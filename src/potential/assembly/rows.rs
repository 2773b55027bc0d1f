//! Evaluation with the neighbours that a host lists: a molecular-dynamics code with its ghost atoms.
//!
//! Every atom and every ghost is a position of its own; periodicity is the business of the host, which adds the forces on
//! ghosts to those of the atoms they stand for.

use super::clusters::Clusters;
use super::{Assembly, Output, Scratch, check_length, widest};
use crate::geometry::Vector;
use crate::neighbors::Images;
use crate::potential::Potential;
use crate::{Error, Result};

/// Rows of neighbours in compressed form, one row for each centre.
///
/// The cutoff of the rows may exceed that of the potential, by a skin for example: pairs beyond the cutoff add nothing.
/// A neighbour listed twice counts twice.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Element of each position, as an index into the elements of the basis; None for atoms of other potentials, which
    /// are passed over, `[n_positions]`.
    pub species: &'a [Option<u16>],
    /// The positions that have an energy, each once: the atoms that the host owns, `[n_centers]`.
    pub centers: &'a [u32],
    /// Row k is `neighbors[starts[k]..starts[k + 1]]`, `[n_centers + 1]`.
    pub starts: &'a [usize],
    /// Neighbours as numbers of positions: all of a centre, whichever of them are centres themselves.
    pub neighbors: &'a [u32],
}

impl Rows<'_> {
    fn check(&self) -> Result<()> {
        check_length("starts of rows", self.centers.len() + 1, self.starts.len())?;
        let ends = (self.starts[0], self.starts[self.centers.len()]);
        if ends == (0, self.neighbors.len()) && self.starts.is_sorted() {
            return Ok(());
        }
        Err(Error::NeighborRows(format!(
            "starts must ascend from 0 to the number of neighbours, {}",
            self.neighbors.len()
        )))
    }
}

/// Neighbours wherever the host has them: `row(k)` goes through those of centre k. The rest is as in [`Rows`].
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a, F> {
    /// Element of each position, `[n_positions]`.
    pub species: &'a [Option<u16>],
    /// The positions that have an energy, each once, `[n_centers]`.
    pub centers: &'a [u32],
    /// Neighbours of a centre as numbers of positions.
    pub row: F,
}

impl<F: Fn(usize) -> I, I: ExactSizeIterator<Item = u32>> Surroundings<'_, F> {
    /// Number of the row of each position that is a centre, after a check of everything.
    fn checked(&self, n_species: usize) -> Result<Vec<u32>> {
        let fail = |message: String| Err(Error::NeighborRows(message));
        let n_positions = self.species.len();
        let known = |s: u16| usize::from(s) < n_species;
        if let Some(i) = { self.species.iter() }.position(|s| s.is_some_and(|s| !known(s))) {
            return fail(format!(
                "position {i} has species {:?}, but the potential knows {n_species}",
                self.species[i].unwrap_or_default()
            ));
        }
        let mut row_of = vec![NO_ROW; n_positions];
        for (k, &center) in self.centers.iter().enumerate() {
            let Some(place) = row_of.get_mut(center as usize) else {
                return fail(format!(
                    "centre {center} is not among the {n_positions} positions"
                ));
            };
            if std::mem::replace(place, k as u32) != NO_ROW {
                return fail(format!("centre {center} is given twice"));
            }
            if self.species[center as usize].is_none() {
                return fail(format!("centre {center} has no species"));
            }
            for neighbor in (self.row)(k) {
                if neighbor as usize >= n_positions {
                    return fail(format!(
                        "neighbour {neighbor} of centre {center} is not among the {n_positions} positions"
                    ));
                }
                if neighbor == center {
                    return fail(format!("centre {center} is its own neighbour"));
                }
            }
        }
        Ok(row_of)
    }
}

/// The row of a position that is no centre; there are fewer positions than this.
const NO_ROW: u32 = u32::MAX;

/// The order in which centres follow each other through boxes of this width (Å), as indices into `centers`: what is near
/// in space is then near in memory. Centres that are not among the positions come last.
#[must_use]
pub fn order_in_space(centers: &[u32], positions: &[Vector], width: f64) -> Vec<u32> {
    let place = |k: &u32| {
        let r = positions.get(centers[*k as usize] as usize);
        // Casts saturate and make zero of NaN.
        r.map_or([i64::MAX; 3], |r| r.map(|x| (x / width).floor() as i64))
    };
    let mut order: Vec<u32> = (0..centers.len() as u32).collect();
    order.sort_by_cached_key(place);
    order
}

/// [`Rows`] prepared for evaluation; they are good as long as the host keeps its list.
#[derive(Debug, Clone)]
pub struct RowList {
    clusters: Clusters,
    n_positions: usize,
}

impl RowList {
    /// Number of positions, centres and others.
    #[must_use]
    pub fn n_positions(&self) -> usize {
        self.n_positions
    }

    /// Memory that it occupies.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.clusters.n_bytes()
    }
}

impl Potential {
    /// Check and copy the rows of neighbours of a host, whenever it has made new ones or atoms have changed their element.
    ///
    /// # Errors
    /// [`Error::NeighborRows`] and [`Error::Length`] for rows that contradict themselves or the potential.
    pub fn row_list(&self, rows: &Rows) -> Result<RowList> {
        rows.check()?;
        self.row_list_from(&Surroundings {
            species: rows.species,
            centers: rows.centers,
            row: |k| {
                rows.neighbors[rows.starts[k]..rows.starts[k + 1]]
                    .iter()
                    .copied()
            },
        })
    }

    /// [`Potential::row_list`] of neighbours that lie elsewhere than in one array.
    ///
    /// # Errors
    /// [`Error::NeighborRows`] for rows that contradict themselves or the potential.
    pub fn row_list_from<F, I>(&self, host: &Surroundings<F>) -> Result<RowList>
    where
        F: Fn(usize) -> I + Sync,
        I: ExactSizeIterator<Item = u32>,
    {
        let n_species = self.basis().n_species();
        let n_positions = host.species.len();
        if n_positions >= NO_ROW as usize {
            let message = format!("{n_positions} positions are more than 32 bits count");
            return Err(Error::NeighborRows(message));
        }
        let row_of = host.checked(n_species)?;
        let row = |center: u32| (host.row)(row_of[center as usize] as usize);
        // No species of the potential has this number: such neighbours are in no row of a cluster.
        let species: Vec<u16> = { host.species.iter() }
            .map(|s| s.unwrap_or(u16::MAX))
            .collect();
        Ok(RowList {
            clusters: Clusters::from_rows(host.centers, row, &species, n_species),
            n_positions,
        })
    }

    /// Add energies and virials of the centres and the forces on all positions (Å) to `output`. Call inside the pool that
    /// is to do the work, or outside any to do it alone; what is added is the same for any number of threads.
    ///
    /// # Errors
    /// [`Error::Length`] for arrays of another length than the list has positions, [`Error::NonFinitePosition`],
    /// [`Error::Overlap`], [`Error::NotFinite`], [`Error::NoIndex`]; nothing is added then.
    pub fn evaluate_rows(
        &self,
        list: &RowList,
        positions: &[Vector],
        output: Output,
        scratch: &mut Scratch,
    ) -> Result<()> {
        check_length("positions", list.n_positions, positions.len())?;
        check_length(
            "species of the potential",
            list.clusters.n_species(),
            self.basis().n_species(),
        )?;
        output.check(list.n_positions)?;
        let finite = |r: &Vector| r.iter().all(|x| x.is_finite());
        if let Some(atom) = positions.iter().position(|r| !finite(r)) {
            return Err(Error::NonFinitePosition { atom });
        }
        let assembly = Assembly {
            centers: self.plans(),
            clusters: &list.clusters,
            images: Images {
                positions,
                translations: &[[0.0; 3]],
            },
        };
        assembly.add_to(output, scratch, &widest)
    }
}
