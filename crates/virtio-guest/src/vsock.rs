// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The driver's side of the socket device (VIRTIO 1.3, section 5.10), for tests: packets as they are,
//! and connections that keep to the rules of credit.

use std::{
    borrow::BorrowMut,
    collections::VecDeque,
    path::Path,
    time::{Duration, Instant},
};

use crate::{Error, Guest, GuestBuilder};

/// Virtio device id.
pub const DEVICE_ID: u32 = 19;
/// Streams.
pub const F_STREAM: u64 = 1;
/// Messages.
pub const F_SEQPACKET: u64 = 2;
/// Streams only by their own bit.
pub const F_NO_IMPLIED_STREAM: u64 = 4;

/// Queue numbers.
pub const RX: u16 = 0;
/// To the device.
pub const TX: u16 = 1;
/// Events.
pub const EVENT: u16 = 2;

/// The host.
pub const HOST: u64 = 2;

/// Bytes of a packet's header.
pub const HEADER: usize = 44;

/// Socket type of a stream.
pub const STREAM: u16 = 1;
/// Socket type of messages.
pub const SEQPACKET: u16 = 2;

#[allow(missing_docs)]
pub mod op {
    pub const INVALID: u16 = 0;
    pub const REQUEST: u16 = 1;
    pub const RESPONSE: u16 = 2;
    pub const RST: u16 = 3;
    pub const SHUTDOWN: u16 = 4;
    pub const RW: u16 = 5;
    pub const CREDIT_UPDATE: u16 = 6;
    pub const CREDIT_REQUEST: u16 = 7;
}

/// Ends a message.
pub const EOM: u32 = 1;
/// Ends a record.
pub const EOR: u32 = 2;
/// Will receive no more.
pub const NO_RECEIVE: u32 = 1;
/// Will send no more.
pub const NO_SEND: u32 = 2;

/// A packet's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Header {
    pub src_cid: u64,
    pub dst_cid: u64,
    pub src_port: u32,
    pub dst_port: u32,
    pub len: u32,
    pub kind: u16,
    pub op: u16,
    pub flags: u32,
    pub buf_alloc: u32,
    pub fwd_cnt: u32,
}

impl Header {
    /// As it lies in memory.
    pub fn bytes(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0..8].copy_from_slice(&self.src_cid.to_le_bytes());
        out[8..16].copy_from_slice(&self.dst_cid.to_le_bytes());
        out[16..20].copy_from_slice(&self.src_port.to_le_bytes());
        out[20..24].copy_from_slice(&self.dst_port.to_le_bytes());
        out[24..28].copy_from_slice(&self.len.to_le_bytes());
        out[28..30].copy_from_slice(&self.kind.to_le_bytes());
        out[30..32].copy_from_slice(&self.op.to_le_bytes());
        out[32..36].copy_from_slice(&self.flags.to_le_bytes());
        out[36..40].copy_from_slice(&self.buf_alloc.to_le_bytes());
        out[40..44].copy_from_slice(&self.fwd_cnt.to_le_bytes());
        out
    }

    /// Out of at least [`HEADER`] bytes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        let u16 = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32 = |at: usize| u32::from(u16(at)) | u32::from(u16(at + 2)) << 16;
        let u64 = |at: usize| u64::from(u32(at)) | u64::from(u32(at + 4)) << 32;
        Some(Self {
            src_cid: u64(0),
            dst_cid: u64(8),
            src_port: u32(16),
            dst_port: u32(20),
            len: u32(24),
            kind: u16(28),
            op: u16(30),
            flags: u32(32),
            buf_alloc: u32(36),
            fwd_cnt: u32(40),
        })
    }
}

/// A packet from the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its header.
    pub header: Header,
    /// Its payload.
    pub data: Vec<u8>,
}

/// A connection, as the driver keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The other side.
    pub peer_cid: u64,
    /// The other side's port.
    pub peer_port: u32,
    /// The guest's port.
    pub port: u32,
    /// [`STREAM`] or [`SEQPACKET`].
    pub kind: u16,
    /// Room that the device is told of.
    pub window: u32,
    /// Bytes received; all of them count as taken.
    pub received: u32,
    /// Bytes sent.
    pub sent: u32,
    /// Room that the device told of.
    pub peer_window: u32,
    /// Bytes that the device said it forwarded.
    pub peer_forwarded: u32,
}

impl Connection {
    /// A packet of this connection.
    pub fn header(&self, guest_cid: u64, op: u16) -> Header {
        Header {
            src_cid: guest_cid,
            dst_cid: self.peer_cid,
            src_port: self.port,
            dst_port: self.peer_port,
            kind: self.kind,
            op,
            buf_alloc: self.window,
            fwd_cnt: self.received,
            ..Header::default()
        }
    }

    fn owns(&self, packet: &Packet) -> bool {
        let header = &packet.header;
        header.src_cid == self.peer_cid
            && header.src_port == self.peer_port
            && header.dst_port == self.port
    }

    fn hear(&mut self, packet: &Packet) {
        self.peer_window = packet.header.buf_alloc;
        self.peer_forwarded = packet.header.fwd_cnt;
        self.received = self.received.wrapping_add(packet.data.len() as u32);
    }

    /// Bytes that may be sent now.
    pub fn room(&self) -> u32 {
        self.peer_window
            .saturating_sub(self.sent.wrapping_sub(self.peer_forwarded))
    }
}

/// A driver on a booted guest, its own or somebody else's.
#[derive(Debug)]
pub struct Vsock<G = Guest> {
    guest: G,
    cid: u64,
    timeout: Duration,
    buffer: usize,
    /// Received and not asked for yet.
    stash: VecDeque<Packet>,
}

/// Room that the driver's connections have.
const WINDOW: u32 = 256 * 1024;

impl Vsock {
    /// A driver with 16 receive buffers of 4 KiB, and all features of the device.
    pub fn connect(path: impl AsRef<Path>, timeout: Duration) -> Result<Self, Error> {
        let builder = Guest::builder(path)
            .timeout(timeout)
            .features(F_STREAM | F_SEQPACKET | F_NO_IMPLIED_STREAM);
        Self::boot(builder, timeout, 16, 4096)
    }

    /// A driver with so many receive buffers of that size.
    pub fn boot(
        builder: GuestBuilder,
        timeout: Duration,
        buffers: usize,
        buffer: usize,
    ) -> Result<Self, Error> {
        Self::on(builder.boot()?, timeout, buffers, buffer)
    }
}

impl<G: BorrowMut<Guest>> Vsock<G> {
    /// A driver on a guest that is up already.
    pub fn on(
        mut lent: G,
        timeout: Duration,
        buffers: usize,
        buffer: usize,
    ) -> Result<Self, Error> {
        let guest = lent.borrow_mut();
        let config = guest.get_config(0, 8)?;
        let cid = u64::from_le_bytes(config.try_into().unwrap_or_default());
        for _ in 0..buffers {
            guest.queue(RX).post(&[], &[buffer])?;
        }
        guest.queue(RX).kick()?;
        Ok(Self {
            guest: lent,
            cid,
            timeout,
            buffer,
            stash: VecDeque::new(),
        })
    }

    /// The guest's context id.
    pub fn cid(&self) -> u64 {
        self.cid
    }

    /// Reads the context id anew.
    pub fn look_up_cid(&mut self) -> Result<u64, Error> {
        let config = self.guest().get_config(0, 8)?;
        self.cid = u64::from_le_bytes(config.try_into().unwrap_or_default());
        Ok(self.cid)
    }

    /// The guest below.
    pub fn guest(&mut self) -> &mut Guest {
        self.guest.borrow_mut()
    }

    /// Gives the guest back.
    pub fn into_guest(self) -> G {
        self.guest
    }

    /// Lends one more receive buffer.
    pub fn lend(&mut self) -> Result<(), Error> {
        let buffer = self.buffer;
        self.guest().queue(RX).post(&[], &[buffer])?;
        self.guest().queue(RX).kick()
    }

    /// Sends a packet, whatever it says, and waits until the device took it.
    pub fn send(&mut self, header: &Header, data: &[u8]) -> Result<(), Error> {
        let timeout = self.timeout;
        self.post(header, data)?;
        self.guest().queue(TX).kick()?;
        while self.guest().queue(TX).pending() > 0 {
            self.guest().queue(TX).wait(timeout)?;
        }
        Ok(())
    }

    /// Makes a packet available, without telling the device.
    pub fn post(&mut self, header: &Header, data: &[u8]) -> Result<(), Error> {
        let bytes = header.bytes();
        if data.is_empty() {
            self.guest().queue(TX).post(&[&bytes], &[])?;
        } else {
            self.guest().queue(TX).post(&[&bytes, data], &[])?;
        }
        Ok(())
    }

    fn parse(&mut self, reply: &crate::Reply, again: bool) -> Result<Packet, Error> {
        let bytes = reply.data();
        let packet = Header::parse(&bytes).map(|header| Packet {
            header,
            data: bytes[HEADER..].to_vec(),
        });
        if again {
            self.lend()?;
        }
        match packet {
            Some(packet) if packet.data.len() == packet.header.len as usize => Ok(packet),
            Some(packet) => Err(Error::Protocol(format!(
                "a packet of {} bytes says that it has {}",
                packet.data.len(),
                packet.header.len
            ))),
            None => Err(Error::Protocol(format!(
                "a packet of {} bytes has no header",
                bytes.len()
            ))),
        }
    }

    /// The next packet; its buffer is lent again.
    pub fn receive(&mut self) -> Result<Packet, Error> {
        if let Some(packet) = self.stash.pop_front() {
            return Ok(packet);
        }
        let timeout = self.timeout;
        let reply = self.guest().queue(RX).wait(timeout)?;
        self.parse(&reply, true)
    }

    /// The next packet, if one is there; its buffer is kept.
    pub fn poll(&mut self) -> Result<Option<Packet>, Error> {
        match self.guest().queue(RX).poll_used()? {
            Some(reply) => self.parse(&reply, false).map(Some),
            None => Ok(None),
        }
    }

    /// The next packet of a connection; others are kept for later.
    pub fn receive_of(&mut self, connection: &mut Connection) -> Result<Packet, Error> {
        let end = Instant::now() + self.timeout;
        let mut others = VecDeque::new();
        let found = loop {
            let packet = match self.receive() {
                Ok(packet) => packet,
                Err(error) => break Err(error),
            };
            if connection.owns(&packet) {
                connection.hear(&packet);
                break Ok(packet);
            }
            others.push_back(packet);
            if Instant::now() > end {
                break Err(Error::Timeout {
                    what: "a packet of a connection".into(),
                    timeout: self.timeout,
                });
            }
        };
        others.append(&mut self.stash);
        self.stash = others;
        found
    }

    /// Asks for a connection and returns the answer with it.
    pub fn request(
        &mut self,
        cid: u64,
        peer_port: u32,
        port: u32,
        kind: u16,
    ) -> Result<(Connection, Packet), Error> {
        let mut connection = Connection {
            peer_cid: cid,
            peer_port,
            port,
            kind,
            window: WINDOW,
            received: 0,
            sent: 0,
            peer_window: 0,
            peer_forwarded: 0,
        };
        self.send(&connection.header(self.cid, op::REQUEST), &[])?;
        let answer = self.receive_of(&mut connection)?;
        Ok((connection, answer))
    }

    /// [`Vsock::request`] that has to be accepted.
    pub fn open(
        &mut self,
        cid: u64,
        peer_port: u32,
        port: u32,
        kind: u16,
    ) -> Result<Connection, Error> {
        let (connection, answer) = self.request(cid, peer_port, port, kind)?;
        match answer.header.op {
            op::RESPONSE => Ok(connection),
            op => Err(Error::Protocol(format!(
                "a request was answered by op {op}"
            ))),
        }
    }

    /// Waits for a request, without an answer. Packets of other connections are kept for later.
    pub fn incoming(&mut self) -> Result<Connection, Error> {
        let end = Instant::now() + self.timeout;
        let mut others = VecDeque::new();
        let header = loop {
            let packet = self.receive()?;
            if packet.header.op == op::REQUEST {
                break packet.header;
            }
            others.push_back(packet);
            if Instant::now() > end {
                return Err(Error::Timeout {
                    what: "a request".into(),
                    timeout: self.timeout,
                });
            }
        };
        others.append(&mut self.stash);
        self.stash = others;
        Ok(Connection {
            peer_cid: header.src_cid,
            peer_port: header.src_port,
            port: header.dst_port,
            kind: header.kind,
            window: WINDOW,
            received: 0,
            sent: 0,
            peer_window: header.buf_alloc,
            peer_forwarded: header.fwd_cnt,
        })
    }

    /// Waits for a request and accepts it.
    pub fn accept(&mut self) -> Result<Connection, Error> {
        let connection = self.incoming()?;
        self.say(&connection, op::RESPONSE, 0)?;
        Ok(connection)
    }

    /// Sends a packet without payload.
    pub fn say(&mut self, connection: &Connection, op: u16, flags: u32) -> Result<(), Error> {
        let header = Header {
            flags,
            ..connection.header(self.cid, op)
        };
        self.send(&header, &[])
    }

    /// Sends one packet of payload, whatever the credit.
    pub fn push(
        &mut self,
        connection: &mut Connection,
        data: &[u8],
        flags: u32,
    ) -> Result<(), Error> {
        let header = Header {
            len: data.len() as u32,
            flags,
            ..connection.header(self.cid, op::RW)
        };
        connection.sent = connection.sent.wrapping_add(data.len() as u32);
        self.send(&header, data)
    }

    /// Sends all of `data` in packets of at most `size` bytes, as credit allows. The device must not
    /// send payload meanwhile.
    pub fn write(
        &mut self,
        connection: &mut Connection,
        data: &[u8],
        size: usize,
    ) -> Result<(), Error> {
        let mut left = data;
        while !left.is_empty() {
            let len = left.len().min(size).min(connection.room() as usize);
            if len == 0 {
                let packet = self.receive_of(connection)?;
                if packet.header.op != op::CREDIT_UPDATE {
                    return Err(Error::Protocol(format!(
                        "op {} came instead of credit",
                        packet.header.op
                    )));
                }
                continue;
            }
            let (part, rest) = left.split_at(len);
            self.push(connection, part, 0)?;
            left = rest;
        }
        Ok(())
    }

    /// Receives payload until there are `len` bytes, and tells the device that they were taken.
    pub fn read(&mut self, connection: &mut Connection, len: usize) -> Result<Vec<u8>, Error> {
        let mut data = Vec::new();
        let mut untold = 0;
        while data.len() < len {
            let packet = self.receive_of(connection)?;
            match packet.header.op {
                op::RW => data.extend_from_slice(&packet.data),
                op::CREDIT_UPDATE => {}
                op::CREDIT_REQUEST => untold = usize::MAX,
                op => {
                    return Err(Error::Protocol(format!(
                        "op {op} came after {} of {len} bytes",
                        data.len()
                    )));
                }
            }
            untold = untold.saturating_add(packet.data.len());
            if untold >= connection.window as usize / 2 {
                self.say(connection, op::CREDIT_UPDATE, 0)?;
                untold = 0;
            }
        }
        Ok(data)
    }

    /// The next packet of a connection that is not about credit alone.
    pub fn next_of(&mut self, connection: &mut Connection) -> Result<Packet, Error> {
        loop {
            let packet = self.receive_of(connection)?;
            if packet.header.op != op::CREDIT_UPDATE {
                return Ok(packet);
            }
        }
    }
}
