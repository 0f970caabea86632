//! What an outstation tells unasked, and what becomes of it: values, how the link stands, what it says of itself as a whole.
//!
//! It only takes note and reports: requests that follow from it are made by `poll` and `device`, one at a time.

use super::device::Device;
use super::sequence::remark;
use super::{Field, Indications, LinkState, News, Seen, Source};
use crate::core::port::Report;
use crate::der::{DeviceState, SequenceEvent};
use crate::device_map::dnp3::{At, OutstationMap, OutstationPoint, ReadPlan};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// How link and outstation stand, as far as was heard.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The link.
    pub link: LinkState,
    /// Why the link did not stand last time, in words.
    pub words: String,
    /// Since when the link stands.
    pub up_at: Option<Instant>,
    /// The link does not stand, or nothing is answered, since then. A link that comes and goes ends no trouble.
    pub trouble_since: Option<Instant>,
    /// Everything was read since the link stands.
    pub whole: bool,
    /// When everything was read last.
    pub whole_at: Option<Instant>,
    /// Everything is to be read at once, by ranges.
    pub whole_due: bool,
    /// When everything is tried to be read without waiting for the association any longer.
    pub try_at: Option<Instant>,
    /// Everything is read by ranges; why, in words, empty if the map says so.
    pub by_ranges: Option<String>,
    /// What it said of itself.
    pub indications: Indications,
    /// Events were lost, and not everything was read since.
    pub events_lost: bool,
    /// What the association could not do, and why.
    pub failed: BTreeMap<&'static str, String>,
    /// It must be recognised anew.
    pub again: bool,
    /// It has restarted, and what it held was not looked at since.
    pub restarted: bool,
    /// Its restart bit was seen then; [`News::Restarted`] is to come.
    pub restarting: Option<Instant>,
    /// Nothing could be commanded, and what it holds was not looked at since.
    pub blocked: bool,
    /// What is in doubt is to be read again then, if no poll comes first.
    pub check_at: Option<Instant>,
    /// That was done last.
    pub checked_at: Option<Instant>,
}

impl Standing {
    /// Nothing was heard yet.
    pub fn new(map: &OutstationMap, now: Instant) -> Self {
        Self {
            link: LinkState::Connecting,
            words: "no connection yet".to_owned(),
            up_at: None,
            trouble_since: Some(now),
            whole: false,
            whole_at: None,
            whole_due: false,
            try_at: None,
            by_ranges: by_ranges(map),
            indications: Indications::default(),
            events_lost: false,
            failed: BTreeMap::new(),
            again: false,
            restarted: false,
            restarting: None,
            blocked: false,
            check_at: None,
            checked_at: None,
        }
    }
}

/// Why everything is read by ranges from the start: the map says so, without words.
fn by_ranges(map: &OutstationMap) -> Option<String> {
    (map.session.read == ReadPlan::Ranges).then(String::new)
}

impl<F: Field> Device<'_, F> {
    /// Takes note of news.
    pub(super) async fn hear(&mut self, news: News) {
        match news {
            News::Link(link) => self.hear_link(link).await,
            News::Values(source, seen) => self.hear_values(source, &seen).await,
            News::Indications(now) => self.hear_indications(now).await,
            News::TaskFailed(what, why) => {
                let known = self.standing.failed.insert(what, why.clone());
                if known.as_ref() != Some(&why) {
                    tracing::warn!(device = self.settings.name, what, why, "the association could not do it");
                }
                self.say_more().await;
            }
            News::EndPoint(words) => {
                tracing::info!(device = self.settings.name, words, "end point");
                let said = remark(&words, Timestamp::now());
                self.tell(vec![SequenceEvent { point: "end point".to_owned(), ..said }]).await;
            }
            News::Restarted => {
                self.standing.restarting = None;
                self.plan.restart();
                self.image.renew();
                self.standing.restarted = true;
                self.standing.again = true;
                let device = &self.settings.name;
                // Before it was reached in this run there is nothing that it could have lost meanwhile, and nearly all say so.
                if !self.reached {
                    tracing::debug!(device, "the outstation has restarted since a master asked it last");
                    return;
                }
                tracing::warn!(device, "the outstation has restarted");
                // What it held is told with `send_again`, when it is known.
                self.tell(vec![remark("it has restarted", Timestamp::now())]).await;
            }
            News::ReadRanges => {
                let words = || {
                    "everything cannot be read at once; it is read by ranges (read = \"ranges\" in its map saves the attempt)".to_owned()
                };
                self.standing.by_ranges.get_or_insert_with(words);
                self.standing.whole = false;
                self.standing.whole_due = true;
            }
        }
    }

    async fn hear_link(&mut self, link: LinkState) {
        match &link {
            LinkState::Up => {
                // Whatever stands there now is to be recognised, and what was heard before tells nothing of it.
                self.standing.whole = false;
                self.standing.again = true;
                self.standing.try_at = None;
                self.standing.failed.clear();
                self.standing.up_at = Some(Instant::now());
                // Whether something cannot be read is found out anew, too.
                self.standing.by_ranges = by_ranges(&self.outstation);
                self.plan.restart();
                self.image.renew();
                self.image.lose();
                self.image.begin();
            }
            LinkState::Connecting => {
                self.standing.trouble_since.get_or_insert_with(Instant::now);
            }
            LinkState::Down(words) => {
                self.standing.trouble_since.get_or_insert_with(Instant::now);
                self.standing.words.clone_from(words);
                if self.life.is_lost() {
                    self.life.say(DeviceState::CommLost, words.clone()).await;
                } else {
                    self.life.say_silence(words).await;
                }
            }
        }
        self.standing.link = link;
    }

    async fn hear_values(&mut self, source: Source, seen: &[Seen]) {
        let new = match source {
            Source::Integrity => self.image.take(seen),
            Source::Unsolicited => self.image.hear(seen),
        };
        self.record(seen).await;
        if self.image.doubts().next().is_some() {
            self.check_soon();
        }
        if source == Source::Integrity {
            self.standing.whole = true;
            self.standing.failed.retain(|what, _| !what.starts_with("reading everything again"));
            self.everything_was_read();
            self.answered();
        }
        if !self.introduced {
            return;
        }
        // What was late tells nothing new, and is not told as if it did.
        self.tell_readings(&new).await;
        self.refresh_capability().await;
        self.say_state().await;
    }

    /// Tells what these points come to.
    pub(super) async fn tell_readings(&mut self, new: &BTreeSet<At>) {
        let fresh = |point: &OutstationPoint| new.contains(&point.at);
        let whole = self.polls_between_wholes();
        let image = &self.image;
        let current = |point: &OutstationPoint| image.within(point.at, self.plan.patience(point.at, whole));
        let mut readings = super::readings::readings(image, &fresh, &current);
        self.life.judge(&mut readings, super::readings::stores_nothing(image));
        if !readings.is_empty() {
            self.port.reports.send(Report::Readings(readings)).await;
        }
    }

    async fn hear_indications(&mut self, now: Indications) {
        let before = std::mem::replace(&mut self.standing.indications, now);
        if now.overflow && !before.overflow {
            tracing::warn!(device = self.settings.name, "the outstation has lost events (IIN2.3)");
            self.standing.events_lost = true;
            let words = "its buffer of events was full: events were lost here";
            self.tell(vec![remark(words, Timestamp::now())]).await;
        }
        if now.restart {
            self.standing.restarting = Some(Instant::now());
        }
        if !now.overflow {
            self.standing.failed.remove("lost events");
        }
        if !now.need_time && before.need_time {
            self.standing.failed.remove("setting its clock");
        }
        self.say_more().await;
    }

    /// Takes values that were asked for.
    pub(super) async fn take(&mut self, seen: &[Seen]) {
        self.image.take(seen);
        self.record(seen).await;
    }

    /// What came belongs into the sequence of events, too.
    async fn record(&mut self, seen: &[Seen]) {
        self.standing.blocked |= self.image.blocked().is_some();
        let events = self.recorder.take(&self.outstation, seen);
        self.tell(events).await;
    }

    pub(super) async fn tell(&self, events: Vec<SequenceEvent>) {
        if !events.is_empty() {
            self.port.reports.send(Report::Sequence(events)).await;
        }
    }

    /// The state again, if it is known at all.
    async fn say_more(&mut self) {
        if self.introduced {
            self.say_state().await;
        }
    }
}
