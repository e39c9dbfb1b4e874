// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The control queue (VIRTIO 1.3, 5.6.6.2) and the event queue (5.6.6.3).

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use virtio_device::{Chain, Interest, Queues, Sources, Token};
use zerocopy::little_endian::U32;

use crate::server::Server;
use crate::spec::{
    CONTROL_QUEUE, EVENT_QUEUE, Event, Notification, NotificationAnswer, TaskManagement,
    VIRTIO_SCSI_F_CHANGE, VIRTIO_SCSI_F_HOTPLUG, control, event, response, tmf,
};
use crate::target::address::Address;
use crate::target::has_target;
use crate::target::sense::Code;
use crate::target::tasks::{Command, Ended};

/// A driver without buffers for events gets to know that it missed some. Until then so many wait.
const MAX_EVENTS: usize = 64;

const NEWS: Token = Token(0);

/// Events for one guest.
#[derive(Debug)]
pub(crate) struct Mailbox {
    state: Mutex<Mail>,
    news: OwnedFd,
}

#[derive(Debug, Default)]
struct Mail {
    /// There is a driver. One that comes looks at everything anyway.
    awake: bool,
    events: VecDeque<Event>,
    missed: bool,
}

impl Mailbox {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            state: Mutex::default(),
            news: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    fn state(&self) -> MutexGuard<'_, Mail> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event for the guest.
    pub(crate) fn send(&self, event: Event) {
        let mut state = self.state();
        if !state.awake {
            return;
        }
        if state.events.len() < MAX_EVENTS {
            state.events.push_back(event);
        } else {
            state.missed = true;
        }
        drop(state);
        let _ = rustix::io::write(&self.news, &1u64.to_ne_bytes());
    }

    /// Whether there is something that the driver has not heard of.
    pub(crate) fn has_news(&self) -> bool {
        let state = self.state();
        state.missed || !state.events.is_empty()
    }

    /// The driver comes from another daemon, where there was something that it has not heard of: it has
    /// to look at everything, for what it was is not known here.
    pub(crate) fn miss(&self) {
        self.state().missed = true;
        let _ = rustix::io::write(&self.news, &1u64.to_ne_bytes());
    }

    /// The driver is gone.
    pub(crate) fn clear(&self) {
        *self.state() = Mail::default();
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.news.as_fd()
    }
}

/// Serves the control and the event queue of one guest.
#[derive(Debug)]
pub struct ControlWorker {
    nexus: usize,
    server: Arc<Server>,
    mailbox: Arc<Mailbox>,
    features: u64,
}

impl ControlWorker {
    pub(crate) fn new(nexus: usize, server: Arc<Server>, mailbox: Arc<Mailbox>) -> Self {
        Self {
            nexus,
            server,
            mailbox,
            features: 0,
        }
    }

    pub(crate) fn negotiated(&mut self, features: u64) {
        self.features = features;
        self.mailbox.state().awake = true;
    }

    pub(crate) fn sources(&mut self, sources: &mut Sources) -> io::Result<()> {
        sources.add(&self.mailbox.news, Interest::Readable, NEWS)
    }

    pub(crate) fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        match queue {
            CONTROL_QUEUE => {
                while let Some(chain) = queues.get(CONTROL_QUEUE).and_then(|queue| queue.pop()) {
                    if let Some(chain) = self.answer(chain) {
                        queues.complete(CONTROL_QUEUE, chain);
                    }
                }
            }
            _ => self.deliver(queues),
        }
    }

    pub(crate) fn ready(&mut self, queues: &mut Queues<'_>) {
        let _ = rustix::io::read(&self.mailbox.news, &mut [0; 8]);
        self.deliver(queues);
    }

    fn wants(&self, event: &Event) -> bool {
        let feature = match event.event.get() {
            event::TRANSPORT_RESET => VIRTIO_SCSI_F_HOTPLUG,
            _ => VIRTIO_SCSI_F_CHANGE,
        };
        self.features & feature != 0
    }

    fn deliver(&mut self, queues: &mut Queues<'_>) {
        let Some(queue) = queues.get(EVENT_QUEUE) else {
            return;
        };
        loop {
            let mut mail = self.mailbox.state();
            if self.features & (VIRTIO_SCSI_F_HOTPLUG | VIRTIO_SCSI_F_CHANGE) == 0 {
                // Nothing that it could have missed is for this driver.
                mail.missed = false;
            }
            while mail.events.front().is_some_and(|event| !self.wants(event)) {
                mail.events.pop_front();
            }
            if mail.events.is_empty() && !mail.missed {
                return;
            }
            let Some(mut chain) = queue.pop() else {
                return;
            };
            let mut event = mail.events.pop_front().unwrap_or(Event {
                event: event::NO_EVENT.into(),
                lun: [0; 8],
                reason: 0.into(),
            });
            if mail.missed {
                event.event = (event.event.get() | event::EVENTS_MISSED).into();
            }
            if chain.write_obj(&event).is_ok() {
                mail.missed = false;
            } else {
                chain.warn(format_args!(
                    "a buffer for events with room for {} bytes",
                    chain.writable_len()
                ));
                mail.missed = true;
            }
            drop(mail);
            queue.complete(chain);
        }
    }

    /// Returns the chain if it has its answer.
    fn answer(&self, mut chain: Chain) -> Option<Chain> {
        let Ok(kind) = chain.read_obj::<U32>() else {
            chain.warn(format_args!("a control request without a type"));
            return Some(chain);
        };
        match kind.get() {
            control::TMF => self.manage(chain),
            control::AN_QUERY | control::AN_SUBSCRIBE => {
                if chain.read_obj::<Notification>().is_err() {
                    chain.warn(format_args!("a notification request that is too short"));
                    return Some(chain);
                }
                // A disk has none of these events.
                let answer = NotificationAnswer {
                    event_actual: 0.into(),
                    response: response::OK,
                };
                if chain.write_obj(&answer).is_err() {
                    chain.warn(format_args!("a notification request without room"));
                }
                Some(chain)
            }
            other => {
                chain.warn(format_args!("a control request of type {other}"));
                let _ = chain.write_at(0, &[response::FAILURE]);
                Some(chain)
            }
        }
    }

    fn manage(&self, mut chain: Chain) -> Option<Chain> {
        let request = match chain.read_obj::<TaskManagement>() {
            Ok(request) if chain.writable_len() > 0 => request,
            _ => {
                chain.warn(format_args!(
                    "a task management function that is too short or has no room"
                ));
                return Some(chain);
            }
        };
        let answer = |mut chain: Chain, code: u8| {
            let _ = chain.write_all(&[code]);
            Some(chain)
        };
        let luns = self.server.targets().luns();
        let Some(Address::Unit { target, lun }) = Address::parse(&request.lun) else {
            return answer(chain, response::BAD_TARGET);
        };
        if !has_target(&luns, target) {
            return answer(chain, response::BAD_TARGET);
        }
        let subtype = request.subtype.get();
        let unit = luns.get(&(target, lun));
        let Some(unit) = unit.or_else(|| {
            // This one is about the target.
            let first = luns.range((target, 0)..).next().map(|(_, unit)| unit);
            first.filter(|_| subtype == tmf::I_T_NEXUS_RESET)
        }) else {
            return answer(chain, response::INCORRECT_LUN);
        };
        let (nexus, tag) = (self.nexus, request.id.get());
        let of_unit = move |command: &Command| (command.target, command.lun) == (target, lun);
        let me = move |other: usize| other == nexus;
        let mine = move |command: &Command| of_unit(command) && command.nexus == nexus;
        let tasks = &self.server.targets().tasks;
        let found = |count: usize| match count {
            0 => response::FUNCTION_COMPLETE,
            _ => response::FUNCTION_SUCCEEDED,
        };
        match subtype {
            tmf::QUERY_TASK | tmf::QUERY_TASK_SET => {
                let all = subtype == tmf::QUERY_TASK_SET;
                let count = tasks.count(|it| mine(it) && (all || it.tag == tag));
                return answer(chain, found(count));
            }
            tmf::ABORT_TASK
            | tmf::ABORT_TASK_SET
            | tmf::CLEAR_TASK_SET
            | tmf::LOGICAL_UNIT_RESET
            | tmf::I_T_NEXUS_RESET => {}
            // There is no auto-contingent allegiance.
            _ => return answer(chain, response::FUNCTION_REJECTED),
        }
        let complete = move || {
            let _ = chain.write_all(&[response::FUNCTION_COMPLETE]);
            chain.finish();
        };
        match subtype {
            tmf::ABORT_TASK => {
                let matches = move |command: &Command| mine(command) && command.tag == tag;
                tasks.end(me, matches, Ended::Aborted, complete);
            }
            tmf::ABORT_TASK_SET => tasks.end(me, mine, Ended::Aborted, complete),
            tmf::CLEAR_TASK_SET => {
                for other in (0..self.server.guests()).filter(|&other| other != nexus) {
                    if tasks.count(|command| of_unit(command) && command.nexus == other) > 0 {
                        unit.unit
                            .tell(other, Code::COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
                    }
                }
                tasks.end(|_| true, of_unit, Ended::Aborted, complete);
            }
            tmf::LOGICAL_UNIT_RESET => {
                unit.unit.reset();
                tasks.end(|_| true, of_unit, Ended::Reset, complete);
            }
            _ => {
                for (_, unit) in luns.range((target, 0)..=(target, u16::MAX)) {
                    unit.unit.lose_nexus(nexus);
                }
                let matches =
                    move |command: &Command| command.target == target && command.nexus == nexus;
                tasks.end(me, matches, Ended::Reset, complete);
            }
        }
        None
    }
}
