//! A QueryDERGroupStatuses for a group of 1,000, there and back over one kept HTTP connection, beside a bare TCP echo of as
//! many bytes: what the messages cost, without devices.
//!
//!     cargo bench --bench messages
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measuring tool stops at the first thing that goes wrong; criterion's macros document nothing"
)]

#[path = "support/soap.rs"]
mod soap;

use criterion::{Criterion, criterion_group, criterion_main};
use dergate::core::service::{GroupView, ParameterView, Service, Snapshot};
use dergate::der::{DerFunction, DerFunctions, EndDeviceGroup, Mrid, Name, Parameter};
use dergate::northbound;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Bytes of a request and of its answer, about.
const ECHO: usize = 1500;

fn snapshot() -> Snapshot {
    let group = EndDeviceGroup {
        mrid: Mrid::parse("7d0e5a52-6f0b-4c1e-9a57-2f4b8a3c1d01").unwrap(),
        description: None,
        functions: DerFunctions::NONE.with(DerFunction::RealPowerDispatch),
        members: (0..1000).map(|i| Mrid::parse(&format!("device-{i}")).unwrap()).collect(),
        names: vec![Name::plain("ALL")],
        version: None,
    };
    let (by_mrid, by_name) = Snapshot::directory(std::iter::once(&group));
    let power = ParameterView {
        parameter: Parameter::ActivePower,
        value: Some(8.5e6),
        at: Some(jiff::Timestamp::now()),
        rests_on: 1000,
        installed_on: 1000,
        installed_max: Some(1e7),
        installed_min: Some(0.0),
    };
    let view =
        GroupView { group: Arc::new(group), parameters: vec![power], online: 1000, missing: Vec::new() };
    Snapshot {
        groups: vec![Arc::new(view)],
        by_mrid: Arc::new(by_mrid),
        by_name: Arc::new(by_name),
        ..Snapshot::default()
    }
}

async fn gateway() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (service, _requests, cell) = Service::new(1);
    cell.store(Arc::new(snapshot()));
    tokio::spawn(northbound::serve(
        northbound::Settings::default(),
        listener,
        service,
        CancellationToken::new(),
    ));
    address
}

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; ECHO];
            while stream.read_exact(&mut buffer).await.is_ok() && stream.write_all(&buffer).await.is_ok() {}
        }
    });
    address
}

fn messages(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (gateway, echo) = runtime.block_on(async { (gateway().await, echo().await) });
    assert_eq!(runtime.block_on(soap::active_power_rests_on(gateway)), 1000, "the answer is the group's");
    criterion.bench_function("100 status queries of a group of 1,000", |bencher| {
        bencher.to_async(&runtime).iter(|| soap::query_statuses(gateway, 1, 100));
    });
    criterion.bench_function("100 bare echoes of 1,500 bytes", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let mut stream = TcpStream::connect(echo).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut buffer = [0; ECHO];
            for _ in 0..100 {
                stream.write_all(&buffer).await.unwrap();
                stream.read_exact(&mut buffer).await.unwrap();
            }
        });
    });
}

criterion_group!(benches, messages);
criterion_main!(benches);
