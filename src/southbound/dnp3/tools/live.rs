//! A real outstation for the tools: the connection, the map that fits, and what its silence may mean.

use super::{ByHand, Tape, Tell, carry_out, discover, plan, read, record};
use crate::der::{Capability, Nameplate, Outcome, Setpoint, Watts};
use crate::device_map::dnp3::{At, Operate, OutstationMap};
use crate::device_map::{DeviceMap, MARK, Maps};
use crate::southbound::dnp3::{
    Channel, Field, Indications, LinkState, News, Outstation, Part, Place, ReadError, diagnosis,
};
use crate::southbound::tools::{
    OperatedOutput, OutputOrder, OutstationRecording, Pick, PlannedOutput, PointAnswer, Stand,
};
use crate::southbound::{Link, ProbeError, ProbeOptions, ProbeReport};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell, mpsc};

/// Beyond the time for a connection: to find out why there is none.
const DIAGNOSIS: Duration = Duration::from_secs(3);

/// What the end of a connection may mean on which nothing was ever answered.
const CUT_OFF: &str = "connected, but the connection was cut off at the first request: does this port speak DNP3, and in \
     the clear (dnp3+tls:// is for TLS)? Or does it serve another master now, or not our address?";

/// An outstation that is connected to at the first request.
pub struct Live {
    link: Link,
    options: ProbeOptions,
    maps: Maps,
    trace: bool,
    open: OnceCell<Open>,
}

/// A connection, and what is known of who is at its other end.
struct Open {
    field: Outstation,
    /// The connection lasts as long as this.
    channel: Channel,
    news: Mutex<mpsc::Receiver<News>>,
    map: Arc<DeviceMap>,
    outstation: Arc<OutstationMap>,
}

impl Open {
    /// What it told of itself meanwhile, in words.
    async fn told(&self) -> Vec<String> {
        let mut news = self.news.lock().await;
        let mut words = Vec::new();
        while let Ok(news) = news.try_recv() {
            words.extend(told(&news));
        }
        words
    }
}

impl Live {
    /// Nothing is connected yet.
    #[must_use]
    pub fn new(link: &Link, options: &ProbeOptions, maps: &Maps, trace: bool) -> Self {
        Self {
            link: link.clone(),
            options: options.clone(),
            maps: maps.clone(),
            trace,
            open: OnceCell::new(),
        }
    }

    async fn open(&self) -> Result<&Open, ProbeError> {
        self.open.get_or_try_init(|| self.connect()).await
    }

    fn silent(&self, reason: String) -> ProbeError {
        ProbeError::Silent { link: self.link.to_string(), reason }
    }

    fn refused(&self, reason: String) -> ProbeError {
        ProbeError::Refused { link: self.link.to_string(), reason }
    }

    async fn connect(&self) -> Result<Open, ProbeError> {
        let (Some(place), Some(addresses)) = (Place::of(&self.link), self.link.dnp3()) else {
            return Err(self.refused("this is no DNP3 link".to_owned()));
        };
        let options = &self.options.link;
        let channel = Channel::open(place.clone(), options, self.options.tls.as_ref(), self.trace).await;
        let joined = channel.join_by_hand(addresses, options.response_timeout).await;
        let (field, mut news) = joined.map_err(|why| self.refused(why.to_string()))?;
        channel.enable().await;
        let patience = options.connect_timeout + DIAGNOSIS;
        match tokio::time::timeout(patience * 2, up(&mut news, patience)).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Err(self.no_way(&place, why).await),
            Err(_) => return Err(self.no_way(&place, "no connection in time".to_owned()).await),
        }
        let map = match &self.options.map {
            Some(map) => map.clone(),
            None => self.choose(&field, &channel).await?,
        };
        let Some(outstation) = map.outstation.clone() else {
            return Err(self.refused(format!("device map \"{}\" is not one of DNP3", map.id)));
        };
        Ok(Open { field, channel, news: Mutex::new(news), map, outstation })
    }

    /// The map whose mark the outstation shows, else the usual one.
    async fn choose(&self, field: &Outstation, channel: &Channel) -> Result<Arc<DeviceMap>, ProbeError> {
        let At { kind, index } = MARK;
        let raw = match field.read(&[Part::Range(kind, index, index)]).await {
            Ok(seen) => seen.iter().rfind(|seen| seen.at == MARK).and_then(|seen| whole(seen.raw)),
            Err(ReadError::Refused(_) | ReadError::Broken(_)) => None,
            Err(error) => return Err(self.failed(channel, &error).await),
        };
        let map = self.maps.outstation_for(raw).cloned();
        map.ok_or_else(|| {
            self.refused("there is no device map for DNP3 outstations; name one with --map".to_owned())
        })
    }

    /// Why there is no connection. What is in the way is looked for once more, to tell silence from a no.
    async fn no_way(&self, place: &Place, told: String) -> ProbeError {
        let limit = self.options.link.connect_timeout;
        match diagnosis::cause(place, self.options.tls.as_ref(), limit).await {
            Some(cause) if cause.refuses => self.refused(cause.words),
            Some(cause) => self.silent(cause.words),
            None => self.silent(told),
        }
    }

    /// What a failed read means. Who was connected to and never answered may speak another protocol.
    async fn failed(&self, channel: &Channel, error: &ReadError) -> ProbeError {
        let place = Place::of(&self.link).filter(|place| !place.is_serial());
        match (error, place) {
            (ReadError::NoConnection(_), Some(place)) if !channel.has_answered() => {
                self.no_way(&place, CUT_OFF.to_owned()).await
            }
            _ => failed(&self.link, self.options.link.response_timeout, error),
        }
    }

    /// The map by which it is read.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn map(&self) -> Result<Arc<DeviceMap>, ProbeError> {
        Ok(self.open().await?.map.clone())
    }

    /// Reads everything that it shows.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn discover(&self, tell: Tell<'_>) -> Result<ProbeReport, ProbeError> {
        let open = self.open().await?;
        let report = discover(&open.field, &open.map, &open.outstation, tell).await;
        let mut report = match report {
            Ok(report) => report,
            Err(error) => return Err(self.failed(&open.channel, &error).await),
        };
        report.warnings.extend(open.told().await);
        Ok(report)
    }

    /// Reads what was named.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn read(&self, picks: &[Pick]) -> Result<Vec<PointAnswer>, ProbeError> {
        let open = self.open().await?;
        match read(&open.field, &open.outstation, picks).await {
            Ok(answers) => Ok(answers),
            Err(error) => Err(self.failed(&open.channel, &error).await),
        }
    }

    /// Decides what is sent to outputs.
    ///
    /// # Errors
    /// It does not answer; inside, what cannot be sent.
    pub async fn plan(
        &self,
        orders: &[OutputOrder],
        how: Option<Operate>,
    ) -> Result<Result<Vec<PlannedOutput>, String>, ProbeError> {
        Ok(plan(&self.open().await?.outstation, orders, how))
    }

    /// Operates outputs in order.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn operate(
        &self,
        plans: &[PlannedOutput],
        tell: Tell<'_>,
    ) -> Result<Vec<OperatedOutput>, ProbeError> {
        let open = self.open().await?;
        Ok(carry_out(&open.field, &open.outstation, plans, tell).await)
    }

    /// Reads every point, once.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn record(&self, tell: Tell<'_>) -> Result<OutstationRecording, ProbeError> {
        let open = self.open().await?;
        let link = self.link.to_string();
        match record(&open.field, &link, &open.map, &open.outstation, tell).await {
            Ok(mut recording) => {
                recording.warnings.extend(open.told().await);
                Ok(recording)
            }
            Err(error) => Err(self.failed(&open.channel, &error).await),
        }
    }

    /// Reads what controls rest on.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn by_hand(&self, tell: Tell<'_>) -> Result<Controlled, ProbeError> {
        let open = self.open().await?;
        let made = ByHand::new(open.field.clone(), &open.map, &open.outstation, tell).await;
        let hand = match made {
            Ok(hand) => hand,
            Err(error) => return Err(self.failed(&open.channel, &error).await),
        };
        Ok(Controlled { hand, link: self.link.clone(), patience: self.options.link.response_timeout })
    }
}

/// A real outstation, ready to be controlled.
pub struct Controlled {
    hand: ByHand<Outstation>,
    link: Link,
    patience: Duration,
}

impl Controlled {
    /// Who it is.
    #[must_use]
    pub fn nameplate(&self) -> Nameplate {
        self.hand.nameplate()
    }

    /// What it can be asked for.
    #[must_use]
    pub fn capability(&self) -> Capability {
        self.hand.capability()
    }

    /// What would be sent for a set point: what is asked, and each operation, in words.
    ///
    /// # Errors
    /// The outcome that it would have without anything being sent.
    pub fn preview(&mut self, setpoint: &Setpoint, hold: Duration) -> Result<(String, Vec<String>), Outcome> {
        let preview = self.hand.preview(setpoint, hold)?;
        Ok((preview.summary, preview.lines))
    }

    /// Sends it, and reads back.
    pub async fn carry_out(&mut self, setpoint: &Setpoint, hold: Duration, patience: Duration) -> Outcome {
        self.hand.carry_out(setpoint, hold, patience).await
    }

    /// How the points stand now that show what was sent last.
    pub async fn stands(&self) -> Vec<Stand> {
        self.hand.stands().await
    }

    /// Reads once more what a plan looks at.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn refresh(&mut self) -> Result<(), ProbeError> {
        self.hand.refresh().await.map_err(|error| failed(&self.link, self.patience, &error))
    }

    /// The active power now; `None` if it does not tell.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn active_power(&mut self) -> Result<Option<Watts>, ProbeError> {
        self.hand.active_power().await.map_err(|error| failed(&self.link, self.patience, &error))
    }
}

/// What a failed read means to the person who asked.
fn failed(link: &Link, patience: Duration, error: &ReadError) -> ProbeError {
    let (silent, refused) = match error {
        ReadError::NoConnection(why) => (Some(why.clone()), None),
        ReadError::Silent => (Some(silence(link, patience)), None),
        ReadError::Refused(_) | ReadError::Broken(_) => (None, Some(error.to_string())),
    };
    let link = link.to_string();
    match (silent, refused) {
        (Some(reason), _) => ProbeError::Silent { link, reason },
        (None, reason) => ProbeError::NotSunspec { link, reason: reason.unwrap_or_default() },
    }
}

/// Waits until the connection stands. The error says why it does not: the cause is found a little after the fact.
async fn up(news: &mut mpsc::Receiver<News>, patience: Duration) -> Result<(), String> {
    let mut first: Option<String> = None;
    loop {
        let told = match &first {
            None => news.recv().await,
            Some(why) => match tokio::time::timeout(patience, news.recv()).await {
                Ok(told) => told,
                Err(_) => return Err(why.clone()),
            },
        };
        match told {
            None => return Err(first.unwrap_or_else(|| "the connection has ended".to_owned())),
            Some(News::Link(LinkState::Up)) => return Ok(()),
            Some(News::Link(LinkState::Down(why))) if first.is_some() => return Err(why),
            Some(News::Link(LinkState::Down(why))) => first = Some(why),
            Some(_) => {}
        }
    }
}

/// What the silence of an outstation may mean.
fn silence(link: &Link, waited: Duration) -> String {
    let Some(addresses) = link.dnp3() else { return "no answer".to_owned() };
    let (outstation, master) = (addresses.outstation, addresses.master);
    let tries = [1024, 1, 10, 4].into_iter().filter(|other| *other != outstation).take(3);
    let tries: Vec<String> = tries.map(|other| format!("?outstation={other}")).collect();
    format!(
        "connected, but outstation {outstation} does not answer master {master} within {waited:?}. Are the link addresses those of \
         the device (try {}, and &master= as it is set there)? Has it a master already: many serve one at a time, and only \
         the master address that they know?",
        tries.join(", ")
    )
}

/// A whole number.
fn whole(raw: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number of 32 bits")]
    (raw.fract() == 0.0 && raw.abs() <= f64::from(u32::MAX)).then_some(raw as i64)
}

/// What a piece of news is worth saying.
fn told(news: &News) -> Vec<String> {
    match news {
        News::Indications(bits) => indications(*bits),
        News::Restarted => {
            vec!["it had restarted (IIN1.7), and that is now marked as seen: a gateway that drives it may miss it".to_owned()]
        }
        News::TaskFailed(task, why) => vec![format!("{task}: {why}")],
        News::EndPoint(words) => vec![words.clone()],
        News::Link(LinkState::Down(why)) => vec![format!("the connection was lost meanwhile: {why}")],
        News::Link(_) | News::Values(..) | News::ReadRanges => Vec::new(),
    }
}

fn indications(bits: Indications) -> Vec<String> {
    let words = [
        (bits.need_time, "it asks for the time (IIN1.4): its time stamps are not to be trusted"),
        (bits.local, "some of its outputs are in local control (IIN1.5)"),
        (bits.trouble, "it has a trouble of its own (IIN1.6)"),
        (bits.overflow, "it has lost events (IIN2.3)"),
        (bits.config_corrupt, "its configuration is corrupt (IIN2.5)"),
    ];
    words.into_iter().filter(|(set, _)| *set).map(|(_, words)| words.to_owned()).collect()
}

/// Reads what was recorded as if it were the outstation.
///
/// # Errors
/// See [`ProbeError`].
pub async fn replay(
    recording: &OutstationRecording,
    map: &Arc<DeviceMap>,
) -> Result<ProbeReport, ProbeError> {
    let fail = |reason: String| ProbeError::NotSunspec { link: recording.link.clone(), reason };
    let Some(outstation) = &map.outstation else {
        return Err(fail(format!("device map \"{}\" is not one of DNP3", map.id)));
    };
    let report = discover(&Tape::new(recording), map, outstation, &|_| {}).await;
    let mut report = report.map_err(|error| fail(error.to_string()))?;
    let earlier = recording.refused.iter().map(|gap| format!("not recorded: {gap}"));
    report.warnings.extend(earlier.chain(recording.warnings.iter().cloned()));
    Ok(report)
}

#[cfg(test)]
mod tests;
