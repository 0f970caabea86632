//! DNP3 as its users meet it: the fault matrix over wires that go wrong, and one group of members of two field protocols.

mod frame;
#[cfg(feature = "dnp3")]
mod parallel;
pub mod proxy;
#[cfg(feature = "dnp3")]
mod rows;
#[cfg(feature = "dnp3")]
mod shared;
#[cfg(feature = "dnp3")]
mod spine;
#[cfg(feature = "dnp3")]
mod tls;

#[cfg(feature = "dnp3")]
#[tokio::test]
async fn every_fault_of_an_outstation_ends_in_a_known_state_and_wrong_data_never_passes_as_good() {
    let secured = async { tls::wrong_outstations().await + &tls::strange_gateway().await };
    let more = async {
        let (secured, shared) = tokio::join!(secured, shared::rows());
        secured + &shared
    };
    crate::faults::matrix(rows::rows, "dnp3-fault-matrix.txt", more).await;
}
