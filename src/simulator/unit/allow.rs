//! Which writes a device takes: by the present SunSpec rules (refuse whole) or the old ones (ignore and go on).

use super::Unit;
use crate::device_map::PointType;
use crate::simulator::modbus::Exception;
use crate::simulator::orders::Control;
use crate::simulator::registers::{Cell, Role, Setting, decode};

impl Unit {
    /// Present rules: every point whole, writable and of a good value, or nothing is written.
    pub(super) fn accept(&mut self, offset: usize, registers: &[u16]) -> Result<(), Exception> {
        let form = self.form.clone();
        let cells = form.overlapping(offset, registers.len());
        let covered: usize = cells.iter().map(|c| c.size).sum();
        if covered != registers.len() || cells.first().is_none_or(|c| c.offset != offset) {
            return Err(Exception::ADDRESS);
        }
        for group in cells.iter().filter_map(|c| c.sync) {
            let whole = form.cells.iter().filter(|c| c.sync == Some(group)).count();
            if cells.iter().filter(|c| c.sync == Some(group)).count() != whole {
                return Err(Exception::ADDRESS);
            }
        }
        let mut written = Vec::with_capacity(cells.len());
        for cell in cells {
            let setting = cell.setting().ok_or(Exception::ADDRESS)?;
            let value = part(cell, offset, registers).ok_or(Exception::ADDRESS)?;
            if !self.is_allowed(cell, setting, value) {
                return Err(Exception::VALUE);
            }
            written.push(setting);
        }
        for cell in cells {
            self.store(cell, offset, registers);
        }
        self.obey(&written);
        Ok(())
    }

    /// Old rules: what cannot be written is skipped, and what stands before a bad value is written.
    pub(super) fn take(&mut self, offset: usize, registers: &[u16]) -> Result<(), Exception> {
        let form = self.form.clone();
        let mut written = Vec::new();
        let mut done = Ok(());
        for cell in form.overlapping(offset, registers.len()) {
            let (Some(setting), Some(value)) = (cell.setting(), part(cell, offset, registers)) else {
                continue;
            };
            if !self.is_allowed(cell, setting, value) {
                done = Err(Exception::VALUE);
                break;
            }
            self.store(cell, offset, registers);
            written.push(setting);
        }
        self.obey(&written);
        done
    }

    fn store(&mut self, cell: &Cell, offset: usize, registers: &[u16]) {
        let target = self.registers.get_mut(cell.offset..cell.offset + cell.size);
        if let (Some(target), Some(value)) = (target, part(cell, offset, registers)) {
            target.copy_from_slice(value);
        }
    }

    fn is_allowed(&self, cell: &Cell, setting: Setting, registers: &[u16]) -> bool {
        let power = self.power_of(cell);
        let Some(value) = decode(cell.kind, power, registers) else {
            return false;
        };
        match cell.kind {
            PointType::Enum16 | PointType::Enum32 if !cell.symbols.is_empty() => {
                return cell.symbols.iter().any(|s| f64::from(*s) == value);
            }
            PointType::Bitfield16 if !cell.symbols.is_empty() => {
                let mask: f64 =
                    cell.symbols.iter().map(|bit| 2_f64.powi(i32::try_from(*bit).unwrap_or(0))).sum();
                // The named bits are the lowest ones in every field that can be written.
                return value <= mask;
            }
            _ => {}
        }
        // Half a step more: the rating itself may have been rounded up.
        let slack = 10_f64.powi(i32::from(power)) / 2.0;
        self.bounds(setting)
            .is_none_or(|(lowest, highest)| (lowest - slack..=highest + slack).contains(&value))
            && !(is_factor(setting) && value.abs() < 0.8 - slack)
    }

    /// Smallest and largest value of a setting, if it has any beyond its type.
    fn bounds(&self, setting: Setting) -> Option<(f64, f64)> {
        let rated = self.body.ratings.power_w;
        let battery = self.body.ratings.battery.is_some();
        Some(match setting {
            Setting::Control(Control::Limit, Role::Percent | Role::RevertPercent) | Setting::Reserve => {
                (0.0, 100.0)
            }
            Setting::Control(Control::SetPoint, Role::Value | Role::RevertValue) => {
                (if battery { -self.max_charge() } else { 0.0 }, self.max_power())
            }
            Setting::Control(Control::SetPoint, Role::Percent | Role::RevertPercent) => {
                (if battery { -100.0 } else { 0.0 }, 100.0)
            }
            Setting::Control(Control::Vars, Role::Value | Role::RevertValue) => {
                (-self.body.ratings.reactive_var, self.body.ratings.reactive_var)
            }
            Setting::Control(
                Control::Vars,
                Role::Percent | Role::RevertPercent | Role::PercentOfMax | Role::PercentOfAvailable,
            )
            | Setting::Control(Control::Window, Role::Charge | Role::Discharge) => (-100.0, 100.0),
            Setting::Control(_, Role::Value | Role::RevertValue) => (-1.0, 1.0),
            Setting::MaxPower | Setting::MaxCharge => (rated / 100.0, rated),
            Setting::Ramp | Setting::ChargeRamp | Setting::DischargeRamp => (0.1, 1000.0),
            _ => return None,
        })
    }
}

fn is_factor(setting: Setting) -> bool {
    matches!(
        setting,
        Setting::Control(Control::Factor | Control::FactorAbsorbing, Role::Value | Role::RevertValue)
    )
}

/// The registers of a cell out of a write that starts at `offset`; `None` if it is not wholly in it.
fn part<'a>(cell: &Cell, offset: usize, registers: &'a [u16]) -> Option<&'a [u16]> {
    let first = cell.offset.checked_sub(offset)?;
    registers.get(first..first + cell.size)
}
