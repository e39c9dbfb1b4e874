// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! From headers to Rust: bindgen's output, and what is changed in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use bindgen::{Builder, Formatter, RustEdition, RustTarget};
use syn::visit::Visit;
use syn::{Item, parse_quote};

use super::table::{Architecture, BINDINGS, Bindings};
use super::{layout, xen};
use crate::headers::{self, Lock, Source};
use crate::{Result, children, workspace};

pub(super) const LICENCE: &str = "// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause\n";
const NO_LIBCLANG: &str = "there is no libclang, which reads the headers: install it \
                           (Debian: apt-get install libclang-dev), or name its folder in LIBCLANG_PATH";

/// A file that is to be committed.
pub(super) struct Output {
    pub path: PathBuf,
    pub text: String,
}

pub(super) fn run(check: bool, name: Option<&str>) -> Result<bool> {
    let chosen: Vec<_> = BINDINGS
        .iter()
        .filter(|bindings| name.is_none_or(|name| name == bindings.name))
        .collect();
    let with_xen = name.is_none_or(|name| name == xen::NAME);
    if chosen.is_empty() && !with_xen {
        let mut names: Vec<_> = BINDINGS.iter().map(|bindings| bindings.name).collect();
        names.push(xen::NAME);
        return Err(format!(
            "--crate {}: has no generated bindings; choose of: {}",
            name.unwrap_or_default(),
            names.join(", ")
        )
        .into());
    }
    // bindgen would panic later, in the middle of a sentence.
    if let Err(error) = clang_sys::load() {
        return Err(format!("{NO_LIBCLANG}\n{error}").into());
    }
    let mut right = locked(&headers::LINUX, check)?;
    for bindings in chosen {
        for architecture in bindings.architectures {
            for output in of(bindings, architecture)? {
                right &= settle(&output, check)?;
            }
            for forgotten in forgotten(bindings, architecture)? {
                println!("{forgotten}");
                right = false;
            }
        }
    }
    if with_xen {
        right &= locked(&headers::XEN, check)?;
        right &= xen::run(check)?;
    }
    if check && !right {
        println!("run `cargo xtask bindings`, look at `git diff`, and commit it");
    }
    Ok(right)
}

/// Where an architecture of the table has to be named besides, and is not.
fn forgotten(bindings: &Bindings, architecture: &Architecture) -> Result<Vec<String>> {
    let module = architecture.module;
    let places = [
        (
            format!("crates/{}/src/lib.rs", bindings.name),
            format!("mod {module};"),
        ),
        (
            format!("crates/{}/tests/layout.rs", bindings.name),
            format!("agrees(\"{}\", {module}::rows::ROWS)", architecture.triple),
        ),
        ("ci/rust.json".to_owned(), architecture.rust.to_owned()),
    ];
    let mut forgotten = Vec::new();
    for (file, words) in places {
        if !fs::read_to_string(workspace::root().join(&file))?.contains(&words) {
            forgotten.push(format!(
                "{file}: has no `{words}`, which the table asks for"
            ));
        }
    }
    Ok(forgotten)
}

/// The headers are those that the lock file names.
fn locked(source: &Source, check: bool) -> Result<bool> {
    let lock = Lock::read(source)?;
    let folder = source.folder();
    let files = headers::hashes(&folder)?;
    if files == lock.files {
        return Ok(true);
    }
    let shown = folder.strip_prefix(workspace::root()).unwrap_or(&folder);
    let names: BTreeSet<_> = files.keys().chain(lock.files.keys()).collect();
    for name in names {
        if files.get(name) != lock.files.get(name) {
            println!(
                "{}/{name}: differs from what its lock file says",
                shown.display()
            );
        }
    }
    if check {
        return Ok(false);
    }
    println!("lock file updated: these headers are no longer the package's");
    lock.update(source)?;
    Ok(true)
}

/// Compares with what is committed, or writes it.
pub(super) fn settle(output: &Output, check: bool) -> Result<bool> {
    let shown = output
        .path
        .strip_prefix(workspace::root())
        .unwrap_or(&output.path);
    let old = fs::read_to_string(&output.path).unwrap_or_default();
    if old == output.text {
        println!("{}: as generated", shown.display());
        return Ok(true);
    }
    let differs = old
        .lines()
        .zip(output.text.lines())
        .position(|(old, new)| old != new)
        .unwrap_or_else(|| old.lines().count().min(output.text.lines().count()));
    if check {
        println!(
            "{}:{}: is not what the headers give",
            shown.display(),
            differs + 1
        );
        return Ok(false);
    }
    if let Some(folder) = output.path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&output.path, &output.text)
        .map_err(|error| format!("cannot write {}: {error}", output.path.display()))?;
    println!(
        "{}: written, changed from line {}",
        shown.display(),
        differs + 1
    );
    Ok(true)
}

fn of(bindings: &Bindings, architecture: &Architecture) -> Result<[Output; 2]> {
    let folder = workspace::root().join("crates").join(bindings.name);
    let mut file = syn::parse_file(&translate(bindings, architecture)?)?;
    let numbers = numbers(architecture)?;
    let structures = Structures::of(&file);
    let state: Vec<_> = bindings
        .state
        .iter()
        .chain(architecture.state)
        .copied()
        .collect();
    derives(&mut file, &structures, &state)?;
    prelude(&mut file);
    move_numbers(&mut file, &numbers);
    let note = format!(
        "{LICENCE}\n// Generated from <{}> for {}: change the generator (crates/xtask/src/bindings), \
         then run `cargo xtask bindings`.\n\n",
        bindings.header, architecture.module
    );
    Ok([
        Output {
            path: folder
                .join("src")
                .join(architecture.module)
                .join("bindings.rs"),
            text: format!("{note}{}", prettyplease::unparse(&file)),
        },
        Output {
            path: folder.join(format!("tests/layout/{}.rs", architecture.module)),
            text: format!(
                "{note}{}",
                layout::table(&file, &all_headers(architecture)?)
            ),
        },
    ])
}

/// bindgen's own output.
fn translate(bindings: &Bindings, architecture: &Architecture) -> Result<String> {
    let folder = headers::LINUX.folder();
    // The kernel's macro wraps a flexible array into an anonymous structure. Where it came into use
    // after programs had begun to use the array, a plain one keeps the shape that they know; the
    // layout is the same.
    let flat = bindings.flat.iter().map(|member| (member, "T m[0]"));
    let wrapped = bindings
        .wrapped
        .iter()
        .map(|member| (member, "struct { struct { } __empty_##m; T m[]; }"));
    let forms: String = flat
        .chain(wrapped)
        .map(|(member, form)| format!("#define FLEX_{member}(T, m) {form}\n"))
        .collect();
    let source = format!(
        "#include <linux/stddef.h>\n#undef __DECLARE_FLEX_ARRAY\n\
         #define __DECLARE_FLEX_ARRAY(T, m) FLEX_##m(T, m)\n{forms}#include <{}>\n",
        bindings.header
    );
    let target = RustTarget::stable(85, 0).map_err(|error| format!("{error}"))?;
    let scratch = children::scratch().ok_or("there is no folder for temporary files")?;
    // A file on the disk: the evaluation of macros does not see any other.
    let wrapper = scratch.join("wrapper.h");
    fs::write(&wrapper, source)?;
    let built = Builder::default()
        .header(wrapper.display().to_string())
        .clang_args([
            format!("--target={}", architecture.clang),
            // The host's own headers must not leak in.
            "-nostdinc".to_owned(),
            "-isystem".to_owned(),
            folder.display().to_string(),
            "-isystem".to_owned(),
            folder.join(architecture.triple).display().to_string(),
        ])
        .rust_target(target)
        .rust_edition(RustEdition::Edition2024)
        .use_core()
        .raw_line(architecture.extra)
        .impl_debug(true)
        .derive_default(true)
        .derive_partialeq(true)
        .impl_partialeq(true)
        // Sizes and offsets are proved against the C compiler, in a test.
        .layout_tests(false)
        // Without it, macros that need more than bindgen's own arithmetic are lost.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(scratch)
        .disable_header_comment()
        .formatter(Formatter::None)
        .generate()
        .map_err(|error| format!("bindgen, for {}: {error}", architecture.module))?;
    Ok(built.to_string())
}

/// The text of every header of an architecture.
fn all_headers(architecture: &Architecture) -> Result<String> {
    let folder = headers::LINUX.folder();
    let mut all = String::new();
    for name in headers::hashes(&folder)?.into_keys() {
        let other = BINDINGS
            .iter()
            .flat_map(headers::triples)
            .any(|triple| triple != architecture.triple && name.starts_with(triple));
        if !other {
            all += &fs::read_to_string(folder.join(name))?;
        }
    }
    Ok(all)
}

/// The names of all macros that are ioctl numbers.
fn numbers(architecture: &Architecture) -> Result<BTreeSet<String>> {
    let text = all_headers(architecture)?;
    let mut numbers = BTreeSet::new();
    for line in text.replace("\\\n", " ").lines() {
        let line = line.trim_start_matches(['#', ' ', '\t']);
        let Some(rest) = line.strip_prefix("define") else {
            continue;
        };
        let mut words = rest.split_whitespace();
        let (Some(name), Some(value)) = (words.next(), words.next()) else {
            continue;
        };
        let is_number = ["_IO(", "_IOR(", "_IOW(", "_IOWR("]
            .iter()
            .any(|macro_| value.starts_with(macro_));
        if is_number {
            numbers.insert(name.to_owned());
        }
    }
    Ok(numbers)
}

/// At the root, these would clash with the functions that programs name after them.
fn move_numbers(file: &mut syn::File, numbers: &BTreeSet<String>) {
    let (moved, kept): (Vec<_>, Vec<_>) =
        std::mem::take(&mut file.items)
            .into_iter()
            .partition(|item| match item {
                Item::Const(item) => numbers.contains(&item.ident.to_string()),
                _ => false,
            });
    file.items = kept;
    file.items.push(parse_quote! {
        /// The numbers of all ioctls, for filters of system calls.
        pub mod ioctl_nr {
            #(#moved)*
        }
    });
}

/// The structures and unions of a file, and which types they are made of.
struct Structures {
    parts: BTreeMap<String, BTreeSet<String>>,
    unions: BTreeSet<String>,
}

#[derive(Default)]
struct Names(BTreeSet<String>);

impl Visit<'_> for Names {
    fn visit_path_segment(&mut self, segment: &syn::PathSegment) {
        self.0.insert(segment.ident.to_string());
        syn::visit::visit_path_segment(self, segment);
    }
}

impl Structures {
    fn of(file: &syn::File) -> Self {
        let mut parts = BTreeMap::new();
        let mut unions = BTreeSet::new();
        for item in &file.items {
            let mut names = Names::default();
            let name = match item {
                Item::Struct(item) => {
                    names.visit_fields(&item.fields);
                    &item.ident
                }
                Item::Union(item) => {
                    unions.insert(item.ident.to_string());
                    names.visit_fields_named(&item.fields);
                    &item.ident
                }
                Item::Type(item) => {
                    names.visit_type(&item.ty);
                    &item.ident
                }
                _ => continue,
            };
            parts.insert(name.to_string(), names.0);
        }
        Self { parts, unions }
    }

    /// `name` and every type that it is made of.
    fn closure(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut left = vec![name.to_owned()];
        while let Some(name) = left.pop() {
            if let Some(parts) = self.parts.get(&name)
                && found.insert(name)
            {
                left.extend(parts.iter().cloned());
            }
        }
        found
    }

    /// Whether a value may have bytes that were never written. (Padding elsewhere is refused by the
    /// derive itself.)
    fn has_union(&self, name: &str) -> bool {
        !self.closure(name).is_disjoint(&self.unions)
    }
}

/// Every type that is serialised can be read from bytes; those without a union can be seen as bytes.
fn derives(file: &mut syn::File, structures: &Structures, state: &[&str]) -> Result<()> {
    let mut closure = BTreeSet::new();
    for name in state {
        if !structures.parts.contains_key(*name) {
            return Err(format!("{name} is no type of these headers: see table.rs").into());
        }
        closure.extend(structures.closure(name));
    }
    for item in &mut file.items {
        let (name, attributes) = match item {
            Item::Struct(item) if item.generics.params.is_empty() => {
                (item.ident.to_string(), &mut item.attrs)
            }
            Item::Union(item) => (item.ident.to_string(), &mut item.attrs),
            _ => continue,
        };
        if !closure.contains(&name) {
            continue;
        }
        attributes.push(if structures.has_union(&name) {
            parse_quote!(#[cfg_attr(feature = "serde", derive(zerocopy::FromBytes, zerocopy::Immutable))])
        } else {
            parse_quote!(
                #[cfg_attr(
                    feature = "serde",
                    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable)
                )]
            )
        });
    }
    Ok(())
}

/// bindgen's helpers, with what zerocopy asks of generic types.
fn prelude(file: &mut syn::File) {
    for item in &mut file.items {
        if let Item::Struct(item) = item
            && !item.generics.params.is_empty()
        {
            item.attrs
                .retain(|attribute| !attribute.path().is_ident("repr"));
            item.attrs.push(parse_quote!(#[repr(transparent)]));
            item.attrs.push(parse_quote!(
                #[cfg_attr(
                    feature = "serde",
                    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable)
                )]
            ));
        }
    }
}
