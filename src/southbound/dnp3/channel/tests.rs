//! Channels: where they go, how they come back, and what is said when they do not.

use super::{Carrier, Channel, Place};
use crate::device_map::LinkOptions;
use crate::southbound::dnp3::field::{Field, LinkState, News, Part, ReadError, Source};
use crate::southbound::dnp3::peer::{
    ADDRESSES, Desk, Desktop, Multidrop, Pipe, Station, pace, place, session,
};
use crate::southbound::tls::front::{Site, front, server, site};
use crate::southbound::tls::testing::{Authority, Issued, Sheet};
use crate::southbound::tls::{Client, Fingerprint};
use crate::southbound::{Dnp3Addresses, Link};
use crate::testing::own_address;
use rustls::version::{TLS12, TLS13};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;

#[test]
fn links_to_the_same_end_point_as_the_same_master_share_a_channel() {
    let place = |text: &str| Place::of(&Link::parse(text).unwrap());
    let one = place("dnp3+tcp://192.0.2.1:20000?outstation=10&master=1").unwrap();
    assert_eq!(Some(&one), place("dnp3+tcp://192.0.2.1:20000?outstation=11&master=1").as_ref());
    assert_ne!(Some(&one), place("dnp3+tcp://192.0.2.1:20000?outstation=10&master=2").as_ref());
    assert_ne!(Some(&one), place("dnp3+tls://192.0.2.1:20000?outstation=10&master=1").as_ref());
    assert_eq!(one.to_string(), "192.0.2.1:20000 (master 1)");
    assert_eq!(place("modbus+tcp://192.0.2.1"), None);
    let own = |outstation| {
        place(&format!("dnp3+tcp://192.0.2.1:20000?outstation={outstation}&master=1&channel=own")).unwrap()
    };
    assert_ne!(own(10), one, "it is shared with nobody");
    assert_ne!(own(10), own(11), "each has its own");
    assert_eq!(own(10).to_string(), "192.0.2.1:20000 (master 1, outstation 10 alone)");
}

#[tokio::test]
async fn nobody_there_is_said_in_words_and_the_device_is_found_when_it_comes() {
    let here = Station::new().await.unplug().await;
    let mut desk = Desktop::to(&[here]).await;
    let words = desk
        .until(|news| match news {
            News::Link(LinkState::Down(words)) if words.contains("refused") => Some(words.clone()),
            _ => None,
        })
        .await;
    assert_eq!(desk.outstation.read(&[Part::Events]).await, Err(ReadError::NoConnection(words)));
    let station = Station::at(here, Arc::default()).await;
    desk.values(Source::Integrity).await;
    drop(station);
}

#[tokio::test]
async fn the_second_end_point_is_taken_when_the_first_is_gone_and_the_first_when_it_is_back() {
    let (first, second) = (Station::new().await, Station::new().await);
    second.change(2.0);
    let mut desk = Desktop::to(&[first.at, second.at]).await;
    desk.values(Source::Integrity).await;
    assert_eq!(desk.ai0().await, 0.0);
    let (one, other) = (first.at, second.at);
    let here = first.unplug().await;
    desk.is(News::Link(LinkState::Up)).await;
    desk.is(News::EndPoint(format!(
        "connected to {other}, the second end point: the first, {one}, took no connection or did not answer; it is tried again when this connection ends"
    )))
    .await;
    desk.values(Source::Integrity).await;
    assert_eq!(desk.ai0().await, 2.0);
    let first = Station::at(here, Arc::new(Desk::default())).await;
    second.unplug().await;
    desk.is(News::Link(LinkState::Up)).await;
    desk.is(News::EndPoint(format!("connected to {one}, the first end point, again"))).await;
    desk.values(Source::Integrity).await;
    assert_eq!(desk.ai0().await, 0.0);
    drop(first);
}

#[tokio::test]
async fn a_first_end_point_that_accepts_and_says_nothing_is_passed_over() {
    let (dumb, station) = (TcpListener::bind(own_address()).await.unwrap(), Station::new().await);
    let mut desk = Desktop::to(&[dumb.local_addr().unwrap(), station.at]).await;
    desk.values(Source::Integrity).await;
}

#[tokio::test]
async fn a_device_that_ends_each_connection_at_once_has_another_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let mut desk = Desktop::to(&[at]).await;
    let words = desk.down().await;
    assert!(words.contains("only session"), "{words}");
}

#[tokio::test]
async fn one_of_two_outstations_that_dies_is_found_again_and_the_other_never_notices() {
    let (near, far) = (ADDRESSES, Dnp3Addresses { outstation: 11, ..ADDRESSES });
    let rig = Multidrop::of(&[near.outstation, far.outstation]).await;
    let mut one = Desktop::with(place(&[rig.at]), &session(), near).await;
    let mut two = Desktop::on(one.channel.clone(), &session(), far).await;
    one.values(Source::Integrity).await;
    two.values(Source::Integrity).await;
    rig.kill(far.outstation);
    assert_eq!(two.outstation.read(&[Part::Events]).await, Err(ReadError::Silent));
    let words = two.down().await;
    assert!(words.contains("not answer any more"), "{words}");
    for _ in 0..20 {
        one.ai0().await;
    }
    rig.revive(far.outstation);
    two.is(News::Link(LinkState::Up)).await;
    two.values(Source::Integrity).await;
    assert_eq!(one.channel.state(), LinkState::Up);
    assert_eq!(rig.made.load(Ordering::Relaxed), 1, "the connection stood all the time");
}

async fn secured(client: Option<Client>, at: SocketAddr) -> Desktop {
    let carrier = Carrier::Tls { ends: vec![(at.ip().to_string(), at.port())] };
    let place = Place { master: ADDRESSES.master, carrier, own: None };
    let options = LinkOptions { connect_timeout: Duration::from_millis(500), ..LinkOptions::default() };
    let channel = Channel::open_at(place, &options, client.as_ref(), false, pace()).await;
    Desktop::on(channel, &session(), ADDRESSES).await
}

fn device(authority: &Authority, names: &[&'static str]) -> Issued {
    authority.issue(&Sheet::device(names))
}

async fn words_of(site: &Site, name: &str, config: Arc<rustls::ServerConfig>) -> String {
    let station = Station::new().await;
    let at = front(config, Some(station.at)).await;
    let mut desk = secured(Some(site.client(name)), at).await;
    desk.until(|news| match news {
        News::Link(LinkState::Down(words)) if words != "no connection" && !words.contains("only session") => {
            Some(words.clone())
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn both_versions_of_tls_carry_it() {
    let site = site();
    for version in [&TLS12, &TLS13] {
        let station = Station::new().await;
        let config = server(&device(&site.devices, &["inverter.local"]), &site.own, &[version]);
        let at = front(config, Some(station.at)).await;
        let mut desk = secured(Some(site.client("inverter.local")), at).await;
        desk.values(Source::Integrity).await;
        assert_eq!(desk.ai0().await, 0.0);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said() {
    let (site, stranger) = (site(), Authority::new("stranger"));
    let config = server(&device(&stranger, &["inverter.local"]), &site.own, &[&TLS13]);
    let words = words_of(&site, "inverter.local", config).await;
    assert!(words.contains("sign") || words.contains("authorit"), "{words}");
    let config = server(&device(&site.devices, &["other.local"]), &site.own, &[&TLS13]);
    let words = words_of(&site, "inverter.local", config).await;
    assert!(words.contains("other.local"), "{words}");
    for version in [&TLS12, &TLS13] {
        let config = server(&device(&site.devices, &["inverter.local"]), &stranger, &[version]);
        let words = words_of(&site, "inverter.local", config).await;
        assert!(words.contains("client certificate not accepted"), "{words}");
    }
}

#[tokio::test]
async fn a_pin_or_no_certificate_is_refused_in_words() {
    let site = site();
    let at = "127.0.0.1:9".parse().unwrap();
    let pin = Fingerprint::of(&device(&site.devices, &["inverter.local"]).der.into());
    let pinned = site.identity.client("inverter.local", Some(pin)).unwrap();
    let words = secured(Some(pinned), at).await.down().await;
    assert!(words.contains("remove the pin"), "{words}");
    let words = secured(None, at).await.down().await;
    assert!(words.contains("[southbound.tls]"), "{words}");
}

#[tokio::test]
async fn a_device_that_never_answers_the_handshake_does_not_hold_the_channel_for_ever() {
    let site = site();
    let dumb = TcpListener::bind(own_address()).await.unwrap();
    let at = dumb.local_addr().unwrap();
    let mut desk = secured(Some(site.client("inverter.local")), at).await;
    desk.until(|news| match news {
        News::Link(LinkState::Down(words)) => words.contains("handshake is not answered").then_some(()),
        _ => None,
    })
    .await;
    drop(dumb);
    let station = Station::new().await;
    let config = server(&device(&site.devices, &["inverter.local"]), &site.own, &[&TLS13]);
    let back = front(config, Some(station.at)).await;
    let pipe = Pipe::at(at, back).await;
    desk.values(Source::Integrity).await;
    drop(pipe);
}

/// The stack hears nothing while it shakes hands; who joins meanwhile must not keep it from being replaced.
#[tokio::test]
async fn one_that_joins_while_the_handshake_is_not_answered_does_not_hold_the_channel_for_ever() {
    let site = site();
    let dumb = TcpListener::bind(own_address()).await.unwrap();
    let at = dumb.local_addr().unwrap();
    let mut one = secured(Some(site.client("inverter.local")), at).await;
    let _hangs = dumb.accept().await.unwrap();
    let (channel, far) = (one.channel.clone(), Dnp3Addresses { outstation: 11, ..ADDRESSES });
    let joins = tokio::spawn(async move { Desktop::on(channel, &session(), far).await });
    let words = one.down().await;
    assert!(words.contains("handshake is not answered"), "{words}");
    drop(dumb);
    let rig = Multidrop::of(&[ADDRESSES.outstation, far.outstation]).await;
    let config = server(&device(&site.devices, &["inverter.local"]), &site.own, &[&TLS13]);
    let back = front(config, Some(rig.at)).await;
    let pipe = Pipe::at(at, back).await;
    one.values(Source::Integrity).await;
    joins.await.unwrap().values(Source::Integrity).await;
    drop(pipe);
}

#[tokio::test]
async fn a_serial_port_that_is_not_there_is_said() {
    let serial = crate::device_map::dnp3::usual_serial();
    let carrier = Carrier::Serial { path: "/dev/no-such-port".to_owned(), serial };
    let place = Place { master: ADDRESSES.master, carrier, own: None };
    let mut desk = Desktop::with(place, &session(), ADDRESSES).await;
    let words = desk
        .until(|news| match news {
            News::Link(LinkState::Down(words)) if words != "no connection" => Some(words.clone()),
            _ => None,
        })
        .await;
    assert!(words.contains("/dev/no-such-port"), "{words}");
}

#[tokio::test]
async fn the_association_ends_with_the_last_hold_on_it() {
    let station = Station::new().await;
    let desk = Desktop::to(&[station.at]).await;
    let Desktop { channel, outstation, mut news } = desk;
    let inner = Arc::downgrade(&channel.0);
    let other = outstation.clone();
    drop((channel, outstation));
    assert!(other.read(&[]).await.is_ok());
    drop(other);
    while news.recv().await.is_some() {}
    while inner.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

mod clock;
mod damage;
mod serial;
mod shared;
