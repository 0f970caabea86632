//! A table whose keys are taken one by one; what is left over is unknown.

use super::value::{Entries, Value, quoted};
use super::{Item, Place, Placed, TomlFile};
use crate::nearest::nearest;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeTable;

/// Words that are all told to who has none of them: a guess would say less.
const FEW: usize = 4;

/// A table of a file. Take its keys, then [`Table::finish`].
///
/// Every `example` is TOML as it could stand behind `key =`; faults show it.
#[derive(Debug)]
pub struct Table {
    label: String,
    place: Place,
    entries: BTreeMap<String, (usize, usize, Value)>,
    known: Vec<&'static str>,
}

impl Table {
    pub(super) fn root(file: &TomlFile, table: Spanned<DeTable<'_>>) -> Self {
        Self::new("this file", file.place(0), TomlFile::entries_of(table))
    }

    pub(super) fn new(label: &str, place: Place, entries: Entries) -> Self {
        let entries =
            entries.into_iter().map(|(key, at, value_at, value)| (key, (at, value_at, value))).collect();
        Self { label: label.to_owned(), place, entries, known: Vec::new() }
    }

    /// Where it begins: its header.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// True if the key is there and was not taken yet.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The keys that were not taken yet.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Takes a key, whatever its value is.
    pub fn take(&mut self, key: &'static str) -> Option<Item> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let (_, value_at, value) = self.entries.remove(key)?;
        Some(Item { value, place: self.place.at(value_at), name: key.to_owned() })
    }

    /// Takes a key without offering it as one that may have been meant.
    pub fn take_quietly(&mut self, key: &'static str) -> Option<Item> {
        let (at, _, value) = self.entries.remove(key)?;
        Some(Item { value, place: self.place.at(at), name: key.to_owned() })
    }

    /// Takes a key; a fault if it is not there.
    pub fn require(&mut self, key: &'static str, example: &str) -> Option<Item> {
        let item = self.take(key);
        if item.is_none() {
            self.fault(format!("{} has no {key}; add {key} = {example}", self.label));
        }
        item
    }

    /// Reports a fault of the table as a whole.
    pub fn fault(&self, message: impl Into<String>) {
        self.place.fault(message);
    }

    /// Takes a text that must be there.
    pub fn required_text(&mut self, key: &'static str, example: &str) -> Option<Placed<String>> {
        self.require(key, example)?.text(example)
    }

    /// Takes a text.
    pub fn text(&mut self, key: &'static str, example: &str) -> Option<Placed<String>> {
        self.take(key)?.text(example)
    }

    /// Takes a whole number that must be there, within a range.
    pub fn required_integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        example: &str,
    ) -> Option<Placed<i64>> {
        self.require(key, example)?.integer(&range, example)
    }

    /// Takes a whole number within a range.
    pub fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        example: &str,
    ) -> Option<Placed<i64>> {
        self.take(key)?.integer(&range, example)
    }

    /// Takes a number that must be there, within a range.
    pub fn required_number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
        example: &str,
    ) -> Option<Placed<f64>> {
        self.require(key, example)?.number(&range, example)
    }

    /// Takes a number within a range.
    pub fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
        example: &str,
    ) -> Option<Placed<f64>> {
        self.take(key)?.number(&range, example)
    }

    /// Takes a truth value.
    pub fn boolean(&mut self, key: &'static str) -> Option<Placed<bool>> {
        self.take(key)?.boolean()
    }

    /// Takes a length of time within a range.
    pub fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        example: &str,
    ) -> Option<Placed<Duration>> {
        self.take(key)?.duration(&range, example)
    }

    /// Takes one of a few words.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<Placed<T>> {
        let example = words.first().map_or_else(String::new, |(word, _)| format!("\"{word}\""));
        let text = self.text(key, &example)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(Placed { value: *value, place: text.place });
        }
        let near = nearest(&text.value, words.iter().map(|(word, _)| *word));
        let right = match near.filter(|_| words.len() > FEW) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => {
                let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                format!("write {}", all.join(" or "))
            }
        };
        text.place.fault(format!("{key} = {} is not known; {right}", quoted(&text.value)));
        None
    }

    /// Takes a list of texts. A list with a wrong item yields its right ones; the fault is reported.
    pub fn texts(&mut self, key: &'static str, example: &str) -> Option<Placed<Vec<Placed<String>>>> {
        let list = self.take(key)?.list(example)?;
        let value = list.value.into_iter().filter_map(|item| item.item_text(key, example)).collect();
        Some(Placed { value, place: list.place })
    }

    /// Takes a list of whole numbers within a range.
    pub fn integers(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        example: &str,
    ) -> Option<Placed<Vec<Placed<i64>>>> {
        let list = self.take(key)?.list(example)?;
        let value =
            list.value.into_iter().filter_map(|item| item.item_integer(key, &range, example)).collect();
        Some(Placed { value, place: list.place })
    }

    /// Takes a table; `label` is how faults call it, such as `[gateway]`.
    pub fn table(&mut self, key: &'static str, label: &str) -> Option<Self> {
        self.take(key)?.table(label)
    }

    /// Takes a list of tables (`[[key]]`). Absent is empty.
    pub fn tables(&mut self, key: &'static str) -> Vec<Self> {
        let label = format!("[[{key}]]");
        match self.take(key) {
            None => Vec::new(),
            Some(item) if item.is_table() => {
                item.place().fault(format!("{key} is a list of tables; write {label}, with two brackets"));
                Vec::new()
            }
            Some(item) => item.list(&label).map_or_else(Vec::new, |list| {
                list.value.into_iter().filter_map(|item| item.item_table(&label)).collect()
            }),
        }
    }

    /// Takes every key that is left: for tables whose keys are the user's own.
    pub fn rest(&mut self) -> Vec<(Placed<String>, Item)> {
        let entries = std::mem::take(&mut self.entries);
        entries
            .into_iter()
            .map(|(key, (at, value_at, value))| {
                let item = Item { value, place: self.place.at(value_at), name: key.clone() };
                (Placed { value: key, place: self.place.at(at) }, item)
            })
            .collect()
    }

    /// Reports every key that nobody took, with the one that was probably meant.
    pub fn finish(self) {
        for (key, (at, ..)) in &self.entries {
            let right = match nearest(key, self.known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("it knows {}", self.known.join(", ")),
            };
            self.place.at(*at).fault(format!("{} has no key {}; {right}", self.label, quoted(key)));
        }
    }
}

impl Item {
    fn item_text(self, list: &str, example: &str) -> Option<Placed<String>> {
        match self.value {
            Value::Text(value) => Some(Placed { value, place: self.place }),
            _ => {
                self.place.fault(format!("{list} holds texts in quotes; write {list} = {example}"));
                None
            }
        }
    }

    fn item_integer(self, list: &str, range: &RangeInclusive<i64>, example: &str) -> Option<Placed<i64>> {
        match self.value {
            Value::Integer(_) => self.integer(range, example),
            _ => {
                self.place.fault(format!("{list} holds whole numbers; write {list} = {example}"));
                None
            }
        }
    }

    fn item_table(self, label: &str) -> Option<Table> {
        if self.is_table() {
            return self.table(label);
        }
        self.place.fault(format!("a table is expected here; write {label} and its keys below it"));
        None
    }
}
