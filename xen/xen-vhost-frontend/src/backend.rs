// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The frontend's side of vhost-user, always with `XEN_MMAP`.
//!
//! The `vhost` crate has the Xen part of memory messages in builds with its feature `xen` only, which
//! changes the memory types of everything built together with it. These few messages need no such
//! build.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::mmio::Queue;
use crate::regions::Region;

const PROTOCOL_FEATURES: u64 = 1 << 30;
const LOG_ALL: u64 = 1 << 26;
const MQ: u64 = 1 << 0;
const REPLY_ACK: u64 = 1 << 3;
const CONFIG: u64 = 1 << 9;
const XEN_MMAP: u64 = 1 << 17;

const GET_FEATURES: u32 = 1;
const SET_FEATURES: u32 = 2;
const SET_OWNER: u32 = 3;
const SET_MEM_TABLE: u32 = 5;
const SET_VRING_NUM: u32 = 8;
const SET_VRING_ADDR: u32 = 9;
const SET_VRING_BASE: u32 = 10;
const GET_VRING_BASE: u32 = 11;
const SET_VRING_KICK: u32 = 12;
const SET_VRING_CALL: u32 = 13;
const GET_PROTOCOL_FEATURES: u32 = 15;
const SET_PROTOCOL_FEATURES: u32 = 16;
const GET_QUEUE_NUM: u32 = 17;
const SET_VRING_ENABLE: u32 = 18;
const GET_CONFIG: u32 = 24;
const SET_CONFIG: u32 = 25;

const VERSION: u32 = 1;
const REPLY: u32 = 4;
const NEED_REPLY: u32 = 8;

/// No answer of a backend is longer.
const MAX_REPLY: u32 = 4096;
/// More queues than any device here has.
const MAX_QUEUES: u64 = 64;
/// A backend that does not answer must not hold the guest for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a backend.
#[derive(Debug)]
pub(crate) struct Backend {
    stream: UnixStream,
    features: u64,
    protocol: u64,
    queues: usize,
    lines: Vec<Option<Line>>,
}

/// How a running queue and its backend wake each other.
#[derive(Debug)]
struct Line {
    kick: OwnedFd,
    call: OwnedFd,
}

impl Backend {
    pub(crate) fn connect(path: &Path) -> io::Result<Self> {
        Self::over(UnixStream::connect(path)?)
    }

    fn over(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut backend = Self {
            stream,
            features: 0,
            protocol: 0,
            queues: 1,
            lines: Vec::new(),
        };
        backend.features = backend.number(GET_FEATURES)?;
        if backend.features & PROTOCOL_FEATURES == 0 {
            return Err(io::Error::other("the backend has no protocol features"));
        }
        let offered = backend.number(GET_PROTOCOL_FEATURES)?;
        if offered & XEN_MMAP == 0 {
            return Err(io::Error::other(
                "the backend is not built for Xen (no XEN_MMAP)",
            ));
        }
        let protocol = offered & (MQ | REPLY_ACK | CONFIG | XEN_MMAP);
        backend.tell(SET_PROTOCOL_FEATURES, &protocol.to_ne_bytes(), &[])?;
        backend.protocol = protocol;
        if protocol & MQ != 0 {
            let queues = backend.number(GET_QUEUE_NUM)?.clamp(1, MAX_QUEUES);
            backend.queues = queues as usize;
        }
        backend.tell(SET_OWNER, &[], &[])?;
        backend.lines.resize_with(backend.queues, || None);
        Ok(backend)
    }

    /// What the guest may be offered.
    pub(crate) fn features(&self) -> u64 {
        self.features & !(PROTOCOL_FEATURES | LOG_ALL)
    }

    pub(crate) fn queues(&self) -> usize {
        self.queues
    }

    /// Starts the queues that are ready, each where `base` says.
    pub(crate) fn start(
        &mut self,
        accepted: u64,
        regions: &[(Region, BorrowedFd<'_>)],
        domain: u16,
        queues: &[Queue],
        base: impl Fn(&Queue) -> io::Result<u16>,
    ) -> io::Result<()> {
        let features = (accepted & self.features) | PROTOCOL_FEATURES;
        self.tell(SET_FEATURES, &features.to_ne_bytes(), &[])?;
        let files: Vec<_> = regions.iter().map(|(_, file)| *file).collect();
        self.tell(SET_MEM_TABLE, &table(regions, domain), &files)?;
        for (index, queue) in queues.iter().enumerate().filter(|(_, queue)| queue.ready) {
            self.start_queue(index, queue, base(queue)?)?;
        }
        Ok(())
    }

    fn start_queue(&mut self, index: usize, queue: &Queue, base: u16) -> io::Result<()> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let line = Line {
            kick: eventfd(0, flags)?,
            call: eventfd(0, flags)?,
        };
        let number = index as u32;
        self.tell(SET_VRING_NUM, &pair(number, queue.size), &[])?;
        self.tell(SET_VRING_BASE, &pair(number, base.into()), &[])?;
        // Addresses are the guest's: regions are announced with them as the frontend's, too.
        let addresses = [queue.descriptors, queue.used, queue.available, 0];
        let mut message = pair(number, 0).to_vec();
        message.extend(addresses.iter().flat_map(|address| address.to_ne_bytes()));
        self.tell(SET_VRING_ADDR, &message, &[])?;
        let which = u64::from(number).to_ne_bytes();
        self.tell(SET_VRING_CALL, &which, &[line.call.as_fd()])?;
        self.tell(SET_VRING_KICK, &which, &[line.kick.as_fd()])?;
        self.tell(SET_VRING_ENABLE, &pair(number, 1), &[])?;
        if let Some(slot) = self.lines.get_mut(index) {
            *slot = Some(line);
        }
        // What came before the backend watched.
        self.kick(index)
    }

    /// Stops a queue: afterwards, the backend does not touch it.
    pub(crate) fn stop(&mut self, index: usize) -> io::Result<()> {
        let line = self.lines.get_mut(index).and_then(Option::take);
        if line.is_some() {
            self.send(GET_VRING_BASE, &pair(index as u32, 0), &[], false)?;
            self.reply(GET_VRING_BASE)?;
        }
        Ok(())
    }

    pub(crate) fn stop_all(&mut self) -> io::Result<()> {
        (0..self.lines.len()).try_for_each(|index| self.stop(index))
    }

    /// Wakes the backend.
    pub(crate) fn kick(&self, index: usize) -> io::Result<()> {
        if let Some(Some(line)) = self.lines.get(index) {
            rustix::io::write(&line.kick, &1u64.to_ne_bytes())?;
        }
        Ok(())
    }

    /// The running queues' ends on which the backend calls.
    pub(crate) fn calls(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.lines.iter().flatten().map(|line| line.call.as_fd())
    }

    /// Whether the backend called since the last time.
    pub(crate) fn called(&self) -> bool {
        let mut number = [0; 8];
        self.calls()
            .filter(|call| rustix::io::read(call, &mut number).is_ok())
            .count()
            != 0
    }

    pub(crate) fn config(&mut self, offset: u32, size: u32) -> io::Result<Vec<u8>> {
        if self.protocol & CONFIG == 0 {
            return Ok(vec![0; size as usize]);
        }
        let mut message = config_header(offset, size);
        message.resize(message.len() + size as usize, 0);
        self.send(GET_CONFIG, &message, &[], false)?;
        let reply = self.reply(GET_CONFIG)?;
        // An empty answer is the backend's refusal.
        let mut bytes = reply.get(12..).unwrap_or_default().to_vec();
        bytes.resize(size as usize, 0);
        Ok(bytes)
    }

    pub(crate) fn set_config(&mut self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        if self.protocol & CONFIG == 0 {
            return Ok(());
        }
        let mut message = config_header(offset, bytes.len() as u32);
        message.extend(bytes);
        // A driver's mistake, which the backend may refuse; the connection goes on.
        self.send(SET_CONFIG, &message, &[], true)?;
        if self.protocol & REPLY_ACK != 0 {
            self.reply(SET_CONFIG)?;
        }
        Ok(())
    }

    fn number(&mut self, request: u32) -> io::Result<u64> {
        self.send(request, &[], &[], false)?;
        as_number(&self.reply(request)?)
    }

    /// Sends, and waits until it is done where the backend can say so.
    fn tell(&mut self, request: u32, body: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send(request, body, files, true)?;
        if self.protocol & REPLY_ACK != 0 && as_number(&self.reply(request)?)? != 0 {
            return Err(io::Error::other(format!(
                "the backend refuses request {request}"
            )));
        }
        Ok(())
    }

    fn send(
        &mut self,
        request: u32,
        body: &[u8],
        files: &[BorrowedFd<'_>],
        acknowledged: bool,
    ) -> io::Result<()> {
        let wanted = acknowledged && self.protocol & REPLY_ACK != 0;
        let flags = VERSION | if wanted { NEED_REPLY } else { 0 };
        let header = [request, flags, body.len() as u32]
            .map(u32::to_ne_bytes)
            .concat();
        let message = [header.as_slice(), body].concat();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(32))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let sent = sendmsg(
            &self.stream,
            &[IoSlice::new(&message)],
            &mut control,
            SendFlags::NOSIGNAL,
        )?;
        self.stream
            .write_all(message.get(sent..).unwrap_or_default())
    }

    fn reply(&mut self, request: u32) -> io::Result<Vec<u8>> {
        let mut header = [0; 12];
        self.stream.read_exact(&mut header)?;
        let (words, _) = header.as_chunks();
        let mut words = words.iter().map(|word| u32::from_ne_bytes(*word));
        let mut word = || words.next().unwrap_or_default();
        let (answered, flags, len) = (word(), word(), word());
        if answered != request || flags & REPLY == 0 || len > MAX_REPLY {
            return Err(io::Error::other(format!("no answer to request {request}")));
        }
        let mut body = vec![0; len as usize];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}

/// Readable when the backend is gone: it says nothing unasked.
impl AsFd for Backend {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn as_number(body: &[u8]) -> io::Result<u64> {
    let number = body.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn pair(first: u32, second: u32) -> [u8; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    [a, b, c, d, e, f, g, h]
}

fn config_header(offset: u32, size: u32) -> Vec<u8> {
    [offset, size, 0].map(u32::to_ne_bytes).concat()
}

fn table(regions: &[(Region, BorrowedFd<'_>)], domain: u16) -> Vec<u8> {
    let mut message = pair(regions.len() as u32, 0).to_vec();
    for (region, _) in regions {
        let fields = [region.start, region.size, region.start, 0];
        message.extend(fields.iter().flat_map(|field| field.to_ne_bytes()));
        message.extend(pair(region.flags, domain.into()));
    }
    message
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::thread::{JoinHandle, spawn};

    type Said = Vec<(u32, Vec<u8>)>;

    pub(crate) fn served(protocol: u64) -> (io::Result<Backend>, JoinHandle<Said>) {
        let (near, far) = UnixStream::pair().unwrap();
        let thread = answer(far, protocol);
        (Backend::over(near), thread)
    }

    /// A backend that answers as a xen build does, until the connection ends; what it was told.
    pub(crate) fn answer(mut far: UnixStream, protocol: u64) -> JoinHandle<Said> {
        far.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        spawn(move || {
            let mut said = Vec::new();
            let mut header = [0; 12];
            while far.read_exact(&mut header).is_ok() {
                let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
                let (request, flags) = (word(0), word(4));
                let mut body = vec![0; word(8) as usize];
                far.read_exact(&mut body).unwrap();
                let answer = match request {
                    GET_FEATURES => (PROTOCOL_FEATURES | LOG_ALL | 1).to_ne_bytes().to_vec(),
                    GET_PROTOCOL_FEATURES => protocol.to_ne_bytes().to_vec(),
                    GET_QUEUE_NUM => 3u64.to_ne_bytes().to_vec(),
                    GET_VRING_BASE => body.clone(),
                    GET_CONFIG => [&body[..12], b"abcd"].concat(),
                    _ if flags & NEED_REPLY != 0 => 0u64.to_ne_bytes().to_vec(),
                    _ => Vec::new(),
                };
                if !answer.is_empty() {
                    let header = [request, VERSION | REPLY, answer.len() as u32];
                    let header = header.map(u32::to_ne_bytes).concat();
                    far.write_all(&[header, answer].concat()).unwrap();
                }
                said.push((request, body));
            }
            said
        })
    }

    pub(crate) const ALL: u64 = MQ | REPLY_ACK | CONFIG | XEN_MMAP;

    #[test]
    fn a_backend_not_built_for_xen_is_refused() {
        let (backend, _) = served(MQ | CONFIG);

        let error = backend.unwrap_err();

        assert!(error.to_string().contains("XEN_MMAP"), "{error}");
    }

    #[test]
    fn the_guest_is_not_offered_what_is_between_frontend_and_backend() {
        let (backend, _) = served(ALL);

        let backend = backend.unwrap();

        assert_eq!((backend.features(), backend.queues()), (1, 3));
    }

    #[test]
    fn a_start_announces_memory_with_its_xen_part_then_the_queue() {
        let (backend, server) = served(ALL);
        let mut backend = backend.unwrap();
        let region = Region {
            start: 0x1000,
            size: 0x2000,
            flags: 1,
        };
        let queue = Queue {
            size: 8,
            ready: true,
            descriptors: 0x1000,
            available: 0x1800,
            used: 0x2000,
        };
        let file = std::fs::File::open("/dev/null").unwrap();

        backend
            .start(
                1,
                &[(region, file.as_fd())],
                5,
                &[Queue::default(), queue],
                |_| Ok(7),
            )
            .unwrap();
        backend.stop_all().unwrap();
        drop(backend);

        let said = server.join().unwrap();
        let of = |request| &said.iter().find(|(kind, _)| *kind == request).unwrap().1;
        let numbers = [0x1000u64, 0x2000, 0x1000, 0]
            .map(u64::to_ne_bytes)
            .concat();
        assert_eq!(
            *of(SET_MEM_TABLE),
            [&pair(1, 0)[..], &numbers, &pair(1, 5)].concat()
        );
        assert_eq!(*of(SET_VRING_BASE), pair(1, 7));
        assert_eq!(*of(GET_VRING_BASE), pair(1, 0));
        assert_eq!(
            said.iter()
                .filter(|(kind, _)| *kind == SET_VRING_KICK)
                .count(),
            1
        );
    }

    #[test]
    fn a_queue_that_was_stopped_is_not_asked_for_again() {
        let (backend, server) = served(ALL);
        let mut backend = backend.unwrap();
        let queue = Queue {
            size: 8,
            ready: true,
            ..Queue::default()
        };
        backend.start(1, &[], 5, &[queue], |_| Ok(0)).unwrap();

        backend.stop(0).unwrap();
        backend.stop_all().unwrap();
        backend.kick(0).unwrap();

        assert_eq!(backend.calls().count(), 0);
        drop(backend);
        let said = server.join().unwrap();
        let stops = said.iter().filter(|(kind, _)| *kind == GET_VRING_BASE);
        assert_eq!(stops.count(), 1);
    }

    #[test]
    fn a_queue_whose_place_cannot_be_read_is_not_started() {
        let (backend, server) = served(ALL);
        let mut backend = backend.unwrap();
        let queue = Queue {
            size: 8,
            ready: true,
            ..Queue::default()
        };

        let result = backend.start(1, &[], 5, &[queue], |_| Err(io::ErrorKind::Other.into()));

        assert!(result.is_err());
        drop(backend);
        let said = server.join().unwrap();
        assert!(said.iter().all(|(kind, _)| *kind != SET_VRING_KICK));
    }

    #[test]
    fn a_backend_that_ends_the_connection_is_an_error_and_no_wait() {
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);

        assert!(Backend::over(near).is_err());
    }

    #[test]
    fn what_a_driver_configures_is_sent_with_its_place() {
        let (backend, server) = served(ALL);
        let mut backend = backend.unwrap();

        backend.set_config(4, b"xy").unwrap();

        drop(backend);
        let said = server.join().unwrap();
        let (_, body) = said.iter().find(|(kind, _)| *kind == SET_CONFIG).unwrap();
        assert_eq!(*body, [config_header(4, 2).as_slice(), b"xy"].concat());
    }

    #[test]
    fn configuration_is_asked_of_the_backend() {
        let (backend, _) = served(ALL);

        assert_eq!(backend.unwrap().config(8, 4).unwrap(), b"abcd");
    }

    #[test]
    fn configuration_reads_as_zero_where_the_backend_has_none() {
        let (backend, _) = served(XEN_MMAP);

        assert_eq!(backend.unwrap().config(8, 4).unwrap(), [0; 4]);
    }
}
