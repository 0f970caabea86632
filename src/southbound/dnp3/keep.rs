//! Keeps in force what was asked: what somebody else has taken away is put back, unless the outstation says that it is in local
//! control. What was taken away and how often is the matter of [`Commands`](super::Commands).

use super::commands::Remedy;
use super::device::{Device, look, meanwhile};
use super::sequence::remark;
use super::{Field, LinkState};
use crate::der::Outcome;
use crate::southbound::feud;
use jiff::Timestamp;
use std::time::Duration;

/// What a restart has ended is told within this time after its bit was seen first.
const RESTART: Duration = Duration::from_secs(30);

impl<F: Field> Device<'_, F> {
    /// Looks at what the outstation tells not to stand any more, and puts it back.
    pub(super) async fn keep(&mut self) {
        // News and orders that wait may explain it, or make it needless.
        if !self.may_keep()
            || !self.news.is_empty()
            || self.port.commands.waiting()
            || !self.hands.suspects(&self.field, &self.image)
        {
            return;
        }
        let work = async {
            look(&self.field, &self.plan, &mut self.image).await.ok()?;
            Some(self.hands.astray(&self.field, &self.image).await)
        };
        let (lost, heard) = meanwhile(&mut self.news, work).await;
        self.standing.blocked |= self.image.blocked().is_some();
        for news in heard {
            self.hear(news).await;
        }
        let Some(lost) = lost.filter(|lost| !lost.is_empty()) else { return };
        for lost in lost {
            if !self.may_keep() {
                return;
            }
            let work = self.hands.put_back(&self.field, &self.image, &lost);
            let (remedy, heard) = meanwhile(&mut self.news, work).await;
            let (device, asked, shows) = (&self.settings.name, &lost.asked, &lost.shown);
            let words = match &remedy {
                Remedy::PutBack(Outcome::Applied(_)) => {
                    tracing::warn!(device, %asked, shows, "ended or changed by somebody else, and put back");
                    Some(feud::restored(&asked.to_string(), shows))
                }
                Remedy::PutBack(outcome) => {
                    let outcome = outcome.words();
                    tracing::warn!(device, %asked, shows, outcome, "ended or changed by somebody else, and not put back");
                    Some(feud::in_vain(&asked.to_string(), shows, &outcome))
                }
                Remedy::Left(Some(words)) => {
                    tracing::warn!(device, %asked, shows, "ended or changed by somebody else again and again");
                    Some(words.clone())
                }
                Remedy::Left(None) => None,
            };
            let remarks = words.map(|words| remark(&words, Timestamp::now()));
            self.tell(remarks.into_iter().collect()).await;
            self.remember().await;
            for news in heard {
                self.hear(news).await;
            }
        }
        let effects = self.hands.effects(&[]);
        self.life.say_effects(effects).await;
        self.say_state().await;
    }

    fn may_keep(&self) -> bool {
        let standing = &self.standing;
        let here =
            self.introduced && standing.link == LinkState::Up && !standing.again && !standing.restarted;
        let local = standing.blocked || standing.indications.local || self.image.blocked().is_some();
        // Until it is told what a restart has ended, nobody else is to blame.
        let restarting = standing.restarting.is_some_and(|at| at.elapsed() < RESTART);
        here && !local && !restarting && self.life.stranger().is_none() && !self.stop.is_cancelled()
    }
}
