// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! SCSI host device (VIRTIO 1.3, section 5.6), with disks (SBC-3) on raw images.
//!
//! | queue | direction | served by |
//! |---|---|---|
//! | 0 controlq | both | worker 0 |
//! | 1 eventq | device writes | worker 0 |
//! | 2 and on, requestqs | both | worker 1 and on, one each |
//!
//! Features: VIRTIO_SCSI_F_HOTPLUG, VIRTIO_SCSI_F_CHANGE. Not supported: requests in both directions
//! (VIRTIO_SCSI_F_INOUT), protection information (VIRTIO_SCSI_F_T10_PI), auto-contingent allegiance,
//! reservations of SPC-2 (RESERVE, RELEASE), REGISTER AND MOVE, anything but disks.
//!
//! All guests of a process see the same targets; each is an initiator of its own, which persistent
//! reservations tell apart. Images can be added, resized and removed while guests run
//! (`--control`).
#![forbid(unsafe_code)]

mod control_queue;
mod control_socket;
pub mod disk;
mod kept;
mod options;
pub mod server;
pub mod spec;
mod state;
pub mod target;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use virtio_device::{
    ConfigError, Device, Identity, QueueSpec, Queues, Sources, StateError, Token, Worker,
};
use zerocopy::{FromBytes, IntoBytes};

pub use control_socket::ControlSocket;
pub use kept::KeptReservations;
pub use options::Options;
pub use server::Server;
pub use worker::{RequestWorker, ScsiWorker};

use control_queue::ControlWorker;
use spec::{CDB_SIZE, Config, FIRST_REQUEST_QUEUE, SENSE_SIZE};

/// VIRTIO 1.3, section 5: device ids.
pub const DEVICE_ID: u32 = 8;

/// More queues than a guest has processors are of no use.
pub const MAX_QUEUES: u16 = 64;

/// What a driver may choose (5.6.4). Command blocks of more than 16 bytes are of no use here; the
/// longest that SCSI has are those of variable length.
const MIN_CDB_SIZE: usize = 16;
const MAX_CDB_SIZE: usize = 260;
/// The standard's limit for sense data.
const MAX_SENSE_SIZE: usize = 252;

/// With the request and the response a command takes two descriptors more, and 128 is the smallest
/// queue that frontends make.
const SEG_MAX: u32 = 126;
/// A hint for the driver; the units' own limits hold.
const MAX_SECTORS: u32 = 8192;
const CMD_PER_LUN: u32 = 128;

/// What the driver chose of the configuration space.
#[derive(Debug)]
struct Sizes {
    cdb: AtomicU32,
    sense: AtomicU32,
}

impl Sizes {
    fn new() -> Self {
        Self {
            cdb: AtomicU32::new(CDB_SIZE),
            sense: AtomicU32::new(SENSE_SIZE),
        }
    }

    #[inline]
    fn get(&self) -> (usize, usize) {
        (
            self.cdb.load(Ordering::Relaxed) as usize,
            self.sense.load(Ordering::Relaxed) as usize,
        )
    }

    /// Returns the offset of the field that does not take its value.
    fn set(&self, cdb: u32, sense: u32) -> Result<(), u32> {
        if sense as usize > MAX_SENSE_SIZE {
            return Err(20);
        }
        if !(MIN_CDB_SIZE..=MAX_CDB_SIZE).contains(&(cdb as usize)) {
            return Err(24);
        }
        self.cdb.store(cdb, Ordering::Relaxed);
        self.sense.store(sense, Ordering::Relaxed);
        Ok(())
    }
}

/// The SCSI host device of one guest.
#[derive(Debug)]
pub struct Scsi {
    server: Arc<Server>,
    guest: usize,
    queues: Vec<QueueSpec>,
    sizes: Arc<Sizes>,
    /// Served for as long as there is a guest.
    _control: Option<Arc<ControlSocket>>,
}

impl Scsi {
    /// The device of guest number `guest`, with so many request queues.
    pub fn new(server: &Arc<Server>, guest: usize, request_queues: u16) -> Self {
        let spec = |worker| QueueSpec {
            max_size: 1024,
            worker,
        };
        let requests = request_queues.clamp(1, MAX_QUEUES);
        let queues = [spec(0), spec(0)]
            .into_iter()
            .chain((1..=usize::from(requests)).map(spec));
        Self {
            server: server.clone(),
            guest,
            queues: queues.collect(),
            sizes: Arc::new(Sizes::new()),
            _control: None,
        }
    }

    /// Keeps a control socket for as long as the device lives.
    #[must_use]
    pub fn with_control(mut self, control: Option<Arc<ControlSocket>>) -> Self {
        self._control = control;
        self
    }

    fn space(&self) -> Config {
        let (cdb, sense) = self.sizes.get();
        Config {
            num_queues: (self.queues.len() as u32 - 2).into(),
            seg_max: SEG_MAX.into(),
            max_sectors: MAX_SECTORS.into(),
            cmd_per_lun: CMD_PER_LUN.into(),
            event_info_size: (size_of::<spec::Event>() as u32).into(),
            sense_size: (sense as u32).into(),
            cdb_size: (cdb as u32).into(),
            max_channel: 0.into(),
            max_target: u16::from(u8::MAX).into(),
            max_lun: u32::from(target::address::MAX_LUN).into(),
        }
    }
}

impl Device for Scsi {
    type Worker = ScsiWorker;

    fn identity(&self) -> Identity {
        Identity {
            name: "scsi",
            device_id: DEVICE_ID,
        }
    }

    fn features(&self) -> u64 {
        spec::VIRTIO_SCSI_F_HOTPLUG | spec::VIRTIO_SCSI_F_CHANGE
    }

    fn queues(&self) -> &[QueueSpec] {
        &self.queues
    }

    fn config(&self) -> Vec<u8> {
        self.space().as_bytes().to_vec()
    }

    fn write_config(&self, offset: u32, data: &[u8]) -> Result<(), ConfigError> {
        let before = self.config();
        let mut after = before.clone();
        let read_only = ConfigError::ReadOnly {
            offset,
            len: data.len(),
        };
        let start = offset as usize;
        let place = start
            .checked_add(data.len())
            .and_then(|end| after.get_mut(start..end))
            .ok_or(read_only)?;
        place.copy_from_slice(data);
        // Only sense_size and cdb_size are the driver's.
        if before[..20] != after[..20] || before[28..] != after[28..] {
            return Err(read_only);
        }
        let config = Config::read_from_bytes(&after).map_err(|_| read_only)?;
        self.sizes
            .set(config.cdb_size.get(), config.sense_size.get())
            .map_err(|offset| ConfigError::Value { offset })
    }

    fn worker(&self, index: usize) -> io::Result<ScsiWorker> {
        if index > 0 {
            let queue = FIRST_REQUEST_QUEUE + index as u16 - 1;
            let (server, sizes) = (self.server.clone(), self.sizes.clone());
            let worker = RequestWorker::new(queue, self.guest, server, sizes)?;
            return Ok(ScsiWorker::Requests(Box::new(worker)));
        }
        let mailbox = self
            .server
            .mailbox(self.guest)
            .ok_or_else(|| io::Error::other("there are fewer guests"))?;
        let worker = ControlWorker::new(self.guest, self.server.clone(), mailbox);
        Ok(ScsiWorker::Control(worker))
    }

    fn has_state(&self) -> bool {
        true
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        state::save(&self.server, self.guest, self.sizes.get())
    }

    fn load(&self, bytes: &[u8]) -> Result<(), StateError> {
        let (cdb, sense) = state::load(&self.server, self.guest, bytes)?;
        self.sizes
            .set(cdb, sense)
            .map_err(|_| StateError::Damaged("a size is out of its limits"))
    }

    fn reset(&self) {
        // The defaults are within the limits.
        let _ = self.sizes.set(CDB_SIZE, SENSE_SIZE);
        if let Some(mailbox) = self.server.mailbox(self.guest) {
            mailbox.clear();
        }
        for lun in self.server.targets().luns().values() {
            lun.unit.lose_nexus(self.guest);
        }
    }
}

impl Worker for ScsiWorker {
    fn negotiated(&mut self, features: u64) {
        if let Self::Control(worker) = self {
            worker.negotiated(features);
        }
    }

    fn sources(&mut self, sources: &mut Sources) -> io::Result<()> {
        match self {
            Self::Control(worker) => worker.sources(sources),
            Self::Requests(worker) => worker.sources(sources),
        }
    }

    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        match self {
            Self::Control(worker) => worker.kicked(queue, queues),
            Self::Requests(worker) => worker.kicked(queues),
        }
    }

    fn ready(&mut self, _token: Token, queues: &mut Queues<'_>) {
        match self {
            Self::Control(worker) => worker.ready(queues),
            Self::Requests(worker) => worker.ready(queues),
        }
    }

    fn quiesce(&mut self, _queue: u16, queues: &mut Queues<'_>) {
        if let Self::Requests(worker) = self {
            worker.quiesce(queues);
        }
    }
}
