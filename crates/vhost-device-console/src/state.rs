// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What travels with a guest: what the driver was told of each port and said of it, and bytes that
//! passed one side and not the other yet.

use virtio_device::StateError;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::port::{Port, Sent, TYPED, Told, due};

const VERSION: u32 = 1;

const ADDED: u8 = 1;
const READY: u8 = 2;
const GUEST_OPEN: u8 = 4;
const HOST_OPEN: u8 = 8;

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Header {
    version: U32,
    ports: U32,
}

/// One for each port, with its bytes behind it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct PortV1 {
    told: u8,
    due: u8,
    /// Index in the available ring of a buffer that was sent in part, and how much of it.
    sent_index: U16,
    sent: U64,
    cols: U16,
    rows: U16,
    /// Bytes of output that nobody has read yet.
    output: U32,
    /// Bytes of input that the guest has not taken yet.
    input: U32,
}

pub(crate) fn save(ports: &[Port]) -> Vec<u8> {
    let header = Header {
        version: VERSION.into(),
        ports: (ports.len() as u32).into(),
    };
    let mut state = header.as_bytes().to_vec();
    for port in ports {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let output = port.scrollback.to_vec();
        let input: Vec<u8> = port.typed.iter().copied().collect();
        let record = PortV1 {
            told: flag(port.told.added, ADDED)
                | flag(port.told.ready, READY)
                | flag(port.told.guest_open, GUEST_OPEN)
                | flag(port.told.host_open, HOST_OPEN),
            due: port.due,
            sent_index: port.sent.index.into(),
            sent: port.sent.bytes.into(),
            cols: port.size.0.into(),
            rows: port.size.1.into(),
            output: (output.len() as u32).into(),
            input: (input.len() as u32).into(),
        };
        state.extend(record.as_bytes());
        state.extend(output);
        state.extend(input);
    }
    state
}

/// Takes all of it or nothing.
pub(crate) fn load(bytes: &[u8], ports: &mut [Port]) -> Result<(), StateError> {
    let (version, _) =
        U32::read_from_prefix(bytes).map_err(|_| StateError::Damaged("it has no version"))?;
    if version.get() != VERSION {
        return Err(StateError::Version {
            found: version.get(),
            known: VERSION,
        });
    }
    const CUT: StateError = StateError::Damaged("it ends within a port");
    let (header, mut rest) =
        Header::read_from_prefix(bytes).map_err(|_| StateError::Damaged("it has no header"))?;
    if header.ports.get() as usize != ports.len() {
        return Err(StateError::Damaged(
            "it is of another number of ports; give the same --ports here as there",
        ));
    }
    let mut records = Vec::with_capacity(ports.len());
    for _ in ports.iter() {
        let (record, behind) = PortV1::read_from_prefix(rest).map_err(|_| CUT)?;
        let output = record.output.get() as usize;
        let input = record.input.get() as usize;
        if input > TYPED {
            return Err(StateError::Damaged("it has more input than a port holds"));
        }
        let (output, behind) = behind.split_at_checked(output).ok_or(CUT)?;
        let (input, behind) = behind.split_at_checked(input).ok_or(CUT)?;
        records.push((record, output, input));
        rest = behind;
    }
    if !rest.is_empty() {
        return Err(StateError::Damaged("it goes on behind its last port"));
    }
    for (port, (record, output, input)) in ports.iter_mut().zip(records) {
        let has = |bit: u8| record.told & bit != 0;
        let added = has(ADDED);
        port.told = Told {
            added,
            ready: added && has(READY),
            guest_open: added && has(GUEST_OPEN),
            host_open: added && has(HOST_OPEN),
        };
        // Compared with how things are here before it is sent. The rest only repeats what is true.
        port.due = record.due | due::OPEN;
        if port.removed && added {
            port.due |= due::REMOVE;
        } else if !port.removed {
            port.due &= !due::REMOVE;
        }
        if port.size != (record.cols.get(), record.rows.get()) {
            port.due |= due::SIZE;
        }
        port.sent = Sent {
            index: record.sent_index.get(),
            bytes: record.sent.get(),
        };
        // No more than this daemon's --scrollback; the oldest go.
        port.scrollback.push(output);
        port.typed = input.iter().copied().collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Host, PortConfig};

    fn ports(count: usize) -> Vec<Port> {
        (0..count)
            .map(|index| {
                let host = Host::connect(std::path::Path::new("/nonexistent/socket")).unwrap();
                let config = PortConfig {
                    name: None,
                    console: index == 0,
                    host,
                };
                Port::new(index, config, 16)
            })
            .collect()
    }

    #[test]
    fn what_was_saved_is_there_after_loading() {
        let (mut old, mut new) = (ports(2), ports(2));
        old[1].told = Told {
            added: true,
            ready: true,
            guest_open: true,
            host_open: false,
        };
        old[1].scrollback.push(b"unread");
        old[1].typed.extend(b"typed");
        old[1].sent = Sent {
            index: 7,
            bytes: 1000,
        };

        load(&save(&old), &mut new).unwrap();

        assert_eq!(new[1].told, old[1].told);
        assert_eq!(new[1].scrollback.to_vec(), b"unread");
        assert_eq!(new[1].typed, b"typed");
        assert_eq!(new[1].sent, old[1].sent);
    }

    #[test]
    fn a_state_cut_anywhere_is_refused_and_changes_nothing() {
        let mut old = ports(2);
        old[0].scrollback.push(b"unread");
        let state = save(&old);

        for len in 0..state.len() {
            let mut new = ports(2);
            assert!(load(&state[..len], &mut new).is_err(), "{len} bytes");
            assert!(new[0].scrollback.is_empty(), "{len} bytes");
        }
    }

    #[test]
    fn a_state_of_another_number_of_ports_or_another_version_is_refused() {
        let mut state = save(&ports(2));

        assert!(load(&state, &mut ports(1)).is_err());
        state[0] = 2;

        assert!(matches!(
            load(&state, &mut ports(2)),
            Err(StateError::Version { found: 2, known: 1 })
        ));
    }

    #[test]
    fn more_output_than_is_kept_here_loses_its_beginning() {
        let mut old = ports(1);
        old[0].scrollback = crate::scrollback::Scrollback::new(100);
        old[0].scrollback.push(b"0123456789abcdefghij");
        let mut new = ports(1);

        load(&save(&old), &mut new).unwrap();

        assert_eq!(new[0].scrollback.to_vec(), b"456789abcdefghij");
    }

    #[test]
    fn more_input_than_a_port_holds_is_refused() {
        let mut old = ports(1);
        old[0].typed.extend([0; TYPED + 1]);

        assert!(load(&save(&old), &mut ports(1)).is_err());
    }
}
