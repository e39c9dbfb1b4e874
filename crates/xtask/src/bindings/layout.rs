// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A table of what Rust makes of each type and ioctl number, next to the C expressions
//! that must give the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quote::ToTokens;
use syn::{Fields, Item, Type};

/// Types by name, with the fields' names and types.
type Types = BTreeMap<String, (bool, Vec<(String, Type)>)>;

/// Where a walk through nested anonymous types is.
struct Place<'a> {
    /// The named type that C starts from.
    c: &'a str,
    /// The type that Rust starts from: another one inside an array.
    rust: &'a str,
    rust_path: String,
    c_path: String,
    /// Within C's type, where Rust's type begins.
    c_start: String,
}

pub(super) fn table(file: &syn::File, headers: &str) -> String {
    let types = types(file);
    let mut rows = String::new();
    for (name, (union_, _)) in &types {
        if name.starts_with("__Bindgen") || name.starts_with("__Incomplete") || is_anonymous(name) {
            continue;
        }
        let word = if *union_ { "union" } else { "struct" };
        let tag = format!("{word} {name}");
        // Some are known by a typedef only.
        let c = if has_tag(headers, &tag) { &tag } else { name };
        let _ = writeln!(rows, "    (\"sizeof({c})\", size_of::<{name}>()),");
        let _ = writeln!(rows, "    (\"_Alignof({c})\", align_of::<{name}>()),");
        let place = Place {
            c,
            rust: name,
            rust_path: String::new(),
            c_path: String::new(),
            c_start: String::new(),
        };
        fields(&types, name, &place, &mut rows);
    }
    for name in numbers(file) {
        let _ = writeln!(
            rows,
            "    (\"(unsigned long){name}\", ioctl_nr::{name} as usize),"
        );
    }
    format!(
        "use core::mem::offset_of;\n\nuse super::bindings::*;\n\n\
         #[rustfmt::skip]\npub const ROWS: &[(&str, usize)] = &[\n{rows}];\n"
    )
}

/// The numbers of ioctls.
fn numbers(file: &syn::File) -> impl Iterator<Item = &syn::Ident> {
    let modules = file.items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.ident == "ioctl_nr" => module.content.as_ref(),
        _ => None,
    });
    modules
        .flat_map(|(_, items)| items)
        .filter_map(|item| match item {
            Item::Const(item) => Some(&item.ident),
            _ => None,
        })
}

fn types(file: &syn::File) -> Types {
    let named = |fields: &syn::FieldsNamed| {
        let fields = fields.named.iter();
        fields
            .filter_map(|field| Some((field.ident.as_ref()?.to_string(), field.ty.clone())))
            .collect()
    };
    let mut types = Types::new();
    for item in &file.items {
        match item {
            Item::Struct(item) => {
                if let Fields::Named(list) = &item.fields {
                    types.insert(item.ident.to_string(), (false, named(list)));
                }
            }
            Item::Union(item) => {
                types.insert(item.ident.to_string(), (true, named(&item.fields)));
            }
            _ => {}
        }
    }
    types
}

fn is_anonymous(name: &str) -> bool {
    name.contains("__bindgen_ty_")
}

fn has_tag(headers: &str, tag: &str) -> bool {
    headers.match_indices(tag).any(|(at, _)| {
        let next = headers[at + tag.len()..].chars().next().unwrap_or(' ');
        !next.is_alphanumeric() && next != '_'
    })
}

fn fields(types: &Types, name: &str, place: &Place<'_>, rows: &mut String) {
    let Some((_, list)) = types.get(name) else {
        return;
    };
    for (field, kind) in list {
        if field.starts_with("_bitfield")
            || field.starts_with("__bindgen_padding")
            || field == "bindgen_union_field"
        {
            continue;
        }
        // Members without a name in C have one in Rust.
        let nameless = field.starts_with("__bindgen_anon_");
        let join = |path: &str, name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        let rust_path = join(&place.rust_path, field);
        let c_path = match nameless {
            true => place.c_path.clone(),
            // `type` is a word of Rust's.
            false => join(
                &place.c_path,
                field.trim_start_matches("r#").trim_end_matches('_'),
            ),
        };
        let text = kind.to_token_stream().to_string();
        if !nameless {
            let (c, rust) = (place.c, place.rust);
            let mut offset = format!("offsetof({c}, {c_path})");
            if !place.c_start.is_empty() {
                let _ = write!(offset, " - offsetof({c}, {})", place.c_start);
            }
            let _ = writeln!(rows, "    (\"{offset}\", offset_of!({rust}, {rust_path})),");
            if !text.starts_with("__IncompleteArrayField") {
                let _ = writeln!(
                    rows,
                    "    (\"sizeof((({c} *)0)->{c_path})\", size_of::<{text}>()),"
                );
            }
        }
        match kind {
            Type::Path(path) => {
                if let Some(inner) = path.path.get_ident().map(ToString::to_string)
                    && is_anonymous(&inner)
                {
                    let place = Place {
                        rust_path,
                        c_path,
                        c_start: place.c_start.clone(),
                        ..*place
                    };
                    fields(types, &inner, &place, rows);
                }
            }
            Type::Array(array) => {
                let inner = array.elem.to_token_stream().to_string();
                if is_anonymous(&inner) {
                    let first = format!("{c_path}[0]");
                    let place = Place {
                        c: place.c,
                        rust: &inner,
                        rust_path: String::new(),
                        c_path: first.clone(),
                        c_start: first,
                    };
                    fields(types, &inner, &place, rows);
                }
            }
            _ => {}
        }
    }
}
