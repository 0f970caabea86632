//! Registers as clients read and write them: through the view that the device's faults leave of them.

use super::disguise::{Source, View, measures};
use super::{Unit, Value, Write};
use crate::simulator::faults::{Behaviour, Fault};
use crate::simulator::modbus::{Bank, Exception};
use crate::simulator::orders::Control;
use crate::simulator::registers::{Bind, Role, Setting};
use crate::simulator::settings::Kind;

/// Writes remembered.
const MAX_WRITES: usize = 1000;

impl Unit {
    /// Misbehaves like this from now on.
    pub fn set_behaviour(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
        self.body.dark = self.behaviour.has(&Fault::Night) || self.settings.kind == Kind::Registers;
        self.body.heedless = self.behaviour.has(&Fault::IgnoresLimit);
        self.moved = false;
        self.behaving_since_s = self.body.age_s();
        self.view = View::new(&self.form, &self.behaviour, self.settings.base, false);
        let after = |f: &Fault| if let Fault::DefaultReversion(time) = f { Some(*time) } else { None };
        if let Some(time) = self.behaviour.find(after) {
            for control in Control::ALL {
                self.put_role(control, Role::RevertAfter, time.as_secs_f64());
            }
        }
        self.rescale(false);
        self.step(0.0);
    }

    /// Moves the layout if its time has come.
    fn relocate(&mut self) {
        let every = |f: &Fault| if let Fault::MovingLayout(time) = f { Some(*time) } else { None };
        let Some(every) = self.behaviour.find(every) else { return };
        let turns = ((self.body.age_s() - self.behaving_since_s) / every.as_secs_f64()).floor();
        let moved = turns % 2.0 == 1.0;
        if moved != self.moved {
            self.moved = moved;
            self.view = View::new(&self.form, &self.behaviour, self.settings.base, moved);
        }
    }

    /// Chooses the power of ten of the active power: the usual one, or the next.
    fn rescale(&mut self, coarse: bool) {
        self.coarse = coarse;
        let form = self.form.clone();
        for span in form.spans.iter().filter(|s| measures(s.id)) {
            for cell in form.points(span.id, "W_SF") {
                let Some(Bind::Once(what)) = cell.bind else { continue };
                if let Some(Value::Number(power)) = self.value(what) {
                    let power = if coarse { power + 1.0 } else { power };
                    self.put(cell, Some(&Value::Number(power)));
                }
            }
        }
    }

    /// What a read of these parts of the image is refused with.
    fn forbidden(&self, parts: &[(Source, usize)]) -> Option<Exception> {
        self.behaviour.find(|fault| match fault {
            Fault::ExceptionOn(id, code) => self
                .form
                .spans
                .iter()
                .filter(|s| s.id == *id)
                .any(|s| parts.iter().any(|p| overlaps(p, s.offset + 2, s.end())))
                .then_some(Exception(*code)),
            _ => None,
        })
    }

    /// Brings everything up to date that stands in a stretch of the image.
    fn refresh(&mut self, offset: usize, count: usize) {
        let form = self.form.clone();
        for cell in form.overlapping(offset, count) {
            if let Some(Bind::Live(what)) = cell.bind {
                let value = self.value(what);
                self.put(cell, value.as_ref());
            }
        }
    }

    fn write_through(&mut self, address: u16, registers: &[u16]) -> Result<(), Exception> {
        if self.behaviour.has(&Fault::Local) {
            return Err(Exception::FAILURE);
        }
        if let Some(image) = &mut self.settings.image {
            let kept = !self.behaviour.has(&Fault::NotKept);
            let done = if kept { image.write(address, registers) } else { Ok(()) };
            if done.is_ok() || self.settings.kind == Kind::Registers {
                return done;
            }
        }
        let parts = self.view.locate(address, registers.len()).ok_or(Exception::ADDRESS)?;
        let &[(Source::Image(offset), _)] = parts.as_slice() else {
            return Err(Exception::ADDRESS);
        };
        if self.behaviour.has(&Fault::NotKept) {
            return Ok(());
        }
        if self.behaviour.has(&Fault::SilentIgnore) {
            self.take(offset, registers)
        } else {
            self.accept(offset, registers)
        }
    }

    /// An enable that never goes off: the limit is in force whenever it is under 100 %.
    pub(super) fn stick(&mut self, written: &[Setting]) {
        let of_limit = |s: &Setting| matches!(s, Setting::Control(Control::Limit, _));
        if !self.behaviour.has(&Fault::EnableStuck) || !written.iter().any(of_limit) {
            return;
        }
        self.put_role(Control::Limit, Role::Enable, 1.0);
        let percent = self.setting(Setting::Control(Control::Limit, Role::Percent)).unwrap_or(100.0);
        if percent < 100.0 {
            self.engage(Control::Limit);
        } else {
            self.body.orders.release(Control::Limit);
        }
    }
}

fn overlaps(part: &(Source, usize), from: usize, to: usize) -> bool {
    match part {
        (Source::Image(place), count) => *place < to && place + count > from,
        (Source::Words(_), _) => false,
    }
}

/// The caller has said what time it is by [`Unit::advance`].
impl Bank for Unit {
    fn read(&mut self, address: u16, count: u16) -> Result<Vec<u16>, Exception> {
        if let Some(image) = &self.settings.image
            && let Ok(registers) = image.read_holding(address, count)
        {
            return Ok(registers);
        }
        if self.settings.kind == Kind::Registers {
            return Err(Exception::ADDRESS);
        }
        self.relocate();
        let parts = self.view.locate(address, usize::from(count)).ok_or(Exception::ADDRESS)?;
        if let Some(exception) = self.forbidden(&parts) {
            return Err(exception);
        }
        if self.behaviour.has(&Fault::ChangingSf) {
            let form = self.form.clone();
            let mut measuring = form.spans.iter().filter(|s| measures(s.id));
            // A look at the header alone does not turn it.
            if measuring.any(|s| parts.iter().any(|p| overlaps(p, s.offset + 2, s.end()))) {
                self.rescale(!self.coarse);
            }
        }
        let mut registers = Vec::with_capacity(usize::from(count));
        for (source, count) in parts {
            match source {
                Source::Words(words) => registers.extend(words),
                Source::Image(place) => {
                    self.refresh(place, count);
                    let from = registers.len();
                    let image = self.registers.get(place..place + count).ok_or(Exception::ADDRESS)?;
                    registers.extend_from_slice(image);
                    if let Some(shown) = registers.get_mut(from..) {
                        self.view.mask(place, shown);
                    }
                }
            }
        }
        Ok(registers)
    }

    fn read_input(&mut self, address: u16, count: u16) -> Result<Vec<u16>, Exception> {
        self.settings.image.as_ref().map_or(Err(Exception::FUNCTION), |i| i.read_input(address, count))
    }

    fn write(&mut self, function: u8, address: u16, registers: &[u16]) -> Result<(), Exception> {
        self.relocate();
        let done = self.write_through(address, registers);
        if self.writes.len() >= MAX_WRITES {
            self.writes.pop_front();
        }
        let refused = done.err().map(|e| e.0);
        self.writes.push_back(Write {
            at: self.body.at(),
            function,
            address,
            registers: registers.to_vec(),
            refused,
        });
        done
    }
}
