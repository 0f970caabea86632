//! What a device is: SunSpec models 1, 120 and 121.

use super::{Bind, Identity, Rating, Setting, Table, What, kept, once, rated, scale_of};

/// Model 1.
pub const COMMON: Table = &[
    ("Mn", Bind::Once(What::Text("dergate"))),
    ("Md", Bind::Once(What::Identity(Identity::Model))),
    ("Vr", Bind::Once(What::Text(env!("CARGO_PKG_VERSION")))),
    ("SN", Bind::Once(What::Identity(Identity::Serial))),
    ("DA", kept(1, What::Number(1.0))),
];

/// Model 120.
pub const NAMEPLATE: Table = &[
    ("DERTyp", rated(Rating::DerType)),
    ("WRtg", rated(Rating::Power)),
    ("WRtg_SF", scale_of(Rating::Power)),
    ("VARtg", rated(Rating::Apparent)),
    ("VARtg_SF", scale_of(Rating::Apparent)),
    ("VArRtgQ1", rated(Rating::Reactive)),
    ("VArRtgQ2", rated(Rating::Reactive)),
    ("VArRtgQ3", rated(Rating::MinusReactive)),
    ("VArRtgQ4", rated(Rating::MinusReactive)),
    ("VArRtg_SF", scale_of(Rating::Reactive)),
    ("ARtg", rated(Rating::Current)),
    ("ARtg_SF", scale_of(Rating::Current)),
    ("PFRtgQ1", once(-0.8)),
    ("PFRtgQ2", once(0.8)),
    ("PFRtgQ3", once(-0.8)),
    ("PFRtgQ4", once(0.8)),
    ("PFRtg_SF", once(-3.0)),
];

/// Model 120 of a device with a battery.
pub const NAMEPLATE_STORAGE: Table = &[
    ("WHRtg", rated(Rating::Energy)),
    ("WHRtg_SF", scale_of(Rating::Energy)),
    ("AhrRtg", rated(Rating::AmpereHours)),
    ("AhrRtg_SF", scale_of(Rating::AmpereHours)),
    ("MaxChaRte", rated(Rating::Power)),
    ("MaxChaRte_SF", scale_of(Rating::Power)),
    ("MaxDisChaRte", rated(Rating::Power)),
    ("MaxDisChaRte_SF", scale_of(Rating::Power)),
];

/// Model 121.
pub const BASIC_SETTINGS: Table = &[
    ("WMax", Bind::Setting(Setting::MaxPower, What::Rated(Rating::Power))),
    ("WMax_SF", scale_of(Rating::Power)),
    ("VRef", kept(2, What::Rated(Rating::Voltage))),
    ("VRef_SF", once(-1.0)),
    ("VRefOfs", kept(3, What::Number(0.0))),
    ("VRefOfs_SF", once(-1.0)),
    ("VAMax", kept(4, What::Rated(Rating::Apparent))),
    ("VAMax_SF", scale_of(Rating::Apparent)),
    ("VArMaxQ1", kept(5, What::Rated(Rating::Reactive))),
    ("VArMaxQ4", kept(6, What::Rated(Rating::MinusReactive))),
    ("VArMax_SF", scale_of(Rating::Reactive)),
    ("ECPNomHz", kept(7, What::Number(50.0))),
    ("ECPNomHz_SF", once(-2.0)),
];

/// Ramp of model 121; a battery has its ramps in model 124.
pub const BASIC_RAMP: Table =
    &[("WGra", Bind::Setting(Setting::Ramp, What::Rated(Rating::Ramp))), ("WGra_SF", once(-2.0))];
