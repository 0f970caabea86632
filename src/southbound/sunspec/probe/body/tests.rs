use super::*;
use crate::southbound::modbus::Endpoint;
use crate::southbound::modbus::SharedBus;
use crate::southbound::testing::{Answer, Server, legacy, peer};

/// Reads a model of a device that answers as scripted, register by register.
async fn read(script: impl FnMut(u16, u16) -> Answer + Send + 'static, longest: u16) -> (Body, usize) {
    let mut script = script;
    let book = legacy();
    let base = book.address(103, "ID");
    let server = Server::start(&[(1, &book)]).await;
    server.script(move |seen, _| script(seen.address - base, seen.quantity));
    let bus = SharedBus::new(Endpoint::of(&server.link(1)).unwrap());
    let mut body = Body::of(ModelAt { id: 103, instance: 0, address: base, length: 50 });
    let points: Vec<(u16, u16)> = (0..52).map(|offset| (offset, 1)).collect();
    body.read(&Source::Line(bus.line(peer(1))), &points, longest).await.unwrap();
    let requests = server.state().seen.len();
    (body, requests)
}

fn holes(body: &Body) -> Vec<(u16, u16)> {
    body.holes().map(|hole| (hole.offset, hole.quantity)).collect()
}

#[tokio::test]
async fn a_device_with_a_shorter_limit_is_read_whole() {
    let (body, requests) = read(|_, n| if n > 20 { Answer::Exception(3) } else { Answer::Good }, 125).await;
    assert!(body.has(0, 52) && holes(&body).is_empty());
    assert_eq!(requests, 2 + 52_usize.div_ceil(13), "52 and 26 are refused, 13 is not");
}

#[tokio::test]
async fn a_hole_costs_its_neighbourhood_and_no_more() {
    let at = 30;
    let covers = move |from: u16, n: u16| (from..from + n).contains(&at);
    let (body, _) =
        read(move |from, n| if covers(from, n) { Answer::Exception(2) } else { Answer::Good }, 125).await;
    let [(from, size)] = holes(&body)[..] else { panic!("{:?}", holes(&body)) };
    assert!(covers(from, size) && size <= SHORTEST, "{from} {size}");
    assert!(body.has(0, from) && body.has(from + size, 52 - from - size));
    assert_eq!(body.leading().len(), usize::from(from));
}

#[tokio::test]
async fn a_model_that_is_refused_throughout_is_given_up() {
    let (body, requests) = read(|_, _| Answer::Exception(2), 125).await;
    assert!(body.known().next().is_none());
    assert_eq!(holes(&body).iter().map(|(_, n)| n).sum::<u16>(), 52, "{:?}", holes(&body));
    assert!(requests < 20, "{requests}");
}

#[tokio::test]
async fn busy_is_waited_out_and_silence_is_asked_again() {
    let mut first = 0;
    let (body, requests) = read(
        move |_, _| {
            first += 1;
            match first {
                1 => Answer::Exception(6),
                2 => Answer::Close,
                _ => Answer::Good,
            }
        },
        125,
    )
    .await;
    assert!(body.has(0, 52));
    assert_eq!(requests, 3);
}
