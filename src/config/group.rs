//! One `[[group]]`.

use super::registry::{mrid, name};
use crate::der::{DerFunction, DerFunctions, Mrid};
use crate::nearest::nearest;
use crate::toml_file::{Placed, Table};

const FUNCTIONS: &str = "[\"realPowerDispatch\", \"maxRealPowerLimiting\"]";

/// A group as far as its table is right.
#[derive(Debug)]
pub(super) struct Read {
    pub mrid: Option<Placed<Mrid>>,
    pub name: Option<Placed<String>>,
    pub functions: DerFunctions,
    pub members: Vec<Placed<String>>,
}

pub(super) fn read(mut table: Table) -> Read {
    let mrid = table.required_text("mrid", "\"7d0e5a52-6f0b-4c1e-9a57-2f4b8a3c1d01\"").and_then(mrid);
    let name = table.text("name", "\"FDR12-PV\"").and_then(name);
    let functions = if table.has("functions") {
        let list = table.texts("functions", FUNCTIONS).map(|list| list.value).unwrap_or_default();
        list.iter().filter_map(function).collect()
    } else {
        // Nothing may be done with a group by accident, so what it is for is always written.
        table.require("functions", FUNCTIONS);
        DerFunctions::NONE
    };
    let members = table.texts("members", "[\"PV-001\"]").map(|list| list.value).unwrap_or_default();
    table.finish();
    Read { mrid, name, functions, members }
}

fn function(word: &Placed<String>) -> Option<DerFunction> {
    let found = DerFunction::from_name(&word.value);
    if found.is_none() {
        let names = DerFunction::ALL.map(DerFunction::name);
        let right = match nearest(&word.value, names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the functions are {}", names.join(", ")),
        };
        let shown: String = word.value.chars().take(80).collect();
        word.place.fault(format!("there is no function \"{}\"; {right}", shown.escape_debug()));
    }
    found
}
