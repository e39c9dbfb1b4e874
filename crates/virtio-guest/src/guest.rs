// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A guest: memory, a frontend and queues, in the order in which a hypervisor brings them up.

use std::{
    io::{Read, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags},
    pipe::PipeFlags,
};

use crate::{
    Arena, DirtyLog, Error, Frontend, Queue,
    arena::user_addr,
    frontend::poll,
    wire::{self, VringAddr, feature, protocol, request},
};

/// What this frontend can serve; everything else is left unacknowledged.
const PROTOCOL: u64 = protocol::MQ
    | protocol::BACKEND_REQ
    | protocol::LOG_SHMFD
    | protocol::REPLY_ACK
    | protocol::CONFIG
    | protocol::RESET_DEVICE
    | protocol::CONFIGURE_MEM_SLOTS
    | protocol::XEN_MMAP
    | protocol::DEVICE_STATE;

/// A device state larger than this is taken for a fault of the daemon.
const MAX_STATE: usize = 64 << 20;

/// Settings of a guest before it boots.
#[derive(Clone, Debug)]
pub struct GuestBuilder {
    path: PathBuf,
    memory: usize,
    regions: usize,
    adjacent: bool,
    arena: Option<Arc<Arena>>,
    queue_size: u16,
    queues: Option<u16>,
    features: u64,
    protocol: u64,
    event_idx: bool,
    indirect: bool,
    timeout: Duration,
}

impl GuestBuilder {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            memory: 4 << 20,
            regions: 2,
            adjacent: false,
            arena: None,
            queue_size: 64,
            queues: None,
            features: 0,
            protocol: PROTOCOL,
            event_idx: true,
            indirect: true,
            timeout: Duration::from_secs(20),
        }
    }

    /// Bytes of memory, over all regions. 4 MiB unless told.
    pub fn memory_size(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Number of memory regions. Two unless told.
    pub fn regions(mut self, count: usize) -> Self {
        self.regions = count;
        self
    }

    /// Puts the regions end to end instead of 1 GiB apart, so that a buffer can lie in two.
    pub fn adjacent(mut self, on: bool) -> Self {
        self.adjacent = on;
        self
    }

    /// Uses memory that exists already, instead of new.
    pub fn arena(mut self, arena: Arc<Arena>) -> Self {
        self.arena = Some(arena);
        self
    }

    /// Entries of each ring. 64 unless told.
    pub fn queue_size(mut self, entries: u16) -> Self {
        self.queue_size = entries;
        self
    }

    /// Number of queues to set up, for daemons that do not tell (no MQ), or to leave some out.
    pub fn queues(mut self, count: u16) -> Self {
        self.queues = Some(count);
        self
    }

    /// Which features of the device to acknowledge if they are offered. None unless told.
    pub fn features(mut self, wanted: u64) -> Self {
        self.features = wanted;
        self
    }

    /// Which protocol features to acknowledge if they are offered. Those that this frontend knows
    /// unless told.
    pub fn protocol_features(mut self, wanted: u64) -> Self {
        self.protocol = wanted;
        self
    }

    /// Whether to acknowledge EVENT_IDX if it is offered. Yes unless told.
    pub fn event_idx(mut self, on: bool) -> Self {
        self.event_idx = on;
        self
    }

    /// Whether to acknowledge INDIRECT_DESC if it is offered. Yes unless told.
    pub fn indirect(mut self, on: bool) -> Self {
        self.indirect = on;
        self
    }

    /// The bound of every wait. Five seconds unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects and brings everything up.
    pub fn boot(self) -> Result<Guest, Error> {
        let mut guest = self.attach()?;
        guest.start()?;
        Ok(guest)
    }

    /// [`GuestBuilder::boot`] on a socket that is connected already.
    pub fn boot_on(self, stream: UnixStream) -> Result<Guest, Error> {
        let mut guest = self.attach_to(stream)?;
        guest.start()?;
        Ok(guest)
    }

    /// Connects only: each further step is the caller's.
    pub fn attach(self) -> Result<Guest, Error> {
        let frontend = Frontend::connect(&self.path, self.timeout)?;
        self.guest(frontend)
    }

    /// [`GuestBuilder::attach`] on a socket that is connected already.
    pub fn attach_to(self, stream: UnixStream) -> Result<Guest, Error> {
        let frontend = Frontend::from_stream(stream, self.timeout)?;
        self.guest(frontend)
    }

    fn guest(self, frontend: Frontend) -> Result<Guest, Error> {
        let arena = match &self.arena {
            Some(arena) => arena.clone(),
            None => Arena::new(self.memory, self.regions, self.adjacent)?,
        };
        Ok(Guest {
            frontend,
            arena,
            queues: Vec::new(),
            offered: 0,
            features: 0,
            protocol_offered: 0,
            protocol: 0,
            logging: false,
            settings: self,
        })
    }
}

/// A guest with one device on the other end of a socket.
#[derive(Debug)]
pub struct Guest {
    // Before the arena: queues give their memory back.
    queues: Vec<Queue>,
    frontend: Frontend,
    arena: Arc<Arena>,
    offered: u64,
    features: u64,
    protocol_offered: u64,
    protocol: u64,
    logging: bool,
    settings: GuestBuilder,
}

impl Guest {
    /// Boots a guest with default settings on the daemon that listens, or will soon, on `path`.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder(path).boot()
    }

    /// Settings of a guest on the daemon that listens, or will soon, on `path`.
    pub fn builder(path: impl AsRef<Path>) -> GuestBuilder {
        GuestBuilder::new(path.as_ref())
    }

    /// Settings of a guest that gets its socket later ([`GuestBuilder::boot_on`]).
    pub fn unconnected() -> GuestBuilder {
        GuestBuilder::new(Path::new(""))
    }

    /// All of the boot, on a guest that was only attached.
    pub fn start(&mut self) -> Result<(), Error> {
        self.negotiate()?;
        self.share_memory()?;
        for index in 0..self.count_queues()? {
            self.add_queue(index)?;
        }
        // Without REPLY_ACK nothing was answered yet.
        self.frontend.sync()
    }

    /// Features, protocol features and ownership.
    pub fn negotiate(&mut self) -> Result<(), Error> {
        self.offered = self.frontend.ask_u64(request::GET_FEATURES)?;
        let mut wanted = feature::VERSION_1 | self.settings.features;
        if self.settings.event_idx {
            wanted |= feature::EVENT_IDX;
        }
        if self.settings.indirect {
            wanted |= feature::INDIRECT_DESC;
        }
        self.features = self.offered & (wanted | feature::PROTOCOL_FEATURES) & !feature::LOG_ALL;
        if self.offered & feature::PROTOCOL_FEATURES != 0 {
            self.protocol_offered = self.frontend.ask_u64(request::GET_PROTOCOL_FEATURES)?;
            self.protocol = self.protocol_offered & self.settings.protocol;
            self.frontend.tell(
                request::SET_PROTOCOL_FEATURES,
                &self.protocol.to_ne_bytes(),
                &[],
            )?;
        }
        self.frontend
            .set_acknowledge(self.protocol & protocol::REPLY_ACK != 0);
        self.frontend.tell(request::SET_OWNER, &[], &[])?;
        self.set_features(self.features)
    }

    /// SET_FEATURES with any bits.
    pub fn set_features(&mut self, features: u64) -> Result<(), Error> {
        self.frontend
            .tell(request::SET_FEATURES, &features.to_ne_bytes(), &[])?;
        self.features = features & !feature::LOG_ALL;
        self.logging = features & feature::LOG_ALL != 0;
        Ok(())
    }

    /// How many queues the device has, as far as can be known.
    pub fn count_queues(&self) -> Result<u16, Error> {
        if let Some(count) = self.settings.queues {
            return Ok(count);
        }
        if !self.has(protocol::MQ) {
            return Ok(1);
        }
        let count = self.frontend.ask_u64(request::GET_QUEUE_NUM)?;
        u16::try_from(count)
            .map_err(|_| Error::Protocol(format!("GET_QUEUE_NUM answered with {count}")))
    }

    /// Makes a ring in memory and sets it up under the next free number, which must be `index`.
    pub fn add_queue(&mut self, index: u16) -> Result<(), Error> {
        self.add_queue_of(index, self.settings.queue_size)
    }

    /// [`Guest::add_queue`] with a ring of `size` entries.
    pub fn add_queue_of(&mut self, index: u16, size: u16) -> Result<(), Error> {
        assert_eq!(usize::from(index), self.queues.len(), "queues in order");
        let event_idx = self.features & feature::EVENT_IDX != 0;
        let mut queue = Queue::new(&self.arena, index, size, event_idx)?;
        queue.set_timeout(self.frontend.timeout());
        queue.watch(self.frontend.socket().clone());
        self.queues.push(queue);
        self.start_queue(index, 0)
    }

    /// The device's features as it offers them.
    pub fn offered_features(&self) -> u64 {
        self.offered
    }

    /// The negotiated features.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// The backend's protocol features as it offers them.
    pub fn offered_protocol_features(&self) -> u64 {
        self.protocol_offered
    }

    /// The negotiated protocol features.
    pub fn protocol_features(&self) -> u64 {
        self.protocol
    }

    /// Whether a protocol feature was negotiated.
    pub fn has(&self, bit: u64) -> bool {
        self.protocol & bit != 0
    }

    /// `xen` or `mmap`: which build of a daemon this is, judged by what it offers.
    pub fn variant(&self) -> &'static str {
        if self.protocol_offered & protocol::XEN_MMAP != 0 {
            "xen"
        } else {
            "mmap"
        }
    }

    /// Whether memory regions go over the wire in the layout that follows from XEN_MMAP.
    pub fn extended_regions(&self) -> bool {
        self.has(protocol::XEN_MMAP)
    }

    /// The socket, for messages that no method here sends.
    pub fn frontend(&mut self) -> &mut Frontend {
        &mut self.frontend
    }

    /// Where the daemon listens; empty for a guest that was given its socket.
    pub fn path(&self) -> &Path {
        &self.settings.path
    }

    /// The connected socket, which queues watch too.
    pub fn socket(&self) -> &UnixStream {
        self.frontend.socket()
    }

    /// The guest's memory.
    pub fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// A queue.
    ///
    /// # Panics
    ///
    /// When it was not set up.
    pub fn queue(&mut self, index: u16) -> &mut Queue {
        &mut self.queues[usize::from(index)]
    }

    /// How many queues were set up.
    pub fn queues(&self) -> u16 {
        self.queues.len() as u16
    }

    /// SET_MEM_TABLE with all regions of the arena.
    pub fn share_memory(&mut self) -> Result<(), Error> {
        let regions = self.arena.regions();
        let table: Vec<_> = regions.iter().map(|region| region.describe()).collect();
        let fds: Vec<BorrowedFd<'_>> = regions.iter().map(|region| region.as_fd()).collect();
        self.frontend.tell(
            request::SET_MEM_TABLE,
            &wire::memory_table(&table, self.extended_regions()),
            &fds,
        )
    }

    /// Adds memory (ADD_MEM_REG).
    pub fn add_region(&mut self, gpa: u64, len: usize) -> Result<(), Error> {
        self.need(protocol::CONFIGURE_MEM_SLOTS, "CONFIGURE_MEM_SLOTS")?;
        let region = self.arena.add_region(gpa, len)?;
        let payload = wire::single_region(&region.describe(), self.extended_regions());
        let told = self
            .frontend
            .tell(request::ADD_MEM_REG, &payload, &[region.as_fd()]);
        if told.is_err() {
            self.arena.remove_region(gpa);
        }
        told
    }

    /// Removes the memory that begins at `gpa` (REM_MEM_REG). When this returns, the daemon does
    /// not touch it any more.
    pub fn remove_region(&mut self, gpa: u64) -> Result<(), Error> {
        self.need(protocol::CONFIGURE_MEM_SLOTS, "CONFIGURE_MEM_SLOTS")?;
        let regions = self.arena.regions();
        let region = regions
            .iter()
            .find(|region| region.guest_addr() == gpa)
            .ok_or(Error::Unmapped { addr: gpa, len: 0 })?;
        let payload = wire::single_region(&region.describe(), self.extended_regions());
        self.frontend.tell(request::REM_MEM_REG, &payload, &[])?;
        self.arena.remove_region(gpa);
        Ok(())
    }

    /// Gives the backend a socket for messages of its own (SET_BACKEND_REQ_FD), and returns the
    /// other end.
    pub fn open_channel(&self) -> Result<UnixStream, Error> {
        self.need(protocol::BACKEND_REQ, "BACKEND_REQ")?;
        let (ours, theirs) =
            UnixStream::pair().map_err(Error::os("cannot make a pair of sockets"))?;
        ours.set_read_timeout(Some(self.frontend.timeout()))
            .map_err(Error::os("cannot set a socket's timeout"))?;
        self.frontend
            .tell(request::SET_BACKEND_REQ_FD, &[], &[theirs.as_fd()])?;
        Ok(ours)
    }

    /// How many regions the daemon takes.
    pub fn max_memory_slots(&self) -> Result<u64, Error> {
        self.need(protocol::CONFIGURE_MEM_SLOTS, "CONFIGURE_MEM_SLOTS")?;
        self.frontend.ask_u64(request::GET_MAX_MEM_SLOTS)
    }

    /// Tells the daemon everything about a queue and enables it. It begins at available index
    /// `base`.
    pub fn start_queue(&mut self, index: u16, base: u16) -> Result<(), Error> {
        let size = self.queues[usize::from(index)].size();
        self.set_vring_num(index, u32::from(size))?;
        self.set_vring_base(index, u32::from(base))?;
        self.set_vring_addr(index)?;
        self.send_call(index)?;
        self.send_error(index)?;
        self.send_kick(index)?;
        if self.features & feature::PROTOCOL_FEATURES != 0 {
            self.enable_queue(index, true)?;
        }
        Ok(())
    }

    /// SET_VRING_NUM.
    pub fn set_vring_num(&self, index: u16, size: u32) -> Result<(), Error> {
        let payload = wire::vring_state(index.into(), size);
        self.frontend.tell(request::SET_VRING_NUM, &payload, &[])
    }

    /// SET_VRING_BASE.
    pub fn set_vring_base(&self, index: u16, base: u32) -> Result<(), Error> {
        let payload = wire::vring_state(index.into(), base);
        self.frontend.tell(request::SET_VRING_BASE, &payload, &[])
    }

    /// What SET_VRING_ADDR says of a queue.
    pub fn vring_addr(&self, index: u16) -> VringAddr {
        let ring = self.queues[usize::from(index)].ring();
        VringAddr {
            index: index.into(),
            flags: if self.logging { wire::VRING_LOG } else { 0 },
            descriptors: user_addr(ring.descriptors),
            used: user_addr(ring.used),
            available: user_addr(ring.available),
            log: if self.logging { ring.used } else { 0 },
        }
    }

    /// SET_VRING_ADDR.
    pub fn set_vring_addr(&self, index: u16) -> Result<(), Error> {
        let payload = self.vring_addr(index).bytes();
        self.frontend.tell(request::SET_VRING_ADDR, &payload, &[])
    }

    /// SET_VRING_KICK with the queue's kick descriptor.
    pub fn send_kick(&self, index: u16) -> Result<(), Error> {
        let (kick, _, _) = self.queues[usize::from(index)].signals();
        self.send_signal(request::SET_VRING_KICK, index, kick.theirs())
    }

    /// SET_VRING_CALL with the queue's call descriptor.
    pub fn send_call(&self, index: u16) -> Result<(), Error> {
        let (_, call, _) = self.queues[usize::from(index)].signals();
        self.send_signal(request::SET_VRING_CALL, index, call.theirs())
    }

    /// SET_VRING_ERR with the queue's error descriptor.
    pub fn send_error(&self, index: u16) -> Result<(), Error> {
        let (_, _, error) = self.queues[usize::from(index)].signals();
        self.send_signal(request::SET_VRING_ERR, index, error.theirs())
    }

    fn send_signal(&self, code: u32, index: u16, fd: BorrowedFd<'_>) -> Result<(), Error> {
        let payload = u64::from(index).to_ne_bytes();
        self.frontend.tell(code, &payload, &[fd])?;
        if !self.frontend.acknowledges() {
            // What is rung next must not overtake the message.
            self.frontend.sync()?;
        }
        Ok(())
    }

    /// SET_VRING_ENABLE.
    pub fn enable_queue(&self, index: u16, on: bool) -> Result<(), Error> {
        let payload = wire::vring_state(index.into(), on.into());
        self.frontend.tell(request::SET_VRING_ENABLE, &payload, &[])
    }

    /// Stops a queue (GET_VRING_BASE) and returns the available index at which it stopped. When
    /// this returns, the daemon writes no memory on behalf of the queue.
    pub fn stop_queue(&mut self, index: u16) -> Result<u16, Error> {
        let payload = wire::vring_state(index.into(), 0);
        let reply = self.frontend.ask(request::GET_VRING_BASE, &payload, &[])?;
        let (of, base) = (
            wire::get_u32(&reply.payload, 0),
            wire::get_u32(&reply.payload, 4),
        );
        match u16::try_from(base) {
            Ok(base) if reply.payload.len() == 8 && of == u32::from(index) => Ok(base),
            _ => Err(Error::Protocol(format!(
                "GET_VRING_BASE of queue {index} answered with queue {of}, base {base}, {} bytes",
                reply.payload.len()
            ))),
        }
    }

    /// Stops a queue and starts it again with an empty ring and fresh descriptors: as a driver does
    /// after it has broken the ring.
    pub fn renew_queue(&mut self, index: u16) -> Result<(), Error> {
        self.stop_queue(index)?;
        let queue = self.queue(index);
        queue.restore_ring();
        queue.reset()?;
        queue.renew_signals()?;
        self.start_queue(index, 0)
    }

    /// RESET_DEVICE. All queues are stopped then.
    pub fn reset_device(&mut self) -> Result<(), Error> {
        self.need(protocol::RESET_DEVICE, "RESET_DEVICE")?;
        self.frontend.tell(request::RESET_DEVICE, &[], &[])
    }

    /// After a reset: features, and all queues anew.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.set_features(self.features)?;
        for index in 0..self.queues() {
            let queue = self.queue(index);
            queue.reset()?;
            queue.renew_signals()?;
            self.start_queue(index, 0)?;
        }
        Ok(())
    }

    /// Reads the device's configuration space.
    pub fn get_config(&self, offset: u32, size: u32) -> Result<Vec<u8>, Error> {
        self.need(protocol::CONFIG, "CONFIG")?;
        let payload = wire::config(offset, size, 0, &vec![0; size as usize]);
        let reply = self.frontend.ask(request::GET_CONFIG, &payload, &[])?;
        if reply.payload.len() != payload.len() {
            // The protocol's way to say no.
            return Err(Error::Refused {
                request: "GET_CONFIG",
                code: reply.payload.len() as u64,
            });
        }
        Ok(reply.payload[12..].to_vec())
    }

    /// Writes the device's configuration space.
    pub fn set_config(&self, offset: u32, data: &[u8]) -> Result<(), Error> {
        self.need(protocol::CONFIG, "CONFIG")?;
        let payload = wire::config(offset, data.len() as u32, 0, data);
        self.frontend.tell(request::SET_CONFIG, &payload, &[])
    }

    /// Gives the daemon a log and has it mark the pages it writes from now on.
    pub fn start_logging(&mut self) -> Result<DirtyLog, Error> {
        let end = self
            .arena
            .regions()
            .iter()
            .map(|region| region.end())
            .max()
            .unwrap_or(0);
        let log = DirtyLog::new(end)?;
        self.set_log_base(log.size(), 0, log.as_fd())?;
        self.set_features(self.features | feature::LOG_ALL)?;
        for index in 0..self.queues() {
            self.set_vring_addr(index)?;
        }
        Ok(log)
    }

    /// SET_LOG_BASE.
    pub fn set_log_base(&self, size: u64, offset: u64, log: BorrowedFd<'_>) -> Result<(), Error> {
        self.need(protocol::LOG_SHMFD, "LOG_SHMFD")?;
        self.frontend
            .ask(request::SET_LOG_BASE, &wire::log_base(size, offset), &[log])
            .map(drop)
    }

    /// Has the daemon stop marking pages.
    pub fn stop_logging(&mut self) -> Result<(), Error> {
        self.set_features(self.features)?;
        for index in 0..self.queues() {
            self.set_vring_addr(index)?;
        }
        Ok(())
    }

    /// Stops all queues and reads the device's state. Returns it with the queues' bases.
    pub fn suspend(&mut self) -> Result<(Vec<u8>, Vec<u16>), Error> {
        let bases = (0..self.queues())
            .map(|index| self.stop_queue(index))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((self.save_state()?, bases))
    }

    /// Reads the device's state. Its queues must be stopped.
    pub fn save_state(&mut self) -> Result<Vec<u8>, Error> {
        let (ours, theirs) = pipe()?;
        let ours = self.state_channel(0, theirs)?.unwrap_or(ours);
        let timeout = self.frontend.timeout();
        let end = Instant::now() + timeout;
        let mut file = std::fs::File::from(ours);
        let mut state = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            if !ready(file.as_fd(), PollFlags::IN, end)? {
                return Err(Error::Timeout {
                    what: "the end of the device state".into(),
                    timeout,
                });
            }
            match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => state.extend_from_slice(&chunk[..n]),
                Err(e) => return Err(Error::os("cannot read the device state")(e)),
            }
            if state.len() > MAX_STATE {
                return Err(Error::Protocol("a device state without end".into()));
            }
        }
        self.check_state()?;
        Ok(state)
    }

    /// Writes the device's state. Its queues must be stopped.
    pub fn load_state(&mut self, state: &[u8]) -> Result<(), Error> {
        let (theirs, ours) = pipe()?;
        let ours = self.state_channel(1, theirs)?.unwrap_or(ours);
        rustix::fs::fcntl_setfl(&ours, rustix::fs::OFlags::NONBLOCK)
            .map_err(Error::os("cannot set up a pipe"))?;
        let timeout = self.frontend.timeout();
        let end = Instant::now() + timeout;
        let mut file = std::fs::File::from(ours);
        let mut left = state;
        while !left.is_empty() {
            if !ready(file.as_fd(), PollFlags::OUT, end)? {
                return Err(Error::Timeout {
                    what: "room for the device state".into(),
                    timeout,
                });
            }
            match file.write(left) {
                Ok(n) => left = &left[n..],
                // The daemon has seen enough; CHECK_DEVICE_STATE tells what it made of it.
                Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => break,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(Error::os("cannot write the device state")(e)),
            }
        }
        drop(file);
        self.check_state()
    }

    fn state_channel(&self, direction: u32, theirs: OwnedFd) -> Result<Option<OwnedFd>, Error> {
        /// In the answer: the daemon uses the descriptor it was given.
        const NO_FD_RETURNED: u64 = 1 << 8;
        self.need(protocol::DEVICE_STATE, "DEVICE_STATE")?;
        let payload = wire::vring_state(direction, 0);
        let mut reply =
            self.frontend
                .ask(request::SET_DEVICE_STATE_FD, &payload, &[theirs.as_fd()])?;
        let value = wire::get_u64(&reply.payload, 0);
        if reply.payload.len() != 8 || value & 0xff != 0 {
            return Err(Error::Refused {
                request: "SET_DEVICE_STATE_FD",
                code: value,
            });
        }
        if value & NO_FD_RETURNED != 0 {
            return Ok(None);
        }
        reply.fds.pop().map(Some).ok_or_else(|| {
            Error::Protocol("SET_DEVICE_STATE_FD promised a descriptor and sent none".into())
        })
    }

    fn check_state(&self) -> Result<(), Error> {
        match self.frontend.ask_u64(request::CHECK_DEVICE_STATE)? {
            0 => Ok(()),
            code => Err(Error::Refused {
                request: "CHECK_DEVICE_STATE",
                code,
            }),
        }
    }

    /// Moves to another daemon, as a live migration does: stops the queues, takes the device's state
    /// along if it has one, and goes on there with the same memory and rings. Requests that were
    /// not answered yet stay in the rings.
    pub fn migrate(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let bases = (0..self.queues())
            .map(|index| self.stop_queue(index))
            .collect::<Result<Vec<_>, _>>()?;
        let state = match self.has(protocol::DEVICE_STATE) {
            true => Some(self.save_state()?),
            false => None,
        };
        let settings = GuestBuilder {
            path: path.as_ref().to_owned(),
            arena: Some(self.arena.clone()),
            ..self.settings.clone()
        };
        let mut successor = settings.attach()?;
        successor.negotiate()?;
        successor.share_memory()?;
        successor.queues = std::mem::take(&mut self.queues);
        for queue in &mut successor.queues {
            queue.watch(successor.frontend.socket().clone());
        }
        if let Some(state) = state {
            successor.load_state(&state)?;
        }
        for (index, base) in (0..).zip(bases) {
            successor.start_queue(index, base)?;
        }
        Ok(successor)
    }

    /// Ends the connection at once, as a guest that was killed.
    pub fn vanish(self) {
        self.frontend.disconnect();
    }

    fn need(&self, bit: u64, name: &'static str) -> Result<(), Error> {
        if self.has(bit) {
            Ok(())
        } else {
            Err(Error::NotOffered(name))
        }
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Error> {
    rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Error::os("cannot make a pipe"))
}

fn ready(fd: BorrowedFd<'_>, what: PollFlags, end: Instant) -> Result<bool, Error> {
    let mut fds = [PollFd::from_borrowed_fd(fd, what)];
    let left = end.saturating_duration_since(Instant::now());
    Ok(poll(&mut fds, left).map_err(Error::os("cannot poll a pipe"))? > 0)
}
