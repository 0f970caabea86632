//! What a simulated device does with the sun, its battery and its orders: pure arithmetic over elapsed time.
//!
//! It knows no registers, no sockets and no clock: `(ratings, conditions, state, seconds) -> state`. Everything in
//! the conditions holds for the whole step; the caller cuts steps where something changes.
//! Watts are positive when injected into the grid.

/// Longest time from full power to none when a device must leave the grid, in seconds (IEEE 1547: 2 s).
const LEAVE_S: f64 = 1.5;

/// What a device is built for. Watts, vars, volt-amperes, watt-hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratings {
    /// Largest active power, out and (with a battery) in.
    pub power_w: f64,
    /// Largest apparent power.
    pub apparent_va: f64,
    /// Largest reactive power, either sign.
    pub reactive_var: f64,
    /// The battery, if there is one; otherwise the sun is the source.
    pub battery: Option<Battery>,
}

/// A battery behind the inverter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Battery {
    /// Energy from empty to full.
    pub energy_wh: f64,
    /// Part of the energy that survives one direction, 0 to 1.
    pub efficiency: f64,
}

/// What holds during one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Most that the source gives now; nothing can be injected above it, whatever the ramp.
    pub available_w: f64,
    /// Where the active power is to go.
    pub target_w: f64,
    /// How fast it may rise and fall.
    pub ramp_w_per_s: f64,
    /// May be on the grid.
    pub permitted: bool,
    /// Wait between permission and return.
    pub return_delay_s: f64,
    /// Rate of the first ramp after a return, if it is slower.
    pub return_ramp_w_per_s: Option<f64>,
    /// Discharge stops here, percent.
    pub soc_floor: f64,
    /// Reactive power wanted.
    pub reactive: Reactive,
}

/// Reactive power wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reactive {
    /// This much; positive = injected.
    Vars(f64),
    /// In proportion to the active power.
    PowerFactor {
        /// cos φ, 0 to 1.
        cosine: f64,
        /// Over-excited.
        injected: bool,
    },
}

/// Where a device stands between grid and island.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Connection {
    /// On the grid.
    On,
    /// Ramping out.
    Leaving,
    /// Off the grid.
    Off,
    /// Permitted again, waiting this many seconds more.
    Returning(f64),
}

/// The true state of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Active power.
    pub power_w: f64,
    /// Reactive power.
    pub reactive_var: f64,
    /// State of charge, percent; means nothing without a battery.
    pub soc: f64,
    /// Grid connection.
    pub connection: Connection,
    /// In the first ramp after a return.
    pub returning_ramp: bool,
    /// Energy injected since it was built.
    pub injected_wh: f64,
    /// Energy absorbed since it was built.
    pub absorbed_wh: f64,
    /// Reactive energy injected.
    pub injected_varh: f64,
    /// Reactive energy absorbed.
    pub absorbed_varh: f64,
}

impl State {
    /// On the grid, at rest.
    #[must_use]
    pub const fn at_rest(soc: f64, injected_wh: f64) -> Self {
        Self {
            power_w: 0.0,
            reactive_var: 0.0,
            soc,
            connection: Connection::On,
            returning_ramp: false,
            injected_wh,
            absorbed_wh: 0.0,
            injected_varh: 0.0,
            absorbed_varh: 0.0,
        }
    }

    /// Seconds to the next change that the state brings about by itself.
    #[must_use]
    pub fn next_change_s(&self) -> Option<f64> {
        match self.connection {
            Connection::Returning(left) => Some(left),
            _ => None,
        }
    }
}

/// The state after `seconds` under constant conditions.
#[must_use]
pub fn step(ratings: &Ratings, conditions: &Conditions, state: State, seconds: f64) -> State {
    let mut next = connect(conditions, state);
    let on = next.connection == Connection::On;
    let target = if on { settled(ratings, conditions, &next) } else { 0.0 };
    // The source cannot give more than it has, not even for the length of a ramp.
    let from = if ratings.battery.is_some() {
        next.power_w
    } else {
        next.power_w.min(conditions.available_w.max(0.0))
    };
    let moved = ramp(from, target, rate(ratings, conditions, &next), seconds);
    next.power_w = moved.end_w;
    let (mut injected, mut absorbed) = (moved.injected_ws / 3600.0, moved.absorbed_ws / 3600.0);
    if let Some(battery) = ratings.battery {
        charge(&battery, conditions, &mut next, &mut injected, &mut absorbed);
    }
    next.injected_wh += injected;
    next.absorbed_wh += absorbed;
    if next.returning_ramp && next.power_w == target {
        next.returning_ramp = false;
    }
    next.connection = match next.connection {
        Connection::Leaving if next.power_w == 0.0 => Connection::Off,
        Connection::Returning(left) if left <= seconds => {
            next.returning_ramp = true;
            Connection::On
        }
        Connection::Returning(left) => Connection::Returning(left - seconds),
        same => same,
    };
    react(ratings, conditions, &mut next, seconds);
    next
}

/// Leaves or returns as permitted.
fn connect(conditions: &Conditions, mut state: State) -> State {
    state.connection = match (state.connection, conditions.permitted) {
        (Connection::On, false) => Connection::Leaving,
        (Connection::Returning(_), false) => Connection::Off,
        // Permission that comes back during the ramp-out is as good as never withdrawn.
        (Connection::Leaving, true) => Connection::On,
        (Connection::Off, true) if conditions.return_delay_s > 0.0 => {
            Connection::Returning(conditions.return_delay_s)
        }
        (Connection::Off, true) => {
            state.returning_ramp = true;
            Connection::On
        }
        (same, _) => same,
    };
    state
}

/// Where the active power ends up if the conditions last: the target, as far as source and battery allow it.
#[must_use]
pub fn settled(ratings: &Ratings, conditions: &Conditions, state: &State) -> f64 {
    let lowest = match ratings.battery {
        Some(_) if state.soc < 100.0 => -ratings.power_w,
        _ => 0.0,
    };
    let highest = match ratings.battery {
        Some(_) if state.soc <= conditions.soc_floor => 0.0,
        _ => conditions.available_w.min(ratings.power_w).max(0.0),
    };
    conditions.target_w.clamp(lowest, highest)
}

fn rate(ratings: &Ratings, conditions: &Conditions, state: &State) -> f64 {
    match state.connection {
        Connection::Leaving | Connection::Off | Connection::Returning(_) => {
            conditions.ramp_w_per_s.max(ratings.power_w / LEAVE_S)
        }
        Connection::On if state.returning_ramp => {
            conditions.return_ramp_w_per_s.map_or(conditions.ramp_w_per_s, |r| r.min(conditions.ramp_w_per_s))
        }
        Connection::On => conditions.ramp_w_per_s,
    }
}

struct Moved {
    end_w: f64,
    injected_ws: f64,
    absorbed_ws: f64,
}

/// A straight ramp, then a hold; with the energy on either side of zero.
fn ramp(from: f64, to: f64, rate: f64, seconds: f64) -> Moved {
    let distance = to - from;
    let needed = if distance == 0.0 { 0.0 } else { distance.abs() / rate.max(f64::MIN_POSITIVE) };
    let moving = needed.min(seconds);
    let end = if needed <= seconds { to } else { from + distance.signum() * rate * seconds };
    let (mut injected, mut absorbed) = (0.0, 0.0);
    let mut add = |a: f64, b: f64, time: f64| {
        let energy = (a + b) / 2.0 * time;
        if energy > 0.0 { injected += energy } else { absorbed -= energy }
    };
    if from * end < 0.0 {
        let crossing = moving * from.abs() / (from.abs() + end.abs());
        add(from, 0.0, crossing);
        add(0.0, end, moving - crossing);
    } else {
        add(from, end, moving);
    }
    add(end, end, seconds - moving);
    Moved { end_w: end, injected_ws: injected, absorbed_ws: absorbed }
}

/// Takes the energy from the battery or puts it in; what does not fit did not flow.
fn charge(
    battery: &Battery,
    conditions: &Conditions,
    state: &mut State,
    injected: &mut f64,
    absorbed: &mut f64,
) {
    let per_wh = 100.0 / battery.energy_wh;
    let change = (*absorbed * battery.efficiency - *injected / battery.efficiency) * per_wh;
    let room =
        if change < 0.0 { (state.soc - conditions.soc_floor).max(0.0) } else { (100.0 - state.soc).max(0.0) };
    if change.abs() > room {
        let part = room / change.abs();
        *injected *= part;
        *absorbed *= part;
        state.soc += change * part;
        if (change < 0.0) == (state.power_w > 0.0) {
            state.power_w = 0.0;
        }
    } else {
        state.soc += change;
    }
    state.soc = state.soc.clamp(0.0, 100.0);
}

/// Reactive power follows at once, within what the active power leaves of the apparent power.
fn react(ratings: &Ratings, conditions: &Conditions, state: &mut State, seconds: f64) {
    let awake = ratings.battery.is_some() || conditions.available_w > 0.0;
    let wanted = match conditions.reactive {
        _ if !awake || matches!(state.connection, Connection::Off | Connection::Returning(_)) => 0.0,
        Reactive::Vars(vars) => vars,
        Reactive::PowerFactor { cosine, injected } => {
            let tangent = (1.0 - cosine * cosine).max(0.0).sqrt() / cosine.max(0.01);
            state.power_w.abs() * if injected { tangent } else { -tangent }
        }
    };
    let most = reactive_room(ratings, state.power_w);
    state.reactive_var = wanted.clamp(-most, most);
    let varh = state.reactive_var * seconds / 3600.0;
    if varh > 0.0 {
        state.injected_varh += varh;
    } else {
        state.absorbed_varh -= varh;
    }
}

/// Reactive power that an active power leaves room for.
#[must_use]
pub fn reactive_room(ratings: &Ratings, power_w: f64) -> f64 {
    (ratings.apparent_va.powi(2) - power_w.powi(2)).max(0.0).sqrt().min(ratings.reactive_var)
}

#[cfg(test)]
mod tests;
