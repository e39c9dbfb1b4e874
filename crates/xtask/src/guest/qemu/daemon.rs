// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A daemon that can be ended and started anew on the same socket while QEMU runs.

use std::fs::{self, OpenOptions};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::super::complaint;
use crate::Result;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Daemon {
    program: PathBuf,
    args: Vec<String>,
    socket: PathBuf,
    log: PathBuf,
    child: Child,
}

impl Daemon {
    pub(crate) fn start(
        program: &Path,
        args: Vec<String>,
        socket: PathBuf,
        log: PathBuf,
    ) -> Result<Self> {
        let child = spawn(program, &args, &socket, &log)?;
        Ok(Self {
            program: program.to_owned(),
            args,
            socket,
            log,
            child,
        })
    }

    /// Asks it to end, and sees whether it does so without complaint.
    pub(crate) fn end(&mut self) -> Result<()> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM)?;
        }
        let end = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return self.calm(),
                Some(status) => {
                    return Err(format!("{} ended with {status}", self.program.display()).into());
                }
                None if Instant::now() > end => {
                    let _ = self.child.kill();
                    self.calm()?;
                    return Err(format!("{} does not end", self.program.display()).into());
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn calm(&self) -> Result<()> {
        match complaint(&fs::read_to_string(&self.log).unwrap_or_default()) {
            Some(line) => Err(line.into()),
            None => Ok(()),
        }
    }

    /// Starts it again, after its end.
    pub(crate) fn again(&mut self) -> Result<()> {
        self.child = spawn(&self.program, &self.args, &self.socket, &self.log)?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &Path, args: &[String], socket: &Path, log: &Path) -> Result<Child> {
    let said = OpenOptions::new().create(true).append(true).open(log)?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let end = Instant::now() + PATIENCE;
    loop {
        if UnixStream::connect(socket).is_ok() {
            return Ok(child);
        }
        if let Some(status) = child.try_wait()? {
            return Err(format!(
                "{} ended with {status}: see {}",
                program.display(),
                log.display()
            )
            .into());
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!(
                "{} does not listen on {}",
                program.display(),
                socket.display()
            )
            .into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
