// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Commands that are under way, for task management (SAM-5, 7).
//!
//! What the kernel has been given cannot be taken back. So an abort marks a command, waits until it
//! ends, and only then is answered: after the answer nothing of the command happens any more.
//!
//! Most commands are over before their worker looks at the next one, and registering each would cost all
//! workers a lock that they share. Such a worker only says that it is at work ([`Lane`]), and who ends
//! commands waits for the one that it is at, whatever that is.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    lanes: Vec<(usize, Arc<AtomicU8>)>,
}

struct Waiting {
    slots: Vec<usize>,
    then: Then,
}

/// Nobody is at work.
const IDLE: u8 = 0;
/// A worker is at a command.
const BUSY: u8 = 1;
/// It is, and somebody waits for it to be done with that command.
const AWAITED: u8 = 2;

/// Where one worker begins its commands.
#[derive(Debug)]
pub struct Lane {
    tasks: Arc<Tasks>,
    state: Arc<AtomicU8>,
    /// One that no command ever has.
    slot: usize,
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

    /// For a worker that begins commands.
    pub fn lane(self: &Arc<Self>) -> Lane {
        let lane = Arc::new(AtomicU8::new(IDLE));
        let mut state = self.state();
        let slot = state.take_slot(None);
        state.lanes.push((slot, lane.clone()));
        drop(state);
        Lane {
            tasks: self.clone(),
            state: lane,
            slot,
        }
    }

    /// Nobody waits for this one any longer.
    fn release(&self, slot: usize, free: bool) {
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
            waiting.slots.retain(|&other| other != slot);
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

    /// Ends what matches. `then` is called once nothing of it is left, and no worker is at a command that
    /// it looked at before: at once, or on the thread of the last one. What makes later commands differ
    /// from those (a reservation, say) has to be in force before this is called.
    pub fn end(
        &self,
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
                slots.push(slot);
            }
        }
        // What a worker is at may be one of them.
        for (slot, lane) in &state.lanes {
            let awaited = lane.compare_exchange(BUSY, AWAITED, Ordering::SeqCst, Ordering::SeqCst);
            if awaited != Err(IDLE) {
                slots.push(*slot);
            }
        }
        if slots.is_empty() {
            drop(state);
            then();
        } else {
            let then = Box::new(then);
            state.waiting.push(Waiting { slots, then });
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
        self.tasks.release(self.slot, true);
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
    /// The worker looks at a command.
    #[inline]
    pub fn enter(&self) {
        // Before it looks at anything that decides about the command: see `Tasks::end`.
        self.state.store(BUSY, Ordering::SeqCst);
    }

    /// Whether somebody waits for it to be done with the command.
    #[inline]
    pub fn is_awaited(&self) -> bool {
        self.state.load(Ordering::Relaxed) == AWAITED
    }

    /// The worker is done with it, or has registered it.
    #[inline]
    pub fn leave(&self) {
        if self.state.swap(IDLE, Ordering::SeqCst) == AWAITED {
            self.tasks.release(self.slot, false);
        }
    }

    /// The command that the worker looks at goes on without it. Who waits for the worker waits for the
    /// command from now on.
    pub fn begin(&self, command: Command) -> Running {
        let mut state = self.tasks.state();
        let slot = state.take_slot(Some((command, None)));
        for waiting in &mut state.waiting {
            if waiting.slots.contains(&self.slot) {
                waiting.slots.push(slot);
            }
        }
        drop(state);
        Running {
            tasks: self.tasks.clone(),
            slot,
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.tasks.state();
        state.lanes.retain(|&(slot, _)| slot != self.slot);
        drop(state);
        self.tasks.release(self.slot, true);
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

        tasks.end(|command| command.tag == 1, Ended::Aborted, then);

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

        tasks.end(|command| command.tag < 3, Ended::Reset, then);
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
        tasks.end(|_| true, Ended::Aborted, then);
        drop(first);

        let second = tasks.begin(command(2));

        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(second.ended(), None);
    }

    #[test]
    fn an_end_waits_for_the_command_that_a_worker_is_at_and_for_no_later_one() {
        let tasks = Arc::new(Tasks::default());
        let (idle, busy) = (tasks.lane(), tasks.lane());
        let (count, then) = counter();
        busy.enter();

        tasks.end(|_| true, Ended::Aborted, then);
        let awaited = (idle.is_awaited(), busy.is_awaited());
        let early = count.load(Ordering::SeqCst);
        busy.leave();
        let late = count.load(Ordering::SeqCst);
        busy.enter();

        assert_eq!(awaited, (false, true));
        assert_eq!((early, late), (0, 1));
        assert!(!busy.is_awaited());
    }

    #[test]
    fn every_end_waits_for_a_worker_that_one_waits_for_already() {
        let tasks = Arc::new(Tasks::default());
        let lane = tasks.lane();
        let ((first, one), (second, two)) = (counter(), counter());
        lane.enter();

        tasks.end(|_| true, Ended::Aborted, one);
        tasks.end(|_| true, Ended::Aborted, two);
        let early = first.load(Ordering::SeqCst) + second.load(Ordering::SeqCst);
        lane.leave();

        assert_eq!(early, 0);
        assert_eq!(first.load(Ordering::SeqCst), 1);
        assert_eq!(second.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_command_that_goes_on_without_its_worker_is_waited_for_in_its_place() {
        let tasks = Arc::new(Tasks::default());
        let lane = tasks.lane();
        let (count, then) = counter();
        lane.enter();

        tasks.end(|_| true, Ended::Aborted, then);
        let running = lane.begin(command(1));
        lane.leave();
        let early = count.load(Ordering::SeqCst);
        let ended = running.ended();
        drop(running);

        assert_eq!((early, ended), (0, None));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_worker_that_is_gone_holds_nothing_up() {
        let tasks = Arc::new(Tasks::default());
        let lane = tasks.lane();
        let ((first, one), (second, two)) = (counter(), counter());
        lane.enter();
        tasks.end(|_| true, Ended::Aborted, one);

        drop(lane);
        tasks.end(|_| true, Ended::Aborted, two);

        assert_eq!(first.load(Ordering::SeqCst), 1);
        assert_eq!(second.load(Ordering::SeqCst), 1);
    }
}
