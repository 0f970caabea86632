//! READY, STATUS, WATCHDOG and STOPPING for systemd (`Type=notify`). Without `NOTIFY_SOCKET`, as in a terminal or a
//! container, each of these does nothing. It decides nothing: app says when.

use sd_notify::NotifyState;

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

/// A service manager that cannot be told is no reason to stop controlling devices.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

#[cfg(test)]
mod tests;
