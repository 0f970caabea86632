//! How gateway and outstation stand to each other: online, degraded with the reasons, lost, or another device than before.
//!
//! **Lost** is a device whose link does not stand for `link.lost_after` (with the words of the link), or is refused for two
//! seconds, or that leaves so many requests in a row without an answer as its session allows (`lost_after_answers`); of several on
//! one connection, one that left one unanswered is asked nothing, and the looks for it count instead. Its commands end at once from
//! then on.

use super::device::{Device, Trouble};
use super::diagnosis::is_refusal;
use super::readings::complaints;
use super::{Field, LinkState, ReadError, doubtful};
use crate::der::DeviceState;
use crate::southbound::life::REFUSED_FOR;
use tokio::time::Instant;

/// Most points that are named in one reason.
const MOST_NAMED: usize = 8;

impl<F: Field> Device<'_, F> {
    /// Counts a failure, and says so: beside how the device stands, or as the reason why it counts as lost.
    pub(super) async fn failed(&mut self, trouble: &Trouble) {
        if self.stop.is_cancelled() {
            return;
        }
        self.life.failed();
        self.standing.trouble_since.get_or_insert_with(Instant::now);
        let (words, definite) = match trouble {
            Trouble::Read(error) => (self.words_of(error), false),
            Trouble::Other(words) => (words.clone(), true),
        };
        if definite || self.is_lost() {
            self.lost(words).await;
        } else {
            self.life.say_silence(&words).await;
        }
    }

    /// Why it cannot be read, in words.
    pub(super) fn words_of(&self, error: &ReadError) -> String {
        match error {
            ReadError::NoConnection(why) if self.standing.link == LinkState::Up => why.clone(),
            ReadError::NoConnection(_) => self.link_words(),
            ReadError::Silent => self.field.silence(),
            ReadError::Refused(_) | ReadError::Broken(_) => error.to_string(),
        }
    }

    /// The device counts as lost.
    pub(super) async fn lost(&mut self, words: String) {
        // Before it counts as found again, everything is read again.
        self.introduced = false;
        self.standing.whole = false;
        self.image.lose();
        self.life.gone(DeviceState::CommLost, words).await;
    }

    pub(super) fn is_lost(&self) -> bool {
        if self.standing.link == LinkState::Up {
            return self.life.failures() >= self.outstation.session.lost_after_answers.max(1);
        }
        self.lost_at().is_some_and(|at| at <= Instant::now())
    }

    /// When a device whose link does not stand counts as lost.
    pub(super) fn lost_at(&self) -> Option<Instant> {
        let since = self.standing.trouble_since.filter(|_| self.standing.link != LinkState::Up)?;
        let patience = self.map.link.lost_after;
        let refused = matches!(&self.standing.link, LinkState::Down(words) if is_refusal(words));
        Some(since + if refused { patience.min(REFUSED_FOR) } else { patience })
    }

    /// When everything is read from here: at once if the association cannot, else if it has not done it in time.
    pub(super) fn read_by_itself_at(&self) -> Instant {
        let since = self.standing.up_at.unwrap_or_else(Instant::now);
        let link = &self.map.link;
        let answers = link.response_timeout * self.outstation.session.lost_after_answers.max(1);
        let usual = if self.standing.whole_due { since } else { since + answers.max(link.lost_after) };
        self.standing.try_at.unwrap_or(usual)
    }

    /// When a device whose link stands, and of which nothing was read since, is said to give no answer.
    pub(super) fn silent_at(&self) -> Option<Instant> {
        let unsaid = !self.life.is_silent() && !self.life.is_lost() && self.standing.link == LinkState::Up;
        self.standing.up_at.filter(|_| unsaid).map(|at| at + self.map.link.response_timeout)
    }

    pub(super) fn answered(&mut self) {
        self.life.answered();
        self.standing.trouble_since = None;
        self.standing.try_at = None;
    }

    /// Why the link does not stand.
    pub(super) fn link_words(&self) -> String {
        match &self.standing.link {
            LinkState::Down(words) => words.clone(),
            LinkState::Connecting | LinkState::Up => self.standing.words.clone(),
        }
    }

    /// Online, or what is wrong.
    pub(super) async fn say_state(&mut self) {
        // What is known is of before; as soon as it is recognised anew, it is said.
        if self.standing.again {
            return;
        }
        let wrong = self.wrong();
        self.life.say_wrong(&wrong).await;
    }

    fn wrong(&self) -> Vec<String> {
        let mut words = complaints(&self.image);
        words.extend(doubtful::words(&self.image, &|at| self.plan.leaves_out(at)));
        let says = self.standing.indications;
        let bits = [
            (says.local, "some of its outputs are in local control (IIN1.5)"),
            (says.trouble, "it has a trouble of its own (IIN1.6)"),
            (says.config_corrupt, "its configuration is corrupt (IIN2.5)"),
            (says.overflow, "it has lost events (IIN2.3)"),
        ];
        words.extend(bits.into_iter().filter(|(set, _)| *set).map(|(_, bit)| bit.to_owned()));
        words.extend(self.hands.amiss().map(str::to_owned));
        words.extend(self.standing.failed.iter().map(|(what, why)| format!("{what}: {why}")));
        let told = self.standing.failed.keys().any(|what| what.starts_with("reading everything (class"));
        words.extend(self.standing.by_ranges.clone().filter(|words| !words.is_empty() && !told));
        words.extend(self.plan.left_out(MOST_NAMED));
        words
    }
}
