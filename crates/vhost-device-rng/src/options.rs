// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The command line of `vhost-device-rng`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use vhost_user_daemon::{DaemonOptions, DeviceError, Program, SocketOptions};

use crate::{Quota, Rng, Source};

/// Gives virtual machines random bytes (virtio-rng) over vhost-user
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// File or character device to read random bytes from
    ///
    /// The kernel's own generator (/dev/urandom, /dev/random) is asked by getrandom instead of being
    /// read. At the end of a regular file requests are answered by no bytes.
    #[arg(short = 'f', long, value_name = "FILE", default_value = "/dev/urandom")]
    pub rng_source: PathBuf,

    /// Length of a quota period in milliseconds
    #[arg(short, long, value_name = "MS", default_value_t = 65536,
        value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    pub period: u64,

    /// Bytes that a guest may take in one period [default: no limit]
    ///
    /// A request that comes when they are used up waits for the next period.
    #[arg(short, long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_bytes: Option<u64>,

    /// Let all guests of this process share one quota, fairly
    ///
    /// --max-bytes is then what they take together. Each guest that asks for bytes is sure of an
    /// equal part; what one does not use goes to the others.
    #[arg(long, requires = "max_bytes")]
    pub share_quota: bool,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub daemon: DaemonOptions,
}

impl Program for Options {
    type Device = Rng;

    const KIND: &'static str = "rng";

    fn socket_options(&self) -> &dyn SocketOptions {
        &self.daemon
    }

    fn devices(&self, guests: usize) -> Result<Vec<Rng>, DeviceError> {
        let source = Source::open(&self.rng_source).map_err(|error| {
            DeviceError::new(format!(
                "cannot read --rng-source {}: {error}; give a readable file or character device",
                self.rng_source.display()
            ))
        })?;
        let quota = || {
            self.max_bytes
                .map(|bytes| Quota::new(bytes, Duration::from_millis(self.period)))
        };
        let shared = quota().filter(|_| self.share_quota);
        (0..guests)
            .map(|_| {
                let source = source.another().map_err(DeviceError::new)?;
                let quota: Option<Arc<Quota>> = shared.clone().or_else(quota);
                Ok(match quota {
                    Some(quota) => Rng::with_quota(source, &quota),
                    None => Rng::new(source),
                })
            })
            .collect()
    }
}
