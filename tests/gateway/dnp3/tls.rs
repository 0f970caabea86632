//! DNP3 over TLS when it goes wrong: what an operator reads, and that the devices that are right deliver. Rows of the fault
//! matrix, which runs them.

use crate::tls::authority::{Authority, Sheet};
use crate::tls::{Authorities, Case, HERE, Site, case, start};
use dergate::simulator::TlsVersion;
use jiff::Timestamp;
use std::fmt::Write as _;

/// As the other rows are written; the devices that are right have been read on while the others were wrong.
async fn table(site: &Site, cases: &[Case]) -> String {
    let before = Timestamp::now();
    site.until("the right ones are read on", |site| site.read_since(cases, before)).await;
    let mut text = String::new();
    for (device, case) in site.devices().iter().zip(cases) {
        let power = if case.says.is_empty() { "good" } else { "never read" };
        let protocol = if case.dnp3 { "outstation" } else { "SunSpec device" };
        let (name, state, reason) = (case.name, device.state.name(), &device.reason);
        let _ = writeln!(text, "TLS, {protocol} {name} | {state} | {reason} | {power} | - | read on | yes");
    }
    text
}

fn outstation(name: &'static str, shows: crate::tls::authority::Issued, says: &'static str) -> Case {
    Case { dnp3: true, ..case(name, shows, says) }
}

/// Outstations that are not what they should be among some that are. Gives the rows of the table.
pub async fn wrong_outstations() -> String {
    let all = Authorities::new();
    let issue = |sheet: Sheet| all.device.issue(&sheet);
    let cases = [
        outstation("right", all.device(HERE), ""),
        Case { only: Some(TlsVersion::Tls12), ..outstation("tls-1.2", all.device(HERE), "") },
        Case { only: Some(TlsVersion::Tls13), ..outstation("tls-1.3", all.device(HERE), "") },
        Case {
            keys: "server_name = \"inverter-7\"\n".to_owned(),
            ..outstation("server-name", all.device(&["inverter-7"]), "")
        },
        outstation(
            "wrong-ca",
            Authority::new("maker CA").issue(&Sheet::device(HERE)),
            "is signed by \"CN=maker CA\", which is not in authorities",
        ),
        outstation(
            "expired",
            issue(Sheet { until: (2021, 1, 1), ..Sheet::device(HERE) }),
            "expired at 2021-01-01T00:00:00Z; the clock here says",
        ),
        outstation(
            "wrong-name",
            all.device(&["inverter-1130012345"]),
            "is valid, but name \"127.0.0.1\" is not in it (SAN: DNS inverter-1130012345); set server_name",
        ),
        Case {
            plain: true,
            ..outstation("plain TCP behind", all.device(HERE), "this port does not speak TLS")
        },
        case("modbus", all.device(HERE), ""),
    ];
    let gateway = all.utility.issue(&Sheet::gateway("GridServiceSunSpec"));
    let site = start(&all, &all.utility, &gateway, &cases).await;
    site.settled(&cases).await;
    let table = table(&site, &cases).await;
    site.stop().await;
    table
}

/// A gateway that outstations do not let in. Gives the rows of the table.
pub async fn strange_gateway() -> String {
    let (all, strange) = (Authorities::new(), Authority::new("maker CA"));
    let says = "client certificate not accepted (issuer CN=utility CA, expires 2120-01-01T00:00:00Z";
    let cases = [
        Case {
            only: Some(TlsVersion::Tls12),
            ..outstation("does not let the gateway in, 1.2", all.device(HERE), says)
        },
        Case {
            only: Some(TlsVersion::Tls13),
            ..outstation("does not let the gateway in, 1.3", all.device(HERE), says)
        },
    ];
    let gateway = all.utility.issue(&Sheet::gateway("GridServiceSunSpec"));
    let site = start(&all, &strange, &gateway, &cases).await;
    site.settled(&cases).await;
    let table = table(&site, &cases).await;
    site.stop().await;
    table
}
