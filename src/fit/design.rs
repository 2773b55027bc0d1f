//! Design rows: the derivatives of one structure's labels with respect to all coefficients.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use crate::basis::Basis;
use crate::basis::center_sums::CenterSums;
use crate::basis::environment_features::LocalInvariants;
use crate::basis::monomials::{Monomials, Run};
use crate::environment::EnvironmentBuffer;
use crate::neighbors::NeighborList;
use crate::repulsion::Switching;
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
pub struct DesignScratch {
    environment: EnvironmentBuffer,
    local: LocalInvariants,
    /// Of the invariants, of `s` and of `E_rep`.
    sums: CenterSums,
    scale_sums: CenterSums,
    repulsion_sums: CenterSums,
    switching: Switching,
    repulsion: Vec<f64>,
}

/// Larger features are refused, so that neither gradients nor products of rows overflow.
pub(super) const MAX_FEATURE: f64 = 1e100;

/// Fill the rows of one structure (they are overwritten).
///
/// # Errors
/// Unknown elements and overlapping atoms, naming the atom; a cell or cutoff that has no neighbour list;
/// [`Error::Overflow`] for features that leave the range of floating-point numbers.
pub fn design_rows(
    basis: &Basis,
    structure: &Structure,
    rows: &mut RowsMut,
    scratch: &mut DesignScratch,
) -> Result<()> {
    let species = basis.species(structure.numbers())?;
    let list = NeighborList::new(structure, basis.cutoff())?;
    let frame = list.frame(structure);
    let volume = structure.cell().volume();
    let stress_scale = if volume > 0.0 { 1.0 / volume } else { 0.0 };
    rows.energy.fill(0.0);
    rows.forces.fill(0.0);
    rows.stress.fill(0.0);
    scratch.repulsion.clear();
    scratch.repulsion.resize(7 + 3 * structure.n_atoms(), 0.0);
    for i in 0..structure.n_atoms() {
        scratch
            .environment
            .gather(&list, &frame, &species, i, basis.cutoff())?;
        let environment = scratch.environment.environment();
        scratch.local.evaluate(basis, &environment);
        scratch.apply_repulsion(basis, i, structure.n_atoms(), stress_scale);
        scatter(basis, i, scratch, rows, stress_scale);
    }
    // Written so that a NaN is refused.
    if !rows.energy.iter().all(|x| x.abs() <= MAX_FEATURE) {
        let limit = MAX_FEATURE;
        return Err(Error::Overflow { limit });
    }
    Ok(())
}

impl DesignScratch {
    /// What the repulsion adds to the labels of the last structure: energy (eV), 3N forces (eV/Å), 6 stresses (eV/Å³).
    #[must_use]
    pub fn repulsion(&self) -> &[f64] {
        &self.repulsion
    }

    /// `s` of the centre `atom` with its gradient; its repulsion is added to that of the structure.
    fn apply_repulsion(&mut self, basis: &Basis, atom: usize, n_atoms: usize, stress_scale: f64) {
        let environment = self.environment.environment();
        let switching = &mut self.switching;
        match basis.repulsion(environment.center) {
            Some(repulsion) => repulsion.evaluate(&environment, switching),
            None => switching.active = false,
        }
        if !switching.active {
            return;
        }
        let (atoms, displacements) = (self.environment.atoms(), environment.displacements);
        for (sums, gradients) in [
            (&mut self.scale_sums, &switching.scale_gradients),
            (&mut self.repulsion_sums, &switching.gradients),
        ] {
            sums.clear(1);
            sums.add(gradients.as_flattened(), displacements, atoms, atom);
        }
        let forces = &mut self.repulsion[1..][..3 * n_atoms];
        for (&neighbor, gradient) in atoms.iter().zip(&switching.gradients) {
            if neighbor as usize != atom {
                let own = &mut forces[3 * neighbor as usize..][..3];
                own.iter_mut().zip(gradient).for_each(|(f, g)| *f -= g);
            }
        }
        let (center, strain) = self.repulsion_sums.rows.split_at(3);
        forces[3 * atom..][..3]
            .iter_mut()
            .zip(center)
            .for_each(|(f, g)| *f -= g);
        self.repulsion[0] += switching.energy;
        let stress = self.repulsion[1 + 3 * n_atoms..].iter_mut();
        stress.zip(strain).for_each(|(s, g)| *s += stress_scale * g);
    }
}

/// Add the features of the centre `atom` to the rows of all atoms it depends on.
fn scatter(
    basis: &Basis,
    atom: usize,
    scratch: &mut DesignScratch,
    rows: &mut RowsMut,
    stress_scale: f64,
) {
    let environment = scratch.environment.environment();
    let (columns, n) = (basis.n_features(), basis.features_per_center());
    let n_invariants = basis.invariants().len();
    let start = environment.center * n;
    let monomials = basis.monomials();
    let switching = scratch.switching.active.then_some(&scratch.switching);
    let scale = switching.map_or(1.0, |h| h.scale);
    add_energy(
        monomials,
        &scratch.local.values,
        scale,
        &mut rows.energy[start..start + n],
    );
    if n_invariants == 0 {
        return;
    }
    let add = |values: &[f64], gradient: &[f64], factor: f64, dscale: f64, row: &mut [f64]| {
        pulp::Arch::new().dispatch(AddGradients {
            runs: &monomials.runs,
            values,
            gradient,
            scale: factor * scale,
            dscale: factor * dscale,
            out: &mut row[start..start + n],
        });
    };
    scratch.sums.clear(n_invariants);
    let atoms = scratch.environment.atoms();
    let mut first = 0;
    loop {
        let count = scratch.local.block(basis, first);
        if count == 0 {
            break;
        }
        let (gradients, block) = (&scratch.local.gradients, first..first + count);
        let displacements = &environment.displacements[block.clone()];
        (scratch.sums).add(gradients, displacements, &atoms[block.clone()], atom);
        for (j, gradient) in block.zip(gradients.chunks_exact(3 * n_invariants)) {
            let neighbor = atoms[j] as usize;
            if neighbor == atom {
                continue;
            }
            let rows = rows.forces[3 * neighbor * columns..].chunks_exact_mut(columns);
            let gradient = gradient.chunks_exact(n_invariants);
            for (axis, (gradient, row)) in gradient.zip(rows).enumerate() {
                let dscale = switching.map_or(0.0, |h| h.scale_gradients[j][axis]);
                add(&scratch.local.values, gradient, -1.0, dscale, row);
            }
        }
        first += count;
    }
    let forces = rows.forces[3 * atom * columns..][..3 * columns].chunks_exact_mut(columns);
    let stress = rows.stress.chunks_exact_mut(columns);
    let sums = scratch.sums.rows.chunks_exact(n_invariants);
    for (k, (gradient, row)) in sums.zip(forces.chain(stress)).enumerate() {
        let factor = if k < 3 { -1.0 } else { stress_scale };
        let dscale = switching.map_or(0.0, |_| scratch.scale_sums.rows[k]);
        add(&scratch.local.values, gradient, factor, dscale, row);
    }
}

/// Add the features of a centre to its columns of the energy row.
pub(super) fn add_energy(monomials: &Monomials, values: &[f64], scale: f64, out: &mut [f64]) {
    if monomials.constant {
        out[0] += 1.0;
    }
    for run in &monomials.runs {
        add_values(run, values, scale, out);
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
            if value == 0.0 && slope == 0.0 {
                continue; // products with invariants of an element that is not there
            }
            let (gradient, values) = (&gradient[range.clone()], &values[range]);
            if slope == 0.0 {
                add_products::<S, false>(simd, out, value, gradient, slope, values);
            } else {
                add_products::<S, true>(simd, out, value, gradient, slope, values);
            }
        }
    }
}

/// `out += x a + y b`, all of one length; `b` is not read where `BOTH` is false, for y = 0.
#[inline(always)]
fn add_products<S: Simd, const BOTH: bool>(
    simd: S,
    out: &mut [f64],
    x: f64,
    a: &[f64],
    y: f64,
    b: &[f64],
) {
    let (all_x, all_y) = (simd.splat_f64s(x), simd.splat_f64s(y));
    let sum = |o, a, b| {
        let o = if BOTH {
            simd.mul_add_e_f64s(all_y, b, o)
        } else {
            o
        };
        simd.mul_add_e_f64s(all_x, a, o)
    };
    let Some(tail) = out.len().checked_sub(S::F64_LANES) else {
        for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
            *o += x * a + y * b;
        }
        return;
    };
    // What is left over is the end of a vector that overlaps the others, made before they are stored: runs are short, and
    // one by one these entries took longer than the rest.
    let of = |slice: &[f64]| S::as_simd_f64s(&slice[tail..]).0[0];
    let last = sum(of(out), of(a), of(b));
    let whole = S::as_mut_simd_f64s(out).0.iter_mut();
    for ((o, a), b) in whole.zip(S::as_simd_f64s(a).0).zip(S::as_simd_f64s(b).0) {
        *o = sum(*o, *a, *b);
    }
    S::as_mut_simd_f64s(&mut out[tail..]).0[0] = last;
}
