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
        let all = sent.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(multidrop(near, branches.clone(), all.clone()));
            }
        });
        Self { at, made, flows, stations, sent }
    }

    /// In the order in which they were given.
    pub fn station(&self, place: usize) -> &Station {
        &self.stations[place]
    }

    /// Frames that the master has sent to an outstation so far.
    pub fn frames_to(&self, outstation: u16) -> usize {
        let [low, high] = outstation.to_le_bytes();
        let to = |octets: &&[u8]| octets[..2] == [0x05, 0x64] && octets[4..6] == [low, high];
        self.sent.lock().unwrap().windows(6).filter(to).count()
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
        for out in &mut outs {
            out.write_all(&buffer[..got]).await.ok()?;
        }
    }
}
