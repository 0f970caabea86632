use super::*;
use crate::der::Watts;

fn command(id: CommandId, setpoint: Setpoint) -> Command {
    Command {
        id,
        setpoint,
        hold: Duration::from_secs(60),
        expires_at: Instant::now() + Duration::from_secs(5),
    }
}
fn limit(id: CommandId) -> Command {
    command(id, Setpoint::LimitActivePower(Watts::new(1000.0)))
}

#[tokio::test(start_paused = true)]
async fn the_latest_setpoint_of_a_lane_wins_and_the_other_ends_as_superseded() {
    let (mut inbox, handles, ports) = open(1);
    handles[0].send(limit(1));
    handles[0].send(command(2, Setpoint::Disconnect));
    handles[0].send(limit(3));
    let end = inbox.ends.recv().await.unwrap();
    assert_eq!((end.id, end.outcome), (1, Outcome::Superseded));
    assert_eq!(ports[0].commands.next().await.command().id, 2, "the connection lane is served first");
    let end = inbox.ends.recv().await.unwrap();
    assert_eq!((end.id, end.outcome), (2, Outcome::Unreachable), "dropped without an outcome");
    ports[0].commands.take().unwrap().finish(Outcome::TimedOut);
    let end = inbox.ends.recv().await.unwrap();
    assert_eq!((end.id, end.outcome), (3, Outcome::TimedOut));
    assert!(inbox.ends.try_recv().is_err(), "exactly one outcome each");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waited_too_long_expires() {
    let (mut inbox, handles, ports) = open(1);
    handles[0].send(limit(7));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(ports[0].commands.take().is_none());
    assert_eq!(inbox.ends.recv().await.unwrap().outcome, Outcome::Expired);
}

#[tokio::test(start_paused = true)]
async fn one_task_can_wait_for_several_devices() {
    let (_inbox, handles, ports) = open(2);
    let wake = Arc::new(Notify::new());
    for port in &ports {
        port.commands.wake_on(&wake);
    }
    wake.notified().await;
    let waiter = tokio::spawn({
        let wake = wake.clone();
        async move { wake.notified().await }
    });
    tokio::task::yield_now().await;
    handles[1].send(limit(1));
    waiter.await.unwrap();
    assert!(ports[1].commands.waiting() && !ports[0].commands.waiting());
}
