// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The smallest backend that a guest can be tested on: it fills what it may write with one byte.
//!
//! It reads and writes guest memory through the files it is sent, so it needs no mapping.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            fs::FileExt,
            net::{UnixListener, UnixStream},
        },
    },
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tempfile::TempDir;
use virtio_guest::{
    DESC_INDIRECT, DESC_NEXT, DESC_WRITE, Error, Frontend, Message,
    wire::{self, feature, protocol, request},
};

/// The byte that every writable buffer is filled with.
pub(crate) const FILL: u8 = 0xab;

/// What the backend does, besides its duty.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manners {
    /// Offers XEN_MMAP and expects the extended layout.
    pub(crate) xen: bool,
    /// Does not offer REPLY_ACK.
    pub(crate) mute: bool,
    /// Never rings the call descriptor.
    pub(crate) no_interrupts: bool,
    /// Hangs up at the first kick.
    pub(crate) hangs_up: bool,
}

pub(crate) struct Backend {
    pub(crate) path: PathBuf,
    /// Lengths of the memory messages that came.
    pub(crate) memory_messages: Arc<Mutex<Vec<usize>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _dir: TempDir,
}

impl Backend {
    pub(crate) fn start(manners: Manners) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let memory_messages = Arc::new(Mutex::new(Vec::new()));
        let (stopped, lengths) = (stop.clone(), memory_messages.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        Session::new(stream, manners, lengths.clone()).serve(&stopped);
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        Self {
            path,
            memory_messages,
            stop,
            thread: Some(thread),
            _dir: dir,
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

struct Region {
    gpa: u64,
    size: u64,
    user: u64,
    file: File,
}

#[derive(Default)]
struct Vring {
    size: u16,
    descriptors: u64,
    available: u64,
    used: u64,
    next: u16,
    kick: Option<OwnedFd>,
    call: Option<OwnedFd>,
}

struct Session {
    socket: Frontend,
    manners: Manners,
    lengths: Arc<Mutex<Vec<usize>>>,
    regions: Vec<Region>,
    rings: HashMap<u32, Vring>,
    features: u64,
    log: Option<File>,
    state: Vec<u8>,
    config: Vec<u8>,
    transfer: Option<File>,
}

impl Session {
    fn new(stream: UnixStream, manners: Manners, lengths: Arc<Mutex<Vec<usize>>>) -> Self {
        Self {
            socket: Frontend::from_stream(stream, Duration::from_secs(5)).unwrap(),
            manners,
            lengths,
            regions: Vec::new(),
            rings: HashMap::new(),
            features: 0,
            log: None,
            state: b"state of the backend".to_vec(),
            config: (1..=8).collect(),
            transfer: None,
        }
    }

    fn serve(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            match self.socket.recv_reply(Duration::from_micros(50)) {
                Ok(message) => self.message(message),
                Err(Error::Timeout { .. }) => {}
                Err(_) => return,
            }
            let indices: Vec<u32> = self.rings.keys().copied().collect();
            for index in indices {
                if !self.kicked(index) {
                    continue;
                }
                if self.manners.hangs_up {
                    return;
                }
                self.work(index);
            }
        }
    }

    fn kicked(&self, index: u32) -> bool {
        let kick = self.rings[&index].kick.as_ref();
        kick.is_some_and(|fd| rustix::io::read(fd, &mut [0u8; 8]).is_ok())
    }

    fn message(&mut self, mut message: Message) {
        let payload = &message.payload;
        let (index, value) = (wire::get_u32(payload, 0), wire::get_u32(payload, 4));
        let mut error = 0u64;
        let code = message.header.request;
        match code {
            request::GET_FEATURES => {
                let bits = feature::VERSION_1
                    | feature::PROTOCOL_FEATURES
                    | feature::EVENT_IDX
                    | feature::INDIRECT_DESC
                    | feature::LOG_ALL;
                return self.answer(code, &bits.to_ne_bytes());
            }
            request::GET_PROTOCOL_FEATURES => {
                let mut bits = protocol::CONFIG
                    | protocol::DEVICE_STATE
                    | protocol::LOG_SHMFD
                    | protocol::CONFIGURE_MEM_SLOTS;
                if !self.manners.mute {
                    bits |= protocol::REPLY_ACK;
                }
                if self.manners.xen {
                    bits |= protocol::XEN_MMAP;
                }
                return self.answer(code, &bits.to_ne_bytes());
            }
            request::SET_FEATURES => self.features = wire::get_u64(payload, 0),
            request::SET_MEM_TABLE => {
                self.lengths.lock().unwrap().push(payload.len());
                self.regions.clear();
                let each = if self.manners.xen { 40 } else { 32 };
                for (i, fd) in message.fds.drain(..).enumerate() {
                    let region = region(&message.payload[8 + i * each..], fd);
                    self.regions.push(region);
                }
            }
            request::ADD_MEM_REG => {
                self.lengths.lock().unwrap().push(payload.len());
                let fd = message.fds.pop().unwrap();
                self.regions.push(region(&message.payload[8..], fd));
            }
            request::REM_MEM_REG => {
                self.lengths.lock().unwrap().push(payload.len());
                let gpa = wire::get_u64(payload, 8);
                self.regions.retain(|region| region.gpa != gpa);
            }
            request::SET_VRING_NUM if value > 0x8000 => error = 22,
            request::SET_VRING_NUM => self.ring(index).size = value as u16,
            request::SET_VRING_BASE => self.ring(index).next = value as u16,
            request::SET_VRING_ADDR => {
                let [descriptors, used, available] =
                    [8, 16, 24].map(|at| self.guest_addr(wire::get_u64(&message.payload, at)));
                let ring = self.ring(index);
                (ring.descriptors, ring.used, ring.available) = (descriptors, used, available);
            }
            request::SET_VRING_KICK => self.ring(index & 0xff).kick = message.fds.pop(),
            request::SET_VRING_CALL => self.ring(index & 0xff).call = message.fds.pop(),
            request::GET_VRING_BASE => {
                let ring = self.ring(index);
                ring.kick = None;
                let base = ring.next;
                return self.answer(code, &wire::vring_state(index, base.into()));
            }
            request::GET_CONFIG => {
                let (offset, size) = (index as usize, value as usize);
                let reply = match self.config.get(offset..offset + size) {
                    Some(bytes) => wire::config(index, value, 0, bytes),
                    None => Vec::new(),
                };
                return self.answer(code, &reply);
            }
            request::SET_CONFIG => {
                let (offset, data) = (index as usize, &message.payload[12..]);
                match self.config.get_mut(offset..offset + data.len()) {
                    Some(place) => place.copy_from_slice(data),
                    None => error = 22,
                }
            }
            request::SET_LOG_BASE => {
                self.log = message.fds.pop().map(File::from);
                return self.answer(code, &[]);
            }
            request::SET_DEVICE_STATE_FD => {
                let mut file = File::from(message.fds.pop().unwrap());
                if index == 0 {
                    file.write_all(&self.state).unwrap();
                } else {
                    self.transfer = Some(file);
                }
                return self.answer(code, &256u64.to_ne_bytes());
            }
            request::CHECK_DEVICE_STATE => {
                if let Some(mut file) = self.transfer.take() {
                    self.state.clear();
                    file.read_to_end(&mut self.state).unwrap();
                    error = u64::from(!self.state.starts_with(b"state"));
                }
                return self.answer(code, &error.to_ne_bytes());
            }
            _ => {}
        }
        if message.header.flags & wire::NEED_REPLY != 0 {
            self.answer(code, &error.to_ne_bytes());
        }
    }

    fn answer(&self, code: u32, payload: &[u8]) {
        let _ = self.socket.send(code, wire::REPLY, payload, &[]);
    }

    fn ring(&mut self, index: u32) -> &mut Vring {
        self.rings.entry(index).or_default()
    }

    fn guest_addr(&self, user: u64) -> u64 {
        let region = self
            .regions
            .iter()
            .find(|r| user >= r.user && user < r.user + r.size)
            .expect("a ring inside a region");
        user - region.user + region.gpa
    }

    fn place(&self, addr: u64) -> (&File, u64) {
        let region = self
            .regions
            .iter()
            .find(|r| addr >= r.gpa && addr < r.gpa + r.size)
            .expect("an address inside a region");
        (&region.file, addr - region.gpa)
    }

    fn read<const N: usize>(&self, addr: u64) -> [u8; N] {
        let (file, at) = self.place(addr);
        let mut bytes = [0; N];
        file.read_exact_at(&mut bytes, at).unwrap();
        bytes
    }

    fn write(&self, addr: u64, bytes: &[u8]) {
        let (file, at) = self.place(addr);
        file.write_all_at(bytes, at).unwrap();
        let (Some(log), true) = (&self.log, self.features & feature::LOG_ALL != 0) else {
            return;
        };
        for page in addr / 4096..=(addr + bytes.len() as u64 - 1) / 4096 {
            let mut byte = [0];
            log.read_exact_at(&mut byte, page / 8).unwrap();
            byte[0] |= 1 << (page % 8);
            log.write_all_at(&byte, page / 8).unwrap();
        }
    }

    fn work(&mut self, index: u32) {
        loop {
            let ring = &self.rings[&index];
            let mask = u64::from(ring.size) - 1;
            let next = ring.next;
            if u16::from_le_bytes(self.read(ring.available + 2)) == next {
                // Nothing is suppressed: each kick and each interrupt is wanted.
                if self.features & feature::EVENT_IDX != 0 {
                    let event = ring.used + 4 + 8 * (mask + 1);
                    self.write(event, &next.to_le_bytes());
                }
                if u16::from_le_bytes(self.read(ring.available + 2)) == next {
                    return;
                }
            }
            let slot = ring.available + 4 + 2 * (u64::from(next) & mask);
            let head = u16::from_le_bytes(self.read(slot));
            let written = self.fill(ring.descriptors, head);
            let used = u16::from_le_bytes(self.read(ring.used + 2));
            let entry = ring.used + 4 + 8 * (u64::from(used) & mask);
            self.write(entry, &u32::from(head).to_le_bytes());
            self.write(entry + 4, &written.to_le_bytes());
            self.write(ring.used + 2, &used.wrapping_add(1).to_le_bytes());
            if let (Some(call), false) = (&ring.call, self.manners.no_interrupts) {
                rustix::io::write(call.as_fd(), &1u64.to_ne_bytes()).unwrap();
            }
            self.ring(index).next = next.wrapping_add(1);
        }
    }

    fn fill(&self, table: u64, head: u16) -> u32 {
        let (mut table, mut entry, mut written) = (table, head, 0);
        loop {
            let bytes: [u8; 16] = self.read(table + 16 * u64::from(entry));
            let addr = u64::from_le_bytes(bytes[..8].try_into().unwrap());
            let len = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
            let flags = u16::from_le_bytes(bytes[12..14].try_into().unwrap());
            if flags & DESC_INDIRECT != 0 {
                (table, entry) = (addr, 0);
                continue;
            }
            if flags & DESC_WRITE != 0 && len > 0 {
                self.write(addr, &vec![FILL; len as usize]);
                written += len;
            }
            if flags & DESC_NEXT == 0 {
                return written;
            }
            entry = u16::from_le_bytes(bytes[14..16].try_into().unwrap());
        }
    }
}

fn region(bytes: &[u8], fd: OwnedFd) -> Region {
    Region {
        gpa: wire::get_u64(bytes, 0),
        size: wire::get_u64(bytes, 8),
        user: wire::get_u64(bytes, 16),
        file: fd.into(),
    }
}
