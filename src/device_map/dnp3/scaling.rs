//! From raw numbers to what they mean: one way for readings, tools and commands, so that all of them show the same decimals.
//!
//! Pure. Units and quality are not its matter.

use super::OutstationPoint;

/// Divides by 10 where a map says 0.1: a tenth has no exact binary form, and 369 times it is not 36.9.
#[must_use]
pub fn scaled(raw: f64, scale: f64) -> f64 {
    let inverse = (1.0 / scale).round();
    let tidy = scale.abs() < 1.0 && inverse.is_finite() && (scale * inverse - 1.0).abs() < 1e-12;
    if tidy { raw / inverse } else { raw * scale }
}

impl OutstationPoint {
    /// What a raw number means, in the unit of the point.
    #[must_use]
    pub fn value(&self, raw: f64) -> f64 {
        scaled(raw, self.scale) + self.offset
    }

    /// The same in the unit and with the sign of its quantity, if it has one.
    #[must_use]
    pub fn in_quantity(&self, value: f64) -> f64 {
        // Adding 0 makes -0 a 0.
        self.quantity.map_or(value, |(_, factor)| scaled(value, factor) + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn decimals_stay_decimals() {
        let rows = [
            (369.0, 0.1, 36.9),
            (601.0, 0.1, 60.1),
            (-369.0, 0.1, -36.9),
            (369.0, -0.1, -36.9),
            (50_012.0, 0.001, 50.012),
            (7.0, 0.01, 0.07),
            (3.0, 0.25, 0.75),
            (3.0, 0.3, 3.0 * 0.3),
            (5.0, 1000.0, 5000.0),
            (5.0, -1.0, -5.0),
        ];
        for (raw, scale, wanted) in rows {
            assert!(scaled(raw, scale).to_bits() == f64::to_bits(wanted), "{raw} by {scale}");
        }
    }
}
