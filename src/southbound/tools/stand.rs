//! Whether what was written by hand still stands while somebody watches. A gateway at work writes the same points.
//!
//! Pure; the drivers' hands look. It does not tell who changed a point: a device that falls back by itself looks the same.

use std::collections::BTreeSet;

/// One point of the feedback of a command, as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Its name.
    pub name: String,
    /// It shows what was written.
    pub kept: bool,
    /// What it shows, in words.
    pub now: String,
}

/// Compares looks at the feedback of one command.
#[derive(Debug)]
pub struct Vigil {
    /// Points that are known to have stood as written; `None` for all: they were read back.
    stood: Option<BTreeSet<String>>,
}

impl Vigil {
    /// Begins when a command was applied. What was not read back then counts from when it is first seen as written.
    #[must_use]
    pub fn new(verified: bool) -> Self {
        Self { stood: (!verified).then(BTreeSet::new) }
    }

    /// What does not stand any more, in words; `None` if nothing is known to have changed.
    pub fn look(&mut self, stands: &[Stand]) -> Option<String> {
        if let Some(stood) = &mut self.stood {
            stood.extend(stands.iter().filter(|stand| stand.kept).map(|stand| stand.name.clone()));
        }
        let mine = |stand: &&Stand| self.stood.as_ref().is_none_or(|stood| stood.contains(&stand.name));
        let changed = stands.iter().filter(|stand| !stand.kept).filter(mine);
        let words: Vec<String> = changed.map(|stand| format!("{} {}", stand.name, stand.now)).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

#[cfg(test)]
mod tests;
