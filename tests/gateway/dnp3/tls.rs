//! DNP3 over TLS when it goes wrong: what an operator reads, and that the devices that are right deliver.

use crate::tls::authority::{Authority, Sheet};
use crate::tls::{Authorities, Case, HERE, case, start};
use dergate::simulator::TlsVersion;

fn outstation(name: &'static str, shows: crate::tls::authority::Issued, says: &'static str) -> Case {
    Case { dnp3: true, ..case(name, shows, says) }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_outstation_says_what_is_wrong_and_right_ones_deliver() {
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
        Case { plain: true, ..outstation("plain", all.device(HERE), "TLS") },
        case("modbus", all.device(HERE), ""),
    ];
    let gateway = all.utility.issue(&Sheet::gateway("GridServiceSunSpec"));
    let site = start(&all, &all.utility, &gateway, &cases).await;
    site.settled(&cases).await;
    println!("{}", site.table());
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_outstations_do_not_let_in_says_so() {
    let (all, strange) = (Authorities::new(), Authority::new("maker CA"));
    let says = "client certificate not accepted (issuer CN=utility CA, expires 2120-01-01T00:00:00Z";
    let cases = [
        Case { only: Some(TlsVersion::Tls12), ..outstation("tls-1.2", all.device(HERE), says) },
        Case { only: Some(TlsVersion::Tls13), ..outstation("tls-1.3", all.device(HERE), says) },
    ];
    let gateway = all.utility.issue(&Sheet::gateway("GridServiceSunSpec"));
    let site = start(&all, &strange, &gateway, &cases).await;
    site.settled(&cases).await;
    println!("{}", site.table());
    site.stop().await;
}
