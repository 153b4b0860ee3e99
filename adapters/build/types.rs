//! WIT types as wit-bindgen writes them in Rust: owned where a component exports, borrowed where it
//! calls an import.

use std::error::Error;

use heck::ToUpperCamelCase;
use wit_parser::{Resolve, Type, TypeDefKind};

type Text = Result<String, Box<dyn Error>>;

/// The owned type, named types as members of `module`.
pub fn owned(resolve: &Resolve, ty: &Type, module: &str) -> Text {
    let of = |ty: &Type| owned(resolve, ty, module);
    let primitive = |name: &str| Ok(name.to_string());
    match ty {
        Type::Bool => primitive("bool"),
        Type::U8 => primitive("u8"),
        Type::U16 => primitive("u16"),
        Type::U32 => primitive("u32"),
        Type::U64 => primitive("u64"),
        Type::S8 => primitive("i8"),
        Type::S16 => primitive("i16"),
        Type::S32 => primitive("i32"),
        Type::S64 => primitive("i64"),
        Type::F32 => primitive("f32"),
        Type::F64 => primitive("f64"),
        Type::Char => primitive("char"),
        Type::String => primitive("String"),
        Type::ErrorContext => Err("error-context is no value".into()),
        Type::Id(id) => {
            let def = &resolve.types[*id];
            if let Some(name) = &def.name {
                return Ok(format!("{module}::{}", name.to_upper_camel_case()));
            }
            Ok(match &def.kind {
                TypeDefKind::List(ty) => format!("Vec<{}>", of(ty)?),
                TypeDefKind::Option(ty) => format!("Option<{}>", of(ty)?),
                TypeDefKind::Tuple(tuple) => {
                    let parts = tuple.types.iter().map(of).collect::<Result<Vec<_>, _>>()?;
                    format!("({},)", parts.join(", "))
                }
                TypeDefKind::Result(result) => {
                    let or_unit = |ty: &Option<Type>| ty.as_ref().map_or(Ok("()".to_string()), of);
                    format!(
                        "Result<{}, {}>",
                        or_unit(&result.ok)?,
                        or_unit(&result.err)?
                    )
                }
                other => return Err(format!("{other:?} is no value that can be sent").into()),
            })
        }
    }
}

/// How an owned variable is given to an import.
pub fn given(resolve: &Resolve, ty: &Type, variable: &str) -> String {
    match ty {
        Type::Id(id) => match &resolve.types[*id].kind {
            _ if is_copy(resolve, ty) => variable.to_string(),
            TypeDefKind::Type(ty) => given(resolve, ty, variable),
            // Lists, records, variants; an option's content.
            TypeDefKind::Option(Type::String) => format!("{variable}.as_deref()"),
            TypeDefKind::Option(_) => format!("{variable}.as_ref()"),
            _ => format!("&{variable}"),
        },
        Type::String => format!("&{variable}"),
        _ => variable.to_string(),
    }
}

fn is_copy(resolve: &Resolve, ty: &Type) -> bool {
    match ty {
        Type::String | Type::ErrorContext => false,
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Type(ty) | TypeDefKind::Option(ty) => is_copy(resolve, ty),
            TypeDefKind::Record(record) => {
                all_copy(resolve, record.fields.iter().map(|field| &field.ty))
            }
            TypeDefKind::Variant(variant) => all_copy(
                resolve,
                variant.cases.iter().filter_map(|case| case.ty.as_ref()),
            ),
            TypeDefKind::Tuple(tuple) => all_copy(resolve, tuple.types.iter()),
            TypeDefKind::Result(result) => all_copy(resolve, result.ok.iter().chain(&result.err)),
            TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => true,
            _ => false,
        },
        _ => true,
    }
}

fn all_copy<'a>(resolve: &Resolve, mut types: impl Iterator<Item = &'a Type>) -> bool {
    types.all(|ty| is_copy(resolve, ty))
}

/// The definition behind a name and its aliases.
pub fn definition<'a>(resolve: &'a Resolve, ty: &Type) -> Option<(&'a str, &'a TypeDefKind)> {
    let Type::Id(id) = ty else { return None };
    let def = &resolve.types[*id];
    match &def.kind {
        TypeDefKind::Type(aliased) => definition(resolve, aliased),
        kind => Some((def.name.as_deref().unwrap_or_default(), kind)),
    }
}
