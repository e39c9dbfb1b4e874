// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The thread that runs one worker: waits for kicks and host events, and carries out what the
//! transport asks for, in between requests and never during one.
//!
//! ```text
//!        start          stop, or a memory table without the ring
//!   idle ------> live --------------------------------------------> idle
//!                 |  ^
//!   ring broken   |  | stop, start
//!                 v  |
//!               retired
//! ```
//!
//! A live queue is served while it is enabled. Stopping drains: when `stop` returns, nothing
//! touches guest memory for that queue any more, on any thread.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use guest_memory::Memory;
use rustix::event::epoll;
use rustix::io::ReadWriteFlags;

use crate::device::{Device, Worker};
use crate::fault::GuestFaults;
use crate::queue::{Interrupt, Queue, Queues, RingConfig, RingError, RingFault};
use crate::sources::{Event, Sources};
use crate::wake::Wake;

/// Turns that a busy queue gets before the kernel is asked for other events.
const TURNS_BETWEEN_LOOKS: u32 = 16;

/// Notifications of a queue until they are read away, which is a system call: each may leave eight
/// bytes in a pipe, where a frontend gives us that for an eventfd.
const EVENTS_BETWEEN_READS: u32 = 256;

/// How long the rings are looked at before the thread sleeps, where that pays: less than falling asleep
/// and being woken cost both sides.
const GLANCE: Duration = Duration::from_micros(8);

/// What a glance that found something is worth, in glances that did not.
const FOUND: u8 = 2;
const MAX_TRUST: u8 = 8;

/// Sleeps without a glance, once they find nothing any more.
const SLEEPS_BETWEEN_GLANCES: u32 = 64;

/// How long a caller waits for a worker before it looks whether something holds it.
const STALL: Duration = Duration::from_secs(1);

/// How often a stop that waits for the device says so.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What ended a guest's session from below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerFault {
    /// A page of guest memory vanished: its file was truncated.
    #[error("the file behind guest memory was truncated while it was in use")]
    MemoryVanished,
    /// The device's code panicked; the worker was made anew.
    #[error("the device failed on a request; this is a bug, please report it")]
    Panicked,
}

/// How a worker thread is run.
#[derive(Clone)]
pub struct WorkerOptions {
    /// How long to look for requests before sleeping: trades CPU time for latency.
    pub poll: Duration,
    /// Told once of what ends the session. Called on the worker's thread; must not wait for it.
    pub on_fault: Arc<dyn Fn(WorkerFault) + Send + Sync>,
    /// Called once a second while somebody waits for the worker, on that one's thread. The way to
    /// get a worker out of an [`Interrupt`] that blocks.
    pub on_stall: Arc<dyn Fn() + Send + Sync>,
    /// Where warnings about this guest go.
    pub faults: Arc<GuestFaults>,
}

impl fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}

/// Where a queue stood when it was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Index of the next entry of the available ring: what GET_VRING_BASE answers.
    pub next_available: u16,
    /// Index of the next entry of the used ring.
    pub next_used: u16,
    /// Why the queue was out of use, if it was.
    pub fault: Option<RingFault>,
}

/// The thread is gone: its worker could not be made anew after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device's worker thread has ended")]
pub struct WorkerGone;

enum Command {
    Negotiated(u64),
    Start(Box<Queue>, Option<OwnedFd>),
    Stop(u16),
    Enable(u16, bool),
    Kick(u16, Option<OwnedFd>),
    Interrupt(u16, Box<dyn Interrupt>),
    Memory { memory: Arc<Memory>, drain: bool },
    Exit,
}

struct Call {
    command: Command,
    done: SyncSender<Option<Stopped>>,
}

/// A worker and the thread that runs it. Dropping it stops its queues and joins the thread.
pub struct WorkerThread {
    calls: SyncSender<Call>,
    wake: Arc<Wake>,
    faults: Arc<GuestFaults>,
    on_stall: Arc<dyn Fn() + Send + Sync>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for WorkerThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerThread")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

impl WorkerThread {
    /// Makes worker `index` of the device and starts its thread.
    pub fn spawn<D: Device>(
        device: Arc<D>,
        index: usize,
        options: WorkerOptions,
    ) -> io::Result<Self> {
        let (calls, receiver) = sync_channel(1);
        let wake = Arc::new(Wake::new()?);
        let sources = Sources::new()?;
        sources.add_wake(wake.as_ref())?;
        let worker = make_worker(device.as_ref(), index, &sources)?;
        let name = format!("{}/{index}", device.identity().name);
        let queues = device.queues().len();
        let faults = options.faults.clone();
        let on_stall = options.on_stall.clone();
        let state = Loop {
            device,
            index,
            worker: Some(worker),
            queues: (0..queues).map(|_| None).collect(),
            kicks: (0..queues).map(|_| Kick::default()).collect(),
            features: 0,
            sources,
            wake: wake.clone(),
            calls: receiver,
            options,
            glances: Glances::default(),
            vanished_told: false,
        };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || state.run())?;
        Ok(Self {
            calls,
            wake,
            faults,
            on_stall,
            thread: Some(thread),
        })
    }

    fn call(&self, command: Command) -> Result<Option<Stopped>, WorkerGone> {
        let (done, answer) = sync_channel(1);
        self.calls
            .send(Call { command, done })
            .map_err(|_| WorkerGone)?;
        self.wake.wake();
        loop {
            match answer.recv_timeout(STALL) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) => (self.on_stall)(),
                Err(RecvTimeoutError::Disconnected) => return Err(WorkerGone),
            }
        }
    }

    /// Tells the worker what was negotiated.
    pub fn negotiated(&self, features: u64) -> Result<(), WorkerGone> {
        self.call(Command::Negotiated(features)).map(drop)
    }

    /// Starts a queue. It is served from now on, if `enabled`. `kick` becomes readable when the
    /// driver notifies; without one the worker has to poll, or to be told otherwise.
    ///
    /// A queue that is live already is stopped; but where it stood only [`WorkerThread::stop`] tells.
    pub fn start(&self, start: Start) -> Result<(), StartError> {
        let Start {
            index,
            config,
            memory,
            interrupt,
            kick,
            enabled,
        } = start;
        let mut queue = Queue::with_wake(
            index,
            config,
            memory,
            interrupt,
            self.faults.clone(),
            self.wake.clone(),
        )?;
        queue.set_enabled(enabled);
        self.call(Command::Start(Box::new(queue), kick))?;
        Ok(())
    }

    /// Stops a queue. When this returns, nothing touches guest memory for it any more. `None`:
    /// it was not started.
    pub fn stop(&self, index: u16) -> Result<Option<Stopped>, WorkerGone> {
        self.call(Command::Stop(index))
    }

    /// Enables or disables a queue.
    pub fn enable(&self, index: u16, on: bool) -> Result<(), WorkerGone> {
        self.call(Command::Enable(index, on)).map(drop)
    }

    /// Gives a live queue another kick.
    pub fn set_kick(&self, index: u16, kick: Option<OwnedFd>) -> Result<(), WorkerGone> {
        self.call(Command::Kick(index, kick)).map(drop)
    }

    /// Gives a live queue another interrupt.
    pub fn set_interrupt(
        &self,
        index: u16,
        interrupt: Box<dyn Interrupt>,
    ) -> Result<(), WorkerGone> {
        self.call(Command::Interrupt(index, interrupt)).map(drop)
    }

    /// Moves the live queues to another memory table. With `drain` (a region goes away), nothing
    /// touches the former table any more when this returns; without, chains that are under way
    /// keep it, and what they write goes to the same pages.
    pub fn set_memory(&self, memory: Arc<Memory>, drain: bool) -> Result<(), WorkerGone> {
        self.call(Command::Memory { memory, drain }).map(drop)
    }
}

/// All that starting a queue takes.
pub struct Start {
    /// Number of the queue in the device.
    pub index: u16,
    /// Where the driver put it.
    pub config: RingConfig,
    /// The memory it lies in.
    pub memory: Arc<Memory>,
    /// How to tell the driver of used buffers.
    pub interrupt: Box<dyn Interrupt>,
    /// How the driver tells of available ones.
    pub kick: Option<OwnedFd>,
    /// Whether it may be served at once.
    pub enabled: bool,
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("index", &self.index)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Why a queue was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The driver's ring is of no use.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// There is nobody to serve it.
    #[error(transparent)]
    Gone(#[from] WorkerGone),
}

impl Drop for WorkerThread {
    fn drop(&mut self) {
        let _ = self.call(Command::Exit);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("{}: a worker thread panicked", self.faults.guest());
        }
    }
}

fn make_worker<D: Device>(device: &D, index: usize, sources: &Sources) -> io::Result<D::Worker> {
    let mut worker = device.worker(index)?;
    worker.sources(&mut sources.clone())?;
    Ok(worker)
}

#[derive(Default)]
struct Kick {
    fd: Option<OwnedFd>,
    /// Events that were seen since its content was read away.
    unread: u32,
    /// The queue has something to look at.
    pending: bool,
}

impl Kick {
    /// Reads away what the driver wrote, if that is due. It need not be at each event, for those are
    /// edge-triggered; but a descriptor that fills up would tell nothing any more.
    fn drain_in_time(&mut self) {
        if self.unread >= EVENTS_BETWEEN_READS {
            self.drain();
        }
    }

    /// Reads away what the driver wrote, whatever the descriptor's mode: a blocking one that
    /// somebody else drained must not hold the worker. Where the kernel cannot do that, nothing is
    /// lost: the events are edge-triggered.
    fn drain(&mut self) {
        self.unread = 0;
        if let Some(fd) = &self.fd {
            let mut buffer = [0; 64];
            let _ = rustix::io::preadv2(
                fd,
                &mut [io::IoSliceMut::new(&mut buffer)],
                u64::MAX,
                ReadWriteFlags::NOWAIT,
            );
        }
    }
}

/// Whether to look at the rings once more before sleeping. A driver that goes on at once is there before
/// this thread is asleep, and both are spared a wake-up; with one that does not, it is given up, but for
/// a try now and then.
#[derive(Debug)]
struct Glances {
    trust: u8,
    sleeps: u32,
}

impl Default for Glances {
    fn default() -> Self {
        Self {
            trust: FOUND,
            sleeps: 0,
        }
    }
}

impl Glances {
    fn is_due(&mut self) -> bool {
        if self.trust > 0 {
            return true;
        }
        self.sleeps = (self.sleeps + 1) % SLEEPS_BETWEEN_GLANCES;
        self.sleeps == 0
    }

    fn found(&mut self, something: bool) {
        self.trust = if something {
            (self.trust + FOUND).min(MAX_TRUST)
        } else {
            self.trust.saturating_sub(1)
        };
    }
}

struct Loop<D: Device> {
    device: Arc<D>,
    index: usize,
    /// `None` after the device's code panicked and could not make another.
    worker: Option<D::Worker>,
    /// By number in the device; those of other workers stay empty.
    queues: Vec<Option<Queue>>,
    kicks: Vec<Kick>,
    features: u64,
    sources: Sources,
    wake: Arc<Wake>,
    calls: Receiver<Call>,
    options: WorkerOptions,
    glances: Glances,
    vanished_told: bool,
}

impl<D: Device> Loop<D> {
    fn run(mut self) {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(64);
        let mut woken = false;
        loop {
            if woken || self.wake.is_pending() {
                self.wake.clear();
                self.collect();
                if !self.run_calls() {
                    return;
                }
            }
            self.run_queues();
            let mut idle = !self.is_pending();
            events.clear();
            if idle && self.is_live() {
                idle = !if self.options.poll.is_zero() {
                    self.glance()
                } else {
                    self.poll(&mut events)
                };
            }
            if idle {
                idle = self.arm();
            }
            if events.is_empty()
                && let Err(error) = self.sources.wait(&mut events, idle)
                && error.kind() != io::ErrorKind::Interrupted
            {
                log::error!(
                    "{}: cannot wait for events: {error}",
                    self.options.faults.guest()
                );
                return;
            }
            woken = false;
            let mut told = false;
            for event in &events {
                match Event::decode(event.data) {
                    Event::Wake => woken = true,
                    Event::Kick(queue) => {
                        if let Some(kick) = self.kicks.get_mut(usize::from(queue)) {
                            kick.unread += 1;
                            kick.pending = true;
                        }
                    }
                    Event::Source(token) => {
                        for queue in self.queues.iter_mut().flatten() {
                            queue.refill_budget();
                        }
                        let survived = self.guarded(|worker, queues| worker.ready(token, queues));
                        self.flush();
                        told = survived;
                        if !survived {
                            // The other tokens are the former worker's, and what they stand for is
                            // reported again.
                            woken = true;
                            break;
                        }
                    }
                }
            }
            if told {
                self.guarded(|worker, queues| worker.settled(queues));
                self.flush();
            }
        }
    }

    fn is_pending(&self) -> bool {
        self.kicks.iter().any(|kick| kick.pending)
    }

    /// Serves the queues that have something, for a while.
    fn run_queues(&mut self) {
        for _ in 0..TURNS_BETWEEN_LOOKS {
            let mut served = false;
            for index in 0..self.queues.len() {
                if std::mem::take(&mut self.kicks[index].pending) {
                    self.turn(index);
                    served = true;
                }
            }
            if !served || self.wake.is_pending() {
                break;
            }
        }
    }

    fn turn(&mut self, index: usize) {
        let Some(queue) = &mut self.queues[index] else {
            return;
        };
        if !queue.is_enabled() || queue.fault().is_some() {
            return;
        }
        queue.begin_turn();
        queue.disable_notification();
        self.guarded(|worker, queues| worker.kicked(index as u16, queues));
        self.flush();
        if let Some(queue) = &self.queues[index] {
            self.kicks[index].pending = queue.has_news();
        }
    }

    /// Whether there is a queue to look at.
    fn is_live(&self) -> bool {
        self.queues
            .iter()
            .flatten()
            .any(|queue| queue.is_enabled() && queue.fault().is_none())
    }

    /// Looks at the rings, so many times. Returns whether there is something to do.
    fn look(&mut self, times: u32) -> bool {
        for _ in 0..times {
            let mut found = self.wake.is_pending();
            for (queue, kick) in self.queues.iter().zip(&mut self.kicks) {
                if queue.as_ref().is_some_and(Queue::is_awaited) {
                    kick.pending = true;
                    found = true;
                }
            }
            if found {
                return true;
            }
            std::hint::spin_loop();
        }
        false
    }

    /// Looks for requests a moment longer, if that was of use lately. Returns whether there are any.
    fn glance(&mut self) -> bool {
        if !self.glances.is_due() {
            return false;
        }
        let start = Instant::now();
        let mut found = self.look(8);
        while !found && start.elapsed() < GLANCE {
            found = self.look(8);
        }
        self.glances.found(found);
        found
    }

    /// Looks for requests and events for as long as the operator allows. Returns whether there are
    /// any.
    fn poll(&mut self, events: &mut Vec<epoll::Event>) -> bool {
        let start = Instant::now();
        loop {
            if self.look(64) {
                return true;
            }
            // What goes wrong here goes wrong again where the thread is about to sleep.
            if self.sources.wait(events, false).is_ok() && !events.is_empty() {
                return true;
            }
            if start.elapsed() >= self.options.poll {
                return false;
            }
        }
    }

    /// Asks the drivers to notify. Returns whether it is safe to sleep.
    fn arm(&mut self) -> bool {
        for (queue, kick) in self.queues.iter_mut().zip(&mut self.kicks) {
            kick.drain_in_time();
            if let Some(queue) = queue
                && queue.enable_notification()
            {
                kick.pending = true;
            }
        }
        !self.is_pending() && !self.wake.is_pending()
    }

    fn collect(&mut self) {
        for queue in self.queues.iter_mut().flatten() {
            queue.collect();
        }
        self.flush();
    }

    fn flush(&mut self) {
        let mut vanished = false;
        for queue in self.queues.iter_mut().flatten() {
            queue.flush();
            vanished |= queue.memory_vanished();
        }
        if vanished && !self.vanished_told {
            self.vanished_told = true;
            (self.options.on_fault)(WorkerFault::MemoryVanished);
        }
    }

    /// Runs the device's code. If it panics, no other guest may notice: this one's queues are
    /// retired, and the worker is made anew for the next. Returns whether it went well.
    fn guarded(&mut self, code: impl FnOnce(&mut D::Worker, &mut Queues<'_>)) -> bool {
        let Some(worker) = &mut self.worker else {
            return true;
        };
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            code(worker, &mut Queues::new(&mut self.queues));
        }));
        if result.is_err() {
            for queue in self.queues.iter_mut().flatten() {
                queue.retire(RingFault::Device);
            }
            self.revive();
            (self.options.on_fault)(WorkerFault::Panicked);
        }
        result.is_ok()
    }

    /// Makes the worker anew, without anything of the former one: the chains that it held come
    /// back, and descriptors that it watched and that live on elsewhere are watched no more.
    fn revive(&mut self) {
        let former = self.worker.take();
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            drop(former);
            self.renew_sources()?;
            let mut worker = make_worker(self.device.as_ref(), self.index, &self.sources)?;
            worker.negotiated(self.features);
            io::Result::Ok(worker)
        }));
        let guest = self.options.faults.guest();
        match result {
            Ok(Ok(worker)) => {
                self.worker = Some(worker);
                return;
            }
            Ok(Err(error)) => {
                log::error!("{guest}: cannot make the device's worker again: {error}");
            }
            Err(_) => {
                log::error!("{guest}: the device failed again while its worker was made anew");
            }
        }
        // What the half-made one may have left behind.
        if let Err(error) = self.renew_sources() {
            log::error!("{}: {error}", self.options.faults.guest());
        }
    }

    fn renew_sources(&mut self) -> io::Result<()> {
        let sources = Sources::new()?;
        sources.add_wake(self.wake.as_ref())?;
        self.sources = sources;
        for (index, kick) in self.kicks.iter().enumerate() {
            self.watch_kick(index as u16, kick.fd.as_ref());
        }
        Ok(())
    }

    /// Returns false when the thread is to end.
    fn run_calls(&mut self) -> bool {
        loop {
            match self.calls.try_recv() {
                Ok(Call { command, done }) => {
                    let exit = matches!(command, Command::Exit);
                    let answer = self.carry_out(command);
                    // Whoever asked may be gone.
                    let _ = done.send(answer);
                    if exit {
                        return false;
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => {
                    self.carry_out(Command::Exit);
                    return false;
                }
            }
        }
    }

    fn carry_out(&mut self, command: Command) -> Option<Stopped> {
        match command {
            Command::Negotiated(features) => {
                self.features = features;
                if self.worker.is_none() {
                    self.revive();
                } else {
                    self.guarded(|worker, _| worker.negotiated(features));
                }
            }
            Command::Start(queue, kick) => {
                let index = queue.index();
                self.stop(index);
                if self.worker.is_none() {
                    self.revive();
                }
                self.vanished_told = false;
                if let Some(slot) = self.queues.get_mut(usize::from(index)) {
                    *slot = Some(*queue);
                    self.set_kick(index, kick);
                }
            }
            Command::Stop(index) => return self.stop(index),
            Command::Enable(index, on) => {
                if let Some(Some(queue)) = self.queues.get_mut(usize::from(index))
                    && queue.is_enabled() != on
                {
                    queue.set_enabled(on);
                    self.kicks[usize::from(index)].pending = on;
                    self.guarded(|worker, _| worker.enabled(index, on));
                }
            }
            Command::Kick(index, kick) => {
                if matches!(self.queues.get(usize::from(index)), Some(Some(_))) {
                    self.set_kick(index, kick);
                }
            }
            Command::Interrupt(index, interrupt) => {
                if let Some(Some(queue)) = self.queues.get_mut(usize::from(index)) {
                    queue.set_interrupt(interrupt);
                }
            }
            Command::Memory { memory, drain } => {
                for index in 0..self.queues.len() {
                    if drain {
                        self.drain(index);
                    }
                    if let Some(queue) = &mut self.queues[index] {
                        queue.set_memory(memory.clone());
                        queue.set_stopping(false);
                        self.kicks[index].pending = true;
                    }
                }
            }
            Command::Exit => {
                for index in 0..self.queues.len() {
                    self.stop(index as u16);
                }
            }
        }
        None
    }

    fn set_kick(&mut self, index: u16, fd: Option<OwnedFd>) {
        let kick = &mut self.kicks[usize::from(index)];
        if let Some(former) = kick.fd.take() {
            // The frontend has the same open file, so closing ours does not end the watch.
            let _ = self.sources.remove(&former);
        }
        *kick = Kick {
            fd,
            unread: 0,
            pending: true,
        };
        let fd = self.kicks[usize::from(index)].fd.as_ref();
        self.watch_kick(index, fd);
    }

    fn watch_kick(&self, index: u16, fd: Option<&OwnedFd>) {
        if let Some(fd) = fd
            && let Err(error) = self.sources.add_kick(fd, index)
        {
            self.options.faults.warn(format_args!(
                "queue {index}: the kick descriptor cannot be waited for: {error}"
            ));
        }
    }

    /// After this no chain of the queue is with the device.
    fn drain(&mut self, index: usize) {
        let Some(queue) = &mut self.queues[index] else {
            return;
        };
        queue.set_stopping(true);
        self.guarded(|worker, queues| worker.quiesce(index as u16, queues));
        let Some(queue) = &mut self.queues[index] else {
            return;
        };
        while !queue.wait_idle(STOP_PATIENCE) {
            log::warn!(
                "{}: queue {index} waits for {} requests that the device still works on",
                self.options.faults.guest(),
                queue.in_flight()
            );
        }
        // All of them: the worker may have completed chains of other queues as well.
        self.flush();
    }

    fn stop(&mut self, index: u16) -> Option<Stopped> {
        let at = usize::from(index);
        self.queues.get(at)?.as_ref()?;
        self.drain(at);
        let mut former = std::mem::take(&mut self.kicks[at]);
        if former.unread > 0 {
            // Whoever has the descriptor next must not take an old notification for a new one.
            former.drain();
        }
        if let Some(fd) = former.fd {
            let _ = self.sources.remove(&fd);
        }
        let queue = self.queues[at].take()?;
        Some(Stopped {
            next_available: queue.next_available(),
            next_used: queue.next_used(),
            fault: queue.fault(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glances_that_find_nothing_are_given_up_but_for_a_try_now_and_then() {
        let mut glances = Glances::default();

        let made = (0..10 * SLEEPS_BETWEEN_GLANCES)
            .filter(|_| {
                let due = glances.is_due();
                if due {
                    glances.found(false);
                }
                due
            })
            .count();

        assert_eq!(made, usize::from(FOUND) + 9);
    }

    #[test]
    fn glances_go_on_while_one_in_three_finds_something() {
        let mut glances = Glances::default();

        let due = (0..100).all(|n| {
            let due = glances.is_due();
            glances.found(n % 3 == 0);
            due
        });

        assert!(due);
    }

    #[test]
    fn one_try_that_finds_something_brings_glances_back() {
        let mut glances = Glances {
            trust: 0,
            sleeps: SLEEPS_BETWEEN_GLANCES - 1,
        };

        let tried = glances.is_due();
        glances.found(true);

        assert!(tried && glances.is_due());
    }
}
