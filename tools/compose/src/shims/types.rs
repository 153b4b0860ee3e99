//! WIT types as wit-bindgen writes them in Rust: owned where a component exports, borrowed where it
//! calls an import.

use anyhow::{Result, bail};
use heck::ToUpperCamelCase;
use wit_parser::{Resolve, Type, TypeDefKind};

/// The owned type, named types as members of `module`.
pub fn owned_type(wit: &Resolve, ty: &Type, module: &str) -> Result<String> {
    let inner = |ty: &Type| owned_type(wit, ty, module);
    let name = match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "i8",
        Type::S16 => "i16",
        Type::S32 => "i32",
        Type::S64 => "i64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "String",
        Type::ErrorContext => bail!("an error-context cannot be sent"),
        Type::Id(id) => {
            let def = &wit.types[*id];
            if let Some(name) = &def.name {
                return Ok(format!("{module}::{}", name.to_upper_camel_case()));
            }
            return Ok(match &def.kind {
                TypeDefKind::List(ty) => format!("Vec<{}>", inner(ty)?),
                TypeDefKind::Option(ty) => format!("Option<{}>", inner(ty)?),
                TypeDefKind::Tuple(tuple) => {
                    let parts: Result<Vec<_>> = tuple.types.iter().map(inner).collect();
                    format!("({},)", parts?.join(", "))
                }
                TypeDefKind::Result(result) => {
                    let or_unit = |ty: &Option<Type>| ty.as_ref().map_or(Ok("()".into()), inner);
                    let (ok, error) = (or_unit(&result.ok)?, or_unit(&result.err)?);
                    format!("Result<{ok}, {error}>")
                }
                other => bail!("a value of the kind {other:?} cannot be sent"),
            });
        }
    };
    Ok(name.into())
}

/// The expression that passes the owned `variable` to an import.
pub fn import_argument(wit: &Resolve, ty: &Type, variable: &str) -> String {
    match ty {
        Type::Id(id) => match &wit.types[*id].kind {
            _ if is_copy(wit, ty) => variable.to_string(),
            TypeDefKind::Type(ty) => import_argument(wit, ty, variable),
            TypeDefKind::Option(Type::String) => format!("{variable}.as_deref()"),
            TypeDefKind::Option(_) => format!("{variable}.as_ref()"),
            // Lists, records and variants.
            _ => format!("&{variable}"),
        },
        Type::String => format!("&{variable}"),
        _ => variable.to_string(),
    }
}

fn is_copy(wit: &Resolve, ty: &Type) -> bool {
    match ty {
        Type::String | Type::ErrorContext => false,
        Type::Id(id) => match &wit.types[*id].kind {
            TypeDefKind::Type(ty) | TypeDefKind::Option(ty) => is_copy(wit, ty),
            TypeDefKind::Record(record) => {
                all_copy(wit, record.fields.iter().map(|field| &field.ty))
            }
            TypeDefKind::Variant(variant) => all_copy(
                wit,
                variant.cases.iter().filter_map(|case| case.ty.as_ref()),
            ),
            TypeDefKind::Tuple(tuple) => all_copy(wit, tuple.types.iter()),
            TypeDefKind::Result(result) => all_copy(wit, result.ok.iter().chain(&result.err)),
            TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => true,
            _ => false,
        },
        _ => true,
    }
}

fn all_copy<'a>(wit: &Resolve, mut types: impl Iterator<Item = &'a Type>) -> bool {
    types.all(|ty| is_copy(wit, ty))
}

/// The name and the kind of a type behind its aliases; nothing for a primitive type.
pub fn resolve_alias<'a>(wit: &'a Resolve, ty: &Type) -> Option<(&'a str, &'a TypeDefKind)> {
    let Type::Id(id) = ty else { return None };
    let def = &wit.types[*id];
    match &def.kind {
        TypeDefKind::Type(aliased) => resolve_alias(wit, aliased),
        kind => Some((def.name.as_deref().unwrap_or_default(), kind)),
    }
}
