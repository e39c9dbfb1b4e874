// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Descriptions and the pipelines that they must give.
//!
//! `RUST_VMM_CI_BLESS=1 cargo test --package rust-vmm-ci` writes the pipelines anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const VARIABLES: &[&str] = &[
    "X86_LINUX_AGENT_TAGS",
    "AARCH64_LINUX_AGENT_TAGS",
    "DOCKER_PLUGIN_CONFIG",
    "TESTS_TO_SKIP",
    "TIMEOUTS_MIN",
    "DEFAULT_AGENT_TAG_HYPERVISOR",
    "RUST_VMM_CI_IMAGE",
    "RUST_VMM_CI_DOCKER_PLUGIN",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn pipeline(description: &str, args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rust-vmm-ci"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    command
        .args(["pipeline", "-t", description])
        .args(args)
        .envs(environment.iter().copied())
        .current_dir(folder())
        .output()
        .unwrap()
}

fn compare(output: &Output, expected: &str) {
    let file = folder().join(expected);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    if std::env::var_os("RUST_VMM_CI_BLESS").is_some() {
        fs::write(&file, text.as_bytes()).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&file).unwrap(), "{expected}");
}

#[test]
fn every_key_of_a_description_comes_out_in_its_place() {
    let output = pipeline("keys.json", &["-p", "three.platform"], &[]);

    compare(&output, "keys.yaml");
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.contains("step `everything`: key `retry` is not passed on"),
        "{notes}"
    );
}

#[test]
fn memory_variants_come_out_as_a_step_each() {
    compare(&pipeline("memory.json", &[], &[]), "memory.yaml");
}

#[test]
fn without_a_platform_file_riscv64_is_left_out() {
    compare(&pipeline("keys.json", &[], &[]), "two-platforms.yaml");
}

#[test]
fn the_environment_overrides_agents_containers_timeouts_and_skips() {
    let environment = [
        (
            "X86_LINUX_AGENT_TAGS",
            r#"{"tests": ["unit"], "cfg": {"queue": "fast", "os": "linux"}}"#,
        ),
        (
            "AARCH64_LINUX_AGENT_TAGS",
            r#"{"tests": ["unit"], "cfg": {"size": "big"}}"#,
        ),
        (
            "DOCKER_PLUGIN_CONFIG",
            r#"{"tests": ["unit"], "cfg": {"devices": ["/dev/kvm"], "image": "own:1"}}"#,
        ),
        ("TESTS_TO_SKIP", r#"["style"]"#),
        ("TIMEOUTS_MIN", r#"{"unit": 45}"#),
        ("DEFAULT_AGENT_TAG_HYPERVISOR", "mshv"),
    ];

    let output = pipeline("overrides.json", &["-p", "three.platform"], &environment);

    compare(&output, "overrides.yaml");
}

#[test]
fn image_and_plugin_version_are_settings() {
    let args = [
        "--image",
        "own/dev:7",
        "--docker-plugin",
        "v6.0.0",
        "-p",
        "three.platform",
    ];

    let output = pipeline("overrides.json", &args, &[]);

    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("docker#v6.0.0:"), "{text}");
    assert!(text.contains("image: own/dev:7\n"), "{text}");
    assert!(text.contains("image: own/dev:7-riscv\n"), "{text}");
    assert!(!text.contains("rustvmm"), "{text}");
}

#[test]
fn several_descriptions_follow_each_other() {
    let output = pipeline("memory.json", &["-t", "overrides.json"], &[]);

    let text = String::from_utf8(output.stdout).unwrap();
    let memory = text.find("label: clippy-x86_64-mmap").unwrap();
    let unit = text.find("label: unit-x86_64").unwrap();
    assert!(memory < unit, "{text}");
}

#[test]
fn a_wrong_description_is_refused_with_file_step_and_key() {
    let output = pipeline("wrong.json", &[], &[]);

    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        error,
        "rust-vmm-ci: wrong.json: step 2 (`second`): key `platform`: must be a list, as in \
         [\"aarch64\"], and is a string\n"
    );
}

#[test]
fn a_missing_description_is_refused_with_its_name() {
    let output = pipeline("nowhere.json", &[], &[]);

    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("cannot read nowhere.json"), "{error}");
}

#[test]
fn a_wrong_variable_is_refused_with_its_name() {
    let output = pipeline("memory.json", &[], &[("TIMEOUTS_MIN", "[\"unit\": 30]")]);

    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("TIMEOUTS_MIN"), "{error}");
}

#[test]
fn a_selective_pipeline_has_a_step_for_each_crate_that_runs_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
    );
    for name in ["beta", "alpha"] {
        let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
        write(&format!("crates/{name}/Cargo.toml"), &manifest);
        write(&format!("crates/{name}/src/lib.rs"), "");
    }
    write("crates/alpha/.platform", "aarch64\n");
    write(
        "crates/beta/.buildkite/test_description.json",
        r#"{"tests": [{"test_name": "own", "command": "ls {crate_path}"}]}"#,
    );
    write(
        "steps.json",
        r#"{"tests": [
            {"test_name": "unit", "command": "cargo test -p {crate}", "platform": ["x86_64", "aarch64"]},
            {"test_name": "style", "command": "cargo fmt", "scope": "workspace"}]}"#,
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_rust-vmm-ci"));
    for name in VARIABLES {
        command.env_remove(name);
    }

    let output = command
        .args([
            "pipeline",
            "-t",
            "steps.json",
            "--workspace-selective",
            "True",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();

    let text = String::from_utf8(output.stdout).unwrap();
    let labels: Vec<_> = text
        .lines()
        .filter(|line| line.contains("label: "))
        .collect();
    assert_eq!(
        labels,
        [
            "- label: \"alpha: unit-aarch64\"",
            "- label: \"beta: unit-x86_64\"",
            "- label: \"beta: unit-aarch64\"",
            "- label: style",
            "- label: \"beta: own\"",
        ]
    );
    assert!(text.contains("command: cargo test -p alpha\n"), "{text}");
    assert!(text.contains("command: ls crates/beta\n"), "{text}");
    assert_eq!(text.matches("if_changed:").count(), 4, "{text}");
}
