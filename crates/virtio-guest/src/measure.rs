// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Request loads for any daemon, and what they cost.
//!
//! The driver here must never be what is measured: buffers and descriptors are laid out once and
//! posted again and again, with no allocation and no copy per request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering, fence},
    },
    time::{Duration, Instant},
};

use crate::{
    Arena, DESC_NEXT, DESC_WRITE, Descriptor, Error, Guest, Process, Resident, Signal,
    ring::crossed,
};

/// What the driver does while there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Sleeps on the call descriptor, as a real guest does.
    Sleep,
    /// Looks at the used ring all the time, and asks for no interrupts.
    Poll,
}

/// A load: equal requests, a number of them always in flight.
#[derive(Clone, Debug)]
pub struct Load {
    /// Queue number.
    pub queue: u16,
    /// Contents of the device-readable buffers of each request.
    pub readable: Vec<Vec<u8>>,
    /// Lengths of the device-writable buffers of each request.
    pub writable: Vec<usize>,
    /// Requests in flight.
    pub depth: u16,
    /// Requests that are counted.
    pub requests: u64,
    /// Requests before those.
    pub warm_up: u64,
    /// Sleeping or polling.
    pub wait: Wait,
    /// With [`Wait::Sleep`] and EVENT_IDX: how many used buffers one interrupt may wait for.
    pub coalesce: u16,
    /// Called before each request with its number, to change its first device-readable buffer: for
    /// devices with addresses, where the same one again and again means nothing.
    pub rewrite: Option<fn(u64, &mut [u8])>,
}

impl Default for Load {
    /// One 64-byte read at a time, sleeping.
    fn default() -> Self {
        Self {
            queue: 0,
            readable: Vec::new(),
            writable: vec![64],
            depth: 1,
            requests: 10_000,
            warm_up: 1_000,
            wait: Wait::Sleep,
            coalesce: 1,
            rewrite: None,
        }
    }
}

/// Round-trip times, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips(Vec<u32>);

impl RoundTrips {
    /// The time below which `fraction` (0 to 1) of all lie.
    pub fn quantile(&self, fraction: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        let at = (last as f64 * fraction.clamp(0.0, 1.0)).round() as usize;
        Duration::from_nanos(self.0.get(at).copied().unwrap_or(0).into())
    }

    /// Half of all took less.
    pub fn median(&self) -> Duration {
        self.quantile(0.5)
    }

    /// How many were timed.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many took at least `2^i` but less than `2^(i+1)` nanoseconds, for each `i` up to the
    /// longest.
    pub fn histogram(&self) -> Vec<u64> {
        let mut out = Vec::new();
        for nanos in &self.0 {
            let class = nanos.max(&1).ilog2() as usize;
            if out.len() <= class {
                out.resize(class + 1, 0);
            }
            out[class] += 1;
        }
        out
    }
}

/// What a load took.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Requests that were answered.
    pub requests: u64,
    /// Bytes that the device said it wrote.
    pub written: u64,
    /// Bytes that the device was given to read.
    pub read: u64,
    /// Time between the first and the last.
    pub elapsed: Duration,
    /// Each request's own time, at depth 1.
    pub round_trips: Option<RoundTrips>,
    /// Kicks that the driver sent.
    pub kicks: u64,
    /// Times that the driver was woken.
    pub interrupts: u64,
    /// The daemon's time on a CPU.
    pub daemon_cpu: Option<Duration>,
    /// The daemon's memory afterwards.
    pub resident: Option<Resident>,
}

impl Figures {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// Bytes a second, both directions.
    pub fn bytes_per_second(&self) -> f64 {
        (self.written + self.read) as f64 / self.elapsed.as_secs_f64()
    }

    /// The daemon's CPU time for one request.
    pub fn cpu_per_request(&self) -> Option<Duration> {
        let nanos = self.daemon_cpu?.as_nanos() as u64;
        Some(Duration::from_nanos(nanos / self.requests.max(1)))
    }
}

/// Runs a load. `daemon` is looked at before and after, if given.
///
/// The queue is set up anew before and after, so nothing may be in flight.
pub fn run(guest: &mut Guest, load: &Load, daemon: Option<&Process>) -> Result<Figures, Error> {
    let timeout = guest.frontend().timeout();
    let index = load.queue;
    guest.stop_queue(index)?;
    guest.queue(index).reset()?;
    // Blocking, so that a sleep is one system call; the watchdog below bounds it.
    let call = Arc::new(Signal::blocking_eventfd()?);
    let theirs = duplicate(&call)?;
    guest.queue(index).set_call_signal(theirs);
    guest.start_queue(index, 0)?;

    let mut driver = Driver::new(guest, load, call.clone())?;
    let watchdog = Watchdog::start(
        driver.progress.clone(),
        driver.expired.clone(),
        call,
        timeout,
    );
    let figures = driver.measure(load, daemon);
    drop(watchdog);
    for addr in driver.buffers {
        guest.arena().free(addr);
    }
    let figures = figures?;
    guest.renew_queue(index)?;
    Ok(figures)
}

/// Puts `load` on each of `queues` at once, from one thread that polls; [`Load::queue`] and
/// [`Load::wait`] are not looked at. The figures are those of all together.
pub fn run_queues(
    guest: &mut Guest,
    load: &Load,
    queues: &[u16],
    daemon: Option<&Process>,
) -> Result<Figures, Error> {
    let timeout = guest.frontend().timeout();
    let mut drivers = Vec::new();
    for &queue in queues {
        guest.renew_queue(queue)?;
        let load = Load {
            queue,
            wait: Wait::Poll,
            ..load.clone()
        };
        let call = Arc::new(Signal::blocking_eventfd()?);
        let driver = Driver::new(guest, &load, call)?;
        for slot in 0..driver.depth {
            driver.set_avail_entry(slot, slot * driver.parts);
        }
        drivers.push(driver);
    }
    let figures = measure_queues(&mut drivers, load, daemon, timeout);
    for (driver, &queue) in drivers.into_iter().zip(queues) {
        guest.stop_queue(queue)?;
        for addr in driver.buffers {
            guest.arena().free(addr);
        }
        guest.renew_queue(queue)?;
    }
    figures
}

fn measure_queues(
    drivers: &mut [Driver],
    load: &Load,
    daemon: Option<&Process>,
    timeout: Duration,
) -> Result<Figures, Error> {
    poll_all(drivers, load.warm_up, timeout)?;
    for driver in drivers.iter_mut() {
        (driver.kicks, driver.written) = (0, 0);
    }
    let cost = Cost::of(daemon, || poll_all(drivers, load.requests, timeout))?;
    let requests = load.requests * drivers.len() as u64;
    Ok(Figures {
        requests,
        written: drivers.iter().map(|driver| driver.written).sum(),
        read: requests * drivers.first().map_or(0, |driver| driver.readable),
        elapsed: cost.elapsed,
        round_trips: None,
        kicks: drivers.iter().map(|driver| driver.kicks).sum(),
        interrupts: 0,
        daemon_cpu: cost.daemon_cpu,
        resident: cost.resident,
    })
}

/// What both kinds of loads are measured by.
struct Cost {
    elapsed: Duration,
    daemon_cpu: Option<Duration>,
    resident: Option<Resident>,
}

impl Cost {
    fn of(
        daemon: Option<&Process>,
        load: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let unreadable = || Error::os("cannot read /proc");
        let cpu_time = || daemon.map(Process::cpu_time).transpose();
        let before = cpu_time().map_err(unreadable())?;
        let start = Instant::now();
        load()?;
        let elapsed = start.elapsed();
        let after = cpu_time().map_err(unreadable())?;
        let resident = daemon.map(Process::resident).transpose();
        Ok(Self {
            elapsed,
            daemon_cpu: after
                .zip(before)
                .map(|(after, before)| after.saturating_sub(before)),
            resident: resident.map_err(unreadable())?,
        })
    }
}

/// `count` requests through each queue.
fn poll_all(drivers: &mut [Driver], count: u64, timeout: Duration) -> Result<(), Error> {
    let mut batches: Vec<_> = drivers.iter_mut().map(|d| d.begin(count)).collect();
    let mut last = Instant::now();
    loop {
        let (mut moved, mut open) = (false, None);
        for (driver, batch) in drivers.iter_mut().zip(&mut batches) {
            if batch.done == batch.count {
                continue;
            }
            open = Some(driver.queue);
            if driver.advance(batch)? {
                moved = true;
            } else {
                driver.want_no_interrupt();
            }
        }
        let Some(queue) = open else {
            return Ok(());
        };
        if moved {
            last = Instant::now();
        } else if last.elapsed() >= timeout {
            return Err(Error::Timeout {
                what: format!("a used buffer of queue {queue}"),
                timeout,
            });
        } else {
            std::thread::yield_now();
        }
    }
}

fn duplicate(signal: &Signal) -> Result<Signal, Error> {
    let clone = || signal.theirs().try_clone_to_owned();
    let ours = clone().map_err(Error::os("cannot duplicate an eventfd"))?;
    let theirs = clone().map_err(Error::os("cannot duplicate an eventfd"))?;
    Ok(Signal::from_fds(Some(ours), theirs))
}

/// Wakes a driver that makes no progress.
struct Watchdog {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watchdog {
    fn start(
        progress: Arc<AtomicU64>,
        expired: Arc<AtomicBool>,
        call: Arc<Signal>,
        timeout: Duration,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = progress.load(Ordering::Relaxed);
            let mut since = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                std::thread::park_timeout(timeout);
                let now = progress.load(Ordering::Relaxed);
                if now != seen {
                    seen = now;
                    since = Instant::now();
                } else if since.elapsed() >= timeout {
                    expired.store(true, Ordering::Relaxed);
                    call.ring();
                    return;
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Requests on their way through a queue.
struct Batch {
    count: u64,
    posted: u64,
    done: u64,
    /// Heads that rest at the end of a run lie behind the index, in order, for the next one.
    resting: u16,
}

struct Driver {
    /// Keeps the mappings below alive.
    _arena: Arc<Arena>,
    buffers: Vec<u64>,
    avail: *mut u8,
    used: *mut u8,
    mask: u16,
    size: usize,
    event_idx: bool,
    parts: u16,
    depth: u16,
    readable: u64,
    wait: Wait,
    coalesce: u16,
    rewrite: Option<fn(u64, &mut [u8])>,
    /// What [`Load::rewrite`] works on, how often it was called, and where it goes, by slot.
    template: Vec<u8>,
    rewritten: u64,
    first_buffers: Vec<*mut u8>,

    kick: Signal,
    call: Arc<Signal>,
    next_avail: u16,
    seen: u16,
    kicks: u64,
    interrupts: u64,
    written: u64,
    progress: Arc<AtomicU64>,
    expired: Arc<AtomicBool>,
    queue: u16,
    timeout: Duration,
}

impl Driver {
    fn new(guest: &mut Guest, load: &Load, call: Arc<Signal>) -> Result<Self, Error> {
        let timeout = guest.frontend().timeout();
        let arena = guest.arena().clone();
        let queue = guest.queue(load.queue);
        let parts = load.readable.len() + load.writable.len();
        if parts == 0 || load.depth == 0 || parts * usize::from(load.depth) > queue.size().into() {
            return Err(Error::NoRoom(format!(
                "{} requests of {parts} descriptors in a queue of {}",
                load.depth,
                queue.size()
            )));
        }
        let mut buffers = Vec::new();
        let mut first_buffers = Vec::new();
        let template = load.readable.first().cloned().unwrap_or_default();
        for slot in 0..load.depth {
            let first = slot * parts as u16;
            let mut left = parts;
            let lengths = load
                .readable
                .iter()
                .map(|bytes| (bytes.len(), Some(bytes)))
                .chain(load.writable.iter().map(|&len| (len, None)));
            for (entry, (len, contents)) in (first..).zip(lengths) {
                let addr = arena.alloc(len, 64)?;
                buffers.push(addr);
                if let Some(bytes) = contents {
                    arena.write(addr, bytes)?;
                }
                if entry == first {
                    first_buffers.push(arena.host(addr, len)?.as_ptr());
                }
                left -= 1;
                let more = if left > 0 { DESC_NEXT } else { 0 };
                let write = if contents.is_none() { DESC_WRITE } else { 0 };
                queue.write_descriptor(
                    entry,
                    Descriptor {
                        addr,
                        len: len as u32,
                        flags: more | write,
                        next: if left > 0 { entry + 1 } else { 0 },
                    },
                )?;
            }
        }
        let size = usize::from(queue.size());
        let ring = queue.ring();
        Ok(Self {
            avail: arena.host(ring.available, 6 + 2 * size)?.as_ptr(),
            used: arena.host(ring.used, 6 + 8 * size)?.as_ptr(),
            mask: queue.size() - 1,
            size,
            event_idx: queue.event_idx(),
            parts: parts as u16,
            depth: load.depth,
            readable: load.readable.iter().map(|bytes| bytes.len() as u64).sum(),
            wait: load.wait,
            coalesce: load.coalesce.clamp(1, load.depth),
            rewrite: load.rewrite,
            template,
            rewritten: 0,
            first_buffers,
            kick: duplicate(queue.kick_signal())?,
            call,
            next_avail: 0,
            seen: 0,
            kicks: 0,
            interrupts: 0,
            written: 0,
            progress: Arc::default(),
            expired: Arc::default(),
            queue: load.queue,
            timeout,
            buffers,
            _arena: arena,
        })
    }

    fn measure(&mut self, load: &Load, daemon: Option<&Process>) -> Result<Figures, Error> {
        for slot in 0..self.depth {
            self.set_avail_entry(slot, slot * self.parts);
        }
        self.run(load.warm_up, None)?;
        (self.kicks, self.interrupts, self.written) = (0, 0, 0);
        let mut times = (self.depth == 1).then(|| Vec::with_capacity(load.requests as usize));
        let cost = Cost::of(daemon, || self.run(load.requests, times.as_mut()))?;
        Ok(Figures {
            requests: load.requests,
            written: self.written,
            read: self.readable * load.requests,
            elapsed: cost.elapsed,
            round_trips: times.map(|mut times| {
                times.sort_unstable();
                RoundTrips(times)
            }),
            kicks: self.kicks,
            interrupts: self.interrupts,
            daemon_cpu: cost.daemon_cpu,
            resident: cost.resident,
        })
    }

    /// Sends `count` requests and waits until the last is answered.
    fn run(&mut self, count: u64, mut times: Option<&mut Vec<u32>>) -> Result<(), Error> {
        let mut batch = self.begin(count);
        let mut start = Instant::now();
        while batch.done < batch.count {
            if !self.advance(&mut batch)? {
                self.idle()?;
            } else if let Some(times) = &mut times {
                let now = Instant::now();
                times.push((now - start).as_nanos().min(u32::MAX.into()) as u32);
                start = now;
            }
        }
        Ok(())
    }

    /// Sends the first of `count` requests. Their heads stand in the available ring already.
    fn begin(&mut self, count: u64) -> Batch {
        let posted = u64::from(self.depth).min(count);
        let resting = self.next_avail.wrapping_add(self.depth);
        if self.wait == Wait::Poll && !self.event_idx {
            self.avail_word(0).store(1, Ordering::Relaxed);
        }
        for slot in 0..self.depth {
            self.renew(usize::from(slot));
        }
        let old = self.next_avail;
        self.next_avail = old.wrapping_add(posted as u16);
        self.publish(old);
        Batch {
            count,
            posted,
            done: 0,
            resting,
        }
    }

    /// Takes what was answered, and sends as many more. False if nothing was.
    fn advance(&mut self, batch: &mut Batch) -> Result<bool, Error> {
        let index = self.used_word(2).load(Ordering::Acquire);
        if index == self.seen {
            return Ok(false);
        }
        if index.wrapping_sub(self.seen) > self.depth {
            return Err(self.broken(format!("used index {index} after {}", self.seen)));
        }
        let old = self.next_avail;
        while self.seen != index {
            let (id, len) = self.used_entry(self.seen);
            if id % u32::from(self.parts) != 0
                || id >= u32::from(self.parts) * u32::from(self.depth)
            {
                return Err(self.broken(format!("head {id} was used but never posted")));
            }
            self.renew((id / u32::from(self.parts)) as usize);
            self.set_avail_entry(batch.resting, id as u16);
            batch.resting = batch.resting.wrapping_add(1);
            self.written += u64::from(len);
            self.seen = self.seen.wrapping_add(1);
            batch.done += 1;
            if batch.posted < batch.count {
                batch.posted += 1;
                self.next_avail = self.next_avail.wrapping_add(1);
            }
        }
        self.progress.store(batch.done, Ordering::Relaxed);
        if self.next_avail != old {
            self.publish(old);
        }
        Ok(true)
    }

    /// Changes the request of a slot that the device does not have.
    fn renew(&mut self, slot: usize) {
        let Some(rewrite) = self.rewrite else {
            return;
        };
        rewrite(self.rewritten, &mut self.template);
        self.rewritten += 1;
        // SAFETY: the buffer is as long as the template, `_arena` keeps its mapping, and the device
        // does not read it: its head is behind the available index.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.template.as_ptr(),
                self.first_buffers[slot],
                self.template.len(),
            );
        }
    }

    fn publish(&mut self, old: u16) {
        let new = self.next_avail;
        self.avail_word(2).store(new, Ordering::Release);
        fence(Ordering::SeqCst);
        let wanted = if self.event_idx {
            let event = self.used_word(4 + 8 * self.size).load(Ordering::Relaxed);
            crossed(event, old, new)
        } else {
            self.used_word(0).load(Ordering::Relaxed) & 1 == 0
        };
        if wanted {
            self.kicks += 1;
            self.kick.ring();
        }
    }

    fn idle(&mut self) -> Result<(), Error> {
        if self.expired.load(Ordering::Relaxed) {
            return Err(Error::Timeout {
                what: format!("a used buffer of queue {}", self.queue),
                timeout: self.timeout,
            });
        }
        if self.wait == Wait::Poll {
            self.want_no_interrupt();
            for _ in 0..256 {
                if self.used_word(2).load(Ordering::Relaxed) != self.seen {
                    return Ok(());
                }
                std::hint::spin_loop();
            }
            // On a busy machine the daemon may be waiting for this very CPU.
            std::thread::yield_now();
            return Ok(());
        }
        if self.event_idx {
            let in_flight = self.next_avail.wrapping_sub(self.seen);
            let event = self
                .seen
                .wrapping_add(self.coalesce.min(in_flight.max(1)) - 1);
            self.avail_word(4 + 2 * self.size)
                .store(event, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            // Enough may have been used before the wish was heard.
            let index = self.used_word(2).load(Ordering::Acquire);
            if index.wrapping_sub(self.seen) > event.wrapping_sub(self.seen) {
                return Ok(());
            }
        } else {
            self.avail_word(0).store(0, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if self.used_word(2).load(Ordering::Acquire) != self.seen {
                return Ok(());
            }
        }
        rustix::io::retry_on_intr(|| rustix::io::read(self.call.theirs(), &mut [0u8; 8]))
            .map_err(Error::os("cannot read the call descriptor"))?;
        self.interrupts += 1;
        if !self.event_idx {
            self.avail_word(0).store(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn want_no_interrupt(&self) {
        if self.event_idx {
            // Further ahead than the ring is long. The entry before would not do: a device that shows
            // several batches before it looks at the wish finds it among them.
            let never = self.seen.wrapping_add(0x7fff);
            self.avail_word(4 + 2 * self.size)
                .store(never, Ordering::Relaxed);
        }
    }

    fn broken(&self, what: String) -> Error {
        Error::Ring {
            queue: self.queue,
            what,
        }
    }

    fn set_avail_entry(&self, slot: u16, head: u16) {
        let at = 4 + 2 * usize::from(slot & self.mask);
        // SAFETY: inside the available ring, whose mapping `_arena` keeps; the slot is behind the
        // index, so the device does not read it yet.
        unsafe { self.avail.add(at).cast::<u16>().write_volatile(head) };
    }

    fn used_entry(&self, slot: u16) -> (u32, u32) {
        let at = 4 + 8 * usize::from(slot & self.mask);
        // SAFETY: inside the used ring, whose mapping `_arena` keeps, and aligned to four.
        unsafe {
            let entry = self.used.add(at).cast::<u32>();
            (entry.read_volatile(), entry.add(1).read_volatile())
        }
    }

    fn avail_word(&self, at: usize) -> &AtomicU16 {
        // SAFETY: `at` is one of the three words of the available ring that are not entries.
        unsafe { AtomicU16::from_ptr(self.avail.add(at).cast()) }
    }

    fn used_word(&self, at: usize) -> &AtomicU16 {
        // SAFETY: `at` is one of the three words of the used ring that are not entries.
        unsafe { AtomicU16::from_ptr(self.used.add(at).cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_classes_of_known_times() {
        let times = RoundTrips((1..=1000).collect());
        assert_eq!(times.median(), Duration::from_nanos(501));
        assert_eq!(times.quantile(1.0), Duration::from_nanos(1000));
        assert_eq!(times.histogram().iter().sum::<u64>(), 1000);
        assert_eq!(times.histogram()[..3], [1, 2, 4]);
        assert_eq!(RoundTrips::default().median(), Duration::ZERO);
    }
}
