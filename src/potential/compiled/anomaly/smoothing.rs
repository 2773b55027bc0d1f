//! The average over neighbours: every centre gives its `γ²` to the atoms around it, as it gives them forces.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::{AnomalyPlan, AnomalyScratch};
use crate::potential::compiled::harmonics::BLOCK;
use crate::potential::compiled::lane::{Lane, resize};
use pulp::Simd;

/// Terms of the series of `½ cos(π √x)`, of which the next is below 1e-16.
const N_TERMS: usize = 15;

/// `½ (−1)^k π^(2k) / (2k)!`.
const SERIES: [f64; N_TERMS] = {
    let mut series = [0.5; N_TERMS];
    let mut k = 1;
    while k < N_TERMS {
        let n = 2 * k;
        let factor = std::f64::consts::PI * std::f64::consts::PI / (n * (n - 1)) as f64;
        series[k] = -series[k - 1] * factor;
        k += 1;
    }
    series
};

impl AnomalyScratch {
    /// Begin a cluster with so many copies.
    pub fn begin(&mut self, n_copies: usize) {
        self.sums.clear();
        self.sums.resize(n_copies + 1, [0.0; 2]);
    }

    /// What was summed on each copy: `Σ s γ²` of the centres around it, and of centres `1 + Σ s`.
    pub fn sums(&self) -> &[[f64; 2]] {
        &self.sums[..self.sums.len() - 1]
    }
}

impl AnomalyPlan {
    /// Add what a centre with this `γ²` gives to itself, which is copy `atom`, and to its neighbours.
    #[inline(always)]
    pub fn give<S: Simd>(
        &self,
        simd: S,
        lane: &Lane,
        atom: usize,
        squared: f64,
        scratch: &mut AnomalyScratch,
    ) {
        let AnomalyScratch { shares, sums, .. } = scratch;
        resize(shares, lane.distances.len());
        let scale = 1.0 / (self.shell * self.shell);
        let mut total = 0.0;
        for (part, ends_inside) in lane.parts.iter().zip(&self.ends_inside) {
            let end = if *ends_inside {
                part.outer_block
            } else {
                part.end_block
            };
            let neighbors = part.first_block * BLOCK..end * BLOCK;
            let shares = &mut shares[neighbors.clone()];
            total += weigh(simd, scale, &lane.distances[neighbors.clone()], shares);
            for (copy, share) in lane.copies[neighbors].iter().zip(shares) {
                sums[*copy as usize][0] += *share * squared;
            }
        }
        sums[atom][0] += squared;
        sums[atom][1] += 1.0 + total;
    }
}

/// `s = ½ (1 + cos(π r / shell))` within the shell, zero outside; gives their sum. With x = (r / shell)².
#[inline(always)]
fn weigh<S: Simd>(simd: S, scale: f64, distances: &[f64], shares: &mut [f64]) -> f64 {
    let (r, _) = S::as_simd_f64s(distances);
    let (shares, _) = S::as_mut_simd_f64s(shares);
    let scale = simd.splat_f64s(scale);
    let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
    let mut total = zero;
    for (r, share) in r.iter().zip(shares) {
        let x = simd.min_f64s(simd.mul_f64s(simd.mul_f64s(*r, *r), scale), one);
        let mut cosine = simd.splat_f64s(SERIES[N_TERMS - 1]);
        for c in SERIES[..N_TERMS - 1].iter().rev() {
            cosine = simd.mul_add_e_f64s(cosine, x, simd.splat_f64s(*c));
        }
        let s = simd.max_f64s(simd.add_f64s(simd.splat_f64s(0.5), cosine), zero);
        *share = simd.select_f64s(simd.less_than_f64s(x, one), s, zero);
        total = simd.add_f64s(total, *share);
    }
    simd.reduce_sum_f64s(total)
}
