//! What the stack tells of a connection, turned into how it stands.

use super::{DAMAGED, Inner};
use crate::southbound::dnp3::field::LinkState;
use dnp3::app::MaybeAsync;
use dnp3::serial::PortState;
use dnp3::tcp::ClientState;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// So many short connections in a row are no accident.
const CONTESTED: u32 = 3;

const ENDED: &str = "the connection has ended: the device closed it, or it broke";
const BARREN: &str = "the device accepts the connection and ends it before an answer is complete: another client may hold the \
                      only session, or something on the way cuts it off";
const OTHER_MASTER: &str = "the device answers and ends each connection a little later: another master may be taking its \
                            place (most outstations serve one at a time)";

/// Hears one master.
pub struct Listener {
    pub channel: Weak<Inner>,
    pub generation: u64,
}

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Connecting,
    Made,
    NotMade,
    Ended,
    Off,
}

impl dnp3::app::Listener<ClientState> for Listener {
    fn update(&mut self, value: ClientState) -> MaybeAsync<()> {
        self.heard(match value {
            ClientState::Connecting => Event::Connecting,
            ClientState::Connected => Event::Made,
            ClientState::WaitAfterFailedConnect(_) => Event::NotMade,
            ClientState::WaitAfterDisconnect(_) => Event::Ended,
            ClientState::Disabled | ClientState::Shutdown => Event::Off,
        });
        MaybeAsync::ready(())
    }
}

impl dnp3::app::Listener<PortState> for Listener {
    fn update(&mut self, value: PortState) -> MaybeAsync<()> {
        self.heard(match value {
            PortState::Open => Event::Made,
            PortState::Wait(_) => Event::NotMade,
            PortState::Disabled | PortState::Shutdown => Event::Off,
        });
        MaybeAsync::ready(())
    }
}

impl Listener {
    fn heard(&self, event: Event) {
        let Some(channel) = self.channel.upgrade() else { return };
        let mut standing = channel.standing();
        if channel.generation.load(Ordering::Relaxed) != self.generation {
            return;
        }
        standing.connecting = (event == Event::Connecting).then(Instant::now);
        let barren = !channel.heard.answered();
        let lasted = standing.made.take().map(|made| made.elapsed());
        if event == Event::Made {
            standing.made = Some(Instant::now());
        }
        let known = standing
            .diagnosed
            .as_ref()
            .filter(|(at, words)| !words.is_empty() && at.elapsed() < channel.pace.diagnose * 2);
        let known = known.map(|(_, words)| words.clone());
        let state = match event {
            // Once it is known to be down it stays so until it stands: trying again is no news.
            Event::Connecting | Event::Off => return,
            Event::Made => LinkState::Up,
            Event::NotMade => match known {
                Some(words) => LinkState::Down(words),
                None if matches!(standing.state, LinkState::Down(_)) => standing.state.clone(),
                None => LinkState::Down("no connection".to_owned()),
            },
            Event::Ended if channel.heard.damaged() => LinkState::Down(DAMAGED.to_owned()),
            Event::Ended if barren => LinkState::Down(known.unwrap_or_else(|| BARREN.to_owned())),
            Event::Ended => {
                let short = lasted.is_some_and(|lasted| lasted < channel.pace.settled);
                standing.short = if short { standing.short.saturating_add(1) } else { 0 };
                let words = if standing.short >= CONTESTED { OTHER_MASTER } else { ENDED };
                LinkState::Down(words.to_owned())
            }
        };
        channel.set(&mut standing, state);
        if let Some(words) = channel.heard.take_moved().filter(|_| event == Event::Made) {
            channel.seats().iter().for_each(|seat| seat.watch.end_point(words.clone()));
        }
        drop(standing);
        if event == Event::NotMade || (event == Event::Ended && barren) {
            channel.diagnose();
        }
    }
}
