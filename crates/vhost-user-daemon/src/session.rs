// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What one frontend says, from its connection to its end.
//!
//! The session owns everything that a connection brings: memory, rings, descriptors, features.
//! All of it goes when the session is dropped; the device and its workers stay. A request that is
//! out of order or out of bounds ends the connection with a reason; nothing here panics on one.
//!
//! ```text
//!   SET_FEATURES  SET_MEM_TABLE      SET_VRING_{NUM,ADDR,BASE,CALL}    SET_VRING_KICK
//!   ------------------------------------------------------------------------------> live
//!                                          GET_VRING_BASE, RESET_DEVICE, disconnect   |
//!   <---------------------------------------------------------------------------------+
//! ```

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use guest_memory::{MapError, MappedRegion, Memory, SUPPORTS_DIRTY_LOG, Tracking};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use vhost::VhostUserMemoryRegionBase;
use vhost::vhost_user::message::{
    VhostTransferStateDirection, VhostTransferStatePhase, VhostUserConfigFlags, VhostUserInflight,
    VhostUserLog, VhostUserMemoryRegion, VhostUserProtocolFeatures, VhostUserShMemConfig,
    VhostUserSharedMsg, VhostUserSingleMemoryRegion, VhostUserVirtioFeatures,
    VhostUserVringAddrFlags, VhostUserVringState,
};
use vhost::vhost_user::{
    Backend, Error as VhostError, GpuBackend, Result as VhostResult, VhostUserBackendReqHandlerMut,
};
use virtio_device::{
    Device, GuestFaults, RING_FEATURES, RingConfig, Start, VIRTIO_F_VERSION_1,
    VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC, WorkerThread,
};

use crate::call::{Call, Event, Rescue};
use crate::channel::BackendChannel;
use crate::transfer::Transfer;

/// What the kernel's vhost allows too. A frontend could map without end otherwise.
const MAX_MEM_SLOTS: u64 = 509;

const LOG_ALL: u64 = VhostUserVirtioFeatures::LOG_ALL.bits();
const PROTOCOL_FEATURES: u64 = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();

/// Why a request is refused: what ends the connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("queue {index} does not exist, the device has {count}")]
    Queue { index: u32, count: usize },
    #[error("queue {index} is in use: {what} may not change before it is stopped")]
    Live { index: usize, what: &'static str },
    #[error("queue {index} with {size} descriptors: a power of two up to {max} is needed")]
    QueueSize { index: usize, size: u32, max: u16 },
    #[error("queue {index} cannot start at index {base}")]
    Base { index: usize, base: u32 },
    #[error("queue {index}: no region of the frontend's memory has address {address:#x}")]
    RingAddress { index: usize, address: u64 },
    #[error("queue {index}: a descriptor to be kicked by is needed")]
    NoKick { index: usize },
    #[error("queue {index}: the kick descriptor cannot be waited for: {source}")]
    Kick {
        index: usize,
        source: rustix::io::Errno,
    },
    #[error("features {0:#x} were not offered")]
    Features(u64),
    #[error("protocol features {0:#x} were not offered")]
    ProtocolFeatures(u64),
    #[error("the Xen build of this daemon needs a frontend that takes XEN_MMAP")]
    NeedsXenMmap,
    #[error("protocol feature {0:?} was not negotiated")]
    NotNegotiated(&'static str),
    #[error("the session is claimed already")]
    Claimed,
    #[error("more than {MAX_MEM_SLOTS} memory regions")]
    TooManyRegions,
    #[error("state can be transferred only while every queue is stopped")]
    NotStopped,
    #[error("queue {index} cannot start while the device's state is being transferred")]
    Transferring { index: usize },
    #[error("this daemon does not serve that request")]
    NotServed,
    #[error(transparent)]
    Map(#[from] MapError),
    #[error(transparent)]
    Table(#[from] guest_memory::TableError),
    #[error(transparent)]
    Log(#[from] guest_memory::LogError),
    #[error("queue {index}: {source}")]
    Start {
        index: usize,
        source: virtio_device::StartError,
    },
    #[error(transparent)]
    Gone(#[from] virtio_device::WorkerGone),
    #[error("state transfer: {0}")]
    Transfer(#[from] std::io::Error),
}

/// The frontend's own addresses of one region: ring addresses come in them.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    user: u64,
    guest: u64,
    size: u64,
}

/// What the frontend said about one queue.
#[derive(Debug)]
struct Vring {
    size: u16,
    /// Guest addresses of descriptor table, available ring and used ring.
    address: Option<[u64; 3]>,
    base: u16,
    kick: Option<OwnedFd>,
    call: Call,
    enabled: bool,
    live: bool,
}

pub(crate) struct Session<D: Device> {
    device: Arc<D>,
    workers: Arc<[WorkerThread]>,
    faults: Arc<GuestFaults>,
    tracking: Arc<Tracking>,
    memory: Arc<Memory>,
    mappings: Vec<Mapping>,
    vrings: Vec<Vring>,
    claimed: bool,
    features: u64,
    protocol_features: u64,
    transfer: Option<Transfer>,
    refusal: Option<Refusal>,
    /// Given, and not yet taken up.
    channel: Option<OwnedFd>,
}

impl<D: Device> Session<D> {
    pub(crate) fn new(
        device: Arc<D>,
        workers: Arc<[WorkerThread]>,
        faults: Arc<GuestFaults>,
        rescue: &Arc<Rescue>,
        grant_cache: usize,
    ) -> Self {
        let vrings = (0..)
            .zip(device.queues())
            .map(|(index, spec)| Vring {
                size: spec.max_size,
                address: None,
                base: 0,
                kick: None,
                call: Call::new(index, rescue),
                enabled: false,
                live: false,
            })
            .collect();
        Self {
            device,
            workers,
            faults,
            tracking: Tracking::with_grant_cache(grant_cache),
            memory: Arc::default(),
            mappings: Vec::new(),
            vrings,
            claimed: false,
            features: 0,
            protocol_features: 0,
            transfer: None,
            refusal: None,
            channel: None,
        }
    }

    /// Why the last request was refused, in the session's own words.
    pub(crate) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// Stops every queue and forgets what the frontend set up. Nothing touches its memory after
    /// this returns.
    pub(crate) fn end(&mut self) {
        self.transfer = None;
        for index in 0..self.vrings.len() {
            if let Err(error) = self.stop(index) {
                log::error!("{}: queue {index}: {error}", self.faults.guest());
            }
        }
        self.memory = Arc::default();
        self.mappings.clear();
        self.device.attach(None);
        self.device.reset();
    }

    /// The next message has a socket for messages of the backend. The vhost crate keeps its own
    /// descriptor of it to itself, so this is another one.
    pub(crate) fn offer_channel(&mut self, socket: Option<OwnedFd>) {
        self.channel = socket;
    }

    fn offered_features(&self) -> u64 {
        let log = if SUPPORTS_DIRTY_LOG { LOG_ALL } else { 0 };
        self.device.features() | RING_FEATURES | VIRTIO_F_VERSION_1 | PROTOCOL_FEATURES | log
    }

    /// REPLY_ACK, and XEN_MMAP in a Xen build, are added by the vhost crate.
    fn offered_protocol_features(&self) -> VhostUserProtocolFeatures {
        let mut offered = VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::REPLY_ACK
            | VhostUserProtocolFeatures::CONFIGURE_MEM_SLOTS
            | VhostUserProtocolFeatures::RESET_DEVICE;
        if SUPPORTS_DIRTY_LOG {
            offered |= VhostUserProtocolFeatures::LOG_SHMFD;
        }
        if self.device.wants_channel() {
            offered |= VhostUserProtocolFeatures::BACKEND_REQ;
        }
        if self.device.has_state() {
            offered |= VhostUserProtocolFeatures::DEVICE_STATE;
        }
        offered
    }

    fn index(&self, index: u32) -> Result<usize, Refusal> {
        let count = self.vrings.len();
        usize::try_from(index)
            .ok()
            .filter(|&index| index < count)
            .ok_or(Refusal::Queue { index, count })
    }

    /// A queue whose settings may be changed.
    fn idle(&mut self, index: u32, what: &'static str) -> Result<(usize, &mut Vring), Refusal> {
        let index = self.index(index)?;
        let vring = &mut self.vrings[index];
        if vring.live {
            return Err(Refusal::Live { index, what });
        }
        Ok((index, vring))
    }

    fn worker(&self, index: usize) -> Result<&WorkerThread, Refusal> {
        let worker = self.device.queues()[index].worker;
        Ok(self.workers.get(worker).ok_or(virtio_device::WorkerGone)?)
    }

    fn start(&mut self, index: usize) -> Result<(), Refusal> {
        let vring = &mut self.vrings[index];
        let Some([descriptors, available, used]) = vring.address else {
            return Ok(());
        };
        let Some(kick) = vring.kick.take() else {
            return Ok(());
        };
        // A device whose state is half known must not be used. CHECK_DEVICE_STATE ends the transfer.
        if self.transfer.is_some() {
            return Err(Refusal::Transferring { index });
        }
        let start = Start {
            index: index as u16,
            config: RingConfig {
                size: vring.size,
                descriptors,
                available,
                used,
                next_available: vring.base,
                next_used: None,
                event_idx: self.features & VIRTIO_RING_F_EVENT_IDX != 0,
                indirect: self.features & VIRTIO_RING_F_INDIRECT_DESC != 0,
            },
            memory: self.memory.clone(),
            interrupt: Box::new(vring.call.clone()),
            kick: Some(kick),
            enabled: vring.enabled,
        };
        self.worker(index)?
            .start(start)
            .map_err(|source| Refusal::Start { index, source })?;
        self.vrings[index].live = true;
        Ok(())
    }

    /// Drains the queue if it is live. Its addresses stay, as those of the driver's rings; its
    /// descriptors go.
    fn stop(&mut self, index: usize) -> Result<(), Refusal> {
        if self.vrings[index].live
            && let Some(stopped) = self.worker(index)?.stop(index as u16)?
        {
            self.vrings[index].base = stopped.next_available;
        }
        let vring = &mut self.vrings[index];
        vring.live = false;
        vring.kick = None;
        vring.call.used = None;
        self.tracking.drop_cached_grants();
        Ok(())
    }

    fn set_enabled(&mut self, index: usize, on: bool) -> Result<(), Refusal> {
        self.vrings[index].enabled = on;
        if self.vrings[index].live {
            self.worker(index)?.enable(index as u16, on)?;
        }
        Ok(())
    }

    fn set_memory(&mut self, memory: Memory, drain: bool) -> Result<(), Refusal> {
        let memory = Arc::new(memory);
        for worker in self.workers.iter() {
            worker.set_memory(memory.clone(), drain)?;
        }
        self.memory = memory;
        Ok(())
    }

    fn map(&self, region: &VhostUserMemoryRegion, file: File) -> Result<MappedRegion, Refusal> {
        Ok(MappedRegion::announced(region, file, &self.tracking)?)
    }

    fn guest_address(&self, index: usize, address: u64) -> Result<u64, Refusal> {
        self.mappings
            .iter()
            .find_map(|mapping| {
                let offset = address.checked_sub(mapping.user)?;
                (offset < mapping.size).then(|| mapping.guest + offset)
            })
            .ok_or(Refusal::RingAddress { index, address })
    }

    fn set_features_checked(&mut self, features: u64) -> Result<(), Refusal> {
        let unknown = features & !self.offered_features();
        if unknown != 0 {
            return Err(Refusal::Features(unknown));
        }
        let changed = (self.features ^ features) & !LOG_ALL;
        if changed != 0
            && let Some(index) = self.vrings.iter().position(|vring| vring.live)
        {
            let what = "features";
            return Err(Refusal::Live { index, what });
        }
        self.features = features;
        self.tracking.set_logging(features & LOG_ALL != 0);
        // Also where only the log changed: once every worker has answered, all see it.
        for worker in self.workers.iter() {
            worker.negotiated(features)?;
        }
        // Without the protocol there is no message that could enable a ring.
        if features & PROTOCOL_FEATURES == 0 {
            for index in 0..self.vrings.len() {
                self.set_enabled(index, true)?;
            }
        }
        Ok(())
    }

    fn set_mem_table_checked(
        &mut self,
        regions: &[VhostUserMemoryRegion],
        files: Vec<File>,
    ) -> Result<(), Refusal> {
        let mapped = regions
            .iter()
            .zip(files)
            .map(|(region, file)| self.map(region, file))
            .collect::<Result<Vec<_>, _>>()?;
        let memory = Memory::new(mapped)?;
        self.set_memory(memory, true)?;
        self.mappings = regions.iter().map(Mapping::from).collect();
        Ok(())
    }

    fn add_mem_region_checked(
        &mut self,
        region: &VhostUserMemoryRegion,
        file: File,
    ) -> Result<(), Refusal> {
        if self.memory.region_count() as u64 >= MAX_MEM_SLOTS {
            return Err(Refusal::TooManyRegions);
        }
        let memory = self.memory.with_region(self.map(region, file)?)?;
        self.set_memory(memory, false)?;
        self.mappings.push(Mapping::from(region));
        Ok(())
    }

    fn remove_mem_region_checked(&mut self, region: &VhostUserMemoryRegion) -> Result<(), Refusal> {
        let (base, size) = (region.guest_phys_addr, region.memory_size);
        let memory = self.memory.without_region(base, size)?;
        self.set_memory(memory, true)?;
        self.mappings.retain(|mapping| mapping.guest != base);
        Ok(())
    }

    fn set_vring_num_checked(&mut self, index: u32, num: u32) -> Result<(), Refusal> {
        let (index, _) = self.idle(index, "its size")?;
        let max = self.device.queues()[index].max_size;
        let size = u16::try_from(num)
            .ok()
            .filter(|size| size.is_power_of_two() && *size <= max)
            .ok_or(Refusal::QueueSize {
                index,
                size: num,
                max,
            })?;
        self.vrings[index].size = size;
        Ok(())
    }

    fn set_vring_addr_checked(&mut self, index: u32, address: [u64; 3]) -> Result<(), Refusal> {
        let index = self.index(index)?;
        let [descriptors, available, used] = address;
        let address = Some([
            self.guest_address(index, descriptors)?,
            self.guest_address(index, available)?,
            self.guest_address(index, used)?,
        ]);
        let vring = &mut self.vrings[index];
        // Frontends repeat the address of a live ring when they turn the dirty log on or off.
        if vring.live && vring.address != address {
            let what = "its address";
            return Err(Refusal::Live { index, what });
        }
        vring.address = address;
        if vring.live {
            Ok(())
        } else {
            self.start(index)
        }
    }

    fn set_vring_base_checked(&mut self, index: u32, base: u32) -> Result<(), Refusal> {
        let (index, vring) = self.idle(index, "its base")?;
        vring.base = u16::try_from(base).map_err(|_| Refusal::Base { index, base })?;
        Ok(())
    }

    fn get_vring_base_checked(&mut self, index: u32) -> Result<VhostUserVringState, Refusal> {
        let at = self.index(index)?;
        self.stop(at)?;
        Ok(VhostUserVringState::new(
            index,
            u32::from(self.vrings[at].base),
        ))
    }

    fn set_vring_kick_checked(&mut self, index: u32, kick: Option<File>) -> Result<(), Refusal> {
        let index = self.index(index)?;
        let kick = OwnedFd::from(kick.ok_or(Refusal::NoKick { index })?);
        check_kick(&kick).map_err(|source| Refusal::Kick { index, source })?;
        if self.vrings[index].live {
            Ok(self.worker(index)?.set_kick(index as u16, Some(kick))?)
        } else {
            self.vrings[index].kick = Some(kick);
            self.start(index)
        }
    }

    /// What the queue's calls and errors go to changed.
    fn update_call(&mut self, index: usize) -> Result<(), Refusal> {
        if self.vrings[index].live {
            let call = Box::new(self.vrings[index].call.clone());
            self.worker(index)?.set_interrupt(index as u16, call)?;
        }
        Ok(())
    }

    fn set_vring_call_checked(&mut self, index: u32, call: Option<File>) -> Result<(), Refusal> {
        let index = self.index(index)?;
        self.vrings[index].call.used = call.map(Event::new);
        self.update_call(index)
    }

    fn set_vring_err_checked(&mut self, index: u32, error: Option<File>) -> Result<(), Refusal> {
        let index = self.index(index)?;
        self.vrings[index].call.error = error.map(Event::new);
        self.update_call(index)
    }

    fn set_protocol_features_checked(&mut self, features: u64) -> Result<(), Refusal> {
        let xen = VhostUserProtocolFeatures::XEN_MMAP.bits();
        let mut offered = self.offered_protocol_features().bits();
        if guest_memory::NEEDS_XEN_MMAP {
            offered |= xen;
        }
        let unknown = features & !offered;
        if unknown != 0 {
            return Err(Refusal::ProtocolFeatures(unknown));
        }
        if guest_memory::NEEDS_XEN_MMAP && features & xen == 0 {
            return Err(Refusal::NeedsXenMmap);
        }
        self.protocol_features = features;
        Ok(())
    }

    fn require(
        &self,
        feature: VhostUserProtocolFeatures,
        name: &'static str,
    ) -> Result<(), Refusal> {
        if self.protocol_features & feature.bits() == 0 {
            return Err(Refusal::NotNegotiated(name));
        }
        Ok(())
    }

    fn set_device_state_checked(
        &mut self,
        direction: VhostTransferStateDirection,
        file: File,
    ) -> Result<(), Refusal> {
        self.require(VhostUserProtocolFeatures::DEVICE_STATE, "DEVICE_STATE")?;
        if self.vrings.iter().any(|vring| vring.live) {
            return Err(Refusal::NotStopped);
        }
        self.transfer = None;
        let device = self.device.clone();
        self.transfer = Some(match direction {
            VhostTransferStateDirection::SAVE => Transfer::save(file, move || device.save())?,
            VhostTransferStateDirection::LOAD => {
                Transfer::load(file, move |state| device.load(state))?
            }
        });
        Ok(())
    }

    fn check_device_state_checked(&mut self) -> Result<(), Refusal> {
        self.require(VhostUserProtocolFeatures::DEVICE_STATE, "DEVICE_STATE")?;
        match self.transfer.take() {
            Some(transfer) => Ok(transfer.finish()?),
            None => Ok(()),
        }
    }

    fn reset(&mut self) -> Result<(), Refusal> {
        for index in 0..self.vrings.len() {
            self.stop(index)?;
            self.vrings[index].base = 0;
            self.vrings[index].address = None;
            self.vrings[index].enabled = false;
        }
        self.features = 0;
        self.tracking.set_logging(false);
        for worker in self.workers.iter() {
            worker.negotiated(0)?;
        }
        self.device.reset();
        Ok(())
    }

    fn slice_config(&self, offset: u32, size: u32) -> Option<Vec<u8>> {
        let config = self.device.config();
        let offset = usize::try_from(offset).ok()?;
        let end = offset.checked_add(usize::try_from(size).ok()?)?;
        config.get(offset..end).map(<[u8]>::to_vec)
    }

    /// Keeps the reason, because the vhost crate's errors cannot carry it to the log.
    fn answer<T>(&mut self, result: Result<T, Refusal>) -> VhostResult<T> {
        result.map_err(|refusal| {
            self.refusal = Some(refusal);
            VhostError::InvalidParam
        })
    }
}

/// Whether the kernel tells when the descriptor is readable. It does not for a regular file, say.
fn check_kick(kick: &OwnedFd) -> Result<(), rustix::io::Errno> {
    let probe = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&probe, kick, EventData::new_u64(0), EventFlags::IN)
}

impl From<&VhostUserMemoryRegion> for Mapping {
    fn from(region: &VhostUserMemoryRegion) -> Self {
        Self {
            user: region.user_addr,
            guest: region.guest_phys_addr,
            size: region.memory_size,
        }
    }
}

impl<D: Device> VhostUserBackendReqHandlerMut for Session<D> {
    fn set_owner(&mut self) -> VhostResult<()> {
        let result = if self.claimed {
            Err(Refusal::Claimed)
        } else {
            Ok(())
        };
        self.claimed = true;
        self.answer(result)
    }

    /// Obsolete. The protocol leaves it to the backend to ignore it or to disable all rings.
    fn reset_owner(&mut self) -> VhostResult<()> {
        self.claimed = false;
        let result = (0..self.vrings.len()).try_for_each(|index| self.set_enabled(index, false));
        self.answer(result)
    }

    fn reset_device(&mut self) -> VhostResult<()> {
        let result = self.reset();
        self.answer(result)
    }

    fn get_features(&mut self) -> VhostResult<u64> {
        Ok(self.offered_features())
    }

    fn set_features(&mut self, features: u64) -> VhostResult<()> {
        let result = self.set_features_checked(features);
        self.answer(result)
    }

    fn set_mem_table(
        &mut self,
        ctx: &[VhostUserMemoryRegion],
        files: Vec<File>,
        _postcopy_listening: Option<bool>,
    ) -> VhostResult<Option<Vec<VhostUserMemoryRegionBase>>> {
        let result = self.set_mem_table_checked(ctx, files);
        self.answer(result).map(|()| None)
    }

    fn set_vring_num(&mut self, index: u32, num: u32) -> VhostResult<()> {
        let result = self.set_vring_num_checked(index, num);
        self.answer(result)
    }

    fn set_vring_addr(
        &mut self,
        index: u32,
        _flags: VhostUserVringAddrFlags,
        descriptor: u64,
        used: u64,
        available: u64,
        _log: u64,
    ) -> VhostResult<()> {
        let result = self.set_vring_addr_checked(index, [descriptor, available, used]);
        self.answer(result)
    }

    fn set_vring_base(&mut self, index: u32, base: u32) -> VhostResult<()> {
        let result = self.set_vring_base_checked(index, base);
        self.answer(result)
    }

    fn get_vring_base(&mut self, index: u32) -> VhostResult<VhostUserVringState> {
        let result = self.get_vring_base_checked(index);
        self.answer(result)
    }

    fn set_vring_kick(&mut self, index: u8, fd: Option<File>) -> VhostResult<()> {
        let result = self.set_vring_kick_checked(index.into(), fd);
        self.answer(result)
    }

    fn set_vring_call(&mut self, index: u8, fd: Option<File>) -> VhostResult<()> {
        let result = self.set_vring_call_checked(index.into(), fd);
        self.answer(result)
    }

    fn set_vring_err(&mut self, index: u8, fd: Option<File>) -> VhostResult<()> {
        let result = self.set_vring_err_checked(index.into(), fd);
        self.answer(result)
    }

    fn get_protocol_features(&mut self) -> VhostResult<VhostUserProtocolFeatures> {
        Ok(self.offered_protocol_features())
    }

    fn set_backend_req_fd(&mut self, _: Backend) {
        let agreed = self.protocol_features & VhostUserProtocolFeatures::BACKEND_REQ.bits() != 0;
        if let Some(socket) = self.channel.take().filter(|_| agreed) {
            self.device
                .attach(Some(Arc::new(BackendChannel::new(socket))));
        }
    }

    fn set_protocol_features(&mut self, features: u64) -> VhostResult<()> {
        let result = self.set_protocol_features_checked(features);
        self.answer(result)
    }

    fn get_queue_num(&mut self) -> VhostResult<u64> {
        Ok(self.vrings.len() as u64)
    }

    fn set_vring_enable(&mut self, index: u32, enable: bool) -> VhostResult<()> {
        let result = self
            .index(index)
            .and_then(|index| self.set_enabled(index, enable));
        self.answer(result)
    }

    /// A range that is not all in the configuration space is answered by no bytes at all, which
    /// is how the protocol says no.
    fn get_config(
        &mut self,
        offset: u32,
        size: u32,
        _flags: VhostUserConfigFlags,
    ) -> VhostResult<Vec<u8>> {
        Ok(self.slice_config(offset, size).unwrap_or_default())
    }

    /// It is the driver that writes here, so what it does wrong must not cost the frontend its
    /// connection.
    fn set_config(
        &mut self,
        offset: u32,
        buf: &[u8],
        _flags: VhostUserConfigFlags,
    ) -> VhostResult<()> {
        if self.slice_config(offset, buf.len() as u32).is_none() {
            self.faults.warn(format_args!(
                "a write of {} bytes at offset {offset} leaves the configuration space",
                buf.len()
            ));
        } else if let Err(error) = self.device.write_config(offset, buf) {
            self.faults.warn(format_args!("{error}"));
        }
        Ok(())
    }

    fn set_gpu_socket(&mut self, _gpu_backend: GpuBackend) -> VhostResult<()> {
        self.answer(Err(Refusal::NotServed))
    }

    fn get_shared_object(&mut self, _uuid: VhostUserSharedMsg) -> VhostResult<File> {
        self.answer(Err(Refusal::NotServed))
    }

    fn get_inflight_fd(
        &mut self,
        _inflight: &VhostUserInflight,
    ) -> VhostResult<(VhostUserInflight, File)> {
        self.answer(Err(Refusal::NotServed))
    }

    fn set_inflight_fd(&mut self, _inflight: &VhostUserInflight, _file: File) -> VhostResult<()> {
        self.answer(Err(Refusal::NotServed))
    }

    fn get_max_mem_slots(&mut self) -> VhostResult<u64> {
        Ok(MAX_MEM_SLOTS)
    }

    fn add_mem_region(
        &mut self,
        region: &VhostUserSingleMemoryRegion,
        fd: File,
        _postcopy_listening: Option<bool>,
    ) -> VhostResult<Option<VhostUserMemoryRegionBase>> {
        let result = self.add_mem_region_checked(region, fd);
        self.answer(result).map(|()| None)
    }

    fn remove_mem_region(&mut self, region: &VhostUserSingleMemoryRegion) -> VhostResult<()> {
        let result = self.remove_mem_region_checked(region);
        self.answer(result)
    }

    /// The error goes back in the reply; the connection goes on.
    fn set_device_state_fd(
        &mut self,
        direction: VhostTransferStateDirection,
        _phase: VhostTransferStatePhase,
        fd: File,
    ) -> VhostResult<Option<File>> {
        let result = self.set_device_state_checked(direction, fd);
        self.report(result)?;
        Ok(None)
    }

    /// As above.
    fn check_device_state(&mut self) -> VhostResult<()> {
        let result = self.check_device_state_checked();
        self.report(result)
    }

    fn get_shmem_config(&mut self) -> VhostResult<VhostUserShMemConfig> {
        self.answer(Err(Refusal::NotServed))
    }

    fn set_log_base(&mut self, log: &VhostUserLog, file: File) -> VhostResult<()> {
        let last = self.memory.last_address().unwrap_or(0);
        let result = self
            .tracking
            .set_log(file, log.mmap_offset, log.mmap_size, last)
            .map_err(Refusal::from);
        self.answer(result)
    }
}

impl<D: Device> Session<D> {
    /// For requests whose reply carries the failure.
    fn report(&mut self, result: Result<(), Refusal>) -> VhostResult<()> {
        result.map_err(|refusal| {
            self.faults.warn(format_args!("{refusal}"));
            VhostError::InvalidParam
        })
    }
}
