//! What must survive a power cut: groups and dispatches, in one SQLite file.
