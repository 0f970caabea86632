//! Which map an outstation is of: the one that is named for it, if it has its mark, or the one that is meant for its mark.
//!
//! It asks for one point at most; what becomes of the answer is the matter of `device`.

use super::device::{Device, Halt, Trouble};
use super::image::is;
use super::poll::plan::Plan;
use super::{Field, Part, ReadError};
use crate::device_map::dnp3::{At, Mark, OutstationMap, SessionOptions};
use crate::device_map::{DeviceMap, MARK};
use std::sync::Arc;
use std::time::Duration;

impl<F: Field> Device<'_, F> {
    /// Finds out whether the device is one of its map, or which map is meant for it.
    pub(super) async fn recognise(&mut self) -> Result<(), Halt> {
        let named = self.settings.map_named;
        let own = self.outstation.identify.as_ref().map(|mark| mark.at);
        let Some(at) = (if named { own } else { Some(MARK) }) else { return Ok(()) };
        let mut unreadable = None;
        if !self.image.within(at, 0) {
            match self.request(&[Part::Range(at.kind, at.index, at.index)]).await {
                Ok(seen) => self.take(&seen).await,
                Err(error @ (ReadError::Refused(_) | ReadError::Broken(_))) => unreadable = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        let raw = self.image.seen(at).filter(|_| self.image.within(at, 0)).map(|seen| seen.raw);
        let said = match (raw, unreadable) {
            (Some(raw), _) => format!("{at} is {raw}"),
            (None, Some(error)) => format!("{at} cannot be read: {error}"),
            (None, None) => format!("{at} is not there"),
        };
        let fits = |map: &OutstationMap| {
            map.identify.as_ref().is_none_or(|mark| raw.is_some_and(|raw| marks(mark, at, raw)))
        };
        if named {
            return if fits(&self.outstation) { Ok(()) } else { Err(other(self.strange(&said))) };
        }
        let whole = raw.and_then(|raw| raw.to_string().parse().ok());
        let best = self.maps.outstation_for(whole);
        let Some(map) = best.filter(|map| map.outstation.as_ref().is_some_and(|o| fits(o))).cloned() else {
            return Err(other(format!(
                "{said}, and no map is meant for that; name one (map = \"…\") in the device's table of the configuration"
            )));
        };
        if map.id != self.map.id && asked_otherwise(&map, &self.map) {
            return Err(Halt::Rejoin(map));
        }
        if self.take_map(&map) {
            self.read_everything().await?;
        }
        Ok(())
    }

    /// Why it is not a device of its map.
    fn strange(&self, said: &str) -> String {
        let any_of = self.outstation.identify.as_ref().map(|mark| mark.any_of.as_slice()).unwrap_or_default();
        let wanted: Vec<String> = any_of.iter().take(8).map(i64::to_string).collect();
        let more = if any_of.len() > wanted.len() { ", …" } else { "" };
        let title = &self.map.title;
        format!(
            "{said}, which is none of {}{more}: this is not a {title}; choose another map",
            wanted.join(", ")
        )
    }

    /// Another map is meant for the device. True if not all that it names can be known.
    fn take_map(&mut self, map: &Arc<DeviceMap>) -> bool {
        if map.id == self.map.id {
            return false;
        }
        self.outstation = map.outstation.clone().unwrap_or_default();
        let narrow = self.image.set_map(self.outstation.clone());
        self.plan = Plan::new(&self.outstation);
        self.hands.set_map(&map.id, self.outstation.clone());
        self.map = map.clone();
        narrow || self.standing.by_ranges.is_some()
    }
}

fn other(words: String) -> Halt {
    Halt::Trouble(Trouble::Other(words))
}

/// True if the association that was made for one map is not the one that another wants.
fn asked_otherwise(new: &DeviceMap, old: &DeviceMap) -> bool {
    let session = |map: &DeviceMap| {
        let session =
            map.outstation.as_ref().map(|outstation| outstation.session.clone()).unwrap_or_default();
        // How often everything is read is a matter of the device's own.
        SessionOptions { integrity: Duration::ZERO, ..session }
    };
    new.link.response_timeout != old.link.response_timeout || session(new) != session(old)
}

fn marks(mark: &Mark, at: At, raw: f64) -> bool {
    mark.at == at && mark.any_of.iter().any(|wanted| is(raw, *wanted))
}
