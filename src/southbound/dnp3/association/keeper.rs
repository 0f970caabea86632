//! Looks after one association: does what its health demands, and passes on its news. It never touches the values.

use super::health::{Duty, FLOOD, Failure};
use super::{Seat, requests};
use crate::southbound::dnp3::channel::{Handle, Inner};
use crate::southbound::dnp3::field::{LinkState, News};
use crate::southbound::dnp3::handler::is_plausible;
use dnp3::master::{TaskError, TimeSyncError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Keeps the association until `end`, and ends it then.
pub async fn keep(channel: Arc<Inner>, seat: Arc<Seat>, to: mpsc::Sender<News>, end: CancellationToken) {
    tokio::select! {
        () = end.cancelled() => {}
        () = async { tokio::join!(seat.watch.outbox.pass_on(to), look_after(&channel, &seat)); } => {}
    }
    channel.leave(&seat).await;
}

async fn look_after(channel: &Arc<Inner>, seat: &Arc<Seat>) {
    loop {
        // An error of the clock's cannot be here: it only ends when the time does.
        let _ = tokio::time::timeout(channel.pace.tick, seat.watch.stirred.notified()).await;
        channel.mend().await;
        channel.catch_up(seat).await;
        if channel.state() != LinkState::Up {
            channel.await_connection().await;
        }
        while channel.state() == LinkState::Up {
            let (shared, room) = (channel.shared(), seat.watch.outbox.has_room());
            let duty = seat.watch.state().health.duty(Instant::now(), shared, room);
            let Some(duty) = duty else { break };
            carry_out(duty, channel, seat).await;
        }
    }
}

async fn carry_out(duty: Duty, channel: &Arc<Inner>, seat: &Arc<Seat>) {
    let watch = &seat.watch;
    if let Some((task, why)) = words(duty) {
        watch.failed(task, why.to_owned());
    }
    match duty {
        Duty::Reconnect => {
            channel.reconnect(seat.silence(channel)).await;
        }
        Duty::LeaveAlone => {
            if watch.state().health.is_silent_now() {
                tracing::debug!(
                    outstation = seat.address.raw_value(),
                    "not answered: its neighbours go first"
                );
            }
            leave(channel, seat).await;
        }
        Duty::Lose => lose(channel, seat).await,
        Duty::Revive => watch.link(LinkState::Up),
        Duty::Rejoin | Duty::LeaveTime | Duty::LeaveClasses => channel.rejoin(seat).await,
        Duty::ReadRanges => {
            watch.outbox.tell(News::ReadRanges);
        }
        Duty::Restarted => {
            watch.outbox.tell(News::ReadRanges);
            watch.outbox.tell(News::Restarted);
        }
        Duty::ReadAll(why) => read_all(why, seat).await,
        Duty::Stubborn => read_all("its restart bit does not go away", seat).await,
        Duty::IgnoreOverflow => {}
        Duty::CheckLink => check(channel, seat).await,
        Duty::OfferTime => offer_time(channel, seat).await,
    }
}

const READING: &str = "reading everything again";
/// In the words of the stack's own task.
const SETTING: &str = "setting its clock";
const NO_CLOCK: &str = "it asks for the time, and the gateway's own clock is not set: times of the outstation are not to be trusted";

/// What is given up with a duty: which task, and why.
fn words(duty: Duty) -> Option<(&'static str, &'static str)> {
    Some(match duty {
        Duty::LeaveTime => (
            SETTING,
            "it asks for the time and refuses it three times in a row; it is offered again from time to time, and times of the outstation are not to be trusted",
        ),
        Duty::LeaveClasses => (
            "reading everything (class 1, 2, 3 and 0)",
            "three times in a row the answer could not be used; from now on it is read by ranges of points",
        ),
        Duty::Stubborn => (
            "clearing its restart bit",
            "it does not clear the bit that says that it has restarted; until it does, it is only polled",
        ),
        Duty::IgnoreOverflow => (
            "lost events",
            "it says so again and again, although everything was read three times; that is not heard any more until it stops",
        ),
        _ => return None,
    })
}

/// Counts one of several outstations as lost; if all are, the connection is what is wrong.
async fn lose(channel: &Arc<Inner>, seat: &Arc<Seat>) {
    seat.watch.link(LinkState::Down(seat.silence(channel)));
    leave(channel, seat).await;
    let all = channel.seats().iter().all(|seat| seat.watch.state().health.is_lost());
    if all {
        channel.reconnect("connected, but none of the outstations on this line answers".to_owned()).await;
    }
}

/// Reads everything once more.
async fn read_all(why: &'static str, seat: &Seat) {
    let watch = &seat.watch;
    tracing::warn!(outstation = seat.address.raw_value(), why, "everything is read again");
    if watch.state().health.reads_by_ranges() {
        watch.outbox.tell(News::ReadRanges);
        return;
    }
    let Some(mut handle) = seat.handle() else { return };
    if why == FLOOD {
        // Each time: values are read again, but what happened between is not.
        watch.outbox.tell(News::TaskFailed(READING, format!("{why}: events may be missing here")));
    }
    watch.integrity_begins();
    let result = handle.read(requests::everything()).await;
    watch.integrity_ends(result.is_ok());
    if let Err(error) = result {
        // The connection being made anew brings everything by itself.
        if Failure::of(error) != Failure::NotAsked {
            watch.state().health.read_failed(Instant::now());
            watch.failed(READING, format!("{}; needed because {why}", requests::words(error)));
        }
    }
}

/// From here on the stack asks nothing of it, and what its silence has cost belongs to its neighbours.
async fn leave(channel: &Inner, seat: &Arc<Seat>) {
    owe(channel, seat);
    channel.line.silent(seat.address.raw_value());
    channel.rejoin(seat).await;
}

/// What its silence has cost belongs to its neighbours.
fn owe(channel: &Inner, seat: &Seat) {
    let (record, until) = {
        let state = seat.watch.state();
        (state.health.record(), state.health.owes_until())
    };
    channel.line.owe(record, until);
}

/// Asks for the state of the link, which every outstation answers; where there are several, when its turn comes.
async fn check(channel: &Inner, seat: &Arc<Seat>) {
    let (alone, record) = {
        let state = seat.watch.state();
        (state.health.is_left_alone(), state.health.record())
    };
    let turn = channel.line.turn(seat.address.raw_value(), record);
    let _turn = match (channel.shared(), alone) {
        (false, _) => None,
        (true, false) => Some(turn.await),
        (true, true) => tokio::select! {
            turn = turn => Some(turn),
            // It may have become another matter meanwhile.
            () = seat.watch.stirred.notified() => return,
        },
    };
    if alone {
        // For the time that this look may take.
        channel.rejoin(seat).await;
    }
    let generation = channel.generation();
    let Some(handle) = seat.handle() else { return };
    let Some((mut answer, mut took)) = ask(handle.clone(), channel, seat).await else { return };
    if alone && answer.is_ok() {
        // The stack does not look at who answers, so this may be a neighbour that was asked before and is slow.
        let Some((again, longer)) = ask(handle, channel, seat).await else { return };
        (answer, took) = (again, took.max(longer));
    }
    match answer {
        Ok(()) if alone => seat.watch.found(took),
        Ok(()) => seat.watch.heard(),
        // No task of the stack's that would be told otherwise.
        Err(TaskError::ResponseTimeout) if alone => not_found(None, channel, seat),
        Err(TaskError::ResponseTimeout) => seat.watch.missed(),
        // The stack takes whatever comes for the end of it, from whomever; what this one says is heard otherwise, too.
        Err(error) if Failure::of(error) == Failure::Answered && alone => {
            not_found(Some(took), channel, seat)
        }
        Err(error) if Failure::of(error) == Failure::Answered && channel.shared() => {}
        Err(error) if Failure::of(error) == Failure::Answered => seat.watch.heard(),
        Err(TaskError::Shutdown) => channel.broken(generation),
        Err(_) => {}
    }
}

/// Asks once, and gives what came of it and how long that took. A look at one that is left alone gives way if it may take longer
/// than a command to a neighbour can wait, unless commands come without a gap: then there is nothing more to be done.
async fn ask(
    mut handle: Handle,
    channel: &Inner,
    seat: &Arc<Seat>,
) -> Option<(Result<(), TaskError>, Duration)> {
    let (asked, free) = (Instant::now(), channel.line.is_free(seat.address.raw_value()));
    let gives_way = {
        let health = &mut seat.watch.state().health;
        health.asked(asked);
        free && channel.shared() && health.is_left_alone() && health.looks_long()
    };
    let took = || channel.heard.sent_after(asked).elapsed();
    tokio::select! {
        biased;
        answer = handle.check_link_status() => Some((answer, took())),
        () = channel.line.commanded(seat.address.raw_value()), if gives_way => {
            let took = took();
            // The stack's task ends with its association.
            channel.rejoin(seat).await;
            not_found(Some(took), channel, seat);
            None
        }
    }
}

fn not_found(interrupted: Option<Duration>, channel: &Inner, seat: &Seat) {
    seat.watch.not_found(interrupted);
    owe(channel, seat);
}

async fn offer_time(channel: &Inner, seat: &Seat) {
    if !is_plausible((channel.pace.clock)()) {
        seat.watch.state().health.time_not_known(Instant::now());
        seat.watch.failed(SETTING, NO_CLOCK.to_owned());
        return;
    }
    let (Some(mut handle), Some(procedure)) = (seat.handle(), seat.procedure(channel)) else { return };
    match handle.synchronize_time(procedure).await {
        Ok(()) => {
            seat.watch.state().health.time_was_offered(Instant::now());
            tracing::info!(outstation = seat.address.raw_value(), "the outstation takes the time again")
        }
        Err(TimeSyncError::Task(TaskError::NoConnection | TaskError::Link(_))) => {}
        Err(error) => seat.watch.failed(SETTING, error.to_string()),
    }
}
