// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The one event loop of a guest: its connections, the sockets that lead to it, its deadlines.
//!
//! Descriptors are watched for edges and cost nothing while idle. What an edge or the guest makes
//! possible is put in a line, and the line is served while the guest has buffers: see `to_guest`.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use virtio_device::{Chain, Interest, Queues, Sources, Token, Worker};

use crate::Limits;
use crate::host::{self, Attempt, Backend, Greeting, Listener};
use crate::outbox::Outbox;
use crate::spec::{
    EVENT, EVENT_TRANSPORT_RESET, Event, HOST_CID, Header, Kind, OP_RST, RX, SHUTDOWN_BOTH,
    SHUTDOWN_SEND, TX, VIRTIO_VSOCK_F_NO_IMPLIED_STREAM, VIRTIO_VSOCK_F_SEQPACKET,
    VIRTIO_VSOCK_F_STREAM,
};
use crate::switch::{Incoming, Shared, Switch};
use crate::table::{Connection, Key, Phase, Table};

const SIGNAL: Token = Token(0);
const TIMER: Token = Token(1);
/// The listeners' tokens begin here, the connections' there.
const LISTENERS: u32 = 2;
const CONNECTIONS: u32 = 1 << 16;

/// Host programs that connected and did not say yet what they want. The oldest goes first.
const MAX_GREETINGS: usize = 1024;

/// Accepted in one turn, so that a storm of connections does not hold up the others.
const ACCEPTS_A_TURN: u32 = 64;

/// How soon a listener is tried again when this process is out of descriptors.
const ACCEPT_PAUSE: u64 = 200;

/// How soon a program that is slow to accept is tried again; twice as late each time, up to so many
/// times: a guest with thousands of attempts must not keep a CPU busy.
const CONNECT_PAUSE: u64 = 10;
const MAX_DOUBLINGS: u8 = 7;

/// Sockets that wait to be closed while the guest keeps the device busy: one that opens and resets
/// without end has no more descriptors than these beside its connections.
pub(crate) const MAX_CLOSINGS: usize = 16;

/// The number of no connection: the listeners' own deadline.
const NO_CONNECTION: u32 = u32::MAX;

/// Ports that host programs seem to come from, as guests see them: out of the way of those that people
/// choose.
const FIRST_LOCAL_PORT: u32 = 1 << 30;
const LOCAL_PORTS: u32 = 1 << 30;

/// What can wait until the guest has its answers: it goes on meanwhile, instead of waiting for this.
#[derive(Debug, Default)]
struct Chores {
    /// Connections whose sockets are to be set up and watched.
    settle: Vec<u32>,
    /// Sockets that nobody needs any more.
    close: VecDeque<OwnedFd>,
}

/// All that the worker of one guest owns.
#[derive(Debug)]
pub struct VsockWorker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) switch: Arc<Switch>,
    pub(crate) backend: Arc<Backend>,
    listeners: Arc<Vec<Listener>>,
    pub(crate) limits: Limits,
    sources: Option<Sources>,
    timer: OwnedFd,
    /// When the timer is set to.
    armed: Option<u64>,
    start: Instant,
    epoch: u32,

    pub(crate) table: Table,
    deadlines: BTreeSet<(u64, u32)>,
    /// Those of `deadlines` that are of host programs that said nothing yet.
    greetings: BTreeSet<(u64, u32)>,
    next_port: u32,
    /// Bytes in all outboxes.
    pub(crate) buffered: usize,
    chores: Chores,

    /// Packets to the guest that belong to no connection.
    pub(crate) resets: VecDeque<Header>,
    /// The line of connections that have something for the guest.
    pub(crate) line: VecDeque<u32>,
    /// The guest has to take packets before more of its own are looked at.
    pub(crate) tx_blocked: bool,
    /// Empty, but for its allocation.
    pub(crate) chains: Vec<Chain>,
    /// As well.
    pub(crate) spare: Option<Box<Outbox>>,

    streams: bool,
    messages: bool,
    /// RX and TX were started, and whether from the beginning of their rings.
    live: [bool; 2],
    fresh: [bool; 2],
    pub(crate) running: bool,
}

impl VsockWorker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        switch: Arc<Switch>,
        backend: Arc<Backend>,
        listeners: Arc<Vec<Listener>>,
        limits: Limits,
    ) -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        // There may have been another, which failed.
        shared.running.store(false, Ordering::Release);
        Ok(Self {
            epoch: shared.epoch.load(Ordering::Acquire),
            shared,
            switch,
            backend,
            listeners,
            limits,
            sources: None,
            timer: timerfd_create(TimerfdClockId::Monotonic, flags)?,
            armed: None,
            start: Instant::now(),
            table: Table::default(),
            deadlines: BTreeSet::new(),
            greetings: BTreeSet::new(),
            next_port: 0,
            buffered: 0,
            chores: Chores::default(),
            resets: VecDeque::new(),
            line: VecDeque::new(),
            tx_blocked: false,
            chains: Vec::new(),
            spare: None,
            streams: true,
            messages: false,
            live: [false; 2],
            fresh: [false; 2],
            running: false,
        })
    }

    pub(crate) fn allows(&self, kind: Kind) -> bool {
        match kind {
            Kind::Stream => self.streams,
            Kind::SeqPacket => self.messages,
        }
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn in_future(&self, time: Duration) -> u64 {
        self.now()
            .saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    // Connections

    /// Puts a connection in the line for the guest's buffers.
    pub(crate) fn enqueue(&mut self, id: u32) {
        if let Some(connection) = self.table.get(id)
            && !std::mem::replace(&mut connection.queued, true)
        {
            self.line.push_back(id);
        }
    }

    pub(crate) fn set_deadline(&mut self, id: u32, deadline: Option<u64>) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        if let Some(former) = std::mem::replace(&mut connection.deadline, deadline) {
            self.deadlines.remove(&(former, id));
            self.greetings.remove(&(former, id));
        }
        if let Some(deadline) = deadline {
            if connection.phase == Phase::Greeting {
                self.greetings.insert((deadline, id));
            }
            self.deadlines.insert((deadline, id));
            self.arm_timer();
        }
    }

    fn arm_timer(&mut self) {
        let first = self.deadlines.first().map(|&(deadline, _)| deadline);
        // One that is too early costs a look; it is not worth a call to put it off.
        if first.is_none() || self.armed.is_some_and(|armed| Some(armed) <= first) {
            return;
        }
        self.armed = first;
        let left = first.unwrap_or(0).saturating_sub(self.now()).max(1);
        let timer = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(Duration::from_millis(left)).unwrap_or_default(),
        };
        if let Err(errno) = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer) {
            log::error!("cannot arm the timer of connections: {errno}");
        }
    }

    /// Watches the connection's socket. False if the kernel cannot.
    pub(crate) fn watch(&mut self, id: u32, interest: Interest) -> bool {
        let (Some(sources), Some(connection)) = (&self.sources, self.table.get(id)) else {
            return false;
        };
        let Some(fd) = &connection.fd else {
            return false;
        };
        match sources.add(fd, interest, Token(CONNECTIONS + id)) {
            Ok(()) => true,
            Err(error) => {
                log::error!("cannot watch a connection: {error}");
                false
            }
        }
    }

    /// The socket is there; it is set up and watched when the guest has its answer. What the kernel has
    /// for it then is told, however old it is.
    fn watch_later(&mut self, id: u32) {
        if let Some(connection) = self.table.get(id) {
            connection.unwatched = true;
            self.chores.settle.push(id);
        }
    }

    pub(crate) fn settle(&mut self, id: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        // The number may be another connection's by now.
        if !std::mem::take(&mut connection.unwatched) {
            return;
        }
        // The host may have left already.
        let Some(fd) = &connection.fd else {
            return;
        };
        if matches!(*self.backend, Backend::Unix(_)) {
            host::enlarge(fd, self.limits.window);
        }
        if !self.watch(id, Interest::ReadEdges) {
            self.abort(id);
            self.call_again();
        }
    }

    /// Shows the guest what it got, and does what was put off for that. Sockets are closed one by one:
    /// a guest that has more to say is listened to first.
    fn do_chores(&mut self, queues: &mut Queues<'_>) {
        if self.chores.settle.is_empty() && self.chores.close.is_empty() {
            return;
        }
        for index in [RX, TX] {
            if let Some(queue) = queues.get(index) {
                queue.flush();
            }
        }
        for at in 0..self.chores.settle.len() {
            self.settle(self.chores.settle[at]);
        }
        self.chores.settle.clear();
        while let Some(fd) = self.chores.close.pop_front() {
            drop(fd);
            // Packets that wait for the guest to take others do not call again.
            if !self.tx_blocked && queues.get(TX).is_some_and(|queue| queue.has_news()) {
                return;
            }
        }
    }

    /// Waits for room in the host's socket, or stops that.
    pub(crate) fn watch_room(&mut self, id: u32, on: bool) {
        if on {
            self.settle(id);
        }
        let (Some(sources), Some(connection)) = (&self.sources, self.table.get(id)) else {
            return;
        };
        if connection.watches_room == on {
            return;
        }
        connection.watches_room = on;
        let interest = if on {
            Interest::Edges
        } else {
            Interest::ReadEdges
        };
        if let Some(fd) = &connection.fd
            && let Err(error) = sources.modify(fd, interest, Token(CONNECTIONS + id))
        {
            log::error!("cannot watch a connection: {error}");
        }
    }

    /// Forgets a connection; its socket is closed soon.
    pub(crate) fn remove(&mut self, id: u32) {
        self.set_deadline(id, None);
        if let Some(connection) = self.table.remove(id) {
            if let Some(outbox) = &connection.outbox {
                self.buffered -= outbox.len();
            }
            if self.chores.close.len() >= MAX_CLOSINGS {
                self.chores.close.pop_front();
            }
            self.chores.close.extend(connection.fd);
        }
    }

    /// Forgets a connection that did not end well. The guest and a sibling are told.
    pub(crate) fn abort(&mut self, id: u32) {
        let cid = self.shared.cid();
        let Some(connection) = self.table.get(id) else {
            return;
        };
        if let Some(link) = &connection.link {
            link.abort();
        }
        // A guest that was not asked yet knows nothing of it.
        if connection.keyed && !connection.request {
            let header = reset(cid, connection.key, connection.kind.wire());
            self.resets.push_back(header);
        }
        self.remove(id);
    }

    /// Ends all connections that the guest knew.
    fn reset_all(&mut self) {
        for id in self.table.ids() {
            let Some(connection) = self.table.get(id) else {
                continue;
            };
            match connection.phase {
                Phase::Greeting => {}
                // The guest has finished it; what it sent is still delivered.
                Phase::Left => self.table.take_key(id),
                _ => {
                    if let Some(link) = &connection.link {
                        link.abort();
                    }
                    self.remove(id);
                }
            }
        }
        self.resets.clear();
        self.line.clear();
        for id in self.table.ids() {
            if let Some(connection) = self.table.get(id) {
                connection.queued = false;
            }
        }
        self.tx_blocked = false;
    }

    fn check_epoch(&mut self) {
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        if epoch != self.epoch {
            self.epoch = epoch;
            self.reset_all();
        }
    }

    fn set_running(&mut self, running: bool) {
        self.running = running;
        self.shared.running.store(running, Ordering::Release);
        if !running {
            return;
        }
        // A driver that begins anew knows nothing of what was before.
        if self.fresh == [true; 2] {
            self.reset_all();
        }
    }

    // Host programs

    fn accept(&mut self, index: usize) {
        let listeners = self.listeners.clone();
        let Some(listener) = listeners.get(index) else {
            return;
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        for _ in 0..ACCEPTS_A_TURN {
            match accept_with(&listener.socket, flags) {
                Ok(fd) => self.admit(fd, listener),
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(errno) => {
                    log::warn!("cannot accept a host program's connection: {errno}");
                    self.pause_listeners(true);
                    return;
                }
            }
        }
    }

    fn pause_listeners(&mut self, pause: bool) {
        let interest = if pause {
            Interest::None
        } else {
            Interest::Readable
        };
        if let Some(sources) = &self.sources {
            for (token, listener) in (LISTENERS..).zip(self.listeners.iter()) {
                let _ = sources.modify(&listener.socket, interest, Token(token));
            }
        }
        if pause {
            let again = self.now() + ACCEPT_PAUSE;
            self.deadlines.insert((again, NO_CONNECTION));
            self.arm_timer();
        }
    }

    fn admit(&mut self, fd: OwnedFd, listener: &Listener) {
        if self.table.len() >= self.limits.connections {
            log::debug!("a host program's connection is closed: there are too many");
            return;
        }
        let key = Key {
            cid: HOST_CID,
            port: 0,
            guest_port: listener.port.unwrap_or(0),
        };
        if listener.port.is_none()
            && self.greetings.len() >= MAX_GREETINGS
            && let Some(&(_, oldest)) = self.greetings.first()
        {
            self.remove(oldest);
        }
        let connection = Connection {
            fd: Some(fd),
            ..Connection::new(key, listener.kind, Phase::Greeting, self.limits.window)
        };
        let id = self.table.insert(connection);
        self.set_deadline(id, Some(self.in_future(self.limits.connect_timeout)));
        self.watch_later(id);
        if let Some(port) = listener.port {
            self.ask_guest(id, port);
        } else {
            // Most programs have said it by now.
            self.greet(id);
        }
    }

    fn greet(&mut self, id: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        let Some(fd) = &connection.fd else {
            return;
        };
        match host::greeting(fd, connection.kind) {
            Greeting::Partial => {}
            Greeting::Gone => self.remove(id),
            Greeting::Malformed => {
                // A socket that is closed with bytes unread may lose the answer.
                let _ = recv(fd, &mut [0; 4096][..], RecvFlags::DONTWAIT);
                say(fd, host::MALFORMED);
                self.remove(id);
            }
            Greeting::Port(port) => {
                connection.greeted = true;
                self.ask_guest(id, port);
            }
        }
    }

    /// A port that the guest has no connection with.
    fn local_port(&mut self, guest_port: u32) -> Option<u32> {
        for _ in 0..=self.table.len() {
            let port = FIRST_LOCAL_PORT + self.next_port % LOCAL_PORTS;
            self.next_port = self.next_port.wrapping_add(1);
            let key = Key {
                cid: HOST_CID,
                port,
                guest_port,
            };
            if self.table.find(&key).is_none() {
                return Some(port);
            }
        }
        None
    }

    fn ask_guest(&mut self, id: u32, guest_port: u32) {
        let kind = match self.table.get(id) {
            Some(connection) => connection.kind,
            None => return,
        };
        let port = self.local_port(guest_port);
        let (true, Some(port)) = (self.allows(kind), port) else {
            self.remove(id);
            return;
        };
        let key = Key {
            cid: HOST_CID,
            port,
            guest_port,
        };
        self.request(id, key);
    }

    /// Asks the guest for a connection.
    fn request(&mut self, id: u32, key: Key) {
        self.table.give_key(id, key);
        if let Some(connection) = self.table.get(id) {
            connection.phase = Phase::Requested;
            connection.request = true;
        }
        self.set_deadline(id, Some(self.in_future(self.limits.connect_timeout)));
        self.enqueue(id);
    }

    /// The guest accepted.
    pub(crate) fn accepted(&mut self, id: u32) {
        self.set_deadline(id, None);
        let Some(connection) = self.table.get(id) else {
            return;
        };
        connection.phase = Phase::Established;
        connection.readable = true;
        if let Some(fd) = &connection.fd {
            if connection.link.is_some() {
                say(fd, &[1]);
            } else if connection.greeted {
                say(fd, format!("OK {}\n", connection.key.port).as_bytes());
            }
        }
        self.enqueue(id);
    }

    /// The guest asks for a connection with a host program.
    pub(crate) fn connect_host(&mut self, id: u32) {
        let backend = self.backend.clone();
        let Some(connection) = self.table.get(id) else {
            return;
        };
        let (port, kind) = (connection.key.port, connection.kind);
        match backend.connect(port, kind) {
            Ok(Attempt::Connected(fd)) => {
                connection.fd = Some(fd);
                self.connected(id);
                // What it has sent by then is told when it is watched.
                if let Some(connection) = self.table.get(id) {
                    connection.readable = false;
                }
                self.watch_later(id);
            }
            Ok(Attempt::Pending(fd)) => {
                connection.fd = Some(fd);
                connection.watches_room = true;
                let deadline = connection.give_up;
                self.set_deadline(id, Some(deadline));
                if !self.watch(id, Interest::Edges) {
                    self.abort(id);
                }
            }
            Ok(Attempt::Later) => {
                // Nothing is read yet, so the number is free.
                let pause = CONNECT_PAUSE << connection.burst;
                connection.burst = (connection.burst + 1).min(MAX_DOUBLINGS);
                let give_up = connection.give_up;
                let now = self.now();
                if now < give_up {
                    self.set_deadline(id, Some(now + pause));
                } else {
                    self.abort(id);
                }
            }
            Err(errno) => {
                log::debug!("the guest's connection to port {port} is refused: {errno}");
                self.abort(id);
            }
        }
    }

    /// The host's side is there: the guest gets its answer.
    fn connected(&mut self, id: u32) {
        self.set_deadline(id, None);
        self.watch_room(id, false);
        if let Some(connection) = self.table.get(id) {
            connection.phase = Phase::Established;
            connection.burst = 0;
            connection.response = true;
            connection.readable = true;
        }
        self.enqueue(id);
    }

    fn decided(&mut self, id: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        let Some(fd) = &connection.fd else {
            return;
        };
        if connection.link.is_some() {
            let mut hello = [0; 1];
            match recv(fd, &mut hello[..], RecvFlags::DONTWAIT) {
                Ok((1, _)) => self.connected(id),
                Err(Errno::AGAIN | Errno::INTR) => {}
                _ => self.abort(id),
            }
            return;
        }
        match rustix::net::sockopt::socket_error(fd) {
            Ok(Ok(())) if is_writable(fd) => self.connected(id),
            Ok(Ok(())) => {}
            _ => self.abort(id),
        }
    }

    fn receive(&mut self, incoming: Incoming) {
        let key = Key {
            cid: incoming.from_cid,
            port: incoming.from_port,
            guest_port: incoming.to_port,
        };
        // Its end is closed where it is dropped, which is how the sibling knows.
        if !self.running
            || !self.allows(incoming.kind)
            || self.table.find(&key).is_some()
            || self.table.len() >= self.limits.connections
        {
            return;
        }
        let connection = Connection {
            fd: Some(incoming.fd),
            link: Some(Box::new(incoming.link)),
            ..Connection::new(key, incoming.kind, Phase::Requested, self.limits.window)
        };
        let id = self.table.insert(connection);
        if self.watch(id, Interest::ReadEdges) {
            self.request(id, key);
        } else {
            self.remove(id);
        }
    }

    // Events

    fn on_edge(&mut self, id: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        match connection.phase {
            Phase::Greeting => self.greet(id),
            Phase::Connecting => self.decided(id),
            // What it has sent meanwhile waits for the guest's answer.
            Phase::Requested => {
                if connection.fd.as_ref().is_some_and(is_hung_up) {
                    self.abort(id);
                }
            }
            Phase::Established | Phase::Left => {
                connection.readable = connection.phase == Phase::Established;
                let hung_up = connection.host_done & SHUTDOWN_SEND != 0
                    && connection.fd.as_ref().is_some_and(is_hung_up);
                if connection.outbox.is_some() {
                    self.flush_outbox(id);
                }
                if hung_up {
                    self.host_left(id);
                }
                self.enqueue(id);
            }
        }
    }

    /// The host will neither read nor write any more, and all that it wrote was read.
    pub(crate) fn host_left(&mut self, id: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        if let Some(outbox) = connection.outbox.take() {
            connection.credit.forward(outbox.len() as u32);
            self.buffered -= outbox.len();
        }
        connection.host_done = SHUTDOWN_BOTH;
        connection.fd = None;
        connection.watches_room = false;
        let aborted = connection
            .link
            .as_ref()
            .is_some_and(|link| link.is_aborted());
        if connection.phase == Phase::Left {
            self.finish(id);
        } else if aborted {
            self.abort(id);
        } else {
            self.enqueue(id);
        }
    }

    fn on_deadline(&mut self, id: u32) {
        if id == NO_CONNECTION {
            self.pause_listeners(false);
            return;
        }
        let Some(connection) = self.table.get(id) else {
            return;
        };
        connection.deadline = None;
        match connection.phase {
            Phase::Greeting => self.remove(id),
            Phase::Connecting if connection.fd.is_none() => self.connect_host(id),
            Phase::Connecting | Phase::Requested | Phase::Established => self.abort(id),
            // The guest gets its answer; the host goes on reading what it was sent.
            Phase::Left => {
                let header = reset(self.shared.cid(), connection.key, connection.kind.wire());
                let keyed = connection.keyed;
                if keyed {
                    self.resets.push_back(header);
                    self.table.take_key(id);
                }
            }
        }
    }

    fn run_deadlines(&mut self) {
        let _ = rustix::io::read(&self.timer, &mut [0; 8]);
        self.armed = None;
        let now = self.now();
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            self.greetings.remove(&(deadline, id));
            self.on_deadline(id);
        }
        self.arm_timer();
    }

    /// Does what can be done: the guest's packets if they were held up, then what waits for the guest.
    fn advance(&mut self, queues: &mut Queues<'_>) {
        if !self.running {
            return;
        }
        self.announce(queues);
        self.serve_line(queues);
        while self.tx_blocked && self.resets.is_empty() {
            self.tx_blocked = false;
            self.take_packets(queues);
            self.serve_line(queues);
        }
    }

    /// Tells the guest of a move. Some frontends do that themselves, and keep the queue.
    fn announce(&self, queues: &mut Queues<'_>) {
        if !self.shared.event.load(Ordering::Acquire) {
            return;
        }
        let Some(queue) = queues.get(EVENT) else {
            return;
        };
        while let Some(mut chain) = queue.pop() {
            let event = Event {
                id: EVENT_TRANSPORT_RESET.into(),
            };
            let told = chain.write_obj(&event).is_ok();
            if !told {
                chain.warn(format_args!("an event buffer without room for an event"));
            }
            queue.complete(chain);
            if told {
                self.shared.event.store(false, Ordering::Release);
                return;
            }
        }
    }

    /// The device is called again, after other events had their turn.
    pub(crate) fn call_again(&self) {
        self.shared.wake();
    }
}

/// Refuses or ends a connection that the guest knows.
pub(crate) fn reset(guest_cid: u64, key: Key, kind: u16) -> Header {
    Header {
        src_cid: key.cid.into(),
        dst_cid: guest_cid.into(),
        src_port: key.port.into(),
        dst_port: key.guest_port.into(),
        kind: kind.into(),
        op: OP_RST.into(),
        ..Header::default()
    }
}

/// A few bytes into a socket that nothing was written to yet. If they do not fit, nobody is there.
fn say(fd: impl AsFd, words: &[u8]) {
    let _ = send(fd, words, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}

fn polled(fd: &OwnedFd, flags: PollFlags) -> PollFlags {
    let mut fds = [PollFd::new(fd, flags)];
    match poll(&mut fds, Some(&rustix::event::Timespec::default())) {
        Ok(1..) => fds[0].revents(),
        _ => PollFlags::empty(),
    }
}

/// Neither direction works any more.
pub(crate) fn is_hung_up(fd: &OwnedFd) -> bool {
    polled(fd, PollFlags::empty()).intersects(PollFlags::HUP | PollFlags::ERR)
}

/// The other side will send no more. What it has sent may still be there.
pub(crate) fn is_at_end(fd: &OwnedFd) -> bool {
    polled(fd, PollFlags::RDHUP).intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
}

fn is_writable(fd: &OwnedFd) -> bool {
    polled(fd, PollFlags::OUT).contains(PollFlags::OUT)
}

impl Worker for VsockWorker {
    fn negotiated(&mut self, features: u64) {
        self.messages = features & VIRTIO_VSOCK_F_SEQPACKET != 0;
        self.streams = features & VIRTIO_VSOCK_F_STREAM != 0
            || features & VIRTIO_VSOCK_F_NO_IMPLIED_STREAM == 0;
    }

    fn sources(&mut self, sources: &mut Sources) -> io::Result<()> {
        sources.add(self.shared.signal_fd(), Interest::ReadEdges, SIGNAL)?;
        sources.add(&self.timer, Interest::Readable, TIMER)?;
        for (token, listener) in (LISTENERS..).zip(self.listeners.iter()) {
            sources.add(&listener.socket, Interest::Readable, Token(token))?;
        }
        self.sources = Some(sources.clone());
        Ok(())
    }

    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        self.check_epoch();
        let at = usize::from(queue);
        if at < self.live.len() && !self.live[at] {
            self.live[at] = true;
            self.fresh[at] = queues
                .get(queue)
                .is_some_and(|queue| queue.next_available() == 0);
            if self.live == [true; 2] {
                self.set_running(true);
                // Whatever came before the other queue.
                self.take_packets(queues);
            }
        }
        if queue == TX && self.running {
            self.take_packets(queues);
        }
        self.advance(queues);
        self.do_chores(queues);
    }

    fn ready(&mut self, token: Token, _queues: &mut Queues<'_>) {
        self.check_epoch();
        match token {
            SIGNAL => {
                for incoming in self.shared.take_mail() {
                    self.receive(incoming);
                }
            }
            TIMER => self.run_deadlines(),
            Token(at @ CONNECTIONS..) => self.on_edge(at - CONNECTIONS),
            Token(at) => self.accept((at - LISTENERS) as usize),
        }
    }

    fn settled(&mut self, queues: &mut Queues<'_>) {
        self.advance(queues);
        self.do_chores(queues);
    }

    fn quiesce(&mut self, queue: u16, _queues: &mut Queues<'_>) {
        // The guest may not come back for them.
        self.chores.close.clear();
        // No chain is ever held, so there is nothing to give back.
        if let Some(live) = self.live.get_mut(usize::from(queue)) {
            *live = false;
            self.set_running(false);
        }
    }
}

const _: () = assert!(RX == 0 && TX == 1);
