//! Derivatives by the position of the centre and by the strain, summed over the neighbours.

use super::environment_features::reset;

/// Components of the strain derivative, xx yy zz yz xz xy.
pub const STRAIN: [(usize, usize); 6] = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)];

/// Derivatives by the centre and by the six strains of quantities that depend on the neighbours. Nothing changes when all
/// atoms move together, hence `∂I/∂r_i = −Σ_j ∂I/∂r_j`, and `∂I/∂ε_ab = Σ_j r_a ∂I/∂r_b`.
#[derive(Debug, Default)]
pub struct CenterSums {
    /// Rows x, y, z, then those of [`STRAIN`].
    pub rows: Vec<f64>,
}

impl CenterSums {
    /// Begin with zeros for `width` quantities.
    pub fn clear(&mut self, width: usize) {
        reset(&mut self.rows, 9 * width);
    }

    /// Add one neighbour: its gradient (3 × width). An image of the centre moves with it: only a strain changes `r = S·H`.
    pub fn add(&mut self, gradient: &[f64], displacement: [f64; 3], image: bool) {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let width = gradient.len() / 3;
                let own = |axis: usize| &gradient[axis * width..][..width];
                let (center, strain) = self.rows.split_at_mut(3 * width);
                if !image {
                    center.iter_mut().zip(gradient).for_each(|(o, g)| *o -= g);
                }
                for (row, (a, b)) in strain.chunks_exact_mut(width).zip(STRAIN) {
                    let r = displacement[a];
                    row.iter_mut().zip(own(b)).for_each(|(o, g)| *o += r * g);
                }
            },
        );
    }
}
