//! Forms of a batch of atoms.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::{ATOMS, AnomalyPlan, AnomalyScratch, Invariants, Product, Table, Term};
use crate::potential::MAX_RESULT;
use crate::potential::anomaly::CLOSENESS;
use crate::potential::compiled::harmonics::BLOCK;
use crate::potential::compiled::lane::{Lane, resize};
use crate::potential::compiled::polynomial::NONE;
use crate::potential::compiled::table::{N_COEFFICIENTS, Places, WIDTH};
use pulp::Simd;

impl AnomalyPlan {
    /// The forms of all lanes without pairs from the nodes of the energy, `[n_nodes][ATOMS]`; the nodes after those are
    /// made here.
    #[inline(always)]
    pub fn evaluate<S: Simd>(&self, simd: S, values: &mut [f64], scratch: &mut AnomalyScratch) {
        resize(&mut scratch.forms, self.width() * ATOMS);
        let (values, _) = S::as_mut_simd_f64s(values);
        let (forms, _) = S::as_mut_simd_f64s(&mut scratch.forms);
        let per_node = ATOMS / S::F64_LANES;
        for sub in 0..per_node {
            let at = |node: u32| node as usize * per_node + sub;
            multiply(simd, &self.products, values, at);
            self.angular.evaluate(simd, values, at);
            self.coupled.evaluate(simd, values, at);
            multiply(simd, &self.powers, values, at);
            for first in (0..self.width()).step_by(WIDTH) {
                let mut sums = [simd.splat_f64s(0.0); WIDTH];
                let weights = self.weights.chunks_exact(self.width());
                for (feature, weights) in self.features.iter().zip(weights) {
                    let value = values[at(*feature)];
                    for (sum, weight) in sums.iter_mut().zip(&weights[first..first + WIDTH]) {
                        *sum = simd.mul_add_e_f64s(simd.splat_f64s(*weight), value, *sum);
                    }
                }
                for (k, sum) in sums.into_iter().enumerate() {
                    forms[(first + k) * per_node + sub] = sum;
                }
            }
        }
    }

    /// `Σ_e (max(0, 1 − r_e / outer_e) / CLOSENESS)²` over the elements, with the distances of their nearest neighbours.
    #[inline(always)]
    fn closeness(&self, lane: &Lane) -> f64 {
        { self.repelled.iter().zip(&lane.parts) }
            .map(|(inverse, part)| (1.0 - part.nearest * inverse).max(0.0) / CLOSENESS)
            .map(|x| x * x)
            .sum()
    }

    /// `γ²` of lane `k`, at most [`MAX_RESULT`].
    #[inline(always)]
    pub fn squared<S: Simd>(
        &self,
        simd: S,
        lane: &Lane,
        k: usize,
        scratch: &mut AnomalyScratch,
    ) -> f64 {
        let AnomalyScratch {
            forms,
            pairs,
            places,
            ..
        } = scratch;
        pairs.clear();
        pairs.extend_from_slice(&self.starts);
        for (table, part) in self.tables.iter().zip(&lane.parts) {
            if let Some(table) = table {
                let neighbors = part.first_block * BLOCK..part.end_block * BLOCK;
                add_pairs(simd, table, &lane.distances[neighbors], places, pairs);
            }
        }
        let sum: f64 = { pairs.iter().zip(forms.chunks_exact(ATOMS)) }
            .map(|(pair, own)| (pair + own[k]) * (pair + own[k]))
            .sum();
        let squared = sum / self.n_forms as f64 + self.closeness(lane);
        // Written so that a NaN, which forms beyond all bounds may give, is as far away as can be.
        if squared <= MAX_RESULT {
            squared
        } else {
            MAX_RESULT
        }
    }
}

impl<const N: usize> Term<N> {
    /// The term added to a sum.
    #[inline(always)]
    fn add<S: Simd>(
        &self,
        simd: S,
        values: &[S::f64s],
        at: impl Fn(u32) -> usize,
        sum: S::f64s,
    ) -> S::f64s {
        let mut product = simd.splat_f64s(self.weight);
        for factor in &self.factors[1..] {
            product = simd.mul_f64s(product, values[at(*factor)]);
        }
        simd.mul_add_e_f64s(product, values[at(self.factors[0])], sum)
    }
}

impl<const N: usize> Invariants<N> {
    #[inline(always)]
    fn evaluate<S: Simd>(&self, simd: S, values: &mut [S::f64s], at: impl Fn(u32) -> usize) {
        let mut first = 0;
        for &(node, end) in &self.nodes {
            // Two sums, so that one term does not wait for the other.
            let mut sums = [simd.splat_f64s(0.0); 2];
            let (pairs, last) = self.terms[first..end].as_chunks::<2>();
            for [a, b] in pairs {
                sums = [
                    a.add(simd, values, &at, sums[0]),
                    b.add(simd, values, &at, sums[1]),
                ];
            }
            for term in last {
                sums[0] = term.add(simd, values, &at, sums[0]);
            }
            values[at(node)] = simd.add_f64s(sums[0], sums[1]);
            first = end;
        }
    }
}

/// Values of nodes that are products.
#[inline(always)]
fn multiply<S: Simd>(
    simd: S,
    products: &[Product],
    values: &mut [S::f64s],
    at: impl Fn(u32) -> usize,
) {
    for &(node, [a, b, c]) in products {
        let mut value = simd.mul_f64s(values[at(a)], values[at(b)]);
        if c != NONE {
            value = simd.mul_f64s(value, values[at(c)]);
        }
        values[at(node)] = value;
    }
}

/// Add all columns of a table at some distances.
#[inline(always)]
fn add_pairs<S: Simd>(
    simd: S,
    table: &Table,
    distances: &[f64],
    places: &mut Places,
    sums: &mut [f64],
) {
    let per_row = table.stride() / S::F64_LANES;
    for distances in distances.as_chunks::<BLOCK>().0 {
        if !table.places(simd, distances, places) {
            add_exact(table, distances, sums);
            continue;
        }
        // The number of vectors in a row is known in most cases, which spares the checks of bounds within an interval.
        match per_row {
            1 => add_block::<S, N_COEFFICIENTS>(simd, table, places, sums),
            2 => add_block::<S, { 2 * N_COEFFICIENTS }>(simd, table, places, sums),
            4 => add_block::<S, { 4 * N_COEFFICIENTS }>(simd, table, places, sums),
            _ => add_wide_block(simd, table, places, sums),
        }
    }
}

/// Add all columns at the places of a block; an interval has N vectors.
#[inline(always)]
fn add_block<S: Simd, const N: usize>(simd: S, table: &Table, places: &Places, sums: &mut [f64]) {
    let per_row = N / N_COEFFICIENTS;
    let (intervals, _) = S::as_simd_f64s(table.coefficients()).0.as_chunks::<N>();
    let (sums, _) = S::as_mut_simd_f64s(sums);
    for (v, sum) in sums.iter_mut().take(per_row).enumerate() {
        let mut parts = [simd.splat_f64s(0.0); 4];
        for j in 0..BLOCK {
            let c = &intervals[places.intervals[j]];
            let t = simd.splat_f64s(places.t[j]);
            let mut f = c[(N_COEFFICIENTS - 1) * per_row + v];
            for m in (1..N_COEFFICIENTS - 1).rev() {
                f = simd.mul_add_e_f64s(f, t, c[m * per_row + v]);
            }
            parts[j % 4] = simd.add_f64s(parts[j % 4], simd.mul_add_e_f64s(f, t, c[v]));
        }
        let parts = [
            simd.add_f64s(parts[0], parts[1]),
            simd.add_f64s(parts[2], parts[3]),
        ];
        *sum = simd.add_f64s(*sum, simd.add_f64s(parts[0], parts[1]));
    }
}

/// [`add_block`] for many forms or narrow vectors.
#[inline(always)]
fn add_wide_block<S: Simd>(simd: S, table: &Table, places: &Places, sums: &mut [f64]) {
    let per_row = table.stride() / S::F64_LANES;
    let (coefficients, _) = S::as_simd_f64s(table.coefficients());
    let (sums, _) = S::as_mut_simd_f64s(sums);
    for j in 0..BLOCK {
        let first = places.intervals[j] * N_COEFFICIENTS * per_row;
        let c = &coefficients[first..][..N_COEFFICIENTS * per_row];
        let t = simd.splat_f64s(places.t[j]);
        for (v, sum) in sums.iter_mut().take(per_row).enumerate() {
            let mut f = c[(N_COEFFICIENTS - 1) * per_row + v];
            for m in (0..N_COEFFICIENTS - 1).rev() {
                f = simd.mul_add_e_f64s(f, t, c[m * per_row + v]);
            }
            *sum = simd.add_f64s(*sum, f);
        }
    }
}

/// The rare block in which a neighbour is closer than the table reaches.
#[cold]
#[inline(never)]
fn add_exact(table: &Table, distances: &[f64; BLOCK], sums: &mut [f64]) {
    let (mut values, mut slopes) = (vec![0.0; sums.len()], vec![0.0; sums.len()]);
    for r in distances {
        table.exact(*r, &mut values, &mut slopes);
        sums.iter_mut().zip(&values).for_each(|(s, f)| *s += f);
    }
}
