// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Answers requests for random bytes.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::rand::GetRandomFlags;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use virtio_device::{Chain, Interest, Queue, Queues, Sources, Token, Worker};

use crate::Source;
use crate::quota::{Grant, Share};

const REQUESTS: u16 = 0;

/// A driver may ask for 4 GiB in one request; this is what it gets of it. The rest of the buffer
/// stays unwritten, which the specification allows.
const MAX_REQUEST: u64 = 64 * 1024;

/// Random bytes are fetched ahead, so that a request does not cost a system call each, and a driver
/// that waits for one answer does not wait for the generator. Half of a common first-level cache:
/// what is copied out of it costs less than the system calls it saves. What a request asks for
/// beyond it goes straight to the guest.
const POOL: usize = 16 * 1024;

/// While the pool is filled ahead, new requests are looked for after so many bytes: a few
/// microseconds' worth.
const STEP: usize = 1024;

/// How soon a source that cannot be waited for (/dev/hwrng, for one) is asked again when it had
/// nothing.
const RETRY: Duration = Duration::from_millis(5);

const TIMER: Token = Token(0);
const FILE: Token = Token(1);

/// The one worker of an entropy device.
#[derive(Debug)]
pub struct RngWorker {
    entropy: Entropy,
    share: Option<Arc<Share>>,
    timer: OwnedFd,
    /// With the file in it, if it is one that can be waited for.
    sources: Option<Sources>,
}

#[derive(Debug)]
enum Entropy {
    Kernel(Box<Pool>),
    File(File),
}

/// What became of one request.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It has what it gets.
    Answered,
    /// The source has nothing at the moment.
    Later,
}

impl RngWorker {
    pub(crate) fn new(source: &Source, share: Option<Arc<Share>>) -> io::Result<Self> {
        let entropy = match source.another()? {
            Source::Kernel => Entropy::Kernel(Box::default()),
            Source::File(file) => Entropy::File(file),
        };
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self {
            entropy,
            share,
            timer: timerfd_create(TimerfdClockId::Monotonic, flags)?,
            sources: None,
        })
    }

    fn serve(&mut self, queue: &mut Queue) {
        while let Some(mut request) = queue.pop() {
            let room = request.writable_len().min(MAX_REQUEST);
            if room == 0 {
                request.warn(format_args!(
                    "a request for random bytes without room for any"
                ));
                queue.complete(request);
                continue;
            }
            let granted = match self.share.as_ref().map(|share| share.take(room)) {
                None => room,
                Some(Grant::Bytes(bytes)) => bytes,
                Some(Grant::Wait(left)) => {
                    self.arm_timer(left);
                    keep(queue, request);
                    break;
                }
            };
            let outcome = self.entropy.answer(&mut request, granted);
            if let Some(share) = &self.share {
                share.give_back(granted - request.written());
            }
            if outcome == Outcome::Later {
                keep(queue, request);
                if !self.watch_file(Interest::Readable) {
                    self.arm_timer(RETRY);
                }
                break;
            }
            queue.complete(request);
        }
        if let Entropy::Kernel(pool) = &mut self.entropy {
            // The driver gets its answers first, and does not wait if it wants more meanwhile.
            queue.flush();
            while pool.refill(STEP) && !queue.has_news() {}
        }
    }

    fn arm_timer(&self, left: Duration) {
        // A zero would disarm it.
        let left = left.max(Duration::from_micros(100));
        let timer = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(left).unwrap_or_default(),
        };
        if let Err(errno) = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer) {
            log::error!("cannot arm the quota's timer: {errno}");
        }
    }

    /// Returns false if the file cannot be waited for.
    fn watch_file(&self, interest: Interest) -> bool {
        match (&self.entropy, &self.sources) {
            (Entropy::File(file), Some(sources)) => sources.modify(file, interest, FILE).is_ok(),
            _ => false,
        }
    }
}

/// Leaves the request in the ring, where a reset or a migration finds it.
fn keep(queue: &mut Queue, request: Chain) {
    if let Err(request) = queue.put_back(request) {
        // Requests are taken one at a time, so this one was the last.
        queue.complete(request);
    }
}

/// A source that fails is the host's trouble; a page that the frontend took away is not the source's.
fn warn(request: &Chain, source: &str, error: &io::Error) {
    if error.raw_os_error() == Some(rustix::io::Errno::FAULT.raw_os_error()) {
        request.warn(format_args!("the guest's buffer is no longer there"));
    } else {
        request.warn(format_args!("{source} cannot be read: {error}"));
    }
}

impl Entropy {
    fn answer(&mut self, request: &mut Chain, bytes: u64) -> Outcome {
        match self {
            Self::Kernel(pool) => {
                pool.answer(request, bytes);
                Outcome::Answered
            }
            Self::File(file) => loop {
                return match request.fill_from(&*file, None, bytes) {
                    Ok(0) => {
                        request.warn(format_args!("the entropy source is at its end"));
                        Outcome::Answered
                    }
                    Ok(_) => Outcome::Answered,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Outcome::Later,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => {
                        warn(request, "the entropy source", &error);
                        Outcome::Answered
                    }
                };
            },
        }
    }
}

impl Worker for RngWorker {
    fn sources(&mut self, sources: &mut Sources) -> io::Result<()> {
        sources.add(&self.timer, Interest::Readable, TIMER)?;
        if let Entropy::File(file) = &self.entropy {
            match sources.add(file, Interest::None, FILE) {
                Ok(()) => self.sources = Some(sources.clone()),
                // A regular file, which always has something, or a device without poll.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn kicked(&mut self, _queue: u16, queues: &mut Queues<'_>) {
        if let Some(queue) = queues.get(REQUESTS) {
            self.serve(queue);
        }
    }

    fn ready(&mut self, token: Token, queues: &mut Queues<'_>) {
        match token {
            TIMER => {
                let _ = rustix::io::read(&self.timer, &mut [0; 8]);
            }
            _ => {
                self.watch_file(Interest::None);
            }
        }
        if let Some(queue) = queues.get(REQUESTS) {
            self.serve(queue);
        }
    }
}

/// Bytes of the kernel's generator, fetched ahead. Each is handed out once and then wiped.
struct Pool {
    bytes: [u8; POOL],
    /// Those from here on are still good.
    next: usize,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            bytes: [0; POOL],
            next: POOL,
        }
    }
}

impl Pool {
    fn answer(&mut self, request: &mut Chain, bytes: u64) {
        let mut wanted = bytes as usize;
        loop {
            let take = wanted.min(POOL - self.next);
            let end = self.next + take;
            request.write(&self.bytes[self.next..end]);
            self.bytes[self.next..end].fill(0);
            self.next = end;
            wanted -= take;
            if wanted == 0 {
                return;
            }
            if wanted >= POOL {
                if let Err(error) = request.fill_random(wanted as u64) {
                    warn(request, "the kernel's generator", &error);
                }
                return;
            }
            self.refill(POOL);
            if self.next == POOL {
                return;
            }
        }
    }

    /// Fetches up to `max` bytes of what was handed out. Returns whether there is room for more.
    /// On an error the pool stays as it is, and the next request tries again.
    fn refill(&mut self, max: usize) -> bool {
        // Right before the good bytes, so that those stay in one piece.
        let mut start = self.next.saturating_sub(max);
        let end = self.next;
        while start < end {
            match rustix::rand::getrandom(&mut self.bytes[start..end], GetRandomFlags::empty()) {
                // Whatever is missing is missing at the end.
                Ok(filled) if filled < end - start => {
                    self.bytes.copy_within(start..start + filled, end - filled);
                    start = end - filled;
                    break;
                }
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => {
                    log::error!("the kernel has no random bytes: {errno}");
                    return false;
                }
            }
        }
        self.next = start;
        start > 0
    }
}
