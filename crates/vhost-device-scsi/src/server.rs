// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What all guests of a process share: the targets and their images, which may come and go.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use virtio_device::{Engine, EngineKind};

use crate::control_queue::Mailbox;
use crate::disk::{Cache, Disk, DiskError, DiskOptions};
use crate::kept::KeptReservations;
use crate::spec::{Event, event};
use crate::target::address;
use crate::target::inquiry::{Facts, Identity, Limits, MAX_SERIAL};
use crate::target::mode::{Fixed, Mode};
use crate::target::reservation::Reservations;
use crate::target::sense::Code;
use crate::target::unit::{Keeper, LogicalUnit};
use crate::target::{Lun, Occupied, Targets};

/// The most that one READ, WRITE or VERIFY may move: what a guest may make the host work on before
/// it looks at anything else.
const MAX_TRANSFER_BYTES: u32 = 16 << 20;
/// The most that one WRITE SAME may write.
const MAX_WRITE_SAME_BYTES: u32 = 32 << 20;
/// The most that one UNMAP may discard.
const MAX_UNMAP_BYTES: u64 = 2 << 30;
/// Ranges of one UNMAP.
const MAX_UNMAP_RANGES: u32 = 256;
/// File systems discard whole blocks of this size.
const GRANULARITY_BYTES: u32 = 4096;

/// How long an operator who removes a unit waits for the commands that it works on.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(10);

/// An image, and how guests see it.
#[derive(Clone, Debug)]
pub struct ImageOptions {
    /// How it is opened.
    pub disk: DiskOptions,
    /// It has no rotating medium.
    pub solid_state: bool,
    /// Number of the target; the first free one if none is given.
    pub target: Option<u8>,
    /// Number of the unit in it.
    pub lun: u16,
    /// Made from the path if none is given.
    pub serial: Option<String>,
    /// Made from the serial number if none is given.
    pub wwn: Option<u64>,
}

/// Why an image cannot be added.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum AddError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Occupied(#[from] Occupied),
    #[error("all 256 targets have a unit already; name a target and a unit")]
    Full,
    #[error("the serial number of {} is that of {}; give each its own", path.display(), other.display())]
    SameName { path: PathBuf, other: PathBuf },
    #[error("a serial number has 1 to {MAX_SERIAL} printable ASCII characters")]
    Serial,
    #[error("a unit has a number from 0 to {}", address::MAX_LUN)]
    Lun,
}

/// The targets of a process.
#[derive(Debug)]
pub struct Server {
    targets: Targets<Disk>,
    mailboxes: Vec<Arc<Mailbox>>,
    engine: EngineKind,
    kept: Option<Arc<KeptReservations>>,
    /// Units come and go one at a time.
    changes: Mutex<()>,
}

/// A unit, as an operator is told of it.
#[derive(Debug)]
pub struct UnitInfo {
    /// Number of the target.
    pub target: u8,
    /// Number of the unit in it.
    pub lun: u16,
    /// The image.
    pub path: PathBuf,
    /// Number of blocks.
    pub blocks: u64,
    /// Bytes of a block.
    pub block_size: u32,
    /// Nobody can write it.
    pub read_only: bool,
    /// Serial number.
    pub serial: String,
    /// World-wide name.
    pub wwn: u64,
    /// Initiators that hold or share a reservation, or are registered.
    pub registrations: usize,
}

/// Whether this host lets the process have an io_uring.
pub fn probe_uring() -> io::Result<()> {
    Engine::<()>::new(EngineKind::Uring, 1).map(drop)
}

impl Server {
    /// Without units, for so many guests.
    pub fn new(
        guests: usize,
        engine: EngineKind,
        kept: Option<Arc<KeptReservations>>,
    ) -> io::Result<Arc<Self>> {
        let mailboxes = (0..guests).map(|_| Mailbox::new().map(Arc::new));
        Ok(Arc::new(Self {
            targets: Targets::default(),
            mailboxes: mailboxes.collect::<io::Result<_>>()?,
            engine,
            kept,
            changes: Mutex::default(),
        }))
    }

    pub(crate) fn targets(&self) -> &Targets<Disk> {
        &self.targets
    }

    pub(crate) fn engine(&self) -> EngineKind {
        self.engine
    }

    pub(crate) fn guests(&self) -> usize {
        self.mailboxes.len()
    }

    pub(crate) fn mailbox(&self, guest: usize) -> Option<Arc<Mailbox>> {
        self.mailboxes.get(guest).cloned()
    }

    /// Opens an image and makes a unit of it. Guests that run hear of it.
    pub fn add(&self, options: &ImageOptions) -> Result<(u8, u16), AddError> {
        let disk = Disk::open(&options.disk)?;
        self.add_disk(disk, options)
    }

    /// Makes a unit of an image that is open.
    pub fn add_disk(&self, disk: Disk, options: &ImageOptions) -> Result<(u8, u16), AddError> {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if options.lun > address::MAX_LUN {
            return Err(AddError::Lun);
        }
        let luns = self.targets.luns();
        let target = match options.target {
            Some(target) => target,
            None => (0..=u8::MAX)
                .find(|&target| !crate::target::has_target(&luns, target))
                .ok_or(AddError::Full)?,
        };
        let identity = identity(options)?;
        if let Some(other) = luns
            .values()
            .find(|other| other.unit.facts().identity.wwn == identity.wwn)
        {
            return Err(AddError::SameName {
                path: disk.path().to_owned(),
                other: other.medium.path().to_owned(),
            });
        }
        let block_size = options.disk.block_size;
        let bytes = disk.bytes().unwrap_or_default();
        let rest = bytes % u64::from(block_size);
        if rest != 0 {
            log::warn!(
                "{}: the last {rest} bytes are less than a block of {block_size} and are not used",
                disk.path().display()
            );
        }
        let wwn = identity.wwn;
        let facts = Facts {
            identity,
            limits: Limits {
                transfer: MAX_TRANSFER_BYTES / block_size,
                unmap: u32::try_from(MAX_UNMAP_BYTES / u64::from(block_size)).unwrap_or(u32::MAX),
                unmap_ranges: MAX_UNMAP_RANGES,
                write_same: MAX_WRITE_SAME_BYTES / block_size,
                granularity: GRANULARITY_BYTES / block_size,
            },
            solid_state: options.solid_state,
            discards: disk.discards(),
        };
        let cached = options.disk.cache != Cache::Writethrough && !disk.is_read_only();
        let fixed = Fixed {
            default: Mode {
                write_cache: cached,
                descriptor_sense: false,
                write_protect: false,
            },
            read_only: disk.is_read_only(),
            cache_changes: cached,
            block_size,
            blocks: bytes / u64::from(block_size),
        };
        let reservations = match &self.kept {
            Some(kept) => kept.restore(wwn, self.guests()),
            None => Reservations::default(),
        };
        let keeper = self.kept.clone().map(|kept| kept as Arc<dyn Keeper>);
        let unit = LogicalUnit::new(facts, fixed, self.guests(), reservations, keeper);
        log::info!(
            "target {target} unit {}: {}, {} blocks of {block_size}{}, cache {}",
            options.lun,
            disk.path().display(),
            unit.blocks(),
            if disk.is_read_only() {
                ", read-only"
            } else {
                ""
            },
            options.disk.cache,
        );
        self.targets.add(Lun {
            target,
            lun: options.lun,
            unit,
            medium: disk,
        })?;
        self.send(
            target,
            options.lun,
            event::TRANSPORT_RESET,
            event::RESET_RESCAN,
        );
        Ok((target, options.lun))
    }

    /// Takes a unit away. What it works on ends as it would. That is waited for, so that the image is
    /// free when this returns; but not for ever.
    pub fn remove(&self, target: u8, lun: u16) -> bool {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(removed) = self.targets.remove(target, lun) else {
            return false;
        };
        log::info!("target {target} unit {lun}: removed");
        self.send(target, lun, event::TRANSPORT_RESET, event::RESET_REMOVED);
        drop(changes);
        let start = Instant::now();
        while Arc::strong_count(&removed) > 1 && start.elapsed() < REMOVAL_PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Takes over the size that an image has now, or gives it one. Returns the number of blocks;
    /// `None` if there is no such unit.
    pub fn resize(&self, target: u8, lun: u16, bytes: Option<u64>) -> io::Result<Option<u64>> {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let luns = self.targets.luns();
        let Some(unit) = luns.get(&(target, lun)) else {
            return Ok(None);
        };
        if let Some(bytes) = bytes {
            if bytes < u64::from(unit.unit.block_size()) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "that is less than a block",
                ));
            }
            unit.medium.set_bytes(bytes)?;
        }
        let blocks = unit.medium.blocks()?;
        if blocks == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the image has less than a block",
            ));
        }
        if blocks != unit.unit.blocks() {
            log::info!("target {target} unit {lun}: {blocks} blocks");
            unit.unit.resize(blocks);
            let Code(asc, ascq) = Code::CAPACITY_DATA_HAS_CHANGED;
            let reason = u32::from(asc) | u32::from(ascq) << 8;
            self.send(target, lun, event::PARAM_CHANGE, reason);
        }
        Ok(Some(blocks))
    }

    /// The units.
    pub fn list(&self) -> Vec<UnitInfo> {
        let luns = self.targets.luns();
        luns.values()
            .map(|lun| UnitInfo {
                target: lun.target,
                lun: lun.lun,
                path: lun.medium.path().to_owned(),
                blocks: lun.unit.blocks(),
                block_size: lun.unit.block_size(),
                read_only: lun.unit.is_read_only(),
                serial: lun.unit.facts().identity.serial.clone(),
                wwn: lun.unit.facts().identity.wwn,
                registrations: lun.unit.reservations().registrations().len(),
            })
            .collect()
    }

    fn send(&self, target: u8, lun: u16, event: u32, reason: u32) {
        let event = Event {
            event: event.into(),
            lun: address::to_event(target, lun),
            reason: reason.into(),
        };
        for mailbox in &self.mailboxes {
            mailbox.send(event);
        }
    }
}

/// Names that stay the same for as long as the image has its path.
fn identity(options: &ImageOptions) -> Result<Identity, AddError> {
    if let Some(serial) = &options.serial
        && (serial.is_empty()
            || serial.len() > MAX_SERIAL
            || !serial.bytes().all(|byte| (0x20..0x7f).contains(&byte)))
    {
        return Err(AddError::Serial);
    }
    let path = std::fs::canonicalize(&options.disk.path);
    let path = path.as_deref().unwrap_or(&options.disk.path);
    let wwn = options.wwn.unwrap_or_else(|| match &options.serial {
        Some(serial) => local_name(serial.as_bytes()),
        None => local_name(path_bytes(path)),
    });
    Ok(Identity {
        serial: options
            .serial
            .clone()
            .unwrap_or_else(|| format!("{wwn:016x}")),
        wwn,
    })
}

fn path_bytes(path: &Path) -> &[u8] {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes()
}

/// A locally assigned NAA name (type 3): FNV-1a of `bytes`, which is the same on every host.
fn local_name(bytes: &[u8]) -> u64 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    0x3000_0000_0000_0000 | hash >> 4
}
