//! What was true of a simulated device, as the rig noted it, and whether a reading can be of it.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Notes of the truth that are further apart have missed a part of a ramp.
const UNNOTED: Duration = Duration::from_millis(150);

/// One note.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    pub at: Instant,
    pub watts: f64,
    pub vars: f64,
    pub injected: f64,
}

/// True if a value was true at some time. What lay between two notes that a busy machine let be far apart was true too.
pub fn was_held(truth: &VecDeque<Truth>, of: &dyn Fn(&Truth) -> f64, value: f64, off: f64) -> bool {
    let near = |t: &Truth| (of(t) - value).abs() <= off;
    let between = |(a, b): (&Truth, &Truth)| {
        let (low, high) = (of(a).min(of(b)), of(a).max(of(b)));
        b.at - a.at > UNNOTED && (low - off..=high + off).contains(&value)
    };
    truth.iter().any(near) || truth.iter().zip(truth.iter().skip(1)).any(between)
}
