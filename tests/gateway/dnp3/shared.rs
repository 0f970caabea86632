//! Two outstations behind one end point, of which one goes wrong: what an operator sees of it, and that its neighbour on the same
//! connection is read on and takes commands. Rows of the fault matrix, which runs them.

use super::frame::Frames;
use super::proxy::{Bend, Trouble};
use crate::spine::{Site, dispatch, start_as};
use dergate::core::service::DeviceView;
use dergate::der::{DeviceState, Quality, Quantity};
use dergate::simulator::{Device, DeviceSettings, Fault, Kind, LinkAddresses, Plant, PlantSettings};
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// The one that goes wrong; the other one is 0.
const WRONG: usize = 1;

/// What goes wrong with one of the two, and what an operator is told of it.
struct Case {
    name: &'static str,
    fault: Option<Fault>,
    trouble: Trouble,
    /// One of these, with | between them, is in the reason; empty if its commands are refused and nothing else.
    says: &'static str,
}

const CASES: [Case; 3] = [
    Case { name: "falls silent", fault: None, trouble: Trouble::Silent, says: "does not answer" },
    Case {
        name: "answers with frames that do not fit their check sums",
        fault: None,
        trouble: Trouble::Corrupt,
        says: "does not answer|check sums",
    },
    Case { name: "refuses commands", fault: Some(Fault::Lockout), trouble: Trouble::None, says: "" },
];

/// A connection that goes on to all outstations, as a line does: each hears everything. Gives where it begins.
pub async fn lay(
    ends: Vec<SocketAddr>,
    trouble: watch::Receiver<Trouble>,
    tasks: &mut JoinSet<()>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut wires = JoinSet::new();
        while let Ok((master, _)) = listener.accept().await {
            wires.spawn(carry(master, ends.clone(), trouble.clone()));
        }
    });
    address
}

async fn carry(
    mut master: TcpStream,
    ends: Vec<SocketAddr>,
    trouble: watch::Receiver<Trouble>,
) -> Option<()> {
    let (said, mut heard) = mpsc::channel::<Vec<u8>>(64);
    let (mut outs, mut branches) = (Vec::new(), JoinSet::new());
    for (place, end) in ends.into_iter().enumerate() {
        let (mut says, out) = TcpStream::connect(end).await.ok()?.into_split();
        outs.push(out);
        let (said, trouble) = (said.clone(), trouble.clone());
        branches.spawn(async move {
            let (mut octets, mut frames, mut bend) = (vec![0; 4096], Frames::default(), Bend::default());
            while let Ok(read) = says.read(&mut octets).await
                && read > 0
            {
                for frame in frames.take(&octets[..read]) {
                    let trouble = if place == WRONG { *trouble.borrow() } else { Trouble::None };
                    if trouble == Trouble::Silent {
                        continue;
                    }
                    if said.send(bend.bend(frame, trouble).concat()).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
    let mut asked = vec![0; 4096];
    loop {
        tokio::select! {
            Some(octets) = heard.recv() => master.write_all(&octets).await.ok()?,
            read = master.read(&mut asked) => {
                let read = read.ok().filter(|read| *read > 0)?;
                for out in &mut outs {
                    out.write_all(&asked[..read]).await.ok()?;
                }
            }
            _ = branches.join_next() => return None,
        }
    }
}

fn view(site: &Site, place: usize) -> Arc<DeviceView> {
    site.service.snapshot().devices[place].clone()
}

/// When the active power of the neighbour was good last.
fn good_at(site: &Site) -> Option<Timestamp> {
    let power = view(site, 0).readings.iter().find(|r| r.quantity == Quantity::ActivePower).cloned();
    power.filter(|power| power.quality == Quality::Good).and_then(|power| power.at)
}

/// The two of them, to be reached one behind the other.
pub fn outstations() -> Vec<DeviceSettings> {
    let device = |(address, name): (u16, &str)| {
        let mut device = DeviceSettings::dnp3(name, Kind::Pv);
        device.outstation = Some(LinkAddresses { outstation: address, master: 1 });
        device.irradiance = 0.9;
        device
    };
    [(10, "NEAR"), (11, "FAR")].map(device).to_vec()
}

async fn plant() -> Plant {
    let devices = outstations();
    Plant::start(PlantSettings { control: None, devices }).await.unwrap()
}

async fn row(case: Case) -> String {
    let plant = plant().await;
    let (trouble, told) = watch::channel(Trouble::None);
    let mut tasks = JoinSet::new();
    let ends = plant.devices().iter().map(Device::address).collect();
    let here = lay(ends, told, &mut tasks).await;
    let link = |device: &Device| device.link().replace(&device.address().to_string(), &here.to_string());
    let site = start_as(plant, tempfile::tempdir().unwrap(), "", link).await;
    site.group().await;

    trouble.send_replace(case.trouble);
    case.fault.into_iter().for_each(|fault| site.plant.devices()[WRONG].set_fault(fault));
    let failed = Timestamp::now();
    site.client.create_dispatches(&[dispatch(9e3, 600)]).await.unwrap();
    let share = |s: &Site, name: &str| {
        let shares = s.service.snapshot().dispatches[0].shares.clone();
        shares.into_iter().find(|share| share.name == name)
    };
    site.until("the neighbour takes its command", |s| {
        share(s, "NEAR").is_some_and(|s| s.outcome == "applied")
    })
    .await;
    assert!(site.plant.devices()[0].held());
    let words = |s: &Site| match case.says {
        "" => share(s, "FAR").map(|share| share.reason),
        _ => Some(view(s, WRONG))
            .filter(|far| far.state == DeviceState::CommLost)
            .map(|far| far.reason.clone()),
    };
    let reason = Mutex::new(String::new());
    let said = |s: &Site| {
        let words = words(s).unwrap_or_default();
        let said = case.says.split('|').any(|part| words.contains(part)) && !words.is_empty();
        if said {
            *reason.lock().unwrap() = words;
        }
        said
    };
    site.until("it is said what is wrong", said).await;
    let since = Timestamp::now();
    site.until("the neighbour is read on", |s| good_at(s).is_some_and(|at| at > since.max(failed))).await;
    site.until("the neighbour is online", |s| view(s, 0).state == DeviceState::Online).await;
    // One more, now that it is known.
    site.client.create_dispatches(&[dispatch(3e3, 600)]).await.unwrap();
    site.until("the neighbour takes another one", |s| {
        let dispatches = s.service.snapshot().dispatches.clone();
        let newest = dispatches.iter().max_by_key(|dispatch| dispatch.starts);
        newest.is_some_and(|d| d.shares.iter().any(|s| s.name == "NEAR" && s.outcome == "applied"))
    })
    .await;
    let (state, reason) = (view(&site, WRONG).state.name(), reason.into_inner().unwrap());
    site.stop().await.0.stop().await;
    format!(
        "one of two on one connection {}, later | {state} | {reason} | - | the neighbour's: applied | read on | yes\n",
        case.name
    )
}

/// Gives the rows of the table.
pub async fn rows() -> String {
    let rows: Vec<String> = futures_util::future::join_all(CASES.map(row)).await;
    rows.concat()
}
