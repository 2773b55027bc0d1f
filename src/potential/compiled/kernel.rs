//! The sums over neighbours and the way back, one cluster at a time.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::anomaly::{AnomalyPlan, AnomalyScratch};
use super::graph::ATOMS;
use super::harmonics::BLOCK;
use super::lane::{Lane, Part, Used, deinterleave, interleave, resize};
use super::limits;
use super::plan::{CompiledCenter, SpeciesPlan};
use super::products::Adjoints;
use crate::environment::{Environment, MIN_DISTANCE};
use crate::neighbors::Images;
use crate::potential::assembly::clusters::Cluster;
use crate::repulsion::Switching;
use crate::{Error, Result};
use pulp::{Simd, WithSimd};

/// What a cluster leaves behind; None is not wanted.
pub(in crate::potential) struct ClusterOutput<'a> {
    /// Energies of its centres, eV.
    pub energies: &'a mut [f64],
    /// Forces on its copies, eV/Å; zero at first.
    pub forces: Option<&'a mut [[f64; 3]]>,
    /// Virials of its centres, eV.
    pub virials: Option<&'a mut [[f64; 6]]>,
    /// Centroid virials of its copies, eV; zero at first.
    pub centroid_virials: Option<&'a mut [[f64; 9]]>,
    /// Sums of the index of anomaly on its copies: `Σ s γ²`, and of centres `1 + Σ s`.
    pub anomalies: Option<&'a mut [[f64; 2]]>,
}

impl ClusterOutput<'_> {
    fn wants_gradients(&self) -> bool {
        self.forces.is_some() || self.virials.is_some() || self.centroid_virials.is_some()
    }
}

/// Scratch memory of one worker.
#[derive(Debug, Default)]
pub(in crate::potential) struct WorkerScratch {
    positions: Vec<[f64; 3]>,
    lanes: Vec<Lane>,
    /// Nodes of the graph, `[node][ATOMS]`.
    values: Vec<f64>,
    adjoints: Vec<f64>,
    /// Adjoints of the sums of one atom: those with l = 0 of one species, those of them that go beyond the angular
    /// cutoff, and the others with columns before rows.
    scalars: Vec<f64>,
    outer: Vec<f64>,
    transposed: Vec<f64>,
    /// Values of the radial functions of one block by column, derivatives by the harmonics and by the functions.
    by_block: Vec<f64>,
    by_harmonics: Vec<f64>,
    by_columns: Vec<f64>,
    switching: Switching,
    species: Vec<u16>,
    displacements: Vec<[f64; 3]>,
    anomaly: AnomalyScratch,
}

/// One cluster at work.
pub(in crate::potential) struct ClusterTask<'a> {
    pub centers: &'a [CompiledCenter],
    pub cluster: &'a Cluster,
    pub images: Images<'a>,
    pub scratch: &'a mut WorkerScratch,
    pub output: ClusterOutput<'a>,
}

impl WithSimd for ClusterTask<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Result<()> {
        let Self {
            centers,
            cluster,
            images,
            scratch,
            mut output,
        } = self;
        scratch.copy_positions(cluster, images);
        if output.anomalies.is_some() {
            scratch.anomaly.begin(cluster.n_copies());
        }
        let mut first = 0;
        for (center, count) in centers.iter().zip(cluster.counts()) {
            let end = first + *count as usize;
            while first < end {
                let batch = first..end.min(first + ATOMS);
                first = batch.end;
                center.batch(simd, cluster, batch, scratch, &mut output)?;
            }
        }
        if let Some(anomalies) = &mut output.anomalies {
            anomalies.copy_from_slice(scratch.anomaly.sums());
        }
        limits::check(cluster, &scratch.positions, &output)
    }
}

impl WorkerScratch {
    fn copy_positions(&mut self, cluster: &Cluster, images: Images) {
        self.positions.clear();
        let atoms = cluster.atoms().iter();
        self.positions
            .extend(atoms.map(|i| images.positions[*i as usize]));
        let pairs = cluster.images().iter();
        self.positions.extend(pairs.map(|pair| images.at(*pair)));
        self.lanes.resize_with(ATOMS, Lane::default);
    }

    /// What the atoms of a batch give to the index of anomaly of those around them.
    #[inline(always)]
    fn add_anomalies<S: Simd>(
        &mut self,
        simd: S,
        plan: &AnomalyPlan,
        atoms: std::ops::Range<usize>,
    ) {
        let own = &mut self.anomaly;
        plan.evaluate(simd, &mut self.values, own);
        for (k, (lane, atom)) in self.lanes.iter().zip(atoms).enumerate() {
            let squared = plan.squared(simd, lane, k, own);
            plan.give(simd, lane, atom, squared, own);
        }
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
        scratch: &mut WorkerScratch,
        output: &mut ClusterOutput,
    ) -> Result<()> {
        let n_nodes = self.graph.n_nodes();
        let anomaly = { self.anomaly.as_ref() }.filter(|_| output.anomalies.is_some());
        let n_values = anomaly.map_or(n_nodes, AnomalyPlan::n_nodes);
        resize(&mut scratch.values, n_values * ATOMS);
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
        if let Some(anomaly) = anomaly {
            scratch.add_anomalies(simd, anomaly, atoms.clone());
        }
        let wants_gradients = output.wants_gradients();
        if wants_gradients {
            deinterleave(simd, &scratch.adjoints, self.n_sums, &mut scratch.lanes);
        }
        for (k, atom) in atoms.enumerate() {
            if wants_gradients {
                self.transpose_adjoints(k, scratch);
                self.gradients(simd, k, scratch);
            }
            let fitted = self.apply_repulsion(k, energies[k], scratch);
            output.energies[atom] = self.offset + fitted;
            let lane = &scratch.lanes[k];
            if let Some(forces) = &mut output.forces {
                lane.add_forces(atom, forces);
            }
            if let Some(virials) = &mut output.virials {
                virials[atom] = lane.virial(simd);
            }
            if let Some(virials) = &mut output.centroid_virials {
                lane.add_centroid_virials(virials);
            }
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
        let nobody = cluster.n_copies() as u32;
        lane.parts.clear();
        let mut first = 0;
        for species in 0..n_species {
            let row = cluster.row(atom * n_species + species);
            let (end, closest) = lane.list(row, positions, atom, first, cutoff2);
            if closest < MIN_DISTANCE * MIN_DISTANCE {
                return Err(overlap(cluster, atom, row, positions));
            }
            let plan = self.species[species].as_ref();
            let inner = match plan.and_then(|plan| plan.outer.as_ref()) {
                Some(outer) => first + lane.inner_first(first..end, outer.start * outer.start),
                None => end,
            };
            let padded = lane.pad(end, 2.0 * self.cutoff, nobody);
            lane.parts.push(Part {
                first_block: first / BLOCK,
                outer_block: inner.div_ceil(BLOCK),
                end_block: padded / BLOCK,
                nearest: closest.sqrt(),
                ..Part::default()
            });
            first = padded;
        }
        lane.truncate(first);
        Ok(())
    }

    /// Adjoints of the sums of lane `k` with columns before rows.
    #[inline(always)]
    fn transpose_adjoints(&self, k: usize, scratch: &mut WorkerScratch) {
        resize(&mut scratch.transposed, self.n_sums);
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
            let to = &mut scratch.transposed[segment.start..][..len];
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
    fn gradients<S: Simd>(&self, simd: S, k: usize, scratch: &mut WorkerScratch) {
        let lane = &mut scratch.lanes[k];
        let n = lane.distances.len();
        for gradient in &mut lane.gradients {
            resize(gradient, n);
        }
        for (s, plan) in self.species.iter().enumerate() {
            if let Some(plan) = plan {
                plan.gradients(simd, k, s, scratch);
            } else {
                let lane = &mut scratch.lanes[k];
                let part = lane.parts[s];
                let neighbors = part.first_block * BLOCK..part.end_block * BLOCK;
                for gradient in &mut lane.gradients {
                    gradient[neighbors.clone()].fill(0.0);
                }
            }
        }
    }

    /// `s w·φ + E_rep` from `w·φ` of lane `k`; its gradients follow.
    #[inline(always)]
    fn apply_repulsion(&self, k: usize, fitted: f64, scratch: &mut WorkerScratch) -> f64 {
        let Some(repulsion) = &self.repulsion else {
            return fitted;
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
            return self.switch_to_zbl(k, fitted, scratch);
        }
        fitted
    }

    /// The rare case of [`Self::apply_repulsion`].
    #[cold]
    #[inline(never)]
    fn switch_to_zbl(&self, k: usize, fitted: f64, scratch: &mut WorkerScratch) -> f64 {
        let Some(repulsion) = &self.repulsion else {
            return fitted;
        };
        let (lane, switching) = (&mut scratch.lanes[k], &mut scratch.switching);
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
        repulsion.evaluate(&environment, switching);
        if !switching.active {
            return fitted;
        }
        for axis in 0..3 {
            let fixed = switching.gradients.iter().zip(&switching.scale_gradients);
            for (g, (fixed, dscale)) in lane.gradients[axis].iter_mut().zip(fixed) {
                *g = switching.scale * *g + fitted * dscale[axis] + fixed[axis];
            }
        }
        switching.scale * fitted + switching.energy
    }
}

impl SpeciesPlan {
    /// `∂E/∂r_ij` of the neighbours of species `s` in lane `k`.
    #[inline(always)]
    fn gradients<S: Simd>(&self, simd: S, k: usize, s: usize, scratch: &mut WorkerScratch) {
        let WorkerScratch {
            lanes,
            scalars,
            outer,
            transposed,
            by_block,
            by_harmonics,
            by_columns,
            ..
        } = scratch;
        let lane = &mut lanes[k];
        let part = lane.parts[s];
        scalars.clear();
        scalars.extend_from_slice(&lane.sums[self.scalar_start..][..self.n_scalar]);
        scalars.resize(self.n_scalar.next_multiple_of(BLOCK), 0.0);
        by_harmonics.clear();
        by_harmonics.resize(self.recursion.n_rows() * BLOCK, 0.0);
        resize(by_columns, self.table.n_columns() * BLOCK);
        resize(by_block, self.table.stride() * BLOCK);
        let mut adjoints = Adjoints {
            plan: self,
            scalars,
            transposed,
            values: by_block,
            by_harmonics,
            by_columns,
        };
        for block in part.first_block..part.outer_block {
            if self.is_angular() {
                lane.block_gradient(simd, &mut adjoints, part, block);
            } else {
                let stride = self.table.stride();
                let rows = part.rows + (block - part.first_block) * BLOCK * stride;
                lane.scalar_gradient(simd, adjoints.scalars, rows, stride, block);
            }
        }
        if let Some(plan) = &self.outer {
            let stride = plan.stride();
            outer.clear();
            outer.extend(plan.columns.iter().map(|c| scalars[*c]));
            outer.resize(stride.next_multiple_of(BLOCK), 0.0);
            for block in part.outer_block..part.end_block {
                let rows = part.outer_rows + (block - part.outer_block) * BLOCK * stride;
                lane.scalar_gradient(simd, outer, rows, stride, block);
            }
        }
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
