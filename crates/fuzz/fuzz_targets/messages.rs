// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A frontend that sends anything, with any descriptors, to a daemon in this process.
//!
//! The first byte of the input chooses the device; then come steps: a message, a kick, bytes
//! written into the guest's memory, that memory cut short. Each execution has a daemon, a socket pair
//! and memory of its own, and ends when the daemon has hung up and let go of everything.

#![no_main]

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recv, sendmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use vhost_device_rng::{Rng, Source};
use vhost_device_template::Template;
use vhost_user_daemon::{Endpoint, Serving, Shutdown};
use virtio_device::Device;

/// One execution must end soon.
const MAX_STEPS: usize = 64;
/// Each costs time when nothing comes.
const MAX_WAITS: usize = 4;
const WAIT: Duration = Duration::from_millis(2);
/// What hangs longer is a fault, even on a loaded machine under an emulator.
const PATIENCE: Duration = Duration::from_secs(20);

const MEMORY: u64 = 0x1_0000;
const SHORT: u64 = 0x800;
const MAX_FDS: usize = 34;

/// How often the descriptors of this process are counted, and how many more there may be: a thread
/// may still be on its way out.
const CENSUS: u32 = 256;
const SLACK: usize = 64;

thread_local! {
    static RUNS: Cell<u32> = const { Cell::new(0) };
    static DESCRIPTORS: Cell<usize> = const { Cell::new(0) };
}

fn memfd(len: u64) -> File {
    let file = File::from(memfd_create("fuzz", MemfdFlags::CLOEXEC).expect("a file in memory"));
    file.set_len(len).expect("its length");
    file
}

/// All that a frontend can give away.
struct Frontend {
    socket: UnixStream,
    memory: File,
    short: File,
    kick: OwnedFd,
    call: OwnedFd,
    null: File,
    /// The ends that stay here.
    peers: Vec<OwnedFd>,
    gone: bool,
}

impl Frontend {
    fn new(socket: UnixStream) -> Self {
        let event =
            || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).expect("an eventfd");
        Self {
            socket,
            memory: memfd(MEMORY),
            short: memfd(SHORT),
            kick: event(),
            call: event(),
            null: File::open("/dev/null").expect("/dev/null"),
            peers: Vec::new(),
            gone: false,
        }
    }

    fn message(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let request: u8 = u.arbitrary()?;
        // The lower bits are those of the header, where a sane message has version 1.
        let flags: u8 = u.arbitrary()?;
        let count: u8 = u.arbitrary()?;
        let len: u8 = u.arbitrary()?;
        let mut header_len = u32::from(len);
        if flags & 0x80 != 0 {
            header_len = u.arbitrary()?;
        }
        let request = match flags & 0x40 {
            0 => u32::from(request),
            _ => u32::from(request) << 24,
        };
        let payload = u.bytes(usize::from(len).min(u.len()))?;
        let mut bytes = Vec::with_capacity(12 + payload.len());
        bytes.extend(request.to_ne_bytes());
        bytes.extend(u32::from((flags & 0x3f) ^ 1).to_ne_bytes());
        bytes.extend(header_len.to_ne_bytes());
        bytes.extend(payload);

        let mut made: Vec<OwnedFd> = Vec::new();
        let mut kinds = Vec::new();
        for _ in 0..usize::from(count).min(MAX_FDS) {
            let kind: u8 = u.arbitrary()?;
            kinds.push(kind & 7);
            match kind & 7 {
                5 => {
                    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
                    self.peers.push(ours.into());
                    made.push(theirs.into());
                }
                6 => {
                    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
                    let state = u.bytes(usize::from(kind >> 3).min(u.len()))?;
                    File::from(writer)
                        .write_all(state)
                        .expect("a pipe takes this");
                    made.push(reader);
                }
                7 => {
                    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
                    self.peers.push(reader);
                    made.push(writer);
                }
                _ => {}
            }
        }
        let mut made_fds = made.iter();
        let fds: Vec<BorrowedFd<'_>> = kinds
            .iter()
            .filter_map(|kind| match kind {
                0 => Some(self.memory.as_fd()),
                1 => Some(self.short.as_fd()),
                2 => Some(self.kick.as_fd()),
                3 => Some(self.call.as_fd()),
                4 => Some(self.null.as_fd()),
                _ => made_fds.next().map(AsFd::as_fd),
            })
            .collect();
        self.gone |= !send(&self.socket, &bytes, &fds);
        Ok(())
    }

    fn step(&mut self, u: &mut Unstructured<'_>, waits: &mut usize) -> Result<()> {
        let step: u8 = u.arbitrary()?;
        match step & 7 {
            0..=3 => self.message(u)?,
            4 => {
                let _ = rustix::io::write(&self.kick, &1u64.to_ne_bytes());
            }
            5 => {
                let at = u64::from(u.arbitrary::<u16>()?);
                let bytes = u.bytes(usize::from(step >> 3).min(u.len()))?;
                self.memory.write_at(bytes, at).expect("a file in memory");
            }
            6 => {
                let len = u64::from(u.arbitrary::<u8>()?) << 9;
                self.memory.set_len(len).expect("a file in memory");
            }
            _ if *waits < MAX_WAITS => {
                *waits += 1;
                readable(&self.call, WAIT);
                let _ = rustix::io::read(&self.call, &mut [0; 8]);
            }
            _ => {}
        }
        Ok(())
    }
}

fn readable(fd: &impl AsFd, timeout: Duration) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)];
    let timeout = Timespec::try_from(timeout).expect("short");
    poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready > 0)
}

/// Sends all, and takes what the daemon answers meanwhile. False once the daemon has hung up.
fn send(socket: &UnixStream, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> bool {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
    }
    let start = Instant::now();
    let mut done = 0;
    while done < bytes.len() {
        let part = [IoSlice::new(&bytes[done..])];
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match sendmsg(socket, &part, &mut control, flags) {
            Ok(sent) => {
                done += sent;
                control.clear();
            }
            Err(Errno::AGAIN) => {
                assert!(
                    start.elapsed() < PATIENCE,
                    "the daemon takes no more messages"
                );
                readable(socket, WAIT);
            }
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
        if !drain(socket) {
            return false;
        }
    }
    true
}

/// Takes the daemon's answers. False at their end.
fn drain(socket: &UnixStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match recv(socket, &mut bytes, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
}

fn run<D: Device>(device: D, u: &mut Unstructured<'_>) {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    let shutdown = Shutdown::new().expect("an eventfd");
    let endpoint = Endpoint::Connected(theirs);
    let serving =
        Serving::start(vec![device], vec![endpoint], Duration::ZERO, &shutdown).expect("threads");
    let mut frontend = Frontend::new(ours);
    let mut waits = 0;
    for _ in 0..MAX_STEPS {
        if frontend.gone || u.is_empty() || frontend.step(u, &mut waits).is_err() {
            break;
        }
    }
    // The daemon reads to the end, or has refused something on its way there.
    let _ = frontend.socket.shutdown(std::net::Shutdown::Write);
    let start = Instant::now();
    while drain(&frontend.socket) {
        assert!(
            start.elapsed() < PATIENCE,
            "the daemon holds a dead connection"
        );
        readable(&frontend.socket, PATIENCE);
    }
    assert!(serving.stop(), "the daemon cannot end");
}

/// Descriptors that an execution leaves behind would be a leak that any frontend can cause.
fn census() {
    let runs = RUNS.get().wrapping_add(1);
    RUNS.set(runs);
    if !runs.is_multiple_of(CENSUS) {
        return;
    }
    let count = fs::read_dir(Path::new("/proc/self/fd")).map_or(0, Iterator::count);
    match DESCRIPTORS.get() {
        0 => DESCRIPTORS.set(count),
        first => assert!(count <= first + SLACK, "{first} descriptors became {count}"),
    }
}

fuzz_target!(|data: &[u8]| {
    let u = &mut Unstructured::new(data);
    match u.arbitrary::<u8>().unwrap_or(0) & 1 {
        0 => {
            let source = Source::open(Path::new("/dev/urandom")).expect("/dev/urandom");
            run(Rng::new(source), u);
        }
        _ => run(Template::new(4096), u),
    }
    census();
});
