use crate::device_map::dnp3::*;
use crate::device_map::{DeviceMap, parse_map};

const HEAD: &str = "format = 1\nid = \"rtu\"\ntitle = \"RTU\"\nkind = \"dnp3\"\n";
