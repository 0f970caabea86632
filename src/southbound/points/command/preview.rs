//! What a command would write, for a person who is asked first. Reads what the command rests on, writes nothing.

use super::super::draft::Check;
use super::{
    Ask, BusError, CommandName, Draft, Line, Outcome, Points, RegisterCommand, Watts, Wish, active_power,
    wish,
};
use std::time::Duration;

/// What would be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// What is asked, as the device's resolution makes it.
    pub summary: String,
    /// First register, registers and point of each write, in order.
    pub writes: Vec<(u16, Vec<u16>, String)>,
    /// The active power asked for, if the command is about it.
    pub active_power: Option<Watts>,
    /// Points among them that are kept in flash.
    pub stored: Vec<String>,
    /// What shows the command once it was carried out.
    pub checks: Vec<Check>,
    /// The device forgets the command if it is not repeated within this time.
    pub forgotten: Option<Duration>,
}

impl Points {
    /// Works a command out as [`Points::command`] would carry it out now. `None` as there.
    ///
    /// # Errors
    /// The outcome that it would have without anything being written.
    pub async fn preview(&mut self, line: &Line<'_>, ask: &Ask<'_>) -> Option<Result<Preview, Outcome>> {
        match wish(ask.setpoint, &self.map.registers)? {
            Wish::Do(name, value) => {
                let command = self.map.registers.command(name)?.clone();
                Some(self.preview_of(line, ask, &command, value).await)
            }
            Wish::Undo(name) => Some(self.preview_undo(line, &[name]).await),
            Wish::Release(names) => {
                let held: Vec<CommandName> =
                    names.iter().copied().filter(|name| self.holding.has(*name)).collect();
                if held.is_empty() { None } else { Some(self.preview_undo(line, &held).await) }
            }
        }
    }

    async fn preview_of(
        &mut self,
        line: &Line<'_>,
        ask: &Ask<'_>,
        command: &RegisterCommand,
        value: Option<f64>,
    ) -> Result<Preview, Outcome> {
        self.prepare(line, command, &command.steps).await?;
        let base = self.base(command, ask);
        let draft = self.ground(base).command(command, value).map_err(Outcome::Refused)?;
        let mut preview = Preview {
            active_power: active_power(ask.setpoint, draft.value),
            forgotten: command.refresh,
            ..Preview::default()
        };
        self.add(&mut preview, draft);
        Ok(preview)
    }

    async fn preview_undo(&mut self, line: &Line<'_>, names: &[CommandName]) -> Result<Preview, Outcome> {
        let mut preview = Preview::default();
        for name in names {
            let Some(command) = self.map.registers.command(*name).cloned() else { continue };
            if command.release.is_empty() {
                continue;
            }
            self.read_scales(line, &command.release).await?;
            let draft = self.ground(None).release(&command, &[]).map_err(Outcome::Refused)?;
            self.add(&mut preview, draft);
        }
        Ok(preview)
    }

    fn add(&self, preview: &mut Preview, draft: Draft) {
        for write in &draft.writes {
            let stored = self.point(write.place).is_some_and(|point| point.stored);
            if stored && !preview.stored.contains(&write.name) {
                preview.stored.push(write.name.clone());
            }
        }
        preview.checks.extend(draft.checks);
        let writes = draft.writes.into_iter().map(|w| (w.address, w.registers, w.name));
        preview.writes.extend(writes);
        if !preview.summary.is_empty() {
            preview.summary.push_str(", ");
        }
        preview.summary.push_str(&draft.words);
    }

    /// How the points stand now that show a command: name, whether as it left them, and what they show. What cannot be read
    /// is left out.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn stands(
        &self,
        line: &Line<'_>,
        checks: &[Check],
    ) -> Result<Vec<(String, bool, String)>, BusError> {
        let mut stands = Vec::new();
        for check in checks {
            match self.bench(line).stand(check).await {
                Ok(stand) => {
                    stands.extend(stand.map(|(point, kept, shown)| (point.name.clone(), kept, shown)));
                }
                Err(BusError::Refused(exception)) if !exception.unit_missing() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stands)
    }

    /// Whoever releases by hand does not know what is held: everything of the lane that can be undone is.
    pub fn hold_all_that_can_be_undone(&mut self) {
        let registers = &self.map.registers;
        let names: Vec<&str> = CommandName::ALL
            .into_iter()
            .filter(|name| registers.command(*name).is_some_and(|command| !command.release.is_empty()))
            .map(CommandName::name)
            .collect();
        let names = names.join(",");
        self.recall(&names);
    }
}
