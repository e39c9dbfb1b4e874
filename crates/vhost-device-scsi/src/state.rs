// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What travels with a guest: its registrations and reservations, what it has not heard yet, what
//! it changed about the units, and the sizes that it knows. Commands are never under way when this is
//! saved.
//!
//! Fields with a default are not in what the first daemons of this version wrote.
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
    /// Events had no buffer yet.
    #[serde(default)]
    news: bool,
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
    /// PRGENERATION.
    #[serde(default)]
    generation: u32,
    /// The size that the guest knows.
    #[serde(default)]
    blocks: Option<u64>,
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
            generation: reservations.generation(),
            blocks: Some(lun.unit.blocks()),
        }
    });
    let state = StateV1 {
        version: VERSION,
        cdb_size: cdb_size as u32,
        sense_size: sense_size as u32,
        units: units.collect(),
        news: server.mailbox(guest).is_some_and(|it| it.has_news()),
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
    let mut news = state.news;
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
        // The image may have grown since this daemon opened it; one that is too small has its own error.
        if let Err(error) = server.resize(unit.target, unit.lun, None) {
            log::warn!("target {} unit {}: {error}", unit.target, unit.lun);
        }
        let codes: Vec<_> = unit
            .attentions
            .iter()
            .map(|&(asc, ascq)| Code(asc, ascq))
            .collect();
        lun.unit.set_attentions(guest, &codes);
        // The guest knows another size than the image has here.
        if unit.blocks.is_some_and(|known| known != lun.unit.blocks()) {
            lun.unit.tell(guest, Code::CAPACITY_DATA_HAS_CHANGED);
            news = true;
        }
        lun.unit
            .set_reservations(merged(&lun.unit.reservations(), guest, unit))
            .map_err(|_| StateError::Damaged("its reservations cannot be kept here"))?;
    }
    if news && let Some(mailbox) = server.mailbox(guest) {
        mailbox.miss();
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
    // Whoever compares it with what it read before must not take a change for none.
    .with_generation(unit.generation.max(here.generation()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use virtio_device::EngineKind;

    use super::*;
    use crate::disk::{Cache, DiskOptions};
    use crate::server::ImageOptions;
    use crate::target::unit::LogicalUnit;

    const BLOCKS: u64 = 64;
    const SIZES: (usize, usize) = (32, 96);

    /// What the first daemons of version 1 wrote of a guest that holds nothing.
    const FIRST: &str = r#"{"version":1,"cdb_size":32,"sense_size":96,"units":[{"target":0,"lun":0,
        "write_cache":true,"descriptor_sense":false,"write_protect":false,"stopped":false,
        "attentions":[],"key":null,"holds":null,"persistent":false}]}"#;

    /// One unit for one guest.
    fn server() -> Arc<Server> {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(BLOCKS * 512).unwrap();
        let server = Server::new(1, EngineKind::Threads, None).unwrap();
        let disk = DiskOptions {
            path: image.path().to_owned(),
            read_only: false,
            block_size: 512,
            cache: Cache::Writeback,
            unlocked: false,
        };
        let options = ImageOptions {
            disk,
            solid_state: false,
            target: None,
            lun: 0,
            serial: None,
            wwn: None,
        };
        server.add(&options).unwrap();
        server
    }

    fn with_unit<R>(server: &Server, look: impl FnOnce(&LogicalUnit) -> R) -> R {
        look(&server.targets().luns()[&(0, 0)].unit)
    }

    fn set_generation(server: &Server, generation: u32) {
        let registrations = vec![Registration { nexus: 0, key: 5 }];
        let state = Reservations::restore(registrations, None, false);
        let state = state.with_generation(generation);
        with_unit(server, |unit| unit.set_reservations(state)).unwrap();
    }

    fn generation_after_a_move(there: u32, here: u32) -> u32 {
        let (old, new) = (server(), server());
        set_generation(&old, there);
        set_generation(&new, here);

        let state = save(&old, 0, SIZES).unwrap();
        load(&new, 0, &state).unwrap();

        with_unit(&new, |unit| unit.reservations().generation())
    }

    #[test]
    fn a_generation_is_that_of_the_daemon_that_had_the_larger_one() {
        assert_eq!(generation_after_a_move(7, 3), 7);
        assert_eq!(generation_after_a_move(3, 7), 7);
    }

    #[test]
    fn a_state_without_sizes_generation_and_news_is_taken_and_is_no_news() {
        let new = server();

        let sizes = load(&new, 0, FIRST.as_bytes()).unwrap();

        assert_eq!(sizes, (32, 96));
        assert_eq!(with_unit(&new, |unit| unit.attentions(0)), []);
        assert!(!new.mailbox(0).unwrap().has_news());
    }

    #[test]
    fn a_size_that_the_guest_does_not_know_is_news_and_one_that_it_knows_is_none() {
        let (old, new) = (server(), server());
        let known = save(&old, 0, SIZES).unwrap();
        with_unit(&old, |unit| unit.resize(2 * BLOCKS));
        with_unit(&old, |unit| unit.set_attentions(0, &[]));
        let another = save(&old, 0, SIZES).unwrap();
        let told = |state: &[u8]| {
            with_unit(&new, |unit| unit.set_attentions(0, &[]));
            load(&new, 0, state).unwrap();
            let told = with_unit(&new, |unit| unit.attentions(0));
            (told, new.mailbox(0).unwrap().has_news())
        };

        let power_on = vec![Code::POWER_ON_OCCURRED];
        assert_eq!(told(&known), (power_on, false));
        let changed = vec![Code::CAPACITY_DATA_HAS_CHANGED];
        assert_eq!(told(&another), (changed, true));
    }

    #[test]
    fn a_field_that_is_not_known_is_refused() {
        let odd = FIRST.replace("\"persistent\"", "\"colour\":1,\"persistent\"");

        let result = load(&server(), 0, odd.as_bytes());

        assert!(matches!(result, Err(StateError::Damaged(_))), "{result:?}");
    }
}
