//! Line search of the feature-sign method over the points where coefficients change sign.

/// Where coefficient `position` passes through zero on the way from `w` to `w + d`, and what passing costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crossing {
    /// Position in the active set.
    pub(super) position: usize,
    /// Fraction of the step at which it is zero, in [0, 1).
    pub(super) fraction: f64,
    /// Growth of the slope there, `2 λ p |d|`.
    pub(super) kink: f64,
}

/// Fraction of the step `d` to take: 1, or the fraction of one of the crossings.
///
/// Along the step the objective is bounded by the piecewise quadratic
/// `φ(t) = −(t − t²/2) gᵀd + Σ_crossed kink (t − t_j)`, `slope` = gᵀd > 0; its lowest value over the crossings and
/// t = 1 is taken (Lee, Battle, Raina, Ng, NIPS 2006, step 3). With `first_only` the first crossing is taken instead
/// (Osborne, Presnell, Turlach 2000): it drops at least one feature, so it cannot go on for ever.
/// Sorts `crossings` by fraction, then position.
pub(super) fn best_fraction(slope: f64, crossings: &mut [Crossing], first_only: bool) -> f64 {
    crossings.sort_by(|a, b| {
        a.fraction
            .total_cmp(&b.fraction)
            .then(a.position.cmp(&b.position))
    });
    if first_only && let Some(first) = crossings.first() {
        return first.fraction;
    }
    let (mut kinks, mut offset) = (0.0, 0.0);
    let mut best = (f64::INFINITY, 1.0);
    let end = Crossing {
        position: usize::MAX,
        fraction: 1.0,
        kink: 0.0,
    };
    for crossing in crossings.iter().chain([&end]) {
        let t = crossing.fraction;
        let value = -(t - 0.5 * t * t) * slope + kinks * t - offset;
        if value < best.0 {
            best = (value, t);
        } else if value > best.0 {
            break; // φ is convex.
        }
        kinks += crossing.kink;
        offset += crossing.kink * t;
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossing(position: usize, fraction: f64, kink: f64) -> Crossing {
        Crossing {
            position,
            fraction,
            kink,
        }
    }

    #[test]
    fn test_without_crossings_the_full_step_is_taken() {
        assert_eq!(
            best_fraction(1.0, &mut [], false).to_bits(),
            1.0_f64.to_bits()
        );
    }

    #[test]
    fn test_an_expensive_crossing_stops_the_step_and_a_cheap_one_does_not() {
        let mut crossings = [crossing(1, 0.5, 1e-3), crossing(0, 0.25, 1e-3)];
        assert_eq!(
            best_fraction(1.0, &mut crossings, false).to_bits(),
            1.0_f64.to_bits()
        );
        assert_eq!(crossings[0].position, 0);
        assert_eq!(
            best_fraction(1.0, &mut crossings, true).to_bits(),
            0.25_f64.to_bits()
        );
        crossings[1].kink = 10.0;
        assert_eq!(
            best_fraction(1.0, &mut crossings, false).to_bits(),
            0.5_f64.to_bits()
        );
    }
}
