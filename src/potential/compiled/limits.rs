//! The last look at the results of a cluster: none of them is NaN, infinite or absurdly large.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::kernel::ClusterOutput;
use crate::potential::MAX_RESULT;
use crate::potential::assembly::clusters::Cluster;
use crate::{Error, Result};

/// Whether all magnitudes are within [`MAX_RESULT`]; NaN is not. Without a branch for each value, so that it is done in
/// vectors.
#[inline(always)]
fn within(values: &[f64]) -> bool {
    { values.iter() }.fold(true, |fine, x| fine & (x.abs() <= MAX_RESULT))
}

/// Refuse results that are not numbers, while they are still in the cache.
///
/// `positions` are those of the copies, Å.
///
/// # Errors
/// [`Error::NotFinite`], naming an atom and its nearest neighbour.
#[inline(always)]
pub(super) fn check(
    cluster: &Cluster,
    positions: &[[f64; 3]],
    output: &ClusterOutput,
) -> Result<()> {
    let forces = output.forces.as_ref().map_or(&[][..], |f| f.as_flattened());
    let virials = (output.virials.as_ref()).map_or(&[][..], |v| v.as_flattened());
    let centroids = (output.centroid_virials.as_ref()).map_or(&[][..], |v| v.as_flattened());
    if within(output.energies) & within(virials) & within(forces) & within(centroids) {
        return Ok(());
    }
    Err(not_finite(cluster, positions, output))
}

#[cold]
#[inline(never)]
fn not_finite(cluster: &Cluster, positions: &[[f64; 3]], output: &ClusterOutput) -> Error {
    let n = cluster.atoms().len();
    let bad = |values: &[f64]| !within(values);
    let centre = (0..n).find(|&k| {
        bad(&output.energies[k..=k]) || output.virials.as_ref().is_some_and(|v| bad(&v[k]))
    });
    let copy = centre.or_else(|| output.forces.as_ref()?.iter().position(|f| bad(f)));
    let copy =
        copy.or_else(|| (output.centroid_virials.as_ref()?.iter()).position(|virial| bad(virial)));
    let name = |copy: usize| match copy.checked_sub(n) {
        Some(image) => cluster.images()[image].neighbor as usize,
        None => cluster.atoms()[copy] as usize,
    };
    let copy = copy.expect("something is not finite");
    // All pairs of a centre; of another atom, those with a centre of the cluster.
    let n_species = cluster.n_rows() / n.max(1);
    let rows = (0..n).flat_map(|k| (0..n_species).map(move |s| (k, k * n_species + s)));
    let pairs = rows.flat_map(|(k, row)| cluster.row(row).iter().map(move |j| (k, *j as usize)));
    let own = pairs.filter(|&(k, j)| k == copy || (centre.is_none() && j == copy));
    let distance = |(k, j): (usize, usize)| {
        let squares = (0..3).map(|axis| (positions[k][axis] - positions[j][axis]).powi(2));
        (
            squares.sum::<f64>().sqrt(),
            name(if k == copy { j } else { k }),
        )
    };
    let nearest = own.map(distance).min_by(|a, b| a.0.total_cmp(&b.0));
    Error::not_finite(name(copy), nearest)
}
