//! Design rows: the derivatives of one structure's labels with respect to all coefficients.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use crate::basis::Basis;
use crate::basis::local::{BLOCK, LocalInvariants, Placement, complete_center};
use crate::basis::monomials::Run;
use crate::basis::repulsion::Handover;
use crate::environment::EnvironmentBuffer;
use crate::neighbors::NeighborList;
use crate::structure::Structure;
use crate::{Error, Result};
use pulp::{Simd, WithSimd};

/// Rows of one structure, each of [`Basis::n_features`] columns.
#[derive(Debug)]
pub struct RowsMut<'a> {
    /// `∂E/∂w`, one row, eV.
    pub energy: &'a mut [f64],
    /// `∂F/∂w`, 3N rows ordered x, y, z per atom, eV/Å.
    pub forces: &'a mut [f64],
    /// `∂σ/∂w`, six rows xx yy zz yz xz xy, eV/Å³; zero for a structure without volume.
    pub stress: &'a mut [f64],
}

/// Scratch memory of one worker.
#[derive(Debug, Default)]
pub struct DesignWorkspace {
    environment: EnvironmentBuffer,
    local: LocalInvariants,
    slots: Vec<u32>,
    touched: Vec<u32>,
    slot_of_atom: Vec<u32>,
    handover: Handover,
    /// `∂s` and `∂E_rep` by the columns of [`LocalInvariants`].
    scale_gradient: Vec<f64>,
    repulsion_gradient: Vec<f64>,
    repulsion: Vec<f64>,
}

/// Larger features are refused, so that neither gradients nor products of rows overflow.
const MAX_FEATURE: f64 = 1e100;

const NO_SLOT: u32 = u32::MAX;

/// Fill the rows of one structure (they are overwritten).
///
/// # Errors
/// Unknown elements and overlapping atoms, naming the atom; a cell or cutoff that has no neighbour list;
/// [`Error::Overflow`] for features that leave the range of floating-point numbers.
pub fn design_rows(
    basis: &Basis,
    structure: &Structure,
    rows: &mut RowsMut,
    work: &mut DesignWorkspace,
) -> Result<()> {
    let species = basis.species(structure.numbers())?;
    let list = NeighborList::new(structure, basis.cutoff())?;
    let frame = list.frame(structure);
    let volume = structure.cell().volume();
    let stress_scale = if volume > 0.0 { 1.0 / volume } else { 0.0 };
    rows.energy.fill(0.0);
    rows.forces.fill(0.0);
    rows.stress.fill(0.0);
    work.repulsion.clear();
    work.repulsion.resize(7 + 3 * structure.n_atoms(), 0.0);
    work.slot_of_atom.clear();
    work.slot_of_atom.resize(structure.n_atoms(), NO_SLOT);
    for i in 0..structure.n_atoms() {
        work.environment
            .gather(&list, &frame, &species, i, basis.cutoff())?;
        work.assign_slots(i);
        let environment = work.environment.environment();
        work.local
            .evaluate(basis, &environment, &work.slots, work.touched.len());
        work.hand_over(basis, structure.n_atoms(), stress_scale);
        let center = work.environment.environment().center;
        scatter(basis, center, work, rows, stress_scale);
        for &atom in &work.touched {
            work.slot_of_atom[atom as usize] = NO_SLOT;
        }
    }
    // Written so that a NaN is refused.
    if !rows.energy.iter().all(|x| x.abs() <= MAX_FEATURE) {
        let limit = MAX_FEATURE;
        return Err(Error::Overflow { limit });
    }
    Ok(())
}

impl DesignWorkspace {
    /// Number the distinct atoms among the neighbours; slot 0 is the centre.
    fn assign_slots(&mut self, center: usize) {
        self.touched.clear();
        self.touched.push(center as u32);
        self.slot_of_atom[center] = 0;
        self.slots.clear();
        for &atom in self.environment.atoms() {
            let slot = &mut self.slot_of_atom[atom as usize];
            if *slot == NO_SLOT {
                *slot = self.touched.len() as u32;
                self.touched.push(atom);
            }
            self.slots.push(*slot);
        }
    }

    /// What the repulsion adds to the labels of the last structure: energy (eV), 3N forces (eV/Å), 6 stresses (eV/Å³).
    #[must_use]
    pub fn repulsion(&self) -> &[f64] {
        &self.repulsion
    }

    /// `s` of the current centre with its gradient; its repulsion is added to that of the structure.
    fn hand_over(&mut self, basis: &Basis, n_atoms: usize, stress_scale: f64) {
        let environment = self.environment.environment();
        let handover = &mut self.handover;
        match basis.repulsion(environment.center) {
            Some(repulsion) => repulsion.evaluate(&environment, handover),
            None => handover.active = false,
        }
        if !handover.active {
            return;
        }
        let strain = 3 * self.touched.len();
        for (gradient, by_neighbor) in [
            (&mut self.scale_gradient, &handover.scale_gradients),
            (&mut self.repulsion_gradient, &handover.gradients),
        ] {
            gradient.clear();
            gradient.resize(strain + 6, 0.0);
            let neighbors = environment.displacements.iter().zip(&self.slots);
            for ((&displacement, &slot), g) in neighbors.zip(by_neighbor) {
                let slot = slot as usize;
                let place = Placement {
                    displacement,
                    slot,
                    strain,
                };
                place.add(gradient, 1, 0, &g.map(|x| [x]));
            }
            complete_center(gradient, 1, self.touched.len());
        }
        self.repulsion[0] += handover.energy;
        for (slot, &atom) in self.touched.iter().enumerate() {
            for axis in 0..3 {
                self.repulsion[1 + 3 * atom as usize + axis] -=
                    self.repulsion_gradient[3 * slot + axis];
            }
        }
        for k in 0..6 {
            self.repulsion[1 + 3 * n_atoms + k] +=
                stress_scale * self.repulsion_gradient[strain + k];
        }
    }

    /// `s` and `∂s` in one gradient column.
    fn scale(&self, column: usize) -> (f64, f64) {
        if self.handover.active {
            (self.handover.scale, self.scale_gradient[column])
        } else {
            (1.0, 0.0)
        }
    }
}

/// Add the features of one centre to the rows of all atoms it depends on.
fn scatter(
    basis: &Basis,
    center: usize,
    work: &mut DesignWorkspace,
    rows: &mut RowsMut,
    stress_scale: f64,
) {
    let (columns, n) = (basis.n_features(), basis.features_per_center());
    let start = center * n;
    let monomials = basis.monomials();
    if monomials.constant {
        rows.energy[start] += 1.0;
    }
    for run in &monomials.runs {
        let out = &mut rows.energy[start..start + n];
        add_values(run, &work.local.values, work.scale(0).0, out);
    }
    let strain = 3 * work.touched.len();
    for first in (0..work.local.columns()).step_by(BLOCK) {
        work.local.block(basis, first);
        let n_invariants = basis.invariants().len();
        let gradients = work.local.gradients.chunks_exact(n_invariants.max(1));
        for (column, gradient) in (first..).zip(gradients) {
            let (factor, row) = if column < strain {
                let row = 3 * work.touched[column / 3] as usize + column % 3;
                (-1.0, &mut rows.forces[row * columns + start..][..n])
            } else {
                let row = column - strain;
                (stress_scale, &mut rows.stress[row * columns + start..][..n])
            };
            let (scale, dscale) = work.scale(column);
            pulp::Arch::new().dispatch(AddGradients {
                runs: &monomials.runs,
                values: &work.local.values,
                gradient,
                scale: factor * scale,
                dscale: factor * dscale,
                out: row,
            });
        }
    }
}

/// Add `s × prefix × invariant` for one run.
fn add_values(run: &Run, values: &[f64], scale: f64, out: &mut [f64]) {
    let prefix: f64 = run
        .prefix
        .factors()
        .iter()
        .map(|&f| values[f as usize])
        .product::<f64>()
        * scale;
    let out = &mut out[run.offset..run.offset + run.len];
    for (o, v) in out.iter_mut().zip(&values[run.first..]) {
        *o += prefix * v;
    }
}

/// Add `∂(scale × prefix × invariant)` for all runs, by the product rule; `dscale` is `∂scale`.
struct AddGradients<'a> {
    runs: &'a [Run],
    values: &'a [f64],
    gradient: &'a [f64],
    scale: f64,
    dscale: f64,
    out: &'a mut [f64],
}

impl WithSimd for AddGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, gradient) = (self.values, self.gradient);
        for run in self.runs {
            let out = &mut self.out[run.offset..run.offset + run.len];
            let range = run.first..run.first + run.len;
            let (value, slope) = match *run.prefix.factors() {
                [] => (1.0, 0.0),
                [a] => (values[a as usize], gradient[a as usize]),
                [a, b] => {
                    let (a, b) = (a as usize, b as usize);
                    (
                        values[a] * values[b],
                        gradient[a] * values[b] + values[a] * gradient[b],
                    )
                }
                _ => unreachable!("prefixes have at most two factors"),
            };
            let slope = self.scale * slope + self.dscale * value;
            let value = self.scale * value;
            add_products(
                simd,
                out,
                value,
                &gradient[range.clone()],
                slope,
                &values[range],
            );
        }
    }
}

/// `out += x a + y b`.
#[inline(always)]
fn add_products<S: Simd>(simd: S, out: &mut [f64], x: f64, a: &[f64], y: f64, b: &[f64]) {
    let (out, out_tail) = S::as_mut_simd_f64s(out);
    let ((a, a_tail), (b, b_tail)) = (S::as_simd_f64s(a), S::as_simd_f64s(b));
    let (all_x, all_y) = (simd.splat_f64s(x), simd.splat_f64s(y));
    for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
        *o = simd.mul_add_e_f64s(all_x, *a, simd.mul_add_e_f64s(all_y, *b, *o));
    }
    for ((o, a), b) in out_tail.iter_mut().zip(a_tail).zip(b_tail) {
        *o += x * a + y * b;
    }
}
