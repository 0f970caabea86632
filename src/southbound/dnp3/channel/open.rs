//! Sets up the stack's end of a channel.

use super::dialler::Dialler;
use super::listener::Listener;
use super::{Carrier, Inner};
use crate::device_map::{Parity, SerialOptions};
use crate::southbound::dnp3::field::LinkState;
use crate::southbound::dnp3::{tls, trace};
use dnp3::link::{EndpointAddress, LinkErrorMode};
use dnp3::master::{MasterChannel, MasterChannelConfig};
use dnp3::serial::{DataBits, FlowControl, SerialSettings, StopBits, spawn_master_serial};
use dnp3::tcp::spawn_master_tcp_client_3;
use dnp3::tcp::tls::spawn_master_tls_client_3;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

impl Inner {
    /// Puts a new master in place of the one that may be there. One that cannot be set up is none, and the state says why.
    pub(super) fn spawn(self: &Arc<Self>, master: &mut Option<MasterChannel>) {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let made = self.make(generation);
        let mut standing = self.standing();
        standing.connecting = Some(Instant::now());
        standing.broken = false;
        *master = match made {
            Ok(made) => Some(made),
            Err(words) => {
                tracing::error!(place = %self.place, words, "this channel cannot be set up");
                self.set(&mut standing, LinkState::Down(words));
                None
            }
        };
    }

    fn make(self: &Arc<Self>, generation: u64) -> Result<MasterChannel, String> {
        let address = EndpointAddress::try_new(self.place.master)
            .map_err(|_| format!("{} cannot be the link address of a master", self.place.master))?;
        let mut config = MasterChannelConfig::new(address);
        config.decode_level = trace::level(self.trace);
        let tolerant = self.tolerant.load(Ordering::Relaxed);
        let mode = if tolerant { LinkErrorMode::Discard } else { LinkErrorMode::Close };
        let dialler = |ends| Box::new(Dialler::new(ends, self.options.connect_timeout, &self.pace, self));
        let listener = || Listener { channel: Arc::downgrade(self), generation };
        Ok(match &self.place.carrier {
            Carrier::Tcp { ends } => {
                spawn_master_tcp_client_3(mode, config, dialler(ends), Box::new(listener()))
            }
            Carrier::Tls { ends } => {
                let tls = tls::config(self.tls.as_ref()).map_err(|why| why.to_string())?;
                spawn_master_tls_client_3(mode, config, dialler(ends), Box::new(listener()), tls)
            }
            Carrier::Serial { path, serial } => {
                let retry = self.pace.first;
                spawn_master_serial(config, path, settings(serial), retry, Box::new(listener()))
            }
        })
    }
}

const fn settings(line: &SerialOptions) -> SerialSettings {
    SerialSettings {
        baud_rate: line.baud,
        data_bits: if line.data_bits == 7 { DataBits::Seven } else { DataBits::Eight },
        flow_control: FlowControl::None,
        stop_bits: if line.stop_bits == 2 { StopBits::Two } else { StopBits::One },
        parity: match line.parity {
            Parity::None => dnp3::serial::Parity::None,
            Parity::Even => dnp3::serial::Parity::Even,
            Parity::Odd => dnp3::serial::Parity::Odd,
        },
    }
}
