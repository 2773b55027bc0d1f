//! The reference evaluator: energy forward, forces by one adjoint pass, per atom.

use super::plan::ReferenceCenter;
use crate::Result;
use crate::basis::center_sums::STRAIN;
use crate::environment::{Environment, EnvironmentBuffer};
use crate::neighbors::{Frame, NeighborList};
use crate::potential::{Evaluation, Potential};
use crate::repulsion::Switching;
use crate::structure::Structure;
use rayon::prelude::*;

/// Atoms per task, and tasks whose pair gradients are held at once; fixed, so that sums never depend on the threads.
const CHUNK: usize = 32;
const WAVE: usize = 64 * CHUNK;

/// What one task works on: its scratch memory, the energies and the virials of its atoms.
type Task<'a> = (&'a mut Chunk, (&'a mut [f64], &'a mut [[f64; 6]]));

/// What one task leaves behind.
#[derive(Debug, Default)]
struct Chunk {
    environment: EnvironmentBuffer,
    scratch: Scratch,
    /// (i, j, ∂E_i/∂r_ij) in the order of the atoms.
    gradients: Vec<(u32, u32, [f64; 3])>,
}

impl Potential {
    /// [`Potential::evaluate`] by the reference evaluator: every function computed by itself, every invariant on its own.
    /// Slow and obvious, the oracle of the compiled one. Call inside the pool that is to do the work.
    ///
    /// # Errors
    /// Unknown elements, overlapping atoms and results that are not finite, naming the atom.
    pub fn evaluate_reference(
        &self,
        structure: &Structure,
        list: &NeighborList,
    ) -> Result<Evaluation> {
        let n = structure.n_atoms();
        let species = self.basis().species(structure.numbers())?;
        let frame = list.frame(structure);
        let plans = self.reference();
        let mut out = Evaluation::zero(n);
        let mut chunks: Vec<Chunk> = Vec::new();
        for start in (0..n).step_by(WAVE) {
            let end = (start + WAVE).min(n);
            let n_chunks = (end - start).div_ceil(CHUNK);
            chunks.resize_with(n_chunks.max(chunks.len()), Chunk::default);
            let energies = out.energies[start..end].par_chunks_mut(CHUNK);
            let virials = out.virials[start..end].par_chunks_mut(CHUNK);
            let work = chunks[..n_chunks]
                .par_iter_mut()
                .zip(energies.zip(virials))
                .enumerate();
            let task = |(k, (chunk, (energies, virials))): (usize, Task)| {
                chunk.gradients.clear();
                let first = start + k * CHUNK;
                for (i, (energy, virial)) in (first..).zip(energies.iter_mut().zip(virials)) {
                    (*energy, *virial) =
                        Self::evaluate_atom(plans, list, &frame, &species, i, chunk)?;
                }
                Ok(())
            };
            let results: Vec<Result<()>> = work.map(task).collect();
            results.into_iter().collect::<Result<Vec<()>>>()?;
            for (i, j, g) in chunks[..n_chunks].iter().flat_map(|chunk| &chunk.gradients) {
                for axis in 0..3 {
                    out.forces[*i as usize][axis] += g[axis];
                    out.forces[*j as usize][axis] -= g[axis];
                }
            }
        }
        out.checked(list, &frame)
    }

    fn evaluate_atom(
        plans: &[ReferenceCenter],
        list: &NeighborList,
        frame: &Frame,
        species: &[u16],
        i: usize,
        chunk: &mut Chunk,
    ) -> Result<(f64, [f64; 6])> {
        let center = &plans[usize::from(species[i])];
        chunk
            .environment
            .gather(list, frame, species, i, center.cutoff)?;
        let environment = chunk.environment.environment();
        let energy = center.evaluate(&environment, &mut chunk.scratch);
        let mut virial = [0.0; 6];
        for ((r, g), &j) in environment
            .displacements
            .iter()
            .zip(&chunk.scratch.gradients)
            .zip(chunk.environment.atoms())
        {
            for (v, (a, b)) in virial.iter_mut().zip(STRAIN) {
                *v -= r[a] * g[b];
            }
            // The gradients of an atom and its own image cancel in the forces.
            if j as usize != i {
                chunk.gradients.push((i as u32, j, *g));
            }
        }
        Ok((energy, virial))
    }
}

/// Scratch memory of one worker.
#[derive(Debug, Default)]
pub struct Scratch {
    distances: Vec<f64>,
    values: Vec<f64>,
    slopes: Vec<f64>,
    harmonics: Vec<f64>,
    harmonic_gradients: Vec<f64>,
    invariants: Vec<f64>,
    invariant_adjoints: Vec<f64>,
    primitive: Vec<f64>,
    primitive_adjoints: Vec<f64>,
    order: Vec<f64>,
    order_adjoints: Vec<f64>,
    product_slopes: Vec<f64>,
    harmonic_adjoints: Vec<f64>,
    switching: Switching,
    /// `∂E_i/∂r_ij` of each neighbour of the last environment, eV/Å.
    pub gradients: Vec<[f64; 3]>,
}

impl ReferenceCenter {
    /// Energy of the centre, eV; `scratch.gradients` receives `∂E_i/∂r_ij`.
    pub fn evaluate(&self, environment: &Environment, scratch: &mut Scratch) -> f64 {
        self.sum_over_neighbors(environment, scratch);
        let fitted = self.sum_over_terms(scratch);
        self.adjoint_of_order_parameters(scratch);
        self.gradients(environment, scratch);
        self.reference_energy + self.constant + self.apply_repulsion(environment, fitted, scratch)
    }

    /// `s w·φ + E_rep` from `w·φ`, and its gradients.
    fn apply_repulsion(&self, environment: &Environment, fitted: f64, s: &mut Scratch) -> f64 {
        let Some(repulsion) = &self.repulsion else {
            return fitted;
        };
        let switching = &mut s.switching;
        repulsion.evaluate(environment, switching);
        if !switching.active {
            return fitted;
        }
        let fixed = switching.gradients.iter().zip(&switching.scale_gradients);
        for (gradient, (fixed, dscale)) in s.gradients.iter_mut().zip(fixed) {
            for axis in 0..3 {
                gradient[axis] =
                    switching.scale * gradient[axis] + fitted * dscale[axis] + fixed[axis];
            }
        }
        switching.scale * fitted + switching.energy
    }

    fn n_lm(&self) -> usize {
        self.harmonics
            .as_ref()
            .map_or(0, crate::basis::harmonics::Harmonics::len)
    }

    /// Radial functions and harmonics of each neighbour; d and the order parameters.
    fn sum_over_neighbors(&self, environment: &Environment, s: &mut Scratch) {
        let (n_neighbors, n_radial, n_lm) =
            (environment.neighbors.len(), self.radial.len(), self.n_lm());
        reset(&mut s.distances, n_neighbors);
        reset(&mut s.values, n_neighbors * n_radial);
        reset(&mut s.slopes, n_neighbors * n_radial);
        reset(&mut s.harmonics, n_neighbors * n_lm);
        reset(&mut s.harmonic_gradients, n_neighbors * 3 * n_lm);
        reset(&mut s.invariants, self.n_invariants);
        reset(&mut s.primitive, self.n_primitive);
        for (j, (r, &species)) in environment
            .displacements
            .iter()
            .zip(environment.neighbors)
            .enumerate()
        {
            let distance = (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]).sqrt();
            s.distances[j] = distance;
            let (seen, slope) = self.repulsion.as_ref().map_or((distance, 1.0), |p| {
                p.effective_distance(species.into(), distance)
            });
            let values = &mut s.values[j * n_radial..][..n_radial];
            let slopes = &mut s.slopes[j * n_radial..][..n_radial];
            for ((f, df), function) in values.iter_mut().zip(slopes).zip(&self.radial) {
                (*f, *df) = function.value_and_derivative(seen);
                *df *= slope;
            }
            for pair in self.pairs.iter().filter(|pair| pair.species == species) {
                s.invariants[pair.invariant] += values[pair.radial];
            }
            let Some(harmonics) = &self.harmonics else {
                continue;
            };
            let y = &mut s.harmonics[j * n_lm..][..n_lm];
            let dy = &mut s.harmonic_gradients[j * 3 * n_lm..][..3 * n_lm];
            harmonics.evaluate_with_gradient(r.map(|x| x / distance), y, dy);
            for channel in self.channels.iter().filter(|c| c.species == species) {
                let f = values[channel.radial];
                let order = &mut s.primitive[channel.start..][..channel.len];
                order.iter_mut().zip(&*y).for_each(|(a, y)| *a += f * y);
            }
        }
        reset(&mut s.order, self.n_order);
        for c in &self.combinations {
            let out = s.order[c.to..][..c.len].iter_mut();
            let own = &s.primitive[c.from..][..c.len];
            out.zip(own).for_each(|(o, a)| *o += c.weight * a);
        }
        let n_pair = self.n_invariants - self.products.len();
        self.products
            .evaluate(&s.order, &mut s.invariants[n_pair..], &mut s.product_slopes);
    }

    /// `Σ w·monomial` without the constant, and its derivatives with respect to the invariants.
    fn sum_over_terms(&self, s: &mut Scratch) -> f64 {
        reset(&mut s.invariant_adjoints, self.n_invariants);
        let (x, adjoint) = (&s.invariants, &mut s.invariant_adjoints);
        let mut energy = 0.0;
        for term in &self.terms {
            let w = term.coefficient;
            match *term.monomial.factors() {
                [a] => {
                    energy += w * x[a as usize];
                    adjoint[a as usize] += w;
                }
                [a, b] => {
                    let (a, b) = (a as usize, b as usize);
                    energy += w * x[a] * x[b];
                    adjoint[a] += w * x[b];
                    adjoint[b] += w * x[a];
                }
                [a, b, c] => {
                    let (a, b, c) = (a as usize, b as usize, c as usize);
                    energy += w * x[a] * x[b] * x[c];
                    adjoint[a] += w * x[b] * x[c];
                    adjoint[b] += w * x[a] * x[c];
                    adjoint[c] += w * x[a] * x[b];
                }
                _ => unreachable!("monomials have one to three factors here"),
            }
        }
        energy
    }

    /// `∂E/∂a` of the primitives from the adjoints of the invariants.
    fn adjoint_of_order_parameters(&self, s: &mut Scratch) {
        let n_pair = self.n_invariants - self.products.len();
        reset(&mut s.order_adjoints, self.n_order);
        let adjoints = &s.invariant_adjoints[n_pair..];
        self.products
            .add_adjoints(&s.product_slopes, adjoints, &mut s.order_adjoints);
        reset(&mut s.primitive_adjoints, self.n_primitive);
        for c in &self.combinations {
            let out = s.primitive_adjoints[c.from..][..c.len].iter_mut();
            let own = &s.order_adjoints[c.to..][..c.len];
            out.zip(own).for_each(|(o, a)| *o += c.weight * a);
        }
    }

    /// `∂E_i/∂r_ij = (Σ_n ∂E/∂f_n f_n') r̂ + Σ_lm ∂E/∂Y_lm ∇Y_lm`.
    fn gradients(&self, environment: &Environment, s: &mut Scratch) {
        let (n_radial, n_lm) = (self.radial.len(), self.n_lm());
        s.gradients.clear();
        for (j, (r, &species)) in environment
            .displacements
            .iter()
            .zip(environment.neighbors)
            .enumerate()
        {
            let (values, slopes) = (
                &s.values[j * n_radial..][..n_radial],
                &s.slopes[j * n_radial..][..n_radial],
            );
            let distance = s.distances[j];
            let mut radial = 0.0;
            for pair in self.pairs.iter().filter(|pair| pair.species == species) {
                radial += s.invariant_adjoints[pair.invariant] * slopes[pair.radial];
            }
            let mut tangential = [0.0; 3];
            if n_lm > 0 {
                let y = &s.harmonics[j * n_lm..][..n_lm];
                reset(&mut s.harmonic_adjoints, n_lm);
                for channel in self.channels.iter().filter(|c| c.species == species) {
                    let f = values[channel.radial];
                    let adjoint = &s.primitive_adjoints[channel.start..][..channel.len];
                    let mut sum = 0.0;
                    for ((total, a), y) in s.harmonic_adjoints.iter_mut().zip(adjoint).zip(y) {
                        *total += f * a;
                        sum += a * y;
                    }
                    radial += sum * slopes[channel.radial];
                }
                let dy = &s.harmonic_gradients[j * 3 * n_lm..][..3 * n_lm];
                for (t, dy) in tangential.iter_mut().zip(dy.chunks_exact(n_lm)) {
                    *t = s
                        .harmonic_adjoints
                        .iter()
                        .zip(dy)
                        .map(|(a, g)| a * g)
                        .sum::<f64>()
                        / distance;
                }
            }
            s.gradients.push(std::array::from_fn(|axis| {
                radial * r[axis] / distance + tangential[axis]
            }));
        }
    }
}

fn reset(buffer: &mut Vec<f64>, len: usize) {
    buffer.clear();
    buffer.resize(len, 0.0);
}
