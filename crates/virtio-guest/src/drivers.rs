// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The drivers of the public crate `virtio-drivers` over a vhost-user socket: an opinion on our
//! devices that no one here wrote.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use virtio_drivers::device::rng::VirtIORng;
//! use virtio_guest::drivers::{GuestHal, SocketTransport, within};
//!
//! let transport = SocketTransport::connect("/run/rng.sock", 4)?;
//! let bytes = within(Duration::from_secs(5), move || {
//!     let mut rng = VirtIORng::<GuestHal, _>::new(transport).unwrap();
//!     let mut bytes = [0; 32];
//!     rng.request_entropy(&mut bytes).unwrap();
//!     bytes
//! });
//! # Ok(())
//! # }
//! ```
//!
//! `virtio-drivers` allocates through functions without a `self`, so its memory is one static arena
//! for the whole process. All transports share it, and each daemon gets all of it: keep to one such
//! guest per process where a daemon must not see another's memory.
//!
//! Its blocking calls spin without a limit; [`within`] gives them one.

use std::{
    collections::HashMap,
    path::Path,
    ptr::NonNull,
    sync::{Arc, LazyLock, Mutex, MutexGuard, mpsc},
    time::Duration,
};

use virtio_drivers::{
    BufferDirection, Hal, PAGE_SIZE, PhysAddr,
    transport::{DeviceStatus, DeviceType, InterruptStatus, Transport},
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::{
    Arena, Error, Guest, GuestBuilder, Signal,
    arena::user_addr,
    wire::{self, VringAddr, feature, protocol, request},
};

/// Frame buffers are what needs most: one of 1280 by 1024 takes five MiB.
const MEMORY: usize = 64 << 20;

static ARENA: LazyLock<Arc<Arena>> =
    LazyLock::new(|| Arena::new(MEMORY, 2, false).expect("memory for the drivers"));

/// The memory that all drivers of this process share.
pub fn arena() -> &'static Arc<Arena> {
    &ARENA
}

/// Memory for `virtio-drivers`, out of [`arena`]. Buffers that a driver lends are copied.
#[derive(Debug)]
pub struct GuestHal;

// SAFETY: `dma_alloc` returns zeroed, page-aligned memory that the arena gives to nobody else, in
// mappings that are never undone because the arena is static.
unsafe impl Hal for GuestHal {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let len = pages * PAGE_SIZE;
        let place = || {
            let addr = ARENA.alloc(len, PAGE_SIZE as u64)?;
            ARENA.fill(addr, len, 0)?;
            Ok::<_, Error>((addr, ARENA.host(addr, len)?))
        };
        // Address zero is the trait's way to say that there is no memory.
        place().unwrap_or((0, NonNull::dangling()))
    }

    unsafe fn dma_dealloc(paddr: PhysAddr, _vaddr: NonNull<u8>, _pages: usize) -> i32 {
        ARENA.free(paddr);
        0
    }

    unsafe fn mmio_phys_to_virt(_paddr: PhysAddr, _size: usize) -> NonNull<u8> {
        unreachable!("only the PCI transport maps registers")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        let addr = ARENA
            .alloc(buffer.len(), 16)
            .expect("memory for a driver's buffer");
        // Also what the device will overwrite: bytes that it leaves alone keep their value.
        // SAFETY: the caller promises a valid range that nobody else accesses meanwhile.
        let bytes = unsafe { buffer.as_ref() };
        ARENA.write(addr, bytes).expect("just allocated");
        addr
    }

    unsafe fn unshare(paddr: PhysAddr, mut buffer: NonNull<[u8]>, direction: BufferDirection) {
        if direction != BufferDirection::DriverToDevice {
            // SAFETY: the caller promises a valid range that nobody else accesses meanwhile.
            let bytes = unsafe { buffer.as_mut() };
            ARENA.read(paddr, bytes).expect("shared before");
        }
        ARENA.free(paddr);
    }
}

/// A vhost-user socket as a transport of `virtio-drivers`.
///
/// The trait has no way to report that the daemon refused a step; such a step panics.
#[derive(Debug)]
pub struct SocketTransport {
    guest: Mutex<Guest>,
    device: DeviceType,
    status: DeviceStatus,
    queues: HashMap<u16, Arc<Bells>>,
    running: Vec<u16>,
}

/// Kick and call of one queue.
#[derive(Debug)]
struct Bells {
    kick: Signal,
    call: Signal,
}

/// The interrupt of one queue, for a test that wants to sleep while the driver owns the transport.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<Bells>);

impl Interrupt {
    /// Sleeps until the queue has interrupted. False when `timeout` passed.
    pub fn wait(&self, timeout: Duration) -> Result<bool, Error> {
        self.0.call.wait(timeout)
    }
}

impl SocketTransport {
    /// Connects to a daemon that serves the device with this virtio id.
    pub fn connect(path: impl AsRef<Path>, device_id: u32) -> Result<Self, Error> {
        Self::with(Guest::builder(path), device_id)
    }

    /// [`SocketTransport::connect`] with settings of the caller's (time limit, protocol features).
    pub fn with(settings: GuestBuilder, device_id: u32) -> Result<Self, Error> {
        let device = DeviceType::try_from(device_id)
            .map_err(|_| Error::NotOffered("a device that virtio-drivers knows"))?;
        let mut guest = settings.arena(ARENA.clone()).attach()?;
        guest.negotiate()?;
        guest.share_memory()?;
        Ok(Self {
            guest: Mutex::new(guest),
            device,
            status: DeviceStatus::empty(),
            queues: HashMap::new(),
            running: Vec::new(),
        })
    }

    /// The interrupt of a queue. Ask before the driver takes the transport.
    pub fn interrupt(&mut self, queue: u16) -> Result<Interrupt, Error> {
        Ok(Interrupt(self.bells(queue)?))
    }

    /// The guest below.
    pub fn guest(&self) -> MutexGuard<'_, Guest> {
        self.guest.lock().expect("not poisoned")
    }

    fn bells(&mut self, queue: u16) -> Result<Arc<Bells>, Error> {
        if let Some(bells) = self.queues.get(&queue) {
            return Ok(bells.clone());
        }
        let bells = Arc::new(Bells {
            kick: Signal::eventfd()?,
            call: Signal::eventfd()?,
        });
        self.queues.insert(queue, bells.clone());
        Ok(bells)
    }

    fn start(&mut self, queue: u16, size: u32, addr: &VringAddr) -> Result<(), Error> {
        let bells = self.bells(queue)?;
        let mut guest = self.guest();
        let enable = guest.features() & feature::PROTOCOL_FEATURES != 0;
        let index = u32::from(queue);
        let number = u64::from(queue).to_ne_bytes();
        let socket = guest.frontend();
        socket.tell(request::SET_VRING_NUM, &wire::vring_state(index, size), &[])?;
        socket.tell(request::SET_VRING_BASE, &wire::vring_state(index, 0), &[])?;
        socket.tell(request::SET_VRING_ADDR, &addr.bytes(), &[])?;
        socket.tell(request::SET_VRING_CALL, &number, &[bells.call.theirs()])?;
        socket.tell(request::SET_VRING_KICK, &number, &[bells.kick.theirs()])?;
        if enable {
            socket.tell(request::SET_VRING_ENABLE, &wire::vring_state(index, 1), &[])?;
        }
        Ok(())
    }
}

impl Transport for SocketTransport {
    fn device_type(&self) -> DeviceType {
        self.device
    }

    fn read_device_features(&mut self) -> u64 {
        self.guest().offered_features() & !(feature::PROTOCOL_FEATURES | feature::LOG_ALL)
    }

    fn write_driver_features(&mut self, driver_features: u64) {
        let mut guest = self.guest();
        let own = guest.offered_features() & feature::PROTOCOL_FEATURES;
        if let Err(e) = guest.set_features(driver_features | own) {
            panic!("features {driver_features:#x}: {}", e.explain());
        }
    }

    fn max_queue_size(&mut self, _queue: u16) -> u32 {
        // vhost-user has no message that asks for it; SET_VRING_NUM is refused if it is too much.
        1 << 15
    }

    fn notify(&mut self, queue: u16) {
        if let Some(bells) = self.queues.get(&queue) {
            bells.kick.ring();
        }
    }

    fn get_status(&self) -> DeviceStatus {
        self.status
    }

    fn set_status(&mut self, status: DeviceStatus) {
        if status == DeviceStatus::empty() {
            for queue in std::mem::take(&mut self.running) {
                self.queue_unset(queue);
            }
            let mut guest = self.guest();
            if guest.has(protocol::RESET_DEVICE)
                && let Err(e) = guest.reset_device()
            {
                panic!("reset: {}", e.explain());
            }
        }
        self.status = status;
    }

    fn set_guest_page_size(&mut self, _guest_page_size: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        let addr = VringAddr {
            index: queue.into(),
            descriptors: user_addr(descriptors),
            available: user_addr(driver_area),
            used: user_addr(device_area),
            ..VringAddr::default()
        };
        if let Err(e) = self.start(queue, size, &addr) {
            panic!("queue {queue}: {}", e.explain());
        }
        self.running.push(queue);
    }

    fn queue_unset(&mut self, queue: u16) {
        self.running.retain(|&running| running != queue);
        // A daemon that has gone uses no queue any more either.
        let _ = self.guest().stop_queue(queue);
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.running.contains(&queue)
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        let mut status = InterruptStatus::empty();
        for bells in self.queues.values() {
            if bells.call.drain().unwrap_or(false) {
                status = InterruptStatus::QUEUE_INTERRUPT;
            }
        }
        status
    }

    fn read_config_generation(&self) -> u32 {
        0
    }

    fn read_config_space<T: FromBytes + IntoBytes>(
        &self,
        offset: usize,
    ) -> virtio_drivers::Result<T> {
        let bytes = self
            .guest()
            .get_config(offset as u32, size_of::<T>() as u32)
            .map_err(|e| config_error(&e))?;
        T::read_from_bytes(&bytes).map_err(|_| virtio_drivers::Error::IoError)
    }

    fn write_config_space<T: IntoBytes + Immutable>(
        &mut self,
        offset: usize,
        value: T,
    ) -> virtio_drivers::Result<()> {
        self.guest()
            .set_config(offset as u32, value.as_bytes())
            .map_err(|e| config_error(&e))
    }
}

fn config_error(error: &Error) -> virtio_drivers::Error {
    match error {
        Error::NotOffered(_) => virtio_drivers::Error::ConfigSpaceMissing,
        Error::Refused { .. } => virtio_drivers::Error::ConfigSpaceTooSmall,
        _ => virtio_drivers::Error::IoError,
    }
}

/// Runs what may spin for ever, on a thread of its own, and gives up on it after `limit`.
///
/// # Panics
///
/// When `limit` passed, or when `work` panicked.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        // Nobody listens any more when the limit has passed.
        let _ = sender.send(work());
    });
    match receiver.recv_timeout(limit) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the driver did not end within {limit:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("a worker that ends without a panic has sent its value"),
        },
    }
}
