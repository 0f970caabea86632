//! Several outstations on one line, which may fall silent one by one. It keeps what the master sends.

use super::{ADDRESSES, Flow, Station};
use crate::southbound::Dnp3Addresses;
use crate::testing::own_address;
use dnp3::link::LinkErrorMode;
use dnp3::tcp::Server;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Several outstations on one line: each hears everything that the master sends.
pub struct Multidrop {
    pub at: SocketAddr,
    /// Connections made.
    pub made: Arc<AtomicUsize>,
    flows: Vec<(u16, watch::Sender<Flow>)>,
    stations: Vec<Station>,
    /// What the master has sent.
    sent: Arc<Mutex<Vec<u8>>>,
    /// The next frame to the first of these is answered as if by the second.
    late: Late,
}

type Late = Arc<Mutex<Option<(u16, u16)>>>;

/// What an outstation says when it is asked for the state of the link.
fn link_status(from: u16) -> Vec<u8> {
    let ([to_low, to_high], [low, high]) = (ADDRESSES.master.to_le_bytes(), from.to_le_bytes());
    let mut frame = vec![0x05, 0x64, 0x05, 0x0B, to_low, to_high, low, high];
    let crc = frame.iter().fold(0_u16, |crc, octet| {
        (0..8).fold(crc ^ u16::from(*octet), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA6BC } else { crc >> 1 })
    });
    frame.extend((!crc).to_le_bytes());
    frame
}

/// Where a frame to an outstation begins.
fn is_to(octets: &[u8], outstation: u16) -> bool {
    octets.starts_with(&[0x05, 0x64]) && octets[4..6] == outstation.to_le_bytes()
}

impl Multidrop {
    pub async fn of(outstations: &[u16]) -> Self {
        let listener = TcpListener::bind(own_address()).await.unwrap();
        let (at, made) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (mut flows, mut stations, mut branches) = (Vec::new(), Vec::new(), Vec::new());
        for &outstation in outstations {
            let server = Server::new_tcp_server(LinkErrorMode::Close, own_address());
            let addresses = Dnp3Addresses { outstation, ..ADDRESSES };
            let station = Station::in_server(server, Arc::default(), &[addresses]).await;
            let (flow, seen) = watch::channel(Flow::Pass);
            branches.push((station.at, seen));
            flows.push((outstation, flow));
            stations.push(station);
        }
        let (count, sent) = (made.clone(), Arc::new(Mutex::new(Vec::new())));
        let (all, late) = (sent.clone(), Late::default());
        let answers = late.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(multidrop(near, branches.clone(), all.clone(), answers.clone()));
            }
        });
        Self { at, made, flows, stations, sent, late }
    }

    /// In the order in which they were given.
    pub fn station(&self, place: usize) -> &Station {
        &self.stations[place]
    }

    /// Frames that the master has sent to an outstation so far.
    pub fn frames_to(&self, outstation: u16) -> usize {
        self.sent.lock().unwrap().windows(6).filter(|octets| is_to(octets, outstation)).count()
    }

    /// The next frame to `outstation` is answered late by its neighbour, which was asked for the state of the link before.
    pub fn answer_once(&self, outstation: u16, neighbour: u16) {
        *self.late.lock().unwrap() = Some((outstation, neighbour));
    }

    /// That has happened.
    pub fn has_answered(&self) -> bool {
        self.late.lock().unwrap().is_none()
    }

    pub fn kill(&self, outstation: u16) {
        self.let_flow(outstation, Flow::Swallow);
    }

    pub fn revive(&self, outstation: u16) {
        self.let_flow(outstation, Flow::Pass);
    }

    fn let_flow(&self, outstation: u16, flow: Flow) {
        let (_, line) = self.flows.iter().find(|(address, _)| *address == outstation).unwrap();
        line.send(flow).unwrap();
    }
}

async fn multidrop(
    near: TcpStream,
    branches: Vec<(SocketAddr, watch::Receiver<Flow>)>,
    sent: Arc<Mutex<Vec<u8>>>,
    late: Late,
) -> Option<()> {
    let (mut near_in, near_out) = near.into_split();
    let near_out = Arc::new(tokio::sync::Mutex::new(near_out));
    let mut outs = Vec::new();
    let mut answers = tokio::task::JoinSet::new();
    for (there, flow) in branches {
        let (mut far_in, far_out) = TcpStream::connect(there).await.ok()?.into_split();
        outs.push(far_out);
        let near_out = near_out.clone();
        answers.spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok(got) = far_in.read(&mut buffer).await
                && got > 0
            {
                if *flow.borrow() == Flow::Pass {
                    near_out.lock().await.write_all(&buffer[..got]).await.unwrap();
                }
            }
        });
    }
    let mut buffer = vec![0; 4096];
    loop {
        let got = near_in.read(&mut buffer).await.ok().filter(|got| *got > 0)?;
        sent.lock().unwrap().extend_from_slice(&buffer[..got]);
        let asked = |(outstation, _): &mut (u16, u16)| {
            buffer[..got].windows(6).any(|octets| is_to(octets, *outstation))
        };
        let answered = late.lock().unwrap().take_if(asked);
        if let Some((_, neighbour)) = answered {
            near_out.lock().await.write_all(&link_status(neighbour)).await.ok()?;
        }
        for out in &mut outs {
            out.write_all(&buffer[..got]).await.ok()?;
        }
    }
}
