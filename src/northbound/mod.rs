//! IEC 61968-5 messages in IEC 61968-100 envelopes over SOAP 1.1.

mod settings;

pub use settings::{FlowDirection, PartialResult, Settings};
