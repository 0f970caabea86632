//! Splits a target among members in proportion to their capability, within what each can do.
//!
//! Pure arithmetic: it knows no devices, no time and no commands.

/// What one member can do, in watts, positive = injected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Weight for a positive target: the capability to inject.
    pub inject: f64,
    /// Weight for a negative target: the capability to absorb, without sign.
    pub absorb: f64,
    /// Most it is expected to deliver now; not negative.
    pub high: f64,
    /// Least it is expected to deliver now; not positive.
    pub low: f64,
}

/// A split target.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Each member's part, in the order of the members.
    pub shares: Vec<f64>,
    /// Share per unit of weight of the members that are not at a bound; infinite if all are.
    pub level: f64,
    /// What nobody could take: target minus the sum of the shares.
    pub shortfall: f64,
}

/// Splits `target` (W). Every member gets `level` times its weight, or its bound if that is less in size; what a bounded
/// member cannot take is taken by the others.
#[must_use]
pub fn split(target: f64, members: &[Bounds]) -> Split {
    let positive = target >= 0.0;
    let size = target.abs();
    let limits: Vec<(f64, f64)> = members
        .iter()
        .map(|m| if positive { (m.inject, m.high) } else { (m.absorb, -m.low) })
        .map(|(weight, bound)| (weight.max(0.0), bound.max(0.0)))
        .collect();
    let level = level(size, &limits);
    let sign = if positive { 1.0 } else { -1.0 };
    let shares: Vec<f64> = limits
        .iter()
        .map(|&(weight, bound)| if weight > 0.0 { sign * (level * weight).min(bound) } else { 0.0 })
        .collect();
    let shortfall = target - shares.iter().sum::<f64>();
    Split { shares, level, shortfall }
}

/// The level at which the members together take `size`; infinite if they cannot.
fn level(size: f64, limits: &[(f64, f64)]) -> f64 {
    let mut order: Vec<(f64, f64)> = limits.iter().copied().filter(|(weight, _)| *weight > 0.0).collect();
    order.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let mut weights: f64 = order.iter().map(|(weight, _)| weight).sum();
    let mut left = size;
    for (weight, bound) in order {
        if left * weight <= bound * weights {
            return left / weights;
        }
        left -= bound;
        weights -= weight;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests;
