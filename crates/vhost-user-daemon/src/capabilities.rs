// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What management layers (libvirt and others) learn about a daemon before they start it, by the
//! conventions for backend programs in QEMU's vhost-user document: the answer to
//! `--print-capabilities`, and the file by which a program is found at all.
//!
//! The schema (`vhost-user.json`) names these device types: 9p, balloon, block, caif, console,
//! crypto, fs, gpu, input, net, rng, rpmsg, rproc-serial, scsi, vsock. A device that it does not
//! know goes by its name in the virtio specification. Features are the schema's names of optional
//! command-line flags, for example `no-grab` of `input`; most types have none.

use std::ffi::OsString;
use std::io::{self, Write};

use serde::Serialize;

#[derive(Serialize)]
struct Capabilities<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    features: &'a [&'a str],
}

/// The answer to `--print-capabilities` of a device of type `kind`.
pub fn json(kind: &str, features: &[&str]) -> String {
    pretty(&Capabilities { kind, features })
}

/// Writes the answer to `--print-capabilities` to standard output.
pub fn print(kind: &str, features: &[&str]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(json(kind, features).as_bytes())?;
    stdout.flush()
}

/// Whether `args`, a command line without the program's name, asks for the capabilities.
///
/// To be called before the arguments are parsed: the convention wants every other argument ignored,
/// so a missing or a misspelt one must not get in the way.
pub fn asked(args: impl IntoIterator<Item = OsString>) -> bool {
    args.into_iter()
        .take_while(|arg| arg != "--")
        .any(|arg| arg == "--print-capabilities")
}

/// The file by which a management layer finds a program, to be installed as
/// `/usr/share/qemu/vhost-user/50-NAME.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Description<'a> {
    /// For people.
    pub description: &'a str,
    /// As in [`json`].
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The program's absolute path.
    pub binary: &'a str,
    /// For debugging only: management layers ignore them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub tags: &'a [&'a str],
}

impl Description<'_> {
    /// The content of the file.
    pub fn json(&self) -> String {
        pretty(self)
    }
}

fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("strings and lists become JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn args(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn capabilities_have_a_type_and_features() {
        let parsed: Value = serde_json::from_str(&super::json("input", &["no-grab"])).unwrap();

        assert_eq!(parsed, json!({"type": "input", "features": ["no-grab"]}));
    }

    #[test]
    fn a_device_without_features_has_an_empty_list() {
        let parsed: Value = serde_json::from_str(&super::json("rng", &[])).unwrap();

        assert_eq!(parsed["features"], json!([]));
    }

    #[test]
    fn the_question_is_heard_between_unknown_arguments() {
        assert!(asked(args(&["--bogus", "--print-capabilities", "-c", "x"])));
    }

    #[test]
    fn other_arguments_are_not_the_question() {
        assert!(!asked(args(&["--print-capabilities=x", "-s", "print"])));
    }

    #[test]
    fn an_operand_is_not_the_question() {
        assert!(!asked(args(&["--", "--print-capabilities"])));
    }

    #[test]
    fn a_description_names_type_and_binary() {
        let description = Description {
            description: "vhost-user rng device",
            kind: "rng",
            binary: "/usr/libexec/vhost-device-rng",
            tags: &[],
        };

        let parsed: Value = serde_json::from_str(&description.json()).unwrap();

        assert_eq!(
            parsed,
            json!({
                "description": "vhost-user rng device",
                "type": "rng",
                "binary": "/usr/libexec/vhost-device-rng",
            })
        );
    }
}
