// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The images behind the guest's disks, and the operator who adds and removes one.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::stage::Stage;
use crate::Result;

pub(crate) const DAEMON: &[&str] = &[
    "--control",
    "{dir}/control",
    "--disk",
    "target=0,lun=0,serial=guest-0,path={kept}/first.img",
];

pub(crate) const PROGRAMS: &[&str] = &[
    "e2fsck",
    "fio",
    "iscsi-test-cu",
    "mkfs.ext4",
    "sg_inq",
    "sg_luns",
    "sg_opcodes",
    "sg_persist",
    "sg_readcap",
    "sg_sync",
    "sg_turs",
    "sg_verify",
    "sg_vpd",
    "sg_write_same",
];

const FIRST: u64 = 256 << 20;
const SECOND: u64 = 32 << 20;
/// With 65536 blocks libiscsi would read as many at once, which is more than Linux lets it.
const THIRD: u64 = 16 << 20;

/// How long the daemon may take for a command.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sparse, so that what is allocated is what the guest wrote.
pub(crate) fn images(kept: &Path) -> Result<()> {
    File::create(kept.join("first.img"))?.set_len(FIRST)?;
    File::create(kept.join("second.img"))?.set_len(SECOND)?;
    File::create(kept.join("third.img"))?.set_len(THIRD)?;
    Ok(())
}

pub(crate) fn answer(stage: &Stage, words: &[&str]) -> Result<String> {
    match *words {
        ["add", target, image] => {
            let image = stage.kept.join(format!("{image}.img"));
            control(
                stage,
                &json!({"command": "add", "image": image, "target": number(target)?, "lun": 0}),
            )
        }
        ["remove", target] => control(
            stage,
            &json!({"command": "remove", "target": number(target)?, "lun": 0}),
        ),
        ["resize", target, size] => control(
            stage,
            &json!({"command": "resize", "target": number(target)?, "size": number(size)?}),
        ),
        // KiB that the first image occupies on the host's disk.
        ["allocated"] => {
            let data = fs::metadata(stage.kept.join("first.img"))?;
            Ok((data.blocks() / 2).to_string())
        }
        _ => Err(format!("nobody here answers {words:?}").into()),
    }
}

fn number(text: &str) -> Result<u64> {
    Ok(text.parse()?)
}

fn control(stage: &Stage, command: &Value) -> Result<String> {
    let mut stream = UnixStream::connect(stage.dir.join("control"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "{command}")?;
    let mut said = String::new();
    BufReader::new(stream).read_line(&mut said)?;
    let answer: Value = serde_json::from_str(&said)?;
    match answer["ok"] {
        Value::Bool(true) => Ok(String::new()),
        _ => Err(format!("{command}: {}", said.trim_end()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_images_have_their_size_and_occupy_next_to_nothing() {
        let dir = tempfile::tempdir().unwrap();
        images(dir.path()).unwrap();
        let stage = Stage::new(dir.path().into(), dir.path().into());

        let data = fs::metadata(dir.path().join("first.img")).unwrap();
        assert_eq!(data.len(), FIRST);
        let kib: u64 = answer(&stage, &["allocated"]).unwrap().parse().unwrap();
        assert!(kib < 64, "{kib}");
    }
}
