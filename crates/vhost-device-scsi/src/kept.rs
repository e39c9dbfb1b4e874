// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Persistent reservations that survive the daemon (APTPL): a file that is replaced as a whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::target::reservation::{Held, Kind, Registration, Reservations};
use crate::target::unit::Keeper;

/// A thousand guests on 256 units take less.
const MAX_FILE: u64 = 64 << 20;

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    /// By world-wide name, in hexadecimal.
    units: BTreeMap<String, Entry>,
}

/// The reservations of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    registrations: Vec<Key>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    held: Option<Hold>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    guest: usize,
    key: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    guest: usize,
    r#type: u8,
}

impl Entry {
    pub(crate) fn of(reservations: &Reservations) -> Self {
        Self {
            registrations: reservations
                .registrations()
                .iter()
                .map(|&Registration { nexus, key }| Key { guest: nexus, key })
                .collect(),
            held: reservations.held().map(|held| Hold {
                guest: held.nexus,
                r#type: held.kind as u8,
            }),
        }
    }

    pub(crate) fn restore(&self, guests: usize, persistent: bool) -> Reservations {
        let registrations = self
            .registrations
            .iter()
            .filter(|entry| entry.guest < guests)
            .map(|&Key { guest, key }| Registration { nexus: guest, key })
            .collect();
        let held = self.held.and_then(|held| {
            Some(Held {
                nexus: held.guest,
                kind: Kind::from_code(held.r#type)?,
            })
        });
        Reservations::restore(registrations, held, persistent)
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

fn lock(path: &Path) -> io::Result<File> {
    let path = beside(path, ".lock");
    // It may be another user's, from a time before.
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?,
        file => file?,
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(io::Error::other("another daemon has it"));
        }
        // A file system without locks: nothing can be known.
        Err(errno) => log::warn!("{} cannot be locked: {errno}", path.display()),
    }
    Ok(file)
}

/// The file.
#[derive(Debug)]
pub struct KeptReservations {
    path: PathBuf,
    units: Mutex<BTreeMap<String, Entry>>,
    /// The last attempt failed, and the operator knows.
    failing: AtomicBool,
    /// Held for as long as this lives. Not the file itself, which is another one after each change.
    _lock: Option<File>,
}

impl KeptReservations {
    /// Reads a file, which need not exist yet. With `exclusive`, a second user of it is refused, for
    /// each would write what it knows over what the other has kept.
    pub fn open(path: &Path, exclusive: bool) -> io::Result<Self> {
        let lock = exclusive.then(|| lock(path)).transpose()?;
        let mut text = Vec::new();
        let units = match File::open(path) {
            Ok(file) => {
                file.take(MAX_FILE).read_to_end(&mut text)?;
                let document: Document = serde_json::from_slice(&text)?;
                if document.version != VERSION {
                    return Err(io::Error::other(format!(
                        "it has version {}, this program reads version {VERSION}",
                        document.version
                    )));
                }
                document.units
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        let kept = Self {
            path: path.to_owned(),
            units: Mutex::new(units.clone()),
            failing: AtomicBool::new(false),
            _lock: lock,
        };
        // Whoever cannot write it should know before a guest relies on it.
        kept.write(&units)?;
        Ok(kept)
    }

    /// What was kept of a unit.
    pub fn restore(&self, wwn: u64, guests: usize) -> Reservations {
        let units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        match units.get(&name(wwn)) {
            Some(entry) => entry.restore(guests, true),
            None => Reservations::default(),
        }
    }

    fn write(&self, units: &BTreeMap<String, Entry>) -> io::Result<()> {
        let document = Document {
            version: VERSION,
            units: units.clone(),
        };
        let next = beside(&self.path, ".new");
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec_pretty(&document)?)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        let directory = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn name(wwn: u64) -> String {
    format!("{wwn:016x}")
}

impl Keeper for KeptReservations {
    fn keep(&self, wwn: u64, reservations: &Reservations) -> io::Result<()> {
        let mut units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = units.clone();
        if reservations.is_persistent() && !reservations.registrations().is_empty() {
            next.insert(name(wwn), Entry::of(reservations));
        } else {
            next.remove(&name(wwn));
        }
        if let Err(error) = self.write(&next) {
            // A guest may try for ever.
            if !self.failing.swap(true, Ordering::Relaxed) {
                let path = self.path.display();
                log::error!("reservations cannot be kept in {path}: {error}");
            }
            return Err(error);
        }
        self.failing.store(false, Ordering::Relaxed);
        *units = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservations(persistent: bool) -> Reservations {
        let kind = Kind::WriteExclusive;
        Reservations::restore(
            vec![Registration { nexus: 1, key: 7 }],
            Some(Held { nexus: 1, kind }),
            persistent,
        )
    }

    #[test]
    fn what_is_kept_is_there_for_a_successor() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("reservations");
        let kept = KeptReservations::open(&path, true).unwrap();

        kept.keep(5, &reservations(true)).unwrap();
        drop(kept);
        let successor = KeptReservations::open(&path, true).unwrap();

        assert_eq!(successor.restore(5, 2), reservations(true));
        assert_eq!(successor.restore(6, 2), Reservations::default());
    }

    #[test]
    fn a_file_that_another_has_is_refused_unless_that_is_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("reservations");
        let first = KeptReservations::open(&path, true).unwrap();

        let second = KeptReservations::open(&path, true);
        let mover = KeptReservations::open(&path, false);
        drop(first);
        let successor = KeptReservations::open(&path, true);

        let error = second.unwrap_err().to_string();
        assert_eq!(error, "another daemon has it");
        assert!(mover.is_ok() && successor.is_ok());
    }

    #[test]
    fn what_is_no_longer_persistent_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("reservations");
        let kept = KeptReservations::open(&path, false).unwrap();
        kept.keep(5, &reservations(true)).unwrap();

        kept.keep(5, &reservations(false)).unwrap();

        let successor = KeptReservations::open(&path, false).unwrap();
        assert_eq!(successor.restore(5, 2), Reservations::default());
    }

    #[test]
    fn a_guest_that_is_no_longer_served_loses_its_registration() {
        let directory = tempfile::tempdir().unwrap();
        let kept = KeptReservations::open(&directory.path().join("r"), true).unwrap();
        kept.keep(5, &reservations(true)).unwrap();

        assert!(kept.restore(5, 1).registrations().is_empty());
    }

    #[test]
    fn a_damaged_file_and_another_version_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("reservations");
        fs::write(&path, "{").unwrap();
        let damaged = KeptReservations::open(&path, true);
        fs::write(&path, r#"{"version":9,"units":{}}"#).unwrap();
        let newer = KeptReservations::open(&path, true);

        assert!(damaged.is_err());
        assert!(newer.unwrap_err().to_string().contains("version 9"));
    }
}
