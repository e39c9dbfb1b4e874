// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Serves all ports of one guest: queues, the control protocol, what happens on the host's side.
//!
//! No descriptor that it uses blocks, so a client that reads nothing holds up its own port alone.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use virtio_device::{Chain, Channel, Interest, Queues, Sources, Token, Worker};
use zerocopy::IntoBytes;

use crate::host::{Kind, set_timer, timer};
use crate::port::{EVENT, IN, Next, OUT, Port, Sent, TOKENS, Told, due};
use crate::spec::{self, Control, Resize, Role, VIRTIO_CONSOLE_F_MULTIPORT};

/// Whoever has more to do than fits in a turn writes there.
const AGAIN: Token = Token(u32::MAX);

/// The timer for clients that could not be let in.
const RETRY: Token = Token(u32::MAX - 1);

/// How soon that is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// Control messages that a driver may send before others get their turn again.
const CONTROL_TURN: usize = 1024;

/// What the device and its worker share.
pub(crate) struct State {
    pub(crate) ports: Vec<Port>,
    pub(crate) multiport: bool,
    pub(crate) channel: Option<Arc<dyn Channel>>,
    sources: Option<Sources>,
    again: OwnedFd,
    retry: OwnedFd,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

/// The one worker of a console device.
#[derive(Debug)]
pub struct ConsoleWorker {
    state: Arc<Mutex<State>>,
}

pub(crate) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ConsoleWorker {
    pub(crate) fn new(state: Arc<Mutex<State>>) -> Self {
        Self { state }
    }
}

impl Worker for ConsoleWorker {
    fn negotiated(&mut self, features: u64) {
        lock(&self.state).multiport = features & VIRTIO_CONSOLE_F_MULTIPORT != 0;
    }

    fn sources(&mut self, sources: &mut Sources) -> io::Result<()> {
        lock(&self.state).watch(sources)
    }

    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        lock(&self.state).kicked(queue, queues);
    }

    fn ready(&mut self, token: Token, queues: &mut Queues<'_>) {
        lock(&self.state).ready(token, queues);
    }
}

impl State {
    pub(crate) fn new(ports: Vec<Port>) -> io::Result<Self> {
        Ok(Self {
            ports,
            multiport: false,
            channel: None,
            sources: None,
            again: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            retry: timer()?,
        })
    }

    fn watch(&mut self, sources: &Sources) -> io::Result<()> {
        sources.add(&self.again, Interest::Readable, AGAIN)?;
        sources.add(&self.retry, Interest::Readable, RETRY)?;
        for port in &mut self.ports {
            port.watch(sources)?;
        }
        self.sources = Some(sources.clone());
        // A worker that was made anew finds out by this what is to be done.
        self.call_again();
        Ok(())
    }

    /// The worker looks at everything once more.
    pub(crate) fn call_again(&self) {
        // Only a full counter would be an error, and that is as good.
        let _ = rustix::io::write(&self.again, &1u64.to_ne_bytes());
    }

    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        match Role::of(queue) {
            Role::ControlTransmit => self.listen_to_driver(queues),
            Role::ControlReceive => {}
            Role::Receive(port) => {
                let next = self.pump_in(port, queues);
                self.follow(next);
            }
            Role::Transmit(port) => {
                // The host's side says when it takes more.
                if self
                    .ports
                    .get(port)
                    .is_some_and(|port| !port.output_waits())
                {
                    let next = self.pump_out(port, queues);
                    self.follow(next);
                }
            }
        }
        self.tell_driver(queues);
    }

    fn ready(&mut self, token: Token, queues: &mut Queues<'_>) {
        if token == AGAIN {
            let _ = rustix::io::read(&self.again, &mut [0; 8]);
            for port in 0..self.ports.len() {
                self.pump(port, queues);
            }
        } else if token == RETRY {
            let _ = rustix::io::read(&self.retry, &mut [0; 8]);
            for index in 0..self.ports.len() {
                if self.ports[index].must_retry() {
                    self.ports[index].admit(self.sources.as_ref());
                    self.pump(index, queues);
                }
            }
            self.retry_if_due();
        } else {
            let index = (token.0 / TOKENS) as usize;
            let sources = self.sources.clone();
            let Some(port) = self.ports.get_mut(index) else {
                return;
            };
            match token.0 % TOKENS {
                IN => {
                    port.check_hangup(sources.as_ref());
                    let next = self.pump_in(index, queues);
                    self.follow(next);
                }
                OUT => {
                    port.check_hangup(sources.as_ref());
                    let next = self.pump_out(index, queues);
                    self.follow(next);
                }
                EVENT => {
                    port.host_event(sources.as_ref());
                    self.pump(index, queues);
                    self.retry_if_due();
                }
                _ => {}
            }
        }
        self.tell_driver(queues);
    }

    fn retry_if_due(&self) {
        if self.ports.iter().any(Port::must_retry) {
            set_timer(&self.retry, PAUSE, Duration::ZERO);
        }
    }

    fn follow(&self, next: Next) {
        if next == Next::Again {
            self.call_again();
        }
    }

    fn pump(&mut self, index: usize, queues: &mut Queues<'_>) {
        let out = self.pump_out(index, queues);
        let input = self.pump_in(index, queues);
        self.follow(out);
        self.follow(input);
    }

    fn pump_out(&mut self, index: usize, queues: &mut Queues<'_>) -> Next {
        let sources = self.sources.as_ref();
        let Some(port) = self.ports.get_mut(index) else {
            return Next::Wait;
        };
        match queues.get(spec::receive_queue(index) + 1) {
            Some(queue) if index == 0 || self.multiport => port.pump_out(queue, sources),
            _ => {
                port.flush_scrollback(sources);
                Next::Wait
            }
        }
    }

    fn pump_in(&mut self, index: usize, queues: &mut Queues<'_>) -> Next {
        let sources = self.sources.as_ref();
        let Some(port) = self.ports.get_mut(index) else {
            return Next::Wait;
        };
        // A guest throws away what comes for a port that nobody has open there; and its reader takes
        // a pause for the end, until it was told that somebody is here.
        let open = if self.multiport {
            port.told.guest_open && port.told.host_open
        } else {
            index == 0
        };
        let queue = if open {
            queues.get(spec::receive_queue(index))
        } else {
            None
        };
        port.pump_in(queue, sources)
    }

    fn listen_to_driver(&mut self, queues: &mut Queues<'_>) {
        for _ in 0..CONTROL_TURN {
            let Some(queue) = queues.get(spec::CONTROL_TX) else {
                return;
            };
            let Some(mut chain) = queue.pop() else {
                return;
            };
            let heard = match chain.read_obj::<Control>() {
                Ok(control) if self.multiport => self.hear(control, &chain),
                Ok(_) => None,
                Err(error) => {
                    chain.warn(format_args!("a control message: {error}"));
                    None
                }
            };
            queue.complete(chain);
            if let Some(port) = heard {
                self.pump(port, queues);
            }
        }
        self.call_again();
    }

    /// Returns the port that something may now be done for.
    fn hear(&mut self, control: Control, chain: &Chain) -> Option<usize> {
        let (id, event, value) = (control.id.get(), control.event.get(), control.value.get());
        if event == spec::DEVICE_READY {
            if value != 1 {
                chain.warn(format_args!(
                    "the guest's driver could not set the device up"
                ));
                return None;
            }
            for port in &mut self.ports {
                port.forget();
                if !port.removed {
                    port.due = due::ADD;
                }
            }
            return None;
        }
        let index = usize::try_from(id).unwrap_or(usize::MAX);
        let Some(port) = self.ports.get_mut(index).filter(|port| port.told.added) else {
            chain.warn(format_args!(
                "control message {event} for port {id}, which the driver was not given"
            ));
            return None;
        };
        match event {
            spec::PORT_READY if value == 1 => {
                port.told = Told {
                    added: true,
                    ready: true,
                    ..Told::default()
                };
                if port.console {
                    port.due |= due::CONSOLE | due::SIZE;
                }
                if port.name.is_some() {
                    port.due |= due::NAME;
                }
                port.due |= due::OPEN;
                None
            }
            spec::PORT_READY => {
                chain.warn(format_args!(
                    "the guest's driver could not set port {id} up"
                ));
                port.told.ready = false;
                port.told.guest_open = false;
                None
            }
            spec::PORT_OPEN => {
                port.told.guest_open = value != 0;
                Some(index)
            }
            _ => {
                chain.warn(format_args!(
                    "unknown control message {event} for port {id}"
                ));
                None
            }
        }
    }

    /// Sends the control messages that are due, as far as the driver has room. What is due is a few
    /// bits for each port, so a driver that gives no room costs nothing: it gets the state as it is
    /// when it does.
    fn tell_driver(&mut self, queues: &mut Queues<'_>) {
        let resized = self
            .ports
            .first()
            .is_some_and(|port| port.due & due::SIZE != 0);
        if !self.multiport {
            if resized {
                self.ports[0].due &= !due::SIZE;
                self.notify_config();
            }
            return;
        }
        for index in 0..self.ports.len() {
            while let Some(bit) = self.ports[index].next_due() {
                let port = &mut self.ports[index];
                let Some(message) = port.message(bit) else {
                    port.due &= !bit;
                    continue;
                };
                let Some(mut chain) = queues.get(spec::CONTROL_RX).and_then(|q| q.pop()) else {
                    return;
                };
                let fits = chain.write_all(&message);
                let mut opened = false;
                match fits {
                    Ok(()) => {
                        port.due &= !bit;
                        port.sent_message(bit);
                        opened = bit == due::OPEN && port.told.host_open;
                    }
                    Err(error) => chain.warn(format_args!("no room for a message: {error}")),
                }
                queues.complete(spec::CONTROL_RX, chain);
                if opened {
                    // For its input.
                    self.call_again();
                }
            }
        }
    }

    fn notify_config(&self) {
        if let Some(channel) = &self.channel {
            channel.config_changed();
        }
    }

    /// A character of a driver in distress goes behind what waits already.
    pub(crate) fn emergency(&mut self, byte: u8) {
        let sources = self.sources.as_ref();
        if let Some(port) = self.ports.first_mut() {
            if port.is_attached() {
                port.scrollback.push_if_room(byte);
            } else {
                port.scrollback.push(&[byte]);
            }
            port.flush_scrollback(sources);
        }
    }

    /// All queues are stopped, and the driver begins anew.
    pub(crate) fn reset(&mut self) {
        self.multiport = false;
        for port in &mut self.ports {
            port.forget();
            port.sent = Sent::default();
        }
    }
}

impl Port {
    /// The lowest bit that is due and may be sent.
    fn next_due(&self) -> Option<u8> {
        let allowed = if self.told.ready {
            !0
        } else if self.told.added {
            due::REMOVE
        } else {
            due::ADD
        };
        let bits = self.due & allowed;
        (bits != 0).then(|| bits & bits.wrapping_neg())
    }

    /// `None` if there is nothing new to say.
    fn message(&self, bit: u8) -> Option<Vec<u8>> {
        let control = |event: u16, value: u16| {
            Control {
                id: (self.index as u32).into(),
                event: event.into(),
                value: value.into(),
            }
            .as_bytes()
            .to_vec()
        };
        match bit {
            due::ADD => Some(control(spec::PORT_ADD, 1)),
            due::CONSOLE => Some(control(spec::CONSOLE_PORT, 1)),
            due::SIZE if self.console && self.size != (0, 0) => {
                let mut message = control(spec::RESIZE, 0);
                let (cols, rows) = self.size;
                let size = Resize {
                    cols: cols.into(),
                    rows: rows.into(),
                };
                message.extend(size.as_bytes());
                Some(message)
            }
            due::NAME => {
                let mut message = control(spec::PORT_NAME, 1);
                message.extend(self.name.as_ref()?.as_bytes());
                Some(message)
            }
            due::OPEN => {
                let open = self.is_attached();
                (open != self.told.host_open).then(|| control(spec::PORT_OPEN, open.into()))
            }
            due::REMOVE => Some(control(spec::PORT_REMOVE, 0)),
            _ => None,
        }
    }

    fn sent_message(&mut self, bit: u8) {
        match bit {
            due::ADD => self.told.added = true,
            due::OPEN => self.told.host_open = self.is_attached(),
            due::REMOVE => self.told = Told::default(),
            _ => {}
        }
    }

    /// Whether the host's side has a size that the guest may be told.
    pub(crate) fn has_size(&self) -> bool {
        match &self.host.0 {
            Kind::Terminal(terminal) => terminal.is_terminal(),
            Kind::Pty(_) => true,
            _ => false,
        }
    }
}
