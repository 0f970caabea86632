//! READY, STATUS, WATCHDOG and STOPPING for systemd (`Type=notify`). Without `NOTIFY_SOCKET`, as in a terminal or a
//! container, each of these does nothing. It decides nothing: app says when.

use sd_notify::NotifyState;
use std::time::Duration;

/// The gateway serves: `systemctl start` returns.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The gateway has begun to stop.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    // One variable a line: a line end in the text would begin another.
    let line = text.replace(['\n', '\r'], " ");
    tell(&[NotifyState::Status(&line)]);
}

/// The gateway is well. Called only if it is: a watchdog that is fed by a timer alone watches nothing.
pub fn watchdog() {
    tell(&[NotifyState::Watchdog]);
}

/// How often to call [`watchdog`]: half of what the unit allows, as systemd advises. `None` if it does not watch.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2).filter(|interval| !interval.is_zero())
}

/// A service manager that cannot be told is no reason to stop controlling devices.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

#[cfg(test)]
mod tests;
