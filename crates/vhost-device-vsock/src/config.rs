// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What an operator says of one guest: by flags, by `--vm key=value,...`, or in a YAML file. The keys
//! are the same, with dashes or underscores.

use std::fmt;
use std::path::{Path, PathBuf};

use yaml_rust2::{Yaml, YamlLoader};

use crate::host::Backend;
use crate::spec::Kind;

/// CID of a guest that was given none.
const DEFAULT_CID: u64 = 3;

/// What a guest's connection may keep of this process for a host program that does not read.
const DEFAULT_TX_BUFFER: u32 = 64 * 1024;

/// A larger buffer than this is a typing error: every connection may have one.
const MAX_TX_BUFFER: u32 = 64 << 20;

const DEFAULT_QUEUE_SIZE: u16 = 1024;

/// The group of guests that were given none.
const DEFAULT_GROUP: &str = "default";

/// Ports in one list.
const MAX_PORTS: usize = 1024;

/// A larger file is not a configuration.
const MAX_FILE: u64 = 1 << 20;

/// Why a configuration is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

fn error(message: impl Into<String>) -> ConfigError {
    ConfigError(message.into())
}

/// One guest as the operator described it; what was left out is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestConfig {
    /// Context id.
    pub guest_cid: Option<u64>,
    /// The frontend's socket.
    pub socket: Option<PathBuf>,
    /// Host side: Unix sockets.
    pub uds_path: Option<PathBuf>,
    /// Host side: AF_VSOCK.
    pub forward_cid: Option<u32>,
    /// Ports of the host that lead to the guest.
    pub forward_listen: Option<String>,
    /// Bytes kept for a host program that does not read.
    pub tx_buffer_size: Option<u32>,
    /// Largest ring.
    pub queue_size: Option<u16>,
    /// Names of groups, with `+` in between.
    pub groups: Option<String>,
}

const KEYS: &str = "guest-cid, socket, uds-path, forward-cid, forward-listen, tx-buffer-size, \
                    queue-size, groups";

fn number<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, ConfigError> {
    value
        .trim()
        .parse()
        .map_err(|_| error(format!("{key}={value} is not a number that fits")))
}

impl GuestConfig {
    /// Sets one key. Setting it twice is an error.
    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        fn once<T>(key: &str, slot: &mut Option<T>, value: T) -> Result<(), ConfigError> {
            match slot.replace(value) {
                None => Ok(()),
                Some(_) => Err(error(format!("{key} is given twice"))),
            }
        }
        let name = key.trim().replace('_', "-");
        match name.as_str() {
            "guest-cid" => once(&name, &mut self.guest_cid, number(&name, value)?),
            "socket" => once(&name, &mut self.socket, value.into()),
            "uds-path" => once(&name, &mut self.uds_path, value.into()),
            "forward-cid" => once(&name, &mut self.forward_cid, number(&name, value)?),
            "forward-listen" => once(&name, &mut self.forward_listen, value.into()),
            "tx-buffer-size" => once(&name, &mut self.tx_buffer_size, number(&name, value)?),
            "queue-size" => once(&name, &mut self.queue_size, number(&name, value)?),
            "groups" => once(&name, &mut self.groups, value.into()),
            _ => Err(error(format!(
                "there is no key '{key}'; the keys are {KEYS}"
            ))),
        }
    }

    /// Reads the value of `--vm`.
    pub fn from_pairs(text: &str) -> Result<Self, ConfigError> {
        let mut guest = Self::default();
        for pair in text.split(',') {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| error(format!("'{pair}' is not key=value")))?;
            guest.set(key, value)?;
        }
        Ok(guest)
    }

    /// Reads the guests of a YAML file.
    pub fn from_yaml(text: &str) -> Result<Vec<Self>, ConfigError> {
        let documents = YamlLoader::load_from_str(text).map_err(|e| error(e.to_string()))?;
        let [document] = documents.as_slice() else {
            return Err(error("it is not one YAML document"));
        };
        let guests = match &document["vms"] {
            Yaml::Array(guests) if !guests.is_empty() => guests,
            _ => return Err(error("it has no list 'vms' with a guest in it")),
        };
        guests
            .iter()
            .enumerate()
            .map(|(index, guest)| {
                Self::from_hash(guest)
                    .map_err(|e| error(format!("guest {} of 'vms': {e}", index + 1)))
            })
            .collect()
    }

    fn from_hash(yaml: &Yaml) -> Result<Self, ConfigError> {
        let Yaml::Hash(hash) = yaml else {
            return Err(error("it is not a set of keys and values"));
        };
        let mut guest = Self::default();
        for (key, value) in hash {
            let key = key.as_str().ok_or_else(|| error("a key is not a name"))?;
            guest.set(key, &scalar(key, value)?)?;
        }
        Ok(guest)
    }

    /// Reads a file of guests.
    pub fn from_file(path: &Path) -> Result<Vec<Self>, ConfigError> {
        let about = |what: &dyn fmt::Display| {
            error(format!(
                "cannot use --config {}: {what}; give a YAML file with a list 'vms'",
                path.display()
            ))
        };
        let size = std::fs::metadata(path).map_err(|e| about(&e))?.len();
        if size > MAX_FILE {
            return Err(about(&"it is too large"));
        }
        let text = std::fs::read_to_string(path).map_err(|e| about(&e))?;
        Self::from_yaml(&text).map_err(|e| about(&e))
    }

    /// The context id.
    pub fn cid(&self) -> u64 {
        self.guest_cid.unwrap_or(DEFAULT_CID)
    }

    /// Bytes kept for a host program that does not read.
    pub fn tx_buffer(&self) -> Result<u32, ConfigError> {
        match self.tx_buffer_size.unwrap_or(DEFAULT_TX_BUFFER) {
            size @ 1..=MAX_TX_BUFFER => Ok(size),
            size => Err(error(format!(
                "--tx-buffer-size {size} is out of range; choose one from 1 to {MAX_TX_BUFFER}"
            ))),
        }
    }

    /// The largest ring.
    pub fn queue_size(&self) -> Result<u16, ConfigError> {
        match self.queue_size.unwrap_or(DEFAULT_QUEUE_SIZE) {
            size if size.is_power_of_two() => Ok(size),
            size => Err(error(format!(
                "--queue-size {size} is not a power of two; choose one up to 32768"
            ))),
        }
    }

    /// The names of the guest's groups.
    pub fn groups(&self) -> Vec<String> {
        self.groups
            .as_deref()
            .unwrap_or(DEFAULT_GROUP)
            .split('+')
            .map(|group| group.trim().to_owned())
            .filter(|group| !group.is_empty())
            .collect()
    }

    /// Where the host's programs are.
    pub fn backend(&self) -> Result<Backend, ConfigError> {
        match (&self.uds_path, self.forward_cid) {
            (Some(_), Some(_)) => Err(error(
                "--uds-path and --forward-cid exclude each other; drop one of them",
            )),
            (None, None) => Err(error(
                "the guest has no way to the host; give --uds-path PATH or --forward-cid CID",
            )),
            (Some(_), None) if self.forward_listen.is_some() => Err(error(
                "--forward-listen goes with --forward-cid, not with --uds-path; drop it",
            )),
            (Some(path), None) => Ok(Backend::Unix(path.clone())),
            (None, Some(cid)) => Ok(Backend::Vsock {
                cid,
                listen: ports(self.forward_listen.as_deref().unwrap_or_default())?,
            }),
        }
    }
}

fn scalar(key: &str, value: &Yaml) -> Result<String, ConfigError> {
    match value {
        Yaml::String(text) | Yaml::Real(text) => Ok(text.clone()),
        Yaml::Integer(number) => Ok(number.to_string()),
        Yaml::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| scalar(key, item)).collect();
            Ok(items?.join("+"))
        }
        _ => Err(error(format!(
            "the value of '{key}' is not a text or a number"
        ))),
    }
}

/// `PORT+PORT/seqpacket+...`
fn ports(list: &str) -> Result<Vec<(u32, Kind)>, ConfigError> {
    let ports: Vec<_> = list.split('+').filter(|port| !port.is_empty()).collect();
    if ports.len() > MAX_PORTS {
        return Err(error(format!(
            "--forward-listen has {} ports; {MAX_PORTS} are possible",
            ports.len()
        )));
    }
    ports
        .into_iter()
        .map(|entry| {
            let (port, kind) = match entry.split_once('/') {
                None | Some((_, "stream")) => (entry.split('/').next(), Kind::Stream),
                Some((port, "seqpacket")) => (Some(port), Kind::SeqPacket),
                Some(_) => (None, Kind::Stream),
            };
            port.and_then(|port| port.trim().parse().ok())
                .map(|port| (port, kind))
                .ok_or_else(|| {
                    error(format!(
                        "--forward-listen {list}: '{entry}' is not a port; give numbers with + in \
                         between, and /seqpacket behind those of messages"
                    ))
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_with_dashes_and_underscores_are_the_same() {
        let dashes = "guest-cid=4,socket=/s,uds-path=/u,tx-buffer-size=9,queue-size=512,groups=a+b";
        let guest = GuestConfig::from_pairs(dashes).unwrap();

        let same = GuestConfig::from_pairs(
            &dashes
                .replace("-c", "_c")
                .replace("-p", "_p")
                .replace("-s", "_s")
                .replace("-b", "_b"),
        );

        assert_eq!(same.unwrap(), guest);
        assert_eq!((guest.cid(), guest.groups().len()), (4, 2));
        assert_eq!(guest.tx_buffer(), Ok(9));
        assert_eq!(guest.queue_size(), Ok(512));
        assert_eq!(guest.backend(), Ok(Backend::Unix("/u".into())));
    }

    #[test]
    fn what_is_left_out_is_what_users_know() {
        let guest = GuestConfig::from_pairs("uds-path=/u").unwrap();

        assert_eq!(
            (
                guest.cid(),
                guest.groups(),
                guest.tx_buffer(),
                guest.queue_size()
            ),
            (3, vec!["default".to_owned()], Ok(65536), Ok(1024))
        );
    }

    #[test]
    fn unknown_repeated_and_malformed_pairs_are_refused_by_name() {
        let refusal = |text| GuestConfig::from_pairs(text).unwrap_err().to_string();

        assert!(refusal("cid=3").starts_with("there is no key 'cid'; the keys are guest-cid,"));
        assert_eq!(
            refusal("guest-cid=3,guest_cid=4"),
            "guest-cid is given twice"
        );
        assert_eq!(refusal("guest-cid"), "'guest-cid' is not key=value");
        assert_eq!(
            refusal("queue-size=-1"),
            "queue-size=-1 is not a number that fits"
        );
    }

    #[test]
    fn a_file_of_guests_is_read() {
        let guests = GuestConfig::from_yaml(
            "vms:\n  - guest_cid: 3\n    socket: /s3\n    uds_path: /u3\n    tx_buffer_size: 65536\n    \
             queue_size: 1024\n    groups: g1+g2\n  - guest_cid: 5\n    socket: /s5\n    \
             forward-cid: 1\n    forward-listen: 9001+9002/seqpacket\n    groups: [g1, g3]\n",
        )
        .unwrap();

        assert_eq!(guests.len(), 2);
        assert_eq!(guests[0].groups(), ["g1", "g2"]);
        assert_eq!(guests[1].groups(), ["g1", "g3"]);
        assert_eq!(
            guests[1].backend(),
            Ok(Backend::Vsock {
                cid: 1,
                listen: vec![(9001, Kind::Stream), (9002, Kind::SeqPacket)],
            })
        );
    }

    #[test]
    fn one_port_in_a_file_may_be_a_plain_number() {
        let guests =
            GuestConfig::from_yaml("vms:\n  - forward-cid: 1\n    forward-listen: 9001\n").unwrap();

        assert_eq!(
            guests[0].backend(),
            Ok(Backend::Vsock {
                cid: 1,
                listen: vec![(9001, Kind::Stream)],
            })
        );
    }

    #[test]
    fn a_file_that_is_no_list_of_guests_is_refused() {
        for text in [
            "",
            "vms:",
            "vms: []",
            "vms: 3",
            "guests:\n  - a",
            "vms:\n  - 3",
            "a: [",
            "- x",
        ] {
            assert!(GuestConfig::from_yaml(text).is_err(), "{text}");
        }
        let error = GuestConfig::from_yaml("vms:\n  - cid: 4\n").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("guest 1 of 'vms': there is no key 'cid'")
        );
    }

    #[test]
    fn host_sides_exclude_each_other_and_one_is_needed() {
        let refusal = |text| {
            let guest = GuestConfig::from_pairs(text).unwrap();
            guest.backend().unwrap_err().to_string()
        };

        assert!(refusal("uds-path=/u,forward-cid=1").contains("exclude"));
        assert!(refusal("guest-cid=3").contains("give --uds-path PATH or --forward-cid CID"));
        assert!(refusal("uds-path=/u,forward-listen=1").contains("drop it"));
        assert!(refusal("forward-cid=1,forward-listen=1+x").contains("'x' is not a port"));
        assert!(refusal("forward-cid=1,forward-listen=1/dgram").contains("'1/dgram'"));
    }

    #[test]
    fn sizes_out_of_range_are_refused() {
        for size in ["0", "1000", "65535"] {
            let guest = GuestConfig::from_pairs(&format!("queue-size={size}")).unwrap();
            assert!(guest.queue_size().is_err(), "{size}");
        }
        let guest = GuestConfig::from_pairs("tx-buffer-size=0").unwrap();
        assert!(guest.tx_buffer().is_err());
    }
}
