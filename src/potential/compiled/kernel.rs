//! The sums over neighbours and the way back, one cluster at a time.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::graph::ATOMS;
use super::harmonics::BLOCK;
use super::lane::{Lane, Part, Used, deinterleave, interleave, resize};
use super::plan::CompiledCenter;
use super::products::Adjoints;
use crate::environment::{Environment, MIN_DISTANCE};
use crate::neighbors::{Cluster, Frame};
use crate::repulsion::Switching;
use crate::{Error, Result};
use pulp::{Simd, WithSimd};

/// What a cluster leaves behind.
pub(super) struct ClusterOutput<'a> {
    /// Energies of its atoms, eV.
    pub energies: &'a mut [f64],
    /// Virials of its atoms, eV.
    pub virials: &'a mut [[f64; 6]],
    /// Forces on its copies, eV/Å; zero at first.
    pub forces: &'a mut [[f64; 3]],
}

/// Scratch memory of one worker.
#[derive(Debug, Default)]
pub struct Scratch {
    positions: Vec<[f64; 3]>,
    lanes: Vec<Lane>,
    /// Nodes of the graph, `[node][ATOMS]`.
    values: Vec<f64>,
    adjoints: Vec<f64>,
    /// Adjoints of the sums of one atom: those with l = 0 of one species, those of them that reach beyond the harmonics,
    /// and the others with columns before rows.
    plain: Vec<f64>,
    far: Vec<f64>,
    turned: Vec<f64>,
    /// Values of the radial functions of one block by column, derivatives by the harmonics and by the functions.
    by_block: Vec<f64>,
    by_harmonics: Vec<f64>,
    by_columns: Vec<f64>,
    handover: Switching,
    species: Vec<u16>,
    displacements: Vec<[f64; 3]>,
}

/// One cluster at work.
pub(super) struct ClusterTask<'a> {
    pub centers: &'a [CompiledCenter],
    pub cluster: &'a Cluster,
    pub frame: &'a Frame,
    pub scratch: &'a mut Scratch,
    pub output: ClusterOutput<'a>,
}

impl WithSimd for ClusterTask<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Result<()> {
        let Self {
            centers,
            cluster,
            frame,
            scratch,
            mut output,
        } = self;
        scratch.copy_positions(cluster, frame);
        let mut first = 0;
        for (center, count) in centers.iter().zip(cluster.counts()) {
            let end = first + *count as usize;
            while first < end {
                let batch = first..end.min(first + ATOMS);
                first = batch.end;
                center.batch(simd, cluster, batch, scratch, &mut output)?;
            }
        }
        Ok(())
    }
}

impl Scratch {
    fn copy_positions(&mut self, cluster: &Cluster, frame: &Frame) {
        self.positions.clear();
        self.positions
            .extend(cluster.atoms().iter().map(|i| frame.wrapped[*i as usize]));
        self.positions
            .extend(cluster.images().iter().map(|pair| frame.image(*pair)));
        self.lanes.resize_with(ATOMS, Lane::default);
    }
}

impl CompiledCenter {
    /// Evaluate at most [`ATOMS`] atoms of this element.
    #[inline(always)]
    fn batch<S: Simd>(
        &self,
        simd: S,
        cluster: &Cluster,
        atoms: std::ops::Range<usize>,
        scratch: &mut Scratch,
        output: &mut ClusterOutput,
    ) -> Result<()> {
        let n_nodes = self.graph.n_nodes();
        resize(&mut scratch.values, n_nodes * ATOMS);
        resize(&mut scratch.adjoints, n_nodes * ATOMS);
        for (lane, atom) in scratch.lanes.iter_mut().zip(atoms.clone()) {
            self.gather(cluster, atom, &scratch.positions, lane)?;
            lane.normalize(simd);
            lane.sums.clear();
            lane.sums.resize(self.n_sums, 0.0);
            let mut used = Used::default();
            for (s, plan) in self.species.iter().enumerate() {
                if let Some(plan) = plan {
                    lane.add_sums(simd, plan, s, &mut used);
                }
            }
        }
        for lane in &mut scratch.lanes[atoms.len()..] {
            lane.sums.clear();
            lane.sums.resize(self.n_sums, 0.0);
        }
        interleave(simd, &scratch.lanes, self.n_sums, &mut scratch.values);
        let mut energies = [0.0; ATOMS];
        self.graph.evaluate(
            simd,
            &mut scratch.values,
            &mut scratch.adjoints,
            &mut energies,
        );
        deinterleave(simd, &scratch.adjoints, self.n_sums, &mut scratch.lanes);
        for (k, atom) in atoms.enumerate() {
            self.turn_adjoints(k, scratch);
            self.gradients(simd, k, scratch);
            let learnt = self.hand_over(k, energies[k], scratch);
            output.energies[atom] = self.offset + learnt;
            output.virials[atom] = scratch.lanes[k].scatter(simd, atom, output.forces);
        }
        Ok(())
    }

    /// Neighbours of an atom within the cutoff, in blocks by species.
    #[inline(always)]
    fn gather(
        &self,
        cluster: &Cluster,
        atom: usize,
        positions: &[[f64; 3]],
        lane: &mut Lane,
    ) -> Result<()> {
        let n_species = self.species.len();
        let cutoff2 = self.cutoff * self.cutoff;
        let center = positions[atom];
        let nobody = cluster.n_copies() as u32;
        lane.parts.clear();
        let mut n = 0;
        for species in 0..n_species {
            let row = cluster.row(atom * n_species + species);
            let first_block = n / BLOCK;
            let capacity = n + row.len() + BLOCK;
            lane.reserve(capacity);
            let Lane {
                copies,
                displacements: [x, y, z],
                distances,
                ..
            } = lane;
            let (copies, distances) = (&mut copies[..capacity], &mut distances[..capacity]);
            let (x, y, z) = (&mut x[..capacity], &mut y[..capacity], &mut z[..capacity]);
            let mut closest = f64::INFINITY;
            // Each neighbour is written; the place moves on only if it is near.
            for &copy in row {
                let to = positions[copy as usize];
                let r: [f64; 3] = std::array::from_fn(|k| to[k] - center[k]);
                let squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
                (x[n], y[n], z[n]) = (r[0], r[1], r[2]);
                copies[n] = copy;
                distances[n] = squared;
                closest = closest.min(squared);
                n += usize::from(squared < cutoff2);
            }
            if closest < MIN_DISTANCE * MIN_DISTANCE {
                return Err(overlap(cluster, atom, row, positions));
            }
            let near = self.species[species]
                .as_ref()
                .and_then(|plan| plan.beyond.as_ref());
            let near = near.map(|beyond| {
                let found = lane.near_first(first_block * BLOCK..n, beyond.start * beyond.start);
                first_block * BLOCK + found
            });
            let Lane {
                copies,
                displacements: [x, y, z],
                distances,
                ..
            } = lane;
            while n % BLOCK != 0 {
                (x[n], y[n], z[n]) = (2.0 * self.cutoff, 0.0, 0.0);
                copies[n] = nobody;
                distances[n] = 4.0 * cutoff2;
                n += 1;
            }
            lane.parts.push(Part {
                first_block,
                far_block: near.unwrap_or(n).div_ceil(BLOCK),
                end_block: n / BLOCK,
                ..Part::default()
            });
        }
        lane.truncate(n);
        Ok(())
    }

    /// Adjoints of the sums of lane `k` with columns before rows.
    #[inline(always)]
    fn turn_adjoints(&self, k: usize, scratch: &mut Scratch) {
        resize(&mut scratch.turned, self.n_sums);
        let segments = self
            .species
            .iter()
            .flatten()
            .flat_map(|plan| &plan.segments);
        for segment in segments {
            let n_rows = segment.end_row - segment.first_row;
            let len = n_rows * segment.width;
            // The sums themselves are not needed any more; their adjoints stand in their place.
            let from = &scratch.lanes[k].sums[segment.start..][..len];
            let to = &mut scratch.turned[segment.start..][..len];
            for c in 0..segment.n_columns {
                let column = &mut to[c * n_rows..(c + 1) * n_rows];
                for (row, value) in column.iter_mut().enumerate() {
                    *value = from[row * segment.width + c];
                }
            }
        }
    }

    /// `∂E/∂r_ij` of the neighbours of lane `k`.
    #[inline(always)]
    fn gradients<S: Simd>(&self, simd: S, k: usize, scratch: &mut Scratch) {
        let Scratch {
            lanes,
            plain,
            far,
            turned,
            by_block,
            by_harmonics,
            by_columns,
            ..
        } = scratch;
        let lane = &mut lanes[k];
        let n = lane.distances.len();
        for gradient in &mut lane.gradients {
            resize(gradient, n);
        }
        for (s, plan) in self.species.iter().enumerate() {
            let part = lane.parts[s];
            let Some(plan) = plan else {
                let neighbors = part.first_block * BLOCK..part.end_block * BLOCK;
                for gradient in &mut lane.gradients {
                    gradient[neighbors.clone()].fill(0.0);
                }
                continue;
            };
            plain.clear();
            plain.extend_from_slice(&lane.sums[plan.plain_start..][..plan.n_plain]);
            plain.resize(plan.n_plain.next_multiple_of(BLOCK), 0.0);
            by_harmonics.clear();
            by_harmonics.resize(plan.recursion.n_rows() * BLOCK, 0.0);
            resize(by_columns, plan.table.n_columns() * BLOCK);
            resize(by_block, plan.table.stride() * BLOCK);
            let mut adjoints = Adjoints {
                plan,
                plain,
                turned,
                values: by_block,
                by_harmonics,
                by_columns,
            };
            for block in part.first_block..part.far_block {
                if plan.is_angular() {
                    lane.block_gradient(simd, &mut adjoints, part, block);
                } else {
                    let stride = plan.table.stride();
                    let rows = part.rows + (block - part.first_block) * BLOCK * stride;
                    lane.plain_gradient(simd, adjoints.plain, rows, stride, block);
                }
            }
            let Some(beyond) = &plan.beyond else {
                continue;
            };
            let stride = beyond.stride();
            far.clear();
            far.extend(beyond.columns.iter().map(|c| plain[*c]));
            far.resize(stride.next_multiple_of(BLOCK), 0.0);
            for block in part.far_block..part.end_block {
                let rows = part.far_rows + (block - part.far_block) * BLOCK * stride;
                lane.plain_gradient(simd, far, rows, stride, block);
            }
        }
    }

    /// `s w·φ + E_rep` from `w·φ` of lane `k`; its gradients follow.
    #[inline(always)]
    fn hand_over(&self, k: usize, learnt: f64, scratch: &mut Scratch) -> f64 {
        let Some(repulsion) = &self.repulsion else {
            return learnt;
        };
        let lane = &scratch.lanes[k];
        let mut rho = [0.0; BLOCK];
        let mut close = false;
        for (s, part) in lane.parts.iter().enumerate() {
            let range = repulsion.density_range(s);
            let (scale, outer) = (1.0 / (range * range), repulsion.outer(s));
            let mut closest = [f64::INFINITY; BLOCK];
            let neighbors = part.first_block * BLOCK..part.end_block * BLOCK;
            for block in lane.distances[neighbors].as_chunks::<BLOCK>().0 {
                for k in 0..BLOCK {
                    let x = (1.0 - block[k] * block[k] * scale).max(0.0);
                    rho[k] += x * x * x;
                    closest[k] = closest[k].min(block[k]);
                }
            }
            close |= closest.iter().any(|r| *r < outer);
        }
        let crowded = |onset| rho.iter().sum::<f64>() > onset;
        if close || repulsion.density_onset().is_some_and(crowded) {
            return self.hand_over_for_sure(k, learnt, scratch);
        }
        learnt
    }

    /// The rare case of [`Self::hand_over`].
    #[cold]
    #[inline(never)]
    fn hand_over_for_sure(&self, k: usize, learnt: f64, scratch: &mut Scratch) -> f64 {
        let Some(repulsion) = &self.repulsion else {
            return learnt;
        };
        let (lane, handover) = (&mut scratch.lanes[k], &mut scratch.handover);
        scratch.species.clear();
        scratch.displacements.clear();
        for (s, part) in lane.parts.iter().enumerate() {
            for j in part.first_block * BLOCK..part.end_block * BLOCK {
                scratch.species.push(s as u16);
                let r = lane.distances[j];
                scratch
                    .displacements
                    .push(std::array::from_fn(|axis| lane.displacements[axis][j] * r));
            }
        }
        // The padding lies beyond the cutoff, where nothing repels and nothing crowds.
        let environment = Environment {
            center: 0,
            neighbors: &scratch.species,
            displacements: &scratch.displacements,
        };
        repulsion.evaluate(&environment, handover);
        if !handover.active {
            return learnt;
        }
        for axis in 0..3 {
            let fixed = handover.gradients.iter().zip(&handover.scale_gradients);
            for (g, (fixed, dscale)) in lane.gradients[axis].iter_mut().zip(fixed) {
                *g = handover.scale * *g + learnt * dscale[axis] + fixed[axis];
            }
        }
        handover.scale * learnt + handover.energy
    }
}

#[cold]
#[inline(never)]
fn overlap(cluster: &Cluster, atom: usize, row: &[u32], positions: &[[f64; 3]]) -> Error {
    let distance = |copy: u32| {
        let (a, b) = (positions[atom], positions[copy as usize]);
        (0..3).map(|k| (b[k] - a[k]).powi(2)).sum::<f64>().sqrt()
    };
    let found = row.iter().map(|copy| (distance(*copy), *copy));
    let (distance, copy) = found
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .expect("some neighbour is too close");
    let n_atoms = cluster.atoms().len();
    let other = match (copy as usize).checked_sub(n_atoms) {
        Some(image) => cluster.images()[image].neighbor,
        None => cluster.atoms()[copy as usize],
    };
    let (atom, other) = (cluster.atoms()[atom] as usize, other as usize);
    Error::Overlap {
        atom: atom.min(other),
        other: atom.max(other),
        distance,
    }
}
