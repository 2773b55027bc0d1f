//! The sums over neighbours and the way back, one cluster at a time.
//!
//! Neighbours stand in blocks of eight, species after species. Values of the radial functions lie in rows
//! `[neighbour][column]`, and with their slopes in blocks `[block][column][neighbour]`, as the harmonics do in
//! `[block][row][neighbour]`: all three products (`A = Σ Y R`; `T = ∂E/∂A · Y` and `H = ∂E/∂A · R`, made together) read
//! contiguous vectors and keep their sums in registers.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::graph::ATOMS;
use super::harmonics::BLOCK;
use super::plan::{CompiledCenter, Segment, SpeciesPlan};
use super::table::{N_COEFFICIENTS, Place, Table};
use crate::basis::repulsion::Handover;
use crate::environment::{Environment, MIN_DISTANCE};
use crate::neighbors::{Cluster, Frame};
use crate::{Error, Result};
use pulp::{Simd, WithSimd};

/// Rows or neighbours whose sums are kept in registers together.
const TILE: usize = 8;

/// What a cluster leaves behind.
pub(super) struct ClusterOutput<'a> {
    /// Energies of its atoms, eV.
    pub energies: &'a mut [f64],
    /// Virials of its atoms, eV.
    pub virials: &'a mut [[f64; 6]],
    /// Forces on its copies, eV/Å.
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
    /// Adjoints of the sums of one atom: those with l = 0 of one species, and the others with columns before rows.
    plain: Vec<f64>,
    turned: Vec<f64>,
    /// Derivatives by the harmonics and by the radial functions of one block.
    by_harmonics: Vec<f64>,
    by_columns: Vec<f64>,
    handover: Handover,
    species: Vec<u16>,
    displacements: Vec<[f64; 3]>,
}

/// The neighbourhood of one atom.
#[derive(Debug, Default)]
struct Lane {
    /// Copies that are neighbours; the padding of a block refers to one past the last copy.
    copies: Vec<u32>,
    /// Displacements (Å), then unit vectors.
    displacements: [Vec<f64>; 3],
    distances: Vec<f64>,
    inverse_distances: Vec<f64>,
    /// Blocks of each species, and where their rows and harmonics begin.
    parts: Vec<Part>,
    /// `[neighbour][column]`.
    rows: Vec<f64>,
    /// `[block][column][neighbour]`.
    values: Vec<f64>,
    slopes: Vec<f64>,
    /// `[block][row][neighbour]`.
    harmonics: Vec<f64>,
    /// Sums over the neighbours.
    sums: Vec<f64>,
    /// `∂E/∂r_ij`, eV/Å.
    gradients: [Vec<f64>; 3],
}

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    first_block: usize,
    end_block: usize,
    rows: usize,
    harmonics: usize,
}

/// How much of the rows and harmonics of a lane is taken.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    rows: usize,
    harmonics: usize,
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
        output.forces.fill([0.0; 3]);
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
        interleave(&scratch.lanes, self.n_sums, &mut scratch.values);
        let mut energies = [0.0; ATOMS];
        self.graph.evaluate(
            simd,
            &mut scratch.values,
            &mut scratch.adjoints,
            &mut energies,
        );
        deinterleave(&scratch.adjoints, self.n_sums, &mut scratch.lanes);
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
            while n % BLOCK != 0 {
                (x[n], y[n], z[n]) = (2.0 * self.cutoff, 0.0, 0.0);
                copies[n] = nobody;
                distances[n] = 4.0 * cutoff2;
                n += 1;
            }
            lane.parts.push(Part {
                first_block,
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
            turned,
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
            let mut adjoints = Adjoints {
                plan,
                plain,
                turned,
                by_harmonics,
                by_columns,
            };
            for block in part.first_block..part.end_block {
                if plan.is_angular() {
                    lane.block_gradient(simd, &mut adjoints, part, block);
                } else {
                    lane.plain_gradient(simd, &adjoints, part, block);
                }
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
            let range = repulsion.crowding_range(s);
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
        if close || repulsion.crowding_onset().is_some_and(crowded) {
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

impl Lane {
    #[inline(always)]
    fn reserve(&mut self, capacity: usize) {
        if self.copies.len() < capacity {
            self.copies.resize(capacity, 0);
            self.distances.resize(capacity, 0.0);
            for axis in &mut self.displacements {
                axis.resize(capacity, 0.0);
            }
        }
    }

    #[inline(always)]
    fn truncate(&mut self, n: usize) {
        self.copies.truncate(n);
        self.distances.truncate(n);
        for axis in &mut self.displacements {
            axis.truncate(n);
        }
    }

    /// Distances from their squares, and unit vectors from displacements.
    #[inline(always)]
    fn normalize<S: Simd>(&mut self, simd: S) {
        let n = self.distances.len();
        resize(&mut self.inverse_distances, n);
        let one = simd.splat_f64s(1.0);
        let (distances, _) = S::as_mut_simd_f64s(&mut self.distances);
        let (inverses, _) = S::as_mut_simd_f64s(&mut self.inverse_distances);
        let [x, y, z] = &mut self.displacements;
        let axes = S::as_mut_simd_f64s(x).0.iter_mut();
        let axes = axes.zip(
            S::as_mut_simd_f64s(y)
                .0
                .iter_mut()
                .zip(S::as_mut_simd_f64s(z).0),
        );
        for ((r, inverse), (x, (y, z))) in distances.iter_mut().zip(inverses).zip(axes) {
            *r = simd.sqrt_f64s(*r);
            *inverse = simd.div_f64s(one, *r);
            *x = simd.mul_f64s(*x, *inverse);
            *y = simd.mul_f64s(*y, *inverse);
            *z = simd.mul_f64s(*z, *inverse);
        }
    }

    #[inline(always)]
    fn unit<S: Simd>(&self, block: usize, sub: usize) -> [S::f64s; 3] {
        let at = block * (BLOCK / S::F64_LANES) + sub;
        let [x, y, z] = &self.displacements;
        [
            S::as_simd_f64s(x).0[at],
            S::as_simd_f64s(y).0[at],
            S::as_simd_f64s(z).0[at],
        ]
    }

    /// Radial functions and harmonics of the neighbours of species `s`, and their sums.
    #[inline(always)]
    fn add_sums<S: Simd>(&mut self, simd: S, plan: &SpeciesPlan, s: usize, used: &mut Used) {
        let (stride, n_rows) = (plan.table.stride(), plan.recursion.n_rows());
        let part = &mut self.parts[s];
        let n_blocks = part.end_block - part.first_block;
        let neighbors = part.first_block * BLOCK..part.end_block * BLOCK;
        (part.rows, part.harmonics) = (used.rows, used.harmonics);
        let part = *part;
        used.rows += n_blocks * BLOCK * stride;
        used.harmonics += n_blocks * n_rows * BLOCK;
        let (rows, harmonics) = (part.rows..used.rows, part.harmonics..used.harmonics);
        grow(&mut self.rows, used.rows);
        grow(&mut self.values, used.rows);
        grow(&mut self.slopes, used.rows);
        grow(&mut self.harmonics, used.harmonics);
        tabulate(
            simd,
            plan,
            &self.distances[neighbors],
            &mut self.rows[rows.clone()],
            &mut self.values[rows.clone()],
            &mut self.slopes[rows.clone()],
        );
        let per_row = BLOCK / S::F64_LANES;
        if plan.is_angular() {
            for block in 0..n_blocks {
                for sub in 0..per_row {
                    let unit = self.unit::<S>(part.first_block + block, sub);
                    let at = part.harmonics + block * n_rows * BLOCK;
                    let out = &mut self.harmonics[at..][..n_rows * BLOCK];
                    let (out, _) = S::as_mut_simd_f64s(out);
                    plan.recursion.evaluate(simd, unit, out, per_row, sub);
                }
            }
        }
        let values = &self.rows[rows];
        let plain = &mut self.sums[plan.plain_start..][..plan.n_plain.next_multiple_of(BLOCK)];
        add_plain(simd, values, stride, plain);
        let harmonics = &self.harmonics[harmonics];
        for segment in &plan.segments {
            let len = (segment.end_row - segment.first_row) * segment.width;
            let out = &mut self.sums[segment.start..][..len];
            let product = Product {
                values,
                stride,
                harmonics,
                n_rows,
                segment,
            };
            product.sum(simd, out);
        }
    }

    /// `∂E/∂r_ij = (Σ_c ∂E/∂f_c f_c') r̂ + Σ_lm ∂E/∂Y_lm ∇Y_lm` of the neighbours of one block.
    #[inline(always)]
    fn block_gradient<S: Simd>(
        &mut self,
        simd: S,
        adjoints: &mut Adjoints,
        part: Part,
        block: usize,
    ) {
        let plan = adjoints.plan;
        let (stride, n_rows) = (plan.table.stride(), plan.recursion.n_rows());
        let own = block - part.first_block;
        let columns = part.rows + own * BLOCK * stride;
        let values = &self.values[columns..][..BLOCK * stride];
        let at = part.harmonics + own * n_rows * BLOCK;
        let harmonics = &self.harmonics[at..][..n_rows * BLOCK];
        adjoints.multiply(simd, harmonics, values);
        let per_row = BLOCK / S::F64_LANES;
        let (slopes, _) = S::as_simd_f64s(&self.slopes[columns..][..BLOCK * stride]);
        let (t, _) = S::as_simd_f64s(adjoints.by_columns);
        let slopes = &slopes[..t.len()];
        let (h, _) = S::as_simd_f64s(adjoints.by_harmonics);
        for sub in 0..per_row {
            let mut sums = [simd.splat_f64s(0.0); 2];
            for c in 0..plan.table.n_columns() {
                let at = c * per_row + sub;
                sums[c % 2] = simd.mul_add_e_f64s(t[at], slopes[at], sums[c % 2]);
            }
            let radial = simd.add_f64s(sums[0], sums[1]);
            let unit = self.unit::<S>(block, sub);
            let place = block * per_row + sub;
            let g = plan.recursion.gradient(simd, unit, h, per_row, sub);
            let inverse = S::as_simd_f64s(&self.inverse_distances).0[place];
            let mut along = simd.mul_f64s(g[0], unit[0]);
            along = simd.mul_add_e_f64s(g[1], unit[1], along);
            along = simd.mul_add_e_f64s(g[2], unit[2], along);
            // (g − (g·r̂) r̂) / r + radial r̂
            let onto = simd.sub_f64s(radial, simd.mul_f64s(along, inverse));
            for axis in 0..3 {
                let tangent = simd.mul_f64s(g[axis], inverse);
                S::as_mut_simd_f64s(&mut self.gradients[axis]).0[place] =
                    simd.mul_add_e_f64s(onto, unit[axis], tangent);
            }
        }
    }

    /// `∂E/∂r_ij = (Σ_c ∂E/∂f_c f_c') r̂` of the neighbours of one block, where no sum has a harmonic.
    #[inline(always)]
    fn plain_gradient<S: Simd>(&mut self, simd: S, adjoints: &Adjoints, part: Part, block: usize) {
        let stride = adjoints.plan.table.stride();
        let rows = part.rows + (block - part.first_block) * BLOCK * stride;
        let slopes = &self.slopes[rows..][..BLOCK * stride];
        let mut radial = [0.0; BLOCK];
        if stride == 1 {
            for (out, slope) in radial.iter_mut().zip(slopes) {
                *out = adjoints.plain[0] * slope;
            }
        } else {
            let (plain, _) = S::as_simd_f64s(adjoints.plain);
            for (out, slopes) in radial.iter_mut().zip(slopes.chunks_exact(stride)) {
                let (slopes, _) = S::as_simd_f64s(slopes);
                let mut sum = simd.splat_f64s(0.0);
                for k in 0..plain.len().min(slopes.len()) {
                    sum = simd.mul_add_e_f64s(plain[k], slopes[k], sum);
                }
                *out = simd.reduce_sum_f64s(sum);
            }
        }
        let place = block * BLOCK..(block + 1) * BLOCK;
        for axis in 0..3 {
            let unit = &self.displacements[axis][place.clone()];
            let out = &mut self.gradients[axis][place.clone()];
            for k in 0..BLOCK {
                out[k] = unit[k] * radial[k];
            }
        }
    }

    /// Give the forces to the atom and its neighbours; gives the virial, eV.
    #[inline(always)]
    fn scatter<S: Simd>(&self, simd: S, atom: usize, forces: &mut [[f64; 3]]) -> [f64; 6] {
        let [gx, gy, gz] = &self.gradients;
        let mut own = [0.0; 3];
        let gradients = gx.iter().zip(gy.iter().zip(gz));
        for (copy, (gx, (gy, gz))) in self.copies.iter().zip(gradients) {
            let g = [*gx, *gy, *gz];
            // The padding belongs to nobody.
            if let Some(force) = forces.get_mut(*copy as usize) {
                for axis in 0..3 {
                    force[axis] -= g[axis];
                    own[axis] += g[axis];
                }
            }
        }
        for axis in 0..3 {
            forces[atom][axis] += own[axis];
        }
        let zero = simd.splat_f64s(0.0);
        let mut sums = [zero; 6];
        let r = S::as_simd_f64s(&self.distances).0;
        let (x, y, z) = (
            S::as_simd_f64s(&self.displacements[0]).0,
            S::as_simd_f64s(&self.displacements[1]).0,
            S::as_simd_f64s(&self.displacements[2]).0,
        );
        let (gx, gy, gz) = (
            S::as_simd_f64s(gx).0,
            S::as_simd_f64s(gy).0,
            S::as_simd_f64s(gz).0,
        );
        for (j, r) in r.iter().enumerate() {
            let (x, y, z) = (
                simd.mul_f64s(x[j], *r),
                simd.mul_f64s(y[j], *r),
                simd.mul_f64s(z[j], *r),
            );
            sums[0] = simd.mul_add_e_f64s(x, gx[j], sums[0]);
            sums[1] = simd.mul_add_e_f64s(y, gy[j], sums[1]);
            sums[2] = simd.mul_add_e_f64s(z, gz[j], sums[2]);
            sums[3] = simd.mul_add_e_f64s(y, gz[j], sums[3]);
            sums[4] = simd.mul_add_e_f64s(x, gz[j], sums[4]);
            sums[5] = simd.mul_add_e_f64s(x, gy[j], sums[5]);
        }
        let mut virial = [0.0; 6];
        for (out, sum) in virial.iter_mut().zip(sums) {
            *out = -simd.reduce_sum_f64s(sum);
        }
        virial
    }
}

/// The adjoints of the sums over one species, and what they make of a block of neighbours.
struct Adjoints<'a> {
    plan: &'a SpeciesPlan,
    /// Those with l = 0, padded.
    plain: &'a [f64],
    /// The others, `[column][row]` in each segment.
    turned: &'a [f64],
    /// `∂E/∂Y_lm`, `[row][neighbour]`; rows that no segment has stay zero.
    by_harmonics: &'a mut [f64],
    /// `∂E/∂f_c`, `[column][neighbour]`.
    by_columns: &'a mut [f64],
}

impl Adjoints<'_> {
    /// `∂E/∂f_c = Σ_lm ∂E/∂a_lmc Y_lm` and `∂E/∂Y_lm = Σ_c ∂E/∂a_lmc f_c` of the neighbours of a block.
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S, harmonics: &[f64], values: &[f64]) {
        let plan = self.plan;
        // What l = 0 contributes is the same for all neighbours.
        let (t, _) = S::as_mut_simd_f64s(self.by_columns);
        let per_row = BLOCK / S::F64_LANES;
        for c in 0..plan.table.n_columns() {
            let adjoint = if c < plan.n_plain { self.plain[c] } else { 0.0 };
            t[c * per_row..(c + 1) * per_row].fill(simd.splat_f64s(adjoint));
        }
        for segment in &plan.segments {
            let n_rows = segment.end_row - segment.first_row;
            let rows = segment.first_row * BLOCK..segment.end_row * BLOCK;
            let columns = segment.column * BLOCK..(segment.column + segment.n_columns) * BLOCK;
            let mut product = TwoProducts::<S> {
                simd,
                adjoints: &self.turned[segment.start..][..n_rows * segment.n_columns],
                n_rows,
                n_columns: segment.n_columns,
                adds: !segment.is_first,
                y: S::as_simd_f64s(&harmonics[rows.clone()]).0,
                f: S::as_simd_f64s(&values[columns.clone()]).0,
                h: S::as_mut_simd_f64s(&mut self.by_harmonics[rows]).0,
                t: S::as_mut_simd_f64s(&mut self.by_columns[columns]).0,
            };
            for sub in 0..BLOCK / S::F64_LANES {
                let mut row = 0;
                if S::F64_LANES == BLOCK {
                    while n_rows - row >= TILE {
                        product.tile::<TILE>(row, sub);
                        row += TILE;
                    }
                }
                while n_rows - row >= 4 {
                    product.tile::<4>(row, sub);
                    row += 4;
                }
                while row < n_rows {
                    product.tile::<1>(row, sub);
                    row += 1;
                }
            }
        }
    }
}

/// `T_c += Σ_r g_rc Y_r` and `H_r (+)= Σ_c g_rc f_c`, which share every broadcast of g.
struct TwoProducts<'a, S: Simd> {
    simd: S,
    /// `[column][row]`.
    adjoints: &'a [f64],
    n_rows: usize,
    n_columns: usize,
    /// Whether H has something already.
    adds: bool,
    y: &'a [S::f64s],
    f: &'a [S::f64s],
    h: &'a mut [S::f64s],
    t: &'a mut [S::f64s],
}

impl<S: Simd> TwoProducts<'_, S> {
    #[inline(always)]
    fn tile<const N: usize>(&mut self, row: usize, sub: usize) {
        let simd = self.simd;
        let per_row = BLOCK / S::F64_LANES;
        let (mut y, mut h) = ([simd.splat_f64s(0.0); N], [simd.splat_f64s(0.0); N]);
        for k in 0..N {
            y[k] = self.y[(row + k) * per_row + sub];
            if self.adds {
                h[k] = self.h[(row + k) * per_row + sub];
            }
        }
        let n = self.n_columns * per_row;
        let (f, t) = (&self.f[..n], &mut self.t[..n]);
        let mut first = row;
        let mut c = sub;
        while c < n {
            let adjoints = &self.adjoints[first..first + N];
            let f = f[c];
            let mut sums = [t[c], simd.splat_f64s(0.0)];
            for k in 0..N {
                let adjoint = simd.splat_f64s(adjoints[k]);
                sums[k % 2] = simd.mul_add_e_f64s(adjoint, y[k], sums[k % 2]);
                h[k] = simd.mul_add_e_f64s(adjoint, f, h[k]);
            }
            t[c] = simd.add_f64s(sums[0], sums[1]);
            first += self.n_rows;
            c += per_row;
        }
        for k in 0..N {
            self.h[(row + k) * per_row + sub] = h[k];
        }
    }
}

/// `a_{lm,c} = Σ_j Y_lm(j) f_c(j)`.
struct Product<'a> {
    values: &'a [f64],
    stride: usize,
    harmonics: &'a [f64],
    n_rows: usize,
    segment: &'a Segment,
}

impl Product<'_> {
    #[inline(always)]
    fn sum<S: Simd>(&self, simd: S, out: &mut [f64]) {
        let segment = self.segment;
        let n_rows = segment.end_row - segment.first_row;
        let per_sum = segment.width / S::F64_LANES;
        let (out, _) = S::as_mut_simd_f64s(out);
        for v in 0..segment.n_columns.div_ceil(S::F64_LANES) {
            let mut row = 0;
            while n_rows - row >= TILE {
                self.tile::<S, TILE>(simd, out, per_sum, row, v);
                row += TILE;
            }
            if n_rows - row >= 4 {
                self.tile::<S, 4>(simd, out, per_sum, row, v);
                row += 4;
            }
            while row < n_rows {
                self.tile::<S, 1>(simd, out, per_sum, row, v);
                row += 1;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const N: usize>(
        &self,
        simd: S,
        out: &mut [S::f64s],
        per_sum: usize,
        row: usize,
        v: usize,
    ) {
        let (values, _) = S::as_simd_f64s(self.values);
        let per_neighbor = self.stride / S::F64_LANES;
        let mut sums = [simd.splat_f64s(0.0); N];
        let mut at = self.segment.column / S::F64_LANES + v;
        let mut first = (self.segment.first_row + row) * BLOCK;
        while first < self.harmonics.len() {
            let rows = &self.harmonics[first..first + N * BLOCK];
            for j in 0..BLOCK {
                let f = values[at];
                for k in 0..N {
                    let y = simd.splat_f64s(rows[k * BLOCK + j]);
                    sums[k] = simd.mul_add_e_f64s(y, f, sums[k]);
                }
                at += per_neighbor;
            }
            first += self.n_rows * BLOCK;
        }
        for (k, sum) in sums.into_iter().enumerate() {
            out[(row + k) * per_sum + v] = sum;
        }
    }
}

/// Add the rows of radial functions up.
#[inline(always)]
fn add_plain<S: Simd>(simd: S, values: &[f64], stride: usize, out: &mut [f64]) {
    if stride == 1 {
        let mut sums = [0.0; BLOCK];
        for block in values.as_chunks::<BLOCK>().0 {
            for k in 0..BLOCK {
                sums[k] += block[k];
            }
        }
        out[0] = sums.iter().sum();
        return;
    }
    let (values, _) = S::as_simd_f64s(values);
    let (out, _) = S::as_mut_simd_f64s(out);
    let per_row = stride / S::F64_LANES;
    for (v, out) in out.iter_mut().enumerate() {
        let (mut even, mut odd) = (simd.splat_f64s(0.0), simd.splat_f64s(0.0));
        for pair in values.chunks_exact(2 * per_row) {
            even = simd.add_f64s(even, pair[v]);
            odd = simd.add_f64s(odd, pair[per_row + v]);
        }
        *out = simd.add_f64s(even, odd);
    }
}

/// Values of all columns at some distances in rows, values and slopes by column.
#[inline(always)]
fn tabulate<S: Simd>(
    simd: S,
    plan: &SpeciesPlan,
    distances: &[f64],
    rows: &mut [f64],
    values: &mut [f64],
    slopes: &mut [f64],
) {
    let table = &plan.table;
    let stride = table.stride();
    if stride == 1 {
        tabulate_one(table, distances, rows, slopes);
        return;
    }
    let per_row = stride / S::F64_LANES;
    let inverse_step = simd.splat_f64s(table.inverse_step());
    let len = BLOCK * stride;
    let blocks = distances
        .chunks_exact(BLOCK)
        .zip(rows.chunks_exact_mut(len))
        .zip(
            values
                .chunks_exact_mut(len)
                .zip(slopes.chunks_exact_mut(len)),
        );
    for ((distances, rows), (values, slopes)) in blocks {
        // Slopes that are to be turned over are made where the values by column will be.
        let made = if plan.is_angular() {
            &mut *values
        } else {
            &mut *slopes
        };
        let of_neighbors = rows
            .chunks_exact_mut(stride)
            .zip(made.chunks_exact_mut(stride));
        for (r, (value, slope)) in distances.iter().zip(of_neighbors) {
            match table.place(*r) {
                Place::Interval(interval, t) => {
                    let (c, _) = S::as_simd_f64s(table.interval(interval));
                    let (value, _) = S::as_mut_simd_f64s(value);
                    let (slope, _) = S::as_mut_simd_f64s(slope);
                    let c = &c[..N_COEFFICIENTS * per_row];
                    let t = simd.splat_f64s(t);
                    for (v, (value, slope)) in value.iter_mut().zip(slope).enumerate() {
                        let mut f = c[5 * per_row + v];
                        let mut df = f;
                        f = simd.mul_add_e_f64s(f, t, c[4 * per_row + v]);
                        for k in (0..4).rev() {
                            df = simd.mul_add_e_f64s(df, t, f);
                            f = simd.mul_add_e_f64s(f, t, c[k * per_row + v]);
                        }
                        *value = f;
                        *slope = simd.mul_f64s(df, inverse_step);
                    }
                }
                Place::Exact => {
                    value.fill(0.0);
                    slope.fill(0.0);
                    table.exact(*r, value, slope);
                }
            }
        }
        if plan.is_angular() {
            turn(values, stride, plan.table.n_columns(), slopes);
            turn(rows, stride, plan.n_turned, values);
        }
    }
}

/// [`tabulate`] for a single column.
#[inline(always)]
fn tabulate_one(table: &Table, distances: &[f64], values: &mut [f64], slopes: &mut [f64]) {
    for ((r, value), slope) in distances.iter().zip(values).zip(slopes) {
        let Place::Interval(interval, t) = table.place(*r) else {
            table.exact(*r, std::slice::from_mut(value), std::slice::from_mut(slope));
            continue;
        };
        let c = table.interval(interval);
        let (mut f, mut df) = (c[N_COEFFICIENTS - 1], 0.0);
        for c in c[..N_COEFFICIENTS - 1].iter().rev() {
            df = df * t + f;
            f = f * t + c;
        }
        (*value, *slope) = (f, df * table.inverse_step());
    }
}

/// `[neighbour][column]` to `[column][neighbour]` for the first columns.
#[inline(always)]
fn turn(from: &[f64], stride: usize, n_columns: usize, to: &mut [f64]) {
    let (to, _) = to.as_chunks_mut::<BLOCK>();
    let (groups, _) = to.as_chunks_mut::<BLOCK>();
    for (g, group) in groups
        .iter_mut()
        .enumerate()
        .take(n_columns.div_ceil(BLOCK))
    {
        let mut block = [[0.0; BLOCK]; BLOCK];
        for (j, row) in block.iter_mut().enumerate() {
            row.copy_from_slice(&from[j * stride + g * BLOCK..][..BLOCK]);
        }
        for (c, column) in group.iter_mut().enumerate() {
            for (j, value) in column.iter_mut().enumerate() {
                *value = block[j][c];
            }
        }
    }
}

/// The sums of all lanes, `[sum][ATOMS]`.
#[inline(always)]
fn interleave(lanes: &[Lane], n_sums: usize, out: &mut [f64]) {
    let sources: [&[f64]; ATOMS] = std::array::from_fn(|k| &lanes[k].sums[..n_sums]);
    let (out, _) = out[..n_sums * ATOMS].as_chunks_mut::<ATOMS>();
    let (groups, _) = out.as_chunks_mut::<ATOMS>();
    // Sums come in groups of eight: a block is transposed at a time.
    for (g, group) in groups.iter_mut().enumerate() {
        let block: [&[f64; ATOMS]; ATOMS] =
            std::array::from_fn(|k| &sources[k].as_chunks::<ATOMS>().0[g]);
        for (n, node) in group.iter_mut().enumerate() {
            for (lane, value) in node.iter_mut().enumerate() {
                *value = block[lane][n];
            }
        }
    }
}

/// The adjoints of the sums of all lanes, from `[sum][ATOMS]` to where the sums of each were.
#[inline(always)]
fn deinterleave(adjoints: &[f64], n_sums: usize, lanes: &mut [Lane]) {
    let (nodes, _) = adjoints[..n_sums * ATOMS].as_chunks::<ATOMS>();
    let (groups, _) = nodes.as_chunks::<ATOMS>();
    for (g, group) in groups.iter().enumerate() {
        for (k, lane) in lanes.iter_mut().enumerate() {
            let out = &mut lane.sums[g * ATOMS..][..ATOMS];
            for (n, node) in group.iter().enumerate() {
                out[n] = node[k];
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

/// A buffer of this length whose old contents do not matter.
#[inline(always)]
fn resize(buffer: &mut Vec<f64>, len: usize) {
    if buffer.len() != len {
        buffer.resize(len, 0.0);
    }
}

/// A buffer of at least this length whose old contents do not matter.
#[inline(always)]
fn grow(buffer: &mut Vec<f64>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}
