//! Rows of neighbours as a host keeps them: one pointer for each centre.

use crate::evaluator::{Evaluator, given};
use crate::status::{Failure, Outcome, Status};
use mlip_rs::potential::assembly::rows::{Surroundings, order_in_space};
use std::ffi::c_int;

/// Neighbours of the centres, as LAMMPS keeps those of a full list.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HostRows {
    /// Number of positions: atoms that the host owns, then ghosts.
    pub n_all: usize,
    /// Species of each position, `[n_all]`; −1 for atoms of other potentials, which are passed over.
    pub species: *const i16,
    /// Positions in Å, `[n_all][3]`, by which centres are sorted so that those near in space are near in memory; null to
    /// keep their order.
    pub positions: *const f64,
    /// Number of centres.
    pub n_centers: usize,
    /// The positions that have an energy, each once, `[n_centers]`.
    pub centers: *const c_int,
    /// Number of neighbours of each position that is a centre, indexed by position.
    pub counts: *const c_int,
    /// Neighbours of each position that is a centre, as numbers of positions, indexed by position.
    pub rows: *const *const c_int,
    /// Bits of a neighbour that are its number; others, such as those of special bonds, are dropped.
    pub mask: c_int,
}

/// Check and copy rows of neighbours; the host may change its own afterwards. Centres of species −1 are passed over.
///
/// After any other status than `Ok` the evaluator has no neighbours.
///
/// # Safety
/// `evaluator` is null or open and used by nobody else meanwhile. `rows` is null or readable, its arrays have the numbers
/// that its fields name (or are null if those are 0), and each row has as many neighbours as `counts` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mlip_set_neighbors(
    evaluator: *mut Evaluator,
    rows: *const HostRows,
) -> Status {
    // SAFETY: null or open, and nobody else uses it.
    let Some(evaluator) = (unsafe { evaluator.as_mut() }) else {
        return Status::BadArgument;
    };
    evaluator.run(|evaluator| {
        evaluator.list = None;
        evaluator.species.clear();
        // SAFETY: null or readable.
        let Some(rows) = (unsafe { rows.as_ref() }) else {
            return Err(Failure::null("rows"));
        };
        // SAFETY: the caller's word on all lengths.
        unsafe { evaluator.set_neighbors(rows) }
    })
}

impl Evaluator {
    /// # Safety
    /// That of [`mlip_set_neighbors`].
    unsafe fn set_neighbors(&mut self, host: &HostRows) -> Outcome<()> {
        // SAFETY: the caller's word on their lengths.
        let (species, listed) = unsafe {
            (
                given(host.species, host.n_all, "species")?,
                given(host.centers, host.n_centers, "centers")?,
            )
        };
        let mut centers = centers(listed, species)?;
        if !host.positions.is_null() {
            // SAFETY: not null, and the caller's word on its length.
            let positions = unsafe { given(host.positions.cast(), host.n_all, "positions")? };
            let width = BOX * self.core.cutoff();
            let order = order_in_space(&centers, positions, width);
            centers = order.into_iter().map(|k| centers[k as usize]).collect();
        }
        let rows = { centers.iter() }
            .map(|center| {
                // SAFETY: the centre is below n_all, and the caller's word on the rest.
                unsafe { host.row(*center) }
            })
            .collect::<Outcome<Vec<&[c_int]>>>()?;
        let mask = host.mask;
        let known: Vec<Option<u16>> = species.iter().map(|s| u16::try_from(*s).ok()).collect();
        let surroundings = Surroundings {
            species: &known,
            centers: &centers,
            // A negative number becomes one that no position has.
            row: |k: usize| rows[k].iter().map(move |j| (j & mask) as u32),
        };
        self.list = Some(self.core.row_list_from(&surroundings)?);
        self.species.extend_from_slice(species);
        Ok(())
    }
}

/// Width of the boxes that centres are sorted by, in cutoffs.
const BOX: f64 = 0.5;

/// The centres that have a species.
fn centers(listed: &[c_int], species: &[i16]) -> Outcome<Vec<u32>> {
    let mut centers = Vec::with_capacity(listed.len());
    for &center in listed {
        let own = usize::try_from(center).ok().and_then(|c| species.get(c));
        let Some(own) = own else {
            return Err(Failure::new(
                Status::BadNeighbors,
                format!(
                    "centre {center} is not among the {} positions",
                    species.len()
                ),
            ));
        };
        if *own >= 0 {
            centers.push(center as u32);
        }
    }
    Ok(centers)
}

impl HostRows {
    /// # Safety
    /// That of [`mlip_set_neighbors`]; `center` is one of the centres.
    unsafe fn row<'a>(&self, center: u32) -> Outcome<&'a [c_int]> {
        if self.counts.is_null() || self.rows.is_null() {
            return Err(Failure::null("counts or rows"));
        }
        let at = center as usize;
        // SAFETY: the caller has an entry for each centre.
        let (count, row) = unsafe { (*self.counts.add(at), *self.rows.add(at)) };
        let Ok(count) = usize::try_from(count) else {
            return Err(Failure::new(
                Status::BadNeighbors,
                format!("centre {center} has {count} neighbours"),
            ));
        };
        // SAFETY: the caller's word on the number of neighbours.
        unsafe { given(row, count, "a row of neighbours") }
    }
}
