//! The tables, and the way of values of [`crate::der`] into rows and back. It opens no file and ends no transaction.
//!
//! One row per object, what is nested as JSON text in it, so that a write is one statement and an operator sees an
//! object in one line. Schedules have a table of their own because they carry numbers that must come back exactly.
//! Values that dispatches ask for are JSON text and not REAL: SQLite turns -0.0 into 0.0.

mod fault;
mod nested;

pub(super) use fault::Fault;

use crate::core::port::{Aim, Change, DeviceRecord, DispatchPhase, DispatchRecord, Stored};
use crate::der::{
    CurveStyle, DispatchSchedule, EndDeviceGroup, GroupDispatch, Mrid, Parameter, TimeIntervalKind,
};
use nested::Text;
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;

/// The tables of [`super::file::SCHEMA_VERSION`]. Plain SQL that an old sqlite3 reads too: no STRICT (3.37).
pub(super) const SCHEMA: &str = "
-- EndDeviceGroups. mrid as its owner wrote it, mrid_key as it is compared. seq: order of creation.
CREATE TABLE groups (
  seq INTEGER PRIMARY KEY, mrid_key TEXT NOT NULL UNIQUE, mrid TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
  functions TEXT NOT NULL, members TEXT NOT NULL, names TEXT NOT NULL, version TEXT,
  created_at TEXT NOT NULL, changed_at TEXT NOT NULL);
-- DERGroupDispatches. acceptance: a later one takes precedence. members: who has been or may have been commanded.
CREATE TABLE dispatches (
  mrid_key TEXT PRIMARY KEY NOT NULL, mrid TEXT NOT NULL, name TEXT, group_mrid TEXT NOT NULL,
  parameter TEXT NOT NULL, aim TEXT NOT NULL, state TEXT NOT NULL, starts_at TEXT, ends_at TEXT, acceptance INTEGER NOT NULL,
  members TEXT NOT NULL, names TEXT NOT NULL, created_at TEXT NOT NULL, changed_at TEXT NOT NULL);
CREATE INDEX dispatches_in_order ON dispatches (acceptance);
-- Their schedules. step counts units (s, m, h, D, M, Y); points in the SI unit of the parameter, positive = injected.
CREATE TABLE schedules (
  dispatch_key TEXT NOT NULL REFERENCES dispatches (mrid_key) ON DELETE CASCADE, place INTEGER NOT NULL,
  style TEXT NOT NULL, starts_at TEXT NOT NULL, ends_at TEXT NOT NULL, step INTEGER NOT NULL, unit TEXT NOT NULL,
  points TEXT NOT NULL, PRIMARY KEY (dispatch_key, place)) WITHOUT ROWID;
-- Groups of gateway.toml that were created once, and are not created again after somebody deleted them.
CREATE TABLE seeded (seq INTEGER PRIMARY KEY, mrid_key TEXT NOT NULL UNIQUE, mrid TEXT NOT NULL, created_at TEXT NOT NULL);
-- What is known of devices beyond one run. serial: of the device that was commissioned. notes: its driver's own.
CREATE TABLE devices (
  mrid_key TEXT PRIMARY KEY NOT NULL, mrid TEXT NOT NULL, serial TEXT, notes TEXT NOT NULL, changed_at TEXT NOT NULL);
-- For people: SELECT * FROM group_members WHERE device LIKE '...';
CREATE VIEW group_members AS
  SELECT g.name AS group_name, g.mrid AS group_mrid, m.value AS device FROM groups g, json_each(g.members) m;
CREATE VIEW dispatch_members AS
  SELECT d.mrid AS dispatch, d.group_mrid, d.state, m.value AS device FROM dispatches d, json_each(d.members) m;
";

/// What brings the tables of version 1 to those of version 2.
pub(super) const TO_VERSION_2: &str = "
CREATE TABLE devices (
  mrid_key TEXT PRIMARY KEY NOT NULL, mrid TEXT NOT NULL, serial TEXT, notes TEXT NOT NULL, changed_at TEXT NOT NULL);
";

/// Carries out one change.
pub(super) fn apply(db: &Connection, change: &Change) -> Result<(), Fault> {
    match change {
        Change::PutGroup(group) => put_group(db, group),
        Change::DeleteGroup(mrid) => delete(db, "DELETE FROM groups WHERE mrid_key = ?1", mrid),
        Change::PutDispatch(record) => put_dispatch(db, record),
        Change::DeleteDispatch(mrid) => delete(db, "DELETE FROM dispatches WHERE mrid_key = ?1", mrid),
        Change::MarkSeeded(mrid) => {
            db.prepare_cached(
                "INSERT INTO seeded (mrid_key, mrid, created_at) \
                 VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%fZ','now')) ON CONFLICT (mrid_key) DO NOTHING",
            )?
            .execute(params![mrid.key(), mrid.as_str()])?;
            Ok(())
        }
        Change::PutDevice(mrid, record) => {
            db.prepare_cached(
                "INSERT INTO devices (mrid_key, mrid, serial, notes, changed_at) \
                 VALUES (?1, ?2, ?3, ?4, strftime('%Y-%m-%dT%H:%M:%fZ','now')) \
                 ON CONFLICT (mrid_key) DO UPDATE SET mrid = excluded.mrid, serial = excluded.serial, \
                 notes = excluded.notes, changed_at = excluded.changed_at",
            )?
            .execute(params![mrid.key(), mrid.as_str(), record.serial, record.notes])?;
            Ok(())
        }
    }
}

/// Reads everything.
pub(super) fn load(db: &Connection) -> Result<Stored, Fault> {
    let groups = all(
        db,
        "SELECT mrid, description, functions, members, names, version FROM groups ORDER BY seq",
        "groups",
        group_of,
    )?;
    let seeded =
        all(db, "SELECT mrid FROM seeded ORDER BY seq", "seeded", |row, _| Mrid::read(&text(row, 0)?))?;
    let mut schedules: HashMap<String, Vec<DispatchSchedule>> = HashMap::new();
    let rows = all(
        db,
        "SELECT dispatch_key, style, starts_at, step, unit, points FROM schedules ORDER BY dispatch_key, place",
        "schedules",
        |row, _| Ok((text(row, 0)?, schedule_of(row)?)),
    )?;
    for (dispatch, schedule) in rows {
        schedules.entry(dispatch).or_default().push(schedule);
    }
    let dispatches = all(
        db,
        "SELECT mrid, group_mrid, parameter, state, acceptance, members, names, aim FROM dispatches \
         ORDER BY acceptance, mrid_key",
        "dispatches",
        |row, mrid| dispatch_of(row, mrid, &mut schedules),
    )?;
    let devices =
        all(db, "SELECT mrid, serial, notes FROM devices ORDER BY mrid_key", "devices", |row, mrid| {
            Ok((Mrid::read(mrid)?, DeviceRecord { serial: row.get(1)?, notes: text(row, 2)? }))
        })?;
    Ok(Stored { groups, dispatches, seeded, devices })
}

fn delete(db: &Connection, sql: &str, mrid: &Mrid) -> Result<(), Fault> {
    db.prepare_cached(sql)?.execute([mrid.key()])?;
    Ok(())
}

fn put_group(db: &Connection, group: &EndDeviceGroup) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO groups (mrid_key, mrid, name, description, functions, members, names, version, created_at, changed_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, now, now FROM (SELECT strftime('%Y-%m-%dT%H:%M:%fZ','now') AS now) WHERE true \
         ON CONFLICT (mrid_key) DO UPDATE SET mrid = excluded.mrid, name = excluded.name, description = excluded.description, \
         functions = excluded.functions, members = excluded.members, names = excluded.names, version = excluded.version, \
         changed_at = excluded.changed_at",
    )?
    .execute(params![
        group.mrid.key(),
        group.mrid.as_str(),
        group.label(),
        group.description,
        group.functions.write()?,
        group.members.write()?,
        group.names.write()?,
        group.version.as_ref().map(Text::write).transpose()?,
    ])?;
    Ok(())
}

fn put_dispatch(db: &Connection, record: &DispatchRecord) -> Result<(), Fault> {
    let DispatchRecord { dispatch, order, aim, members, phase } = record;
    let Ok(order) = i64::try_from(*order) else {
        return Err(Fault::Text(format!("the acceptance number {order} is beyond what SQLite holds")));
    };
    let key = dispatch.mrid.key();
    db.prepare_cached(
        "INSERT INTO dispatches (mrid_key, mrid, name, group_mrid, parameter, state, starts_at, ends_at, acceptance, members, \
         names, aim, created_at, changed_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, now, now \
         FROM (SELECT strftime('%Y-%m-%dT%H:%M:%fZ','now') AS now) WHERE true \
         ON CONFLICT (mrid_key) DO UPDATE SET mrid = excluded.mrid, name = excluded.name, group_mrid = excluded.group_mrid, \
         parameter = excluded.parameter, aim = excluded.aim, state = excluded.state, starts_at = excluded.starts_at, ends_at = excluded.ends_at, \
         acceptance = excluded.acceptance, members = excluded.members, names = excluded.names, changed_at = excluded.changed_at",
    )?
    .execute(params![
        key,
        dispatch.mrid.as_str(),
        dispatch.names.first().map(|n| n.name.as_str()),
        dispatch.group.as_str(),
        dispatch.parameter.literal(),
        phase_name(*phase),
        dispatch.start().map(|t| t.to_string()),
        dispatch.end().map(|t| t.to_string()),
        order,
        members.write()?,
        dispatch.names.write()?,
        aim_name(*aim),
    ])?;
    db.prepare_cached("DELETE FROM schedules WHERE dispatch_key = ?1")?.execute([key])?;
    let mut insert = db.prepare_cached("INSERT INTO schedules VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for (place, schedule) in (0_i64..).zip(&dispatch.schedules) {
        insert.execute(params![
            key,
            place,
            schedule.style().literal(),
            schedule.start().to_string(),
            schedule.end().to_string(),
            schedule.step(),
            schedule.unit().literal(),
            nested::write_points(schedule.values()),
        ])?;
    }
    Ok(())
}

/// Reads all rows of a query, whose first column names the row in a fault.
fn all<T>(
    db: &Connection,
    sql: &str,
    table: &'static str,
    mut of: impl FnMut(&Row<'_>, &str) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name = text(row, 0).map_err(|fault| fault.in_row(table, "?"))?;
        found.push(of(row, &name).map_err(|fault| fault.in_row(table, &name))?);
    }
    Ok(found)
}

fn text(row: &Row<'_>, column: usize) -> Result<String, Fault> {
    Ok(row.get(column)?)
}

fn group_of(row: &Row<'_>, mrid: &str) -> Result<EndDeviceGroup, Fault> {
    Ok(EndDeviceGroup {
        mrid: Mrid::read(mrid)?,
        description: row.get(1)?,
        functions: Text::read(&text(row, 2)?)?,
        members: Text::read(&text(row, 3)?)?,
        names: Text::read(&text(row, 4)?)?,
        version: row.get::<_, Option<String>>(5)?.map(|t| Text::read(&t)).transpose()?,
    })
}

fn schedule_of(row: &Row<'_>) -> Result<DispatchSchedule, Fault> {
    let (style, unit) = (text(row, 1)?, text(row, 4)?);
    let style = CurveStyle::from_literal(&style).ok_or_else(|| Fault::content("style", &style))?;
    let unit = TimeIntervalKind::from_literal(&unit).ok_or_else(|| Fault::content("unit", &unit))?;
    let values = nested::read_points(&text(row, 5)?)?;
    DispatchSchedule::new(style, nested::time(&text(row, 2)?)?, row.get(3)?, unit, values)
        .map_err(|error| Fault::Content(error.to_string()))
}

fn dispatch_of(
    row: &Row<'_>,
    mrid: &str,
    schedules: &mut HashMap<String, Vec<DispatchSchedule>>,
) -> Result<DispatchRecord, Fault> {
    let mrid = Mrid::read(mrid)?;
    let parameter = text(row, 2)?;
    let phase = text(row, 3)?;
    let aim = text(row, 7)?;
    let order: i64 = row.get(4)?;
    Ok(DispatchRecord {
        dispatch: GroupDispatch {
            names: Text::read(&text(row, 6)?)?,
            group: Mrid::read(&text(row, 1)?)?,
            parameter: Parameter::from_literal(&parameter)
                .ok_or_else(|| Fault::content("parameter", &parameter))?,
            schedules: schedules.remove(mrid.key()).unwrap_or_default(),
            mrid,
        },
        order: u64::try_from(order).map_err(|_| Fault::content("acceptance", &order.to_string()))?,
        aim: aim_of(&aim).ok_or_else(|| Fault::content("aim", &aim))?,
        members: Text::read(&text(row, 5)?)?,
        phase: phase_of(&phase).ok_or_else(|| Fault::content("state", &phase))?,
    })
}

const fn aim_name(aim: Aim) -> &'static str {
    match aim {
        Aim::Value => "value",
        Aim::Cap => "cap",
    }
}

fn aim_of(name: &str) -> Option<Aim> {
    [Aim::Value, Aim::Cap].into_iter().find(|aim| aim_name(*aim) == name)
}

const fn phase_name(phase: DispatchPhase) -> &'static str {
    match phase {
        DispatchPhase::Accepted => "accepted",
        DispatchPhase::Releasing => "releasing",
        DispatchPhase::Ended => "ended",
    }
}

fn phase_of(name: &str) -> Option<DispatchPhase> {
    [DispatchPhase::Accepted, DispatchPhase::Releasing, DispatchPhase::Ended]
        .into_iter()
        .find(|phase| phase_name(*phase) == name)
}

#[cfg(test)]
mod tests;
