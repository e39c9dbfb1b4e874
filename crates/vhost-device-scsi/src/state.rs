// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What travels with a guest: its registrations and reservations, what it has not heard yet, and
//! what it changed about the units. Commands are never under way when this is saved.
//!
//! JSON, because all of it is of variable length, and small.

use serde::{Deserialize, Serialize};
use virtio_device::StateError;

use crate::server::Server;
use crate::target::mode::Mode;
use crate::target::reservation::{Held, Kind, Registration, Reservations};
use crate::target::sense::Code;

const VERSION: u32 = 1;

/// 256 targets with a few units each take less.
const MAX_STATE: usize = 4 << 20;

#[derive(Debug, Deserialize)]
struct Version {
    version: u32,
}

/// Version 1.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateV1 {
    version: u32,
    /// What the driver chose (5.6.4).
    cdb_size: u32,
    sense_size: u32,
    units: Vec<UnitV1>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitV1 {
    target: u8,
    lun: u16,
    write_cache: bool,
    descriptor_sense: bool,
    write_protect: bool,
    stopped: bool,
    attentions: Vec<(u8, u8)>,
    /// The guest's key.
    key: Option<u64>,
    /// Type of the reservation that the guest holds.
    holds: Option<u8>,
    persistent: bool,
}

pub(crate) fn save(
    server: &Server,
    guest: usize,
    (cdb_size, sense_size): (usize, usize),
) -> Result<Vec<u8>, StateError> {
    let luns = server.targets().luns();
    let units = luns.values().map(|lun| {
        let mode = lun.unit.mode();
        let reservations = lun.unit.reservations();
        let mine = reservations
            .registrations()
            .iter()
            .find(|entry| entry.nexus == guest);
        let holds = reservations.held().filter(|held| {
            held.nexus == guest || (held.kind.is_all_registrants() && mine.is_some())
        });
        UnitV1 {
            target: lun.target,
            lun: lun.lun,
            write_cache: mode.write_cache,
            descriptor_sense: mode.descriptor_sense,
            write_protect: mode.write_protect,
            stopped: lun.unit.is_stopped(),
            attentions: lun
                .unit
                .attentions(guest)
                .into_iter()
                .map(|Code(asc, ascq)| (asc, ascq))
                .collect(),
            key: mine.map(|entry| entry.key),
            holds: holds.map(|held| held.kind as u8),
            persistent: reservations.is_persistent(),
        }
    });
    let state = StateV1 {
        version: VERSION,
        cdb_size: cdb_size as u32,
        sense_size: sense_size as u32,
        units: units.collect(),
    };
    serde_json::to_vec(&state).map_err(|_| StateError::Damaged("it cannot be written"))
}

/// Returns the sizes that the driver chose, not checked yet.
pub(crate) fn load(server: &Server, guest: usize, bytes: &[u8]) -> Result<(u32, u32), StateError> {
    if bytes.len() > MAX_STATE {
        return Err(StateError::Damaged("it is larger than any state"));
    }
    let Version { version } =
        serde_json::from_slice(bytes).map_err(|_| StateError::Damaged("it has no version"))?;
    if version != VERSION {
        return Err(StateError::Version {
            found: version,
            known: VERSION,
        });
    }
    let state: StateV1 = serde_json::from_slice(bytes)
        .map_err(|_| StateError::Damaged("it is not what version 1 consists of"))?;
    let luns = server.targets().luns();
    // All of it is checked before any of it is taken.
    for unit in &state.units {
        if !luns.contains_key(&(unit.target, unit.lun)) {
            return Err(StateError::Damaged(
                "the guest has a unit that this daemon has not; start it with the same images",
            ));
        }
        if unit
            .holds
            .is_some_and(|kind| Kind::from_code(kind).is_none())
        {
            return Err(StateError::Damaged("a reservation has no type"));
        }
    }
    for unit in &state.units {
        let Some(lun) = luns.get(&(unit.target, unit.lun)) else {
            continue;
        };
        lun.unit.set_mode(Mode {
            write_cache: unit.write_cache,
            descriptor_sense: unit.descriptor_sense,
            write_protect: unit.write_protect,
        });
        lun.unit.set_stopped(unit.stopped);
        let codes: Vec<_> = unit
            .attentions
            .iter()
            .map(|&(asc, ascq)| Code(asc, ascq))
            .collect();
        lun.unit.set_attentions(guest, &codes);
        lun.unit
            .set_reservations(merged(&lun.unit.reservations(), guest, unit))
            .map_err(|_| StateError::Damaged("its reservations cannot be kept here"))?;
    }
    Ok((state.cdb_size, state.sense_size))
}

/// What other guests have here stays; this one's is what it was elsewhere.
fn merged(here: &Reservations, guest: usize, unit: &UnitV1) -> Reservations {
    let mut registrations: Vec<_> = here
        .registrations()
        .iter()
        .copied()
        .filter(|entry| entry.nexus != guest)
        .collect();
    if let Some(key) = unit.key {
        registrations.push(Registration { nexus: guest, key });
    }
    let theirs = here
        .held()
        .filter(|held| held.nexus != guest || held.kind.is_all_registrants());
    let mine = unit
        .holds
        .and_then(Kind::from_code)
        .map(|kind| Held { nexus: guest, kind });
    Reservations::restore(
        registrations,
        mine.or(theirs),
        unit.persistent || here.is_persistent(),
    )
}
