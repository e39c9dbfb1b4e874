// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Commands that are under way, for task management (SAM-5, 7).
//!
//! What the kernel has been given cannot be taken back. So an abort marks a command, waits until it
//! ends, and only then is answered: after the answer nothing of the command happens any more.
//!
//! Most commands are over before their worker looks at the next one, and registering each would cost all
//! workers a lock that they share. And some the worker has not seen yet: it may be held up by a disk while
//! the driver gives up on what lies in the ring, and takes the memory for something else. So who ends
//! commands waits until each worker has looked at all that was in its ring then ([`Lane`]).

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// A command, as far as task management must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Whose.
    pub nexus: usize,
    /// For which target.
    pub target: u8,
    /// For which of its units.
    pub lun: u16,
    /// The initiator's name for it.
    pub tag: u64,
}

/// How a command ended other than by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was aborted.
    Aborted,
    /// Its unit was reset.
    Reset,
}

type Then = Box<dyn FnOnce() + Send>;

/// All commands of all initiators that are under way.
#[derive(Default)]
pub struct Tasks {
    state: Mutex<State>,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    running: Vec<Option<(Command, Option<Ended>)>>,
    free: Vec<usize>,
    waiting: Vec<Waiting>,
    lanes: Vec<Arc<Wish>>,
}

struct Waiting {
    /// Commands, whose number does not matter, and lanes, whose sweeps are numbered.
    slots: Vec<(usize, u64)>,
    then: Then,
}

/// What is wanted of a worker.
#[derive(Debug)]
struct Wish {
    nexus: usize,
    /// One that no command ever has.
    slot: usize,
    /// Number of the last sweep that somebody waits for.
    sweep: AtomicU64,
    news: OwnedFd,
}

/// Where one worker begins its commands.
#[derive(Debug)]
pub struct Lane {
    tasks: Arc<Tasks>,
    wish: Arc<Wish>,
    /// The last sweep that is over.
    done: u64,
    /// The one under way, and how many commands may have been in the ring when it was asked for.
    under_way: Option<(u64, u16)>,
}

/// A command under way. It is over when this is dropped.
#[derive(Debug)]
pub struct Running {
    tasks: Arc<Tasks>,
    slot: usize,
}

impl Tasks {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command begins.
    pub fn begin(self: &Arc<Self>, command: Command) -> Running {
        Running {
            tasks: self.clone(),
            slot: self.state().take_slot(Some((command, None))),
        }
    }

    /// For a worker that begins commands of this initiator.
    pub fn lane(self: &Arc<Self>, nexus: usize) -> io::Result<Lane> {
        let news = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let mut state = self.state();
        let wish = Arc::new(Wish {
            nexus,
            slot: state.take_slot(None),
            sweep: AtomicU64::new(0),
            news,
        });
        state.lanes.push(wish.clone());
        drop(state);
        Ok(Lane {
            tasks: self.clone(),
            wish,
            done: 0,
            under_way: None,
        })
    }

    /// Nobody waits for this one any longer, up to a number.
    fn release(&self, slot: usize, upto: u64, free: bool) {
        let mut due: Vec<Then> = Vec::new();
        let mut state = self.state();
        if free {
            if let Some(entry) = state.running.get_mut(slot) {
                *entry = None;
            }
            state.free.push(slot);
        }
        let mut index = 0;
        while index < state.waiting.len() {
            let waiting = &mut state.waiting[index];
            waiting
                .slots
                .retain(|&(other, number)| other != slot || number > upto);
            if waiting.slots.is_empty() {
                due.push(state.waiting.swap_remove(index).then);
            } else {
                index += 1;
            }
        }
        drop(state);
        for then in due {
            then();
        }
    }

    /// How many match.
    pub fn count(&self, matches: impl Fn(&Command) -> bool) -> usize {
        let state = self.state();
        let running = state.running.iter().flatten();
        running.filter(|(command, _)| matches(command)).count()
    }

    /// Ends what matches, of the initiators that `whose` names. `then` is called once nothing of it is left,
    /// and their workers have looked at all that was in the rings before: at once, or on the thread of the
    /// last one. What makes later commands differ from those (a reservation, say) has to be in force before
    /// this is called.
    pub fn end(
        &self,
        whose: impl Fn(usize) -> bool,
        matches: impl Fn(&Command) -> bool,
        how: Ended,
        then: impl FnOnce() + Send + 'static,
    ) {
        let mut state = self.state();
        let mut slots = Vec::new();
        for (slot, entry) in state.running.iter_mut().enumerate() {
            if let Some((command, ended)) = entry
                && matches(command)
            {
                ended.get_or_insert(how);
                slots.push((slot, 0));
            }
        }
        let lanes: Vec<_> = state
            .lanes
            .iter()
            .filter(|lane| whose(lane.nexus))
            .collect();
        let lanes: Vec<_> = lanes.into_iter().cloned().collect();
        for lane in &lanes {
            // Release: who sees the number sees what the driver did before.
            slots.push((lane.slot, 1 + lane.sweep.fetch_add(1, Ordering::Release)));
        }
        if slots.is_empty() {
            drop(state);
            then();
            return;
        }
        let then = Box::new(then);
        state.waiting.push(Waiting { slots, then });
        drop(state);
        for lane in lanes {
            let _ = rustix::io::write(&lane.news, &1u64.to_ne_bytes());
        }
    }
}

impl Running {
    /// Whether it is to end other than by itself.
    pub fn ended(&self) -> Option<Ended> {
        let state = self.tasks.state();
        state.running.get(self.slot)?.as_ref()?.1
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.release(self.slot, u64::MAX, true);
    }
}

impl State {
    fn take_slot(&mut self, entry: Option<(Command, Option<Ended>)>) -> usize {
        match self.free.pop() {
            Some(slot) => {
                self.running[slot] = entry;
                slot
            }
            None => {
                self.running.push(entry);
                self.running.len() - 1
            }
        }
    }
}

impl Lane {
    /// The last sweep that is asked for. To be read before the look at the ring that finds it empty.
    #[inline]
    pub fn wanted(&self) -> u64 {
        self.wish.sweep.load(Ordering::Acquire)
    }

    /// Whether somebody waits for the worker to look at its ring.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.wanted() != self.done
    }

    /// The worker is done with a command, or has registered it. Its ring has room for `size` of them.
    #[inline]
    pub fn passed(&mut self, size: u16) {
        if self.is_wanted() {
            self.count(size);
        }
    }

    #[cold]
    fn count(&mut self, size: u16) {
        match &mut self.under_way {
            // A driver that fills the ring as fast as it is emptied must not be waited for.
            Some((number, 0 | 1)) => {
                let number = *number;
                self.swept(number);
            }
            Some((_, left)) => *left -= 1,
            None => self.under_way = Some((self.wanted(), size)),
        }
    }

    /// There was nothing in the ring when, or after, this number was read.
    pub fn swept(&mut self, number: u64) {
        if number != self.done {
            self.done = number;
            self.under_way = None;
            self.tasks.release(self.wish.slot, number, false);
        }
    }

    /// The command that the worker looks at goes on without it. Who waits for the worker waits for the
    /// command from now on.
    pub fn begin(&self, command: Command) -> Running {
        let mut state = self.tasks.state();
        let slot = state.take_slot(Some((command, None)));
        for waiting in &mut state.waiting {
            if waiting
                .slots
                .iter()
                .any(|&(other, _)| other == self.wish.slot)
            {
                waiting.slots.push((slot, 0));
            }
        }
        drop(state);
        Running {
            tasks: self.tasks.clone(),
            slot,
        }
    }
}

impl AsFd for Lane {
    /// Becomes readable, an edge each time, when the worker is wanted.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wish.news.as_fd()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.tasks.state();
        state.lanes.retain(|lane| lane.slot != self.wish.slot);
        drop(state);
        self.tasks.release(self.wish.slot, u64::MAX, true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn command(tag: u64) -> Command {
        Command {
            nexus: 0,
            target: 0,
            lun: 0,
            tag,
        }
    }

    fn counter() -> (Arc<AtomicUsize>, impl FnOnce() + Send + 'static) {
        let count = Arc::new(AtomicUsize::new(0));
        let theirs = count.clone();
        (count, move || {
            theirs.fetch_add(1, Ordering::SeqCst);
        })
    }

    #[test]
    fn an_abort_of_nothing_is_over_at_once() {
        let tasks = Arc::new(Tasks::default());
        let (count, then) = counter();

        tasks.end(|_| true, |command| command.tag == 1, Ended::Aborted, then);

        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn an_abort_is_over_when_the_last_of_its_commands_is() {
        let tasks = Arc::new(Tasks::default());
        let (first, second, other) = (
            tasks.begin(command(1)),
            tasks.begin(command(2)),
            tasks.begin(command(3)),
        );
        let (count, then) = counter();

        tasks.end(|_| true, |command| command.tag < 3, Ended::Reset, then);
        let ended = (first.ended(), second.ended(), other.ended());
        drop(first);
        drop(other);
        let early = count.load(Ordering::SeqCst);
        drop(second);

        assert_eq!(ended, (Some(Ended::Reset), Some(Ended::Reset), None));
        assert_eq!((early, count.load(Ordering::SeqCst)), (0, 1));
        assert_eq!(tasks.count(|_| true), 0);
    }

    #[test]
    fn a_slot_that_is_used_again_does_not_hold_a_former_abort_up() {
        let tasks = Arc::new(Tasks::default());
        let first = tasks.begin(command(1));
        let (count, then) = counter();
        tasks.end(|_| true, |_| true, Ended::Aborted, then);
        drop(first);

        let second = tasks.begin(command(2));

        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(second.ended(), None);
    }

    fn ended(tasks: &Tasks) -> Arc<AtomicUsize> {
        let (count, then) = counter();
        tasks.end(|nexus| nexus == 0, |_| true, Ended::Aborted, then);
        count
    }

    fn is_over(count: &AtomicUsize) -> bool {
        count.load(Ordering::SeqCst) == 1
    }

    #[test]
    fn an_end_waits_until_the_initiators_worker_has_seen_its_ring_empty() {
        let tasks = Arc::new(Tasks::default());
        let (mut lane, other) = (tasks.lane(0).unwrap(), tasks.lane(1).unwrap());
        let before = lane.wanted();

        let count = ended(&tasks);
        lane.swept(before);
        let early = is_over(&count);
        let wanted = (lane.is_wanted(), other.is_wanted());
        lane.swept(lane.wanted());

        assert_eq!((early, is_over(&count)), (false, true));
        assert_eq!(wanted, (true, false));
        assert!(!lane.is_wanted());
    }

    #[test]
    fn a_ring_that_is_never_empty_holds_an_end_up_for_as_many_commands_as_it_has_room_for() {
        let tasks = Arc::new(Tasks::default());
        let mut lane = tasks.lane(0).unwrap();
        let count = ended(&tasks);

        // The one that it is at, and those that may be in the ring.
        let over: Vec<_> = (0..6)
            .map(|_| {
                lane.passed(4);
                is_over(&count)
            })
            .collect();

        assert_eq!(over, [false, false, false, false, true, true]);
        assert!(!lane.is_wanted());
    }

    #[test]
    fn an_end_that_comes_during_a_sweep_waits_for_the_next() {
        let tasks = Arc::new(Tasks::default());
        let mut lane = tasks.lane(0).unwrap();
        let first = ended(&tasks);
        lane.passed(1);

        let second = ended(&tasks);
        lane.passed(1);
        let early = (is_over(&first), is_over(&second));
        lane.passed(1);
        lane.passed(1);

        assert_eq!(early, (true, false));
        assert!(is_over(&second));
    }

    #[test]
    fn a_worker_that_is_wanted_hears_of_it() {
        use rustix::event::{PollFd, PollFlags, poll};
        let tasks = Arc::new(Tasks::default());
        let lane = tasks.lane(0).unwrap();

        ended(&tasks);

        let mut fds = [PollFd::new(&lane, PollFlags::IN)];
        assert_eq!(
            poll(&mut fds, Some(&rustix::event::Timespec::default())),
            Ok(1)
        );
    }

    #[test]
    fn a_command_that_goes_on_without_its_worker_is_waited_for_in_its_place() {
        let tasks = Arc::new(Tasks::default());
        let mut lane = tasks.lane(0).unwrap();
        let count = ended(&tasks);

        let running = lane.begin(command(1));
        lane.swept(lane.wanted());
        let early = is_over(&count);
        let how = running.ended();
        drop(running);

        assert_eq!((early, how), (false, None));
        assert!(is_over(&count));
    }

    #[test]
    fn a_worker_that_is_gone_holds_nothing_up() {
        let tasks = Arc::new(Tasks::default());
        let lane = tasks.lane(0).unwrap();
        let first = ended(&tasks);

        drop(lane);
        let second = ended(&tasks);

        assert!(is_over(&first) && is_over(&second));
    }
}
