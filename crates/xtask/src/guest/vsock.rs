// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The host's programs that the guest's sockets are connected with, behind Unix sockets.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use guest_tool::{Kind, Verb, act};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
    socket_with,
};

use super::stage::Stage;
use crate::Result;

pub(crate) const DAEMON: &[&str] = &[
    "--vm",
    "guest-cid=3,socket={socket}0,uds-path={dir}/v",
    "--vm",
    "guest-cid=4,socket={socket}1,uds-path={dir}/w",
];

/// No single read or write takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn answer(stage: &Stage, words: &[&str]) -> Result<String> {
    match *words {
        // A program listens for one connection of the guest, and does VERB on it.
        ["serve", kind, port, verb, length, seed] => {
            let (kind, verb) = (Kind::of(kind)?, Verb::of(verb)?);
            let (length, seed) = (length.parse()?, seed.parse()?);
            let listener = listener(stage, kind, port)?;
            stage.start(port, move || {
                let stream = accepted(&listener)?;
                act(&stream, kind, verb, length, seed)?;
                Ok(String::new())
            })
        }
        // A program connects to the guest's port, and does VERB.
        ["call", kind, port, verb, length, seed] => {
            let (kind, verb) = (Kind::of(kind)?, Verb::of(verb)?);
            let (length, seed) = (length.parse()?, seed.parse()?);
            let stream = called(stage, kind, port)?;
            stage.start(port, move || {
                act(&stream, kind, verb, length, seed)?;
                Ok(String::new())
            })
        }
        // A program echoes one byte on each of COUNT connections.
        ["echo", port, count] => {
            let count: u32 = count.parse()?;
            let listener = listener(stage, Kind::Stream, port)?;
            stage.start(port, move || echo(&listener, count))
        }
        _ => Err(format!("nobody here answers {words:?}").into()),
    }
}

fn echo(listener: &OwnedFd, count: u32) -> Result<String> {
    for index in 0..count {
        let fault = |error| format!("connection {index}: {error}");
        let mut stream = accepted(listener)?;
        let mut byte = [0];
        stream.read_exact(&mut byte).map_err(fault)?;
        stream.write_all(&byte).map_err(fault)?;
    }
    Ok(String::new())
}

fn unix(kind: Kind) -> Result<OwnedFd> {
    let kind = match kind {
        Kind::Stream => SocketType::STREAM,
        Kind::Messages => SocketType::SEQPACKET,
    };
    let socket = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    Ok(socket)
}

fn listener(stage: &Stage, kind: Kind, port: &str) -> Result<OwnedFd> {
    let infix = match kind {
        Kind::Stream => "",
        Kind::Messages => ".seqpacket",
    };
    let socket = unix(kind)?;
    let path = stage.dir.join(format!("v{infix}_{port}"));
    // An earlier visit to the same guest may have left it.
    let _ = std::fs::remove_file(&path);
    bind(&socket, &SocketAddrUnix::new(&path)?)?;
    listen(&socket, 128)?;
    Ok(socket)
}

fn patient(socket: OwnedFd) -> Result<UnixStream> {
    let stream = UnixStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn accepted(listener: &OwnedFd) -> Result<UnixStream> {
    // A machine that is started now must not have it too: the guest would never see its end.
    patient(accept_with(listener, SocketFlags::CLOEXEC)?)
}

fn called(stage: &Stage, kind: Kind, port: &str) -> Result<UnixStream> {
    let name = match kind {
        Kind::Stream => "v",
        Kind::Messages => "v.seqpacket",
    };
    let socket = unix(kind)?;
    connect(&socket, &SocketAddrUnix::new(stage.dir.join(name))?)?;
    let mut stream = patient(socket)?;
    stream.write_all(format!("CONNECT {port}\n").as_bytes())?;
    let mut said = Vec::new();
    match kind {
        // Not one byte more than the line: what follows belongs to the connection.
        Kind::Stream => {
            let mut byte = [0];
            while said.last() != Some(&b'\n') && stream.read(&mut byte)? == 1 {
                said.push(byte[0]);
            }
        }
        Kind::Messages => {
            let mut message = [0; 256];
            let length = stream.read(&mut message)?;
            said.extend_from_slice(&message[..length]);
        }
    }
    match said.starts_with(b"OK ") {
        true => Ok(stream),
        false => Err(format!("CONNECT {port}: {:?}", String::from_utf8_lossy(&said)).into()),
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::{FdFlags, fcntl_getfd};

    use super::*;

    #[test]
    fn what_is_accepted_is_not_inherited() {
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::new(dir.path().into(), dir.path().into());
        let listener = listener(&stage, Kind::Stream, "7").unwrap();
        let _near = UnixStream::connect(dir.path().join("v_7")).unwrap();

        let far = accepted(&listener).unwrap();

        assert!(fcntl_getfd(&far).unwrap().contains(FdFlags::CLOEXEC));
    }
}
