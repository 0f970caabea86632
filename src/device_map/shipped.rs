//! The files of `device-maps/` as they are built into the program. A file that is added there needs a new build of
//! this file to be seen (`touch` it): the compiler only watches the ones it knows.

use std::borrow::Cow;

#[derive(rust_embed::Embed)]
#[folder = "device-maps/"]
struct Files;

/// The text of a file, by its path in `device-maps/`.
pub(super) fn text(path: &str) -> Option<Cow<'static, str>> {
    match Files::get(path)?.data {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// The paths of all files, sorted.
pub(super) fn paths() -> Vec<Cow<'static, str>> {
    let mut paths: Vec<_> = Files::iter().collect();
    paths.sort();
    paths
}
