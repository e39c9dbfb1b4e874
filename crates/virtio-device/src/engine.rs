// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Transfers between chains and files that go on while the worker goes on: by io_uring, or where
//! that is not to be had by threads.
//!
//! A chain goes in by value, with whatever its owner needs to go on, and comes out by value. It
//! cannot be given back to the driver before the kernel is done with its memory.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use guest_memory::{Direction, Mode, Span, Uring};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use crate::chain::Chain;

/// A thread that had nothing to do for so long ends: an idle daemon should be small.
const LINGER: Duration = Duration::from_secs(10);

/// What does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// The kernel's io_uring.
    Uring,
    /// Threads that block.
    Threads,
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uring => "io_uring",
            Self::Threads => "threads",
        })
    }
}

/// What came back.
#[derive(Debug)]
pub struct Finished<T> {
    /// The chain, with what was read or written accounted for.
    pub chain: Chain,
    /// What came with it.
    pub task: T,
    /// Bytes that were moved, which may be fewer than asked for.
    pub result: io::Result<u64>,
}

/// Work that may block.
pub type Job<T> = Box<dyn FnOnce(&mut Chain, &mut T) -> io::Result<u64> + Send>;

/// The engine of one worker. Dropping it waits for what the kernel works on; what threads work on
/// goes back to the driver when it is done.
pub struct Engine<T> {
    uring: Option<Uring<(Chain, T, Direction)>>,
    pool: Arc<Pool<T>>,
    threads: usize,
    event: OwnedFd,
    /// With the threads, or done by them and not yet taken.
    pooled: usize,
    ready: VecDeque<Finished<T>>,
    /// What a transfer is made of; kept for its allocation.
    pieces: Vec<Span>,
    /// That the kernel takes nothing was logged.
    told: bool,
}

impl<T> fmt::Debug for Engine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("uring", &self.uring)
            .field("pooled", &self.pooled)
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Engine<T> {
    /// An engine of this kind, with at most so many threads for what may block. Fails where there is
    /// no such kind.
    pub fn new(kind: EngineKind, threads: usize) -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let uring = match kind {
            EngineKind::Uring => Some(Uring::new(&event)?),
            EngineKind::Threads => None,
        };
        let theirs = event.try_clone()?;
        Ok(Self {
            uring,
            pool: Arc::new(Pool {
                state: Mutex::default(),
                news: Condvar::new(),
                event: theirs,
            }),
            threads: threads.max(1),
            event,
            pooled: 0,
            ready: VecDeque::new(),
            pieces: Vec::new(),
            told: false,
        })
    }

    /// What it is made of.
    pub fn kind(&self) -> EngineKind {
        match self.uring {
            Some(_) => EngineKind::Uring,
            None => EngineKind::Threads,
        }
    }

    /// Chains that are in it.
    pub fn in_flight(&self) -> usize {
        self.uring.as_ref().map_or(0, Uring::in_flight) + self.pooled + self.ready.len()
    }

    /// Begins to move `max` bytes between the chain, where it stands, and the file.
    /// [`Engine::submit`] must follow.
    #[allow(clippy::too_many_arguments)]
    pub fn transfer(
        &mut self,
        chain: Chain,
        task: T,
        direction: Direction,
        file: &Arc<File>,
        offset: u64,
        max: u64,
        mode: Mode,
    ) {
        let Some(uring) = &mut self.uring else {
            let file = file.clone();
            let job: Job<T> = Box::new(move |chain, _| {
                transfer_now(chain, direction, &file, offset, max, mode).map(|done| done as u64)
            });
            self.run(chain, task, job);
            return;
        };
        let body = chain.body();
        let memory = body.memory.clone();
        match direction {
            Direction::Read => body.pieces_to_write(max, &mut self.pieces),
            Direction::Write => body.pieces_to_read(max, &mut self.pieces),
        }
        let result = uring.transfer(
            direction,
            &memory,
            &self.pieces,
            file,
            offset,
            mode,
            (chain, task, direction),
        );
        if let Err(((chain, task, _), error)) = result {
            self.fail(chain, task, error);
        }
    }

    /// Begins an fdatasync.
    pub fn sync(&mut self, chain: Chain, task: T, file: &Arc<File>) {
        let Some(uring) = &mut self.uring else {
            let file = file.clone();
            let job: Job<T> = Box::new(move |_, _| file.sync_data().map(|()| 0));
            self.run(chain, task, job);
            return;
        };
        // It moves nothing, so its direction does not matter.
        let payload = (chain, task, Direction::Write);
        if let Err(((chain, task, _), error)) = uring.sync(file, payload) {
            self.fail(chain, task, error);
        }
    }

    /// Lets a thread do something that may block.
    pub fn run(&mut self, chain: Chain, task: T, job: Job<T>) {
        self.pooled += 1;
        let mut state = self.pool.state();
        state.jobs.push_back((chain, task, job));
        if state.idle >= state.jobs.len() || state.threads >= self.threads {
            drop(state);
            self.pool.news.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        let pool = self.pool.clone();
        let started = std::thread::Builder::new()
            .name("io".to_owned())
            .spawn(move || pool.work());
        if let Err(error) = started {
            let mut state = self.pool.state();
            state.threads -= 1;
            // Others will do it, if there are any.
            if state.threads == 0
                && let Some((chain, task, _)) = state.jobs.pop_back()
            {
                drop(state);
                self.pooled -= 1;
                self.fail(chain, task, error);
            }
        }
    }

    fn fail(&mut self, chain: Chain, task: T, error: io::Error) {
        self.ready.push_back(Finished {
            chain,
            task,
            result: Err(error),
        });
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    /// Hands what was begun to the kernel, all at once.
    pub fn submit(&mut self) {
        if let Some(uring) = &mut self.uring
            && let Err(error) = uring.submit()
        {
            // It stays queued, and the next call tries again.
            if !std::mem::replace(&mut self.told, true) {
                log::error!("io_uring takes no requests: {error}");
            }
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    /// Takes a chain that is done, until there are no more.
    pub fn finished(&mut self) -> Option<Finished<T>> {
        if let Some(finished) = self.ready.pop_front() {
            return Some(finished);
        }
        if let Some(uring) = &mut self.uring
            && let Some(((mut chain, task, direction), result)) = uring.completed()
        {
            if let Ok(done) = &result {
                let body = chain.body_mut();
                match direction {
                    Direction::Read => body.wrote(*done as u64),
                    Direction::Write => body.was_read(*done as u64),
                }
            }
            return Some(Finished {
                chain,
                task,
                result: result.map(|done| done as u64),
            });
        }
        if self.pooled > 0
            && let Some(finished) = self.pool.state().done.pop_front()
        {
            self.pooled -= 1;
            return Some(finished);
        }
        None
    }

    /// Forgets that it was readable: before a round of [`Engine::finished`], so that nothing that
    /// comes later is missed.
    pub fn clear(&mut self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
        self.submit();
    }

    /// Lets threads go that have nothing to do: nothing comes for a while. They are started again when
    /// there is something.
    pub fn rest(&mut self) {
        let mut state = self.pool.state();
        if state.idle > 0 {
            state.rests += 1;
            drop(state);
            self.pool.news.notify_all();
        }
    }

    /// Waits until something may be done.
    pub fn wait(&mut self) {
        self.submit();
        if !self.ready.is_empty() {
            return;
        }
        let mut fds = [PollFd::new(&self.event, PollFlags::IN)];
        let _ = poll(&mut fds, None);
    }
}

impl<T> AsFd for Engine<T> {
    /// Readable when something may be done.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl<T> Drop for Engine<T> {
    fn drop(&mut self) {
        self.pool.state().closed = true;
        self.pool.news.notify_all();
    }
}

fn transfer_now(
    chain: &mut Chain,
    direction: Direction,
    file: &File,
    offset: u64,
    max: u64,
    mode: Mode,
) -> io::Result<usize> {
    match direction {
        Direction::Read => chain.fill_from_with(file, Some(offset), max, mode),
        Direction::Write => chain.drain_to_with(file, Some(offset), max, mode),
    }
}

/// Threads that block, as many as there is work for, up to a limit.
struct Pool<T> {
    state: Mutex<PoolState<T>>,
    news: Condvar,
    event: OwnedFd,
}

struct PoolState<T> {
    jobs: VecDeque<(Chain, T, Job<T>)>,
    done: VecDeque<Finished<T>>,
    threads: usize,
    idle: usize,
    /// How often idle threads were told to end.
    rests: u64,
    closed: bool,
}

impl<T> Default for PoolState<T> {
    fn default() -> Self {
        Self {
            jobs: VecDeque::new(),
            done: VecDeque::new(),
            threads: 0,
            idle: 0,
            rests: 0,
            closed: false,
        }
    }
}

impl<T> Pool<T> {
    fn state(&self) -> MutexGuard<'_, PoolState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some((mut chain, mut task, job)) = state.jobs.pop_front() {
                drop(state);
                let result = panic::catch_unwind(AssertUnwindSafe(|| job(&mut chain, &mut task)))
                    .unwrap_or_else(|_| Err(io::Error::other("the device failed on a request")));
                state = self.state();
                state.done.push_back(Finished {
                    chain,
                    task,
                    result,
                });
                let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let rests = state.rests;
            let (after, timeout) = self
                .news
                .wait_timeout_while(state, LINGER, |state| {
                    state.jobs.is_empty() && !state.closed && state.rests == rests
                })
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            state.idle -= 1;
            if (timeout.timed_out() || state.rests != rests) && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }
}
