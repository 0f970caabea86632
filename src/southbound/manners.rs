//! What every driver says of a device in the same words, so that an operator need not know which driver it is.
//!
//! It keeps no state and sends nothing.

use crate::der::DeviceState;

/// Logs a change of state. What takes a device from its groups is a warning; coming and going otherwise is not, nor is the
/// night.
pub fn log_state(device: &str, before: DeviceState, state: DeviceState, reason: &str) {
    if before == state {
        return;
    }
    let gone = |state| matches!(state, DeviceState::CommLost | DeviceState::IdentityChanged);
    let (warns, before, state) = (gone(state) && !gone(before), before.name(), state.name());
    if warns {
        tracing::warn!(device, state, before, reason, "device state");
    } else {
        tracing::info!(device, state, before, reason, "device state");
    }
}

/// Why a device with another serial number than `known` is not written. `configured`: the configuration names `known`.
pub fn another_device(serial: &str, known: &str, configured: bool) -> String {
    let what = if configured {
        format!("its serial number is {serial}, the configuration names {known}")
    } else {
        format!("serial number changed from {known} to {serial}")
    };
    format!(
        "{what}: it is read but not written; to accept it, write serial = \"{serial}\" into the device's table of the configuration and restart the gateway"
    )
}
