//! Reading: polls by deadline, everything now and then, refused requests cut until it is known what is refused.
//!
//! Missed deadlines are skipped, never made up for. Commands go first: between any two requests, those that wait are carried
//! out.

pub mod plan;

use self::plan::{Why, halves};
use super::device::{Device, End, Trouble};
use super::image::Doubt;
use super::readings::stores_nothing;
use super::{Field, LinkState, Part, ReadError, Refusal, Seen};
use crate::core::port::{Poll, Report};
use crate::der::Reading;
use crate::device_map::dnp3::OutstationPoint;
use crate::southbound::pace::{is_due, next_due};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A poll that got no answer is tried again after this, if polls are further apart.
const RETRY: Duration = Duration::from_secs(1);
/// What is in doubt is read again no sooner than this after it was last.
const CHECK: Duration = Duration::from_secs(1);
/// Most requests that find out what of a poll is refused, or answered so that it cannot be used.
const MOST_CUTS: usize = 1000;
/// After so many answers that cannot be used, and none that can, it is the outstation, not what is asked for.
const MOST_BROKEN: usize = 64;

impl<F: Field> Device<'_, F> {
    /// Polls until the gateway stops, the device is lost, or it must be recognised anew.
    pub(super) async fn poll_on(&mut self, anchor: Instant) -> End {
        // Everything was read just now.
        let mut due = next_due(anchor, self.settings.poll, Instant::now());
        loop {
            if let Some(end) = self.wait_for_poll(due).await {
                return end;
            }
            let polls = is_due(due);
            let done = if polls { self.poll(due).await } else { self.check().await };
            match done {
                Ok(()) if !polls => {}
                Ok(()) => due = next_due(anchor, self.settings.poll, Instant::now()),
                Err(error) => {
                    self.failed(&Trouble::Read(error)).await;
                    if self.is_lost() {
                        return End::Lost;
                    }
                    due = next_due(anchor, self.settings.poll, Instant::now()).min(Instant::now() + RETRY);
                }
            }
        }
    }

    /// Something is in doubt: it is read soon, but not so often that it would cost more than the polls.
    pub(super) fn check_soon(&mut self) {
        let pause = CHECK.max(self.settings.poll / 10);
        let earliest = self.standing.checked_at.map_or_else(Instant::now, |at| at + pause);
        self.standing.check_at.get_or_insert(earliest);
    }

    /// Reads what is in doubt between two polls.
    async fn check(&mut self) -> Result<(), ReadError> {
        let doubts = self.begin_check();
        let points: BTreeSet<_> = doubts.iter().map(|doubt| doubt.at).collect();
        self.read_parts(self.plan.of(&points)).await?;
        for doubt in doubts {
            self.image.settle(doubt);
        }
        self.answered();
        self.tell_readings(&points).await;
        self.refresh_capability().await;
        self.say_state().await;
        Ok(())
    }

    fn begin_check(&mut self) -> Vec<Doubt> {
        self.standing.check_at = None;
        self.standing.checked_at = Some(Instant::now());
        self.image.doubts().collect()
    }

    /// Waits until a poll is due; hears news and carries out commands meanwhile.
    async fn wait_for_poll(&mut self, due: Instant) -> Option<End> {
        loop {
            if self.stop.is_cancelled() {
                return Some(End::Stop);
            }
            self.keep().await;
            let up = self.standing.link == LinkState::Up;
            if up && self.standing.again {
                return Some(End::Again);
            }
            let due = self.standing.check_at.map_or(due, |at| at.min(due));
            if up && is_due(due) && !self.port.commands.waiting() {
                return None;
            }
            let lost_at = self.lost_at();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Some(End::Stop),
                news = self.news.recv() => match news {
                    Some(news) => self.hear(news).await,
                    None => return Some(End::Stop),
                },
                pending = self.port.commands.next(), if up => self.command(pending).await,
                () = sleep_until(due), if up => {}
                () = sleep_until(lost_at.unwrap_or(due)), if lost_at.is_some() => {
                    let error = ReadError::NoConnection(self.link_words());
                    self.failed(&Trouble::Read(error)).await;
                    return Some(End::Lost);
                }
            }
        }
    }

    async fn poll(&mut self, due: Instant) -> Result<(), ReadError> {
        let began = Instant::now();
        self.commanding = Duration::ZERO;
        self.image.begin();
        let old = |at: Instant| at.elapsed() >= self.outstation.session.integrity;
        if self.standing.whole_due || self.standing.whole_at.is_none_or(old) {
            self.read_everything().await?;
        } else {
            let doubts = self.begin_check();
            let points: Vec<_> = doubts.iter().map(|doubt| doubt.at).collect();
            let requests = self.plan.next(&points);
            self.read_parts(requests).await?;
            // What is still in doubt cannot be read.
            for doubt in doubts {
                self.image.settle(doubt);
            }
        }
        self.answered();
        let lost = self.standing.events_lost || self.standing.indications.overflow;
        if !self.plan.lacks_events() && !lost {
            self.image.confirm();
        }
        let changes = self.recorder.confirm(&self.outstation);
        self.tell(changes).await;
        let readings = self.readings_of_turn();
        let effects = self.hands.effects(&readings);
        let lateness = began.saturating_duration_since(due);
        let took = began.elapsed();
        self.port.reports.send(Report::Poll(Poll { readings, lateness, took })).await;
        if let Some(words) = self.slow.polled(took.saturating_sub(self.commanding), self.settings.poll) {
            self.life.remark(words);
        }
        self.life.say_effects(effects).await;
        self.refresh_capability().await;
        self.say_state().await;
        if self.standing.blocked && self.image.blocked().is_none() {
            self.standing.blocked = false;
            if self.life.stranger().is_none() {
                self.send_again().await;
            }
        }
        Ok(())
    }

    /// What this turn's values come to.
    pub(super) fn readings_of_turn(&mut self) -> Vec<Reading> {
        let image = &self.image;
        let whole = self.polls_between_wholes();
        let fresh = |point: &OutstationPoint| image.within(point.at, 0);
        let current = |point: &OutstationPoint| image.within(point.at, self.plan.patience(point.at, whole));
        let mut readings = super::readings::readings(image, &fresh, &current);
        let asked = |quantity| super::readings::asked(image, quantity, &fresh);
        self.reported.complete(&mut readings, &asked, jiff::Timestamp::now());
        self.life.judge(&mut readings, stores_nothing(&self.image));
        readings
    }

    pub(super) fn polls_between_wholes(&self) -> u64 {
        let polls = self.outstation.session.integrity.as_millis() / self.settings.poll.as_millis().max(1);
        u64::try_from(polls).unwrap_or(u64::MAX).max(1)
    }

    /// Reads everything: by classes, or by the ranges of what the map names if that cannot be.
    pub(super) async fn read_everything(&mut self) -> Result<(), ReadError> {
        if self.standing.by_ranges.is_none() {
            let all = [Part::Events, Part::Static];
            let mut answer = self.request(&all).await;
            if matches!(answer, Err(ReadError::Broken(_))) {
                // Noise on the line is no reason to ask otherwise from now on.
                answer = self.request(&all).await;
            }
            match answer {
                Ok(seen) => {
                    self.take(&seen).await;
                    self.everything_was_read();
                    return Ok(());
                }
                Err(error @ (ReadError::Refused(_) | ReadError::Broken(_))) => {
                    let device = &self.settings.name;
                    tracing::warn!(device, %error, "not everything can be read at once: it is read by ranges");
                    self.standing.by_ranges = Some(error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        self.read_parts(self.plan.everything()).await?;
        self.everything_was_read();
        Ok(())
    }

    pub(super) fn everything_was_read(&mut self) {
        self.plan.everything_was_read();
        self.standing.whole_at = Some(Instant::now());
        self.standing.whole_due = false;
        self.standing.events_lost = false;
    }

    /// Makes requests. What the outstation refuses, or answers so that it cannot be used, is looked for by halves, remembered and
    /// left out from then on: one object that nobody knows spoils the whole answer that it is in.
    async fn read_parts(&mut self, requests: Vec<Vec<Part>>) -> Result<(), ReadError> {
        let mut todo: Vec<(Vec<Part>, bool)> =
            requests.into_iter().rev().map(|parts| (parts, false)).collect();
        let (mut good, mut cuts, mut broken) = (false, 0, Vec::new());
        while let Some((parts, again)) = todo.pop() {
            let error = match self.request(&parts).await {
                Ok(seen) => {
                    self.take(&seen).await;
                    good = true;
                    continue;
                }
                Err(error) => error,
            };
            let why = match &error {
                ReadError::Refused(refusal) if names_what(*refusal) => Why::Refused,
                ReadError::Broken(_) => Why::Broken,
                _ => return Err(error),
            };
            good |= why == Why::Refused;
            cuts += 1;
            if cuts > if good { MOST_CUTS } else { MOST_BROKEN } {
                return Err(error);
            }
            match (halves(&parts), parts.first()) {
                (Some((first, second)), _) => todo.extend([(second, false), (first, false)]),
                (None, Some(_)) if why == Why::Broken && !again => todo.push((parts, true)),
                (None, Some(part)) if why == Why::Broken => broken.push((*part, error)),
                (None, Some(part)) => self.leave_out(*part, why, &error),
                (None, None) => {}
            }
        }
        match broken.pop() {
            // Nothing at all can be used: that is no matter of single points.
            Some((_, error)) if !good => return Err(error),
            last => broken.extend(last),
        }
        broken.iter().for_each(|(part, error)| self.leave_out(*part, Why::Broken, error));
        Ok(())
    }

    fn leave_out(&mut self, part: Part, why: Why, error: &ReadError) {
        tracing::warn!(device = self.settings.name, %part, %error, "cannot be read: left out");
        self.plan.leave_out(part, why);
    }

    /// One request. Commands that wait go first, also as long as it cannot be asked; news is heard meanwhile.
    pub(super) async fn request(&mut self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
        let field = self.field.clone();
        let stopping = || ReadError::NoConnection("the gateway is stopping".to_owned());
        loop {
            // Whoever answers since a reconnection has not been recognised yet.
            let known = self.introduced && !self.standing.again;
            if known && let Some(pending) = self.port.commands.take() {
                self.command(pending).await;
                continue;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(stopping()),
                ready = field.ready() => break ready?,
                pending = self.port.commands.next(), if known => self.command(pending).await,
                Some(news) = self.news.recv() => self.hear(news).await,
            }
        }
        let read = field.read(parts);
        tokio::pin!(read);
        loop {
            tokio::select! {
                biased;
                Some(news) = self.news.recv() => self.hear(news).await,
                result = &mut read => return result,
                () = self.stop.cancelled() => return Err(stopping()),
            }
        }
    }
}

/// True if the outstation refuses what is asked for, and not to be asked.
const fn names_what(refusal: Refusal) -> bool {
    (refusal.object_unknown || refusal.parameter_error) && !refusal.no_function
}
