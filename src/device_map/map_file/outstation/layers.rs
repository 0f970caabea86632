//! Tables of one name in a map and in those that it extends. The uppermost that has a key gives it.

use super::chain::Level;
use crate::toml_file::{Item, Place, Placed, Table};
use std::ops::RangeInclusive;

/// Such tables, the uppermost first, each with the number of its level; never empty.
#[derive(Debug)]
pub(super) struct Layers {
    tables: Vec<(usize, Table)>,
    place: Place,
}

/// A value, and the level whose file it is written in.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) item: Item,
    pub(super) level: usize,
}

impl Layers {
    /// One table.
    pub(super) fn of(level: usize, table: Table) -> Self {
        let place = table.place().clone();
        Self { tables: vec![(level, table)], place }
    }

    /// A table of all levels that have it.
    pub(super) fn section(levels: &mut [Level], key: &'static str, label: &str) -> Option<Self> {
        let mut found: Option<Self> = None;
        for (number, level) in levels.iter_mut().enumerate() {
            let Some(table) = level.root.table(key, label) else { continue };
            match &mut found {
                None => found = Some(Self::of(number, table)),
                Some(layers) => layers.tables.push((number, table)),
            }
        }
        found
    }

    /// Puts a table on top.
    pub(super) fn cover(&mut self, level: usize, table: Table) {
        self.place = table.place().clone();
        self.tables.insert(0, (level, table));
    }

    /// Where the uppermost begins.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Takes a key of all layers; the uppermost value counts.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Given> {
        let mut found = None;
        for (level, table) in &mut self.tables {
            if let Some(item) = table.take(key)
                && found.is_none()
            {
                found = Some(Given { item, level: *level });
            }
        }
        found
    }

    /// Takes a key; a fault if no layer has it.
    pub(super) fn require(&mut self, key: &'static str, label: &str, example: &str) -> Option<Given> {
        let given = self.take(key);
        if given.is_none() {
            self.place.fault(format!("{label} has no {key}; add {key} = {example}"));
        }
        given
    }

    pub(super) fn text(&mut self, key: &'static str, example: &str) -> Option<Placed<String>> {
        self.take(key)?.item.text(example)
    }

    /// A list of texts such as `example`.
    pub(super) fn texts(&mut self, key: &'static str, example: &str) -> Option<Placed<Vec<Placed<String>>>> {
        let list = self.take(key)?.item.list(&format!("[{example}]"))?;
        let value = list.value.into_iter().filter_map(|item| item.text(example)).collect();
        Some(Placed { value, place: list.place })
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<Placed<bool>> {
        self.take(key)?.item.boolean()
    }

    pub(super) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        example: &str,
    ) -> Option<Placed<i64>> {
        self.take(key)?.item.integer(&range, example)
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
        example: &str,
    ) -> Option<Placed<f64>> {
        self.take(key)?.item.number(&range, example)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let example = words.first().map_or_else(String::new, |(word, _)| format!("\"{word}\""));
        let text = self.text(key, &example)?;
        super::super::words::one_of(&text, key, words)
    }

    /// Reports every key that nobody took, in each layer.
    pub(super) fn finish(self) {
        for (_, table) in self.tables {
            table.finish();
        }
    }
}
