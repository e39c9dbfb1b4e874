// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Bytes that both ends of a connection can make, so that each knows what has to arrive.
//!
//! A bare checksum would tell that something is wrong; a pattern also tells where.

#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

/// What is read or written at once.
const PIECE: usize = 64 * 1024;

/// An endless sequence of bytes, another one for each seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Pattern {
    state: u64,
    word: [u8; 8],
    used: usize,
}

impl Pattern {
    /// The sequence from its beginning.
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed,
            word: [0; 8],
            used: 8,
        }
    }

    /// The next bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.word.len() {
                self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = self.state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                self.word = (z ^ (z >> 31)).to_le_bytes();
                self.used = 0;
            }
            *byte = self.word[self.used];
            self.used += 1;
        }
    }
}

/// Writes the first `length` bytes of a sequence.
pub fn put(to: &mut impl Write, length: u64, seed: u64) -> io::Result<()> {
    let mut pattern = Pattern::new(seed);
    let mut piece = vec![0; PIECE];
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        pattern.fill(&mut piece[..now]);
        to.write_all(&piece[..now])?;
        left -= now as u64;
    }
    to.flush()
}

/// Reads `length` bytes, and compares them with a sequence.
pub fn check(from: &mut impl Read, length: u64, seed: u64) -> io::Result<()> {
    let mut pattern = Pattern::new(seed);
    let mut piece = vec![0; PIECE];
    let mut wanted = vec![0; PIECE];
    let mut at = 0;
    while at < length {
        let most = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
        let now = match from.read(&mut piece[..most]) {
            Ok(0) => return Err(fault(format!("the end after {at} of {length} bytes"))),
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        pattern.fill(&mut wanted[..now]);
        compare(&piece[..now], &wanted[..now], at)?;
        at += now as u64;
    }
    Ok(())
}

/// Nothing may come any more but the end.
pub fn check_end(from: &mut impl Read) -> io::Result<()> {
    match from.read(&mut [0; 1])? {
        0 => Ok(()),
        _ => Err(fault("there are bytes behind the last".to_owned())),
    }
}

/// The longest message.
pub const MESSAGE: usize = 48 * 1024;

/// The length of message `index`: all kinds, also the longest and the shortest.
pub fn message_length(index: u64) -> usize {
    match index % 16 {
        0 => MESSAGE,
        1 => 1,
        _ => 1 + (index.wrapping_mul(0x9e37_79b9) % MESSAGE as u64) as usize,
    }
}

/// Sends messages until `length` bytes or a little more went out.
pub fn put_messages(
    length: u64,
    seed: u64,
    mut send: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut pattern = Pattern::new(seed);
    let mut message = vec![0; MESSAGE];
    let (mut at, mut index) = (0, 0);
    while at < length {
        let now = message_length(index);
        pattern.fill(&mut message[..now]);
        let sent = send(&message[..now])?;
        if sent != now {
            return Err(fault(format!(
                "{sent} of {now} bytes of message {index} went out"
            )));
        }
        at += now as u64;
        index += 1;
    }
    Ok(())
}

/// Receives what [`put_messages`] sends: each message has to come as a whole and alone.
pub fn check_messages(
    length: u64,
    seed: u64,
    mut receive: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut pattern = Pattern::new(seed);
    let mut message = vec![0; 2 * MESSAGE];
    let mut wanted = vec![0; MESSAGE];
    let (mut at, mut index) = (0, 0);
    while at < length {
        let now = receive(&mut message)?;
        let long = message_length(index);
        if now != long {
            return Err(fault(format!(
                "message {index} has {now} bytes and not {long}"
            )));
        }
        pattern.fill(&mut wanted[..now]);
        compare(&message[..now], &wanted[..now], at)?;
        at += now as u64;
        index += 1;
    }
    Ok(())
}

/// What kind of connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes without boundaries.
    Stream,
    /// Messages (SOCK_SEQPACKET).
    Messages,
}

impl Kind {
    /// By its name: `stream` or `seqpacket`.
    pub fn of(name: &str) -> io::Result<Self> {
        match name {
            "stream" => Ok(Self::Stream),
            "seqpacket" => Ok(Self::Messages),
            _ => Err(fault(format!("{name} is neither stream nor seqpacket"))),
        }
    }
}

/// What one end of a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Sends, ends its direction, and waits for the other end's.
    Put,
    /// Receives until the other's end.
    Check,
    /// Sends, ends its direction, and then receives: the connection is half closed.
    Ask,
    /// Receives until the other's end, and then sends.
    Reply,
}

impl Verb {
    /// By its name in small letters.
    pub fn of(name: &str) -> io::Result<Self> {
        match name {
            "put" => Ok(Self::Put),
            "check" => Ok(Self::Check),
            "ask" => Ok(Self::Ask),
            "reply" => Ok(Self::Reply),
            _ => Err(fault(format!("{name} is nothing that a connection does"))),
        }
    }
}

/// Does `verb` on a connection of any family; the standard library's type only stands for the calls.
/// Answers have the seed that follows.
pub fn act(stream: &UnixStream, kind: Kind, verb: Verb, length: u64, seed: u64) -> io::Result<()> {
    let mut ends = stream;
    let send = |seed| {
        let mut ends = stream;
        match kind {
            Kind::Stream => put(&mut ends, length, seed)?,
            Kind::Messages => put_messages(length, seed, |message| ends.write(message))?,
        }
        stream.shutdown(Shutdown::Write)
    };
    let receive = |seed| {
        let mut ends = stream;
        match kind {
            Kind::Stream => check(&mut ends, length, seed)?,
            Kind::Messages => check_messages(length, seed, |message| ends.read(message))?,
        }
        check_end(&mut ends)
    };
    match verb {
        Verb::Put => {
            send(seed)?;
            check_end(&mut ends)
        }
        Verb::Check => receive(seed),
        Verb::Ask => {
            send(seed)?;
            receive(seed.wrapping_add(1))
        }
        Verb::Reply => {
            receive(seed)?;
            send(seed.wrapping_add(1))
        }
    }
}

fn compare(have: &[u8], wanted: &[u8], at: u64) -> io::Result<()> {
    match have.iter().zip(wanted).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(index) => Err(fault(format!(
            "byte {} is {:#04x} and not {:#04x}",
            at + index as u64,
            have[index],
            wanted[index]
        ))),
    }
}

fn fault(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const LENGTH: u64 = 200_001;

    #[test]
    fn what_was_put_is_what_is_checked() {
        let mut bytes = Vec::new();
        put(&mut bytes, LENGTH, 7).unwrap();

        assert_eq!(bytes.len() as u64, LENGTH);
        let mut from = bytes.as_slice();
        check(&mut from, LENGTH, 7).unwrap();
        check_end(&mut from).unwrap();
    }

    #[test]
    fn one_wrong_byte_is_found_with_its_place() {
        let mut bytes = Vec::new();
        put(&mut bytes, LENGTH, 7).unwrap();
        bytes[123_456] ^= 1;

        let error = check(&mut bytes.as_slice(), LENGTH, 7).unwrap_err();
        assert!(error.to_string().starts_with("byte 123456 is "), "{error}");
    }

    #[test]
    fn a_short_or_long_sequence_and_another_seed_are_errors() {
        let mut bytes = Vec::new();
        put(&mut bytes, LENGTH, 7).unwrap();

        assert!(check(&mut bytes.as_slice(), LENGTH + 1, 7).is_err());
        assert!(check(&mut bytes.as_slice(), LENGTH, 8).is_err());
        assert!(check_end(&mut bytes.as_slice()).is_err());
    }

    fn messages() -> VecDeque<Vec<u8>> {
        let mut messages = VecDeque::new();
        let send = |message: &[u8]| {
            messages.push_back(message.to_vec());
            Ok(message.len())
        };
        put_messages(LENGTH, 7, send).unwrap();
        messages
    }

    fn receive(mut messages: VecDeque<Vec<u8>>) -> io::Result<()> {
        check_messages(LENGTH, 7, |buffer| {
            let message = messages.pop_front().unwrap_or_default();
            buffer[..message.len()].copy_from_slice(&message);
            Ok(message.len())
        })
    }

    #[test]
    fn messages_arrive_as_they_were_sent() {
        receive(messages()).unwrap();
    }

    #[test]
    fn a_message_lost_or_joined_is_an_error() {
        let mut lost = messages();
        lost.remove(2);
        let mut joined = messages();
        let second = joined.remove(2).unwrap();
        joined[1].extend(second);

        assert!(receive(lost).is_err());
        assert!(receive(joined).is_err());
    }

    #[test]
    fn both_ends_of_a_connection_agree() {
        for (one, other) in [(Verb::Put, Verb::Check), (Verb::Ask, Verb::Reply)] {
            let (a, b) = UnixStream::pair().unwrap();
            std::thread::scope(|scope| {
                let far = scope.spawn(move || act(&b, Kind::Stream, other, LENGTH, 3));
                act(&a, Kind::Stream, one, LENGTH, 3).unwrap();
                far.join().unwrap().unwrap();
            });
        }
    }

    #[test]
    fn a_half_closed_connection_of_messages_carries_the_reply() {
        let (a, b) = rustix::net::socketpair(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::SEQPACKET,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        let (a, b) = (UnixStream::from(a), UnixStream::from(b));
        std::thread::scope(|scope| {
            let far = scope.spawn(move || act(&b, Kind::Messages, Verb::Reply, LENGTH, 3));
            act(&a, Kind::Messages, Verb::Ask, LENGTH, 3).unwrap();
            far.join().unwrap().unwrap();
        });
    }

    #[test]
    fn kinds_and_verbs_have_names_and_others_are_refused() {
        assert_eq!(Kind::of("seqpacket").unwrap(), Kind::Messages);
        assert_eq!(Verb::of("reply").unwrap(), Verb::Reply);
        assert!(Kind::of("datagram").is_err());
        assert!(Verb::of("shout").is_err());
    }

    #[test]
    fn a_message_that_goes_out_in_part_is_an_error() {
        assert!(put_messages(LENGTH, 7, |message| Ok(message.len() - 1)).is_err());
    }
}
