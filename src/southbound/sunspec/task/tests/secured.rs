//! The driver over TLS: what it makes of exception 1.

use super::*;
use crate::southbound::ModbusTcp;
use crate::southbound::tls::front::{front, server, site};
use crate::southbound::tls::testing::Sheet;

#[tokio::test]
async fn over_tls_exception_1_is_about_the_role_and_no_other_function_is_tried() {
    let site = site();
    let shows = site.devices.issue(&Sheet::device(&["127.0.0.1"]));
    let device = Server::start(&[(1, &legacy())]).await;
    let config = server(&shows, &site.own, &[&rustls::version::TLS13]);
    let port = front(config, Some(device.address)).await.port();
    let mut settings = device.device(0, 1);
    settings.link = Link::ModbusTls(ModbusTcp { host: "127.0.0.1".into(), port, unit: 1 });
    settings.tls = Some(site.client("127.0.0.1"));
    let mut rig = Rig::new(vec![settings], known());
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
    let before = device.writes().len();
    device.script(|seen, _| if is_write(seen) { Answer::Exception(1) } else { Answer::Good });
    let outcome = rig.command(0, Setpoint::ReleaseActivePower).await;
    let Outcome::Refused(why) = &outcome else { panic!("{outcome:?}") };
    assert!(why.starts_with("client certificate role GridServiceSunSpec may not write 123.WMaxLim"), "{why}");
    let writes = device.writes();
    assert!(writes.len() > before && writes.iter().all(|(function, ..)| *function == 16), "{writes:?}");
}
