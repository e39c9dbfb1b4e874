// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Commands that are under way, for task management (SAM-5, 7).
//!
//! What the kernel has been given cannot be taken back. So an abort marks a command, waits until it
//! ends, and only then is answered: after the answer nothing of the command happens any more.

use std::fmt;
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
}

struct Waiting {
    slots: Vec<usize>,
    then: Then,
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
        let mut state = self.state();
        let entry = Some((command, None));
        let slot = match state.free.pop() {
            Some(slot) => {
                state.running[slot] = entry;
                slot
            }
            None => {
                state.running.push(entry);
                state.running.len() - 1
            }
        };
        Running {
            tasks: self.clone(),
            slot,
        }
    }

    /// How many match.
    pub fn count(&self, matches: impl Fn(&Command) -> bool) -> usize {
        let state = self.state();
        let running = state.running.iter().flatten();
        running.filter(|(command, _)| matches(command)).count()
    }

    /// Ends what matches. `then` is called once nothing of it is left: at once, or on the thread of
    /// the last one.
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
        let mut due: Vec<Then> = Vec::new();
        let mut state = self.tasks.state();
        if let Some(entry) = state.running.get_mut(self.slot) {
            *entry = None;
        }
        state.free.push(self.slot);
        let mut index = 0;
        while index < state.waiting.len() {
            let waiting = &mut state.waiting[index];
            waiting.slots.retain(|&slot| slot != self.slot);
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
}
