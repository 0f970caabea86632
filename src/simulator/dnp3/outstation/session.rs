//! One master's side of an outstation: a database and events of its own, on a loopback port of its own.
//!
//! The crate serves one connection a port, and a second one ends the first. What several masters ask of the one station behind
//! their sessions is the same to it, whoever asked.

use super::database::{self, Shown};
use super::{Outstation, handlers, locked};
use dnp3::app::measurement::Time;
use dnp3::link::LinkErrorMode;
use dnp3::outstation::database::DatabaseHandle;
use dnp3::tcp::{AddressFilter, Server, ServerHandle};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a master sees of a station.
pub struct View {
    database: DatabaseHandle,
    shown: Mutex<Shown>,
    connected: Arc<AtomicBool>,
}

impl View {
    /// True while a master is there.
    pub fn is_watched(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Shows what the station shows now; an event for what changed.
    pub fn refresh(&self, outstation: &Outstation) {
        let mut shown = locked(&self.shown);
        // The station is free again before the crate's database is touched.
        let (changes, time) = {
            let station = outstation.now();
            (shown.changes(&station), outstation.clock(station.behaviour()))
        };
        database::apply(&self.database, &changes, time);
    }

    /// More events than there is room for.
    pub fn flood(&self, events: usize, time: Time) {
        database::flood(&self.database, events, time);
    }
}

/// A session; it ends when this is dropped.
pub struct Session {
    outstation: Arc<Outstation>,
    view: Arc<View>,
    address: SocketAddr,
    _running: ServerHandle,
}

impl Session {
    /// Opens one on a free loopback port.
    pub async fn open(outstation: &Arc<Outstation>) -> std::io::Result<Self> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server::new_tcp_server(LinkErrorMode::Close, loopback);
        let connected = Arc::new(AtomicBool::new(false));
        let handle = server
            .add_outstation(
                outstation.config()?,
                handlers::application(outstation),
                handlers::information(outstation),
                handlers::control(outstation),
                handlers::listener(outstation, connected.clone()),
                AddressFilter::Any,
            )
            .map_err(std::io::Error::other)?;
        let database = handle.get_database_handle();
        let shown = {
            let station = outstation.now();
            Mutex::new(database::build(&station, &database, outstation.clock(station.behaviour())))
        };
        let running = server.bind().await?;
        let address = running.local_addr().ok_or_else(|| std::io::Error::other("it listens nowhere"))?;
        let view = Arc::new(View { database, shown, connected });
        locked(&outstation.views).push(view.clone());
        Ok(Self { outstation: outstation.clone(), view, address, _running: running })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        locked(&self.outstation.views).retain(|view| !Arc::ptr_eq(view, &self.view));
    }
}
