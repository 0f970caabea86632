//! The latest events that one device recorded by itself. Older ones are in the log.

use crate::der::SequenceEvent;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events kept of one device.
const KEPT: usize = 50;

/// One device's latest events; most devices have none, and pay nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence(VecDeque<Arc<SequenceEvent>>);

impl Sequence {
    /// Takes what the device told, oldest first.
    pub(super) fn take(&mut self, events: Vec<SequenceEvent>) {
        let over = events.len().saturating_sub(KEPT);
        for event in events.into_iter().skip(over) {
            if self.0.len() >= KEPT {
                self.0.pop_front();
            }
            self.0.push_back(Arc::new(event));
        }
    }

    /// Those that are kept, latest first.
    pub(super) fn latest(&self) -> Vec<Arc<SequenceEvent>> {
        self.0.iter().rev().cloned().collect()
    }
}
