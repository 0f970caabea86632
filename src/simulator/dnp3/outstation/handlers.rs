//! What the crate asks of an outstation: the time, its own state, and what to do with commands.

use super::Outstation;
use crate::simulator::dnp3::station::Action;
use crate::simulator::faults::Fault;
use dnp3::app::control::{
    CommandStatus, Group12Var1, Group41Var1, Group41Var2, Group41Var3, Group41Var4, OpType, TripCloseCode,
};
use dnp3::app::{Listener, MaybeAsync, RequestHeader, Timestamp};
use dnp3::outstation::database::DatabaseHandle;
use dnp3::outstation::{
    ApplicationIin, ConnectionState, ControlHandler, ControlSupport, OperateType, OutstationApplication,
    OutstationInformation, RequestError,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

/// One outstation as one of the crate's callbacks sees it; the crate must not keep it alive.
struct Side(Weak<Outstation>);

pub fn application(outstation: &Arc<Outstation>) -> Box<dyn OutstationApplication> {
    Box::new(Side(Arc::downgrade(outstation)))
}

pub fn information(outstation: &Arc<Outstation>) -> Box<dyn OutstationInformation> {
    Box::new(Side(Arc::downgrade(outstation)))
}

pub fn control(outstation: &Arc<Outstation>) -> Box<dyn ControlHandler> {
    Box::new(Side(Arc::downgrade(outstation)))
}

pub fn listener(
    outstation: &Arc<Outstation>,
    connected: Arc<AtomicBool>,
) -> Box<dyn Listener<ConnectionState>> {
    Box::new(Watch { outstation: Arc::downgrade(outstation), connected })
}

/// Sees the master of one session come and go.
struct Watch {
    outstation: Weak<Outstation>,
    connected: Arc<AtomicBool>,
}

impl OutstationApplication for Side {
    fn write_absolute_time(&mut self, time: Timestamp) -> Result<(), RequestError> {
        let outstation = self.0.upgrade().ok_or(RequestError::NotSupported)?;
        if outstation.behaviour.borrow().has(&Fault::NeedTimeRefused) {
            return Err(RequestError::NotSupported);
        }
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let told = i64::try_from(time.raw_value()).unwrap_or(i64::MAX);
        let ours = i64::try_from(ours.as_millis()).unwrap_or(i64::MAX);
        outstation.ahead_ms.store(told.saturating_sub(ours), Ordering::Relaxed);
        outstation.needs_time.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn get_application_iin(&self) -> ApplicationIin {
        let Some(outstation) = self.0.upgrade() else { return ApplicationIin::default() };
        let behaviour = outstation.behaviour.borrow();
        ApplicationIin {
            need_time: outstation.needs_time.load(Ordering::Relaxed),
            local_control: behaviour.has(&Fault::Local),
            device_trouble: behaviour.has(&Fault::Trouble),
            config_corrupt: behaviour.has(&Fault::ConfigCorrupt),
        }
    }
}

impl OutstationInformation for Side {
    /// The moment before a request is answered: what it reads is the truth of now.
    fn process_request_from_idle(&mut self, _header: RequestHeader) {
        if let Some(outstation) = self.0.upgrade() {
            outstation.refresh();
        }
    }
}

impl Listener<ConnectionState> for Watch {
    fn update(&mut self, state: ConnectionState) -> MaybeAsync<()> {
        self.connected.store(state == ConnectionState::Connected, Ordering::Relaxed);
        if let Some(outstation) = self.outstation.upgrade() {
            outstation.stir();
        }
        MaybeAsync::ready(())
    }
}

impl ControlHandler for Side {
    fn end_fragment(&mut self, _database: &mut DatabaseHandle) -> MaybeAsync<()> {
        if let Some(outstation) = self.0.upgrade() {
            outstation.refresh();
            outstation.stir();
        }
        MaybeAsync::ready(())
    }
}

impl Side {
    fn judge(&self, analog: bool, index: u16, action: Action) -> CommandStatus {
        let status = self.0.upgrade().map(|outstation| outstation.now().judge(analog, index, action));
        status.map_or(CommandStatus::NotSupported, CommandStatus::from)
    }

    fn obey(&self, analog: bool, index: u16, action: Action, how: OperateType) -> CommandStatus {
        let selected = how == OperateType::SelectBeforeOperate;
        let status =
            self.0.upgrade().map(|outstation| outstation.now().obey(analog, index, action, selected));
        status.map_or(CommandStatus::NotSupported, CommandStatus::from)
    }
}

/// What a control of a binary output asks for: latches alone have a meaning in the profile.
fn latch(control: &Group12Var1) -> Action {
    let code = control.code;
    match code.op_type {
        OpType::LatchOn | OpType::LatchOff
            if code.tcc == TripCloseCode::Nul && !code.clear && !code.queue && control.count == 1 =>
        {
            Action::Latch(code.op_type == OpType::LatchOn)
        }
        _ => Action::Other,
    }
}

/// Makes a type of command one of ours.
macro_rules! commands {
    ($($kind:ty, $analog:literal, $action:expr;)*) => {$(
        impl ControlSupport<$kind> for Side {
            fn select(&mut self, control: $kind, index: u16, _: &mut DatabaseHandle) -> CommandStatus {
                let action: fn(&$kind) -> Action = $action;
                self.judge($analog, index, action(&control))
            }

            fn operate(
                &mut self,
                control: $kind,
                index: u16,
                how: OperateType,
                _: &mut DatabaseHandle,
            ) -> CommandStatus {
                let action: fn(&$kind) -> Action = $action;
                self.obey($analog, index, action(&control), how)
            }
        }
    )*};
}

commands! {
    Group12Var1, false, latch;
    Group41Var1, true, |control| Action::Write(control.value);
    Group41Var2, true, |control| Action::Write(i32::from(control.value));
    // The profile counts in whole steps: what a floating number would mean is not said.
    Group41Var3, true, |_| Action::Other;
    Group41Var4, true, |_| Action::Other;
}
